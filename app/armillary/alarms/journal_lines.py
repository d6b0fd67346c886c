"""Lines of a journal of alarms, read back: transitions as they count, and how alarms stood at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from armillary.alarms.health import Noted
from armillary.model.alarm import AlarmEvent, Presentation, ProcessState
from armillary.model.clock import parse_iso
from armillary.model.logbook import Note

Line = Mapping[str, Any]  # Any: parsed JSON
CHECKPOINT = "CHECKPOINT"
_COUNTED = ("RAISE", "CLEAR", "CLOSE", "ACK", "DISABLE")


def noted(lines: Iterable[Line]) -> Iterator[Noted]:
    """Yield the transitions that health is judged by; what hides an alarm holds until it is told anew."""
    hidden: dict[str, Presentation] = {}
    for line in lines:
        id_, told = str(line.get("alarm_id", "")), line.get("presentation")
        if told:
            hidden[id_] = Presentation(str(told))
        if line.get("event") in _COUNTED and id_:
            yield Noted(event=event_of(line), presentation=hidden.get(id_, Presentation.SHOWN))


def event_of(line: Line) -> AlarmEvent:
    """Return a line as the transition that it keeps."""
    value = line.get("value")
    return AlarmEvent(
        id=str(line["alarm_id"]),
        occurrence=str(line.get("occurrence", "")),
        event=str(line["event"]),
        before=ProcessState(str(line["from"])),
        after=ProcessState(str(line["to"])),
        t_ns=parse_iso(str(line["t_received"])),
        priority=int(str(line.get("priority", 3))),
        value=float("nan") if value is None else float(value),
        text=str(line.get("text") or ""),
        actor=str(line.get("actor") or ""),
        comment=str(line.get("comment") or ""),
        late=line.get("late") is True,
    )


class Standing:
    """How all alarms stood after some lines of one world's journal; feed it in their order."""

    def __init__(self) -> None:
        self.states: dict[str, Line] = {}  # of those that are not plain, by id
        self._coming: dict[str, Line] = {}

    def take(self, line: Line) -> None:
        """Go on by one line: a checkpoint says how all stand, any other how one does."""
        if line.get("event") == CHECKPOINT:
            if line.get("part") == 1:
                self._coming = {}
            self._coming.update({str(state["id"]): state for state in line.get("states", ())})
            if line.get("part") == line.get("of"):
                self.states = dict(self._coming)
            return
        state = line.get("state")
        if isinstance(state, dict):
            if state.get("process") == ProcessState.NORM and not state.get("hiding"):
                self.states.pop(str(state["id"]), None)
            else:
                self.states[str(state["id"])] = state


def note_of(line: Line) -> Note | None:
    """Return an entry of the logbook, None for a line that is none."""
    held = line.get("note")
    if not isinstance(held, dict):
        return None
    try:
        return Note(**held)
    except TypeError:  # of a newer version
        return None


def notes_of(lines: Iterable[Line]) -> list[Note]:
    """Return all entries of a logbook, in the order in which they were written."""
    return [note for line in lines if (note := note_of(line)) is not None]
