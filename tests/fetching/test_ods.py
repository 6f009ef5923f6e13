"""`openmeasures fetch ods`: the service's bundles, the report, and what either does to the register.

The service's answers are shaped as the examples in its specification are; no test can reach it.
"""

import json
import sys
from datetime import date
from functools import partial

import polars as pl
import pytest

from openmeasures import cli, reference
from openmeasures.errors import FetchError, OfflineError
from openmeasures.fetching import ods, web
from openmeasures.register import Listed

from .site import Answer

EXTENSION = "https://fhir.nhs.uk/England/StructureDefinition/Extension-England-"
FIRST = "/fhir/Organization?roleCode=RO197,RO107,RO172&_revinclude=OrganizationAffiliation:primary-organization"
FIRST += "&_count=200"


def period(kind, **days):
    return {
        "url": f"{EXTENSION}TypedPeriod",
        "extension": [
            {"url": "dateType", "valueCoding": {"code": kind}},
            {"url": "period", "valuePeriod": days},
        ],
    }


def organisation(code, name, role="RO197", *periods):
    inner = [
        {"url": "roleCode", "valueCodeableConcept": {"coding": [{"code": role}]}},
        *(periods or (period("Legal", start="1991-01-01"), period("Operational", start="1998-04-01"))),
    ]
    others = {"url": f"{EXTENSION}TypedDateTime", "extension": []}
    roles = {"url": f"{EXTENSION}OrganisationRole", "extension": inner}
    return {"resourceType": "Organization", "id": code, "name": name, "extension": [others, roles]}


def relation(code, to, *, active=True):
    return {
        "resourceType": "OrganizationAffiliation",
        "active": active,
        "organization": {"identifier": {"value": code}},
        "participatingOrganization": {"identifier": {"value": to}},
    }


def bundle(*resources, following=None):
    link = [{"relation": "self", "url": "here"}]
    link += [{"relation": "next", "url": following}] if following else []
    return {"resourceType": "Bundle", "link": link, "entry": [{"resource": each} for each in resources]}


@pytest.fixture
def service(publisher):
    """Put answers on the service: `service({path: what it answers})`; return its address."""

    def put(answers):
        for path, answer in answers.items():
            publisher.put(path, Answer(json.dumps(answer).encode(), kind="application/fhir+json"))
        return f"{publisher.url}/fhir"

    return put


LEEDS = organisation("RR8", "LEEDS TEACHING HOSPITALS NHS TRUST")
CLOSED = organisation("RW6", "PENNINE ACUTE HOSPITALS NHS TRUST", "RO197", period("Operational", end="2021-09-30"))
CLINIC = organisation("NT3", "A CLINIC LIMITED", "RO172")
SITE = organisation("RR801", "LEEDS GENERAL INFIRMARY", "RO198")


def test_every_page_is_read_and_a_trust_is_in_the_system_of_the_relation_in_force(service, quick):
    url = service({FIRST: bundle(LEEDS, SITE, relation("RR8", "QHG", active=False), relation("RR8", "QWO"))})
    second = f"{url}/Organization?_offset=200"
    service(
        {
            FIRST: bundle(LEEDS, SITE, relation("RR8", "QWO"), relation("RR8", "QHG", active=False), following=second),
            "/fhir/Organization?_offset=200": bundle(CLOSED, relation("RR8", "RR801"), relation("RW6", "QOP")),
        }
    )
    assert ods.from_service(quick().json, service=url).rows() == [
        ("RR8", "Leeds Teaching Hospitals NHS Trust", "RO197", "QWO", "Y63", date(1998, 4, 1), None, None),
        ("RW6", "Pennine Acute Hospitals NHS Trust", "RO197", "QOP", "Y62", None, date(2021, 9, 30), None),
    ]


def test_of_independent_providers_only_those_wanted_are_kept(service, quick):
    other = organisation("NT4", "ANOTHER CLINIC", "RO172")
    url = service({FIRST: bundle(LEEDS, CLINIC, other, relation("NT3", "QWO"))})
    found = ods.from_service(quick().json, wanted=["NT3", "RQX"], service=url)
    assert found.select("org_code", "role_code", "system_code").rows() == [
        ("NT3", "RO172", "QWO"),
        ("RR8", "RO197", None),
    ]


def test_a_role_without_an_operational_period_has_no_dates(service, quick):
    url = service({FIRST: bundle(organisation("RR8", "LEEDS", "RO197", period("Legal", start="1991-01-01")))})
    assert ods.from_service(quick().json, service=url)["opened"].to_list() == [None]


@pytest.mark.parametrize(
    ("address", "town"),
    [
        ([], None),
        ([{"line": ["HQ"]}], None),
        ([{"city": "BURY ST. EDMUNDS", "postalCode": "IP33"}], "Bury St. Edmunds"),
    ],
)
def test_the_town_is_that_of_the_address(service, quick, address, town):
    url = service({FIRST: bundle(organisation("RR8", "LEEDS") | {"address": address})})
    assert ods.from_service(quick().json, service=url)["town"].to_list() == [town]


def test_what_has_no_role_is_passed_over(service, quick):
    nothing = {"url": f"{EXTENSION}OrganisationRole", "extension": []}
    without = {"resourceType": "Organization", "id": "X1", "name": "X", "extension": [nothing]}
    url = service({FIRST: bundle(without, {"resourceType": "Organization", "id": "X2", "name": "Y"}, LEEDS)})
    assert ods.from_service(quick().json, service=url)["org_code"].to_list() == ["RR8"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"resourceType": "OperationOutcome"}, "found 'OperationOutcome', expected a bundle of organisations"),
        (bundle(CLINIC), "no NHS trust in its answer"),
        (bundle(LEEDS, following="https://elsewhere.example.org/fhir"), "its next page is on another site"),
        ([], "found list, expected a JSON object"),
    ],
)
def test_an_answer_that_is_not_what_was_expected_is_refused(service, quick, answer, message):
    url = service({FIRST: answer})
    with pytest.raises(FetchError, match=message):
        ods.from_service(quick().json, service=url, wanted=["NT3"])


def test_pages_without_end_are_refused(service, quick, monkeypatch):
    monkeypatch.setattr(ods, "MOST_PAGES", 2)
    url = service({FIRST: bundle(LEEDS)})
    service({FIRST: bundle(LEEDS, following=url + FIRST.removeprefix("/fhir"))})
    with pytest.raises(FetchError, match="more than 2 pages of 200"):
        ods.from_service(quick().json, service=url)


def test_what_is_no_json_is_refused(publisher, quick):
    publisher.put("/fhir/x", Answer(b"<html>", kind="text/html"))
    with pytest.raises(FetchError, match=r"/fhir/x: no JSON"):
        quick().json(f"{publisher.url}/fhir/x")


# ---- the report


def line(code="RR8", name="LEEDS TEACHING HOSPITALS NHS TRUST", opened="19980401", closed="", *, columns=27):
    cells = [code, name, "Y63", "QWO", "HOSPITAL", "", "", "LEEDS", "", "LS9 7TF", opened, closed]
    return ",".join(f'"{cell}"' for cell in cells + [""] * (columns - len(cells))) + "\r\n"


@pytest.mark.parametrize("columns", [24, 27])
def test_the_report_of_any_age_is_read(columns):
    found = ods.from_report(line(columns=columns).encode(), place="etr.csv")
    assert found.rows() == [
        ("RR8", "Leeds Teaching Hospitals NHS Trust", "RO197", "QWO", "Y63", date(1998, 4, 1), None, "Leeds")
    ]


def test_a_byte_order_mark_is_no_part_of_a_code():
    assert ods.from_report(line().encode("utf-8-sig"), place="etr.csv")["org_code"].to_list() == ["RR8"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (line() + line(columns=23), r"etr\.csv, row 2: found 23 cells that begin with \['RR8'\]"),
        ("<html>\n", r"row 1: found 1 cells that begin with \['<html>'\], expected an ODS code and 24 cells"),
        (line(code="RR801X"), r"row 1: found 27 cells that begin with \['RR801X'\]"),
        (line(opened="1998"), r"row 1: Invalid isoformat string: '1998', expected a date such as 20240401"),
        ("", r"etr\.csv: no row, expected one a trust"),
        (line().replace("QWO", "QXX"), r"etr\.csv: system 'QXX' is not in reference/systems\.csv \(1 are not\)"),
    ],
)
def test_what_is_no_such_report_is_refused(text, message):
    with pytest.raises(FetchError, match=message):
        ods.from_report(text.encode(), place="etr.csv")


# ---- the register


@pytest.fixture
def folder(tmp_path):
    """A register of one trust and one clinic."""
    rows = [
        ("NT3", "A Clinic", "RO172", "QWO", "Y63", None, None, "Leeds"),
        ("RR8", "Leeds", "RO197", "QWO", "Y63", date(1998, 4, 1), None, None),
    ]
    known = pl.DataFrame(rows, schema=Listed.create_empty().schema, orient="row")
    known.write_csv(tmp_path / "organisations.csv")
    return tmp_path


def test_what_differs_is_told_and_what_the_report_cannot_know_stays(folder):
    found = ods.from_report((line() + line(code="RR9", name="NEW")).encode(), place="etr.csv")
    assert ods.write(found, folder) == (["RR9"], [], ["RR8"])
    now = reference.read_table(folder / "organisations.csv", Listed)
    assert now["org_code"].to_list() == ["NT3", "RR8", "RR9"]
    assert ods.write(found, folder) == ([], [], [])


def test_a_trust_that_is_no_longer_listed_goes(folder):
    assert ods.write(ods.from_report(line(code="RR9").encode(), place="etr.csv"), folder) == (["RR9"], ["RR8"], [])


# ---- the command


@pytest.fixture
def called(monkeypatch, capsys, small_project, publisher):
    monkeypatch.setattr(web, "Web", partial(web.Web, pause=0.0, wait=0.01))
    monkeypatch.setattr(ods, "SERVICE", f"{publisher.url}/fhir")
    monkeypatch.setattr(ods, "REPORT", f"{publisher.url}/api/getReport?report=etr")
    monkeypatch.delenv(ods.KEY, raising=False)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["openmeasures", "fetch", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return end.value.code or 0, printed.out, printed.err

    run.register = small_project / "reference" / "organisations.csv"
    run.record = small_project / "reference" / "releases.csv"
    return run


def test_without_a_key_the_report_is_fetched_and_recorded(called, publisher, store):
    publisher.put("/api/getReport?report=etr", Answer((line() + line(code="RR9", name="NEW NHS TRUST")).encode()))
    code, out, err = called("ods")
    assert (code, err) == (0, "")
    assert "ods  new  RR9\n" in out
    assert "ods  gone  RJ1\n" in out
    assert out.endswith(f"ods: 2 organisations; {out.count('ods  ')} differ from what was known.\n")
    assert "RR9,New NHS Trust,RO197,QWO,Y63,1998-04-01,,Leeds\n" in called.register.read_text()
    assert f"ods,etr.csv,{ods.REPORT}," in called.record.read_text()
    assert not (store.folder / "downloads" / "etr.csv").exists()


def test_with_a_key_the_service_is_asked_and_the_clinics_that_the_data_name_are_kept(
    called, service, publisher, keep, monkeypatch
):
    keep(("NT3", 100, 10))
    monkeypatch.setenv(ods.KEY, "secret")
    service({FIRST: bundle(LEEDS, CLINIC)})
    code, out, _ = called("ods")
    assert (code, "ods  new  NT3\n" in out) == (0, True)
    assert publisher.headers[-1]["apikey"] == "secret"
    assert "secret" not in out + called.register.read_text() + called.record.read_text()


def test_a_refused_key_says_what_else_can_be_done(called, publisher, monkeypatch):
    monkeypatch.setenv(ods.KEY, "wrong")
    publisher.put(FIRST, Answer(b"{}", 401, "application/json"))
    code, _, err = called("ods")
    assert (code, err.count("\n")) == (2, 1)
    assert "401 Unauthorized" in err
    assert "ODS_API_KEY has to be a key of the production service; without one, `openmeasures fetch ods` takes" in err
    assert "wrong" not in err


def test_a_downloaded_report_is_read_without_a_network(called, tmp_path, publisher):
    (tmp_path / "etr.csv").write_text(line())
    code, out, _ = called("ods", "--file", tmp_path / "etr.csv")
    assert (code, publisher.asked) == (0, [])
    assert out.splitlines()[-1].startswith("ods: 1 organisations; ")


def test_ods_may_be_fetched_together_with_publications(called, listed, publisher, april):
    listed("2024-25", ("April 2024", "April-2024.csv", april.first))
    publisher.put("/api/getReport?report=etr", Answer(line().encode()))
    code, out, _ = called("ods", "ae_monthly")
    assert (code, out.splitlines()[-1]) == (0, "1 fetched")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ods", "--file", "nowhere.csv"), "nowhere.csv: no such file. Check the path."),
        (("ods", "ae_monthly", "--file", "etr.csv"), "fetch: --file is for `ods` alone."),
        (("ae_monthly", "--file", "etr.csv"), "fetch: --file is for `ods` alone."),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(called, arguments, message):
    code, _, err = called(*arguments)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("key", "arguments", "origin"),
    [("", (), "REPORT"), ("secret", (), "SERVICE"), ("secret", ("--file", "etr.csv"), None)],
)
def test_a_dry_run_says_where_from_and_changes_nothing(called, monkeypatch, publisher, key, arguments, origin):
    monkeypatch.setenv(ods.KEY, key)
    before = called.register.read_text()
    code, out, _ = called("ods", "--dry-run", *arguments)
    assert (code, out) == (0, f"ods  {getattr(ods, origin) if origin else 'etr.csv'}\n")
    assert (called.register.read_text(), publisher.asked) == (before, [])


@pytest.mark.parametrize("key", ["", "secret"])
def test_offline_is_said_plainly(quick, monkeypatch, tmp_path, key):
    nobody = "http://127.0.0.1:9"  # the port for throwing away; nothing listens there
    monkeypatch.setattr(ods, "SERVICE", f"{nobody}/fhir")
    monkeypatch.setattr(ods, "REPORT", f"{nobody}/etr")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(OfflineError, match=r"127\.0\.0\.1:9: cannot be reached .*Connect to the internet"):
        ods.fetch(quick(), has_key=bool(key), to=tmp_path / "etr.csv", entries=tmp_path / "releases.csv")
