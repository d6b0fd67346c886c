"""A record shows what was live: a LIVE core with a scripted source, recorded, and read back at many times."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from armillary.history.store import Store
from armillary.model.arrays import U1
from armillary.model.clock import NS
from armillary.model.frame import WorldKind
from armillary.model.link import LinkSpec, LinkState
from armillary.model.message import AskAt, AskBetween, AskHistory, Enroll, Enrolled, HistoryInfo, Samples
from armillary.model.sample import SampleBatch, batch_of, empty_batch
from armillary.model.tags import TagSpec, TagTable
from armillary.project.record import Project
from armillary.telemetry.inbox import Signs
from armillary.telemetry.watch import Watch
from armillary.twin.derive import Derived
from armillary.wire import marks
from armillary.world.core import Core
from armillary.world.record import Recording

T0 = 1_750_000_200 * NS
TICK = NS // 20
LINKS = (
    LinkSpec(name="a", kind="mqtt", url="x", settings={"silence_s": 0}),
    LinkSpec(name="b", kind="mqtt", url="x", settings={"silence_s": 0}),
)
SPECS = (
    TagSpec(slot=0, name="fast", link="a", expected_ms=1000),
    TagSpec(slot=1, name="slow", link="a", expected_ms=8000),
    TagSpec(slot=2, name="event", link="a"),
    TagSpec(slot=3, name="other", link="b", expected_ms=1000),
    TagSpec(slot=4, name="sum", expression="fast + event"),
    TagSpec(slot=5, name="far", expression="other * 2 + sum"),
    TagSpec(slot=6, name="word", link="b", kind="text"),
)
MARKS = ("~world", "~link:a", "~link:b")


class Script:
    """A supply whose samples arrive between ticks, with lags, late ones and losses of links at tick times."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.watch = Watch(SPECS, LINKS)
        self.lost = {"a": 0, "b": 0}
        self.batch = empty_batch()

    def between(self, t_ns: int) -> None:
        """Make what arrives within the tick that ends at a time."""
        rows = [
            s.slot for s in SPECS if not s.expression and self.rng.random() < (0.004 if s.slot == 2 else 0.03)
        ]
        rows = [s for s in rows if not self.lost[SPECS[s].link]]
        arrival = np.sort(t_ns - self.rng.integers(1, TICK - 1, len(rows)))
        lag = self.rng.choice([0, 3_000_000, 2 * NS, -NS], len(rows), p=[0.5, 0.3, 0.1, 0.1])
        self.batch = batch_of(
            np.array(rows, np.uint32),
            np.array([np.nan if s == 6 else self.rng.normal() for s in rows]),
            (arrival - lag).astype(np.int64),
            arrival.astype(np.int64),
            arrival.astype(np.int64),
            text={i: f"w{t_ns}" for i, s in enumerate(rows) if s == 6},
        )

    def take(self) -> SampleBatch:
        out, self.batch = self.batch, empty_batch()
        return out

    def settle(self, batch: SampleBatch, outcome: U1) -> None:
        """Count nothing."""

    def age(self, table: TagTable, now_mono_ns: int) -> None:
        signs = {
            n: Signs(arrival_mono_ns=now_mono_ns, alive_mono_ns=now_mono_ns, lost_mono_ns=t)
            for n, t in self.lost.items()
        }
        self.watch.look(table, signs, now_mono_ns)


def _live(store: Store, seed: int, begin_ns: int, ticks: int) -> dict[int, TagTable]:
    """Run a LIVE core, record it, and return its table at every tick."""
    script = Script(seed)
    core = Core(world="w", kind=WorldKind.LIVE, tags=len(SPECS), supply=script, derived=Derived(SPECS))
    ids = store.names([s.name for s in SPECS])
    mark_ids = dict(zip(MARKS, store.names(MARKS).tolist(), strict=True))

    def mark(name: str, t_ns: int, value: float) -> None:
        t = np.array([t_ns], np.int64)
        store.append(batch_of(np.array([mark_ids[name]], np.uint32), np.array([value]), t, t, 0))

    mark("~world", begin_ns, 1.0)
    for link in LINKS:
        mark(f"~link:{link.name}", begin_ns + 1, marks.LINK_CODES[LinkState.UP])
    out, rows = {}, []
    for i in range(1, ticks + 1):
        t_ns = begin_ns + i * TICK
        script.between(t_ns)
        if script.rng.random() < 0.01:
            name = str(script.rng.choice(["a", "b"]))
            script.lost[name] = 0 if script.lost[name] else t_ns
            state = LinkState.BACKOFF if script.lost[name] else LinkState.UP
            mark(f"~link:{name}", t_ns, marks.LINK_CODES[state])
        tick = core.tick(t_ns, t_ns)
        if len(tick.samples):
            rows.append(replace(tick.samples, slot=ids[tick.samples.slot]))
        held = TagTable(len(SPECS))
        for column in ("value", "quality", "source_ns", "arrival_ns"):
            getattr(held, column)[:] = getattr(core.table, column)
        held.text = dict(core.table.text)
        out[t_ns] = held
    for batch in rows:
        store.append(batch)
    return out


class _Line:
    """The recorder's answers without a socket: the questions go to the store as the keeper's do."""

    def __init__(self, store: Store, limit: int) -> None:
        self.store, self.limit = store, limit

    async def ask(self, question: object, timeout_s: float) -> object:
        store = self.store
        match question:
            case Enroll(tags=tags):
                return Enrolled(ids=np.array([store.known().get(t, 0) for t in tags], np.uint32))
            case AskAt(ids=ids, t_ns=t_ns, since_ns=since_ns):
                return Samples(batch=store.known_at(ids, t_ns, since_ns), to_ns=t_ns)
            case AskBetween(ids=ids, from_ns=from_ns, to_ns=to_ns):
                batch, until = store.known_between(ids, from_ns, to_ns, self.limit)
                return Samples(batch=batch, to_ns=until)
            case AskHistory():
                e = store.extent()
                return HistoryInfo(
                    tags=e.tags, samples=e.samples, bytes=0, first_ns=e.first_ns, last_ns=e.last_ns
                )
        raise AssertionError(question)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "history.duckdb")
    yield made
    made.close()


def _recording(store: Store, limit: int = 200_000) -> Recording:
    project = Project(
        folder=Path(), saved=True, read_only=False, schema=1, id="x", name="x", links=LINKS, specs=SPECS
    )
    made = Recording(project, (), "inproc://none", line=_Line(store, limit))  # type: ignore[arg-type]
    made.last_ns = store.extent().last_ns
    return made


def _differences(state: SampleBatch, live: TagTable) -> list[str]:
    out = []
    for spec in SPECS:
        s = spec.slot
        got = (state.value[s], int(state.quality[s]), int(state.source_ns[s]), state.text.get(s))
        was = (live.value[s], int(live.quality[s]), int(live.source_ns[s]), live.text.get(s))
        if not (got[1:] == was[1:] and (got[0] == was[0] or (np.isnan(got[0]) and np.isnan(was[0])))):
            out.append(f"{spec.name}: replay {got}, live {was}")
        if not spec.expression and state.arrival_ns[s] != live.arrival_ns[s]:
            out.append(f"{spec.name}: arrival")
    return out


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_way_to_a_time_shows_what_was_live_then(store: Store, seed: int) -> None:
    live = _live(store, seed, T0, 1500)
    live |= _live(store, seed + 50, T0 + 200 * NS, 700)  # it was started again: everything anew
    times = sorted(live)
    rng = np.random.default_rng(seed)

    async def look() -> None:
        recording = _recording(store, limit=60)
        for t_ns in rng.choice(times, 60).tolist():  # jumps
            got = recording.state(await recording.stretch(t_ns, t_ns), t_ns)
            assert not _differences(got, live[t_ns]), t_ns - T0
        stretch = await recording.stretch(times[0], times[-1])
        for t_ns in times:  # forwards, in pieces that follow each other
            while not stretch.holds(t_ns):
                stretch = await recording.stretch(stretch.to_ns, times[-1], stretch)
            assert not _differences(recording.state(stretch, t_ns), live[t_ns]), t_ns - T0
        end_ns = times[-1]
        while end_ns > times[0]:  # backwards
            begin_ns = max(end_ns - 40 * NS, times[0])
            stretch = await recording.stretch(begin_ns, end_ns, is_whole=True)
            for t_ns in [t for t in reversed(times) if begin_ns <= t <= end_ns][::7]:
                assert not _differences(recording.state(stretch, t_ns), live[t_ns]), t_ns - T0
            end_ns = begin_ns

    asyncio.run(look())


def test_after_an_orderly_end_everything_is_stale(store: Store) -> None:
    _live(store, 4, T0, 400)
    (world,) = store.names(["~world"])
    t = np.array([T0 + 30 * NS], np.int64)
    store.append(batch_of(np.array([world], np.uint32), np.array([0.0]), t, t, 0))

    async def look() -> list[int]:
        recording = _recording(store)
        at = T0 + 31 * NS
        return [int(q) & 0xFF for q in recording.state(await recording.stretch(at, at), at).quality]

    assert min(asyncio.run(look())) >= 3


def test_a_span_to_read_holds_about_one_answer_of_rows_once_the_record_is_known(store: Store) -> None:
    live = _live(store, 5, T0, 1200)
    begin_ns, end_ns = min(live), max(live)

    async def look() -> tuple[int, int, int]:
        recording = _recording(store)
        before = recording.readable(3_600 * NS)
        stretch = await recording.stretch(begin_ns, end_ns)
        rows = len(stretch.tags.passed(begin_ns, end_ns))  # without those that came late
        return before, rows, recording.readable(10**6 * NS)

    before, rows, span = asyncio.run(look())
    assert before == 30 * NS
    assert span / NS * rows / ((end_ns - begin_ns) / NS) == pytest.approx(
        200_000, rel=0.15
    )  # late rows are not shown
