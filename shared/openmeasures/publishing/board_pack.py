"""A board pack: every measure of one organisation, system or region as one printable document, what was found first.

It says what the pages say, from the same runs. `pack_sections` has what it says of each measure, `pdf` sets it, by
`templates/board_pack.typ`.

| name | what |
|---|---|
| `FILE`, `FOLDER` | what a pack is called beside the pages of its organisation; where those made by themselves go |
| `choose` | of whom packs are wanted |
| `make` | the pack of one, as PDF |
| `write` | packs into a folder, a file each |
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from openmeasures.charts import theme
from openmeasures.errors import ParameterError, near_miss
from openmeasures.organisations import ENGLAND
from openmeasures.periods import day_label
from openmeasures.publishing import area_pages, origins, pack_sections, pdf, print_icons
from openmeasures.publishing.built import Built
from openmeasures.publishing.runs import Run
from openmeasures.releases import ReleaseStatus
from openmeasures.store import write_whole

FILE = "board-pack.pdf"
FOLDER = "packs"  # in the build folder
# What stands at the head of every page, and on the first page.
SYNTHETIC = {
    "short": "Synthetic data, made up to show the method",
    "full": "Synthetic data. These organisations and figures are made up to show the method. They describe no real "
    "hospital, system or region.",
}
PROVISIONAL = {
    "short": "Some figures are provisional",
    "full": "Some of these figures are provisional and may be revised; each says whether it is.",
}
SETTLED = {"short": "", "full": ""}
COLOURS = {
    "text": theme.TEXT, "quiet": theme.QUIET_TEXT, "line": theme.OTHERS_EDGE, "band": theme.BAND, "grid": theme.GRID,
}  # fmt: skip


def choose(built: Built, org_codes: Iterable[str] | None) -> list[str]:
    """Return the codes of those named, or of everyone with runs, and of systems and regions with organisations.

    Raises `ParameterError` for one that has none of these.
    """
    known = sorted({*built.by_org, *built.places.by_code})
    wanted = list(dict.fromkeys(org_codes or known))
    for code in wanted:
        if code not in known:
            remedy = near_miss(code, known) or f" Run it first: openmeasures run --org {code}"
            raise ParameterError(f"--org {code}: no run on the present data; {len(known)} others have some.{remedy}")
    return wanted


def write(built: Built, codes: Iterable[str], folder: Path) -> Iterator[Path]:
    """Write the pack of each into `folder` as `<code>.pdf`, and yield its path as soon as it is there."""
    for code in codes:
        path = folder / f"{code}.pdf"
        write_whole(path, make(built, code))
        yield path


def make(built: Built, code: str) -> bytes:
    """Return the pack of one. Its date is the last day of the data, so that the same runs give the same bytes."""
    runs = built.by_org.get(code, [])
    place = built.places.by_code.get(code)
    of_members = {member: built.by_org[member] for member in place.members} if place else {}
    behind = [*runs, *chain.from_iterable(of_members.values())]
    day = max(run.measure.period.end(run.period_to) for run in behind)
    tables = area_pages.members(of_members, built.names, built.places, up="")
    name = place.name if place else built.names[code]
    content = {
        "name": name,
        "code": code,
        "kind": _kind(built, code),
        "mark": _mark(behind, synthetic=built.synthetic, not_before=built.not_before),
        "up-to": day_label(day),
        "date": [day.year, day.month, day.day],
        "colours": COLOURS,
        "key": [entry._asdict() for entry in print_icons.key()],
        "short": pack_sections.in_short(runs),
        "domains": pack_sections.domains(runs),
        "own": _own(built, code),
        "tables": pack_sections.members(tables),
        "origins": _origins(behind, name, code, synthetic=built.synthetic),
    }
    return pdf.written("board_pack", content, day=day)


def _kind(built: Built, code: str) -> str:
    """Say what it is and where, as far as that is known."""
    place = built.places.by_code.get(code)
    around = ", ".join(each.name for each in built.places.of(code))
    if place:
        return f"{place.level.value} in {around}" if around else place.level.value
    return "the whole country" if code == ENGLAND else around or built.regions.get(code, "")


def _mark(behind: list[Run], *, synthetic: bool, not_before: str) -> dict[str, str]:
    """Return the mark of figures that are not out yet, made up or provisional; nothing where all are settled."""
    if synthetic:
        mark = SYNTHETIC
    else:
        mark = PROVISIONAL if any(run.release.status == ReleaseStatus.PROVISIONAL for run in behind) else SETTLED
    if not_before:
        return {length: f"Preview, not to be shared before {not_before}. {words}" for length, words in mark.items()}
    return mark


def _own(built: Built, code: str) -> str:
    """Say what the figures of a system or region are; nothing of an organisation."""
    place = built.places.by_code.get(code)
    if place is None:
        return ""
    level = place.level.value
    if code not in built.by_org:
        return (
            f"No figures of its own were made for this {level}; the latest of its organisations follow. The command "
            f"openmeasures run --org {code} makes them, from the sums of what its organisations counted."
        )
    return (
        f"The figures are those of the {level} itself: what its organisations counted, added up and then divided, or, "
        f"where a publication counts {level}s, what that says. Percentages are never averaged. The latest figures of "
        "its organisations stand at the end."
    )


def _origins(behind: list[Run], name: str, code: str, *, synthetic: bool) -> list[tuple[str, str]]:
    found = origins.of(behind, synthetic=synthetic)
    return [
        ("Data up to", found.up_to),
        ("Code", found.commit),
        ("Environment", found.environment),
        ("Rule-set", found.rule_sets),
        ("Licence", pack_sections.plain(found.licence)),
        ("Cite as", f"Open Measures. Board pack: {name}, data up to {found.up_to}, commit {found.commit}."),
        ("Make it again", f"openmeasures pack --org {code}"),
    ]
