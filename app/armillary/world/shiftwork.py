"""The report of a shift as a LIVE world answers it: its own files, and the recorder for key figures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from armillary.alarms import shift as shifts
from armillary.alarms.figures import of_batch
from armillary.alarms.journal_lines import notes_of
from armillary.alarms.shift_paper import brief, paper
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import Clock
from armillary.model.fault import Fault
from armillary.model.logbook import Note, ShiftAnswer
from armillary.model.message import AskAt, AskSpan, Enroll, Enrolled, Samples
from armillary.model.sample import SampleBatch, empty_batch, joined
from armillary.model.shift import Shift, named, shift_at
from armillary.project.record import Project
from armillary.security import export
from armillary.security.audit import PATTERN as AUDIT_LINES
from armillary.wire.bus import AsyncLine, served
from armillary.world.logbook import FOLDER, PATTERN

ANSWER_S = 10.0
PAGES = 10  # of 200,000 samples at most, for one figure


async def answer(
    project: Project,
    specs: Sequence[AlarmSpec],
    text: str,
    recorder: str,
    clock: Clock,
    seen: Callable[[Note], Note] = lambda note: note,
) -> ShiftAnswer:
    """Return the report of the shift that a person means, with of its notes what they see. Raises Fault."""
    now = clock.now_ns()
    shift = named(project.shifts, text, now)
    figures = await _figures(project, shift, min(shift.to_ns, now), recorder)
    found = await asyncio.to_thread(_read, project, specs, shift, now, figures, seen)
    current = shift_at(project.shifts, now)
    return ShiftAnswer(
        key=shift.key,
        from_ns=shift.from_ns,
        to_ns=shift.to_ns,
        paper=paper(found, project.name),
        brief=brief(found),
        handover=found.handover,
        taken=found.taken,
        now=current.key if current is not None else "",
        is_quiet=found.is_quiet,
    )


def _read(
    project: Project,
    specs: Sequence[AlarmSpec],
    shift: Shift,
    now_ns: int,
    figures: Sequence[shifts.Figure],
    seen: Callable[[Note], Note],
) -> shifts.ShiftReport:
    since = shift.from_ns
    books = export.chains(project.homes, FOLDER, PATTERN, since)
    return shifts.report(
        shift,
        now_ns,
        export.chains(project.homes, "journal", PATTERN, since),
        export.chains(project.homes, "audit", AUDIT_LINES, since),
        [seen(note) for lines in books for note in notes_of(lines)],
        specs,
        figures,
    )


# ---------------------------------------------------------------- key figures


async def _figures(project: Project, shift: Shift, to_ns: int, recorder: str) -> list[shifts.Figure]:
    """Return the key figures; without a recorder they say that nothing is known."""
    unit = {spec.name: spec.unit for spec in project.specs}
    if not project.figures:
        return []
    batches: dict[str, SampleBatch] = {}
    if recorder and served(recorder):
        line = AsyncLine(recorder)
        try:
            for tag in dict.fromkeys(spec.tag for spec in project.figures):
                batches[tag] = await _samples(line, tag, shift.from_ns, to_ns)
        except Fault:
            pass  # the figures that are missing say so
        finally:
            line.close()
    none = empty_batch()
    return [
        of_batch(spec, unit.get(spec.tag, ""), batches.get(spec.tag, none), shift.from_ns, to_ns)
        for spec in project.figures
    ]


async def _samples(line: AsyncLine, tag: str, from_ns: int, to_ns: int) -> SampleBatch:
    """Return the samples of a tag, the last one before the span first."""
    enrolled = await line.ask(Enroll(tags=(tag,), create=False), ANSWER_S)
    ids = enrolled.ids if isinstance(enrolled, Enrolled) else np.zeros(0, np.uint32)
    parts: list[SampleBatch] = []
    if ids.any():
        before = await line.ask(AskAt(ids=ids, t_ns=from_ns), ANSWER_S)
        parts += [before.batch] if isinstance(before, Samples) else []
        while from_ns < to_ns and len(parts) <= PAGES:
            got = await line.ask(AskSpan(ids=ids, from_ns=from_ns, to_ns=to_ns), ANSWER_S)
            if not isinstance(got, Samples):
                break
            parts.append(got.batch)
            if got.to_ns <= from_ns:
                break
            from_ns = got.to_ns
    return joined(parts)
