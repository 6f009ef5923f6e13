"""Standard populations against what their publisher says of them, and files that are not what they should be."""

import re

import polars as pl
import pytest

from openmeasures import standard_populations
from openmeasures.errors import DefinitionError, ParameterError
from openmeasures.standard_populations import load

HEADER = "standard_population,age_band,weight,source\n"


def weights(name):
    return dict(load(name).select("age_band", "weight").iter_rows())


@pytest.mark.parametrize("name", sorted(set(pl.read_csv(standard_populations.reference_file())["standard_population"])))
def test_each_adds_up_to_100_000_with_a_band_once(name):
    found = load(name)
    assert found["weight"].sum() == 100_000
    assert found["age_band"].is_unique().all()
    assert found["standard_population"].unique().to_list() == [name]


def test_the_european_standard_population_of_2013():
    # Hull's joint strategic needs assessment writes it out, https://hulljsna.com/glossary/esp
    bands_of_five = [5000, *[5500] * 3, *[6000] * 2, 6500, *[7000] * 4, 6500, 6000, 5500, 5000, 4000, 2500, 1500]
    expected = {f"{age}-{age + 4}": weight for age, weight in zip(range(0, 90, 5), bands_of_five, strict=True)}
    assert weights("European Standard Population 2013") == expected | {"90+": 1000}
    assert weights("European Standard Population 2013 to 95+") == expected | {"90-94": 800, "95+": 200}


def test_the_default_ends_at_90_and_over():
    assert load().equals(load("European Standard Population 2013"))


def test_each_row_of_the_file_says_where_it_is_from():
    sources = pl.read_csv(standard_populations.reference_file())["source"]
    assert sources.str.starts_with("https://").all()


def test_an_unknown_name_is_refused_with_the_near_miss():
    with pytest.raises(ParameterError, match=re.escape("Did you mean 'European Standard Population 2013'?")):
        load("european standard population 2012")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DefinitionError, match="no such file"):
        load(path=tmp_path / "standard_populations.csv")


def test_the_order_of_columns_does_not_matter(tmp_path):
    file = tmp_path / "standard_populations.csv"
    file.write_text("source,weight,age_band,standard_population\nhttps://x,80,0-64,Ours\n")
    assert load("Ours", path=file).rows() == [("Ours", "0-64", 80)]


@pytest.mark.parametrize(
    "text", ["", HEADER + "Ours,0-64,many,https://x\n", "standard_population\nOurs\n", HEADER.replace("weight", "mass")]
)
def test_a_malformed_file_is_named(tmp_path, text):
    file = tmp_path / "standard_populations.csv"
    file.write_text(text)
    with pytest.raises(DefinitionError, match="Expected columns standard_population, age_band, weight, source"):
        load("Ours", path=file)
