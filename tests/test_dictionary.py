"""The data dictionary, held against the tables that it describes."""

import polars as pl
import pytest

from openmeasures import dictionary
from openmeasures.definitions import load_all
from openmeasures.running import collect, notebooks

COLUMNS = {column.name: column for column in dictionary.columns(collect.table([]))}


def test_every_column_is_described_and_nothing_else():
    assert list(COLUMNS) == collect.table([]).columns
    assert set(dictionary.DESCRIPTIONS) == set(COLUMNS)
    assert {*dictionary.VALUES, *dictionary.ALWAYS, *dictionary.KEY} <= set(COLUMNS)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("org_code", "string"),
        ("synthetic", "boolean"),
        ("period_start", "date"),
        ("segment", "integer"),
        ("value", "number"),
    ],
)
def test_types_are_those_of_table_schema(name, kind):
    assert COLUMNS[name].kind == kind


def test_a_description_is_one_or_more_whole_sentences():
    assert [name for name, column in COLUMNS.items() if not column.description.endswith(".")] == []


@pytest.mark.parametrize("measure", load_all(), ids=lambda each: each.id)
def test_tables_hold_what_the_dictionary_says(measure):
    table = collect.table([notebooks.result(measure.folder / "notebook.ipynb")])
    assert not table.is_empty()
    for column in COLUMNS.values():
        found = table[column.name]
        if column.values:
            assert set(found.drop_nulls()) <= set(column.values)
        if column.is_required:
            assert found.null_count() == 0, column.name
    assert table.select(dictionary.KEY).is_duplicated().sum() == 0
    reported = table.filter(pl.col("status") != "reported").select("numerator", "denominator", "value")
    assert {reported[name].null_count() for name in reported.columns} == {reported.height}
