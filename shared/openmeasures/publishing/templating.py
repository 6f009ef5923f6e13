"""The templates of pages, cards and icons, which lie in `templates/`; a name that is not given is an error."""

import jinja2

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("openmeasures.publishing"), undefined=jinja2.StrictUndefined, trim_blocks=True,
    lstrip_blocks=True, autoescape=False, keep_trailing_newline=True,
)  # fmt: skip
