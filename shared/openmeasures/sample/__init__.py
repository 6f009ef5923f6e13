"""A synthetic NHS with planted truths: invented places, the publications' own layouts, known answers.

| module | what it holds |
|---|---|
| `organisations` | the invented organisations and mergers |
| `stories` | what is planted in whom, and from when to when |
| `draws` | random numbers, the same everywhere |
| `ae_activity`, `ae_monthly`, `ae_workbook` | A&E: what happens, and the files that report it |
| `ae_time_series` | A&E: the national series of the same |
| `ambulance_services`, `ambulance_activity` | ambulances: who, and what happens |
| `ambulance_reports`, `ambulance_systems` | what of that is reported, and the files |
| `talking_therapies_activity`, `talking_therapies_monthly` | talking therapies: what happens, the file of months |
| `talking_therapies_annual` | scores before and after therapy, by year |
| `hospital_deaths`, `hospital_mortality` | SHMI: what happens, and the file that reports it |
| `sickness_days`, `staff_sickness` | sickness absence: what happens, and the files |
| `integrated_care_boards`, `virtual_ward_patients` | virtual wards: whose they are, and what happens |
| `virtual_wards` | the files of that |
| `elective_cancellations` | cancelled operations: what happens, and the files |
| `workbooks` | workbooks whose bytes are the same on every machine |

A publication's files are written by the module here of the same name as its reader in `sources/`.
"""

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from openmeasures.sources import all_sources


class Writer(Protocol):
    """What the module of a publication offers."""

    def write(self, folder: Path) -> list[Path]:
        """Write the publication's synthetic files to `folder`, and return their paths."""


def names() -> list[str]:
    """Return the publications of which there is a sample: all that can be read."""
    return list(all_sources())


def write(name: str, folder: Path) -> list[Path]:
    """Write the synthetic files of one publication to a folder of its own in `folder`, and return their paths.

    The files are the same bytes on every run, machine and numpy release.
    """
    return cast(Writer, import_module(f"{__name__}.{name}")).write(folder / name)
