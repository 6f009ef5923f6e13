"""Which of the package's modules a notebook or a module needs: those that it imports, and those that these import.

Found by reading, not by running: imports inside functions count, and what is imported by a name made at run time does
not. A module that only other measures import is left out, so that a change there reruns nothing here.

| function | gives |
|---|---|
| `modules` | the modules that a notebook needs |
| `closure` | the modules that some modules need |
| `data` | the files beside modules that they may read |
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from openmeasures import cells, folders
from openmeasures.errors import DefinitionError

PACKAGE = "openmeasures"
INIT = "__init__.py"


def modules(notebook: Path, *, also: Iterable[str] = ()) -> dict[str, Path]:
    """Return the modules of this package that a notebook needs, by name, with those named in `also`.

    Raises `DefinitionError` as `cells.read` does, and for a code cell that is not Python, magics and shell commands
    included: what these read cannot be told before they run, so that nobody would know when to run them again.
    """
    found = [*also]
    for number, cell in enumerate((cell for cell in cells.read(notebook) if cell.kind == "code"), start=1):
        try:
            found += _imported(cell.source, "__main__")
        except SyntaxError as error:
            line = (cell.source.split("\n")[error.lineno - 1 :] or [""])[0] if error.lineno else ""
            raise DefinitionError(
                f"{notebook}: code cell {number} (id {cell.id!r}), line {error.lineno or 1}: {line.strip()!r} is not "
                f"Python ({error.msg}). Correct it; a magic or a shell command, such as `%time` or `!ls`, take out."
            ) from error
    return closure(found)


def closure(names: Iterable[str]) -> dict[str, Path]:
    """Return the modules of this package among `names`, and all that they need, by name."""
    found: dict[str, Path] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if path is None or name in found:
            continue
        found[name] = path
        waiting += [*_parents(name), *_imported_by(path, name)]
    return dict(sorted(found.items()))


def data(modules_: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files that lie beside these modules and are no modules, such as a configuration, by their own path.

    They are those of the modules' folders and of folders in these, packages left out, whose modules are others. Which
    of them a module reads is not looked at.
    """
    lying = (path for folder in {path.parent for path in modules_.values()} for path in _lying_in(folder))
    return {path.relative_to(_root()).as_posix(): path for path in sorted(lying)}


def _lying_in(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if folders.is_litter(path.name):
            continue
        if path.is_dir():
            if not (path / INIT).is_file():
                yield from _lying_in(path)
        elif path.suffix != ".py":
            yield path


@cache
def _root() -> Path:
    return Path(__file__).resolve().parents[1]


def _path(name: str) -> Path | None:
    """Return a module's file; None for a name inside a module, or a module of another package."""
    if name.split(".", maxsplit=1)[0] != PACKAGE:
        return None
    base = _root().joinpath(*name.split("."))
    for path in (base / INIT, base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _parents(name: str) -> list[str]:
    """Return the packages that Python imports before a module."""
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _imported_by(path: Path, name: str) -> list[str]:
    stat = path.stat()
    return _read(path, name, stat.st_mtime_ns, stat.st_size)


@cache  # by what a file was when it was read: twelve measures share most of their modules
def _read(path: Path, name: str, mtime: int, size: int) -> list[str]:
    package = name if path.name == INIT else name.rpartition(".")[0]
    return list(_imported(path.read_text(encoding="utf-8"), package))


def _imported(source: str, package: str) -> Iterator[str]:
    """Yield every name that may be a module: of `from a import b`, both `a` and `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(filter(None, [above, node.module]))
            yield base
            yield from (f"{base}.{each.name}" for each in node.names)
