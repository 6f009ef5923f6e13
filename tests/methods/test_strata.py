"""What two tables of strata must share before anything is computed from them."""

import polars as pl
import pytest

from openmeasures.errors import ParameterError
from openmeasures.methods.strata import joined

COLUMNS = {"stratum": "age_band", "count": "deaths", "population": "people", "figure": "weight"}
STANDARD = pl.DataFrame({"standard_population": "Ours", "age_band": ["0-64", "65+"], "weight": [80, 20]})
DEATHS = pl.DataFrame(
    {
        "org_code": ["RJ1", "RJ1", "RC9", "RC9"],
        "age_band": ["65+", "0-64", "0-64", "65+"],
        "deaths": [60, 10, 5, None],
        "people": [4000, 20_000, 9000, 1000],
    }
)


def replaced(table, row, **values):
    """The table with other values in one row."""
    return pl.DataFrame(
        [found | values if index == row else found for index, found in enumerate(table.to_dicts())],
        infer_schema_length=None,
        strict=False,
    )


def refused(frame, standard=STANDARD, keys=("org_code",)):
    with pytest.raises(ParameterError) as refusal:
        joined(frame, list(keys), standard, **COLUMNS)
    return str(refusal.value)


def test_populations_are_in_the_frames_order_and_strata_in_the_standards():
    assert joined(DEATHS, ["org_code"], STANDARD, **COLUMNS).rows() == [
        ("RJ1", "Ours", "0-64", 80, 10, 20_000),
        ("RJ1", "Ours", "65+", 20, 60, 4000),
        ("RC9", "Ours", "0-64", 80, 5, 9000),
        ("RC9", "Ours", "65+", 20, None, 1000),
    ]


def test_several_columns_name_a_population():
    years = pl.concat([DEATHS.with_columns(year=pl.lit(year)) for year in (2023, 2024)])
    assert joined(years, ["org_code", "year"], STANDARD, **COLUMNS).height == 2 * DEATHS.height


def test_no_rows_are_no_rows():
    assert joined(DEATHS.head(0), ["org_code"], STANDARD, **COLUMNS).is_empty()


def test_a_population_without_a_column_to_name_it_is_refused():
    assert refused(DEATHS, keys=()) == "by: found no column, expected those that name a population."


def test_a_missing_stratum_is_named():
    assert refused(DEATHS.head(3)) == (
        "frame: org_code 'RC9' has no row for age_band '65+', expected all 2 strata of 'Ours'. Where nothing happened, "
        "give a row with its people and 0 events."
    )


def test_a_stratum_that_the_standard_lacks_is_named():
    assert refused(replaced(DEATHS, 0, age_band="65 +")) == (
        "frame: age_band '65 +' is not in 'Ours', which has '0-64', '65+'. Did you mean '65+'?"
    )


@pytest.mark.parametrize(
    ("row", "values", "expected"),
    [
        (0, {"org_code": None}, "a population and a stratum in every row"),
        (0, {"age_band": None}, "a population and a stratum in every row"),
        (0, {"age_band": "0-64"}, "one row a population and stratum"),
        (0, {"people": None}, "0 people or more"),
        (0, {"people": -1}, "0 people or more"),
        (0, {"people": float("nan")}, "0 people or more"),
        (0, {"people": float("inf")}, "0 people or more"),
        (0, {"deaths": -1}, "0 events or more, or null where they are not known"),
        (0, {"deaths": float("nan")}, "0 events or more, or null where they are not known"),
        (0, {"deaths": float("inf")}, "0 events or more, or null where they are not known"),
        (0, {"people": 0}, "no events where there are no people"),
    ],
)
def test_faults_of_the_frame(row, values, expected):
    message = refused(replaced(DEATHS, row, **values))
    assert message.startswith("frame: found org_code ")
    assert message.endswith(f", expected {expected}.")


def test_the_row_at_fault_is_shown():
    assert refused(replaced(DEATHS, 0, people=0)) == (
        "frame: found org_code 'RJ1', age_band '65+', count 60, population 0.0, expected no events where there are no "
        "people."
    )


@pytest.mark.parametrize("deaths", [0, None])
def test_a_stratum_may_be_empty_of_people_where_nothing_happened(deaths):
    empty = replaced(DEATHS, 0, people=0, deaths=deaths)
    assert joined(empty, ["org_code"], STANDARD, **COLUMNS)["population"].to_list() == [20_000, 0, 9000, 1000]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"standard_population": None}, "a name and a stratum in every row"),
        ({"age_band": None}, "a name and a stratum in every row"),
        ({"age_band": "65+"}, "one row a stratum; take one standard population"),
        ({"weight": None}, "a weight of 0 or more in every stratum"),
        ({"weight": -1}, "a weight of 0 or more in every stratum"),
        ({"weight": float("nan")}, "a weight of 0 or more in every stratum"),
        ({"weight": float("inf")}, "a weight of 0 or more in every stratum"),
    ],
)
def test_faults_of_the_standard(values, expected):
    message = refused(DEATHS, replaced(STANDARD, 0, **values))
    assert message.startswith("standard: found standard_population ")
    assert message.endswith(f", expected {expected}.")


def test_two_standard_populations_are_refused():
    mixed = replaced(STANDARD, 1, standard_population="Theirs")
    assert refused(DEATHS, mixed) == "standard: found 2 standard populations ['Ours', 'Theirs'], expected one."


def test_a_standard_population_without_strata_is_refused():
    assert refused(DEATHS, STANDARD.head(0)) == "standard: found 0 standard populations [], expected one."
