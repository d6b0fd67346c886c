"""Lines of a journal as a file: what a table of them has, and how the desk fetches what its search shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from armillary.history import table_file
from armillary.history.table_file import Cell, Kind
from armillary.model.alarm import AlarmEvent, AlarmSpec
from armillary.model.arrays import I8
from armillary.model.clock import iso
from armillary.model.fault import Fault, FaultRecord
from armillary.model.frame import Event
from armillary.model.journal import MOST_TEXTS, AskLines, Lines, Of
from armillary.session.journal import ANSWER_S, Ask
from armillary.wire import marks

MOST = 200_000  # lines from a desk: more is a job for `armillary alarms journal`
ERASED = "erased, or kept no longer"
OTHER = "written by another version of Armillary"
ALARMS: Mapping[str, Kind] = {
    "t_received": "time",
    "t_source": "time",
    "alarm_id": "text",
    "title": "text",
    "tag": "text",
    "occurrence": "text",
    "event": "text",
    "from": "text",
    "to": "text",
    "priority": "whole",
    "value": "number",
    "quality": "whole",
    "late": "whole",
    "actor": "text",
    "comment": "text",
    "text": "text",
}
EVENTS: Mapping[str, Kind] = {
    "t": "time",
    "level": "text",
    "source": "text",
    "text": "text",
    "remedy": "text",
}
Done = Callable[[int | FaultRecord], None]
Work = Callable[[Callable[[], object], Callable[[object], None]], None]


def alarm_row(event: AlarmEvent, spec: AlarmSpec | None) -> tuple[Cell, ...]:
    """Return the cells of a transition."""
    return (
        iso(event.t_ns),
        iso(event.source_ns) if event.source_ns else None,
        event.id,
        spec.title if spec is not None else "",
        spec.tag if spec is not None else "",
        event.occurrence,
        event.event,
        str(event.before),
        str(event.after),
        event.priority,
        event.value,
        event.quality,
        int(event.late),
        event.actor,
        event.comment,
        event.text,
    )


def event_row(event: Event) -> tuple[Cell, ...]:
    """Return the cells of an event."""
    remedy = event.fault.remedy if event.fault is not None else ""
    return iso(event.t_ns), str(event.level), event.source, event.text, remedy


def rows(
    of: Of, lines: Sequence[tuple[int, str]], specs: Mapping[str, AlarmSpec]
) -> Iterator[tuple[Cell, ...]]:
    """Yield the cells of lines (time, text) as the record has them; one that cannot be read says so."""
    columns = ALARMS if of == "alarms" else EVENTS
    for t_ns, text in lines:
        try:
            if not text:
                raise ValueError
            if of == "alarms":
                event = marks.record_of(text, AlarmEvent)
                yield alarm_row(event, specs.get(event.id))
            else:
                yield event_row(marks.record_of(text, Event))
        except ValueError:
            said = OTHER if text else ERASED
            yield (iso(t_ns), *("" if k == "text" else None for k in list(columns.values())[1:-1]), said)


class Export:
    """Fetches lines of a journal from whoever reads the record, and writes them aside."""

    def __init__(self, of: Of, ask: Ask, work: Work, specs: Callable[[], Mapping[str, AlarmSpec]]) -> None:
        self._of: Of = of
        self._ask, self._work, self._specs = ask, work, specs
        self._lines: list[tuple[int, str]] = []

    def begin(self, path: Path, t_ns: I8, done: Done) -> None:
        """Write the lines of these times, ascending; `done` gets how many, or why not. Raises Fault."""
        table_file.form_of(path)
        if not len(t_ns):
            raise Fault("There is no line to write.", where="journal", remedy="Search for something else.")
        if len(t_ns) > MOST:
            raise Fault(
                f"{len(t_ns)} lines are too many for a desk.",
                where="journal",
                remedy=f"Search for at most {MOST}, or use: armillary alarms journal PROJECT -o FILE.",
            )
        self._lines.clear()
        self._fetch(path, np.unique(t_ns), 0, done)

    def _fetch(self, path: Path, t_ns: I8, at: int, done: Done) -> None:
        asked = t_ns[at : at + MOST_TEXTS]
        if not len(asked):
            self._write(path, done)
            return

        def taken(answer: object) -> None:
            if not isinstance(answer, Lines):
                done(
                    answer
                    if isinstance(answer, FaultRecord)
                    else FaultRecord(
                        kind="WorldFault",
                        what="The record answered something else.",
                        where="journal",
                        remedy="Try again.",
                    )
                )
                return
            self._lines += zip(answer.t_ns.tolist(), answer.text, strict=True)
            self._fetch(path, t_ns, at + MOST_TEXTS, done)

        self._ask(AskLines(of=self._of, t_ns=asked), taken, ANSWER_S)

    def _write(self, path: Path, done: Done) -> None:
        of, lines, specs = self._of, self._lines, dict(self._specs())
        columns = ALARMS if of == "alarms" else EVENTS
        self._lines = []
        self._work(
            lambda: table_file.write(path, columns, rows(of, lines, specs)),
            lambda answer: done(answer) if isinstance(answer, int | FaultRecord) else None,
        )
