"""Undo and redo of what was saved: each step writes a file back, so it ends later and may fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from armillary.session.signal import Signal

MOST = 200
Done = Callable[[str], None]
"""Called when a step has ended: "" = done, else why not."""


@dataclass(frozen=True, slots=True)
class Step:
    """One change that was saved."""

    title: str  # `Bind T-101.level`
    back: Callable[[Done], None]
    forth: Callable[[Done], None]


class Undo:
    """The steps of a session, newest last. One step runs at a time; one that fails stays where it was."""

    def __init__(self) -> None:
        self.changed: Signal[()] = Signal()
        self.told: Signal[str] = Signal()
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self.busy = False

    @property
    def undoes(self) -> str:
        """What would be undone now, "" for nothing."""
        return self._done[-1].title if self._done else ""

    @property
    def top(self) -> Step | None:
        """The step that would be undone now."""
        return self._done[-1] if self._done else None

    @property
    def redoes(self) -> str:
        """What would be done again now, "" for nothing."""
        return self._undone[-1].title if self._undone else ""

    @property
    def done(self) -> tuple[str, ...]:
        """What was done and can be undone, oldest first."""
        return tuple(step.title for step in self._done)

    @property
    def undone(self) -> tuple[str, ...]:
        """What was undone and can be done again; the next of it stands last."""
        return tuple(step.title for step in self._undone)

    def go(self, steps: int) -> None:
        """Undo so many steps one after the other, or do so many again (negative); a failure ends it."""
        if steps == 0 or self.busy:
            return

        def next_one() -> None:
            self.go(steps - 1 if steps > 0 else steps + 1)

        if steps > 0:
            self._run(self._done, self._undone, "Undone", next_one)
        else:
            self._run(self._undone, self._done, "Done again", next_one)

    def push(self, step: Step) -> None:
        """Note a change that was saved; what had been undone before cannot come back."""
        self._done.append(step)
        del self._done[:-MOST]
        self._undone.clear()
        self.changed.emit()

    def forget(self) -> None:
        """Begin anew: another project is open."""
        self._done.clear()
        self._undone.clear()
        self.busy = False
        self.changed.emit()

    def undo(self) -> None:
        """Take the newest change back."""
        self._run(self._done, self._undone, "Undone")

    def redo(self) -> None:
        """Do the change undone last again."""
        self._run(self._undone, self._done, "Done again")

    def _run(
        self, source: list[Step], target: list[Step], word: str, then: Callable[[], None] | None = None
    ) -> None:
        if self.busy or not source:
            return
        step, self.busy = source[-1], True

        def ended(why: str) -> None:
            self.busy = False
            if not why and source and source[-1] is step:
                target.append(source.pop())
            self.told.emit(why or f"{word}: {step.title}.")
            self.changed.emit()
            if then is not None and not why:
                then()

        (step.back if source is self._done else step.forth)(ended)
