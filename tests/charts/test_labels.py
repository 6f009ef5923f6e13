"""Names beside points: none covers anything, whatever the points."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openmeasures.charts import boxes, labels, theme
from openmeasures.charts.boxes import Box, Plot

DETERMINISTIC = settings(derandomize=True, deadline=None, max_examples=40)
PAGE, PHONE = Plot((0, 100), (0, 100), "linear", 640, 360), Plot((0, 100), (0, 100), "linear", 200, 360)
ABOVE, WITHIN = theme.ABOVE_LIMITS.words, theme.WITHIN_LIMITS.words


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("The Queen Elizabeth Hospital, King's Lynn, NHS Foundation Trust", "Queen Elizabeth Hospital, King's Lynn"),
        ("University Hospitals of North Midlands NHS Trust", "University Hospitals of North Midlands"),
        ("Workington Health Limited", "Workington Health"),
        ("Badger Ltd", "Badger"),
        ("Theale Medical Centre", "Theale Medical Centre"),
        ("NHS Trust Development Unit", "NHS Trust Development Unit"),
    ],
)
def test_names_lose_what_they_share(name, short):
    assert labels.shortened(name) == short


def organisation(size, value, *, sign=ABOVE, name="Ash NHS Trust", **more):
    return {"org_name": name, "denominator": size, "value": value, "sign": sign, **more}


def subject(size, value, name="Birch NHS Foundation Trust"):
    return organisation(size, value, sign=WITHIN, name=name, is_subject=True, figure=f"{value}\u00a0%")


def named(*organisations, plot=PAGE, size=theme.PAGE, curve=(), across=()):
    ends = [{"line": line, "colour": theme.MEAN} for line in across] + [{"line": 50}]
    return labels.named({"organisations": list(organisations), "curve": list(curve), "ends": ends}, plot, size)


def words(names):
    return [" ".join(name["label"]) for name in names]


def box(name, plot=PAGE, size=theme.PAGE):
    """Where a name is drawn, worked out from its row alone."""
    x, y = plot.at(name["denominator"], name["value"])
    wide, high = boxes.width(name["label"], size.text), len(name["label"]) * theme.LINE_HEIGHT
    left = x + name["dx"] - {"left": 0, "center": wide / 2, "right": wide}[name["align"]]
    top = y + name["dy"] - theme.LINE_HEIGHT / 2
    return Box(left, top, left + wide, top + high)


def test_a_name_stands_to_the_right_of_its_point():
    [name] = named(organisation(50, 50))
    assert name["label"] == ["Ash"]
    assert name["align"] == "left"
    half = theme.ABOVE_LIMITS.area**0.5 / 2
    assert (name["dx"], name["dy"]) == (round(half + labels.GAP, 1), 0)


@pytest.mark.parametrize(
    ("size", "value", "align"),
    [(99, 50, "right"), (1, 50, "left"), (50, 99, "left"), (50, 1, "left")],
)
def test_near_the_edge_a_name_leads_inwards(size, value, align):
    [name] = named(organisation(size, value))
    assert name["align"] == align


def test_points_within_the_limits_have_no_name_but_the_subject_s():
    assert words(named(organisation(20, 20, sign=WITHIN), subject(50, 50))) == ["Birch 50\u00a0%"]


def test_the_last_rows_are_named_first():
    together = [organisation(50, 50, name=name) for name in ("Ash", "Elm", "Fir")]
    assert words(named(*together)) == []  # each would be as near the others
    apart = [organisation(20 * place, 50, name=name) for place, name in enumerate(("Ash", "Elm", "Fir"), 1)]
    assert words(named(*apart, size=theme.PAGE._replace(names=2))) == ["Fir", "Elm"]


def test_the_subject_s_name_is_whole_and_others_are_cut():
    long = "Wrightington, Wigan and Leigh Teaching Hospitals of the whole North West NHS Foundation Trust"
    names = named(organisation(20, 80, name=long), subject(60, 20, name=long))
    assert words(names)[0] == "Wrightington, Wigan and Leigh Teaching Hospitals of the whole North West 20\u00a0%"
    assert words(names)[1] == "Wrightington, Wigan and Leigh Teaching…"
    assert len(names[1]["label"]) == theme.PAGE.name_lines


def test_a_name_that_would_be_read_as_another_point_s_is_left_out():
    crowd = [organisation(50 + across, 50 + up, sign=WITHIN) for across in (-2, 0, 2) for up in (-4, 0, 4)]
    assert named(*crowd, organisation(50, 50)) == []


def test_a_name_keeps_off_a_line_and_the_subject_s_crosses_one_if_it_must():
    beside = organisation(50, 50)
    right, below = named(beside)[0], named(beside, across=[50])[0]
    assert right["dy"] == 0
    assert abs(below["dy"]) >= theme.LINE_HEIGHT / 2 + labels.GAP
    everywhere = list(range(0, 101, 2))  # lines closer than letters are high
    assert named(beside, across=everywhere) == []
    assert len(named(subject(50, 50), across=everywhere)) == 1


def test_a_name_keeps_off_limits():
    limit = [{"denominator": size, "upper_95": 50.0} for size in range(101)]
    [name] = named(organisation(50, 50), curve=limit)
    assert abs(name["dy"]) >= theme.LINE_HEIGHT / 2 + labels.GAP


def test_the_subject_in_a_crowd_is_named_where_there_is_room_with_a_line_back():
    crowd = [organisation(across, up, sign=WITHIN) for across in range(30, 72, 2) for up in range(30, 72, 4)]
    [name] = named(*crowd, subject(50, 50))
    dots = [boxes.around(PAGE.at(row["denominator"], row["value"]), 4) for row in crowd]
    assert not boxes.overlaps([box(name)], dots).any()
    x, y = PAGE.at(50, 50)
    found = box(name)
    assert (x + name["lead_x"], y + name["lead_y"]) == pytest.approx(
        (min(max(x, found.left), found.right), min(max(y, found.top), found.bottom)), abs=0.2
    )


def test_no_line_leads_to_a_name_beside_its_point():
    [name] = named(subject(50, 50))
    assert "lead_x" not in name


def test_in_a_chart_without_any_room_the_subject_is_named_all_the_same():
    full = [organisation(across, up, sign=WITHIN) for across in range(0, 101, 2) for up in range(0, 101, 4)]
    [name] = named(*full, subject(50, 50), plot=PHONE, size=theme.PHONE)
    found = box(name, PHONE, theme.PHONE)
    assert found.left >= 0
    assert found.right <= PHONE.width


points = st.tuples(st.integers(0, 100), st.integers(0, 100), st.sampled_from([ABOVE, WITHIN]))


@DETERMINISTIC
@given(st.lists(points, max_size=60), st.tuples(st.integers(0, 100), st.integers(0, 100)), st.sampled_from("wn"))
def test_no_name_covers_a_point_a_name_or_the_edge(others, own, which):
    plot, size = (PAGE, theme.PAGE) if which == "w" else (PHONE, theme.PHONE)
    rows = [
        organisation(x, y, sign=sign, name=f"University Hospitals of Place {index} NHS Trust")
        for index, (x, y, sign) in enumerate(others)
    ]
    names = named(*rows, subject(*own), plot=plot, size=size, across=[60])
    found = [box(name, plot, size).grown(-0.2) for name in names]  # rows are rounded to a tenth of a pixel
    dots = [boxes.around(plot.at(x, y), 3) for x, y, _ in others]
    line = Box(0, plot.at(0, 60)[1], plot.width, plot.at(0, 60)[1] + 0.1)
    assert names[0]["is_subject"]
    assert len(names) <= size.names
    for index, each in enumerate(found):
        assert not boxes.overlaps([each], found[:index]).any()
        assert each.left >= 0
        assert each.top >= 0
        assert each.right <= plot.width
        assert each.bottom <= plot.height
    assert not boxes.overlaps(found[1:], [*dots, line]).any()


def test_equal_rows_get_equal_places():
    rows = [organisation(across, across * 7 % 100) for across in range(40)]
    assert named(*rows, subject(50, 50)) == named(*rows, subject(50, 50))
