"""The report of a shift, and the logbook, read from a project's own files: no world needs to run."""

from __future__ import annotations

import numpy as np

from armillary.alarms import shift as shifts
from armillary.alarms.figures import of_batch
from armillary.alarms.journal_lines import notes_of
from armillary.alarms.links import link_alarms
from armillary.model.fault import Fault
from armillary.model.logbook import Note
from armillary.model.message import AskAt, AskSpan, Enroll, Enrolled, Samples
from armillary.model.order import METHOD
from armillary.model.sample import SampleBatch, empty_batch, joined
from armillary.model.shift import Shift
from armillary.project.record import Project
from armillary.security import export
from armillary.security.audit import PATTERN as AUDIT_LINES
from armillary.session.recorders import asked, recorder
from armillary.wire.bus import Line

LOGBOOK, JOURNAL, AUDIT = "logbook", "journal", "audit"
PATTERN = "live-*.jsonl"
ANSWER_S = 60.0
PAGES = 10  # of 200,000 samples at most, for one figure


def notes(project: Project, since_ns: int = 0) -> list[Note]:
    """Return the entries of the project's logbooks, in the order of writing; all areas'. Raises Fault."""
    books = export.chains(project.homes, LOGBOOK, PATTERN, since_ns)
    return sorted(
        (note for lines in books for note in notes_of(lines)), key=lambda note: (note.written_ns, note.id)
    )


def report(project: Project, shift: Shift, now_ns: int) -> shifts.ShiftReport:
    """Return what is known of a shift. Raises Fault where there is no journal at all."""
    journals = export.chains(project.homes, JOURNAL, PATTERN, shift.from_ns)
    if not journals:
        raise Fault(
            "There is no journal of alarms here yet.",
            where=str(project.folder),
            remedy="Run the project's world; its journal is written from then on.",
        )
    return shifts.report(
        shift,
        now_ns,
        journals,
        export.chains(project.homes, AUDIT, AUDIT_LINES, shift.from_ns),
        notes(project, shift.from_ns),
        (*project.alarms, *link_alarms(project.links, project.specs)),
        figures(project, shift.from_ns, min(shift.to_ns, now_ns)),
        {f"{each.link}{METHOD}{each.address}": each.title for each in project.templates if each.title},
    )


def figures(project: Project, from_ns: int, to_ns: int) -> list[shifts.Figure]:
    """Return the key figures; where nothing can be asked they say that nothing is known."""
    if not project.figures:
        return []
    batches: dict[str, SampleBatch] = {}
    try:
        with recorder(project.folder, read_only=True) as line:
            for tag in dict.fromkeys(spec.tag for spec in project.figures):
                batches[tag] = samples(line, tag, from_ns, to_ns)
    except Fault:
        pass  # without a history the report is a report all the same; what is missing says so
    unit, none = {spec.name: spec.unit for spec in project.specs}, empty_batch()
    return [
        of_batch(spec, unit.get(spec.tag, ""), batches.get(spec.tag, none), from_ns, to_ns)
        for spec in project.figures
    ]


def samples(line: Line, tag: str, from_ns: int, to_ns: int, pages: int = PAGES) -> SampleBatch:
    """Return the samples of a tag of a span, the last one before it first. Raises Fault."""
    enrolled = asked(line, Enroll(tags=(tag,), create=False), ANSWER_S)
    ids = enrolled.ids if isinstance(enrolled, Enrolled) else np.zeros(0, np.uint32)
    parts: list[SampleBatch] = []
    if not np.asarray(ids).any():
        return empty_batch()
    before = asked(line, AskAt(ids=ids, t_ns=from_ns), ANSWER_S)
    parts += [before.batch] if isinstance(before, Samples) else []
    for _ in range(pages):
        got = asked(line, AskSpan(ids=ids, from_ns=from_ns, to_ns=to_ns), ANSWER_S)
        if not isinstance(got, Samples):
            break
        parts.append(got.batch)
        if not from_ns < got.to_ns < to_ns:
            break
        from_ns = got.to_ns
    return joined(parts)
