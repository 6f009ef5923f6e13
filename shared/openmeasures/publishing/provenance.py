"""Where a page comes from: the commit and the packages that made it."""

import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("openmeasures", "polars", "altair", "papermill")  # what a figure or a chart depends on


@cache
def commit(folder: Path) -> str:
    """Return the commit of the checkout that holds `folder`, marked where files differ from it; empty without git."""
    try:
        head = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):  # a download instead of a clone, or no git on this machine
        return ""
    return f"{head}, with local changes" if changed else head


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@cache  # asked for each page, and each time it would be read from the packages' files
def environment() -> str:
    """Return the versions of the packages that figures and charts depend on."""
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)
