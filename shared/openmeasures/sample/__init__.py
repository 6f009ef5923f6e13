"""A synthetic NHS with planted truths: invented places, the publications' own layouts, known answers.

| module | what it holds |
|---|---|
| `organisations` | the invented organisations and mergers |
| `stories` | what is planted in whom, and from when to when |
| `draws` | random numbers, the same everywhere |
| `ae_activity`, `ae_monthly` | A&E: what happens, and the files that report it |

A publication's files are written by the module here of the same name as its reader in `sources/`.
"""

from pathlib import Path

from openmeasures.sample import ae_monthly


def write_sample(folder: Path) -> list[Path]:
    """Write every publication's synthetic files to `folder` and return their paths.

    The files are the same bytes on every run, machine and numpy release.
    """
    return ae_monthly.write(folder)
