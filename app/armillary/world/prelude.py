"""Child entry: the invented past of a demonstration, thirty days in its history before its first start.

Samples come of the plant's own model, alarms of the project's own rules over them. All of it is written
beside the history and taken into it by the recorder in one step: whoever ends this leaves nothing behind.
Only the folder of a running demonstration is ever touched, and what was made up says so in its events.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from armillary.api.ports import PastPiece, TellsPast
from armillary.extend.discover import discover
from armillary.history.bulk import Bulk
from armillary.model import expression
from armillary.model.arrays import F8, U4
from armillary.model.clock import NS, WallClock
from armillary.model.fault import WorldFault
from armillary.model.frame import Event
from armillary.model.link import LinkState, LinkStatus
from armillary.model.message import AskHistory, Done, Enroll, Enrolled, HistoryInfo, TakeIn
from armillary.model.sample import SampleBatch, batch_of
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.wire import marks, runs
from armillary.wire.bus import Line, served
from armillary.world.prelude_alarms import Row, Watch
from armillary.world.prelude_hours import DAY_NS, HOUR_NS, MINUTE_NS, full_hours

DAYS = 30
EVERY_S = 60  # between two moments, but for the hours in full
RECORDER_S, ANSWER_S, TAKEN_S = 60.0, 20.0, 120.0
LOOK_S = 0.2
NICE = 15  # the demonstration itself comes first
HOME = "past"  # of the journal, beside those of worlds
_SAID = (
    "Everything before this demonstration was started is made up: thirty days of the plant's own model, "
    "with the alarms of its rules. Nobody measured it."
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Span:
    before_ns: int
    days: int

    @property
    def is_whole(self) -> bool:
        return self.days >= DAYS


def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Make the past of a demonstration, then say what it holds.

    args: `project` (folder), `plant`, `seed`, `before_ns` (when the demonstration was started), `days`.
    Raises Fault.
    """
    os.nice(NICE)
    clock = WallClock()
    began_ns = clock.now_mono_ns()
    project = projects.read(Path(args["project"]))
    plant = _plant(str(args["plant"]), project)
    staging = project.private / f".prelude-{os.getpid()}"
    line = _recorder(project, clock)
    try:
        span = _Span(int(args["before_ns"]), int(args.get("days", DAYS)))
        told = _made(project, plant, staging, line, int(args["seed"]), span)
    finally:
        line.close()
        shutil.rmtree(staging, ignore_errors=True)
    say({**told, "seconds": round((clock.now_mono_ns() - began_ns) / NS, 1)})


def _plant(name: str, project: Project) -> TellsPast:
    if not (project.private / runs.PLANT_FILE).is_file():
        raise WorldFault(
            "A past is made up for a demonstration only.",
            where=str(project.folder),
            remedy="Start one: armillary demo",
        )
    plant = discover(["plants"]).make("plants", name)()
    if not isinstance(plant, TellsPast):
        raise WorldFault(f"The plant {name} tells no past.", where="world.prelude", remedy="")
    return plant


def _recorder(project: Project, clock: WallClock) -> Line:
    address, pause = runs.recorder_address(project.folder), threading.Event()
    end = clock.now_mono_ns() + int(RECORDER_S * NS)
    while not served(address):
        if clock.now_mono_ns() > end:
            raise WorldFault("No recorder answers.", where=address, remedy="Start the demonstration again.")
        pause.wait(LOOK_S)
    return Line(address)


def _made(
    project: Project, plant: TellsPast, staging: Path, line: Line, seed: int, span: _Span
) -> dict[str, object]:
    """Write a past and have it taken in; return what it holds."""
    to_ns = span.before_ns // MINUTE_NS * MINUTE_NS
    least_ns = 0 if span.is_whole else to_ns - span.days * DAY_NS
    hours = [at for at in full_hours(to_ns, project.timezone) if at > least_ns]
    from_ns = min([to_ns - span.days * DAY_NS, *(at - HOUR_NS for at in hours)]) // MINUTE_NS * MINUTE_NS
    held = line.ask(AskHistory(), ANSWER_S)
    if isinstance(held, HistoryInfo) and held.samples and held.first_ns < to_ns - HOUR_NS:
        raise WorldFault("There is a past already.", where=str(project.folder), remedy="")
    local = datetime.fromtimestamp(to_ns / NS, ZoneInfo(project.timezone)).utcoffset() or timedelta()
    offset_s = int(local.total_seconds())
    ids = _ids(project, line)
    watch = Watch(project, staging / "home" / "journal", from_ns, EVERY_S, offset_s, seed)
    with Bulk(staging / "days") as days:
        for piece in plant.past(seed, from_ns, to_ns, hours, offset_s):
            slots, value = whole(project, piece)
            watch.look(piece.t_ns, slots, value)
            names = [project.specs[slot].name for slot in slots.tolist()]
            ours = np.array([ids[name] for name in names], np.uint32)
            text = {ids[tag]: rows for tag, rows in piece.text.items() if tag in ids}
            days.add(piece.t_ns, ours, value, text)
        days.flush()
    watch.end(to_ns)
    rows = [*_opening(project, from_ns), *watch.rows, (marks.WORLD, 0.0, "", to_ns)]
    home = project.private / "areas" / HOME
    home.parent.mkdir(exist_ok=True)
    (staging / "home").rename(home)
    try:
        answer = line.ask(TakeIn(folder=str(staging / "days"), batch=_batch(rows, line)), TAKEN_S)
        if not isinstance(answer, Done):
            raise WorldFault("The recorder answered something else.", where=line.address, remedy="")
    except BaseException:
        with contextlib.suppress(OSError):
            shutil.rmtree(home)
        raise
    return {
        "samples": days.samples,
        "from_ns": from_ns,
        "to_ns": to_ns,
        "alarms": int(watch.raised.sum()),
        "by_priority": watch.raised[1:].tolist(),
    }


def _ids(project: Project, line: Line) -> Mapping[str, int]:
    specs = project.recorded
    names, units = tuple(s.name for s in specs), tuple(s.unit for s in specs)
    answer = line.ask(Enroll(tags=names, units=units), ANSWER_S)
    if not isinstance(answer, Enrolled):
        raise WorldFault("The recorder answered something else.", where=line.address, remedy="")
    return dict(zip(names, answer.ids.tolist(), strict=True))


def whole(project: Project, piece: PastPiece) -> tuple[U4, F8]:
    """Return the slots that a piece tells, what is derived of them too, and their values (k, n)."""
    by_name = {spec.name: spec for spec in project.specs}
    row = {tag: piece.value[i] for i, tag in enumerate(piece.tags) if tag in by_name}
    for spec in _in_order(project, row):
        made = expression.compile(spec[1], sorted(row), past=False)
        with np.errstate(all="ignore"):
            row[spec[0]] = made.evaluate([row[name] for name in made.names])[0]
    slots = np.array([by_name[name].slot for name in row], np.uint32)
    order = np.argsort(slots)
    return slots[order], np.stack(list(row.values()))[order]


def _in_order(project: Project, known: Mapping[str, F8]) -> Iterator[tuple[str, str]]:
    """Yield derived tags (name, expression) that follow from others at the same moment, in that order."""
    left, have = list(project.derived), set(known)
    every = [spec.name for spec in project.specs]
    while left:
        able = []
        for spec in left:
            made = expression.compile(spec.expression, every, past=True)
            if not made.past and set(made.names) <= have:
                able.append(spec)
        if not able:
            return
        for spec in able:
            yield spec.name, spec.expression
            have.add(spec.name)
            left.remove(spec)


def _opening(project: Project, from_ns: int) -> Sequence[Row]:
    """Return the marks of a start: that a world runs, that its links are up, and what it is."""
    event = Event(t_ns=from_ns, level="info", source="demo", text=_SAID)
    rows: list[Row] = [
        (marks.WORLD, 1.0, marks.paced(EVERY_S), from_ns - 2),
        (marks.EVENTS, 0.0, marks.text_of(event), from_ns - 1),
    ]
    for link in project.links:
        status = LinkStatus(
            name=link.name,
            kind=link.kind,
            url=link.url,
            state=LinkState.UP,
            since_ns=from_ns,
            delivery="flowing",
        )
        code = marks.LINK_CODES[LinkState.UP]
        rows.append((marks.LINK + link.name, code, marks.text_of(status), from_ns - 1))
    return rows


def _batch(rows: Sequence[Row], line: Line) -> SampleBatch:
    """Return marks as rows by the recorder's ids."""
    names = tuple(dict.fromkeys(name for name, *_ in rows))
    answer = line.ask(Enroll(tags=names), ANSWER_S)
    if not isinstance(answer, Enrolled):
        raise WorldFault("The recorder answered something else.", where=line.address, remedy="")
    id_of = dict(zip(names, answer.ids.tolist(), strict=True))
    t_ns = np.array([at for *_, at in rows], np.int64)
    return batch_of(
        np.array([id_of[name] for name, *_ in rows], np.uint32),
        np.array([value for _, value, _, _ in rows], np.float64),
        t_ns,
        t_ns,
        0,
        text={i: text for i, (_, _, text, _) in enumerate(rows) if text},
    )
