"""What a run hands on: its points and findings, as the notebook's last output.

The publishing step and `results/<measure>.csv` are made from it, so a page, a table and a download can never differ
from the notebook that was run.
"""

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from openmeasures import quality, standards
from openmeasures.methods import choice
from openmeasures.parameters import Parameters
from openmeasures.quality import Quality

MIME_TYPE = "application/vnd.openmeasures.result+json"
ALL = "all"  # the measure itself, beside any further series of measure.yml
HEADLINE = ("variation", "peers")  # the findings that lead a page; every measure has both
DECIMALS = 6  # of a percentage: finer than any count can tell, and the same on every machine

COLUMNS = {
    "series": pl.String,
    "org_code": pl.String,
    "period_start": pl.Date,
    "numerator": pl.Float64,
    "denominator": pl.Float64,
    "value": pl.Float64,
    "segment": pl.Int64,
    "value_lower": pl.Float64,
    "value_upper": pl.Float64,
    "mean": pl.Float64,
    "lower_process_limit": pl.Float64,
    "upper_process_limit": pl.Float64,
    "special_cause": pl.String,
    "variation": pl.String,
    "standard": pl.Float64,
    "standard_name": pl.String,
    "lasting_standard": pl.Float64,
    "assurance": pl.String,
    "band": pl.String,
    "status": pl.String,
    "release": pl.String,
}
OPTIONAL = {"band"}  # columns that only some measures have; the points of others leave them out


@dataclass(frozen=True)
class Result:
    """A run's outcome: `points` has one row a series and period, with `COLUMNS`, `OPTIONAL` ones where given."""

    run: Parameters
    points: pl.DataFrame
    findings: dict[str, str]
    met: pl.DataFrame
    assessed: Quality
    suits_limits: bool  # whether the measure's own series does; see `methods.choice`

    @property
    def content(self) -> dict[str, object]:
        """The result as plain data, the same on every machine."""
        run = self.run
        return {
            "measure": run.measure.id,
            "org_code": run.org_code,
            "org_name": run.org_name,
            "region_name": run.organisations.filter(pl.col("org_code") == run.org_code)["region_name"].item(),
            "period_to": run.period_to.isoformat(),
            "as_of": run.store.as_of.isoformat() if run.store.as_of else "",
            "synthetic": run.synthetic,
            "suits_limits": self.suits_limits,
            "releases": [release.sha256 for release in run.releases],
            "quality": self.assessed.content,
            "findings": self.findings,
            "standards": json.loads(self.met.write_json()),
            "points": json.loads(self.points.write_json()),
        }

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        text = f"**{self.run.org_name}.** {' '.join(self.findings[name] for name in HEADLINE)}"
        return {MIME_TYPE: self.content, "text/markdown": text, "text/plain": text}


def collect(
    run: Parameters, findings: dict[str, str], met: pl.DataFrame, assessed: Quality, **series: pl.DataFrame
) -> Result:
    """Return the result of a run from its points: `all` is the measure itself, others are its further series.

    `met` is that of `standards.met`, `assessed` that of `quality.assess`. Rows of other organisations are left out.
    Columns of `OPTIONAL` are those of the points that have them.
    Figures are rounded to six decimals, so that the last bit of a sum does not make two machines differ.
    """
    releases = {period: release.sha256 for period, release in run.release_of.items()}
    tables = []
    for name, of_all in series.items():
        mine = of_all.filter(pl.col("org_code") == run.org_code).with_columns(
            pl.lit(name).alias("series"),
            release=pl.col("period_start").replace_strict(releases, default=None, return_dtype=pl.String),
        )
        given = OPTIONAL.intersection(mine.columns) | COLUMNS.keys() - OPTIONAL
        tables.append(mine.select(_typed(mine, column, kind) for column, kind in COLUMNS.items() if column in given))
    own = series[ALL].filter(pl.col("org_code") == run.org_code)
    is_suited = choice.suits_limits(own, kind=run.measure.kind, overlaps=run.measure.period.overlaps)
    points = pl.concat(tables, how="diagonal").sort("series", "period_start")
    return Result(run, points, findings, met, assessed, is_suited)


def is_readable(content: dict[str, Any]) -> bool:
    """Whether a result, which an earlier version of this package may have left, has the columns that pages read now."""
    rows = [(content.get("quality", {}), set(quality.COLUMNS))]
    rows += [(row, set(standards.MET)) for row in content["standards"]]
    required = COLUMNS.keys() - OPTIONAL
    return all(set(row) == columns for row, columns in rows) and all(
        required <= row.keys() <= COLUMNS.keys() for row in content["points"]
    )


def _typed(points: pl.DataFrame, column: str, kind: pl.DataType | type[pl.DataType]) -> pl.Expr:
    expression = pl.col(column).cast(kind)
    return expression.round(DECIMALS) if points.schema[column].is_float() else expression
