"""Our SPC charts beside those of the tools that each rule-set is named after, case by case; then other figures.

| name | gives |
|---|---|
| `conformance` | what is expected and what we give, for every case in `tests/oracles/spc.yml` |
| `page` | the same as the text of `site/methods/conformance.qmd` |
| `write` | that page |

What is expected comes from the tools themselves or from their published rules, never from this package.
"""

from math import isclose
from pathlib import Path
from typing import NamedTuple

import polars as pl

from openmeasures import project
from openmeasures.methods import rulesets
from openmeasures.methods.spc import Improvement, SpecialCause, assurance, xmr
from openmeasures.reviewing import figures
from openmeasures.reviewing.oracles import MARKED, Chart, Expected, Limits, Oracles, Standard, load

LIMIT_COLUMNS = ("mean", "lower_process_limit", "upper_process_limit")
DIRECTIONS: tuple[Improvement, ...] = ("increase", "decrease", "neutral")
PREFACE = """\
---
title: "Conformance"
description: "Our charts and figures beside those of the tools in use, case by case"
---

<!-- notice -->

Each rule-set is named after a tool and follows its rules. Where limits are "not known", only the marks are compared.
Limits are the mean, the lower and the upper limit; marks are the points that a rule marks, counted from 1. What is
expected comes from running the tool, from its published values, or by hand from its rules, as the last column says.
This page is made by the tests' own comparison (`make conformance`); a test fails where it is out of date. Why we
depart from a tool stands under [deviations](deviations.qmd).
"""
ORIGINS = "<!-- origins -->\n"  # which publishing replaces


class Outcome(NamedTuple):
    """One comparison: what was compared, in words, and whether both are alike."""

    group: str  # the rule-set's id, or "assurance"
    case: str
    expected: tuple[str, ...]
    ours: tuple[str, ...]
    agrees: bool
    departs: str | None
    source: str


def conformance(oracles: Oracles | None = None) -> list[Outcome]:
    """Return a comparison for each case: by rule-set in the order of `rulesets.yml`, then of assurance."""
    oracles = oracles or load()
    charts = [
        _compared(chart, expected)
        for rules in rulesets.load()
        for chart in oracles.charts
        for expected in chart.expected
        if expected.rule_set == rules.id
    ]
    return charts + [_assured(case, direction) for case in oracles.assurance for direction in DIRECTIONS]


def page(outcomes: list[Outcome] | None = None) -> str:
    """Return the page's text: how many cases agree, and a table for each rule-set and for assurance."""
    oracles = load()
    outcomes = conformance(oracles) if outcomes is None else outcomes
    departures = sum(outcome.departs is not None for outcome in outcomes)
    agreeing = sum(outcome.agrees for outcome in outcomes)
    parts = [
        PREFACE,
        f"Of {len(outcomes)} comparisons {agreeing} agree, and {departures} depart on purpose.\n",
    ]
    titles = {rules.id: f"{rules.title} (`{rules.id}`)" for rules in rulesets.load()} | {"assurance": "Assurance"}
    for group, title in titles.items():
        parts.append(f"## {title}\n")
        if group == "assurance":
            head = "| Case | Expected | Ours | Agrees | Source |\n|:--|:--|:--|:--|:--|"
        else:
            head = (
                "| Case | Limits expected | Ours | Marks expected | Ours | Agrees | Source |\n"
                "|:--|:--|:--|:--|:--|:--|:--|"
            )
        rows = [_row(outcome) for outcome in outcomes if outcome.group == group]
        parts.append("\n".join([head, *rows]) + "\n")
    series = "\n".join(f"- **{chart.title}**: {', '.join(map(_number, chart.values))}." for chart in oracles.charts)
    return "\n".join([*parts, f"## The series\n\n{series}\n", figures.section(figures.compare()), ORIGINS])


def write(path: Path | None = None) -> Path:
    """Write the page, by default to `site/methods/conformance.qmd`, and return where."""
    path = path or reference_page()
    path.write_text(page(), encoding="utf-8", newline="\n")
    return path


def reference_page() -> Path:
    """Return where the committed page is."""
    return project.root() / "site" / "methods" / "conformance.qmd"


def _compared(chart: Chart, expected: Expected) -> Outcome:
    frame = pl.DataFrame(
        {"org_code": "case", "period_start": range(len(chart.values)), "value": chart.values},
        schema_overrides={"value": pl.Float64},
    )
    charted = xmr(frame, improvement="neutral", rule_set=expected.rule_set)
    limits: Limits = charted.select(LIMIT_COLUMNS).row(0)
    causes = [cause or SpecialCause.NONE for cause in charted["special_cause"]]
    wanted: list[str] = [SpecialCause.NONE] * len(causes)
    for places, cause in expected.marks.items():
        first, _, last = places.partition("-")
        wanted[int(first) - 1 : int(last or first)] = [cause] * (int(last or first) - int(first) + 1)
    if MARKED in expected.marks.values():
        causes = [cause if cause == SpecialCause.NONE else MARKED for cause in causes]
    alike = expected.limits is None or all(
        ours is not None and theirs is not None and isclose(ours, theirs, rel_tol=0, abs_tol=expected.tolerance)
        for ours, theirs in zip(limits, expected.limits, strict=True)
    )
    return Outcome(
        expected.rule_set,
        chart.title,
        ("not known" if expected.limits is None else _written(expected.limits), _places(wanted)),
        (_written(limits), _places(causes)),
        alike and causes == wanted,
        expected.departs,
        expected.source,
    )


def _assured(case: Standard, direction: Improvement) -> Outcome:
    limits = pl.DataFrame({"lower": [case.lower], "upper": [case.upper]})
    standard = pl.lit(case.standard, pl.Float64)
    verdict = assurance(standard=standard, lower=pl.col("lower"), upper=pl.col("upper"), improvement=direction)
    ours, wanted = limits.select(verdict).item(), getattr(case, direction)
    return Outcome(
        "assurance",
        f"{direction}, limits {case.lower:g} and {case.upper:g}, standard {_number(case.standard)}",
        ((wanted or "none").replace("_", " "),),
        ((ours or "none").replace("_", " "),),
        ours == wanted,
        None,
        "NHSRplotthedots, R/ptd_calculate_assurance_type.R",
    )


def _row(outcome: Outcome) -> str:
    pairs = [cell for pair in zip(outcome.expected, outcome.ours, strict=True) for cell in pair]
    agrees = "yes" if outcome.agrees else f"no: {outcome.departs or 'to be explained'}"
    return f"| {' | '.join([outcome.case, *pairs, agrees, outcome.source])} |"


def _written(limits: Limits) -> str:
    return ", ".join("undefined" if limit is None else f"{limit:.4f}".replace("-", "−") for limit in limits)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.10g}".replace("-", "−")


def _places(causes: list[str]) -> str:
    """Return runs of marked points in words, such as `11 to 17 shift`."""
    said, start = [], 0
    for place, cause in enumerate(causes):
        if place + 1 == len(causes) or causes[place + 1] != cause:
            points = str(place + 1) if start == place else f"{start + 1} to {place + 1}"
            said += [] if cause == SpecialCause.NONE else [f"{points} {cause.replace('_', ' ')}"]
            start = place + 1
    return "; ".join(said) or "none"
