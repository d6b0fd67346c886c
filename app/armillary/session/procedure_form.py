"""A procedure in hand: steps are added, moved and changed in memory, judged while typed, saved with undo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from armillary.model.fault import Fault, ProjectFault
from armillary.model.procedure import Look, Procedure, ProcedureStep
from armillary.model.scene import SceneProblem
from armillary.model.tags import TagSpec
from armillary.project import procedures
from armillary.project.procedures import FOLDER, ROLES, SKIPS
from armillary.project.procedures_edit import save, written
from armillary.session.undo import Done, Step, Undo

__all__ = ["FOLDER", "ROLES", "SKIPS", "Draft", "change", "listed", "opened", "seconds", "texts_of"]

_FIRST = ProcedureStep(id="step-1", text="Say what is to be done.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A procedure as it stands in the sheet. Every change is another draft."""

    file: str  # in `procedures/`; "" = not saved yet
    since: str  # text of the file as it was when it was opened
    procedure: Procedure

    def text(self) -> str:
        """Return the file as it would be. Raises ProjectFault."""
        return written(self.procedure, self.since)

    @property
    def name(self) -> str:
        """The file that it is saved to."""
        return self.file or f"{self.procedure.id}.toml"

    def with_head(self, **changes: Any) -> Draft:  # Any: fields of Procedure
        """Return it with another id, title, role or text."""
        return replace(self, procedure=replace(self.procedure, **changes))

    def with_step(self, row: int, **changes: Any) -> Draft:  # Any: fields of ProcedureStep
        """Return it with one step changed."""
        steps = list(self.procedure.steps)
        steps[row] = replace(steps[row], **changes)
        return self._of(steps)

    def added(self, row: int, *, copy: bool = False) -> Draft:
        """Return it with a new step behind one, or with that one twice."""
        steps = list(self.procedure.steps)
        base = steps[row] if copy and 0 <= row < len(steps) else _FIRST
        taken = {step.id for step in steps}
        stem = f"{base.id}-copy" if copy else "step"
        id_ = next(n for i in range(1, len(steps) + 3) if (n := f"{stem}-{i}") not in taken)
        steps.insert(row + 1, replace(base, id=id_))
        return self._of(steps)

    def removed(self, row: int) -> Draft:
        """Return it without one step."""
        return self._of([step for number, step in enumerate(self.procedure.steps) if number != row])

    def moved(self, row: int, by: int) -> Draft:
        """Return it with one step earlier (-1) or later (1); at an end nothing changes."""
        steps, to = list(self.procedure.steps), row + by
        if not 0 <= row < len(steps) or not 0 <= to < len(steps):
            return self
        steps[row], steps[to] = steps[to], steps[row]
        return self._of(steps)

    def _of(self, steps: Sequence[ProcedureStep]) -> Draft:
        return replace(self, procedure=replace(self.procedure, steps=tuple(steps)))

    def judged(
        self, specs: Mapping[str, TagSpec], prims: frozenset[str] | None, others: Mapping[str, str]
    ) -> tuple[str, tuple[SceneProblem, ...]]:
        """Return (why it may not be saved, what is doubtful). others: id → file of the other procedures."""
        try:
            if self.procedure.id in others and others[self.procedure.id] != self.file:
                raise ProjectFault(
                    f"There is a procedure '{self.procedure.id}' already.",
                    where=others[self.procedure.id],
                    remedy="Give another id.",
                )
            found = procedures.parse(self.text(), self.name, specs)
        except ProjectFault as fault:
            return f"{fault.what} {fault.remedy}", ()
        return "", tuple(procedures.lost(found, prims)) if prims is not None else ()


def listed(folder: Path) -> dict[str, str]:
    """Return the procedures of a project by id, with their files; a broken one by its file's name."""
    return {procedures.id_of(path) or path.stem: path.name for path in procedures.procedures(folder)}


def opened(folder: Path, file: str, specs: Mapping[str, TagSpec]) -> Draft:
    """Return a procedure for editing; a new one for "". Raises ProjectFault for one that cannot be read."""
    if not file:
        return Draft(file="", since="", procedure=Procedure(id="", title="", steps=(replace(_FIRST),)))
    path = folder / FOLDER / file
    found = procedures.read(path, specs)
    return Draft(file=file, since=path.read_text("utf-8"), procedure=found)


def change(folder: Path, undo: Undo, file: str, since: str, text: str, specs: Mapping[str, TagSpec]) -> str:
    """Write a file of procedures ("" deletes it), to be undone byte for byte; return what to tell.

    since: its text when it was opened; a file that is another by now is refused. Raises ProjectFault.
    """
    _write(folder, file, since, text, specs)
    title = f"Change procedure {Path(file).stem}" if text else f"Delete procedure {Path(file).stem}"

    def again(before: str, after: str) -> Callable[[Done], None]:
        def run(done: Done) -> None:
            try:
                _write(folder, file, before, after, specs)
            except Fault as fault:
                done(f"{fault.what} {fault.remedy}")
            else:
                done("")

        return run

    undo.push(Step(title, again(text, since), again(since, text)))
    return f"Saved: {title}. It is carried out so from now on; what is under way goes on as it was begun."


def _write(folder: Path, file: str, before: str, after: str, specs: Mapping[str, TagSpec]) -> None:
    path = folder / FOLDER / file
    try:
        now = path.read_text("utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFault(
            f"{file} cannot be read: {error}.", where=str(path), remedy="Check its permissions."
        ) from error
    if now != before:
        raise ProjectFault(
            f"{file} was changed by somebody else meanwhile.",
            where=str(path),
            remedy="Look at it as it is now, then change it.",
        )
    save(folder, file, after, specs)


# ---------------------------------------------------------------- fields


def texts_of(step: ProcedureStep) -> dict[str, str]:
    """Return what stands in the fields for a step."""
    return {
        "id": step.id,
        "title": step.title,
        "text": step.text,
        "prims": ", ".join(step.prims),
        "camera": step.camera,
        "until": step.until,
        "unit": step.unit,
        "held_s": f"{step.held_s:g}" if step.held_s else "",
    }


def seconds(text: str) -> float:
    """Return what is typed as a time; 0 for nothing, and -1 for what is none: it is refused as such."""
    try:
        return float(text.strip().replace(",", ".") or 0.0)
    except ValueError:
        return -1.0


def look_of(position: Sequence[float], focus: Sequence[float], up: Sequence[float]) -> Look:
    """Return the present view, in millimetres: what is written reads back equal."""

    def xyz(v: Sequence[float]) -> tuple[float, float, float]:
        return round(float(v[0]), 3), round(float(v[1]), 3), round(float(v[2]), 3)

    return Look(position=xyz(position), focus=xyz(focus), up=xyz(up))
