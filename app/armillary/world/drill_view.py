"""What an instructor sees of an exercise: its figures, and its timeline in lanes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from armillary.model.clock import NS
from armillary.model.control import (
    Branch,
    ExerciseView,
    MalfunctionSpec,
    ScoreRow,
    SnapshotInfo,
    TimelineRow,
)
from armillary.model.frame import WorldKind
from armillary.model.simulation import ModelInfo
from armillary.world.drill import Drill

_LANES = {"alarm": "alarm", "mark": "mark", "end": "mark", "instructor": "mark"}


def view(drill: Drill, state: str, trainees: Sequence[str], report: str) -> ExerciseView:
    """Return what the instructor sees."""
    score = drill.exercise.score(drill.progress)
    return ExerciseView(
        scenario=drill.lesson.id,
        title=drill.lesson.title,
        t_s=drill.t_s,
        state=state,
        rows=_rows(drill, score.rows),
        score=score.rows,
        total=score.total,
        most=score.most,
        passed=score.passed,
        truth=drill.truth(),
        branch=drill.branch,
        trainees=tuple(trainees),
        report=report,
        digest=drill.digest,
        malfunctions=drill.lesson.malfunctions,
        active=tuple(a.spec for a in drill.faults.active.values()),
        faults=offered(drill.info),
        branches=tuple(
            Branch(name=a.branch, until_s=a.until_s, total=a.score.total, most=a.score.most, failed=a.failed)
            for a in drill.left
        ),
        pass_mark=drill.lesson.pass_mark,
        minutes=drill.lesson.minutes,
        debrief=drill.lesson.debrief,
        step_s=drill.lesson.step_s,
    )


def moments(drill: Drill, world: str) -> tuple[SnapshotInfo, ...]:
    """Return the moments that an instructor may go back to."""
    return tuple(
        SnapshotInfo(
            path=m.id,
            title=m.title,
            world=world,
            kind=str(WorldKind.TRAINING),
            t_ns=drill.start_ns + round(m.t_s * NS),
            taken_ns=0,
            tags=len(m.value),
        )
        for m in drill.moments.values()
    )


def offered(info: ModelInfo) -> tuple[MalfunctionSpec, ...]:
    """Return what the model can be made to do wrong: one malfunction for each of its fault inputs."""
    out = []
    for v in info.variables:
        twin = v.name.rpartition(".")[0]
        if v.fault and v.causality == "input" and twin:
            out.append(MalfunctionSpec(id=f"{v.fault} {twin}", target=f"twin:{twin}", kind=v.fault))
    return tuple({m.id: m for m in out}.values())


def _rows(drill: Drill, score: Sequence[ScoreRow]) -> tuple[TimelineRow, ...]:
    return (*_malfunctions(drill), *_expected(drill, score), *_done(drill), *_moments(drill))


def _malfunctions(drill: Drill) -> list[TimelineRow]:
    """Return the lane of malfunctions: planned ones, then the instructor's own."""
    out: list[TimelineRow] = []
    cleared = {d.what: d.t_s for d in drill.deeds if d.kind == "clear"}
    planned = {m.id for m in drill.lesson.malfunctions}
    for m in drill.lesson.malfunctions:
        begun = drill.progress.begun.get(f"malfunction:{m.id}")
        state = "active" if m.id in drill.faults.active else "over" if begun is not None else "planned"
        t_s = begun if begun is not None else m.at_s
        text = f"{m.kind} {m.target}"
        until_s = cleared.get(m.id, math.nan) if state == "over" else math.nan
        out.append(TimelineRow(t_s=t_s, lane="malfunction", id=m.id, text=text, state=state, until_s=until_s))
    begun_s = {d.what: d for d in drill.deeds if d.kind == "malfunction" and d.what not in planned}
    for name, deed in begun_s.items():  # the instructor's own that are over
        if name not in drill.faults.active:
            out.append(
                TimelineRow(
                    t_s=deed.t_s,
                    lane="malfunction",
                    id=name,
                    text=deed.text,
                    state="over",
                    until_s=cleared.get(name, math.nan),
                )
            )
    for a in drill.faults.active.values():
        if a.spec.id not in planned:
            text = f"{a.spec.kind} {a.spec.target}"
            out.append(
                TimelineRow(t_s=a.begun_s, lane="malfunction", id=a.spec.id, text=text, state="active")
            )
    return out


def _expected(drill: Drill, score: Sequence[ScoreRow]) -> list[TimelineRow]:
    """Return what the trainee is expected to do, with its window where that is open."""
    out: list[TimelineRow] = []
    by_id = {row.id: row for row in score}
    for e in drill.lesson.expects:
        met = drill.progress.begun.get(f"expect:{e.id}", math.nan)
        text = e.title or e.action or f"must not: {e.must_not}"
        start, latest = (math.nan, math.nan) if e.must_not else drill.exercise.window(drill.progress, e)
        if e.must_not:
            met = drill.progress.violated.get(e.id, math.nan)
        elif math.isnan(met) and math.isfinite(start):
            met = start  # its window is open
        row = TimelineRow(
            t_s=met,
            lane="expected",
            id=e.id,
            text=text,
            state=by_id[e.id].state,
            until_s=latest if math.isfinite(latest) else math.nan,
        )
        out.append(row)
    return out


def _done(drill: Drill) -> list[TimelineRow]:
    """Return what was done, and what was heard."""
    out: list[TimelineRow] = []
    for d in drill.deeds:
        if d.kind not in ("malfunction", "clear"):
            lane = _LANES.get(d.kind, "action")
            out.append(TimelineRow(t_s=d.t_s, lane=lane, id=d.what, text=d.text or d.kind, state="done"))
    return out


def _moments(drill: Drill) -> list[TimelineRow]:
    return [
        TimelineRow(
            t_s=m.t_s, lane="snapshot", id=m.id, text=m.title, state="auto" if m.automatic else "named"
        )
        for m in drill.moments.values()
    ]
