"""Nearest neighbours: the organisations most like one by features that are stated.

Features are amounts, such as a year's attendances, which differ by factors and not by steps; so their logarithms are
compared, each divided by its standard deviation over the group, so that no feature counts for more because it is
counted in larger numbers. Distance is Euclidean. Whatever is not among the features plays no part.

Source:
1. Cunningham P, Delany SJ. k-Nearest neighbour classifiers: a tutorial. ACM Computing Surveys 2021; 54(6): 128.
"""

from collections.abc import Sequence

import polars as pl

from openmeasures.errors import ParameterError, near_miss

DECIMALS = 9  # of a squared distance: equal ones differ in their last bits, and then the code has to decide


def nearest(frame: pl.DataFrame, *, org_code: str, features: Sequence[str], number: int) -> list[str]:
    """Return the codes of an organisation's nearest neighbours, itself left out, nearest first, ties by code.

    Those that lack a feature (null) are nobody's neighbours, and one that lacks one itself has none. A feature that is
    the same everywhere tells nobody apart. There are fewer than `number` where the group is smaller.

    - `frame`: one row an organisation, named by `org_code`, with a column of each feature, 0 or more.
    - `number`: how many, 1 or more.

    Raises `ParameterError` for an organisation or a feature that is not in the frame.

    >>> trusts = pl.DataFrame({"org_code": list("ABC"), "size": [100, 900, 120]})
    >>> nearest(trusts, org_code="A", features=["size"], number=1)
    ['C']
    """
    codes = frame["org_code"].to_list()
    if org_code not in codes:
        raise ParameterError(
            f"organisation {org_code!r} is not among the {len(codes)} compared.{near_miss(org_code, codes)}"
        )
    for feature in features:
        if feature not in frame.columns:
            raise ParameterError(f"feature {feature!r}: not among {frame.columns}.{near_miss(feature, frame.columns)}")
    known = frame.drop_nulls(list(features))
    own = known.filter(pl.col("org_code") == org_code)
    if own.is_empty():
        return []
    logs = known.select("org_code", *(pl.col(feature).cast(pl.Float64).log1p().alias(feature) for feature in features))
    mine = logs.filter(pl.col("org_code") == org_code).row(0, named=True)
    apart = [(pl.col(feature) - mine[feature]) / _spread(logs[feature]) for feature in features]
    distance = pl.sum_horizontal(each.pow(2) for each in apart).round(DECIMALS)
    others = logs.select("org_code", distance=distance).filter(pl.col("org_code") != org_code)
    return others.sort("distance", "org_code").head(number)["org_code"].to_list()


def _spread(values: pl.Series) -> float:
    """Return the standard deviation, or 1 where it is 0 or none: then all differences are 0, whatever divides them."""
    found = values.std()
    return found if isinstance(found, float) and found > 0 else 1.0
