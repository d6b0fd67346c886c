"""Several sensors in one rule, on the Skoltech Anomaly Benchmark: a rule adds up the novelty of each.

Of each run the first 400 samples are to learn by, as its leaderboard has it. The limit is what 1 % of those
were above, of all runs together: no label is used. Beside it stands what a blind rule would get, one that is
always true, and one that begins once a minute: the leaderboard's measures give much for little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from armillary.model.arrays import B1, F8, I8
from armillary.model.clock import NS
from armillary_bench.detection_data import Runs
from armillary_bench.detection_run import ticked
from armillary_bench.detection_score import fired
from armillary_bench.figure import figure, plain

TRAINED = 400
WINDOW_S = 60.0  # behind a change in which it may be told
QUANTILE = 0.99
LENGTHS = (30, 10)  # of novelty, in seconds; a sample a second
MOST = 10  # that one sensor adds
# README.md of github.com/waico/SKAB at b2c0d46: F1, false alarm rate and missing rate in per cent
OUTLIERS: Mapping[str, tuple[float, float, float]] = {
    "Conv-AE": (0.78, 13.55, 28.02),
    "MSET": (0.78, 39.73, 14.13),
    "T-squared+Q": (0.76, 26.62, 24.92),
    "LSTM-AE": (0.74, 29.96, 25.92),
    "T-squared": (0.66, 19.21, 42.6),
    "LSTM-VAE": (0.56, 9.13, 55.03),
    "Vanilla LSTM": (0.54, 12.54, 59.53),
    "MSCRED": (0.36, 49.94, 69.88),
    "Vanilla AE": (0.39, 2.59, 75.15),
    "Isolation forest": (0.29, 2.56, 82.89),
}
# the same: NAB standard, low FP, low FN, of changes
CHANGES: Mapping[str, tuple[float, float, float]] = {
    "MSCRED": (32.42, 16.53, 40.28),
    "Isolation forest": (26.16, 19.5, 30.82),
    "T-squared+Q": (25.35, 14.51, 31.33),
    "Conv-AE": (23.61, 21.54, 27.55),
    "LSTM-AE": (23.51, 20.11, 25.91),
    "T-squared": (19.54, 10.2, 24.31),
    "MSET": (13.84, 10.22, 17.37),
    "Vanilla AE": (11.41, 6.53, 13.91),
    "Vanilla LSTM": (11.31, -3.8, 17.25),
    "ArimaFD": (-0.09, -0.17, -0.06),
}
WEIGHTS = ((1.0, -0.11, -1.0), (1.0, -0.22, -1.0), (1.0, -0.11, -2.0))  # hit, false alarm, miss


def benches(runs: Sequence[Runs]) -> list[dict[str, object]]:
    """Return the figures of one rule over all sensors; one for states, and one for changes."""
    out: list[dict[str, object]] = []
    for name, (f1, far, mar) in OUTLIERS.items():
        against = f"published, SKAB's README; {far:g} % false, {mar:g} % missed"
        out.append(plain(f"skab_published_{_name(name)}_f1", f1, "", against, against))
    for name, three in CHANGES.items():
        against = f"published, SKAB's README; low FP {three[1]:g}, low FN {three[2]:g}"
        out.append(plain(f"skab_published_{_name(name)}_changes", three[0], "of 100", against, against))
    for seconds in LENGTHS:
        scores = scores_of(runs, seconds)
        learnt = np.concatenate([score[:TRAINED] for score in scores])
        limit = float(np.nanquantile(learnt, QUANTILE))
        over = [np.nan_to_num(score) > limit for score in scores]
        f1, far, mar = states(runs, over)
        work = f"{len(runs)} runs; above {limit:.2f}: {far:.1f} % false, {mar:.1f} % missed"
        against = f"T-squared, published; {far:.1f} % false, {mar:.1f} % missed"
        out.append(_beside(f"skab_novelty_{seconds}_s_f1", f1, "", against, OUTLIERS["T-squared"][0], work))
        begins = [
            fired(np.nan_to_num(score), run.t_ns, limit, seconds * NS)
            for run, score in zip(runs, scores, strict=True)
        ]
        told, missed, alarms = changes(runs, begins)
        work = f"{missed} of {_count(runs)} missed, {alarms} false alarms; low FP {told[1]:.1f}"
        name = f"skab_novelty_{seconds}_s_changes"
        out.append(_beside(name, told[0], "of 100", f"MSCRED, published; {work}", CHANGES["MSCRED"][0], work))
        if seconds == max(LENGTHS):
            out += _as_often(runs, scores)
    return [*out, *_blind(runs)]


def _as_often(runs: Sequence[Runs], scores: Sequence[F8]) -> list[dict[str, object]]:
    """Return what is missed with limits that are wrong as often as published detectors are."""
    normal = np.concatenate(
        [score[TRAINED:][~run.anomaly[TRAINED:]] for run, score in zip(runs, scores, strict=True)]
    )
    out = []
    for name, (_, far, mar) in OUTLIERS.items():
        limit = float(np.quantile(normal, 1.0 - far / 100.0))
        _, own, missed = states(runs, [np.nan_to_num(score) > limit for score in scores])
        work = f"above {limit:.2f} it is wrong {own:.1f} % of the time, as {name}"
        title = f"skab_novelty_missed_as_false_as_{_name(name)}"
        against = f"{name}, published; both {own:.1f} % false"
        out.append(
            figure(
                title, missed, "%", against=against, against_value=mar, bar=None, work=work, better="lower"
            )
        )
    return out


def _beside(name: str, value: float, unit: str, against: str, known: float, work: str) -> dict[str, object]:
    return figure(
        name, value, unit, against=against, against_value=known, bar=None, work=work, better="higher"
    )


def _name(text: str) -> str:
    return text.lower().replace(" ", "_").replace("-", "_").replace("+", "_")


def _count(runs: Sequence[Runs]) -> int:
    return sum(int(run.change[TRAINED:].sum()) for run in runs)


def _blind(runs: Sequence[Runs]) -> list[dict[str, object]]:
    """Return what is got without looking."""
    f1, far, mar = states(runs, [np.ones(len(run.t_ns), np.bool_) for run in runs])
    work = f"a rule that is always true; {far:.0f} % false, {mar:.0f} % missed"
    out = [plain("skab_blind_f1", f1, "", work, work)]
    told, missed, alarms = changes(runs, [np.arange(TRAINED, len(run.t_ns), int(WINDOW_S)) for run in runs])
    work = f"a rule that begins once a minute; {missed} missed, {alarms} false alarms; low FP {told[1]:.1f}"
    return [*out, plain("skab_blind_changes", told[0], "of 100", work, work)]


def scores_of(runs: Sequence[Runs], seconds: float) -> list[F8]:
    """Return of each run what the rule over its sensors measures, (n,) each."""
    times: list[I8] = []
    values: list[F8] = []
    rules: list[str] = []
    asked: list[str] = []
    odd = '[[rule]]\nid = "{}.odd"\nkind = "expression"\nof = "novelty(`{}.value`, {:g})"\n'
    for i, run in enumerate(runs):
        ids = [f"S{len(times) + k}" for k in range(len(run.sensors))]
        rules += [odd.format(tag, tag, seconds) for tag in ids]
        added = " + ".join(f"min(`{tag}.odd`, {MOST})" for tag in ids)
        rules.append(f'[[rule]]\nid = "rig{i}"\nkind = "expression"\nof = "{added}"\n')
        times += [run.t_ns] * len(ids)
        values += list(run.value)
        asked += [f"rig{i}"] * len(ids)
    [found], _ = ticked(times, values, "".join(rules), [asked])
    ends = np.cumsum([len(run.sensors) for run in runs]) - 1
    return [found[end] for end in ends.tolist()]


def states(runs: Sequence[Runs], over: Sequence[B1]) -> tuple[float, float, float]:
    """Return (F1, false alarm rate, missing rate, both in per cent) of rows behind those to learn by."""
    truth = np.concatenate([run.anomaly[TRAINED:] for run in runs])
    told = np.concatenate([each[TRAINED:] for each in over])
    right, false = int((truth & told).sum()), int((~truth & told).sum())
    missed, still = int((truth & ~told).sum()), int((~truth & ~told).sum())
    f1 = 2 * right / max(2 * right + false + missed, 1)
    return f1, 100.0 * false / max(false + still, 1), 100.0 * missed / max(missed + right, 1)


def changes(runs: Sequence[Runs], begins: Sequence[I8]) -> tuple[tuple[float, float, float], int, int]:
    """Return (of 100 by profile, changes missed, false alarms), as SKAB's `chp_score` scores changes.

    A change may be told in the 60 s behind it; the first that does counts, along a tanh from a hit's worth
    down to a false alarm's. Where windows overlap, the later one begins with the end of the earlier.
    """
    worth: list[F8] = []
    missed = alarms = count = 0
    for run, rows in zip(runs, begins, strict=True):
        t_s = (run.t_ns - run.t_ns[0]) / NS
        begin = t_s[TRAINED:][run.change[TRAINED:]]
        told = t_s[rows[rows >= TRAINED]]
        inside = np.zeros(len(told), np.bool_)
        before = -np.inf
        for at in begin.tolist():
            start, end = max(at, before), at + WINDOW_S
            before = end
            here = (told >= start) & (told <= end)
            inside |= here
            count += 1
            missed += not here.any()
            worth.append((told[here][:1] - start) / max(end - start, 1e-9))
        alarms += int((~inside).sum())
    x = np.pi * (np.concatenate(worth) if worth else np.zeros(0)) - np.pi / 2
    share = 0.5 - np.tanh(x) / np.tanh(np.pi / 2) / 2
    out = []
    for hit, false, miss in WEIGHTS:
        raw = float((share * (hit - false) + false).sum()) + miss * missed + false * alarms
        out.append(100.0 * (raw - miss * count) / max((hit - miss) * count, 1e-9))
    return (out[0], out[1], out[2]), missed, alarms
