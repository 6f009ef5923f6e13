"""From a plan to executed notebooks: one papermill run for each organisation, and a record of each."""

import papermill  # noqa: F401 - first of all, since it loads `engine` while it is being imported
