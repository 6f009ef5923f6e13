"""NHS Talking Therapies annual reports, therapy-based outcomes: scores before and after each course of therapy.

The published CSV of a year (table 4 of the therapy-based outcomes) has no column that says which year it is of. So what
is read is the tidy table of all years that the project nhstt [1] makes of them, a parquet file with `COLUMNS`: a row
for each organisation, diagnosis, therapy, statistic and time.

| observations | breakdown | from |
|---|---|---|
| for each of `SCORES`: courses with scores, and their points at the start, at the end, and squares | whole | added up |
| the same | `therapy_type` | mean × courses; squares are (SD at the start² + SD at the end²) × courses |

Published are a number of courses, and means and standard deviations to one decimal, for each therapy; sums over
therapies are worked out here, since the files have none. A course of therapy is two attended sessions or more with
one therapy; who had two therapies counts in both [2].

Below England numbers are rounded to the nearest 5, and what rests on fewer than 5 is not shown. In the tidy table that
is null, and so is a therapy that nobody had. So a therapy without figures has no row here, and an organisation without
any is `suppressed`. Commissioners and regions hold the same people again, and are left out, as is an unknown provider.

1. bennettoxford/nhstt, https://github.com/bennettoxford/nhstt (its schemas list the columns of each year's CSV)
2. NHS Talking Therapies, for anxiety and depression, annual reports, 2023-24, appendix B.
"""

from datetime import date
from io import BytesIO

import polars as pl
from polars.exceptions import PolarsError

from openmeasures import tables
from openmeasures.errors import SourceError
from openmeasures.organisations import ENGLAND
from openmeasures.schemas import STATUS_TYPE, Status
from openmeasures.sources import Publication, SourceFile

TITLE = "NHS Talking Therapies annual reports, therapy-based outcomes"
PUBLISHER = "NHS England"
URL = "https://digital.nhs.uk/data-and-information/publications/statistical/nhs-talking-therapies-for-anxiety-and-depression-annual-reports"
LICENCE = "Open Government Licence v3.0"

SIGNATURE = b"PAR1"
TIMES = ("start", "end")
SCORES = {"phq": "phq_9", "gad": "gad_7"}
KEYS = ["period_start", "period_end", "org_code", "org_name", "therapy"]
COLUMNS = (
    "start_date", "end_date", "org_type", "org_code", "org_name", "variable_type", "variable_a", "variable_b",
    "measure_name", "measure_statistic", "measure_time", "value",
)  # fmt: skip
COUNTRY, PROVIDER, UNKNOWN = "England", "Provider", "UNKNOWN"
OUTCOMES, EVERY_DIAGNOSIS = "PROMs", "Total"
COURSES = "courses_of_therapy"
ROUNDED_TO, MOST_HIDDEN = 5, 4  # of providers' counts
DECIMALS = 6  # of worked-out sums: finer than the published decimals, and the same on every machine
APRIL, MARCH, LAST_OF_MARCH = 4, 3, 31


def recognises(file: SourceFile) -> bool:
    """Whether it is a parquet file with every column of the tidy table."""
    return file.content.startswith(SIGNATURE) and set(COLUMNS) <= set(_schema(file))


def _schema(file: SourceFile) -> list[str]:
    try:
        return list(pl.read_parquet_schema(BytesIO(file.content)))
    except PolarsError:  # begins like one and is none
        return []


def read(file: SourceFile) -> Publication:
    """Read every year of the table.

    Raises `SourceError` for: another file, a damaged one, a year that is not from April to March, a figure given twice,
    a number of courses or a standard deviation below 0, or a year without England.
    """
    if not recognises(file):
        raise SourceError(
            f"{file.place}: not a parquet file with the columns {', '.join(COLUMNS)}. Check the file, and download it "
            "again."
        )
    wide = _wide(file)
    _refuse_impossible(wide, place=file.place)
    parts = _points(wide).drop_nulls("value").with_columns(breakdown=pl.lit("therapy_type"), category="therapy")
    everyone = wide.select(KEYS[:-1]).unique().join(_metrics(), how="cross")
    keys = ["org_code", "period_start", "metric"]
    whole = (
        everyone.join(parts.group_by(keys).agg(pl.col("value").sum()), on=keys, how="left")
        .with_columns(breakdown=pl.lit(""), category=pl.lit(""))
        .select(*keys, "period_end", "breakdown", "category", "value")
    )
    rows = pl.concat([whole, parts.select(whole.columns)]).with_columns(
        value=pl.col("value").round(DECIMALS),
        status=pl.when(pl.col("value").is_null())
        .then(pl.lit(Status.SUPPRESSED.value))
        .otherwise(pl.lit(Status.REPORTED.value))
        .cast(STATUS_TYPE),
    )
    observations = tables.observations(
        rows.sort(*keys, "breakdown", "category"),
        source=__name__.rsplit(".", 1)[-1],
        release=file.sha256,
        place=file.place,
    )
    _refuse_years_without_england(observations, place=file.place)
    providers = wide.filter(pl.col("org_code") != ENGLAND).sort("org_code", "period_start", "org_name")
    return Publication(
        observations,
        tables.organisations(providers.with_columns(parent_name=pl.lit("")), release=file.sha256),
        checks=_checks(wide),
    )


def _wide(file: SourceFile) -> pl.DataFrame:
    """Return `KEYS`, the courses, and means and standard deviations of each score and time, a row a therapy."""
    measures = [COURSES, *SCORES]
    wanted = (
        pl.col("org_type").is_in([COUNTRY, PROVIDER])
        & (pl.col("org_code") != UNKNOWN)
        & (pl.col("variable_type") == OUTCOMES)
        & (pl.col("variable_a") == EVERY_DIAGNOSIS)
        & pl.col("measure_name").is_in(measures)
        & pl.col("measure_statistic").is_in(["count", "mean", "sd"])
    )
    try:
        rows = (
            pl.scan_parquet(BytesIO(file.content))
            .filter(wanted)
            .select(
                pl.col("start_date").cast(pl.Date).alias("period_start"),
                pl.col("end_date").cast(pl.Date).alias("period_end"),
                pl.when(pl.col("org_type") == COUNTRY).then(pl.lit(ENGLAND)).otherwise("org_code").alias("org_code"),
                "org_name",
                pl.col("variable_b").alias("therapy"),
                pl.concat_str(
                    "measure_name", "measure_statistic", pl.col("measure_time").fill_null(""), separator="_"
                ).alias("figure"),
                pl.col("value").cast(pl.Float64),
            )
            .collect()
        )
    except PolarsError as error:
        raise SourceError(f"{file.place}: damaged ({str(error).splitlines()[0]}). Download it again.") from error
    if rows.is_empty():
        raise SourceError(f"{file.place}: no figures of {OUTCOMES} for {COUNTRY} or a {PROVIDER}. Check the file.")
    twice = rows.filter(pl.struct(*KEYS, "figure").is_duplicated())
    if not twice.is_empty():
        first = twice.row(0, named=True)
        raise SourceError(
            f"{file.place}: organisation {first['org_code']!r} has {first['figure']!r} of {first['therapy']!r} twice "
            f"for the year from {first['period_start']}; expected once. Download the file again."
        )
    figures = [
        f"{COURSES}_count_",
        *(f"{score}_{what}_{time}" for score in SCORES for what in ("mean", "sd") for time in TIMES),
    ]
    wide = rows.pivot("figure", index=KEYS, values="value")
    return wide.with_columns(pl.lit(None, pl.Float64).alias(name) for name in figures if name not in wide.columns)


def _metrics() -> pl.DataFrame:
    return pl.DataFrame({"metric": [f"{score}_{name}" for score in SCORES.values() for name in _formulae("")]})


def _formulae(score: str) -> dict[str, pl.Expr]:
    """Return what is worked out for one therapy; null unless the number and all four figures are shown."""
    number = pl.col(f"{COURSES}_count_")
    mean, deviation = ({time: pl.col(f"{score}_{what}_{time}") for time in TIMES} for what in ("mean", "sd"))
    shown = number + sum(mean.values()) * 0 + sum(deviation.values()) * 0
    return {
        "courses": shown,
        "points_at_start": shown * mean["start"],
        "points_at_end": shown * mean["end"],
        "squares": shown * (deviation["start"] ** 2 + deviation["end"] ** 2),
    }


def _points(wide: pl.DataFrame) -> pl.DataFrame:
    named = {f"{name}_{what}": formula for score, name in SCORES.items() for what, formula in _formulae(score).items()}
    return wide.select(*KEYS, **named).unpivot([*named], index=KEYS, variable_name="metric", value_name="value")


def _refuse_impossible(wide: pl.DataFrame, *, place: str) -> None:
    starts, ends = pl.col("period_start"), pl.col("period_end")
    is_year = (
        (starts.dt.month() == APRIL)
        & (starts.dt.day() == 1)
        & (ends.dt.month() == MARCH)
        & (ends.dt.day() == LAST_OF_MARCH)
        & (ends.dt.year() == starts.dt.year() + 1)
    )
    other = wide.filter(~is_year.fill_null(value=False))
    if not other.is_empty():
        first, last = other.select("period_start", "period_end").row(0)
        raise SourceError(
            f"{place}: found figures from {first} to {last}, expected a financial year from 1 April to 31 March. Check "
            "the file."
        )
    counted = [name for name in wide.columns if "_sd_" in name or name.startswith(COURSES)]
    negative = wide.filter(pl.any_horizontal(pl.col(*counted) < 0))
    if not negative.is_empty():
        row = negative.row(0, named=True)
        raise SourceError(
            f"{place}: {row['org_code']!r} has a number or a standard deviation below 0 for {row['therapy']!r} in the "
            f"year from {row['period_start']}. Download the file again, or tell the publisher."
        )


def _refuse_years_without_england(observations: pl.DataFrame, *, place: str) -> None:
    reported = (pl.col("org_code") == ENGLAND) & (pl.col("status") == Status.REPORTED)
    lacking = observations.group_by("period_start").agg(has=reported.any()).filter(~pl.col("has"))["period_start"]
    if not lacking.is_empty():
        first: date = min(lacking)
        raise SourceError(f"{place}: no figure of England for the year from {first}. Download the file again.")


def _checks(wide: pl.DataFrame) -> list[str]:
    """Say in which years providers differ from England by more than rounding and suppression can make of it."""
    number, is_own = pl.col(f"{COURSES}_count_"), pl.col("org_code") != ENGLAND
    years = (
        wide.group_by("period_start")
        .agg(
            providers=number.filter(is_own).sum(),
            england=number.filter(~is_own).sum(),
            rounding=number.filter(is_own).count() * ROUNDED_TO / 2,
            hidden=number.filter(is_own).null_count() * MOST_HIDDEN,
        )
        .sort("period_start")
    )
    less, more = pl.col("rounding"), pl.col("rounding") + pl.col("hidden")
    differing = years.filter(~(pl.col("england") - pl.col("providers")).is_between(-less, more))
    return [
        f"courses of therapy in the year from {row['period_start']}: providers add up to {row['providers']:,.0f}, "
        f"England has {row['england']:,.0f}; rounding and suppression explain less"
        for row in differing.iter_rows(named=True)
    ]
