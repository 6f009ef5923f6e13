"""When a release is public: a day and a time in London, before which nothing built may use it.

Official statistics of the NHS come out at 09:30 on the day that is announced [1]. Whoever has them earlier, under
pre-release access, may look at them and not publish. So a release from the future is held back wherever figures are
read (`Store.releases`), until its time; a preview, marked as one, is asked for by name.

| name | gives |
|---|---|
| `usual` | the time at which a release of a day comes out |
| `named` | the time that a person writes |
| `label` | the time as a person reads it |

1. Code of Practice for Statistics, edition 2.1, T3.6: at 9.30am, or another time that is announced. https://code.statisticsauthority.gov.uk
"""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from openmeasures.errors import ParameterError
from openmeasures.periods import day_label

LONDON = ZoneInfo("Europe/London")
HOUR = time(9, 30)


def usual(day: date) -> datetime:
    """Return when a release of this day is public, in summer and in winter.

    >>> usual(date(2026, 7, 9)).isoformat(), usual(date(2026, 12, 10)).isoformat()
    ('2026-07-09T09:30:00+01:00', '2026-12-10T09:30:00+00:00')
    """
    return datetime.combine(day, HOUR, LONDON)


def named(text: str) -> datetime:
    """Return a time such as `2026-12-10T09:30`, London's unless it says its zone; of a day alone, the usual time.

    Raises `ParameterError` for anything else.

    >>> named("2026-12-10").isoformat(), named("2026-12-10 14:00").isoformat(), named("2026-12-10T14:00Z").isoformat()
    ('2026-12-10T09:30:00+00:00', '2026-12-10T14:00:00+00:00', '2026-12-10T14:00:00+00:00')
    """
    try:
        return usual(date.fromisoformat(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ParameterError(f"embargo {text!r}: not a time. Write it as 2026-12-10T09:30, in London's time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=LONDON)


def label(moment: datetime) -> str:
    """Return a time in London as people write it.

    >>> label(named("2026-07-09T08:30Z"))
    '9 July 2026, 09:30'
    """
    local = moment.astimezone(LONDON)
    return f"{day_label(local.date())}, {local:%H:%M}"
