"""ODS's own list of trusts: the register is what it says, and the publications' trusts are in it."""

import polars as pl

from openmeasures import reference, register
from openmeasures.fetching import ods


def test_the_register_is_the_report(published):
    report = ods.from_report((published / "ods" / "etr.csv").read_bytes(), place="etr.csv")
    known = reference.read_table(reference.folder() / register.ORGANISATIONS, register.Listed)
    assert known.filter(pl.col("role_code") == "RO197").equals(report)
    assert report.height == 274


def test_types_are_those_of_the_latest_file_that_has_the_organisation(published):
    files = sorted((published / "sickness-absence").glob("*.csv"))
    rows = pl.concat([pl.read_csv(path, infer_schema=False) for path in files])
    called = dict(rows.group_by("ORG_CODE", maintain_order=True).last().select("ORG_CODE", "ORG_TYPE").iter_rows())
    everyone = reference.read_table(reference.folder() / register.TYPES, register.Types)
    is_eric = pl.col("source_title").str.contains("ERIC")
    both = everyone.filter(is_eric, pl.col("org_code").is_in(list(called)))
    assert set(both["org_type"].cast(pl.String)) == {"specialist trust"}  # the one type that it does not tell apart
    assert {called[code] for code in both["org_code"]} == {"Acute"}
    types = everyone.filter(~is_eric)
    assert {code: called[code] for code in types["org_code"]} == dict(types.select("org_code", "called").iter_rows())
    pairs = {*types.select("called", pl.col("org_type").cast(pl.String)).iter_rows()}
    assert pairs == {
        ("Acute", "acute trust"),
        ("Mental Health", "mental health trust"),
        ("Community Provider Trust", "community trust"),
        ("Ambulance", "ambulance trust"),
    }
