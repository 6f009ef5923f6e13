import altair as alt
import pytest

from openmeasures.charts.layer import Layer


@pytest.mark.parametrize("data", [alt.NamedData("points"), alt.InlineData([{"a": 1}]), alt.Undefined])
def test_a_layer_is_what_altairs_own_chart_is(data):
    plain, ours = (kind(data).mark_line().encode(x="a:Q") for kind in (alt.Chart, Layer))
    assert alt.layer(ours).to_dict() == alt.layer(plain).to_dict()
    assert ours.to_dict(context={"top_level": False}) == plain.to_dict(context={"top_level": False})
