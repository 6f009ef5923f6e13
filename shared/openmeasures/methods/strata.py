"""The strata of populations, such as bands of age, beside those of a standard: neither may have one more.

| function | gives |
|---|---|
| `joined` | every stratum of every population with the standard's figure for it, checked |

A stratum that a join would drop takes its events with it, and a rate of the rest looks like any other.
"""

import polars as pl

from openmeasures.errors import ParameterError, near_miss


def joined(
    frame: pl.DataFrame,
    keys: list[str],
    standard: pl.DataFrame,
    *,
    stratum: str,
    count: str,
    population: str,
    figure: str,
) -> pl.DataFrame:
    """Return a row a population and stratum: keys, `count`, `population`, the standard's name, stratum and figure.

    Both tables have the same strata, or that is an error. Populations are in the order of the frame, strata in that of
    the standard. A count may be null.

    - `frame`: one row a population and stratum: its keys, the stratum, events and people.
    - `keys`: columns that together name a population.
    - `standard`: one row a stratum: `standard_population` (the same name in each), the stratum, and the figure.
    - `stratum`, `count`, `population`: columns of the frame; `stratum` is a column of the standard, too.
    - `figure`: column of the standard's figure for a stratum, 0 or more, such as `weight` or `rate`.

    Raises `ParameterError` for a stratum in one of the tables alone, a key or stratum that is null or stands twice,
    more than one standard population, a figure that is null, negative or not finite, and events without people.

    >>> deaths = pl.DataFrame({"org_code": ["RJ1"], "age_band": ["0-64"], "deaths": [3], "people": [5000]})
    >>> standard = pl.DataFrame({"standard_population": "Ours", "age_band": ["0-64", "65+"], "weight": [80, 20]})
    >>> columns = {"stratum": "age_band", "count": "deaths", "population": "people", "figure": "weight"}
    >>> joined(deaths, ["org_code"], standard, **columns)
    Traceback (most recent call last):
        ...
    openmeasures.errors.ParameterError: frame: org_code 'RJ1' has no row for age_band '65+', expected all 2 strata of \
'Ours'. Where nothing happened, give a row with its people and 0 events.
    """
    if not keys:
        raise ParameterError("by: found no column, expected those that name a population.")
    reference = standard.select("standard_population", stratum, pl.col(figure).cast(pl.Float64))
    figures = pl.col(figure)
    _refuse(
        reference,
        "standard",
        (pl.col(stratum).is_null() | pl.col("standard_population").is_null(), "a name and a stratum in every row"),
        (pl.col(stratum).is_duplicated(), "one row a stratum; take one standard population"),
        (figures.is_null() | ~figures.is_finite() | (figures < 0), f"a {figure} of 0 or more in every stratum"),
    )
    names = reference["standard_population"].unique(maintain_order=True).to_list()
    if len(names) != 1:
        raise ParameterError(f"standard: found {len(names)} standard populations {names!r}, expected one.")
    strata = frame.select(*keys, stratum, count=count, population=pl.col(population).cast(pl.Float64))
    events, people = pl.col("count"), pl.col("population")
    _refuse(
        strata,
        "frame",
        (pl.any_horizontal(pl.col(*keys, stratum).is_null()), "a population and a stratum in every row"),
        (pl.struct(*keys, stratum).is_duplicated(), "one row a population and stratum"),
        (people.is_null() | ~people.is_finite() | (people < 0), "0 people or more"),
        (~events.is_finite() | (events < 0), "0 events or more, or null where they are not known"),
        ((people == 0) & (events > 0), "no events where there are no people"),
    )
    known = reference[stratum].to_list()
    foreign = strata.filter(~pl.col(stratum).is_in(known))
    if not foreign.is_empty():
        found = foreign[stratum][0]
        raise ParameterError(
            f"frame: {stratum} {found!r} is not in {names[0]!r}, which has {', '.join(map(repr, known))}."
            f"{near_miss(str(found), map(str, known))}"
        )
    complete = strata.select(keys).unique(maintain_order=True).join(reference, how="cross")
    missing = complete.join(strata, on=[*keys, stratum], how="anti")
    if not missing.is_empty():
        row = missing.row(0, named=True)
        place = ", ".join(f"{key} {row[key]!r}" for key in keys)
        raise ParameterError(
            f"frame: {place} has no row for {stratum} {row[stratum]!r}, expected all {len(known)} strata of "
            f"{names[0]!r}. Where nothing happened, give a row with its people and 0 events."
        )
    return complete.join(strata, on=[*keys, stratum], how="left", maintain_order="left")


def _refuse(table: pl.DataFrame, place: str, *faults: tuple[pl.Expr, str]) -> None:
    for fault, expected in faults:
        faulty = table.filter(fault)
        if not faulty.is_empty():
            found = ", ".join(f"{name} {value!r}" for name, value in faulty.row(0, named=True).items())
            raise ParameterError(f"{place}: found {found}, expected {expected}.")
