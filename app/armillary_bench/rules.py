"""Rules on streams: a million samples a second through 1,000 rules of each kind, and how well scores detect.

The floor is bare numpy, as of `windows`. Detection is judged on a synthetic labelled series, made here from a
seed: no public one was to be had under a licence that allows it to be shipped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from armillary.model.arrays import B1, F8
from armillary.model.clock import NS
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state
from armillary.twin.derive import Derived
from armillary_bench.figure import absolute, figure, plain
from armillary_bench.windows import BAR_MS, ROWS, TICKS, WARM, WINDOWS, batch_at, floor_ms

KINDS = {  # name -> the expression of rule i
    "tumbling": lambda i: f"tumbling_mean(t{i}, 1)",
    "session": lambda i: f"session_max(t{i}, 2)",
    "limit": lambda i: f"beyond(t{i}, {i + 55}, 1)",
    "sequence": lambda i: f"sequence(t{i} > {i + 45}, t{i} > {i + 55}, 2)",
    "absence": lambda i: f"absent(t{i} > {i + 1000}, 1)",
    "robust": lambda i: f"robust(t{i}, 2, 0.001)",
    "fading": lambda i: f"surprise(t{i}, 2)",
    "seasonal": lambda i: f"unusual(t{i}, 2)",
}
SECONDS = 24_000  # of the labelled series, a sample each
EVENTS = 36
PERIOD_S, WINDOW_S = 2_400.0, 600.0
NEAR_S = 30  # so long after an event's beginning a detection is its
SCORES = {
    "robust": (f"robust(x, {WINDOW_S:g}, 0.001)", 5.0),
    "fading": (f"surprise(x, {WINDOW_S:g})", 6.0),
    "seasonal": (f"unusual(x, {PERIOD_S:g})", 6.0),
}


def benches() -> list[dict[str, object]]:
    """Return the figures; about a minute."""
    made = [batch_at(i) for i in range(TICKS)]
    floor = floor_ms(made[WARM:])
    out: list[dict[str, object]] = []
    for name, expression in KINDS.items():
        ms = _through(expression, made, name)
        work = f"{ROWS} samples through {WINDOWS} rules in each of {TICKS} ticks; answers checked"
        out.append(absolute(f"rules_{name}_1M", ms, "ms", BAR_MS, work))
        out.append(
            figure(
                f"rules_{name}_floor",
                ms,
                "ms",
                against="floor: numpy sums and counts by window of the same samples, sorted before",
                against_value=floor,
                bar=None,
                work=work,
            )
        )
    return [*out, *_detection()]


def _through(expression: Callable[[int], str], batches: Sequence[SampleBatch], name: str) -> float:
    """Return the median milliseconds of the processor for the rules of a tick; raises AssertionError."""
    specs = [TagSpec(slot=i, name=f"t{i}", link="l") for i in range(WINDOWS)]
    specs += [
        TagSpec(slot=WINDOWS + i, name=f"d{i}", expression=expression(i), origin="bench")
        for i in range(WINDOWS)
    ]
    table, derived = TagTable(len(specs)), Derived(specs)
    spent: list[float] = []
    for batch in batches:
        state.apply(table, batch)
        now = int(batch.arrival_ns[-1])
        begin = time.process_time()
        derived.evaluate(table, table.dirty, now, now, batch)
        spent.append((time.process_time() - begin) * 1e3)
        table.take_dirty()
    told = table.value[WINDOWS:]
    if not np.isfinite(told).all() and name != "seasonal":
        raise AssertionError(f"{name}: {int((~np.isfinite(told)).sum())} rules have no answer")
    _check(name, told, batches)
    return float(np.median(spent[WARM:]))


def _check(name: str, told: F8, batches: Sequence[SampleBatch]) -> None:
    """Raise AssertionError where answers are not what the samples say."""
    t = np.concatenate([b.source_ns.reshape(-1, WINDOWS)[:, 0] for b in batches])
    v = np.concatenate([b.value.reshape(-1, WINDOWS) for b in batches])
    wanted: F8 | None = None
    if name == "session":
        wanted = v.max(axis=0)
    elif name == "absence":
        wanted = np.ones(WINDOWS)
    elif name == "tumbling":
        whole = t // NS == t[-1] // NS - 1
        wanted = v[whole].mean(axis=0)
    if wanted is not None and np.abs(told - wanted).max() > 0.5:
        raise AssertionError(f"{name} is off by {np.abs(told - wanted).max():.3g}")


def labelled(seed: int = 8) -> tuple[F8, B1]:
    """Return (values, whether an event begins) of a series of a sample a second.

    A daily cycle, drift and noise; a third each of the events are spikes, shifts that last two minutes and
    values that are usual at another time of the cycle.
    """
    rng = np.random.default_rng(seed)
    t = np.arange(SECONDS)
    usual = 50 + 10 * np.sin(2 * np.pi * t / PERIOD_S) + np.cumsum(rng.normal(0, 0.003, SECONDS))
    x: F8 = usual + rng.normal(0, 1, SECONDS)
    begins = np.zeros(SECONDS, np.bool_)
    free = np.arange(int(4 * PERIOD_S), SECONDS - 600, 300)  # after three periods to learn from
    for i, at in enumerate(np.sort(rng.choice(free, EVENTS, replace=False)).tolist()):
        begins[at] = True
        kind = i % 3
        if kind == 0:
            x[at] += rng.choice((-1, 1)) * 12.0
        elif kind == 1:
            x[at : at + 120] += rng.choice((-1, 1)) * 9.0
        else:
            x[at : at + 60] = 100 - usual[at : at + 60] + rng.normal(0, 1, 60)
    return x, begins


def _detection() -> list[dict[str, object]]:
    x, begins = labelled()
    events = np.flatnonzero(begins)
    out: list[dict[str, object]] = []
    for name, score, limit in (*_scores(x), ("3-sigma of all", _plain_sigma(x), 3.0)):
        over = np.nan_to_num(score) > limit
        rises = np.flatnonzero(over & ~np.concatenate(([False], over[:-1])))
        rises = rises[rises >= 4 * PERIOD_S]
        # a shift is found where it begins, and once more where it ends
        found = np.array([((rises >= at) & (rises <= at + NEAR_S)).any() for at in events])
        ends = np.array([((events <= at) & (at <= events + 120 + NEAR_S)).any() for at in rises])
        precision = float(ends.mean()) if len(rises) else 0.0
        recall = float(found.mean())
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        work = (
            f"synthetic, seeded: {EVENTS} events in {SECONDS} samples; above {limit:g}: precision "
            f"{precision:.2f}, recall {recall:.2f}"
        )
        out.append(plain(f"anomaly_{name.replace(' ', '_')}_f1", f1, "", work))
    return out


def _plain_sigma(x: F8) -> F8:
    """Return distances from the mean of all, in deviations of all: what a peer without a past would do."""
    return np.asarray(np.abs(x - x.mean()) / x.std(), np.float64)


def _scores(x: F8) -> list[tuple[str, F8, float]]:
    """Return (name, score of each sample, limit) of the shipped methods."""
    specs = [TagSpec(slot=0, name="x", link="l")]
    specs += [
        TagSpec(slot=i + 1, name=name, expression=text, origin="bench")
        for i, (name, (text, _)) in enumerate(SCORES.items())
    ]
    table, derived = TagTable(len(specs)), Derived(specs)
    out = np.full((len(SCORES), len(x)), np.nan)
    t0 = int(PERIOD_S) * 450_000 * NS
    slot = np.zeros(1, np.uint32)
    for i in range(len(x)):
        t = np.array([t0 + i * NS], np.int64)
        batch = batch_of(slot, x[i : i + 1], t, t, t)
        state.apply(table, batch)
        now = int(t[0])
        derived.evaluate(table, table.dirty, now, now, batch)
        table.take_dirty()
        out[:, i] = table.value[1:]
    return [(name, out[i], limit) for i, (name, (_, limit)) in enumerate(SCORES.items())]
