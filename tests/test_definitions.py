import re
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from openmeasures import definitions
from openmeasures.errors import DefinitionError, ParameterError
from openmeasures.methods import rulesets
from openmeasures.methods.assurance import ROUNDING

STANDARDS = """\
standards:
  - {name: Old, value: 98, from: 2004-01-01, to: 2010-06-20, url: "https://x.uk/", title: T, verified: false}
  - {name: National, value: 95, from: 2010-06-21, url: "https://x.uk/", title: T, verified: true}
  - {name: Milestone, value: 76, from: 2023-04-01, to: 2024-03-31, url: "https://x.uk/", title: T, verified: false}
"""
SERIES = """\
series:
  - id: type_1
    title: Type 1
    numerator: {text: N, label: n, add: [attendances_type_1]}
    denominator: {text: D, label: d, add: [attendances_type_1]}
"""


@pytest.fixture
def analyses(tmp_path, measure_yml):
    """A folder of two measures, and a folder that is none."""
    for name in ("four_hours", "twelve_hours"):
        (tmp_path / "analyses" / name).mkdir(parents=True)
        (tmp_path / "analyses" / name / "measure.yml").write_text(measure_yml, encoding="utf-8")
    (tmp_path / "analyses" / "notes").mkdir()
    return tmp_path / "analyses"


@pytest.fixture
def load(analyses, measure_yml):
    """Load the measure with one text in place of another, or with more at the end."""

    def changed(found="", instead="", *, more=""):
        assert found in measure_yml
        (analyses / "four_hours" / "measure.yml").write_text(
            measure_yml.replace(found, instead, 1) + more, encoding="utf-8"
        )
        return definitions.load(analyses / "four_hours")

    return changed


@pytest.fixture
def refused(load, analyses):
    """Return what is said of a measure that cannot be loaded."""

    def said(*change, **more):
        with pytest.raises(DefinitionError) as refusal:
            load(*change, **more)
        message = str(refusal.value)
        assert message.startswith(f"{analyses / 'four_hours' / 'measure.yml'}: ")
        assert "\n" not in message
        return message

    return said


# ---- load


def test_a_measure_is_read(load):
    measure = load()
    assert (measure.title, measure.unit, measure.decimals) == ("A&E within four hours", "percent", 1)
    assert (measure.reviewed, measure.next_review) == (date(2024, 4, 1), date(2025, 4, 1))


def test_the_folders_name_is_the_id(load, analyses):
    measure = load()
    assert (measure.id, measure.folder) == ("four_hours", analyses / "four_hours")


def test_the_working_directory_is_the_default(analyses, monkeypatch):
    monkeypatch.chdir(analyses / "four_hours")
    assert definitions.load().id == "four_hours"


def test_what_is_optional_is_empty(load):
    measure = load()
    assert (measure.standards, measure.series, measure.caveats, measure.changes) == ([], [], [], [])
    assert measure.peers.having_series is None


def test_a_part_names_the_added_metrics_first(load):
    assert load().numerator.metrics == ["attendances_type_1", "over_four_hours_type_1"]


def test_a_measure_cannot_be_changed(load):
    measure = load()
    with pytest.raises(ValidationError, match="frozen"):
        measure.title = "Another"


# ---- what is refused


def test_a_missing_file_is_named(analyses):
    with pytest.raises(DefinitionError, match=r"notes/measure.yml: no such file .*See analyses/README.md"):
        definitions.load(analyses / "notes")


@pytest.mark.parametrize(
    ("found", "instead", "said"),
    [
        ("title:", "titel:", "unknown key 'titel'. Did you mean 'title'?"),
        ("title:", "titel:", "'title' is missing."),
        ("unit:", "unitary_authority_of:", "unknown key 'unitary_authority_of'. See"),
        ("subtract:", "minus:", "unknown key 'numerator.minus'."),
        ("author: A. Uthor\n", "", "'author' is missing."),
        ("  text: All type 1 attendances\n", "", "'denominator.text' is missing."),
        ("add: [attendances_type_1]", "add: []", "'numerator.add' is []: list should have at least 1 item"),
        ("unit: percent", "unit: percents", "'unit' is 'percents': input should be 'percent', 'per 1,000'"),
        ("status: draft", "status: done", "'status' is 'done'"),
        ("improvement: increase", "improvement: up", "'improvement' is 'up'"),
        ("levels: [provider, england]", "levels: [trust]", "'levels.0' is 'trust'"),
        ("reviewed: 2024-04-01", "reviewed: 2024-02-30", "'reviewed' is '2024-02-30': input should be a valid date"),
        ("reviewed: 2024-04-01", "reviewed: spring", "'reviewed' is 'spring'"),
        ("reviewed: 2024-04-01", "reviewed: 01/04/2024", "'reviewed' is '01/04/2024'"),
        ("reviewed: 2024-04-01", "reviewed:", "'reviewed' is None"),
        ("url: https", "url: htps", "'references.0.url' is 'htps"),
        ("    verified: true\n", "", "'references.0.verified' is missing."),
        ("verified: true", "verified: perhaps", "'references.0.verified' is 'perhaps'"),
        ("unit: percent", "unit: percent\ndecimals: 4", "'decimals' is 4: input should be less than or equal to 3"),
        ("unit: percent", "unit: percent\ndecimals: -1", "'decimals' is -1"),
        ("unit: percent", "unit: percent\n3: 4", "'3' is 3: keys should be strings"),
    ],
)
def test_a_wrong_field_is_named(refused, found, instead, said):
    message = refused(found, instead)
    assert said in message
    assert message.endswith("See analyses/README.md for the fields.")


NUMERATOR = "  add: [attendances_type_1]\n  subtract: [over_four_hours_type_1]\n"
DISCLOSURE = """\
disclosure:
  rounded_to: 5
  suppressed_below: 5
  zero_suppressed: true
  percentage_decimals: 0
  england_percentage_decimals: 1
"""


def test_a_numerator_can_be_a_published_percentage(load):
    measure = load(NUMERATOR, "  percentage: share\n", more=DISCLOSURE)
    assert measure.numerator.metrics == ["share"]
    assert "share" in measure.metrics


@pytest.mark.parametrize(
    "parts",
    ["", "  percentage: share\n  add: [a]\n", "  percentage: share\n  subtract: [a]\n", "  subtract: [a]\n"],
)
def test_a_part_is_added_up_or_a_percentage(refused, parts):
    assert "expected 'add', with or without 'subtract', or else 'percentage' alone" in refused(
        NUMERATOR, parts, more=DISCLOSURE
    )


def test_a_denominator_is_no_percentage(refused):
    said = refused("All type 1 attendances\n  label: attendances\n  add: [attendances_type_1]",
                   "All\n  label: all\n  percentage: share", more=DISCLOSURE)  # fmt: skip
    assert "'percentage' is for a numerator" in said


def test_a_percentage_needs_to_be_known_how_it_is_rounded(refused):
    assert "a numerator with 'percentage' needs 'disclosure'" in refused(NUMERATOR, "  percentage: share\n")


def test_every_fault_is_named_at_once(refused):
    message = refused("author: A. Uthor\nchecked_by: C. Hecker\n", "")
    assert "'author' is missing. 'checked_by' is missing." in message


def test_a_measure_needs_a_reference(refused):
    found = (
        "references:\n  - title: A&E statistics\n    url: https://www.england.nhs.uk/statistics/\n    verified: true\n"
    )
    assert "'references' is []" in refused(found, "references: []\n")


@pytest.mark.parametrize("key", ["id", "folder"])
def test_what_the_folder_says_cannot_be_said_again(refused, key):
    assert f"{key!r} is not a field: the folder's name is the measure's id." in refused(more=f"{key}: four_hours\n")


@pytest.mark.parametrize("section", ["standards", "caveats"])
def test_a_span_that_ends_before_it_starts_is_refused(refused, section):
    fields = {
        "standards": '{name: S, value: 1, url: "https://x.uk", title: T, verified: true, '
        "from: 2024-03-02, to: 2024-03-01}",
        "caveats": "{text: C, from: 2024-03-02, to: 2024-03-01}",
    }
    message = refused(more=f"{section}: [{fields[section]}]\n")
    assert f"'{section}.0' is" in message
    assert "'to' (2024-03-01) is before 'from' (2024-03-02)" in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "found NoneType, expected fields and values."),
        (b"- a\n- list", "found list, expected fields and values."),
        (b"just text", "found str, expected fields and values."),
        (b"title: [", "not valid YAML: while parsing"),
        (b"title: A: B", "not valid YAML: mapping values are not allowed"),
        (b"title: !!python/object:os.system {}", "not valid YAML: could not determine a constructor"),
        (b"title: caf\xe9\n", "not UTF-8 (invalid continuation byte at byte 10). Save it as UTF-8."),
    ],
)
def test_a_file_that_is_no_measure_at_all_is_refused(analyses, content, said):
    path = analyses / "four_hours" / "measure.yml"
    path.write_bytes(content)
    with pytest.raises(DefinitionError) as refusal:
        definitions.load(analyses / "four_hours")
    assert str(refusal.value).startswith(f"{path}: {said}")


# ---- peers


@pytest.fixture
def with_having_series():
    """Return the change to `measure.yml` that names the series in which those that have the metric are compared."""
    return lambda name: ("peers:\n", f"peers:\n  having_series: {name}\n")


def test_peers_may_be_compared_in_one_of_the_series(load, with_having_series):
    assert load(*with_having_series("type_1"), more=SERIES).peers.having_series == "type_1"


@pytest.mark.parametrize(("series", "known"), [(SERIES, "type_1"), ("", "none")])
def test_a_series_to_compare_in_that_does_not_exist_is_refused(refused, with_having_series, series, known):
    said = f"'having_series' is 'type_2', expected one of 'series' ({known})."
    assert said in refused(*with_having_series("type_2"), more=series)


BY_TYPE = "  breakdown: type\n  everyone: organisations of every type\n  having: of the type {part}\n"


def test_peers_may_be_those_of_the_same_part_of_a_breakdown(load):
    peers = load("  having: organisations with a type 1 department\n", BY_TYPE).peers
    assert (peers.breakdown, peers.everyone) == ("type", "organisations of every type")


@pytest.mark.parametrize("line", BY_TYPE.splitlines(keepends=True)[:2])
def test_peers_by_breakdown_need_all_their_words(refused, line):
    said = "'breakdown', 'everyone' and '{part}' in 'having' need each other; give all or none"
    assert said in refused("  having: organisations with a type 1 department\n", BY_TYPE.replace(line, ""))
    assert said in refused("  having:", f"{line}  having:")


def test_series_at_fault_are_named_and_not_the_peers_that_rest_on_them(refused, with_having_series):
    message = refused(*with_having_series("type_1"), more=SERIES.replace("    title: Type 1\n", ""))
    assert "'series.0.title' is missing." in message
    assert "having_series" not in message


# ---- standards


def test_a_standard_says_whether_we_saw_it_in_the_original(load):
    assert [standard.verified for standard in load(more=STANDARDS).standards] == [False, True, False]


def test_a_standard_that_does_not_say_so_is_refused(refused):
    assert "'standards.1.verified' is missing." in refused(more=STANDARDS.replace(", verified: true", ""))


@pytest.mark.parametrize(
    ("day", "names"),
    [
        (date(2004, 1, 1) - timedelta(days=1), []),
        (date(2004, 1, 1), ["Old"]),
        (date(2010, 6, 20), ["Old"]),
        (date(2010, 6, 21), ["National"]),
        (date(2023, 4, 1) - timedelta(days=1), ["National"]),
        (date(2023, 4, 1), ["Milestone", "National"]),
        (date(2024, 3, 31), ["Milestone", "National"]),
        (date(2024, 3, 31) + timedelta(days=1), ["National"]),
        (date.max, ["National"]),
    ],
)
def test_the_standards_in_force_begin_with_the_one_that_began_last(load, day, names):
    assert [standard.name for standard in load(more=STANDARDS).standards_on(day)] == names


@pytest.mark.parametrize(
    ("day", "name"),
    [(date(2004, 1, 1), None), (date(2010, 6, 21), "National"), (date(2024, 3, 31), "National")],
)
def test_the_standard_that_lasts_is_never_a_milestone(load, day, name):
    lasting = load(more=STANDARDS).lasting_standard_on(day)
    assert (lasting.name if lasting else None) == name


def test_without_standards_none_is_in_force(load):
    assert load().standards_on(date(2024, 3, 1)) == []
    assert load().lasting_standard_on(date(2024, 3, 1)) is None


def test_a_standard_of_one_day_is_in_force_on_it(load):
    one_day = '{name: S, value: 1, from: 2024-03-01, to: 2024-03-01, url: "https://x.uk/", title: T, verified: true}'
    [standard] = load(more=f"standards: [{one_day}]\n").standards
    days = [date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 2)]
    assert [standard.in_force(day) for day in days] == [False, True, False]


# ---- units


@pytest.mark.parametrize(
    ("unit", "scale", "bounds"),
    [
        ("percent", 100, (0, 100)),
        ("per 1,000", 1000, (0, None)),
        ("per 100,000", 100_000, (0, None)),
        ("minutes", 1 / 60, (0, None)),  # times are published in seconds
        ("ratio", 1, (0, None)),
    ],
)
def test_a_unit_has_its_scale_and_bounds(load, unit, scale, bounds):
    measure = load("unit: percent", f'unit: "{unit}"')
    assert (measure.scale, measure.natural_bounds) == (scale, bounds)


@pytest.mark.parametrize(("kind", "highest"), [("proportion", 100), ("ratio", None)])
def test_a_ratio_in_per_cent_may_be_above_100(load, kind, highest):
    assert load("kind: proportion", f"kind: {kind}").natural_bounds == (0, highest)


@pytest.mark.parametrize(
    ("unit", "value", "written"),
    [
        ("percent", 74.349, "74.3\u00a0%"),
        ("percent", 0, "0.0\u00a0%"),
        ("percent", 100, "100.0\u00a0%"),
        ("percent", None, "no figure"),
        ("per 1,000", 1234.56, "1,234.6 per 1,000"),
        ("weeks", 14.25, "14.2 weeks"),
        ("minutes", None, "no figure"),
    ],
)
def test_a_value_is_written_with_its_unit(load, unit, value, written):
    assert load("unit: percent", f'unit: "{unit}"').written(value) == written


@pytest.mark.parametrize(("decimals", "written"), [(0, "74\u00a0%"), (1, "74.3\u00a0%"), (2, "74.35\u00a0%")])
def test_a_value_is_written_with_as_many_decimals_as_asked(load, decimals, written):
    assert load().written(74.349, decimals=decimals) == written


def test_the_measure_says_how_many_decimals_are_usual(load):
    assert load("unit: percent", "unit: percent\ndecimals: 0").written(74.349) == "74\u00a0%"


@pytest.mark.parametrize(
    ("unit", "value", "written"),
    [
        ("percent", 95, "95\u00a0%"),
        ("percent", 99.5, "99.5\u00a0%"),
        ("percent", 0, "0\u00a0%"),
        ("percent", 100, "100\u00a0%"),
        ("percent", 0.1 + 0.2, "0.3\u00a0%"),
        ("minutes", 1200.25, "1,200.25 minutes"),
        ("weeks", 18, "18 weeks"),
    ],
)
def test_a_value_that_was_set_is_written_with_the_decimals_that_it_has(load, unit, value, written):
    assert load("unit: percent", f"unit: {unit}\ndecimals: 1").written_as_set(value) == written


@pytest.mark.parametrize(
    ("value", "lines", "decimals"),
    [
        (64.98, [65], 2),
        (64.998, [65], 3),
        (64.99998, [65], 3),  # three are the most
        (65, [65], 1),
        (65 * (1 + 1e-15), [65], 1),  # the last bit makes no difference
        (64.9, [65], 1),
        (64.98, [], 1),
        (64.98, [92, 65], 2),
    ],
)
def test_a_value_has_as_many_decimals_as_tell_it_from_a_line(load, value, lines, decimals):
    assert load("unit: percent", "unit: percent\ndecimals: 1").decimals_apart(value, lines) == decimals


def test_a_measure_of_three_decimals_keeps_them(load):
    assert load("unit: percent", "unit: percent\ndecimals: 3").decimals_apart(64.98, [65]) == 3


@pytest.mark.parametrize(
    ("value", "day", "written"),
    [
        (94.98, date(2023, 1, 1), "94.98\u00a0%"),
        (94.98, date(2010, 1, 1), "95.0\u00a0%"),  # when another standard was in force
        (76.04, date(2023, 4, 1), "76.04\u00a0%"),
        (95, date(2023, 1, 1), "95.0\u00a0%"),
        (None, date(2023, 1, 1), "no figure"),
    ],
)
def test_a_value_is_told_apart_from_the_standards_of_its_day(load, value, day, written):
    assert load(more=STANDARDS).written_on(value, day) == written


def test_numbers_are_equal_here_as_they_are_in_methods():
    assert definitions.EQUAL == ROUNDING


# ---- rule-set


def test_charts_are_drawn_by_the_default_rules_unless_told_otherwise(load):
    assert load().rule_set == rulesets.DEFAULT
    assert load(more="rule_set: abspc\n").rule_set == "abspc"


@pytest.mark.parametrize(("written", "found"), [("7", "7"), ("", "None"), ("[abspc]", "['abspc']")])
def test_a_rule_set_is_named_by_its_id(refused, written, found):
    assert f"'rule_set' is {found}" in refused(more=f"rule_set: {written}\n")


# ---- caveats


def test_a_caveat_may_say_where_its_facts_are_set_down(load):
    caveats = load(more='caveats: [{text: documented, url: "https://x.uk/"}, {text: ours}]\n').caveats
    assert [caveat.url and str(caveat.url) for caveat in caveats] == ["https://x.uk/", None]


def test_a_caveats_address_must_be_one(refused):
    assert "'caveats.0.url' is 'see below'" in refused(more="caveats: [{text: C, url: see below}]\n")


@pytest.mark.parametrize(
    ("first", "last", "texts"),
    [
        (date(2023, 5, 30), date(2023, 5, 31), ["always", "until", "during"]),
        (date(2023, 5, 31), date(2023, 6, 1), ["always", "until", "during", "since"]),
        (date(2023, 6, 1), date(2024, 1, 1), ["always", "since"]),
        (date(2019, 1, 1), date(2019, 4, 30), ["always", "until"]),
        (date(2019, 1, 1), date(2019, 5, 1), ["always", "until", "during"]),
    ],
)
def test_caveats_concern_any_day_that_they_share(load, first, last, texts):
    measure = load(
        more="caveats: [{text: always}, {text: until, to: 2023-05-31}, "
        "{text: during, from: 2019-05-01, to: 2023-05-31}, {text: since, from: 2023-06-01}]\n"
    )
    assert [caveat.text for caveat in measure.caveats_for(first, last)] == texts


# ---- many measures


def test_all_measures_are_read_in_the_order_of_their_ids(analyses):
    assert [measure.id for measure in definitions.load_all(analyses)] == ["four_hours", "twelve_hours"]


def test_no_measure_is_an_empty_list(tmp_path):
    assert definitions.load_all(tmp_path) == []


def test_one_malformed_measure_is_not_skipped(analyses):
    (analyses / "twelve_hours" / "measure.yml").write_text("title: T")
    with pytest.raises(DefinitionError, match="twelve_hours"):
        definitions.load_all(analyses)


def test_the_projects_own_measures_are_the_default():
    ids = [measure.id for measure in definitions.load_all()]
    assert "ae_four_hour" in ids
    assert definitions.find("ae_four_hour").id == "ae_four_hour"


def test_a_measure_is_found_by_its_id(analyses):
    assert definitions.find("twelve_hours", analyses).id == "twelve_hours"


@pytest.mark.parametrize(
    ("measure_id", "suggestion"),
    [("four_hour", " Did you mean 'four_hours'?"), ("Four_Hours", " Did you mean 'four_hours'?"), ("zzz", "")],
)
def test_an_unknown_id_gets_the_near_miss_and_the_known_ones(analyses, measure_id, suggestion):
    with pytest.raises(ParameterError) as refusal:
        definitions.find(measure_id, analyses)
    assert str(refusal.value) == (
        f"measure {measure_id!r}: no such folder in analyses/.{suggestion} Known measures: four_hours, twelve_hours."
    )


@pytest.mark.parametrize("measure_id", ["notes", "", "../four_hours", "."])
def test_a_folder_without_definition_is_no_measure(analyses, measure_id):
    with pytest.raises(ParameterError, match="no such folder"):
        definitions.find(measure_id, analyses)


def test_without_any_measure_the_error_says_so(tmp_path):
    with pytest.raises(ParameterError, match=r"Known measures: none\."):
        definitions.find("four_hours", tmp_path)


MEDIAN = """\
series:
  - {id: type_1, title: Type 1, numerator: {text: N, label: n, add: [a]}, denominator: {text: D, label: d, add: [b, c]}}
  - id: median
    title: Median wait
    kind: percentile
    unit: weeks
    decimals: 2
    improvement: decrease
    metric: median_wait
    standards:
      - {name: Median, value: 8, from: 2020-01-01, url: "https://x.uk/", title: T, verified: true}
"""


def test_a_series_is_a_measure_of_its_own_that_shares_what_it_does_not_say(load):
    measure = load(more=MEDIAN + STANDARDS)
    median, type_1 = measure.of("median"), measure.of("type_1")
    assert (median.kind, median.unit, median.decimals, median.improvement) == ("percentile", "weeks", 2, "decrease")
    assert (median.short_title, [each.name for each in median.standards]) == ("Median wait", ["Median"])
    assert (median.numerator, median.id, median.title) == (measure.numerator, measure.id, measure.title)
    assert (type_1.numerator.label, type_1.denominator.metrics) == ("n", ["b", "c"])
    # Standards are set for a measure, not for its parts.
    assert (type_1.kind, type_1.unit, type_1.short_title, type_1.standards) == (
        "proportion",
        "percent",
        "Four hours",
        [],
    )


def test_a_series_that_is_not_there_is_refused_with_the_near_miss(load):
    with pytest.raises(ParameterError, match=r"series 'type_2': not one of four_hours's \(type_1, median\)\. Did you"):
        load(more=MEDIAN).of("type_2")


def test_the_metrics_of_a_measure_are_those_of_its_parts_series_and_peers(load):
    assert load(more=MEDIAN).metrics == ["a", "attendances_type_1", "b", "c", "median_wait", "over_four_hours_type_1"]


def test_a_series_with_half_its_counts_is_refused(refused):
    half = "series: [{id: half, title: H, numerator: {text: N, label: n, add: [a]}}]\n"
    assert "a series has both 'numerator' and 'denominator', or neither" in refused(more=half)


def test_a_breakdown_is_found_by_its_id_or_refused_with_the_near_miss(load):
    measure = load(more="breakdowns: [{id: cancer_type, title: Type of cancer}]\n")
    assert measure.breakdown("cancer_type").title == "Type of cancer"
    with pytest.raises(ParameterError, match=r"breakdown 'cancer_typ': not one of four_hours's \(cancer_type\)\. Did"):
        measure.breakdown("cancer_typ")


# ---- England's figure as published


def published(fields):
    return f"published: [{{title: T, url: 'https://x.uk/', {fields}}}]\n"


def test_a_metric_is_named_with_its_source(load, refused):
    assert "'metric' needs 'source'" in refused(more=published("metric: within"))
    assert load(more=published("source: time_series, metric: within")).published[0].metric == "within"


def test_a_source_without_metric_is_another_publications_row_of_england(load):
    [entry] = load(more=published("source: time_series")).published
    assert (entry.source, entry.metric) == ("time_series", None)


@pytest.mark.parametrize(("end", "is_refused"), [("2024-03-01", False), ("2024-02-29", True)])
def test_a_known_difference_ends_after_it_starts(load, refused, end, is_refused):
    more = published(f"differences: [{{reason: R, from: 2024-03-01, to: {end}}}]")
    if is_refused:
        assert "'to' (2024-02-29) is before 'from' (2024-03-01)" in refused(more=more)
    else:
        assert load(more=more).published[0].differences[0].reason == "R"


# ---- what is written for people who define a measure

README = (Path(__file__).parents[1] / "analyses" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "model",
    [definitions.Measure, definitions.Part, definitions.Standard, definitions.Series, definitions.Breakdown,
     definitions.Published, definitions.Difference, definitions.Peers, definitions.Caveat, definitions.Change,
     definitions.Reference],
)  # fmt: skip
def test_every_field_is_documented(model):
    fields = {field.alias or name for name, field in model.model_fields.items()} - {"id", "folder"}
    assert sorted(name for name in fields if f"`{name}`" not in README) == []


def test_examples_of_definitions_are_valid(load):
    examples = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert examples
    for example in examples:
        measure = load(more=example)
        assert all(getattr(measure, field) for field in yaml.safe_load(example))


# ---- milestones


def _standard_of(load, keys):
    link = 'url: "https://x.uk/", title: T, verified: true'
    (one,) = load(more=f"standards:\n  - {{name: S, value: 1, from: 2023-04-01, {keys} {link}}}\n").standards
    return one


@pytest.mark.parametrize(
    ("keys", "is_monthly", "due"),
    [
        ("", True, None),
        ("to: 2024-03-31,", False, date(2024, 3, 1)),
        ("to: 2024-03-31, judged: last_month,", False, date(2024, 3, 1)),
        ("to: 2024-03-31, judged: together,", False, None),
        ("to: 2024-03-31, judged: each_month,", True, None),
        ("judged: each_month,", True, None),
    ],
)
def test_a_standard_that_ends_is_judged_in_its_last_month_unless_it_says_otherwise(load, keys, is_monthly, due):
    one = _standard_of(load, keys)
    assert (one.is_monthly, one.due_month) == (is_monthly, due)


@pytest.mark.parametrize("judged", ["last_month", "together"])
def test_what_is_judged_at_its_end_needs_one(load, judged):
    with pytest.raises(DefinitionError, match=f"judged is '{judged}' but there is no `to`"):
        _standard_of(load, f"judged: {judged},")


@pytest.mark.parametrize(
    ("improvement", "met"),
    [("increase", [False, True, True]), ("decrease", [True, True, False]), ("neutral", [False, False, False])],
)
def test_a_value_equal_to_a_standard_meets_it(load, improvement, met):
    of_it = load().model_copy(update={"improvement": improvement})
    assert [of_it.meets(value, 60.0) for value in (59.9, 60.0, 60.1)] == met


# ---- means of scores


def test_squares_are_a_metric_of_the_measure_and_of_its_series(load):
    series = SERIES + "    squares: squares_of_type_1\n"
    measure = load(more=f"squares: squares\n{series}")
    assert {"squares", "squares_of_type_1"} <= set(measure.metrics)
    assert measure.of("type_1").squares == "squares_of_type_1"


def test_a_series_without_squares_has_those_of_its_measure(load):
    assert load(more=f"squares: squares\n{SERIES}").of("type_1").squares == "squares"


@pytest.mark.parametrize(
    ("value", "written"),
    [(-4.354, "\u22124.4 points"), (0.04, "0.0 points"), (-0.04, "0.0 points"), (3.0, "3.0 points")],
)
def test_a_change_of_a_score_is_written_with_a_minus_sign(load, value, written):
    measure = load("unit: percent", "unit: points")
    assert measure.written(value) == written
    assert measure.natural_bounds == (None, None)


def test_a_ratio_is_written_without_a_unit(load):
    ratio = load("unit: percent", "unit: ratio\ndecimals: 2")
    assert (ratio.written(1.0849), ratio.written_as_set(1), ratio.written(None)) == ("1.08", "1", "no figure")


# ---- mergers


def test_a_successor_is_shown_alone_unless_the_measure_says_otherwise(load):
    assert load().successions == "alone"
    assert load(more="successions: restated\n").successions == "restated"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("disclosure: {rounded_to: 5, suppressed_below: 5, zero_suppressed: false}\n", "are rounded or suppressed"),
        ("period: rolling_year\n", "overlap"),
    ],
)
def test_what_does_not_add_up_cannot_be_restated(load, refused, more, reason):
    said = refused(more=f"{more}successions: restated\n")
    assert f"'successions' is 'restated', but figures {reason}: adding them up gives no figure" in said
    assert load(more=f"{more}successions: predecessors\n").successions == "predecessors"
