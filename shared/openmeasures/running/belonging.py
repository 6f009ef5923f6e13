"""Whether what stands in a run's notebook, and on its page, is its own organisation's and nobody else's.

Thousands of pages are made by the same few processes. After every build the figures of each run are therefore compared
with those that the observations give, worked out once for all organisations together and by no notebook; and each page
with the notebook that it was made from.

| function | checks |
|---|---|
| `check_results` | the results of a measure's runs |
| `check_page` | one page of the finished site |

Peers are meant in charts of peers alone, and these say in their finding what they show.
"""

import html
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from openmeasures import corrections, counts, results
from openmeasures.definitions import Measure
from openmeasures.errors import StoreError
from openmeasures.organisations import ENGLAND
from openmeasures.parameters import Parameters, check, level_of

SMALLEST = 1e-6  # of a count: halves and seconds are the finest that publications give
REMEDY = "Do not publish this build. Tell the project, then delete _build/ and run again."
_IMAGE = re.compile(r'<svg role="img" aria-label=(?:"([^"]*)"|\'([^\']*)\')')
_DOWNLOAD = re.compile(r'href="downloads/([^"]+)\.(?:csv|ipynb)"')

Counted = Mapping[tuple[str, date], tuple[float | None, float | None]]


def check_results(measure: Measure, data: Path, contents: Mapping[str, dict[str, Any]]) -> None:
    """Compare each run's result, by the code of its organisation, with the observations.

    Raises `StoreError` for a result that names another organisation or measure, or whose numerator or denominator in
    any period is not what the observations of its organisation add up to.
    """
    if not contents:
        return
    england = check(measure, org_code=ENGLAND, period_to="", data=str(data))
    known = {*england.organisations["org_code"]}
    expected: dict[str, Counted] = {}
    for org_code, content in contents.items():
        named = {content["org_code"], *(point["org_code"] for point in content["points"])}
        if named != {org_code} or content["measure"] != measure.id:
            raise StoreError(
                f"{measure.id}, {org_code}: its notebook holds the figures of {', '.join(sorted(named))} "
                f"({content['measure']}). {REMEDY}"
            )
        # Areas alone are looked up each: of several hundred organisations that would take longer than all the rest.
        is_area = level_of(measure, org_code, synthetic=england.synthetic)
        is_own = org_code in known and not is_area
        run = england if is_own else check(measure, org_code=org_code, period_to="", data=str(data))
        if run.level not in expected:
            expected[run.level] = _counted(run)
        for point in content["points"]:
            if point["series"] == results.ALL:
                _compare(measure, org_code, point, expected[run.level])


def _counted(run: Parameters) -> Counted:
    measure = run.measure
    observations = corrections.apply(run.observations(), measure.folder).observations
    providers = counts.count(
        observations, numerator=measure.numerator, denominator=measure.denominator, period=measure.period
    )
    rows = pl.concat([providers, counts.england(observations, providers, measure=measure)])
    if measure.kind == "proportion":
        rows = counts.part_of_whole(rows)
    columns = ("org_code", "period_start", "numerator", "denominator")
    return {(code, period): (above, below) for code, period, above, below in rows.select(columns).iter_rows()}


def _compare(measure: Measure, org_code: str, point: Mapping[str, Any], expected: Counted) -> None:
    period = date.fromisoformat(point["period_start"])
    found = point["numerator"], point["denominator"]
    wanted = expected.get((org_code, period), (None, None))
    if any(_differ(one, other) for one, other in zip(found, wanted, strict=True)):
        raise StoreError(
            f"{measure.id}, {org_code}, {measure.period.label(period)}: its notebook counts {found[0]} of {found[1]}, "
            f"the observations {wanted[0]} of {wanted[1]}. {REMEDY} Who writes the notebook: see analyses/README.md."
        )


def _differ(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > SMALLEST


def check_page(page: Path, *, name: str, findings: Sequence[str]) -> None:
    """Compare a page as it was rendered with its run: `name` is that of its downloads, `findings` of its charts.

    Every image has to be one of the run's, every chart of the run has to be there, and every download its own. Raises
    `StoreError` for a page that is not there, or holds anything else.
    """
    if not page.is_file():
        raise StoreError(f"{page}: no such page, although its run succeeded. {REMEDY}")
    text = page.read_text(encoding="utf-8")
    shown = {html.unescape(double or single) for double, single in _IMAGE.findall(text)}
    downloads = set(_DOWNLOAD.findall(text)) - {f"{name.rpartition('-')[0]}-reconciliation"}
    if foreign := sorted((shown - set(findings)) | (downloads - {name})):
        raise StoreError(f"{page}: holds what is not of its run: {foreign[0]!r}. {REMEDY}")
    if lacking := sorted((set(findings) - shown) | ({name} - downloads)):
        raise StoreError(f"{page}: lacks what is of its run: {lacking[0]!r}. {REMEDY}")
