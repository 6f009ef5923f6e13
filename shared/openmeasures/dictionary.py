"""The data dictionary: what each column of the tables for download holds, in one sentence, with its unit.

A table has one row a measure's series, organisation and period. The last columns, on data quality, are of the run and
stand in each of its rows. `columns` gives name, type, description and what values there can be, in the order of the
table; `running.collect.table` makes it, and a test holds the two together.
"""

from enum import StrEnum
from typing import NamedTuple

import polars as pl

from openmeasures.methods.assurance import Assurance
from openmeasures.methods.bands import Band
from openmeasures.methods.signals import SpecialCause, Variation
from openmeasures.schemas import Status

DESCRIPTIONS = {
    "measure": "Id of the measure, which is the name of its folder under analyses/.",
    "series": "`all` for the measure itself, else the id of one of its further series, as in measure.yml.",
    "org_code": "ODS code of the organisation; ENG is England, codes of systems and regions are sums of their members.",
    "org_name": "Name of the organisation, as its latest release gives it.",
    "region_name": "Region, or the area that the publication names; empty where neither is known.",
    "synthetic": "Whether the figures are made up, as those of the sample are.",
    "period_start": "First day of the month, quarter or year (of years that overlap: of the first month).",
    "numerator": "What is counted, after corrections; see the measure's definition. Null unless reported.",
    "denominator": "What it is counted of. Null unless reported.",
    "value": "The measure, in its unit. Null where it is not reported, or the denominator is 0.",
    "segment": "Number of the stretch with limits of its own, 0 first; each reviewed change begins another.",
    "value_lower": "Lower end of the 95 % interval of the value, in its unit.",
    "value_upper": "Upper end of the 95 % interval of the value, in its unit.",
    "mean": "Mean of the segment, the centre line of the chart. Null where no limits are drawn.",
    "lower_process_limit": "Lower process limit of the XmR chart.",
    "upper_process_limit": "Upper process limit of the XmR chart.",
    "special_cause": "The rule that marks the point as special cause.",
    "variation": "What the point's special cause means for this measure; its last part is the direction.",
    "standard": "The standard in force in the period that began last, in the unit of the value.",
    "standard_name": "The name of that standard.",
    "lasting_standard": "A standard that holds for every month beside it, where the first is a milestone.",
    "assurance": "What the process, left as it is, will make of the standard that holds for every month.",
    "band": "How the value lies to what was expected, by its publisher's limits. Null where a measure has no bands.",
    "status": "Why there is a figure, or none. What is not reported is never a zero.",
    "release": "SHA-256 of the published file that the figure is from; see releases.csv.",
    "periods_expected": "Periods in which a figure was expected, from the organisation's first to its last.",
    "periods_submitted": "Periods of these for which figures came in, suppressed ones included.",
    "periods_without_file": "Periods of these for which no published file is here, whatever was submitted.",
    "months_to_publication": "Months from the latest period's end to its release; null where that has no date.",
    "totals_compared": "Published totals with which the sum of the organisations was compared.",
    "totals_unequal": "Totals of these that differ from the sum.",
    "zeros_doubted": "Published zeros where much was to be expected, which may be errors at the source.",
    "share_of_england": "Share of England's published denominator that the organisations counted hold, 0 to 1.",
    "periods_revised": "Periods that were published more than once, with a figure each time.",
    "usual_revision": "Median size of the change of these since first published, in the unit of the value.",
}
VALUES: dict[str, type[StrEnum]] = {
    "special_cause": SpecialCause, "variation": Variation, "assurance": Assurance, "band": Band,
    "status": Status,
}  # fmt: skip
ALWAYS = ("measure", "series", "org_code", "org_name", "synthetic", "period_start", "segment", "status")
KEY = ("series", "org_code", "period_start")  # what no two rows of a measure's table share
# The names that Table Schema has for types. https://datapackage.org/standard/table-schema/#field-types
_TYPES: dict[type[pl.DataType], str] = {
    pl.String: "string", pl.Boolean: "boolean", pl.Date: "date", pl.Int64: "integer", pl.Float64: "number",
}  # fmt: skip


class Column(NamedTuple):
    """One column: `kind` is a type of Table Schema, `values` all that there can be (empty where there is no such list).

    `is_required` says that it is never null.
    """

    name: str
    kind: str
    description: str
    values: tuple[str, ...]
    is_required: bool


def columns(table: pl.DataFrame) -> list[Column]:
    """Return the columns of a table that `running.collect.table` made, an empty one too, in its order."""
    return [
        Column(
            name, _TYPES[kind.base_type()], DESCRIPTIONS[name],
            tuple(each.value for each in VALUES.get(name, ())), name in ALWAYS,
        )
        for name, kind in table.schema.items()
    ]  # fmt: skip
