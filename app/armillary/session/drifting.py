"""Drift at the desk: the world's report, and what a person decides of each difference.

What is accepted goes into the project's files in one step of undo; the world takes it when it loads them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Protocol

from armillary.model.account import Right, may
from armillary.model.drift import AcceptDefinition, AskDrift, DriftItem, DriftReport, RefuseDrift
from armillary.model.fault import Fault, FaultRecord, ProjectFault
from armillary.model.frame import WorldKind
from armillary.model.message import Done
from armillary.model.tags import TagSpec
from armillary.model.twin import TwinInstance
from armillary.project import drift_accept as accepting
from armillary.project import folder as projects
from armillary.project.edit import NewTag, Value, tag_facts, with_new_tags, with_tag
from armillary.project.record import TWINS_FILE, Project
from armillary.session import limits
from armillary.session.browsing import free_key, new_id
from armillary.session.drift import moved_to
from armillary.session.limits import Written, text_of
from armillary.session.signal import Signal
from armillary.session.undo import Done as Ended
from armillary.session.undo import Step, Undo

ASK_S = 10.0
ALARM_PRIORITY, ALARM_DELAY_S = 3, 10.0
Answer = Callable[[object], None]


class Place(Protocol):
    """What this needs of the workspace."""

    undo: Undo
    twins: tuple[TwinInstance, ...]
    role: str

    @property
    def kind(self) -> WorldKind: ...
    @property
    def project(self) -> Project | None: ...
    def now_ns(self) -> int: ...
    def ask_world(self, message: object, callback: Answer, timeout_s: float = ...) -> None: ...


@dataclass(frozen=True, slots=True)
class _NewFile:
    """A file that was not there: it comes and goes as a whole."""

    path: Path
    text: str

    def back(self, _now_ns: int) -> None:
        """Take it away, unless somebody changed it. Raises ProjectFault."""
        if not self.path.exists():
            return
        if self.path.read_text("utf-8") != self.text:
            raise ProjectFault(
                f"{self.path.name} was changed by somebody else meanwhile.",
                where=str(self.path),
                remedy="Look at it as it is now.",
            )
        self.path.unlink()

    def forth(self, _now_ns: int) -> None:
        """Write it. Raises ProjectFault when there is such a file."""
        if self.path.exists():
            raise ProjectFault(
                f"There is a {self.path.name} already.", where=str(self.path), remedy="Move it."
            )
        self.path.parent.mkdir(exist_ok=True)
        projects.write_atomic(self.path, self.text)


class DriftBook:
    """The report as it was read last. `told` says what became of a decision."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.changed: Signal[()] = Signal()
        self.told: Signal[str] = Signal()
        self.report = DriftReport()
        self.why = ""  # the report could not be read
        self.accepted: set[str] = set()  # keys: the world has not loaded them yet
        self._asking = False

    def may_accept(self, item: DriftItem) -> bool:
        """Return whether accepting a difference means something that can be written."""
        return accepting.may_accept(item)

    # ------------------------------------------------------------ reading

    def ask(self, *, now: bool = False) -> None:
        """Read the report, one at a time."""
        if self._asking or self._place.kind is not WorldKind.LIVE:
            return
        self._asking = True

        def answered(answer: object) -> None:
            self._asking = False
            if isinstance(answer, DriftReport):
                self.why, self.report = "", answer
                self.accepted &= {item.key for item in answer.items}
            else:
                self.why = answer.what if isinstance(answer, FaultRecord) else "The world does not tell."
            self.changed.emit()

        self._place.ask_world(AskDrift(now=now), answered, ASK_S)

    def why_not(self, *, writes: bool = True) -> str:
        """Return why nothing can be decided here, "" when it can; `writes`: files of the project too."""
        if self._place.kind is not WorldKind.LIVE:
            return "Drift is that of the live world."
        if not may(self._place.role, Right.AUTHOR):
            return f"The role {self._place.role or 'viewer'} may not change the project."
        return "No project is open." if writes and self._place.project is None else ""

    # ------------------------------------------------------------ deciding

    def accept(self, item: DriftItem) -> None:
        """Make the model say what the plant does."""
        if item.code == "D10":
            self._place.ask_world(
                AcceptDefinition(tag=item.tag), self._answered(f"Accepted: {item.what}"), ASK_S
            )
        elif item.code == "D01":
            self._write(item, f"New tag of {item.address}", self._new(item))
        else:
            self._write(item, f"Accept {item.code} of {item.tag}", self._changed(item))

    def accept_words(self, spec: TagSpec, words: str) -> None:
        """Take what the words say that a tag bears: another unit, or where its node is now."""
        if there := moved_to(words):
            moved = DriftItem(
                code="D12",
                key=f"D12 {spec.name} {there}",
                what=words,
                tag=spec.name,
                link=spec.link,
                address=there,
            )
            self.accept(moved)
            return
        said = words.partition("it says ")[2].partition(",")[0].strip()
        item = DriftItem(code="D05", key=f"D05 {spec.name}", what=words, tag=spec.name, unit=said)
        if said:
            self.accept(item)

    def map(self, item: DriftItem, tag: str) -> None:
        """Let a tag that there is have a new field's address."""
        changes = {"address": f"{item.link}!{item.address}"}
        self._write(item, f"Map {item.address} to {tag}", lambda text: with_tag(text, tag, changes))

    def refuse(self, item: DriftItem, why: str) -> None:
        """Hear of a difference no more."""
        self._place.ask_world(
            RefuseDrift(key=item.key, why=why), self._answered(f"Refused: {item.what}"), ASK_S
        )

    def restore(self, key: str) -> None:
        """Hear of a refused one again."""
        self._place.ask_world(RefuseDrift(key=key, back=True), self._answered("It is told again."), ASK_S)

    def alarm(self, item: DriftItem) -> None:
        """Add an alarm on the quality of the tag of a difference."""
        project = self._place.project
        if why := self.why_not() or ("" if item.tag else "There is no tag yet: accept or map it first."):
            self.told.emit(why)
            return
        if project is None:
            return
        wish: dict[str, float | int | str | bool | None] = {
            "kind": "quality",
            "tag": item.tag,
            "priority": ALARM_PRIORITY,
            "on_delay_s": ALARM_DELAY_S,
            "consequence": f"{item.tag} cannot be trusted: it differs from the model ({item.code}).",
            "operator_action": "Look at its device, then accept or refuse the difference in Drift.",
        }
        now = self._place.now_ns()
        try:
            said = limits.change_alarm(project.folder, self._place.undo, f"drift-{item.tag}", wish, now)
        except Fault as fault:
            said = f"Not saved: {fault.what} {fault.remedy}"
        self.told.emit(said)

    def _answered(self, words: str) -> Answer:
        def answered(answer: object) -> None:
            if isinstance(answer, Done):
                self.told.emit(words)
                self.ask()
            else:
                self.told.emit(answer.what if isinstance(answer, FaultRecord) else "There was no answer.")

        return answered

    def _changed(self, item: DriftItem) -> Callable[[str], str]:
        def edit(text: str) -> str:
            wanted: Mapping[str, Value | None] = accepting.changes(item, tag_facts(text, item.tag))
            return with_tag(text, item.tag, wanted)

        return edit

    def named(self, item: DriftItem) -> NewTag:
        """Return the tag that a new field would become: of the twin named on its way, else of a new one."""
        way = [part for part in item.address.partition("#")[0].split("/") if part]
        names = {twin.id for twin in self._place.twins}
        twin = next((part for part in reversed(way) if part in names), "") or self._beside(item)
        if not twin:
            above = way[-2] if len(way) > 1 and "#" not in item.address else way[-1] if way else item.link
            twin = new_id(above, names)
        project = self._place.project
        taken = {spec.name for spec in project.specs} if project is not None else set()
        name = item.item.name if item.item is not None else item.address
        return accepting.new_tag(item, twin, free_key(name, twin, taken))

    def _beside(self, item: DriftItem) -> str:
        """Return the twin of the tag whose node's id begins as that of a new node does, "" for none."""
        project = self._place.project
        lead = item.address.partition(";")[0] if item.address.startswith("nsu=") else ""
        if project is None or not lead:
            return ""
        own = [spec for spec in project.specs if spec.link == item.link and spec.twin]
        alike = [(_same(spec.address, item.address), spec.twin) for spec in own]
        longest, twin = max(alike, default=(0, ""))
        return twin if longest > len(lead) + len(";s=") else ""

    def _new(self, item: DriftItem) -> Callable[[str], str]:
        return lambda text: with_new_tags(text, [self.named(item)])

    def _write(self, item: DriftItem, title: str, edit: Callable[[str], str]) -> None:
        """Write twins.json, and a new version of the type where there is one: one step of undo."""
        project = self._place.project
        if why := self.why_not():
            self.told.emit(why)
            return
        if project is None:
            return
        now = self._place.now_ns()
        try:
            before = text_of(project.folder, TWINS_FILE)
            after = edit(before)
            files: list[Written | _NewFile] = []
            if item.code == "D01" and (made := self._extended(project, item)) is not None:
                file, twin, model = made
                after = accepting.with_model(after, twin, model)
                files.append(file)
            files.append(Written(project.folder, project.folder / TWINS_FILE, before, after))
            _forth(files, now)
        except Fault as fault:
            self.told.emit(f"Not saved: {fault.what} {fault.remedy}")
            return
        self.accepted.add(item.key)
        self._place.undo.push(self._step(title, files, item.key, now))
        self.told.emit(f"Saved: {title}. {limits.NEXT}")
        self.changed.emit()

    def _extended(self, project: Project, item: DriftItem) -> tuple[_NewFile, str, str] | None:
        """Return the file of the next version of a twin's type, None for a twin without one."""
        tag = self.named(item)
        twin = next((t for t in project.twins if t.id == tag.twin), None)
        if twin is None or not twin.model or not project.model_files:
            return None
        folder = project.folder / Path(project.model_files[0]).parent
        taken = [one.model for one in project.twins]
        model = accepting.next_version(twin.model, taken)
        if not model:
            return None
        while (folder / accepting.file_of(model)).exists():
            taken.append(model)
            model = accepting.next_version(twin.model, taken)
        text = accepting.extension(twin.model, model, tag)
        return _NewFile(folder / accepting.file_of(model), text), twin.id, model

    def _step(self, title: str, files: list[Written | _NewFile], key: str, now: int) -> Step:
        def back(done: Ended) -> None:
            self.accepted.discard(key)
            done(_tried(lambda: _back(files, now)))
            self.changed.emit()

        def forth(done: Ended) -> None:
            done(_tried(lambda: _forth(files, now)))
            self.accepted.add(key)
            self.changed.emit()

        return Step(title, back, forth)


def _same(a: str, b: str) -> int:
    """Return how many characters two texts begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def _forth(files: list[Written | _NewFile], now_ns: int) -> None:
    """Write all files or none. Raises Fault."""
    done: list[Written | _NewFile] = []
    try:
        for file in files:
            file.forth(now_ns)
            done.append(file)
    except Fault:
        for file in reversed(done):
            file.back(now_ns)
        raise


def _back(files: list[Written | _NewFile], now_ns: int) -> None:
    for file in reversed(files):
        file.back(now_ns)


def _tried(act: Callable[[], None]) -> str:
    try:
        act()
    except Fault as fault:
        return f"{fault.what} {fault.remedy}"
    return ""
