"""An exercise while it runs: triggers, expected actions, envelopes, score. Pure; time is simulated seconds.

Everything that changes is in `Progress`, which snapshots carry: going back restores it whole, and what was
done since is kept as a branch by its owner.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from armillary.model import expression
from armillary.model.arrays import F8, U2
from armillary.model.control import MalfunctionSpec, ScoreRow
from armillary.model.expression import Expression
from armillary.model.lesson import Band, Deed, Expect, Lesson, command_of
from armillary.model.quality import UNCERTAIN, rank

SAME = 1e-6  # relative: a command of this value


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How an exercise stands; replaced as a whole."""

    t_s: float = 0.0
    begun: Mapping[str, float] = field(default_factory=dict)  # `malfunction:trip`, `alarm:hot` → when first
    holding: Mapping[str, float] = field(default_factory=dict)  # condition → since when it holds
    fired: Mapping[str, float] = field(default_factory=dict)  # malfunction → when its trigger began it last
    met: Mapping[str, float] = field(default_factory=dict)  # expectation → reaction in s
    violated: Mapping[str, float] = field(default_factory=dict)  # must-not → when first
    outside_s: Mapping[str, float] = field(default_factory=dict)  # band → seconds outside
    marks: tuple[tuple[str, float], ...] = ()  # the instructor's: (comment, points)
    ended: str = ""  # why it is over
    failed: str = ""  # why it is failed outright


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Rows, and points of those possible."""

    rows: tuple[ScoreRow, ...]
    total: float
    most: float
    passed: bool | None  # None: not over yet

    @property
    def percent(self) -> float:
        return 100.0 * self.total / self.most if self.most else 0.0


class Exercise:
    """Watches one run of a lesson."""

    def __init__(self, lesson: Lesson, names: Sequence[str]) -> None:
        """Take the tags in slot order. Raises ProjectFault for an expression that cannot be compiled."""
        self.lesson = lesson
        self._slot = {name: slot for slot, name in enumerate(names)}
        texts = {m.when for m in lesson.malfunctions} | {e.must_not for e in lesson.expects}
        texts |= {lesson.success}
        self._compiled: dict[str, Expression] = {
            text: expression.compile(text, self._slot, lesson.origin or lesson.id) for text in texts if text
        }

    # ------------------------------------------------------------ time passes

    def step(
        self, progress: Progress, t_s: float, value: F8, quality: U2
    ) -> tuple[Progress, tuple[MalfunctionSpec, ...]]:
        """Return how things stand at a time, and the malfunctions that begin now. value, quality: (N,)."""
        step_s = max(0.0, t_s - progress.t_s)
        holding = self._holding(progress, t_s, value, quality)
        now = replace(progress, t_s=t_s, holding=holding)
        due = tuple(m for m in self.lesson.malfunctions if self._is_due(now, m))
        begun = {f"malfunction:{m.id}": t_s for m in due if f"malfunction:{m.id}" not in now.begun}
        now = replace(
            now,
            fired={**now.fired, **{m.id: t_s for m in due}},
            begun={**now.begun, **begun},
            violated=self._violated(now, t_s),
            outside_s=self._outside(now, step_s, value, quality),
        )
        return self._ended(now, value, quality), due

    def _holding(self, progress: Progress, t_s: float, value: F8, quality: U2) -> Mapping[str, float]:
        out = {}
        for text, made in self._compiled.items():
            slots = [self._slot[name] for name in made.names]
            result, word = made.evaluate(
                [value[s : s + 1] for s in slots], [quality[s : s + 1] for s in slots]
            )
            is_known = bool(np.all(rank(word) <= UNCERTAIN))
            if is_known and bool(np.any(result != 0.0)):
                out[text] = progress.holding.get(text, t_s)
        return out

    def _is_due(self, now: Progress, m: MalfunctionSpec) -> bool:
        if m.id in now.fired and not m.repeat:
            return False
        if not math.isfinite(m.at_s) and not m.when and not m.after:
            return False  # by hand
        base = now.begun.get(m.after, math.inf) if m.after else 0.0
        if now.t_s < base + (m.at_s if math.isfinite(m.at_s) else 0.0):
            return False
        if not m.when:
            return m.id not in now.fired
        since = now.holding.get(m.when)
        if since is None or now.t_s - since < m.held_s:
            return False
        return since > now.fired.get(m.id, -math.inf)  # repeated only when it held anew

    def _violated(self, now: Progress, t_s: float) -> Mapping[str, float]:
        out = dict(now.violated)
        for e in self.lesson.expects:
            if e.must_not and e.must_not in now.holding:
                out.setdefault(e.id, t_s)
        return out

    def _outside(self, now: Progress, step_s: float, value: F8, quality: U2) -> Mapping[str, float]:
        out = dict(now.outside_s)
        for band in self.lesson.bands:
            if not self._inside(band, value):
                out[band.id] = out.get(band.id, 0.0) + step_s
        return out

    def _inside(self, band: Band, value: F8) -> bool:
        at = float(value[self._slot[band.tag]])
        return not math.isfinite(at) or band.low <= at <= band.high

    def _ended(self, now: Progress, value: F8, quality: U2) -> Progress:
        if now.ended:
            return now
        for e in self.lesson.expects:
            if e.fail and e.id in now.violated and not now.failed:
                now = replace(now, failed=f"{e.title or e.must_not} happened")
        for band in self.lesson.bands:
            at = float(value[self._slot[band.tag]])
            if at < band.abort_below or at > band.abort_above:
                return replace(
                    now, ended=f"{band.tag} reached {at:.4g}: the exercise is over", failed="abort limit"
                )
        since = now.holding.get(self.lesson.success) if self.lesson.success else None
        if since is not None and now.t_s - since >= self.lesson.success_held_s and self._all_decided(now):
            return replace(now, ended="the aim was reached")
        if now.t_s >= self.lesson.minutes * 60.0:
            return replace(now, ended="the time is over")
        return now

    def _all_decided(self, now: Progress) -> bool:
        """Return whether every expected action was met or can no longer be."""
        return all(
            not e.action or e.id in now.met or self.window(now, e)[1] < now.t_s for e in self.lesson.expects
        )

    # ------------------------------------------------------------ what people do, what happens

    def happened(self, progress: Progress, what: str, t_s: float) -> Progress:
        """Note the first time of `alarm:<id>` or `malfunction:<id>`."""
        if what in progress.begun:
            return progress
        return replace(progress, begun={**progress.begun, what: t_s})

    def done(self, progress: Progress, deed: Deed) -> Progress:
        """Note something that the trainee did; it meets the first open expectation that it fits."""
        for e in self.lesson.expects:
            if not e.action or e.id in progress.met or not _fits(e.action, deed):
                continue
            start, latest = self.window(progress, e)
            if math.isfinite(start) and deed.t_s >= start and deed.t_s <= latest:
                met = {**progress.met, e.id: deed.t_s - start}
                begun = {**progress.begun, f"expect:{e.id}": deed.t_s}
                return replace(progress, met=met, begun=begun)
        return progress

    def window(self, progress: Progress, e: Expect) -> tuple[float, float]:
        """Return from when to when an action counts; infinite while what it follows has not begun."""
        start = progress.begun.get(e.after, math.inf) if e.after else 0.0
        return start, start + e.latest_s

    # ------------------------------------------------------------ the score

    def score(self, progress: Progress) -> Score:
        """Return the score as it stands; it is final once the exercise has ended."""
        rows = [self._expect_row(progress, e) for e in self.lesson.expects]
        rows += [self._band_row(progress, b) for b in self.lesson.bands]
        rows += [
            ScoreRow(
                id=f"mark-{i + 1}", text=text or "Instructor's mark", points=points, most=0.0, state="done"
            )
            for i, (text, points) in enumerate(progress.marks)
        ]
        most = sum(row.most for row in rows)
        total = min(most, max(0.0, sum(row.points for row in rows))) if most else 0.0
        passed = None
        if progress.ended:
            reached = 100.0 * total / most if most else 100.0
            passed = not progress.failed and reached >= self.lesson.pass_mark
        return Score(rows=tuple(rows), total=total, most=most, passed=passed)

    def _expect_row(self, progress: Progress, e: Expect) -> ScoreRow:
        text = e.title or e.action or f"must not: {e.must_not}"
        if e.must_not:
            when = progress.violated.get(e.id)
            state = "violated" if when is not None else "done" if progress.ended else "open"
            points = e.points if when is None else 0.0
            reaction = math.nan if when is None else when
            return ScoreRow(
                id=e.id, text=text, points=points, most=e.points, state=state, reaction_s=reaction
            )
        reaction = progress.met.get(e.id, math.nan)
        start, latest = self.window(progress, e)
        if math.isfinite(reaction):
            late = reaction > max(e.ideal_s, 0.0) and e.ideal_s > 0.0
            share = 1.0
            if late and math.isfinite(e.latest_s) and e.latest_s > e.ideal_s:
                share = 1.0 - (reaction - e.ideal_s) / (e.latest_s - e.ideal_s)
            state = "late" if late else "done"
            return ScoreRow(
                id=e.id,
                text=text,
                points=e.points * max(0.0, share),
                most=e.points,
                state=state,
                reaction_s=reaction,
            )
        never = progress.ended or (math.isfinite(start) and progress.t_s > latest)
        return ScoreRow(id=e.id, text=text, points=0.0, most=e.points, state="missed" if never else "open")

    def _band_row(self, progress: Progress, band: Band) -> ScoreRow:
        outside = progress.outside_s.get(band.id, 0.0)
        lost = min(band.points, outside * band.loss_per_s)
        low = "" if math.isinf(band.low) else f"{band.low:g} ≤ "
        high = "" if math.isinf(band.high) else f" ≤ {band.high:g}"
        state = "violated" if outside else "done" if progress.ended else "open"
        text = f"{low}{band.tag}{high}" + (f": {outside:.0f} s outside" if outside else "")
        return ScoreRow(
            id=band.id, text=text, points=band.points - lost, most=band.points, state=state,
            reaction_s=outside if outside else math.nan,
        )  # fmt: skip


def _fits(action: str, deed: Deed) -> bool:
    """Return whether a deed is an expected action: `command:TAG=VALUE`, `ack:ALARM`, `note:any`."""
    kind, _, what = action.partition(":")
    if kind != deed.kind:
        return False
    if kind != "command":
        return what in ("any", deed.what)
    tag, wanted = command_of(what)
    return tag == deed.what and (wanted is None or abs(deed.value - wanted) <= SAME * max(1.0, abs(wanted)))
