"""The time bar's strip from a store's port alone is the one that the embedded store makes by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from armillary.history.store import Store
from armillary.model.alarm import AlarmEvent, ProcessState
from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.link import LinkState
from armillary.model.message import AskDensity
from armillary.model.sample import SampleBatch, batch_of, joined, taken
from armillary.recorder import strip
from armillary.wire import marks

T0 = 1_750_000_200 * NS


class Everything(Store):
    """The embedded store, whose port also gives marks: it keeps all that was appended."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.all: list[SampleBatch] = []

    def append(self, batch: SampleBatch, marks: object = None) -> None:
        super().append(batch)
        self.all.append(batch)

    def at(self, ids: U4, t_ns: int) -> SampleBatch:
        held = joined(self.all)
        rows = [np.flatnonzero((held.slot == i) & (held.source_ns <= t_ns)) for i in ids.tolist()]
        last = [int(one[np.argmax(held.source_ns[one])]) for one in rows if len(one)]
        return taken(held, np.array(last, np.int64))

    def between(self, ids: U4, from_ns: int, to_ns: int) -> Iterator[SampleBatch]:
        held = joined(self.all)
        rows = np.isin(held.slot, ids) & (held.source_ns >= from_ns) & (held.source_ns < to_ns)
        batch = taken(held, np.flatnonzero(rows))
        yield taken(batch, np.argsort(batch.source_ns, kind="stable"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Everything]:
    made = Everything(tmp_path / "history.duckdb")
    yield made
    made.close()


def _mark(store: Store, name: str, at_s: float, value: float, text: str = "") -> None:
    t = np.array([T0 + int(at_s * NS)], np.int64)
    store.append(batch_of(store.names([name]), np.array([value]), t, t, 0, text={0: text} if text else {}))


def _alarm(store: Store, name: str, from_s: float, to_s: float, priority: int) -> None:
    event = AlarmEvent(
        id=name, occurrence="1", event="RAISE", before=ProcessState.NORM, after=ProcessState.UNACK,
        t_ns=T0 + int(from_s * NS), priority=priority,
    )  # fmt: skip
    _mark(store, marks.ALARM_EVENTS, from_s, priority, marks.text_of(event))
    _mark(store, f"{marks.ALARM}{name}", from_s, marks.ALARM_CODES[ProcessState.UNACK], "{}")
    _mark(store, f"{marks.ALARM}{name}", to_s, marks.ALARM_CODES[ProcessState.NORM], "{}")


def _same(store: Store, from_s: float, to_s: float, width: int) -> strip.Density:
    ask = AskDensity(from_ns=T0 + int(from_s * NS), to_ns=T0 + int(to_s * NS), width=width)
    ours, own = strip.of(store, ask), store.density(ask)
    assert ours.worst.tolist() == own.worst.tolist()
    assert ours.gap.tolist() == own.gap.tolist()
    assert (ours.first_ns, ours.last_ns) == (own.first_ns, own.last_ns)
    return ours


def test_an_empty_store_is_one_gap(store: Everything) -> None:
    store.names(["a"])
    assert _same(store, 0, 100, 10).gap.all()


def test_alarms_links_ends_and_crashes_are_where_the_embedded_store_has_them(store: Everything) -> None:
    (id_,) = store.names(["a"]).tolist()
    _mark(store, marks.WORLD, 0, 1.0)
    t = T0 + np.concatenate((np.arange(400), np.arange(500, 900))) * NS
    store.append(batch_of(np.full(len(t), id_, np.uint32), np.ones(len(t)), t, t, 0))
    _mark(store, marks.WORLD, 500, 1.0)  # begun again without having ended: it had crashed at 400
    _mark(store, marks.WORLD, 890, 0.0)
    _alarm(store, "low", 100, 300, 4)
    _alarm(store, "high", 150, 200, 1)
    _mark(store, f"{marks.LINK}north", 600, marks.LINK_CODES[LinkState.BACKOFF], "{}")
    _mark(store, f"{marks.LINK}north", 700, marks.LINK_CODES[LinkState.UP], "{}")
    whole = _same(store, -100, 1_100, 120)
    assert set(whole.worst.tolist()) == {0, 1, 4}
    assert whole.gap[[5, 45, 75, 100]].tolist() == [True, False, True, True]
    for span in ((0, 1_000), (120, 180), (160, 161), (250, 260), (650, 660), (410, 490)):
        _same(store, *span, 37)
