"""Reference tables: small CSV files under `reference/`, data about the world that people keep by hand or fetch.

| name | gives |
|---|---|
| `folder` | where they are |
| `read_table` | one of them, checked |
"""

from pathlib import Path

import dataframely as dy
import polars as pl

from openmeasures import project
from openmeasures.errors import DefinitionError

FLAGS = {"true": True, "false": False}


def folder(*, synthetic: bool = False) -> Path:
    """Return the folder of the reference tables: those of the world, or those of the sample."""
    return project.root() / "reference" / ("sample" if synthetic else "")


def read_table(path: Path, schema: type[dy.Schema]) -> pl.DataFrame:
    """Return a reference table, checked: these columns and no others, in this order.

    Raises `DefinitionError` where the file is missing, or a column or row is not as the schema describes.
    """
    expected = schema.column_names()
    if not path.is_file():
        raise DefinitionError(f"{path}: no such file, expected columns {expected!r}. Restore it from the repository.")
    try:
        text = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise DefinitionError(
            f"{path}: not a table ({error}), expected columns {expected!r}. Correct the file."
        ) from error
    if text.columns != expected:
        raise DefinitionError(f"{path}: columns {text.columns!r}, expected {expected!r}. Correct the header.")
    # polars casts no text to dates, nor to booleans; what is neither becomes null here, which breaks the schema's
    # `nullability` below; where there may be none, a slip of the pen must not pass for that.
    dates = [name for name, column in schema.columns().items() if isinstance(column, dy.Date)]
    flags = [name for name, column in schema.columns().items() if isinstance(column, dy.Bool)]
    typed = text.with_columns(
        pl.col(dates).str.to_date("%Y-%m-%d", strict=False),
        pl.col(flags).replace_strict(FLAGS, default=None, return_dtype=pl.Boolean),
    )
    for name in (name for name in dates if schema.columns()[name].nullable):
        if strange := text.filter(text[name].is_not_null() & typed[name].is_null())[name].to_list():
            raise DefinitionError(f"{path}, {name}: found {strange[0]!r}, expected a date such as '2024-04-01'.")
    try:
        # A third of the time of `filter`, which is asked only for what is wrong: a run reads four tables.
        return schema.validate(typed.lazy(), cast=True, eager=False).collect(engine="in-memory")
    except pl.exceptions.PolarsError as error:
        raise DefinitionError(f"{path}: {_faults(typed, schema)}, see {schema.__name__}.") from error


def _faults(typed: pl.DataFrame, schema: type[dy.Schema]) -> str:
    """Say which rows of a table break which rules."""
    _, failure = schema.filter(typed, cast=True)
    keys = failure.invalid().select(schema.primary_key()).rows()
    rows = [key[0] if len(key) == 1 else key for key in keys]
    return f"rows {rows!r} break {sorted(failure.counts())!r}"
