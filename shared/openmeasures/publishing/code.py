"""Code as pages show it: coloured by Pygments, each piece once, since every organisation's page has the same."""

from functools import cache

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

PREFIX = "om-py-"  # before Pygments' short names of tokens, which `site/assets/openmeasures.css` colours


@cache
def coloured(code: str) -> str:
    """Return Python code as the HTML inside `<code>`, with no blank line, at which Markdown would end it.

    >>> coloured("x = 1")
    '<span class="om-py-n">x</span> <span class="om-py-o">=</span> <span class="om-py-mi">1</span>'
    """
    html: str = highlight(code.strip(), PythonLexer(), HtmlFormatter(nowrap=True, classprefix=PREFIX))
    return html.strip().replace("\n\n", "\n&#10;")
