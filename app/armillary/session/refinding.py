"""After a new export of the scene: what is bound is sought, looked at line by line, and saved as one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from armillary.model.binding import Binding
from armillary.model.fault import Fault, FaultRecord
from armillary.model.rematch import GONE, SURE, Match
from armillary.model.scene import SceneArrays, SceneProblem
from armillary.model.tags import TagSpec
from armillary.project import fixes, prim_paths, rebind
from armillary.project.record import Project
from armillary.session.bulk import Bulk, Change, Text
from armillary.session.signal import Signal

Work = Callable[[Callable[[], object], Callable[[object], None]], None]


class Host(Protocol):
    """What finding again needs of the workspace."""

    scene_changed: Signal[()]
    problems: tuple[SceneProblem, ...]

    @property
    def scene(self) -> SceneArrays | None: ...
    @property
    def bindings(self) -> tuple[Binding, ...]: ...
    @property
    def project(self) -> Project | None: ...
    @property
    def plant_specs(self) -> tuple[TagSpec, ...]: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One part that is not as it was, and what is done with it."""

    match: Match
    to: str  # the path that it is taken to be; "" = none
    is_taken: bool


@dataclass(frozen=True, slots=True)
class _Found:
    matches: tuple[Match, ...]


class Refinding:
    """The wizard's lines. One thread; the search runs beside it."""

    def __init__(self, host: Host, bulk: Bulk, work: Work) -> None:
        self.changed: Signal[()] = Signal()
        self.told: Signal[str] = Signal()
        self.lines: tuple[Line, ...] = ()
        self.is_open = self.is_seeking = False
        self._host, self._bulk, self._work = host, bulk, work
        self._round = 0
        self._counted: tuple[object, object, int] = (None, None, 0)
        host.scene_changed.connect(self.close)

    def seek(self) -> None:
        """Look for what is bound in the scene that is shown; takes seconds for large ones, beside."""
        scene, project = self._host.scene, self._host.project
        if scene is None or project is None:
            return
        bindings, twins = self._host.bindings, project.twins
        self.is_open = self.is_seeking = True
        self._round += 1
        round_ = self._round
        self.changed.emit()

        def done(answer: object) -> None:
            if round_ != self._round:
                return
            self.is_seeking = False
            if isinstance(answer, _Found):
                wanting = rebind.wanting(answer.matches)
                ordered = sorted(wanting, key=lambda m: (m.confidence >= SURE, m.old))
                self.lines = tuple(Line(m, m.new, m.kind != GONE and m.confidence >= SURE) for m in ordered)
            elif isinstance(answer, FaultRecord):
                self.is_open = False
                self.told.emit(f"{answer.what} {answer.remedy}")
            self.changed.emit()

        def sought() -> _Found:
            also = prim_paths.named(project.folder) if project.saved else ()
            return _Found(rebind.matches(bindings, scene, twins, also=also))

        self._work(sought, done)

    def close(self) -> None:
        """Give up what was found; nothing is written."""
        self._round += 1
        self.is_open = self.is_seeking = False
        self.lines = ()
        self.changed.emit()

    def take(self, row: int, *, taken: bool) -> None:
        """Take or refuse a line; one without a part cannot be taken."""
        line = self.lines[row]
        self._set(row, replace(line, is_taken=taken and bool(line.to)))

    def take_above(self, least: float) -> None:
        """Take all lines that are at least so sure, and no others."""
        self.lines = tuple(
            replace(x, is_taken=bool(x.to) and x.match.confidence >= least) for x in self.lines
        )
        self.changed.emit()

    def correct(self, row: int, path: str) -> None:
        """Say by hand which part it is now; it is taken."""
        self._set(row, replace(self.lines[row], to=path, is_taken=True))

    def _set(self, row: int, line: Line) -> None:
        self.lines = (*self.lines[:row], line, *self.lines[row + 1 :])
        self.changed.emit()

    def accept(self) -> None:
        """Save what is taken: bindings and twins together, one step of undo."""
        taken = [line for line in self.lines if line.is_taken]
        to = {line.match.old: line.to for line in taken if line.to != line.match.old}
        made = rebind.rebound(self._host.bindings, to)
        # what stands elsewhere or looks otherwise is saved too, so that it is known as it is now
        seen = {line.match.old for line in taken if line.to == line.match.old}
        count = len(made.bindings)
        self._save(made, to, seen, f"Find {count} binding{'' if count == 1 else 's'} again")

    def mend(self) -> None:
        """Mend what of the problems can be mended without asking, as one step."""
        project = self._host.project
        if project is None:
            return
        bindings = self._host.bindings
        specs, maps = self._host.plant_specs, project.colormaps
        chosen = fixes.plan(self._host.problems, bindings, specs, maps)
        if chosen:
            made, to = fixes.merged(chosen, bindings)
            count = len(chosen)
            self._save(made, to, set(), f"Mend {count} problem{'' if count == 1 else 's'}")

    def can_mend(self) -> int:
        """Return how many problems could be mended without asking."""
        project, problems, bindings = self._host.project, self._host.problems, self._host.bindings
        if project is None or not any(problem.code in fixes.FIXABLE for problem in problems):
            return 0
        if self._counted[0] is not problems or self._counted[1] is not bindings:
            chosen = fixes.plan(problems, bindings, self._host.plant_specs, project.colormaps)
            self._counted = problems, bindings, len(chosen)
        return self._counted[2]

    def _save(self, made: rebind.Rebound, to: dict[str, str], seen: set[str], title: str) -> None:
        bindings = self._host.bindings
        new = {(b.prim, b.name) for b in made.bindings}
        going = {*made.remove, *new}
        again = tuple(b for b in bindings if b.prim in seen and (b.prim, b.name) not in going)
        old = tuple(b for b in bindings if (b.prim, b.name) in going)
        try:
            texts = self._texts(to)
        except Fault as fault:
            self.told.emit(f"Not saved: {fault.what} {fault.remedy}")
            return
        if not made.bindings and not again and not texts:
            self.told.emit("Nothing is taken, so nothing was written.")
            return

        def ended(why: str) -> None:
            taken = (
                f" {len(made.taken)} stay: their new place has a binding of that name." if made.taken else ""
            )
            self.told.emit(why or f"Saved: {title}.{taken}")
            if not why:
                self.close()

        self._bulk.save(
            Change(title=title, new=(*made.bindings, *again), old=(*old, *again), texts=texts), ended
        )

    def _texts(self, to: dict[str, str]) -> tuple[Text, ...]:
        project = self._host.project
        found = rebind.edits(project, to) if project is not None else ()
        return tuple(Text(each.path, each.before, each.after) for each in found)


def tally(lines: Sequence[Line]) -> str:
    """Return in words how many lines there are of each kind, and how many are taken."""
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.match.kind] = counts.get(line.match.kind, 0) + 1
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in sorted(counts.items()))
    return f"{kinds}. {sum(line.is_taken for line in lines):,} taken."
