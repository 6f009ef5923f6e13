"""Which modules a notebook needs, found by reading a package made for the purpose, and our own."""

import nbformat
import pytest

from openmeasures import definitions, imports
from openmeasures.errors import DefinitionError

PACKAGE = {
    "__init__.py": "",
    "plain.py": "import polars\nVALUE = 1\n",
    "other.py": "",
    "chain.py": "from openmeasures import plain\n",
    "late.py": "def f():\n    from openmeasures.deep.inner import g\n    return g\n",
    "ring.py": "import openmeasures.chain\nfrom openmeasures.ring import x\n",
    "deep/__init__.py": "from .sibling import s\n",
    "deep/sibling.py": "from ..plain import VALUE as s\n",
    "deep/inner.py": "g = 1\n",
}


@pytest.fixture
def needed(tmp_path, monkeypatch):
    """Return what a notebook of the given cells needs of the package above."""
    for name, source in PACKAGE.items():
        path = tmp_path / "openmeasures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    monkeypatch.setattr(imports, "_root", lambda: tmp_path)
    notebook = tmp_path / "n.ipynb"

    def of(*cells, also=()):
        made = [nbformat.v4.new_markdown_cell("import openmeasures.other"), *map(nbformat.v4.new_code_cell, cells)]
        nbformat.write(nbformat.v4.new_notebook(cells=made), notebook)
        return [name.removeprefix("openmeasures.") for name in imports.modules(notebook, also=also)]

    return of


@pytest.mark.parametrize(
    ("cell", "modules"),
    [
        ("x = 1", []),
        ("import polars as pl", []),
        ("import openmeasures", ["openmeasures"]),
        ("import openmeasures.plain", ["openmeasures", "plain"]),
        ("from openmeasures import plain, other", ["openmeasures", "other", "plain"]),
        ("from openmeasures.plain import VALUE", ["openmeasures", "plain"]),
        ("from openmeasures import chain", ["openmeasures", "chain", "plain"]),
        ("from openmeasures import ring", ["openmeasures", "chain", "plain", "ring"]),
        ("from openmeasures import late", ["openmeasures", "deep", "deep.inner", "deep.sibling", "late", "plain"]),
        ("from openmeasures import nowhere", ["openmeasures"]),
    ],
)
def test_what_is_imported_and_what_that_imports(needed, cell, modules):
    assert needed(cell) == modules


def test_cells_are_taken_together_with_what_is_named_beside_them(needed):
    assert needed("import openmeasures.other", "import openmeasures.plain", also=["openmeasures.deep.inner"]) == [
        "openmeasures", "deep", "deep.inner", "deep.sibling", "other", "plain",
    ]  # fmt: skip


def test_a_module_that_changes_what_it_imports_is_read_again(needed, tmp_path):
    assert needed("import openmeasures.plain") == ["openmeasures", "plain"]
    (tmp_path / "openmeasures" / "plain.py").write_text("import openmeasures.other\n", encoding="utf-8")
    assert needed("import openmeasures.plain") == ["openmeasures", "other", "plain"]


def test_files_beside_modules_are_their_data_but_for_modules_packages_and_litter(needed, tmp_path):
    needed()
    package = tmp_path / "openmeasures"
    for name in ("deep/fonts.conf", "deep/fonts/a.ttf", "deep/fonts.conf~", "deep/__pycache__/inner.pyc", "top.csv"):
        path = package / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("", encoding="utf-8")
    assert imports.data(imports.closure(["openmeasures.plain"])) == {"openmeasures/top.csv": package / "top.csv"}
    assert list(imports.data(imports.closure(["openmeasures.deep"]))) == [
        "openmeasures/deep/fonts/a.ttf", "openmeasures/deep/fonts.conf", "openmeasures/top.csv",
    ]  # fmt: skip


def test_every_measure_needs_the_fonts_of_its_charts_and_no_page_s_template():
    for measure in definitions.load_all():
        data = imports.data(imports.modules(measure.folder / "notebook.ipynb"))
        assert list(data) == ["openmeasures/charts/fonts.conf"]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("if (:", "line 1: 'if (:' is not Python (invalid syntax)."),
        ("x = 1\n%matplotlib inline", "line 2: '%matplotlib inline' is not Python (invalid syntax)."),
        ("!ls", "line 1: '!ls' is not Python (invalid syntax)."),
        ("%%bash\nls", "line 1: '%%bash' is not Python (invalid syntax)."),
        ("def f():", "line 1: 'def f():' is not Python (expected an indented block after function definition"),
        ('x = """', "is not Python (unterminated triple-quoted string literal (detected at line "),
        ("x = 1\0", "is not Python (source code string cannot contain null bytes)."),
    ],
)
def test_a_cell_that_is_no_python_is_named_in_one_line(needed, cell, said):
    with pytest.raises(DefinitionError) as refusal:
        needed("x = 1", cell)
    first, _, rest = str(refusal.value).partition(": ")
    assert first.endswith("n.ipynb")
    assert rest.startswith("code cell 2 (id '")
    assert said in rest
    assert rest.endswith(" Correct it; a magic or a shell command, such as `%time` or `!ls`, take out.")
    assert "\n" not in rest


def test_a_measure_needs_its_methods_and_not_those_of_others():
    ambulance, rtt = (imports.modules(definitions.find(id_).folder / "notebook.ipynb") for id_ in (
        "ambulance_category_2", "rtt_18_weeks",
    ))  # fmt: skip
    assert {"openmeasures.methods.spc", "openmeasures.words", "openmeasures.charts.output"} <= set(ambulance) & set(rtt)
    assert "openmeasures.breakdown" in rtt
    assert "openmeasures.breakdown" not in ambulance
    assert not [name for name in {*ambulance, *rtt} if name.startswith(("openmeasures.publishing", "openmeasures.cli"))]
