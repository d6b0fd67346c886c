"""Rules on streams: a million samples a second through 1,000 rules of each kind, and how well scores detect.

The floor is bare numpy, as of `windows`. Detection is judged on synthetic labelled series, made here from
seeds; it says how the methods compare, and nothing of a plant or of published baselines.
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
    "novelty": lambda i: f"novelty(t{i}, 2, 2)",
}
SERIES, SECONDS = 8, 7_200  # labelled series, and how long each is, a sample a second
EVENTS = 9  # of each
PERIOD_S = 900.0
LEARNT_S = 4 * int(PERIOD_S)  # before, nothing is judged
NEAR_S = 30  # so long after an event's beginning a detection is its
SCORES = {
    "robust": ("robust(x{}, 120, 0.001)", 5.0),
    "fading": ("surprise(x{}, 20)", 6.0),
    "seasonal": (f"unusual(x{{}}, {PERIOD_S:g})", 6.0),
    "novelty": (f"novelty(x{{}}, 20, {PERIOD_S:g})", 3.0),
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


def labelled(seed: int) -> tuple[F8, B1]:
    """Return (values, whether an event begins) of a series of a sample a second.

    A cycle, drift and noise; a third each of the events are spikes, shifts that last a minute and values that
    are usual at another time of the cycle.
    """
    rng = np.random.default_rng(seed)
    t = np.arange(SECONDS)
    usual = 50 + 10 * np.sin(2 * np.pi * t / PERIOD_S) + np.cumsum(rng.normal(0, 0.003, SECONDS))
    x: F8 = usual + rng.normal(0, 1, SECONDS)
    begins = np.zeros(SECONDS, np.bool_)
    free = np.arange(LEARNT_S, SECONDS - 200, 200)
    for i, at in enumerate(np.sort(rng.choice(free, EVENTS, replace=False)).tolist()):
        begins[at] = True
        kind = i % 3
        if kind == 0:
            x[at] += rng.choice((-1, 1)) * 12.0
        elif kind == 1:
            x[at : at + 60] += rng.choice((-1, 1)) * 9.0
        else:
            x[at : at + 30] = 100 - usual[at : at + 30] + rng.normal(0, 1, 30)
    return x, begins


def _detection() -> list[dict[str, object]]:
    made = [labelled(seed) for seed in range(SERIES)]
    x, begins = np.stack([values for values, _ in made]), np.stack([told for _, told in made])
    apart = np.abs(x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    out: list[dict[str, object]] = []
    for name, score, limit in (*_scores(x), ("plain_3_sigma", np.asarray(apart, np.float64), 3.0)):
        over = np.nan_to_num(score) > limit
        rises = over & ~np.pad(over, ((0, 0), (1, 0)))[:, :-1]
        rises[:, :LEARNT_S] = False
        found = told = fitting = 0
        for i in range(SERIES):
            events, at = np.flatnonzero(begins[i]), np.flatnonzero(rises[i])
            found += sum(bool(((at >= event) & (at <= event + NEAR_S)).any()) for event in events)
            # what lasts is told where it begins, and may be once more where it ends
            fitting += sum(bool(((events <= t) & (t <= events + 60 + NEAR_S)).any()) for t in at)
            told += len(at)
        precision, recall = fitting / max(told, 1), found / (EVENTS * SERIES)
        f1 = 2 * precision * recall / max(precision + recall, 1e-9)
        work = (
            f"synthetic, seeded: {EVENTS * SERIES} events in {SERIES * SECONDS} samples; above {limit:g}: "
            f"precision {precision:.2f}, recall {recall:.2f}"
        )
        out.append(plain(f"anomaly_{name}_f1", f1, "", work))
    return out


def _scores(x: F8) -> list[tuple[str, F8, float]]:
    """Return (name, score of each sample, limit) of the shipped methods, of all series side by side."""
    specs = [TagSpec(slot=i, name=f"x{i}", link="l") for i in range(SERIES)]
    for name, (text, _) in SCORES.items():
        specs += [
            TagSpec(slot=len(specs) + i, name=f"{name}{i}", expression=text.format(i), origin="bench")
            for i in range(SERIES)
        ]
    table, derived = TagTable(len(specs)), Derived(specs)
    out = np.full((len(SCORES), SERIES, SECONDS), np.nan)
    t0 = int(PERIOD_S) * 2_000_000 * NS
    slot = np.arange(SERIES, dtype=np.uint32)
    for i in range(SECONDS):
        now = t0 + i * NS
        batch = batch_of(slot, x[:, i].copy(), np.full(SERIES, now, np.int64), now, now)
        state.apply(table, batch)
        derived.evaluate(table, table.dirty, now, now, batch)
        table.take_dirty()
        out[:, :, i] = table.value[SERIES:].reshape(len(SCORES), SERIES)
    return [(name, out[i], limit) for i, (name, (_, limit)) in enumerate(SCORES.items())]
