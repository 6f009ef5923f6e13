"""The integrated care board that the provider workbook puts each provider in.

Right of all headings, each provider's row ends with the name of its system. Two other sheets have codes of such names,
which differ in capitals alone: the figures of systems, and, right of a mapping of providers, a list of the partnerships
(STPs) of before July 2022. Boards have the codes of the partnerships that they follow. The mapping itself is older than
the rows: in May 2026 it still names boards that have closed. So every provider has a code in the five workbooks seen.
"""

import polars as pl

from openmeasures import tables
from openmeasures.tables import Workbook, folded

BOARDS, MAPPINGS = ("System Level Data",), ("System Mapping", "STP Mapping")
BOARD, PARTNERSHIP = {"Code": "system_code", "System": "name"}, {"STP": "name", "Code": "system_code"}
OF_PROVIDERS = 4  # columns of the mapping, the last of which is headed `STP` as well


def of_providers(workbook: Workbook, sheet: str) -> pl.DataFrame:
    """Return `org_code, system_code` for each provider whose row in `sheet` ends with the name of a system.

    There is no row where the workbook has no systems.
    """
    codes = _codes(workbook, MAPPINGS, PARTNERSHIP, after=OF_PROVIDERS) | _codes(workbook, BOARDS, BOARD)
    filled = [[cell for cell in row if cell] for row in workbook.cells(sheet).iter_rows()]
    rows = [(row[0], codes[folded(row[-1])]) for row in filled if row and folded(row[-1]) in codes]
    schema = {"org_code": pl.String, "system_code": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").unique("org_code", keep="first", maintain_order=True)


def _codes(workbook: Workbook, sheets: tuple[str, ...], headings: dict[str, str], *, after: int = 0) -> dict[str, str]:
    """Return the code of each `folded` name in one of the sheets, right of its first columns; none without a list."""
    sheet = next((each for each in workbook.sheets if folded(each) in map(folded, sheets)), None)
    if sheet is None:
        return {}
    cells = workbook.cells(sheet)[:, after:]
    if not tables.resembles(cells, headings):
        return {}
    found = tables.find(cells, headings, place=f"{workbook.place}, sheet {sheet!r}").filter(pl.col("system_code") != "")
    return {folded(name): code for name, code in found.select("name", "system_code").iter_rows()}
