"""The package's own documentation: a page for each group of modules, from their docstrings.

Docstrings are Markdown; they become HTML here, so that both renderers show the same. A name in them that is documented
leads to where it is. The code is read and not imported, and no run is needed.

| name | what |
|---|---|
| `write` | writes the pages |
| `groups` | what they show |
| `html` | a docstring as HTML |
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

import griffe
from markdown_it import MarkdownIt

from openmeasures.publishing import boxes
from openmeasures.publishing.origins import Origins
from openmeasures.publishing.writer import Pages

PACKAGE = "openmeasures"
FOLDER = "package"  # of the pages; `reference/` holds data
TOP = "modules"  # the page of the modules that are in no group
_EXAMPLE = re.compile(r"^(>>> .*(?:\n.+)*)", re.MULTILINE)
LINE = 88  # letters of a signature that fit beside the table of contents
_NAME = re.compile(r"<code>([A-Za-z_][\w.]*)</code>")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class Item:
    """A function, a class or a member of one: its place on the page, how it is called, and its docstring as HTML."""

    anchor: str
    name: str
    signature: str
    text: str
    members: list["Item"]


@dataclass(frozen=True)
class Module:
    """One module: its name within the group, its file, the first line of its docstring, all of it, and its items."""

    name: str
    file: str
    summary: str
    text: str
    items: list[Item]


@dataclass(frozen=True)
class Group:
    """One page: a folder of modules, or those at the top."""

    name: str
    title: str
    summary: str
    text: str
    modules: list[Module]


def write(pages: Pages, origins: Origins) -> None:
    """Write a page for each group, and one that lists them."""
    for group in groups():
        pages.render(f"{FOLDER}/{group.name}.qmd", "documentation.qmd.jinja", up="../", group=group, origins=origins)
    pages.render(f"{FOLDER}/index.qmd", "documentation_index.qmd.jinja", up="../", groups=groups(), origins=origins)


@cache  # the code does not change while it runs, and to read it takes a second
def groups() -> list[Group]:
    """Return the package's modules with all that they say of themselves, those at the top first."""
    source = Path(__file__).parents[2]
    package = cast(griffe.Module, griffe.load(PACKAGE, search_paths=[source], allow_inspection=False))
    modules = {name: module for name, module in sorted(package.modules.items()) if not name.startswith("_")}
    folders = {name: module for name, module in modules.items() if module.is_package or module.is_subpackage}
    alone = {name: module for name, module in modules.items() if name not in folders}
    known = _addresses(TOP, alone)
    for name, folder in folders.items():
        known |= _addresses(name, folder.modules)
    first = Group(
        TOP, PACKAGE, "What the notebooks call, and what the rest rests on.", "",
        [_module(TOP, each, known) for each in alone.values()],
    )  # fmt: skip
    return [first, *(_group(name, folder, known) for name, folder in folders.items())]


def _addresses(group: str, modules: dict[str, griffe.Module]) -> dict[str, str]:
    """Return where each module and each of its public names is, by `group.module` and `group.module.name`."""
    found = {}
    for module_name, module in modules.items():
        found[f"{group}.{module_name}"] = f"{group}.html#{module_name}"
        for name in _public(module):
            found[f"{group}.{module_name}.{name}"] = f"{group}.html#{module_name}.{name}"
    return found


def _group(name: str, folder: griffe.Module, known: dict[str, str]) -> Group:
    of_it = [module for _, module in sorted(folder.modules.items())]
    text = _docstring(folder)
    return Group(
        name, f"{PACKAGE}.{name}", _summary(text), html(text.partition("\n\n")[2], _finder(name, "", known)),
        [_module(name, each, known) for each in of_it],
    )  # fmt: skip


def _module(group: str, module: griffe.Module, known: dict[str, str]) -> Module:
    find = _finder(group, module.name, known)
    items = [_item(module.name, each, find) for each in _public(module).values()]
    text = _docstring(module)
    file = f"shared/{module.path.replace('.', '/')}.py"
    return Module(module.name, file, _summary(text), html(text, find), items)


def _public(module: griffe.Module | griffe.Class) -> dict[str, griffe.Function | griffe.Class]:
    """Return the functions and classes that are defined in a module, or a class, for others to use."""
    return {
        name: member
        for name, member in module.members.items()
        if not name.startswith("_") and isinstance(member, griffe.Function | griffe.Class)
    }


def _item(prefix: str, member: griffe.Function | griffe.Class, find: Callable[[str], str]) -> Item:
    anchor = f"{prefix}.{member.name}"
    if isinstance(member, griffe.Function):
        return Item(anchor, member.name, _call(member), html(_docstring(member), find), [])
    inner = [_item(anchor, each, find) for each in _public(member).values()]
    inner += [
        Item(f"{anchor}.{name}", name, f"{name}: {each.annotation}", html(_docstring(each), find), [])
        for name, each in member.members.items()
        if isinstance(each, griffe.Attribute) and "property" in each.labels and not name.startswith("_")
    ]
    return Item(anchor, member.name, _class(member), html(_docstring(member), find), inner)


def _call(function: griffe.Function) -> str:
    """Return a function's signature, a line for each argument where it is long."""
    short = function.signature()
    if len(short) <= LINE:
        return short
    head, arrow, returned = short.rpartition(") -> ")
    name, _, arguments = (head if arrow else short.removesuffix(")")).partition("(")
    return "\n".join(
        [f"{name}(", *(f"    {each}," for each in _split(arguments)), f"{arrow or ')'}{returned if arrow else ''}"]
    )


def _split(arguments: str) -> list[str]:
    """Split arguments at the commas between them, and not at those within a type.

    >>> _split("a: dict[str, int], *, b: str = ''")
    ['a: dict[str, int]', '*', "b: str = ''"]
    """
    depth, found = 0, [""]
    for letter in arguments:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            found.append("")
        else:
            found[-1] += letter
    return [each.strip() for each in found]


def _class(member: griffe.Class) -> str:
    """Return the first line of a class, and its fields with their types."""
    bases = ", ".join(str(base) for base in member.bases)
    fields = [
        f"    {name}: {each.annotation}"
        for name, each in member.members.items()
        if isinstance(each, griffe.Attribute) and each.annotation and "property" not in each.labels
    ]
    return "\n".join([f"class {member.name}{f'({bases})' if bases else ''}", *fields])


def _docstring(member: griffe.Object) -> str:
    return member.docstring.value if member.docstring else ""


def _summary(text: str) -> str:
    return text.partition("\n\n")[0].replace("\n", " ")


def _finder(group: str, module: str, known: dict[str, str]) -> Callable[[str], str]:
    """Return where to look a name up that is used in a module: its own, its group's, then those at the top."""

    def find(name: str) -> str:
        name = name.removeprefix(f"{PACKAGE}.")
        tried = (f"{group}.{module}.{name}", f"{group}.{name}", f"{TOP}.{name}", name)
        return next((known[each] for each in tried if each in known), "")

    return find


def html(text: str, find: Callable[[str], str]) -> str:
    """Return a docstring as HTML; `find` gives the address of a name, or nothing.

    >>> html("Gives `x`, as `y` does.", {"x": "a.html#x"}.get).strip()
    '<p>Gives <a href="a.html#x"><code>x</code></a>, as <code>y</code> does.</p>'
    """
    fenced = _EXAMPLE.sub(r"```python\n\1\n```", text)

    def linked(match: re.Match[str]) -> str:
        address = find(match[1])
        return f'<a href="{address}">{match[0]}</a>' if address else match[0]

    shown = boxes.around_tables(_NAME.sub(linked, _MARKDOWN.render(fenced)), label="Table")
    return re.sub(r"\n{2,}", "\n", shown)
