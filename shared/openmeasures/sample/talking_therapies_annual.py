"""The sample's talking therapies by year: scores before and after therapy, in the tidy table that the reader takes.

Every organisation has every therapy and diagnosis, those that nobody had as null. England is exact but for its means,
which have one decimal; below it numbers are rounded to 5, and what rests on fewer than 5 is null.
"""

import io
import math
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl

from openmeasures.sample.draws import Draws
from openmeasures.sample.organisations import read_organisations
from openmeasures.sample.stories import FIRST_MONTH, LAST_MONTH
from openmeasures.sample.talking_therapies_activity import LEARNING, LEARNING_FROM, SERVICES

YEARS = range(FIRST_MONTH.year - 2, LAST_MONTH.year)  # each from its April: six, as many as have been published
# Published, of England in 2024-25: the share of all courses, scores at the start and the end.
THERAPIES = {
    "Guided Self Help (Book)": (0.29, 13.5, 9.4),
    "Guided Self Help (Computer)": (0.025, 11.7, 8.6),
    "Psychoeducational peer support": (0.071, 12.7, 10.0),
    "Counselling for Depression": (0.137, 14.4, 9.3),
    "Cognitive Behaviour Therapy (CBT)": (0.414, 14.2, 9.5),
    "Interpersonal Psycho therapy (IPT)": (0.012, 15.5, 9.6),
}
ANXIETY = 0.95  # of the depression score, that of anxiety; published: 12.7 and 8.6 beside 13.9 and 9.5
COURSES = 12 * 0.84  # a year, for each who finishes in a month; published
SDS = {"start": (6.0, 5.0), "end": (6.5, 5.5)}  # published: of PHQ-9, of GAD-7
SERVICE_SD, YEAR_SD, NUMBER_SD = 0.8, 0.15, 0.06  # published, of providers' mean changes; of numbers, over their mean
LEARNED = -0.9  # points, of the service that learns, in each year from the one in which it began
FEWEST, BASE = 5, 5
DIAGNOSES = ("Total", "Depression")
COLUMNS = {
    "reporting_period": pl.String, "start_date": pl.Date, "end_date": pl.Date, "org_type": pl.String,
    "org_code": pl.String, "org_name": pl.String, "variable_type": pl.String, "variable_a": pl.String,
    "variable_b": pl.String, "measure_name": pl.String, "measure_statistic": pl.String, "measure_time": pl.String,
    "value": pl.Float64,
}  # fmt: skip


class Course(NamedTuple):
    """All courses of one therapy at one service in one year: their number, and mean scores at the start and the end."""

    number: int
    start: float
    end: float


def write(folder: Path) -> list[Path]:
    """Write the synthetic table to `folder`, made if need be, and return its path in a list.

    It is the same bytes on every run. Raises `DefinitionError` where the reference tables are malformed.
    """
    names = dict(read_organisations().select("org_code", "org_name").iter_rows())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "talking-therapies-proms-annual-synthetic.parquet"
    content = io.BytesIO()
    table = pl.DataFrame(list(_rows(names)), schema=COLUMNS, orient="row")
    table.write_parquet(content, compression="uncompressed", statistics=False)
    path.write_bytes(content.getvalue())
    return [path]


def courses(org_code: str) -> dict[int, dict[str, Course]]:
    """Return the courses of each year, by its first, and therapy, whether or not they can be shown."""
    draws = Draws(f"{org_code} scores")
    own = draws.normal(SERVICE_SD)

    def of(therapy: str, year: int) -> Course:
        share, start, end = THERAPIES[therapy]
        expected = SERVICES[org_code].finished * COURSES * share
        number = max(0, round(expected + draws.normal(math.sqrt(expected + (NUMBER_SD * expected) ** 2))))
        learned = LEARNED if org_code == LEARNING and year >= LEARNING_FROM.year else 0
        chance = math.sqrt(SDS["start"][0] ** 2 + SDS["end"][0] ** 2) / math.sqrt(max(number, 1))
        change = end - start + own + learned + draws.normal(YEAR_SD) + draws.normal(chance / 2)
        return Course(number, start, start + change)

    return {year: {therapy: of(therapy, year) for therapy in THERAPIES} for year in YEARS}


def _rows(names: dict[str, str]) -> Iterator[tuple[object, ...]]:
    found = {code: courses(code) for code in SERVICES}
    for year in YEARS:
        period = (f"{year}-{(year + 1) % 100:02}", date(year, 4, 1), date(year + 1, 3, 31))
        for therapy in THERAPIES:
            everyone = [by_year[year][therapy] for by_year in found.values()]
            for diagnosis in DIAGNOSES:
                place = ("England", "All", "All")
                yield from _figures((*period, *place), diagnosis, therapy, _together(everyone), is_england=True)
                for code, by_year in found.items():
                    for kind, org in (("Provider", code), ("SubICB", f"Z-C{code[-2:]}")):
                        name = names[code].upper() if kind == "Provider" else f"AREA OF {names[code].upper()}"
                        yield from _figures((*period, kind, org, name), diagnosis, therapy, by_year[year][therapy])


def _together(each: list[Course]) -> Course:
    number = sum(course.number for course in each)
    start, end = (
        math.fsum(course.number * score for course, score in zip(each, scores, strict=True)) / number
        for scores in ([course.start for course in each], [course.end for course in each])
    )
    return Course(number, start, end)


def _figures(
    place: tuple[object, ...], diagnosis: str, therapy: str, course: Course, *, is_england: bool = False
) -> Iterator[tuple[object, ...]]:
    is_shown = is_england or course.number >= FEWEST
    key = (*place, "PROMs", diagnosis, therapy)
    number = course.number if is_england else BASE * ((2 * course.number + BASE) // (2 * BASE))

    def shown(value: float) -> float | None:
        return float(value) if is_shown else None

    yield (*key, "courses_of_therapy", "count", None, shown(number))
    for place_of, (score, factor) in enumerate((("phq", 1.0), ("gad", ANXIETY))):
        for time, mean in (("start", course.start), ("end", course.end)):
            yield (*key, score, "mean", time, shown(round(mean * factor, 1)))
            yield (*key, score, "sd", time, shown(SDS[time][place_of]))
        yield (
            *key,
            score,
            "effect_size",
            None,
            shown(round((course.start - course.end) * factor / SDS["start"][place_of], 1)),
        )
