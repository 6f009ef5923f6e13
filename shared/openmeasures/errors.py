"""One family of errors, so that a user's mistake prints one line and a bug keeps its traceback.

A message says, in this order: the place, what was found, what was expected, and what to do about it.

| name | when |
|---|---|
| `OpenMeasuresError` | the base: whatever a user can put right |
| `SourceError` | a published file that cannot be read as what it claims to be |
| `StoreError` | the data folder lacks something, or holds something that it should not |
| `DefinitionError` | a `measure.yml`, `corrections.yml` or notebook that breaks its promises |
| `ParameterError` | an unknown organisation, period, measure or parameter |
| `RenderError` | the site's renderer failed |
| `FetchError` | a publisher's site, or a file from there, is not what was expected |
| `OfflineError` | no publisher's site can be reached |
| `ClusterError` | the machines of a distributed build are not there, or not alike |
| `near_miss` | "did you mean …?" for a mistyped name |
"""

import difflib
from collections.abc import Iterable


class OpenMeasuresError(Exception):
    """The base of everything that a user can put right; the command line prints it as one line."""

    exit_code = 2  # bad usage or input, as the README's table of exit codes says


class SourceError(OpenMeasuresError):
    """A published file is not what it claims to be."""


class StoreError(OpenMeasuresError):
    """The data folder lacks something, or holds something that it should not."""


class DefinitionError(OpenMeasuresError):
    """A measure's folder breaks one of its promises."""


class ParameterError(OpenMeasuresError):
    """A run was asked for with a parameter that does not exist or does not fit."""


class RenderError(OpenMeasuresError):
    """The renderer could not make the site."""


class FetchError(OpenMeasuresError):
    """A publisher's site, or a file from there, is not what was expected."""


class OfflineError(FetchError):
    """No publisher's site can be reached."""


class ClusterError(OpenMeasuresError):
    """The machines of a distributed build are not there, or not alike."""


def near_miss(found: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the likeliest known name, or an empty string.

    Matching ignores case, because organisation codes are often typed in lower case.

    >>> near_miss("rjl", ["RJ1", "RC9"])
    " Did you mean 'RJ1'?"
    >>> near_miss("nothing like it", ["RJ1"])
    ''
    """
    by_folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(found.casefold(), by_folded, n=1, cutoff=0.6)
    return f" Did you mean {by_folded[close[0]]!r}?" if close else ""
