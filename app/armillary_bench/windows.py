"""Functions over time: a million samples a second through 1,000 windows; the same through the compression.

The floor is bare numpy: sums and counts of the same samples by window, in arrays that are sorted already.
Times are of the processor, so that other work on the machine does not count.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from armillary.model.arrays import F8
from armillary.model.clock import MS_NS, NS
from armillary.model.quality import GOOD
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state
from armillary.twin.derive import Derived
from armillary.world.compress import Compressor
from armillary_bench.figure import absolute, figure

WINDOWS, TICKS, WARM, HZ = 1_000, 60, 20, 20
A_SECOND = 1_000_000
ROWS = A_SECOND // HZ  # of a tick
SECONDS = 2.0  # a window; it slides out of what it saw first before the end
KINDS = ("mean", "std", "highest", "rate")
BAR_MS = 1_000 / HZ
_START_NS = 1_790_000_000 * NS


def benches() -> list[dict[str, object]]:
    """Return the figures; some seconds."""
    made = [batch_at(i) for i in range(TICKS)]
    floor = floor_ms(made[WARM:])
    out: list[dict[str, object]] = []
    for kind in KINDS:
        ms = _through([f"{kind}(t{i}, {SECONDS:g})" for i in range(WINDOWS)], made, kind)
        work = f"{ROWS} samples of {WINDOWS} tags in each of {TICKS} ticks; answers compared with numpy's"
        out.append(absolute(f"windows_{kind}_1M", ms, "ms", BAR_MS, work))
        out.append(
            figure(
                f"windows_{kind}_floor",
                ms,
                "ms",
                against="floor: numpy sums and counts by window of the same samples, sorted before",
                against_value=floor,
                bar=None,
                work=work,
            )
        )
    ms, share = _compressed(made)
    work = f"{TICKS} ticks of {ROWS} samples; {share:.1%} were recorded, the others counted as left out"
    out.append(absolute("compression_1M", ms, "ms", BAR_MS, work))
    return out


def batch_at(tick: int) -> SampleBatch:
    """Return 50 samples of each of 1,000 tags, dealt out as links do: tag after tag, time after time."""
    each = ROWS // WINDOWS
    t = _START_NS + tick * (NS // HZ) + np.repeat(np.arange(each) * (MS_NS - 1), WINDOWS)
    slot = np.tile(np.arange(WINDOWS), each).astype(np.uint32)
    value: F8 = 50 + 10 * np.sin((t - _START_NS) / NS * 3.0 + slot) + slot
    now = t + 2 * MS_NS
    return batch_of(slot, value, t, now, now)


def _specs(expressions: Sequence[str]) -> list[TagSpec]:
    tags = [TagSpec(slot=i, name=f"t{i}", link="l") for i in range(WINDOWS)]
    return tags + [
        TagSpec(slot=WINDOWS + i, name=f"d{i}", expression=text, origin="bench")
        for i, text in enumerate(expressions)
    ]


def _through(expressions: Sequence[str], batches: Sequence[SampleBatch], kind: str) -> float:
    """Return the median milliseconds of evaluating the windows of a tick; raises AssertionError."""
    specs = _specs(expressions)
    table, derived = TagTable(len(specs)), Derived(specs)
    spent: list[float] = []
    for batch in batches:
        state.apply(table, batch)
        now = int(batch.arrival_ns[-1])
        begin = time.process_time()
        derived.evaluate(table, table.dirty, now, now, batch)
        spent.append((time.process_time() - begin) * 1e3)
        table.take_dirty()
    _check(kind, table, batches)
    return float(np.median(spent[WARM:]))


def _check(kind: str, table: TagTable, batches: Sequence[SampleBatch]) -> None:
    t = np.concatenate([b.source_ns.reshape(-1, WINDOWS)[:, 0] for b in batches])
    v = np.concatenate([b.value.reshape(-1, WINDOWS) for b in batches])
    inside = t > t[-1] - SECONDS * NS
    at, x = (t[inside] - t[-1]) / NS, v[inside]
    told = table.value[WINDOWS:]
    if (table.quality[WINDOWS:] != GOOD).any():
        raise AssertionError(f"{kind} of the windows is not good")
    held = np.diff(at)[:, None]
    wanted: F8
    if kind == "highest":
        wanted = x.max(axis=0)
    elif kind == "rate":
        wanted = ((at - at.mean())[:, None] * x).sum(axis=0) / ((at - at.mean()) ** 2).sum()
    else:
        mean = (held * x[:-1]).sum(axis=0) / held.sum()
        wanted = mean if kind == "mean" else np.sqrt((held * (x[:-1] - mean) ** 2).sum(axis=0) / held.sum())
    if np.abs(told - wanted).max() > 0.2:
        raise AssertionError(f"{kind} of the windows is off by {np.abs(told - wanted).max():.3g}")


def floor_ms(batches: Sequence[SampleBatch]) -> float:
    """Return the milliseconds of a tick, the mean of all."""
    spent = 0.0
    for batch in batches:
        slots = batch.slot.astype(np.int64)
        order = np.argsort(slots, kind="stable")
        slots, values = slots[order], batch.value[order]
        begin = time.process_time()
        np.bincount(slots, values, WINDOWS)
        np.bincount(slots, minlength=WINDOWS)
        np.cumsum(values)
        spent += time.process_time() - begin
    return spent * 1e3 / len(batches)


def _compressed(batches: Sequence[SampleBatch]) -> tuple[float, float]:
    """Return (median milliseconds of a tick, share of samples recorded)."""
    specs = [
        TagSpec(slot=i, name=f"t{i}", bound=0.2, thinning="line", longest_ms=60_000) for i in range(WINDOWS)
    ]
    thin = Compressor(specs, WINDOWS)
    spent: list[float] = []
    kept = 0
    for batch in batches:
        begin = time.process_time()
        kept += len(thin.take(batch, int(batch.arrival_mono_ns[-1])))
        spent.append((time.process_time() - begin) * 1e3)
    kept += len(thin.flush())
    if kept + thin.compressed != sum(map(len, batches)):
        raise AssertionError("samples are neither recorded nor counted as left out")
    return float(np.median(spent[WARM:])), kept / sum(map(len, batches))
