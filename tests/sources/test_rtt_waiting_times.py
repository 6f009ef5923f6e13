import csv
import io
from datetime import date

import polars as pl
import pytest

from openmeasures import waiting
from openmeasures.errors import SourceError
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import SourceFile, recognise, rtt_waiting_times

# Typed from the publication, not taken from the reader: a test that used the reader's own list could not fail.
KEYS = (
    "Period",
    "Provider Parent Org Code",
    "Provider Parent Name",
    "Provider Org Code",
    "Provider Org Name",
    "Commissioner Parent Org Code",
    "Commissioner Parent Name",
    "Commissioner Org Code",
    "Commissioner Org Name",
    "RTT Part Type",
    "RTT Part Description",
    "Treatment Function Code",
    "Treatment Function Name",
)
AFTER = ("Total", "Patients with unknown clock start date", "Total All")
NAMES = {"C_110": "Trauma and Orthopaedic Service", "C_130": "Ophthalmology Service", "C_999": "Total"}
WAITING = "incomplete_pathways"
NON_ENGLISH = "_for_non_english_commissioners"


def _headings(last=104):
    return (
        *KEYS,
        *(f"Gt {week:02d} To {week + 1:02d} Weeks SUM 1" for week in range(last)),
        f"Gt {last} Weeks SUM 1",
        *AFTER,
    )


def _row(org, commissioner, part, function, waits, *, unknown="", total=None, blank="0", last=104):
    """Write a row; `waits` are patients by the weeks that everyone in their band has waited more than."""
    bands = ["" if part == "Part_3" else str(waits.get(week, blank)) for week in range(last + 1)]
    of_bands = sum(waits.values())
    is_completed = part.startswith("Part_1")
    return (
        "RTT-April-2026",
        "QX1",
        "NHS PLACE INTEGRATED CARE BOARD",
        org,
        f"{org} HOSPITALS, NHS TRUST",
        "",
        "",
        commissioner,
        "",
        part,
        "as described",
        function,
        NAMES[function],
        *bands,
        of_bands if is_completed else "",
        unknown,
        of_bands + int(unknown or 0) if total is None else total,
    )


def _whole(org, commissioner, waits, part="Part_2", **more):
    """Write one function and the total of all functions, which are then the same."""
    return [_row(org, commissioner, part, function, waits, **more) for function in ("C_110", "C_999")]


def _text(*rows, last=104, headings=None):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([headings or _headings(last), *rows])
    return text.getvalue()


def _file(*rows, text=None, **layout):
    content = (_text(*rows, **layout) if text is None else text).encode()
    return SourceFile("folder/extract.csv", "extract.csv", content)


def _read(*rows, **layout):
    return rtt_waiting_times.read(_file(*rows, **layout))


def _values(publication, metric=WAITING, breakdown="", key="org_code"):
    found = publication.observations.filter(metric=metric, breakdown=breakdown)
    return dict(found.select(key, "value").iter_rows())


def _checks(publication):
    """Return the findings, but for the parts that a small file has no rows of."""
    return [check for check in publication.checks if not check.startswith("no rows at all of")]


def _refused(file, message):
    """The file is refused with exactly these words behind its place."""
    with pytest.raises(SourceError) as refusal:
        rtt_waiting_times.read(file)
    assert str(refusal.value) == f"folder/extract.csv{message}"


SMALL = _whole("RXX", "01A", {0: 7, 17: 3, 18: 2, 52: 1})


# ---- recognised


@pytest.mark.parametrize("last", [104, 52])
def test_both_layouts_are_recognised(last):
    assert recognise(_file(last=last))[0] == "rtt_waiting_times"


@pytest.mark.parametrize(
    ("old", "new"),
    [("Period", "\ufeffPeriod"), ("Provider Org Code", '" provider  ORG code"'), ("\n", "\r\n")],
)
def test_headings_are_known_however_they_are_written(old, new):
    file = _file(text=_text(*SMALL).replace(old, new))
    assert rtt_waiting_times.recognises(file)
    assert _values(rtt_waiting_times.read(file)) == {"RXX": 7 + 3 + 2 + 1}


@pytest.mark.parametrize("text", ["", "a,b\n", "\0" + _text(), "Provider Org Code,RTT Part Type\n", '"\n'])
def test_other_files_are_not(text):
    assert not rtt_waiting_times.recognises(_file(text=text))


@pytest.mark.parametrize("heading", ["RTT Part Type", "Gt 00 To 01 Weeks SUM 1", "Provider Org Code"])
def test_an_extract_with_a_renamed_heading_is_recognised_and_the_heading_named(heading):
    file = _file(*SMALL, headings=["Other" if each == heading else each for each in _headings()])
    assert recognise(file)[0] == "rtt_waiting_times"
    with pytest.raises(
        SourceError, match="'000-001' is missing" if heading.startswith("Gt") else f"column '{heading}'"
    ):
        rtt_waiting_times.read(file)


# ---- metrics


def test_waits_are_counted_from_their_bands():
    """18 weeks to the day is within 18 weeks; over 52 weeks is more than 52 weeks to the day."""
    waits = {0: 1, 17: 10, 18: 100, 51: 1000, 52: 10_000, 64: 2, 65: 20, 77: 200, 78: 2000, 103: 3, 104: 30}
    read = _read(*_whole("RXX", "01A", waits))
    assert {name: _values(read, name).get("RXX") for name in read.observations["metric"].unique()} == {
        WAITING: sum(waits.values()),
        f"{WAITING}_within_18_weeks": 1 + 10,
        f"{WAITING}_over_52_weeks": 10_000 + 2 + 20 + 200 + 2000 + 3 + 30,
        f"{WAITING}_over_65_weeks": 20 + 200 + 2000 + 3 + 30,
        f"{WAITING}_over_78_weeks": 2000 + 3 + 30,
        f"{WAITING}_over_104_weeks": 30,
    }


@pytest.mark.parametrize(
    ("part", "metric"),
    [
        ("Part_1A", "completed_admitted_pathways"),
        ("Part_1B", "completed_non_admitted_pathways"),
        ("Part_2A", "incomplete_pathways_with_decision_to_admit"),
        ("Part_3", "new_rtt_periods"),
    ],
)
def test_the_other_parts_are_counts_whole_and_by_treatment_function(part, metric):
    read = _read(*_whole("RXX", "01A", {3: 5}, part=part))
    assert read.observations.select("metric", "breakdown", "category", "value").rows() == [
        (metric, "", "", 5.0),
        (metric, "treatment_function", "Trauma and Orthopaedic Service", 5.0),
    ]
    assert _checks(read) == []


def test_pathways_of_unknown_start_are_completed_and_in_no_band():
    read = _read(*_whole("RXX", "01A", {3: 5}, part="Part_1A", unknown="2"))
    assert _values(read, "completed_admitted_pathways") == {"RXX": 5 + 2}
    assert _checks(read) == []


def test_another_part_is_left_alone():
    read = _read(*SMALL, *_whole("RXX", "01A", {0: 1}, part="Part_4"))
    assert set(read.observations["metric"].str.slice(0, len(WAITING))) == {WAITING}


def test_providers_are_summed_over_english_commissioners():
    read = _read(*_whole("RXX", "01A", {0: 7}), *_whole("RXX", "Y56", {20: 5}), *_whole("RYY", "01A", {0: 1}))
    assert _values(read) == {"RXX": 7 + 5, "RYY": 1}
    assert _values(read, f"{WAITING}_within_18_weeks") == {"RXX": 7, "RYY": 1}


def test_other_countries_patients_are_kept_beside_them():
    read = _read(*_whole("RXX", "01A", {0: 7}), *_whole("RXX", "NONC", {60: 5}))
    assert (_values(read), _values(read, WAITING + NON_ENGLISH)) == ({"RXX": 7}, {"RXX": 5})
    assert _values(read, f"{WAITING}_over_52_weeks{NON_ENGLISH}") == {"RXX": 5}
    assert _values(read, WAITING + NON_ENGLISH, "treatment_function") == {}
    assert sum(_values(read, WAITING, "treatment_function").values()) == 7


def test_treatment_functions_are_parts_of_the_whole():
    functions = [_row("RXX", "01A", "Part_2", code, {week: 5}) for code, week in (("C_110", 0), ("C_130", 70))]
    read = _read(*functions, _row("RXX", "01A", "Part_2", "C_999", {0: 5, 70: 5}))
    named = ("Trauma and Orthopaedic Service", "Ophthalmology Service")
    for metric, values in ((WAITING, (5, 5)), (f"{WAITING}_over_65_weeks", (0, 5))):
        assert _values(read, metric, "treatment_function", "category") == dict(zip(named, values, strict=True))


# ---- week bands


def test_every_band_of_the_whole_list_is_there():
    read = _read(*SMALL)
    weeks = _values(read, breakdown="weeks_waited", key="category")
    assert sorted(weeks)[:2] + sorted(weeks)[-2:] == ["000-001", "001-002", "103-104", "104+"]
    assert {week: value for week, value in weeks.items() if value} == {
        "000-001": 7,
        "017-018": 3,
        "018-019": 2,
        "052-053": 1,
    }
    assert len(weeks) == 105


def test_edges_are_read_off_a_category():
    weeks = _read(*SMALL).observations.filter(breakdown="weeks_waited").sort("category")
    edges = weeks.select(lower=waiting.lower_edge(pl.col("category")), upper=waiting.upper_edge(pl.col("category")))
    assert edges.rows() == [*((week, week + 1) for week in range(104)), (104, None)]


def test_the_layout_to_52_weeks_tells_nothing_of_longer_waits():
    rows = [_row("RXX", "01A", "Part_2", code, {51: 4, 52: 3}, last=52) for code in ("C_110", "C_999")]
    read = _read(*rows, last=52)
    assert read.observations["metric"].unique().sort().to_list() == [
        WAITING,
        f"{WAITING}_over_52_weeks",
        f"{WAITING}_within_18_weeks",
    ]
    assert _values(read, f"{WAITING}_over_52_weeks") == {"RXX": 3}
    assert sorted(_values(read, breakdown="weeks_waited", key="category"))[-2:] == ["051-052", "052+"]


def test_a_blank_band_is_a_zero():
    blank, zero = (_read(*_whole("RXX", "01A", {5: 2}, blank=mark)).observations for mark in ("", "0"))
    assert blank.drop("release").equals(zero.drop("release"))


# ---- what is missing


def test_a_blank_total_makes_the_provider_not_submitted():
    rows = [*_whole("RXX", "01A", {0: 7}), *_whole("RXX", "02B", {0: 1}, total=""), *_whole("RYY", "01A", {0: 3})]
    read = _read(*rows)
    found = read.observations.filter(org_code="RXX")
    assert found.select("value", "status").unique().rows() == [(None, "not_submitted")]
    assert found.height == 6 + 6 + 105
    assert _values(read)["RYY"] == 3
    assert _checks(read) == ["'Total All' is blank in 2 rows, first in row 4"]


def test_a_part_without_rows_gives_nothing():
    read = _read(*SMALL, *_whole("RYY", "01A", {}, part="Part_3", total=9))
    assert set(_values(read)) == {"RXX"}
    assert _values(read, "new_rtt_periods") == {"RYY": 9}


def test_there_is_no_england_row():
    assert "ENG" not in _read(*SMALL).observations["org_code"]


# ---- the frames


def test_the_frames_follow_their_schemas():
    read = _read(*SMALL)
    assert Observations.is_valid(read.observations)
    assert Organisations.is_valid(read.organisations)


def test_the_period_is_the_month_and_the_release_the_file():
    file = _file(*SMALL)
    read = rtt_waiting_times.read(file).observations
    assert read.select("source", "period_start", "period_end", "release").unique().rows() == [
        ("rtt_waiting_times", date(2026, 4, 1), date(2026, 4, 30), file.sha256)
    ]


def test_organisations_are_named_with_the_board_above_them():
    rows = [*_whole("RXX", "01A", {0: 1}), *_whole("RYY", "01A", {0: 1})]
    without = [(*row[:2], "", *row[3:]) if row[3] == "RYY" else row for row in rows]
    assert _read(*without).organisations.select("org_code", "org_name", "parent_name").rows() == [
        ("RXX", "RXX HOSPITALS, NHS TRUST", "NHS PLACE INTEGRATED CARE BOARD"),
        ("RYY", "RYY HOSPITALS, NHS TRUST", ""),
    ]


def test_the_system_is_the_providers_parent_where_the_file_has_its_code():
    rows = _whole("RC9", "1", {0: 5})
    assert _read(*rows).organisations["system_code"].to_list() == ["QX1"]
    headings = [heading.replace("Provider Parent Org Code", "Something else") for heading in _headings()]
    assert _read(*rows, headings=headings).organisations["system_code"].to_list() == [None]


def test_capitals_of_the_period_do_not_matter():
    text = (
        _text(*SMALL).replace("RTT-April-2026", "RTT-FEBRUARY-2019", 1).replace("RTT-April-2026", "RTT-February-2019")
    )
    assert rtt_waiting_times.read(_file(text=text)).observations["period_end"][0] == date(2019, 2, 28)


def test_columns_are_found_wherever_they_stand():
    order = sorted(range(len(_headings())), key=lambda place: _headings()[place])
    rows = [[row[place] for place in order] for row in SMALL]
    read = _read(*rows, headings=[_headings()[place] for place in order])
    assert read.observations.drop("release").equals(_read(*SMALL).observations.drop("release"))


def test_empty_rows_are_left_alone():
    assert _values(_read(*SMALL, [""] * len(_headings()))) == {"RXX": 13}


def test_numbers_may_have_separators_or_a_decimal_zero():
    read = _read(*((*(" 1,204.0" if cell == "7" else cell for cell in row[:-1]), 1210) for row in SMALL))
    assert _values(read, breakdown="weeks_waited", key="category")["000-001"] == 1204
    assert _checks(read) == []


def test_names_in_windows_encoding_are_read():
    text = _text(*SMALL).replace("HOSPITALS", "HÔPITAL")
    read = rtt_waiting_times.read(SourceFile("x", "x.csv", text.encode("cp1252")))
    assert read.organisations["org_name"].to_list() == ["RXX HÔPITAL, NHS TRUST"]


# ---- the file's own totals


def test_totals_that_agree_are_not_mentioned():
    assert _checks(_read(*SMALL, *_whole("RXX", "NONC", {2: 1}, part="Part_1B", unknown="3"))) == []


def test_functions_that_do_not_add_up_are_told():
    rows = [_row("RXX", "NONC", "Part_2", "C_110", {0: 1000}), _row("RXX", "NONC", "Part_2", "C_999", {0: 2000})]
    assert _checks(_read(*rows)) == [
        "incomplete pathways for non-English commissioners, RXX: treatment functions add up to 1,000, the total of all "
        "functions is 2,000"
    ]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("C_110", "add up to 4, the total of all functions is missing"),
        ("C_999", "add up to missing, the total of all functions is 4"),
    ],
)
def test_a_total_without_functions_is_told_and_the_other_way_round(function, said):
    read = _read(_row("RXX", "01A", "Part_3", function, {0: 4}), *SMALL)
    assert _checks(read) == [f"new rtt periods, RXX: treatment functions {said}"]


def test_functions_that_differ_in_a_band_only_are_told():
    rows = [_row("RXX", "01A", "Part_2", "C_110", {9: 5}), _row("RXX", "01A", "Part_2", "C_999", {8: 5})]
    assert _checks(_read(*rows)) == [
        "incomplete pathways, RXX: treatment functions do not add up to the total of all functions in the band "
        "008-009 weeks"
    ]


def test_bands_that_do_not_add_up_are_told():
    assert _checks(_read(*_whole("RXX", "01A", {0: 4}, part="Part_1A", unknown="1", total=6))) == [
        f"completed admitted pathways, RXX: {name}: week bands add up to 5, 'Total All' is 6"
        for name in ("Trauma and Orthopaedic Service", "Total")
    ]


def test_of_many_differences_the_first_three_are_told():
    rows = [_row(f"R0{number}", "01A", "Part_3", "C_999", {0: 4}) for number in range(5)]
    checks = _checks(_read(*rows))
    assert [check.split(":")[0] for check in checks[:3]] == [f"new rtt periods, R0{number}" for number in range(3)]
    assert checks[3:] == ["and 2 more where treatment functions add up to"]


# ---- refused


def test_a_missing_column_is_named():
    headings = [heading.replace("Commissioner Org Code", "Commissioner Code") for heading in _headings()]
    _refused(
        _file(*SMALL, headings=headings),
        ": column 'Commissioner Org Code' is missing (121 columns found, 1 of 115 expected ones absent). Did you mean "
        "'Commissioner Code'? Download the file again.",
    )


@pytest.mark.parametrize(
    ("heading", "missing", "count"),
    [
        ("Gt 33 To 34 Weeks SUM 1", "033-034", 104),
        ("Gt 104 Weeks SUM 1", "103+", 104),
        ("Gt 103 To 104 Weeks SUM 1", "103+", 104),
    ],
)
def test_a_gap_between_bands_is_refused(heading, missing, count):
    headings = [each for each in _headings() if each != heading]
    _refused(
        _file(headings=headings),
        f": the week band {missing!r} is missing among {count} found; expected one a week and an open one at the end, "
        "such as 'Gt 104 Weeks SUM 1'. Download the file again.",
    )


def test_a_short_last_row_is_a_truncated_file():
    text = _text(*SMALL)
    _refused(
        _file(text=text[: text.rindex(",")]),
        ", last row: 120 cells found, 121 expected. The file looks truncated: download it again.",
    )


def test_a_file_without_its_last_line_break_is_truncated():
    """Cut within the last figure, which would be read as a smaller one."""
    _refused(
        _file(text=_text(*SMALL)[:-2]),
        ", last row: no line break after '1'; expected one, as in every file as "
        "published. The file looks truncated: download it again.",
    )


def test_a_file_that_ends_before_a_total_is_truncated():
    _refused(
        _file(*SMALL, *_whole("RYY", "02B", {0: 1})[:1]),
        ", row 4, the last: provider 'RYY', commissioner '02B', Part_2 has no row of all functions (C_999); "
        "expected one. The file looks truncated: download it again.",
    )


def test_parts_without_any_row_are_told():
    rows = [*SMALL, *_whole("RXX", "01A", {0: 1}, part="Part_1A"), *_whole("RXX", "01A", {0: 1}, part="Part_3")]
    assert _read(*rows).checks == [
        "no rows at all of incomplete pathways with decision to admit (Part_2A), completed non admitted pathways "
        "(Part_1B): the file may be cut off"
    ]


def _commissioned_by(row, system):
    return tuple(
        system if at == _headings().index("Commissioner Parent Org Code") else cell for at, cell in enumerate(row)
    )


@pytest.mark.parametrize(
    ("systems", "said"),
    [
        (["QX1", ""], []),
        (
            ["QX1", "QX3", "QX2"],
            [
                "no provider of 2 of 3 systems that commission, first QX2: the file may be cut off, "
                "and England lacks them"
            ],
        ),
    ],
)
def test_systems_that_commission_and_have_no_provider_are_told(systems, said):
    """Every row's provider is of QX1. The providers of a system stand together, and a cut file lacks the last."""
    rows = [_commissioned_by(row, of) for at, of in enumerate(systems) for row in _whole("RXX", f"0{at}A", {0: 1})]
    assert _checks(_read(*rows)) == said


@pytest.mark.parametrize("absent", ["Provider Parent Org Code", "Commissioner Parent Org Code"])
def test_an_edition_without_systems_is_read_all_the_same(absent):
    headings = [heading.replace(absent, "Something else") for heading in _headings()]
    read = _read(*(_commissioned_by(row, "QX2") for row in SMALL), headings=headings)
    assert (_values(read), _checks(read)) == ({"RXX": 13}, [])


def test_a_file_without_rows_is_refused():
    _refused(_file(), ": no rows below the headings. Download the file again.")


def test_two_months_are_refused():
    other = [
        tuple("RTT-May-2026" if cell == "RTT-April-2026" else cell for cell in row) for row in _whole("RYY", "01A", {})
    ]
    _refused(
        _file(*SMALL, *other),
        ", column 'Period': 'RTT-April-2026' and 'RTT-May-2026'; expected one month a file. Split the file.",
    )


def test_a_period_that_is_no_month_is_refused():
    _refused(
        _file(text=_text(*SMALL).replace("RTT-April-2026", "RTT-2026/27")),
        ", column 'Period': found 'RTT-2026/27', expected for example 'RTT-April-2026'. Download the file again, or "
        "tell the publisher.",
    )


@pytest.mark.parametrize("heading", ["Period", "Provider Org Code", "Commissioner Org Code", "Treatment Function Name"])
def test_a_row_without_a_key_is_refused(heading):
    place = _headings().index(heading)
    second = tuple(" " if number == place else cell for number, cell in enumerate(SMALL[1]))
    _refused(_file(SMALL[0], second), f", row 3: no {heading!r}; expected one. Download the file again.")


def test_a_row_given_twice_is_refused():
    _refused(
        _file(*SMALL, SMALL[0]),
        ", row 4: provider 'RXX', commissioner '01A', Part_2, 'Trauma and Orthopaedic Service' again; expected one row "
        "each. Download the file again.",
    )


@pytest.mark.parametrize("cell", ["-5", "*", "1.5", "n/a", "99999999999"])
def test_a_cell_that_is_no_whole_number_is_refused(cell):
    rows = [SMALL[0], tuple(cell if each == "3" else each for each in SMALL[1])]
    _refused(
        _file(*rows),
        f", row 3, column 'Gt 17 To 18 Weeks SUM 1': found {cell!r}, expected a whole number or nothing. Download the "
        "file again, or tell the publisher.",
    )


def test_what_is_no_csv_is_refused():
    text = _text(*SMALL).replace("Trauma", '"Trauma', 1)  # a quotation that never ends
    with pytest.raises(SourceError, match=r"^folder/extract\.csv: not CSV \(.*\)\. Download the file again\.$"):
        rtt_waiting_times.read(_file(text=text))
