"""Standard populations, whose age structure `methods.standardise` gives to any other.

| name | gives |
|---|---|
| `load` | one standard population: its name, age bands and weights |
| `DEFAULT` | the name of the one that public health guidance in England uses |

The file, `reference/standard_populations.csv`, has a row an age band: the standard population's name, the band, its
weight (people of 100,000) and the address of the publication that it is from. Bands are written as there: first and
last year of age, both included, or the first with a plus.

The European Standard Population stands there twice. Eurostat divides the oldest at 95; most of England's populations
end with one band of 90 and over, which has the sum of both.

Source:
1. Eurostat. Revision of the European Standard Population: report of Eurostat's task force. 2013 edition.
   https://doi.org/10.2785/11470
"""

from pathlib import Path

import polars as pl

from openmeasures import project
from openmeasures.errors import DefinitionError, ParameterError, near_miss

DEFAULT = "European Standard Population 2013"
SCHEMA = {"standard_population": pl.String, "age_band": pl.String, "weight": pl.Float64, "source": pl.String}


def reference_file() -> Path:
    """Return the file of standard populations, whichever folder the command or notebook started in."""
    return project.root() / "reference" / "standard_populations.csv"


def load(name: str = DEFAULT, path: Path | None = None) -> pl.DataFrame:
    """Return one standard population: columns `standard_population` (its name), `age_band` and `weight` (people).

    Raises `ParameterError` for an unknown name, and `DefinitionError` for a file that is missing or malformed.

    >>> load().tail(2).rows()
    [('European Standard Population 2013', '85-89', 1500.0), ('European Standard Population 2013', '90+', 1000.0)]
    """
    file = path or reference_file()
    if not file.is_file():
        raise DefinitionError(f"{file}: no such file. Take it from the repository.")
    try:
        # With `schema`, Polars would give these names to the columns whatever the header says.
        table = pl.read_csv(file, schema_overrides=SCHEMA).select(SCHEMA.keys())
    except pl.exceptions.PolarsError as fault:
        raise DefinitionError(f"{file}: {fault}. Expected columns {', '.join(SCHEMA)}.") from fault
    found = table.filter(pl.col("standard_population") == name)
    if found.is_empty():
        known = table["standard_population"].unique(maintain_order=True).to_list()
        raise ParameterError(
            f"{name!r} is not among the standard populations {', '.join(map(repr, known))}.{near_miss(name, known)}"
        )
    return found.drop("source")
