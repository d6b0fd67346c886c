"""What sources tell of their servers' nodes: remembered, and told as drift where something has changed.

One thread, the loop's. Nothing is written while nothing is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from armillary.model.drift import DriftItem
from armillary.model.fault import FaultRecord
from armillary.model.link import BrowseItem, Survey
from armillary.model.tags import TagSpec
from armillary.project import nodes
from armillary.project.learnt import address_of

_KINDS = {"Boolean": "bool", "String": "text", "LocalizedText": "text", "DateTime": "text", "Guid": "text"}


class Surveying:
    """Of the links of one world."""

    def __init__(
        self,
        private: Path,
        specs: Sequence[TagSpec],
        surveys: Callable[[], Mapping[str, Survey]],
        tell: Callable[[FaultRecord, str], None],
    ) -> None:
        """specs: of all tags that links bring; surveys: what sources say now, by link."""
        self._private, self._surveys, self._tell = private, surveys, tell
        self._known = nodes.read(private)
        self._at: dict[tuple[str, str], list[TagSpec]] = {}
        for spec in specs:
            self._at.setdefault((spec.link, spec.address), []).append(spec)
        self._seen: dict[str, Survey] = {}
        self._gone: dict[str, tuple[DriftItem, ...]] = {}
        self._new: dict[str, tuple[DriftItem, ...]] = {}
        self.left_out = 0

    def items(self) -> Iterator[DriftItem]:
        """Return what has moved and what is new; what a link that is down told last stays."""
        surveys = self._surveys()
        is_new = False
        for link, survey in surveys.items():
            if survey is self._seen.get(link) or not (survey.is_whole or survey.moved):
                continue
            self._seen[link] = survey
            is_new |= self._remember(link, survey)
            self._gone[link] = tuple(self._moved(link, survey.moved))
            if survey.is_whole:
                self._new[link] = tuple(self._fresh(link, survey))
        if is_new:
            self._save()
        self.left_out = sum(survey.left_out for survey in self._seen.values())
        for found in (*self._gone.values(), *self._new.values()):
            yield from found

    def _remember(self, link: str, survey: Survey) -> bool:
        """Keep browse paths, and at the first look all that is there; return whether anything was new."""
        is_new = False
        for address, path in survey.paths.items():
            for spec in self._at.get((link, address), ()):
                entry = (address_of(spec), path)
                if self._known.paths.get(spec.name) != entry:
                    self._known.paths[spec.name] = entry
                    is_new = True
        if not survey.is_whole:
            return is_new
        there, known = set(survey.others), self._known.others.get(link)
        if known is None:
            self._known.others[link] = there
            return True
        gone = known - there if not survey.left_out else set()
        if gone:  # what comes back later is new again
            self._known.others[link] = known - gone
        return is_new or bool(gone)

    def _moved(self, link: str, moved: Mapping[str, BrowseItem]) -> Iterator[DriftItem]:
        for gone, item in moved.items():
            for spec in self._at.get((link, gone), ()):
                yield DriftItem(
                    code="D12",
                    key=f"D12 {spec.name} {item.address}",
                    what=f"The node of {spec.name} is gone, and another is in its place: use the new id?",
                    level="error",
                    tag=spec.name,
                    link=link,
                    address=item.address,
                    model=gone,
                    plant=item.address,
                    item=item,
                )

    def _fresh(self, link: str, survey: Survey) -> Iterator[DriftItem]:
        """D01: nodes beside those of tags that were not there when the link was first looked at."""
        known = self._known.others.get(link, set())
        taken = {item.address for item in survey.moved.values()}
        for address, item in survey.others.items():
            if address in known or address in taken or (link, address) in self._at:
                continue
            unit = f" {item.unit}" if item.unit else ""
            said = f"{item.data_type or 'a value'}, now {item.value}{unit}" if item.value else item.data_type
            yield DriftItem(
                code="D01",
                key=f"D01 {link}!{address}",
                what=f"The server of {link} has the new node {item.name} ({said}), and no tag names it.",
                level="note",
                link=link,
                address=address,
                plant=said,
                item=item,
                kind="enum"
                if item.states and item.data_type != "Boolean"
                else _KINDS.get(item.data_type, "number"),
                unit=item.unit,
            )

    def _save(self) -> None:
        try:
            nodes.save(self._private, self._known)
        except OSError as error:
            what = f"Where the servers' nodes are cannot be written down: {error.strerror}."
            where, remedy = str(self._private), "Free space, or set its rights."
            self._tell(FaultRecord(kind="ProjectFault", what=what, where=where, remedy=remedy), "warning")
