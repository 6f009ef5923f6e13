"""A layer of a chart, which costs little to lay over others."""

from collections.abc import Iterable
from typing import Any, Literal

import altair as alt


class Layer(alt.Chart):
    """`alt.Chart` without what layering does in case layers share selections, as none of ours do.

    `alt.LayerChart` copies every layer in depth, twice as it is made and twice as it is shown, with each of some 400
    properties that a mark, an axis or a channel could have: a tenth of all that a run costs. A plain copy will do, as
    nobody changes a layer afterwards.
    """

    def copy(self, deep: bool | Iterable[str] = True, ignore: list[str] | None = None) -> "Layer":
        """Return a copy whose properties are those of this one, other than `deep` names."""
        copied: Layer = super().copy(deep=False if deep is True else deep, ignore=ignore)
        return copied

    def to_dict(
        self,
        validate: bool = True,
        *,
        format: Literal["vega-lite", "vega"] = "vega-lite",
        ignore: list[str] | None = None,
        context: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the layer as JSON; Altair would try whether data that are only named are some kind of frame."""
        if validate or not isinstance(self.data, alt.NamedData):
            return dict(super().to_dict(validate, format=format, ignore=ignore, context=context))
        bare = self.copy()
        bare.data = alt.Undefined
        known = {"data": self.data, **(context or {})}  # without any, Altair would put in some of its own
        return {
            "data": self.data.to_dict(validate=False),
            **super(Layer, bare).to_dict(validate, format=format, ignore=ignore, context=known),
        }
