from openmeasures.charts import named_rows, theme

LONG_NAME = "Upper gastrointestinal - oesophagus, stomach and everything that is near them"


def test_a_row_is_as_high_as_its_name_on_a_phone_needs():
    short, long = named_rows.places(["Skin", LONG_NAME])
    assert (short["on_page"], long["on_page"]) == (["Skin"], [LONG_NAME])
    assert len(long["on_phone"]) == 2
    line, dot = theme.LINE_HEIGHT, named_rows.DOT_ROOM
    assert (short["at"], long["at"]) == (line + dot / 2, line + dot + 2 * line + dot / 2)
    assert named_rows.height([short, long]) == 3 * line + 2 * dot


def test_names_stand_at_the_left_with_a_halo_beneath_them():
    halos, names = (layer.to_dict() for layer in named_rows.layers("parts", named_rows.vertical(100)))
    assert [one["mark"]["stroke"] for one in (halos, names)] == [theme.PAPER, "transparent"]
    assert {one["data"]["name"] for one in (halos, names)} == {"parts"}
    assert names["encoding"]["y"]["scale"]["domain"] == [100, 0]
