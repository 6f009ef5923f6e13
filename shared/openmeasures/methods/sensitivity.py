"""Whether another tool's rules would have led to another conclusion.

| name | gives |
|---|---|
| `sensitivity` | for each series, the rule-sets that see another kind of variation at its latest point |
"""

from collections.abc import Iterable, Sequence

import polars as pl

from openmeasures.methods import rulesets
from openmeasures.methods.rulesets import DEFAULT, RuleSet
from openmeasures.methods.signals import KINDS, VARIATION_TYPE, Improvement
from openmeasures.methods.spc import xmr_by_each

OTHER_TYPE = pl.List(pl.Struct({"rule_set": pl.String, "variation": VARIATION_TYPE}))


def sensitivity(
    frame: pl.DataFrame,
    *,
    improvement: Improvement,
    rule_set: str | RuleSet = DEFAULT,
    others: Iterable[RuleSet] | None = None,
    value: str = "value",
    by: str | Sequence[str] = "org_code",
    order: str = "period_start",
    segment: str | None = None,
    baseline_points: int | None = None,
    natural_bounds: tuple[float | None, float | None] = (None, None),
) -> pl.DataFrame:
    """Return one row a series, in the order of their names, on its latest point that has a value.

    A series without a value has no row. Its columns are those of `by` and `order`, and:

    - `variation`: by `rule_set`; null where it gives no limits.
    - `differing`: the rule-sets that give another kind (improvement, concern, neutral or common cause), in the order
      of `reference/rulesets.yml`, each with its variation. Another rule with the same meaning is no other conclusion.
      Empty where `variation` is null, since then there is nothing to differ from.
    - `without_limits`: the rule-sets that draw no limits for so few values, so that they neither agree nor differ.

    What it takes is as for `spc.xmr`, and `others`: the rule-sets to compare with, by default all that are known.
    Raises what `spc.xmr` raises.

    >>> frame = pl.DataFrame({"org_code": "RJ1", "period_start": range(30), "value": [1, -1] * 12 + [1] * 6})
    >>> found = sensitivity(frame, improvement="increase")
    >>> found["variation"].item(), [other["rule_set"] for other in found["differing"].item()]
    ('common_cause', ['making-data-count-excel-6'])
    """
    rules = rulesets.find(rule_set) if isinstance(rule_set, str) else rule_set
    names = [by] if isinstance(by, str) else list(by)

    compared = [each for each in (rulesets.load() if others is None else others) if each.id != rules.id]
    charts = xmr_by_each(
        frame,
        improvement=improvement,
        rule_sets=[rules, *compared],
        value=value,
        by=by,
        order=order,
        segment=segment,
        baseline_points=baseline_points,
        natural_bounds=natural_bounds,
    )
    variations = {f"of {each.id}": chart["variation"] for each, chart in zip(compared, charts[1:], strict=True)}
    points = charts[0].select(*names, order, "variation").with_columns(**variations)
    table = points.filter(frame[value].is_not_null()).group_by(names).agg(pl.all().sort_by(order).last()).sort(names)
    own = _kind(pl.col("variation"))
    differing = [
        pl.when(_kind(pl.col(f"of {each.id}")) != own).then(
            pl.struct(rule_set=pl.lit(each.id), variation=pl.col(f"of {each.id}"))
        )
        for each in compared
    ]
    silent = [pl.when(pl.col(f"of {each.id}").is_null()).then(pl.lit(each.id)) for each in compared]
    return table.select(
        *names,
        order,
        "variation",
        differing=_listed(differing).cast(OTHER_TYPE),
        without_limits=_listed(silent).cast(pl.List(pl.String)),
    )


def _kind(variation: pl.Expr) -> pl.Expr:
    return variation.replace_strict({label.value: kind for label, kind in KINDS.items()}, return_dtype=pl.String)


def _listed(expressions: Iterable[pl.Expr]) -> pl.Expr:
    """Return a list of what is not null in each row."""
    return pl.concat_list(pl.lit(None), *expressions).list.drop_nulls()
