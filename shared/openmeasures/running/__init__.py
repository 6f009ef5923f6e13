"""From a plan to executed notebooks: one papermill run for each organisation, and a record of each."""
