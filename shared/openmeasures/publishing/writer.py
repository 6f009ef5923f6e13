"""Writes pages beside `_quarto.yml`, remembers which, and removes those that are no longer written."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from openmeasures.publishing import boxes, head, social_card
from openmeasures.publishing.social_card import Shown
from openmeasures.publishing.templating import TEMPLATES
from openmeasures.publishing.website import Website
from openmeasures.store import write_whole


class RunPage(NamedTuple):
    """The page of one run: its address, the name of its downloads, the finding of each of its charts."""

    address: str
    downloads: str
    findings: list[str]


@dataclass
class Pages:
    """Writes pages under one folder, and remembers which, and which of them show a run.

    Each page has the head that its place in the `website` gives it.
    """

    stage: Path
    website: Website = Website("Open Measures")  # noqa: RUF009 - a named tuple cannot change
    written: list[str] = field(default_factory=list)
    of_runs: list[RunPage] = field(default_factory=list)

    def write(self, address: str, text: str | bytes) -> None:
        """Write one file, and only where it differs, so that a renderer sees what changed.

        One that is cut short differs the next time; to have each on the disk before the next takes longer than both.
        """
        path, content = self.stage / address, text.encode() if isinstance(text, str) else text
        self.written.append(address)
        if not (path.is_file() and path.read_bytes() == content):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def render(
        self, address: str, template: str, *, described: str = "", shown: Shown | None = None, **values: object
    ) -> None:
        """Write a page from a template; `described` is what it says in one sentence, `shown` its latest figure."""
        text = TEMPLATES.get_template(template).render(has_page=self.has, **values)
        self.write_page(address, text, described=described, shown=shown)

    def has(self, address: str) -> bool:
        """Whether this page was written, so that another one may lead there."""
        return address in self.written

    def write_page(self, address: str, text: str, *, described: str = "", shown: Shown | None = None) -> None:
        """Write a page's Markdown, with its head, a box around each table, and the image of its card if it has one."""
        if self.website.has_cards and (told := head.words(text, self.website, described=described)):
            note = "Synthetic data" if self.website.synthetic else ""
            image = social_card.draw(site=self.website.title, title=told.title, said=told.says, note=note, shown=shown)
            self.write(social_card.address(address), image)
        self.write(address, head.put(boxes.put(text), address, self.website, described=described))

    def finish(self, record: Path) -> None:
        """Remove the pages of the last time that were not written again."""
        before = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else []
        for address in set(before) - set(self.written):
            (self.stage / address).unlink(missing_ok=True)
        write_whole(record, json.dumps(sorted(self.written), indent=0).encode())
