"""A span of a project's history as a file: read from the recorder in pieces, put in order on a stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from armillary.history import exchange_write
from armillary.history.exchange import Rows, Stage
from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.message import AskHistory, AskSpan, Enroll, Enrolled, HistoryInfo, Samples
from armillary.model.sample import EVALUATED, REDATED, SampleBatch
from armillary.project.record import Project
from armillary.session.recorders import recorder
from armillary.wire import marks
from armillary.wire.bus import Line

ANSWER_S = 60.0
ROWS = 200_000  # of one answer
FIRST_NS, LONGEST_NS = 60 * NS, 32 * 86_400 * NS
_FEW = ROWS // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to export."""

    output: Path
    form: str  # of exchange_write.FORMS
    tags: tuple[str, ...] = ()  # () = all
    from_ns: int = 0  # 0 = from the beginning
    to_ns: int = 0  # 0 = to the end
    personal: bool = False  # direct personal tags too


@dataclass(slots=True)
class Report:
    """What was written."""

    samples: int = 0
    tags: int = 0
    from_ns: int = 0
    to_ns: int = 0
    left_out: list[str] = field(default_factory=list)  # personal tags


def run(project: Project, wish: Wish, tell: Callable[[str, float], None] | None = None) -> Report:
    """Write a file of samples. Raises Fault; then there is no file, or the one that was there before."""
    told = tell or (lambda _text, _share: None)
    report = Report()
    with recorder(project.folder, read_only=True) as line, Stage() as stage:
        info = ask_info(line)
        direct = {spec.name for spec in project.specs if spec.personal == "direct"}
        wanted = chosen(wish.tags or info.tags, info.tags)
        if not wish.personal:
            report.left_out = [tag for tag in wanted if tag in direct]
            wanted = [tag for tag in wanted if tag not in direct]
        report.from_ns = max(wish.from_ns, info.first_ns)
        report.to_ns = min(wish.to_ns or info.last_ns + 1, info.last_ns + 1)
        fill(stage, line, wanted, units_of(project), report.from_ns, report.to_ns, told)
        told(f"Writing {wish.output.name}", 1.0)
        about = exchange_write.About(project=project.name, project_id=project.id)
        report.samples = exchange_write.write(stage, wish.output, wish.form, about)
        report.tags = len(wanted)
    return report


def ask_info(line: Line) -> HistoryInfo:
    """Return what the historian holds. Raises StoreFault when it holds nothing."""
    info = line.ask(AskHistory(), ANSWER_S)
    if not isinstance(info, HistoryInfo):
        raise odd(line)
    if not info.last_ns:
        raise StoreFault(
            "Nothing is recorded yet.", where=line.address, remedy="Run the project, or import a file."
        )
    return info


def chosen(tags: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return tags, each once. Raises StoreFault for one that the historian does not have."""
    there = set(known)
    for tag in tags:
        if tag not in there:
            near = [name for name in known if tag.lower() in name.lower()][:5]
            raise StoreFault(
                f"The historian has no tag '{tag}'.",
                where="--tag",
                remedy=f"Did you mean {', '.join(near)}?" if near else "armillary history info lists them.",
            )
    return list(dict.fromkeys(tag for tag in tags if not tag.startswith(marks.PREFIX)))


def units_of(project: Project) -> dict[str, str]:
    """Return the unit of each tag."""
    return {spec.name: spec.unit for spec in project.specs}


def fill(
    stage: Stage,
    line: Line,
    tags: Sequence[str],
    units: dict[str, str],
    from_ns: int,
    to_ns: int,
    tell: Callable[[str, float], None],
) -> None:
    """Put the samples of tags from ≤ t < to onto a stage. Raises StoreFault."""
    ids = ids_of(line, tags)
    own = stage.enter(list(tags), [units.get(tag, _old_unit(tag)) for tag in tags])
    place = np.zeros(int(ids.max(initial=0)) + 1, np.uint32)
    place[ids] = own
    at, step = from_ns, FIRST_NS
    while at < to_ns and len(ids):
        end = min(at + step, to_ns)
        got = line.ask(AskSpan(ids=ids, from_ns=at, to_ns=end, limit=ROWS), ANSWER_S)
        if not isinstance(got, Samples):
            raise StoreFault(
                "The recorder answered something else.", where=line.address, remedy="Update both."
            )
        stage.add(_rows(got.batch, place))
        step = max(step // 2, NS // 1000) if got.to_ns < end else step
        step = min(step * 2, LONGEST_NS) if len(got.batch) < _FEW else step
        at = got.to_ns
        tell("Reading the history", (at - from_ns) / (to_ns - from_ns))


def odd(line: Line) -> StoreFault:
    """Return what to say of an answer that is none."""
    return StoreFault("The recorder answered something else.", where=line.address, remedy="Update both.")


def ids_of(line: Line, tags: Sequence[str]) -> U4:
    """Return the store's ids of tags that it has."""
    got = line.ask(Enroll(tags=tuple(tags), create=False), ANSWER_S)
    if not isinstance(got, Enrolled):
        raise odd(line)
    return np.asarray(got.ids, np.uint32)


def _rows(batch: SampleBatch, place: U4) -> Rows:
    filed = (batch.flags & (EVALUATED | REDATED)) != 0  # these keep another time in place of the arrival
    return Rows(
        signal=place[batch.slot],
        t_ns=batch.source_ns,
        arrival_ns=np.where(filed, batch.source_ns, batch.arrival_ns),
        value=batch.value,
        quality=batch.quality,
        status=batch.status,
        text=dict(batch.text),
    )


def _old_unit(tag: str) -> str:
    """Return the unit of a series that was kept when the tag's unit changed: `name [unit]`."""
    return tag.rpartition(" [")[2].rstrip("]") if tag.endswith("]") and " [" in tag else ""
