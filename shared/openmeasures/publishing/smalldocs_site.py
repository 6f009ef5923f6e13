"""Renders a site by smalldocs into a folder of our choice, in a process of its own.

The scripts that `_quarto.yml` names are left out: the pages are written before, and the second script is for Quarto's
own output. smalldocs tells its scripts all pages in one variable of the environment, which no system takes of some
3,000 pages (Linux: 128 KB a variable).

smalldocs empties its `output-dir` first. That is where a site has to stay until the new one is whole, so that it writes
elsewhere; what it refuses to empty, as a folder that is no site, is not to be replaced either.
"""

import sys
from pathlib import Path

from smalldocs.config import BuildError, ConfigError, load
from smalldocs.site import Site

from openmeasures.errors import StoreError
from openmeasures.turn import writing

SCRIPTS = ("pre-render", "post-render")
OUTPUTS = {"_build", "_preview", "_site"}  # also as _site.old; see replacement


class _Site(Site):  # type: ignore[misc] # carries no types
    def walk_all(self) -> list[Path]:
        """Return what may be a resource: nothing of an earlier site or a preview, which have a `feed.xml` too."""
        tops = {path: path.relative_to(self.root).parts[0] for path in super().walk_all()}
        return [path for path, top in tops.items() if top.split(".")[0] not in OUTPUTS]


def main(folder: str, to: str) -> None:
    """Render the project in `folder` into `to`, and print what smalldocs warns of; ends with 1 where it cannot."""
    try:
        project = load(folder)
        for script in SCRIPTS:
            project.project.pop(script, None)
        site = _Site(project, quiet=True)
        site.check_output()
        site.out = Path(to)
        with writing(site.out):
            site.build()
    except (BuildError, ConfigError) as error:
        sys.exit(f"smalldocs: {error}")
    except StoreError as error:
        sys.exit(str(error))
    for warning in site.warnings:
        sys.stderr.write(f"warning: {warning}\n")


if __name__ == "__main__":  # pragma: no cover - in a process of its own
    main(*sys.argv[1:])
