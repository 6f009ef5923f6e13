import dataframely as dy
import pytest

from openmeasures import project
from openmeasures.errors import DefinitionError
from openmeasures.reference import folder, read_table


class Towns(dy.Schema):
    """One row: a town of a county."""

    county = dy.String(nullable=False, primary_key=True)
    town = dy.String(nullable=False, primary_key=True)
    is_large = dy.Bool(nullable=False)
    closed = dy.Date(nullable=True)


HEADER = "county,town,is_large,closed\n"


@pytest.fixture
def table(tmp_path):
    def read(*rows):
        path = tmp_path / "towns.csv"
        path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
        return read_table(path, Towns)

    return read


def refusal(call, *arguments):
    with pytest.raises(DefinitionError) as found:
        call(*arguments)
    return str(found.value)


def test_the_sample_has_a_folder_of_its_own():
    assert folder() == project.root() / "reference"
    assert folder(synthetic=True) == project.root() / "reference" / "sample"


def test_flags_and_dates_are_read_and_what_is_empty_is_null(table):
    found = table("Kent,Dover,false,2024-03-31", "Kent,Deal,true,")
    assert found["is_large"].to_list() == [False, True]
    assert [day and day.isoformat() for day in found["closed"]] == ["2024-03-31", None]


def test_what_is_no_date_is_refused_where_there_may_be_none(table):
    said = refusal(table, "Kent,Dover,true,31/03/2024")
    assert said.endswith("towns.csv, closed: found '31/03/2024', expected a date such as '2024-04-01'.")


def test_what_is_no_flag_is_refused(table):
    assert "rows [('Kent', 'Dover')] break ['is_large|nullability'], see Towns" in refusal(table, "Kent,Dover,yes,")


def test_a_row_twice_is_refused_by_its_keys(table):
    said = refusal(table, "Kent,Dover,true,", "Kent,Dover,false,")
    assert "rows [('Kent', 'Dover'), ('Kent', 'Dover')] break ['primary_key']" in said


def test_a_missing_table_is_to_be_restored(tmp_path):
    assert "no such file" in refusal(read_table, tmp_path / "none.csv", Towns)
