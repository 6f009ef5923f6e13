"""The integrated care board that the provider workbook puts each provider in.

Right of all headings, each provider's row ends with the name of its system; the sheet with the figures of systems has
names and codes. Names differ in capitals alone. In February 2025 and May 2026 every provider has one; the sheet `System
Mapping` is older than that, and still names boards that have closed. Until 2022 the rows end with partnerships (STPs),
which are no boards, and are left alone.
"""

import polars as pl

from openmeasures import tables
from openmeasures.tables import Workbook, folded

SHEET = "System Level Data"
HEADINGS = {"Code": "system_code", "System": "system_name"}


def of_providers(workbook: Workbook, sheet: str) -> pl.DataFrame:
    """Return `org_code, system_code` for each provider whose row in `sheet` ends with the name of a system.

    There is no row where the workbook has no systems.
    """
    found = next((each for each in workbook.sheets if folded(each) == folded(SHEET)), None)
    codes: dict[str, str] = {}
    if found is not None and tables.resembles(workbook.cells(found), HEADINGS):
        table = tables.find(workbook.cells(found), HEADINGS, place=f"{workbook.place}, sheet {found!r}")
        codes = {folded(name): code for code, name in table.select(*HEADINGS.values()).iter_rows()}
    filled = [[cell for cell in row if cell] for row in workbook.cells(sheet).iter_rows()]
    rows = [(row[0], codes[folded(row[-1])]) for row in filled if row and folded(row[-1]) in codes]
    schema = {"org_code": pl.String, "system_code": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").unique("org_code", keep="first", maintain_order=True)
