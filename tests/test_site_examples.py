"""Code on the methods pages runs on the sample and prints what the page says."""

import contextlib
import io
import re
from pathlib import Path

import pytest

METHODS = Path(__file__).parents[1] / "site" / "methods"
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(METHODS.glob("*.qmd"))}
EXAMPLES = [(name, *found) for name, text in PAGES.items() for found in EXAMPLE.findall(text)]


def test_every_block_of_code_is_an_example_with_its_output():
    blocks = sum(text.count("```python") for text in PAGES.values())
    assert blocks == len(EXAMPLES) > 0


@pytest.mark.parametrize(("name", "code", "printed"), EXAMPLES, ids=[name for name, *_ in EXAMPLES])
def test_an_example_prints_what_the_page_says(name, code, printed):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    assert out.getvalue() == printed, name
