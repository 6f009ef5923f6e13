"""What is in a folder, but for what editors, Jupyter and Python leave there beside it.

| function | gives |
|---|---|
| `files` | each file below a folder, by its path |
| `is_litter` | whether a name is of what somebody's tools left |
"""

from pathlib import Path

# Hidden files (`.git`, `.measure.yml.swp`), what Emacs saves meanwhile (`#measure.yml#`), locks of office programs
# (`~$counts.xlsx`) and copies of what a file was before (`measure.yml~`).
FIRST, LAST = (".", "#", "~"), "~"
BYTECODE = "__pycache__"


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name is one that tools leave behind, and nobody means to be read.

    >>> [name for name in ("measure.yml", "measure.yml~", ".measure.yml.swp", "#measure.yml#") if is_litter(name)]
    ['measure.yml~', '.measure.yml.swp', '#measure.yml#']
    """
    return name.startswith(FIRST) or name.endswith(LAST) or name == BYTECODE


def files(folder: Path) -> dict[str, Path]:
    """Return each file below a folder by its path from there, with `/`, sorted; litter is left out."""
    found = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name.as_posix(): path for name, path in found.items() if not any(map(is_litter, name.parts))}
