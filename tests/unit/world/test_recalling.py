from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.message import AskAt, AskBetween, Enroll, Enrolled, Samples
from armillary.model.sample import EVALUATED, HISTORICAL, batch_of, joined, taken
from armillary.model.tags import TagSpec, TagTable
from armillary.project.record import Project
from armillary.twin import past_pack, state
from armillary.twin.derive import Derived
from armillary.world import recalling
from armillary.world.record import Recording

T0 = 1_790_000_000 * NS
SPECS = (
    TagSpec(slot=0, name="x", link="site"),
    TagSpec(slot=1, name="mean", expression="mean(x, 60)", origin="t"),
    TagSpec(slot=2, name="hours", expression="hours_run(x > 50)", origin="t"),
    TagSpec(slot=3, name="held", expression="held(x > 20, 30)", origin="t"),
    TagSpec(slot=4, name="double", expression="2 * x", origin="t"),
    TagSpec(slot=5, name="top", expression="highest(double, 100)", origin="t"),
)


class _Line:
    """The recorder's answers without a socket, a few rows at a time."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def ask(self, question: object, timeout_s: float) -> object:
        match question:
            case Enroll(tags=tags):
                return Enrolled(ids=np.array([self.store.known().get(t, 0) for t in tags], np.uint32))
            case AskAt(ids=ids, t_ns=t_ns, since_ns=since_ns):
                return Samples(batch=self.store.known_at(ids, t_ns, since_ns), to_ns=t_ns)
            case AskBetween(ids=ids, from_ns=from_ns, to_ns=to_ns):
                batch, until = self.store.known_between(ids, from_ns, to_ns, 700)
                return Samples(batch=batch, to_ns=until)
        raise AssertionError(question)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "history.duckdb")
    yield made
    made.close()


def recording(store: Store, specs: tuple[TagSpec, ...] = SPECS) -> Recording:
    project = Project(
        folder=Path(), saved=True, read_only=False, schema=1, id="x", name="x", links=(), specs=specs
    )
    made = Recording(project, (), "inproc://none", line=_Line(store))  # type: ignore[arg-type]
    made.first_ns, made.last_ns = T0, store.extent().last_ns
    return made


def live(store: Store, seconds: int) -> tuple[Derived, TagTable]:
    """Run what a live world does with a wave, and record it."""
    derived, table = Derived(SPECS), TagTable(len(SPECS))
    ids = store.names([spec.name for spec in SPECS])
    rng = np.random.default_rng(3)
    rows = []
    for second in range(seconds):
        now = T0 + second * NS
        value = np.array([50 + 25 * np.sin(second / 40) + rng.normal()])
        samples = batch_of(np.zeros(1, np.uint32), value, np.array([now - 10_000]), now, now)
        state.apply(table, samples)
        own = derived.evaluate(table, table.dirty, now, now, samples)
        table.take_dirty()
        t = np.full(len(own), now, np.int64)
        rows += [
            samples,
            batch_of(own, table.value[own], t, t, now, flags=np.full(len(own), EVALUATED, np.uint8)),
        ]
    whole = joined(rows)
    late = batch_of(np.zeros(1, np.uint32), np.array([1e6]), np.array([T0 + 100 * NS]), T0 + 200 * NS, 0)
    whole = joined(
        [
            whole,
            batch_of(
                late.slot,
                late.value,
                late.source_ns,
                T0 + 200 * NS,
                0,
                flags=np.array([HISTORICAL], np.uint8),
            ),
        ]
    )
    store.append(
        batch_of(
            ids[whole.slot],
            whole.value,
            whole.source_ns,
            whole.arrival_ns,
            0,
            quality=whole.quality,
            flags=whole.flags,
        )
    )
    return derived, table


def recalled(store: Store, seconds: int) -> tuple[Derived, TagTable]:
    """Return what a fork at the end of a record begins with, as it answers at that moment."""
    t_ns = T0 + (seconds - 1) * NS
    data = asyncio.run(recalling.past_at(recording(store), recording(store).project, t_ns))
    derived, table = Derived(SPECS), TagTable(len(SPECS))
    assert derived.past is not None
    derived.past.restore(past_pack.known(data), t_ns)
    last = store.known_at(store.names(["x"]), t_ns, 0)
    table.value[0], table.quality[0], table.source_ns[0] = last.value[0], 0, t_ns
    derived.evaluate(table, np.ones(len(SPECS), np.bool_), t_ns, t_ns, taken(last, np.zeros(0, np.int64)))
    return derived, table


def test_a_fork_from_the_record_knows_what_the_live_world_knew(store: Store) -> None:
    _, was = live(store, 400)
    _, table = recalled(store, 400)
    for spec in SPECS:
        assert table.value[spec.slot] == pytest.approx(was.value[spec.slot], rel=1e-3), spec.name
    assert table.value[2] > 0.03, "hours are those that were recorded, not those of the window read"
    assert (table.quality == was.quality).all()


def test_what_came_too_late_to_be_live_is_in_no_window(store: Store) -> None:
    live(store, 250)
    _, table = recalled(store, 250)
    assert table.value[1] < 100


def test_more_than_can_be_read_in_time_is_left_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    live(store, 300)
    monkeypatch.setattr(recalling, "MOST_ROWS", 100)
    made = recording(store)
    assert asyncio.run(recalling.past_at(made, made.project, T0 + 299 * NS)) == b""


def test_without_such_functions_nothing_is_asked(store: Store) -> None:
    made = recording(store, SPECS[:1])
    assert asyncio.run(recalling.past_at(made, made.project, T0)) == b""
