"""Test kits for plugin authors: fakes of what the host gives, and what every plugin of a kind must do.

Never imported by the product (a contract holds that).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np

from armillary.api import (
    HistoryStore,
    LinkSpec,
    LinkState,
    ManualClock,
    SampleBatch,
    SeriesQuery,
    SourceContext,
    SourceOut,
    SubscriptionPlan,
    WireBatch,
    batch_of,
)
from armillary.model.clock import NS, Clock
from armillary.model.fault import ProjectFault

START_NS = 1_750_000_000 * NS


class Collected:
    """A SourceOut that keeps all it is given. `room` may be set to False to hold a source back."""

    def __init__(self) -> None:
        self.batches: list[WireBatch] = []
        self.typed: list[SampleBatch] = []
        self.states: list[tuple[LinkState, str]] = []
        self.lost: dict[str, int] = {}
        self.proofs: list[int] = []
        self.room = True

    def wire(self, batch: WireBatch) -> None:
        self.batches.append(batch)

    def samples(self, batch: SampleBatch) -> None:
        self.typed.append(batch)

    def alive(self, mono_ns: int) -> None:
        self.proofs.append(mono_ns)

    def state(self, state: LinkState, detail: str = "") -> None:
        self.states.append((state, detail))

    def dropped(self, reason: str, count: int) -> None:
        self.lost[reason] = self.lost.get(reason, 0) + count

    @property
    def changed(self) -> AsyncIterator[SubscriptionPlan]:
        return _never()


async def _never() -> AsyncIterator[SubscriptionPlan]:
    return
    yield  # makes this an (empty) asynchronous generator


class Script:
    """The fake of Source: says what it was given, then ends."""

    def __init__(self, batches: tuple[SampleBatch, ...]) -> None:
        self._batches = batches

    async def run(self, plan: SubscriptionPlan, out: SourceOut) -> None:
        del plan  # the script was written for one
        out.state(LinkState.UP)
        for batch in self._batches:
            out.samples(batch)


def context(link: LinkSpec, project: Path, clock: Clock | None = None) -> SourceContext:
    """Return what the host would give a source or sink: no secrets, a manual clock unless given."""

    def secret(name: str) -> str:
        raise ProjectFault(f"There is no secret '{name}'.", where="test", remedy="Give none.")

    return SourceContext(link=link, clock=clock or ManualClock(), secret=secret, project=project)


def check_store(make: Callable[[], HistoryStore]) -> None:
    """Raise AssertionError unless a store keeps its port's promises. `make` opens the same place again."""
    store = make()
    ids = store.names(["a", "b"], ["m", ""])
    _require(ids.tolist() == store.names(["a", "b"]).tolist(), "ids are permanent")
    _require(int(ids.min()) >= 1, "ids begin at 1")
    times = START_NS + np.arange(100, dtype=np.int64) * NS
    store.append(batch_of(np.repeat(ids[:1], 100), np.arange(100.0), times, times, 0))
    store.close()

    store = make()  # durable: what was appended is there for the next opener
    [series] = store.read(
        SeriesQuery(ids=(int(ids[0]),), from_ns=START_NS, to_ns=int(times[-1]) + 1, width=1_000)
    )
    _require(series.low.tolist() == list(range(100)), "every sample comes back, in order")
    [coarse] = store.read(
        SeriesQuery(ids=(int(ids[0]),), from_ns=START_NS, to_ns=int(times[-1]) + 1, width=10)
    )
    _require(float(coarse.low.min()) == 0.0, "a decimated series keeps its minimum")
    _require(float(coarse.high.max()) == 99.0, "a decimated series keeps its maximum")  # noqa: PLR2004
    last = store.at(ids, int(times[50]) + 1)
    _require(
        last.value[last.slot == ids[0]].tolist() == [50.0], "a seek finds the last sample before its time"
    )
    between = [v for b in store.between(ids, int(times[10]), int(times[20])) for v in b.value.tolist()]
    _require(between == [float(v) for v in range(10, 20)], "a range is from <= t < to, in source order")
    if store.declares.erases_by_range:
        _require(store.forget(int(times[50]), None) == 50, "forget tells how many went")  # noqa: PLR2004
    store.close()


def _require(holds: bool, promise: str) -> None:
    if not holds:
        raise AssertionError(promise)
