import csv
import hashlib
import io
import re
import shutil
from statistics import mean

import polars as pl
import pytest

from openmeasures import project
from openmeasures.errors import DefinitionError
from openmeasures.periods import MONTH_NAMES
from openmeasures.sample import ae_monthly, stories
from openmeasures.sample import organisations as sample_organisations

PUBLISHED = project.root().parent / "shared" / "data" / "published"
needs_published_data = pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"no published data in {PUBLISHED}")

HEADERS = [
    "Period",
    "Org Code",
    "Parent Org",
    "Org name",
    "A&E attendances Type 1",
    "A&E attendances Type 2",
    "A&E attendances Other A&E Department",
    "A&E attendances Booked Appointments Type 1",
    "A&E attendances Booked Appointments Type 2",
    "A&E attendances Booked Appointments Other Department",
    "Attendances over 4hrs Type 1",
    "Attendances over 4hrs Type 2",
    "Attendances over 4hrs Other Department",
    "Attendances over 4hrs Booked Appointments Type 1",
    "Attendances over 4hrs Booked Appointments Type 2",
    "Attendances over 4hrs Booked Appointments Other Department",
    "Patients who have waited 4-12 hs from DTA to admission",
    "Patients who have waited 12+ hrs from DTA to admission",
    "Emergency admissions via A&E - Type 1",
    "Emergency admissions via A&E - Type 2",
    "Emergency admissions via A&E - Other A&E department",
    "Other emergency admissions",
]
WORKBOOK = "December-2022-AE-by-provider-synthetic.xlsx"
ATTENDANCES, OVER_4_HOURS = slice(0, 6), slice(6, 12)

# April 2022 to March 2026, written out, because the file names and periods have to be these and no others.
MONTHS = [f"{year + (at < 3)}-{at + 1:02}" for year in range(2022, 2026) for at in (*range(3, 12), *range(3))]
NAMES = dict(zip(MONTHS, [f"{MONTH_NAMES[int(m[5:]) - 1]}-{m[:4]}" for m in MONTHS], strict=True))
WORDS_FOR_ANY_TRUST = set(
    re.findall(
        "[A-Z]+",
        """NHS TRUST FOUNDATION ROYAL UNIVERSITY TEACHING GENERAL DISTRICT COMMUNITY MENTAL HEALTH EYE
        ORTHOPAEDIC HOSPITAL HOSPITALS AND WALK-IN URGENT TREATMENT CENTRE MARKET QUAYSIDE UPPER LOWER VALE COAST
        FENS CHILDREN'S""",
    )
)
# Every byte of every CSV. Another numpy or processor must give the same; a deliberate change belongs in the changelog.
SHA_256 = "6e7de8c3bf7beb3b5faa899c73c14e6b869f23b95bb7a56227dd9787c00e31ca"


def rows_of(path):
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def figures(row):
    return [int(cell) for cell in row[4:22]]


def headline(row):
    """The published headline: all types, booked appointments included."""
    return 100 * (1 - sum(figures(row)[OVER_4_HOURS]) / sum(figures(row)[ATTENDANCES]))


def type_1(row):
    return 100 * (1 - figures(row)[6] / figures(row)[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "made"
    ae_monthly.write(folder)
    return folder


@pytest.fixture(scope="module")
def series(folder):
    """Rows by organisation and month; the revised file where there is one."""
    found = {}
    for month, name in NAMES.items():
        revised = folder / f"{name}-synthetic-revised.csv"
        for row in rows_of(revised if revised.exists() else folder / f"{name}-synthetic.csv")[1:-1]:
            found.setdefault(row[1], {})[month] = row
    return found


@pytest.fixture(scope="module")
def organisations():
    return sample_organisations.read_organisations()


@pytest.fixture
def fork(tmp_path, monkeypatch):
    """A project of one's own, with a copy of the reference tables to spoil."""
    (tmp_path / "_quarto.yml").touch()
    (tmp_path / "analyses").mkdir()
    shutil.copytree(sample_organisations.reference_folder(), tmp_path / "reference" / "sample")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "reference" / "sample"


def replaced(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


# The same for ever


def test_two_writes_are_equal_byte_for_byte(folder, tmp_path):
    written = ae_monthly.write(tmp_path)
    assert {p.name: p.read_bytes() for p in written} == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_bytes_are_those_of_every_other_machine(folder):
    contents = b"".join(path.read_bytes() for path in sorted(folder.glob("*.csv")))
    assert hashlib.sha256(contents).hexdigest() == SHA_256


def test_one_organisation_more_changes_no_other(fork, folder, tmp_path):
    path = fork / "organisations.csv"
    added = "Z-99,Elsewick NHS Trust,acute trust,Sundrey,Sundrey,8000,0,0,0.6,,\n"
    path.write_text(path.read_text(encoding="utf-8") + added, encoding="utf-8")
    for written in [path for path in ae_monthly.write(tmp_path / "more") if path.suffix == ".csv"]:
        assert [row for row in rows_of(written)[:-1] if row[1] != "Z-99"] == rows_of(folder / written.name)[:-1]


def test_a_story_less_changes_no_other_month(fork, series, tmp_path):
    path = fork / "organisations.csv"
    path.write_text(re.sub(r",shock,.*", ",,", path.read_text(encoding="utf-8")), encoding="utf-8")
    ae_monthly.write(tmp_path / "less")
    for month, name in NAMES.items():
        (row,) = [row for row in rows_of(tmp_path / "less" / f"{name}-synthetic.csv") if row[1] == "Z-07"]
        assert (row == series["Z-07"][month]) is (month != "2025-06")


# Layout


def test_one_file_a_month_a_second_for_the_revised_one_and_a_workbook(folder):
    expected = [f"{name}-synthetic.csv" for name in NAMES.values()]
    assert len(expected) == 48
    expected.insert(expected.index("October-2025-synthetic.csv") + 1, "October-2025-synthetic-revised.csv")
    expected.insert(expected.index("December-2022-synthetic.csv") + 1, WORKBOOK)
    assert [path.name for path in ae_monthly.write(folder)] == expected
    assert sorted(path.name for path in folder.iterdir()) == sorted(expected)


def test_headers_are_the_publications(folder):
    for path in folder.glob("*.csv"):
        stray = ["", "", "", "", "", "a"] if path.name.startswith("September-2024") else []
        assert rows_of(path)[0] == HEADERS + stray


@needs_published_data
def test_headers_are_those_of_a_published_file():
    published = PUBLISHED / "ae-monthly-csv" / "March-2024-revised-130624-abcdef123.csv"
    assert rows_of(published)[0] == HEADERS


def test_lines_end_as_in_the_publication(folder):
    for path in folder.glob("*.csv"):
        content = path.read_bytes()
        assert content.endswith(b"\r\n")
        assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")


def test_some_months_begin_with_a_byte_order_mark(folder):
    marked = {path.name for path in folder.glob("*.csv") if path.read_bytes().startswith(b"\xef\xbb\xbf")}
    assert marked == {f"{month}-2023-synthetic.csv" for month in ("July", "August", "September")}


def test_every_row_names_its_month_in_capitals(folder):
    for path in folder.glob("*.csv"):
        month, year = path.name.split("-")[:2]
        assert {row[0] for row in rows_of(path)[1:-1]} == {f"MSitAE-{month.upper()}-{year}"}


def test_names_are_in_capitals_and_one_needs_quotes(folder):
    rows = rows_of(folder / "April-2022-synthetic.csv")[1:-1]
    assert all(row[3] == row[3].upper() for row in rows)
    assert (
        '"MARLOWICK, GRENWOLD AND SEDGEMARLE NHS FOUNDATION TRUST"' in (folder / "April-2022-synthetic.csv").read_text()
    )


def test_parents_end_in_a_space_but_for_one_region(folder):
    parents = {row[2] for row in rows_of(folder / "April-2022-synthetic.csv")[1:-1]}
    assert parents == {
        "NHS ENGLAND NORROWLAND ",
        "NHS ENGLAND ESTERMARCH ",
        "NHS ENGLAND THORNREACH ",
        "NHS ENGLAND SUNDREY",
    }


def test_total_row_is_spelt_as_variously_as_in_the_publication(folder):
    spelt = {tuple(rows_of(path)[-1][:4]) for path in folder.glob("*.csv")}
    assert spelt == {
        ("TOTAL", "TOTAL", "TOTAL", "TOTAL"),
        ("TOTAL", "TOTAL ", "TOTAL ", "TOTAL "),
        ("TOTAl", "TOTAl", "TOTAl", "TOTAl"),
        ("Total", "Total", "Total", "Total"),
        ("Total ", "Total", "Total", "Total"),
        ("Total ", "Total ", "Total ", "Total "),
        ("Total", "Total ", "Total", "Total"),
        ("MSitAE-FEBRUARY-2026", "TOTAL", "TOTAL", "TOTAL"),
    }
    assert rows_of(folder / "February-2026-synthetic.csv")[-1][0] == "MSitAE-FEBRUARY-2026"


def test_organisations_add_up_to_the_total(folder):
    for path in folder.glob("*.csv"):
        *rows, total = rows_of(path)[1:]
        assert [sum(column) for column in zip(*map(figures, rows), strict=True)] == figures(total)


def test_figures_are_consistent_with_each_other(folder):
    for path in folder.glob("*.csv"):
        for row in rows_of(path)[1:]:
            n = figures(row)
            assert min(n) >= 0
            assert all(over <= attended for over, attended in zip(n[OVER_4_HOURS], n[ATTENDANCES], strict=True))
            assert n[13] <= n[12]
            assert n[12] + n[13] <= n[14]
            assert all(n[14 + at] <= n[at] for at in range(3))


# Nothing is real


def test_no_code_can_be_an_ods_code(organisations):
    assert organisations["org_code"].to_list() == [f"Z-{number:02}" for number in range(1, 31)]
    assert not [code for code in organisations["org_code"] if code.isalnum()]


@needs_published_data
def test_no_name_and_no_place_is_a_real_one(organisations):
    with (PUBLISHED / "ods" / "etr.csv").open(encoding="latin-1", newline="") as lines:
        register = list(csv.reader(lines))
    published = [row for path in (PUBLISHED / "ae-monthly-csv").iterdir() for row in rows_of(path)[1:]]
    real_names = {row[1].upper() for row in register} | {row[3].upper() for row in published}
    real_words = set(re.findall(r"[A-Z]+", " ".join(cell.upper() for row in register + published for cell in row)))
    names = pl.concat([organisations[column] for column in ("org_name", "system_name", "region_name")])
    assert not {name.upper() for name in names} & real_names
    places = set(re.findall(r"[A-Z]+", " ".join(names).upper())) - WORDS_FOR_ANY_TRUST
    assert {"HARKENFELL", "OSKERBY", "SUNDREY"} <= places
    assert not places & real_words


# Planted truths


def test_england_is_at_a_realistic_level(folder):
    totals = [rows_of(path)[-1] for path in folder.glob("*.csv")]
    assert 73 < mean(map(headline, totals)) < 76
    assert 58 < mean(map(type_1, totals)) < 62
    assert all(71 < headline(total) < 78 for total in totals)


def test_february_has_the_fewest_attendances_and_december_the_longest_waits(folder):
    totals = {name: rows_of(folder / f"{name}-synthetic.csv")[-1] for name in NAMES.values()}
    attended, share = (
        {m: mean(measure(row) for name, row in totals.items() if name.startswith(m)) for m in MONTH_NAMES}
        for measure in (lambda row: sum(figures(row)[ATTENDANCES]), headline)
    )
    assert min(attended, key=attended.get) == "February"
    assert min(share, key=share.get) == "December"


def test_some_book_appointments_and_some_do_not(series):
    booked = {code: sum(sum(figures(row)[3:6]) for row in rows.values()) for code, rows in series.items()}
    attended = {code: sum(sum(figures(row)[:3]) for row in rows.values()) for code, rows in series.items()}
    assert 5 < sum(n > 0 for n in booked.values()) < 25
    assert 0.01 < sum(booked.values()) / sum(attended.values()) < 0.06


def test_step_improvement_of_about_eight_points_lasts(series):
    before = [headline(row) for month, row in series["Z-03"].items() if month < "2024-10"]
    after = [headline(row) for month, row in series["Z-03"].items() if month >= "2024-10"]
    assert mean(after) - mean(before) == pytest.approx(8, abs=1)
    assert min(after) > mean(before + after)
    assert mean(after[-6:]) - mean(before) > 7


def test_shock_is_one_month_far_below(series):
    by_month = {month: headline(row) for month, row in series["Z-07"].items()}
    shock = by_month.pop("2025-06")
    assert shock < min(by_month.values()) - 15


def test_slow_decline_takes_twenty_months_and_about_twelve_points(series):
    by_month = {month: type_1(row) for month, row in series["Z-12"].items()}
    before = mean(by_month[f"2023-{at:02}"] for at in range(1, 13))
    assert before - mean(by_month[month] for month in ("2026-01", "2026-02", "2026-03")) == pytest.approx(12, abs=2)
    assert before > mean(by_month[m] for m in MONTHS[28:38]) > mean(by_month[m] for m in MONTHS[38:48])
    assert max(headline(series["Z-12"][m]) for m in MONTHS[-7:]) < mean(map(headline, series["Z-12"].values()))


def test_one_trust_did_not_submit_for_three_months(series):
    assert [month for month in MONTHS if month not in series["Z-17"]] == ["2023-08", "2023-09", "2023-10"]


def test_predecessor_stops_and_its_patients_are_counted_with_the_successor(series):
    assert list(series["Z-21"]) == [month for month in MONTHS if month < "2024-04"]
    attended = {code: {m: figures(row)[0] for m, row in series[code].items()} for code in ("Z-20", "Z-21")}
    before = mean(n for month, n in attended["Z-20"].items() if month < "2024-04")
    after = mean(n for month, n in attended["Z-20"].items() if month >= "2024-04")
    assert after - before == pytest.approx(mean(attended["Z-21"].values()), rel=0.1)


def test_zeros_over_four_hours_are_not_zeros_for_nine_months(series):
    zero = [month for month, row in series["Z-15"].items() if sum(figures(row)[OVER_4_HOURS]) == 0]
    assert zero == [f"2022-{at:02}" for at in range(9, 13)] + [f"2023-{at:02}" for at in range(1, 6)]
    assert all(sum(figures(series["Z-15"][month])[ATTENDANCES]) > 15_000 for month in zero)
    assert all(figures(series["Z-15"][month])[12] > 0 for month in zero)  # waits for a bed went on being counted


def test_stable_trust_stays_within_its_common_cause(series):
    shares = [headline(row) for row in series["Z-06"].values()]
    assert max(shares) - min(shares) < 10
    assert mean(shares[-12:]) == pytest.approx(mean(shares), abs=1)


def test_one_trust_is_sometimes_above_the_standard(series):
    above = [headline(row) > 95 for row in series["Z-11"].values()]
    assert 12 < sum(above) < 36


def test_one_trust_is_below_every_other_in_every_month(series, organisations):
    acute = organisations.filter(pl.col("org_type") == "acute trust")["org_code"]
    for month in MONTHS:
        shares = {code: headline(series[code][month]) for code in acute if month in series[code]}
        if month == "2025-06":
            del shares["Z-07"]  # the shock
        assert min(shares, key=shares.get) == "Z-09"


def test_the_revised_file_changes_one_trust_and_the_total(folder):
    first, revised = (rows_of(folder / f"October-2025-synthetic{end}.csv") for end in ("", "-revised"))
    changed = [(a, b) for a, b in zip(first, revised, strict=True) if a != b]
    assert [b[1] for _, b in changed] == ["Z-16", "TOTAL"]
    (before, after), _ = changed
    over_before, over_after = figures(before)[6], figures(after)[6]
    assert over_before == round(0.9 * over_after)
    assert [n for at, n in enumerate(before) if not 10 <= at < 16] == [
        n for at, n in enumerate(after) if not 10 <= at < 16
    ]


def test_a_hospital_without_ae_is_there_for_its_other_admissions(series):
    for row in series["Z-18"].values():
        *through_ae, other = figures(row)
        assert through_ae == [0] * 17
        assert other > 0


def test_every_story_is_planted_once(organisations):
    assert sorted(organisations["story"].drop_nulls()) == sorted(stories.Story)


@pytest.mark.parametrize(
    ("story", "months"),
    [
        (stories.Story.STEP_IMPROVEMENT, [stories.STEP_FROM]),
        (stories.Story.SHOCK, [stories.SHOCK_MONTH]),
        (stories.Story.SLOW_DECLINE, [stories.DECLINE_FROM, stories.LAST_MONTH]),
        (stories.Story.NOT_SUBMITTED, stories.NOT_SUBMITTED_MONTHS),
        (stories.Story.OTHER_STANDARD, stories.OTHER_STANDARD_MONTHS),
        (stories.Story.REVISED, [stories.REVISED_MONTH]),
    ],
)
def test_notes_name_the_months_that_are_planted(organisations, story, months):
    note = organisations.row(by_predicate=pl.col("story") == story, named=True)["story_note"]
    assert re.findall(r"[A-Z][a-z]+ \d{4}", note) == [f"{MONTH_NAMES[m.month - 1]} {m.year}" for m in months]


# The reference tables


def test_organisations_are_typed(organisations):
    row = organisations.row(0, named=True)
    assert row["monthly_attendances_type_1"] == 17200
    assert row["within_four_hours"] == 0.58
    assert row["story"] is None
    assert organisations["region_name"].n_unique() == 4
    assert organisations["system_name"].n_unique() == 6


def test_the_planted_merger_is_in_the_successions():
    assert sample_organisations.read_successions().select(
        "org_code", "successor_code", pl.col("date").cast(pl.String)
    ).rows() == [("Z-21", "Z-20", "2024-04-01")]


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("Z-02", "Z-01", "primary_key"),
        ("Z-02", "RJ1", "org_code|regex"),
        ("8900,0,4300", "many,0,4300", "monthly_attendances_type_1|dtype"),
        ("8900,0,4300", "-1,0,4300", "monthly_attendances_type_1|min"),
        (",0.62,,", ",1.01,,", "within_four_hours|max"),
        (",0.62,,", ",,,", "within_four_hours_stands_exactly_with_type_1"),
        (",0.62,,", ",0.62,stable,", "note_stands_exactly_with_story"),
        (",0.62,,", ",0.62,miracle,None.", "story|dtype"),
        ("Brindlewick Hospitals NHS Trust", "Brindlewick Hospitals", "trusts_alone_are_named_nhs_trust"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_by_its_name(fork, old, new, rule):
    replaced(fork / "organisations.csv", old, new)
    with pytest.raises(DefinitionError, match=rf"organisations\.csv: rows \[.*{re.escape(rule)}"):
        sample_organisations.read_organisations()


def test_another_header_is_refused(fork):
    replaced(fork / "organisations.csv", "org_code,org_name", "org_code,name")
    with pytest.raises(DefinitionError, match=r"columns .*'name'.* expected .*'org_name'"):
        sample_organisations.read_organisations()


@pytest.mark.parametrize("content", ["", "a,b\n1,2,3\n"])
def test_what_is_no_table_is_refused(fork, content):
    (fork / "organisations.csv").write_text(content)
    with pytest.raises(DefinitionError, match="not a table"):
        sample_organisations.read_organisations()


def test_a_missing_table_is_refused(fork):
    (fork / "successions.csv").unlink()
    with pytest.raises(DefinitionError, match=r"successions\.csv: no such file"):
        sample_organisations.read_successions()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Z-21,Z-20,", "Z-21,Z-77,", r"successor_code \['Z-77'\] not in organisations"),
        ("Z-21,Z-20,", "Z-77,Z-20,", r"org_code \['Z-77'\] not in organisations"),
        ("Z-21,Z-20,", "Z-21,Z-21,", "successor_is_another_organisation"),
        ("2024-04-01", "01/04/2024", r"date\|nullability"),
    ],
)
def test_a_succession_that_cannot_be_is_refused(fork, old, new, message):
    replaced(fork / "successions.csv", old, new)
    with pytest.raises(DefinitionError, match=message):
        sample_organisations.read_successions()
