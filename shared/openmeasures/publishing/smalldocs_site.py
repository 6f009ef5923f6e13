"""Renders a site by smalldocs without the scripts that `_quarto.yml` names, in a process of its own.

The pages are written before, and the second script is for Quarto's own output. smalldocs tells its scripts all pages
in one variable of the environment, which no system takes of some 3,000 pages (Linux: 128 KB a variable).
"""

import sys

from smalldocs.config import BuildError, ConfigError, load
from smalldocs.site import Site

SCRIPTS = ("pre-render", "post-render")


def main(folder: str) -> None:
    """Render the project in `folder`, and print what smalldocs warns of; ends with 1 where it cannot."""
    try:
        project = load(folder)
        for script in SCRIPTS:
            project.project.pop(script, None)
        site = Site(project, quiet=True)
        site.build()
    except (BuildError, ConfigError) as error:
        sys.exit(f"smalldocs: {error}")
    for warning in site.warnings:
        sys.stderr.write(f"warning: {warning}\n")


if __name__ == "__main__":  # pragma: no cover - in a process of its own
    main(sys.argv[1])
