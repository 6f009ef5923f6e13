"""A release: one published file, known by its SHA-256, and which of several vintages is the newest.

| name | what |
|---|---|
| `Release` | the record that stands beside every stored file |
| `Vintage` | provisional, final or revised, with the date where the publisher gives one |
| `vintage_named` | the vintage that a file's name tells |
| `vintage_stated` | the vintage that a file itself states |
| `vintage_combined` | what several of these tell together |
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from openmeasures import embargo
from openmeasures.periods import MONTH_NAMES


class ReleaseStatus(StrEnum):
    """How settled a release is, from first publication to last."""

    PROVISIONAL = "provisional"
    FINAL = "final"
    REVISED = "revised"


class Vintage(NamedTuple):
    """What a file's name tells of its place among the releases of the same period."""

    status: ReleaseStatus
    published: date | None


class Release(BaseModel):
    """One published file: where it is from, what it covers and how settled it is.

    `periods` are the first days of the periods that it has figures of, in order, and `period_end` the last day of the
    last. `metrics` are those that it gives, as `metric` or `metric by breakdown`. `published` is the publisher's own
    date, null where neither the file nor its name gives one; `retrieved` is the day on which it was read into this
    store. `url` is the publisher's page, and `file_url` the address from which the file was downloaded with the hash
    `download_sha256`, that of a zip if it came in one; both are empty where a person brought the file. `organisations`
    is how many it names, None in a record from before that was kept. `checks` are the findings at reading time, in
    words. `reader` is the fingerprint of the code that read it (`readers`), empty in older records.
    `embargoed_until` is when it may be published, where a person said so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    source: str
    file_name: str
    periods: list[date] = Field(min_length=1)
    period_end: date
    metrics: list[str]
    status: ReleaseStatus
    published: date | None
    retrieved: date
    url: str
    licence: str
    synthetic: bool
    organisations: int | None = None
    checks: list[str] = []
    file_url: str = ""
    download_sha256: str = ""
    reader: str = ""
    embargoed_until: AwareDatetime | None = None

    @property
    def public_from(self) -> datetime | None:
        """When figures of it may be published; None where it is out already, as what was downloaded from its page is.

        That of its embargo, or else the usual time of its publisher's day. What has neither is taken to be out.
        """
        if self.file_url or (self.synthetic and not self.embargoed_until):
            return None
        return self.embargoed_until or (embargo.usual(self.published) if self.published else None)

    @property
    def period_start(self) -> date:
        """The first day of the first period."""
        return self.periods[0]

    @property
    def vintage(self) -> Vintage:
        """How settled the release is, and its date, as far as its publisher says."""
        return Vintage(self.status, self.published)

    @property
    def known_from(self) -> date:
        """The first day on which the release can have been known.

        Without its publisher's date, a first release counts from the day after its last period, which is earlier than
        it was out; a final or revised one from the day on which it was read here, since it may be of any day before.
        """
        if self.published:
            return self.published
        return self.period_end + timedelta(days=1) if self.status == ReleaseStatus.PROVISIONAL else self.retrieved

    @property
    def order(self) -> tuple[int, date, int, date, str]:
        """Sorts the releases of one period from the oldest vintage to the newest.

        A revision always follows what it revises; then the publisher's dates decide. Of two layouts of one
        publication, for example a CSV beside a workbook, the one with more metrics counts, whichever was read last.
        The hash breaks what tie is left, so that two machines agree.
        """
        rank = list(ReleaseStatus).index(self.status)
        return (rank, self.published or date.min, len(self.metrics), self.retrieved, self.sha256)

    def read_again(self, known: "Release") -> "Release":
        """Return the record of a file that `known` is of already: its first name and day stay, and so does its origin.

        Where the file came from, and its date, may have been known at one of the two times only.
        """
        vintage = self.vintage if self.published or not known.published else known.vintage
        origin = known if known.file_url else self
        return self.model_copy(
            update={
                "file_name": known.file_name,
                "retrieved": known.retrieved,
                "file_url": origin.file_url,
                "download_sha256": origin.download_sha256,
                "status": vintage.status,
                "published": vintage.published,
                "embargoed_until": self.embargoed_until or known.embargoed_until,
            }
        )


_FINAL = re.compile(r"(?<![a-z])final(?![a-z])", re.IGNORECASE)
_REVISED_ON = re.compile(r"revised[-_ ]?(\d{6})(?!\d)", re.IGNORECASE)


def vintage_named(file_name: str) -> Vintage:
    """Return the vintage that NHS England's file names tell.

    `revised` in the name marks a revision, and six digits after it are its date (ddmmyy); `final` is what cancer
    waiting times call their figures after the next quarter's. Everything else is provisional: a monthly file can be
    revised for two years after it is first published.

    >>> vintage_named("March-2024-revised-130624-abcdef123.csv").published
    datetime.date(2024, 6, 13)
    >>> vintage_named("Monthly-AE-June-2024.csv").status.value
    'provisional'
    """
    if "revised" not in file_name.casefold():
        return Vintage(ReleaseStatus.FINAL if _FINAL.search(file_name) else ReleaseStatus.PROVISIONAL, None)
    match = _REVISED_ON.search(file_name)
    if match is None:
        return Vintage(ReleaseStatus.REVISED, None)
    try:
        return Vintage(ReleaseStatus.REVISED, datetime.strptime(match[1], "%d%m%y").date())
    except ValueError:  # six characters of a random suffix that happen to be digits
        return Vintage(ReleaseStatus.REVISED, None)


_DAY = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)?\s+([A-Za-z]+)\s+(\d{4})\b")
_ISO_DAY = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")


def vintage_stated(labels: Mapping[str, str]) -> Vintage | None:
    """Return the vintage that stands above a workbook's table, beside `Status:`, `Published:` and `Revised:`.

    A date beside `Revised:` makes it a revision of that day, unless it is older than the one beside `Published:`: a
    time series carries the date on which its past was last revised. Without a date anywhere there is None, and the
    file's name decides.

    >>> vintage_stated({"status": "Published", "published": "12th June 2025", "revised": "-"})
    Vintage(status=<ReleaseStatus.PROVISIONAL: 'provisional'>, published=datetime.date(2025, 6, 12))
    >>> vintage_stated({"status": "Final", "published": "12 June 2025", "revised": "2025-08-14"}).status.value
    'revised'
    """
    published = _day(labels.get("published", ""))
    revised = _day(labels.get("revised", ""))
    if revised and (published is None or revised >= published):
        return Vintage(ReleaseStatus.REVISED, revised)
    is_final = _FINAL.search(labels.get("status", "")) is not None
    return Vintage(ReleaseStatus.FINAL if is_final else ReleaseStatus.PROVISIONAL, published) if published else None


def vintage_combined(*told: Vintage) -> Vintage:
    """Return the most settled of some statuses, and the first date that any of them gives.

    >>> vintage_combined(vintage_named("April-2024.csv"), Vintage(ReleaseStatus.REVISED, date(2024, 11, 14))).published
    datetime.date(2024, 11, 14)
    """
    status = max((vintage.status for vintage in told), key=list(ReleaseStatus).index)
    return Vintage(status, next((vintage.published for vintage in told if vintage.published), None))


def _day(text: str) -> date | None:
    try:
        if match := _ISO_DAY.search(text):
            return date(int(match[1]), int(match[2]), int(match[3]))
        if match := _DAY.search(text):
            short = match[2].casefold()
            named = [number for number, name in enumerate(MONTH_NAMES, start=1) if name.casefold().startswith(short)]
            return date(int(match[3]), named[0], int(match[1])) if len(named) == 1 else None
    except ValueError:  # no such day
        return None
    return None
