"""Figures of going from world to world at a desk: from the click to the right picture of another world.

The desk's own session on the demo plant: a LIVE world with real links, a recorder, a record of ten minutes
that was written before, and the picture that a desk draws, 1280 × 800. A click is what the button calls.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from armillary.api.ports import SimulatorContext
from armillary.cli.plant import start_plant
from armillary.history.store import Store
from armillary.model.arrays import F8, U1
from armillary.model.clock import NS, WallClock
from armillary.model.control import AskRuns, Runs
from armillary.model.frame import WorldKind
from armillary.model.link import LinkState
from armillary.model.message import AskAt, Enroll, Enrolled, Samples
from armillary.model.sample import batch_of
from armillary.model.simulation import SimStart, values_of
from armillary.project import folder as projects
from armillary.session.workspace import Workspace, WorldState
from armillary.viewport.view import View
from armillary.wire import runs
from armillary.wire.bus import Line
from armillary_bench.figure import absolute, figure, plain
from armillary_bench.process import entries, memory_mb, own_places
from armillary_plugins.demo_plant.model import make

SECONDS = 600  # of the record that is gone back to
TIMES_S = (37, 411, 222, 590, 128)  # of it, none near another
FORKS = 3
SWITCH_MS, FORK_S, COLD_S, IDLE_MB = 300.0, 1.0, 2.0, 120.0
WIDTH, HEIGHT = 1280, 800
_LIMIT_S, _READY_S, _IDLE_S = 30.0, 120.0, 2.0
_SPARES = ("world.replay", "world.whatif", "simulate.worker")


def benches() -> list[dict[str, object]]:
    """Return the figures of going from world to world; about a minute."""
    with tempfile.TemporaryDirectory(prefix="armb-") as name, _places(Path(name)):
        plant = start_plant("pumping-station", Path(name) / "plant")
        try:
            kept = Kept(plant.project)
            return _measured(plant.project, kept)
        finally:
            plant.stop()


@contextmanager
def _places(folder: Path) -> Iterator[None]:
    """Give this process and its children settings, caches and run files of their own for a while."""
    before = dict(os.environ)
    os.environ.update(own_places(folder))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Kept:
    """A record that was written directly: each tag at each second, as the demo's own model computes it."""

    def __init__(self, project: Path) -> None:
        model = make(SimulatorContext(project=project))
        out = [v for v in model.describe().variables if v.causality == "output"]
        self.start_ns = (WallClock().now_ns() // NS - SECONDS - 60) * NS
        first = model.start(SimStart(t_ns=self.start_ns)).values[0]
        ends = (self.start_ns + second * NS for second in range(1, SECONDS))
        rows = [first, *(model.step(values_of({}), end_ns).values[0] for end_ns in ends)]
        specs = {spec.name: spec.slot for spec in projects.read(project).specs}
        columns = [i for i, v in enumerate(out) if v.tag in specs]
        self.slot = np.array([specs[out[i].tag] for i in columns])
        self.name = tuple(out[i].tag for i in columns)
        self.value: F8 = np.stack(rows)[:, columns]
        store = Store(project / ".armillary" / "history.duckdb")
        ids = store.names(list(self.name))
        when = np.repeat(self.start_ns + np.arange(SECONDS, dtype=np.int64) * NS, len(ids))
        store.append(batch_of(np.tile(ids, SECONDS), self.value.ravel(), when, when, 0))
        store.close()

    def t_ns(self, second: int) -> int:
        return self.start_ns + second * NS


class Desk:
    """A workspace pumped by hand, as Qt would, and the picture of its scene."""

    def __init__(self, project: Path, *, warm: bool) -> None:
        self.clock, self.bell = WallClock(), threading.Event()
        self.workspace = Workspace(self.clock)
        self.workspace.wake = self.bell.set
        self.workspace.warm = warm
        self._view: View | None = None
        self.workspace.open(str(project))
        at = self.workspace
        self.until(lambda: at.world_state is WorldState.LIVE and at.scene is not None, _READY_S, "no desk")
        up = lambda: bool(at.links) and all(link.state is LinkState.UP for link in at.links)  # noqa: E731
        self.until(up, _READY_S, "the plant's links are not up")
        self._view = View(at.scene, WIDTH, HEIGHT)
        self.picture()

    def until(self, holds: Callable[[], bool], limit_s: float, what: str) -> None:
        """Pump until something holds. Raises AssertionError when it does not in time."""
        end = time.monotonic() + limit_s
        while not holds():
            if time.monotonic() > end:
                said = [event.text for event in self.workspace.events][-3:]
                raise AssertionError(f"worlds: {what} within {limit_s:g} s; {said}")
            due = self.workspace.due_s(self.clock.now_mono_ns())
            self.bell.wait(0.1 if due is None else min(due, 0.1))
            self.bell.clear()
            self.workspace.pump(self.clock.now_ns(), self.clock.now_mono_ns())

    def picture(self) -> U1:
        """Draw what the scene looks like now."""
        look = self.workspace.showing.look
        if self._view is None or look is None:
            raise AssertionError("worlds: there is no scene")
        self._view.apply(look)
        return self._view.render()

    def spare(self, entry: str) -> int:
        """Wait for an idle process that is kept ready; return its pid."""
        end = time.monotonic() + _READY_S
        while entry not in (found := entries(os.getpid())):
            if time.monotonic() > end:
                raise AssertionError(f"worlds: no idle {entry} within {_READY_S:g} s, only {sorted(found)}")
            self.rest(0.5)
        return found[entry]

    def rest(self, seconds: float) -> None:
        """Let the desk live for a while."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end, seconds + _LIMIT_S, "rest")

    def close(self) -> None:
        if self._view is not None:
            self._view.close()
        self.workspace.close()


# ---------------------------------------------------------------- what is measured


def _measured(project: Path, kept: Kept) -> list[dict[str, object]]:
    desk = Desk(project, warm=True)
    try:
        pids = [desk.spare(entry) for entry in _SPARES]
        desk.rest(_IDLE_S)
        replay_mb, whatif_mb, worker_mb = (memory_mb(pid) for pid in pids)
        switches = [to_replay(desk, kept, second) for second in TIMES_S]
        floor = _floor(project, kept)
        forks = [_fork(desk) for _ in range(FORKS)]
        cold = Desk(project, warm=False)  # beside it, on the same worlds
        try:
            replay_cold = to_replay(cold, kept, TIMES_S[0])
            fork_cold = _fork(cold)
        finally:
            cold.close()
    finally:
        desk.close()
    work = f"each of {len(kept.name)} recorded tags had the value of its time, and the picture was drawn anew"
    ran = "the what-if was shown with its values at the fork, and its first run was being computed"
    return [
        absolute("switch_to_replay", statistics.median(switches), "ms", SWITCH_MS, work),
        absolute("switch_to_replay_first", switches[0], "ms", SWITCH_MS, f"{work}; the spare's first time"),
        figure(
            "switch_to_replay_floor",
            statistics.median(switches),
            "ms",
            against="the recorder's bare answer for the same times",
            against_value=floor,
            bar=None,
            work=work,
        ),
        absolute("fork_warm", statistics.median(forks), "s", FORK_S, f"{ran}; from live, {FORKS} forks"),
        absolute("replay_cold", replay_cold / 1e3, "s", COLD_S, f"{work}; no process was kept ready"),
        absolute("fork_cold", fork_cold, "s", COLD_S, f"{ran}; from live, no process was kept ready"),
        absolute("idle_memory_replay", replay_mb, "MB", IDLE_MB, "PSS of the process at rest"),
        absolute("idle_memory_whatif", whatif_mb, "MB", IDLE_MB, "PSS of the process at rest"),
        plain("idle_memory_worker", worker_mb, "MB", "PSS of the process that computes a what-if's runs"),
    ]


def to_replay(desk: Desk, kept: Kept, second: int) -> float:
    """Go from live to a time of the record and back; return the ms from the click to the right picture."""
    at, t_ns = desk.workspace, kept.t_ns(second)
    before = desk.picture().copy()
    begin = time.perf_counter()
    at.start_replay(t_ns)
    desk.until(
        lambda: at.kind is WorldKind.REPLAY and at.mirror.t_ns == t_ns,
        _LIMIT_S,
        "the past is not shown",
    )
    after = desk.picture()
    spent = (time.perf_counter() - begin) * 1e3
    shown, quality = at.mirror.table.value[kept.slot], at.mirror.table.quality[kept.slot]
    if not np.array_equal(shown, kept.value[second]):
        wrong = np.flatnonzero(shown != kept.value[second])
        raise AssertionError(f"worlds: {len(wrong)} tags are not as recorded, as {kept.name[wrong[0]]}")
    if (quality & 0xFF).any():
        raise AssertionError("worlds: a tag of the record is not good")
    if not (after != before).any():
        raise AssertionError("worlds: the picture of the past is that of the present")
    at.go_live()
    desk.rest(0.5)
    return spent


def _fork(desk: Desk) -> float:
    """Fork, wait until the first run is computed, and end the fork; return the seconds to that."""
    at = desk.workspace
    if at.warm:
        desk.spare("simulate.worker")
        desk.rest(_IDLE_S)
    begin = time.perf_counter()
    at.fork("demand-rises")
    desk.until(lambda: at.kind is WorldKind.WHATIF and at.mirror.t_ns > 0, _LIMIT_S, "the fork is not shown")
    _runs(desk)
    desk.picture()
    spent = time.perf_counter() - begin
    world = at.mirror.world
    at.go_live()
    at.close_world(world)
    desk.rest(1.0)
    return spent


def _runs(desk: Desk) -> None:
    """Wait until the world says that a run of the fork is computed."""
    answers: list[object] = [None]

    def is_running() -> bool:
        last = answers[-1] if answers else None
        if isinstance(last, Runs) and any(card.state in ("running", "done") for card in last.cards):
            return True
        if answers:
            answers.clear()
            desk.workspace.ask_world(AskRuns(), answers.append, _LIMIT_S)
        return False

    desk.until(is_running, _LIMIT_S, "no run of the fork is computed")


def _floor(project: Path, kept: Kept) -> float:
    """Return the median ms of the recorder's own answer for all tags at the same times."""
    line, spent = Line(runs.recorder_address(project)), []
    try:
        known = line.ask(Enroll(tags=kept.name, create=False), _LIMIT_S)
        if not isinstance(known, Enrolled):
            raise AssertionError("worlds: the recorder does not know the tags")
        for second in TIMES_S:
            begin = time.perf_counter()
            answer = line.ask(AskAt(ids=known.ids, t_ns=kept.t_ns(second)), _LIMIT_S)
            spent.append((time.perf_counter() - begin) * 1e3)
            if not isinstance(answer, Samples) or len(answer.batch) != len(kept.name):
                raise AssertionError("worlds: the floor found other rows")
    finally:
        line.close()
    return statistics.median(spent)
