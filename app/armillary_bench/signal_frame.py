"""A frame in which 100,000 signals changed: made and handed out by the world, taken by a desk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from armillary.alarms.evaluate import Evaluator
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS
from armillary.model.frame import Frame, WorldKind, apply_frame, empty_frame, frame_of
from armillary.model.link import LinkSpec
from armillary.model.quality import GOOD
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry.inbox import Inbox
from armillary.telemetry.intake import Intake
from armillary.telemetry.plan import plans
from armillary.telemetry.watch import Watch
from armillary.twin.derive import Derived
from armillary.wire.codec import pack, unpack
from armillary.world.core import Core
from armillary.world.links_supply import LinksSupply
from armillary.world.publish import Publisher
from armillary_bench.figure import absolute, figure

SIGNALS, ALARMS = 100_000, 10_000
ROUNDS, WARM = 25, 3
BAR_MS = 2.0
_START_NS = 1_790_000_000 * NS
_T = TypeVar("_T")


@dataclass(slots=True)
class _Timed:
    """Milliseconds of one step, by round."""

    ms: list[float]

    def __call__(self, work: Callable[[], _T]) -> _T:
        begin = time.perf_counter()
        out = work()
        self.ms.append((time.perf_counter() - begin) * 1e3)
        return out

    @property
    def median(self) -> float:
        return float(np.median(self.ms[WARM:]))


def benches() -> list[dict[str, object]]:
    """Return the figures of such a frame; some seconds."""
    world, mirror = _World(), TagTable(SIGNALS)
    tick, made, taken, bare = (_Timed([]) for _ in range(4))
    for i in range(ROUNDS):
        samples = world.samples(i)
        world.put(samples)
        ticked = tick(partial(world.core.tick, _time_ns(i), _mono_ns(i))).frame
        frame = made(partial(world.handed_out, ticked, _mono_ns(i)))
        got = unpack([bytes(part) for part in pack(frame)])
        if not isinstance(got, Frame):
            raise AssertionError("a frame is no frame any more on the other side")
        taken(partial(apply_frame, mirror, got))
        bare(partial(_copied, samples))
        _check(world, mirror, samples, frame)
    work = (
        f"{SIGNALS} signals changed in each of {ROUNDS} frames; the desk's table then held value, time and "
        "quality of all of them"
    )
    return [
        absolute(
            "frame_100k_world",
            made.median,
            "ms",
            BAR_MS,
            f"rows out of the state, merged into what a desk has not seen, and handed to it; {work}",
        ),
        absolute("frame_100k_desk", taken.median, "ms", BAR_MS, f"taken into the desk's table; {work}"),
        figure(
            "frame_100k_tick",
            tick.median,
            "ms",
            against="the eight columns of the samples copied",
            against_value=bare.median,
            bar=None,
            work=f"all before it: inbox, ranges, order, ages, {ALARMS} alarms, books, from samples; {work}",
        ),
    ]


class _World:
    """What a LIVE world does with samples of a typed link, without its processes."""

    def __init__(self) -> None:
        link = LinkSpec(name="l", kind="opcua", url="opc.tcp://127.0.0.1")
        tags = [TagSpec(slot=i, name=f"t{i}", link="l", address=f"i={i}") for i in range(SIGNALS)]
        each = SIGNALS // ALARMS
        alarms = [AlarmSpec(id=f"a{i}", slot=i * each, tag=f"t{i * each}", limit=2.0) for i in range(ALARMS)]
        (plan,) = plans([link], tags)
        self._inbox = Inbox(["l"], max_messages=2 * SIGNALS, max_bytes=10**9)
        self._inbox.carrier("l", True, NS)
        intake = Intake([plan], tags, self._inbox)
        self.core = Core(
            world="w",
            kind=WorldKind.LIVE,
            tags=SIGNALS,
            supply=LinksSupply(self._inbox, intake, Watch(tags, [link])),
            derived=Derived(tags),
            alarms=Evaluator(alarms, tags),
        )
        self._publisher = Publisher(empty_frame("w", WorldKind.LIVE), SIGNALS)
        self._publisher.join(b"desk", NS)
        self._rng = np.random.default_rng(1)

    def samples(self, i: int) -> SampleBatch:
        """Return a new value of every signal."""
        source = np.full(SIGNALS, _time_ns(i) - NS // 10, np.int64)
        slots = np.arange(SIGNALS, dtype=np.uint32)
        return batch_of(slots, self._rng.random(SIGNALS), source, _time_ns(i), _mono_ns(i))

    def put(self, batch: SampleBatch) -> None:
        """Let samples arrive."""
        self._inbox.put("l", batch)

    def handed_out(self, ticked: Frame, now_mono_ns: int) -> Frame:
        """Return the frame that a desk with credit gets of what a tick changed."""
        frame = frame_of(self.core.table, ticked.slot, ticked)
        self._publisher.publish(frame)
        self._publisher.credit(b"desk", now_mono_ns)
        ((_, out),) = self._publisher.due(now_mono_ns)
        return out

    @property
    def balanced(self) -> bool:
        """True when both laws hold and nothing was dropped."""
        books = self._inbox.tally()["l"]
        return books.messages.balanced and books.samples.balanced and not books.samples.dropped


def _time_ns(i: int) -> int:
    return _START_NS + i * NS


def _mono_ns(i: int) -> int:
    return (i + 1) * NS


def _copied(batch: SampleBatch) -> int:
    """Copy every column; the least that anything can cost that keeps them."""
    columns = (
        batch.slot,
        batch.value,
        batch.source_ns,
        batch.arrival_ns,
        batch.arrival_mono_ns,
        batch.quality,
        batch.flags,
        batch.status,
    )
    return sum(column.copy().nbytes for column in columns)


def _check(world: _World, mirror: TagTable, samples: SampleBatch, frame: Frame) -> None:
    """Raise AssertionError unless the desk holds what arrived."""
    same = np.array_equal(mirror.value, samples.value) and np.array_equal(mirror.source_ns, samples.source_ns)
    if len(frame) != SIGNALS or not same or (mirror.quality != GOOD).any() or not world.balanced:
        raise AssertionError(f"a frame of {len(frame)} rows did not bring all {SIGNALS} signals to the desk")
