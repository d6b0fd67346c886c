"""How well the shipped scores detect: on public labelled series, beside what others published for the same.

NAB=DIR and SKAB=DIR name checkouts of them; without, nothing is measured and it is said where they are. Every
score runs as the rule that a user writes (`detection_run`), with one setting for all series of a corpus. What
counts as a detection of NAB is that the rule begins to be true: that is what makes an event and an alarm.
About eight minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from armillary.model.arrays import F8, I8
from armillary.model.clock import NS
from armillary.project.streams import METHODS
from armillary_bench import detection_data as data
from armillary_bench import detection_skab as rig
from armillary_bench.detection_run import Answers, forwards, lengths, run
from armillary_bench.detection_score import (
    PROFILES,
    Judged,
    Series,
    best,
    fired,
    judged,
    of_hundred,
    raw_of,
    told,
)
from armillary_bench.figure import absolute, figure, plain

# the scoreboard of NAB v1.1, README.md of github.com/numenta/NAB at ea702d7: standard, low FP, low FN
PUBLISHED: Mapping[str, tuple[float, float, float]] = {
    "ARTime": (74.9, 65.1, 80.4),
    "Numenta HTM": (70.1, 63.1, 74.3),  # in results/final_results.json; the README says 69.7 to 70.5
    "CAD OSE": (69.9, 67.0, 73.2),
    "earthgecko Skyline": (58.2, 46.2, 63.9),
    "KNN CAD": (58.0, 43.4, 64.8),
    "Relative Entropy": (54.6, 47.6, 58.8),
    "Random Cut Forest": (51.7, 38.4, 59.7),
    "Twitter ADVec": (47.1, 33.6, 53.5),
    "Windowed Gaussian": (39.6, 20.9, 47.4),
    "Etsy Skyline": (35.7, 27.1, 44.5),
    "Bayesian Changepoint": (17.7, 3.2, 32.2),
    "EXPoSE": (16.4, 3.2, 26.9),
    "Random": (11.0, 1.2, 19.5),
}
# folders of results that are scored anew, as proof of the scorer, and their names on the scoreboard
PROOFS = {"windowedGaussian": "Windowed Gaussian", "skyline": "Etsy Skyline", "knncad": "KNN CAD"}
WITHIN = 0.1  # of 100
BASELINE = "Windowed Gaussian"
STEPS = 60  # limits that are tried
LONG = 30.0  # of robust and fading: 900 samples
RULES: Mapping[str, Callable[[float], str]] = {  # length of 30 samples -> the lines of a rule
    "novelty": lambda s: f'method = "novelty"\nseconds = {s:g}\n',
    "novelty_without_season": lambda s: f'method = "novelty"\nseconds = {s:g}\nperiod_s = 0\n',
    "fading": lambda s: f'method = "fading"\nseconds = {s * LONG:g}\nrest_s = {s:g}\n',
    "robust": lambda s: f'method = "robust"\nseconds = {s * LONG:g}\nrest_s = {s:g}\n',
    "seasonal": lambda s: f'method = "seasonal"\nrest_s = {s:g}\n',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One limit, and what a rule with it is worth: of 100 by profile, windows found and false alarms."""

    limit: float
    scores: tuple[float, ...]
    rows: tuple[I8, ...]
    found: int
    alarms: int


def benches() -> list[dict[str, object]]:
    """Return the figures of the corpora that are there."""
    out: list[dict[str, object]] = []
    root = data.folder("NAB")
    out += _absent("NAB", data.NAB_HOME) if root is None else nab(root)
    root = data.folder("SKAB")
    return out + (_absent("SKAB", data.SKAB_HOME) if root is None else rig.benches(data.skab(root)))


def _absent(variable: str, home: str) -> list[dict[str, object]]:
    why = f"not measured: {variable}=DIR names no checkout of {home}"
    return [plain(f"{variable.lower()}_series", 0, "", why, against=why)]


def nab(root: Path) -> list[dict[str, object]]:
    """Return the figures on the Numenta Anomaly Benchmark."""
    series = data.nab(root)
    known = [judged(each) for each in series]
    out = _proofs(root, series, known)
    for name, (standard, low_fp, low_fn) in PUBLISHED.items():
        against = f"published, NAB's README; low FP {low_fp:g}, low FN {low_fn:g}"
        out.append(plain(f"nab_published_{_name(name)}", standard, "of 100", against, against=against))
    seconds = lengths(series)
    for method, rule in RULES.items():
        answers = run(series, [rule(s) for s in seconds])
        out += of_method(method, series, known, answers, [round(s * NS) for s in seconds])
    return out


def _name(text: str) -> str:
    return text.lower().replace(" ", "_")


def _proofs(root: Path, series: list[Series], known: Sequence[Judged]) -> list[dict[str, object]]:
    """Return how far NAB's own published results, scored here, are from the scoreboard; and 0 and 100."""
    out = []
    for folder, name in PROOFS.items():
        if not (root / "results" / folder).is_dir():
            continue
        scores = data.nab_scores(root, folder, series)
        off = 0.0
        for profile, published in zip(PROFILES, PUBLISHED[name], strict=True):
            off = max(off, abs(best(series, scores, profile, known).score - published))
        work = f"{sum(map(len, series))} published answers of {name}, scored here, in all three profiles"
        out.append(absolute(f"nab_scorer_off_by_{_name(name)}", off, "of 100", WITHIN, work))
        limit = best(series, scores, PROFILES[0], known).threshold
        rows = [np.flatnonzero(score >= limit) for score in scores]
        out += by_group(f"nab_published_{_name(name)}", rows, series, known)
    return out


def by_group(
    name: str, rows: Sequence[I8], series: Sequence[Series], known: Sequence[Judged]
) -> list[dict[str, object]]:
    """Return what detections are worth, by the standard profile, in each group that has windows."""
    out: list[dict[str, object]] = []
    for group in sorted({each.group for each in series if len(each.windows)}):
        some = [i for i, each in enumerate(series) if each.group == group]
        part = worth_of([rows[i] for i in some], [series[i] for i in some], [known[i] for i in some])
        work = f"{len(some)} series: {part.found} windows found, {part.alarms} false alarms"
        out.append(plain(f"{name}_{group}", part.scores[0], "of 100", work, work))
    return out


def of_method(
    method: str, series: Sequence[Series], known: Sequence[Judged], answers: Answers, rests: Sequence[int]
) -> list[dict[str, object]]:
    """Return the figures of one method: as it is shipped, at the best limit, and group by group."""
    shipped = [np.flatnonzero((f > 0) & ~np.append(False, f[:-1] > 0)) for f in answers.fires]
    as_shipped = worth_of(shipped, series, known)
    at_best = swept(series, known, answers.score, rests, METHODS[method.split("_")[0]])
    out: list[dict[str, object]] = []
    for i, profile in enumerate(PROFILES):
        top = at_best[i]
        work = (
            f"{len(series)} series, {sum(map(len, series))} samples, {sum(len(s.windows) for s in series)} "
            f"windows; above {top.limit:.3g}: {top.found} found, {top.alarms} false alarms"
        )
        out.append(
            figure(
                f"nab_{method}_{profile.name}",
                top.scores[i],
                "of 100",
                against=f"{BASELINE}, published; the best of {STEPS} limits, one for all series",
                against_value=PUBLISHED[BASELINE][i],
                bar=1.0 if method == "novelty" else None,
                work=work,
                better="higher",
            )
        )
        shown = f"with its shipped limit: {as_shipped.found} found, {as_shipped.alarms} false alarms"
        out.append(
            plain(f"nab_{method}_shipped_{profile.name}", as_shipped.scores[i], "of 100", shown, shown)
        )
    out += by_group(f"nab_{method}", at_best[0].rows, series, known)
    work = f"the tick of a world with {len(series)} such rules, most ticks with a few samples"
    return [*out, plain(f"nab_{method}_time", answers.s_of_sample * 1e6, "µs a sample", work, work)]


def worth_of(
    rows: Sequence[I8], series: Sequence[Series], known: Sequence[Judged], limit: float = np.nan
) -> Told:
    """Return what detections at rows of each series are worth."""
    outcome = told(rows, known, [len(each.windows) for each in series])
    scores = tuple(of_hundred(raw_of(outcome, profile), series, profile) for profile in PROFILES)
    return Told(limit=limit, scores=scores, rows=tuple(rows), found=len(outcome[0]), alarms=outcome[3])


def swept(
    series: Sequence[Series],
    known: Sequence[Judged],
    scores: Sequence[F8],
    rests: Sequence[int],
    shipped: float,
) -> list[Told]:
    """Return of each profile the best that a rule is worth with one limit for all series.

    rests: nanoseconds without, after which a rule may begin anew. NAB's own optimiser sweeps every score, of
    which each sample is a detection; limits are those that 10 % to 0.001 % of all samples
    are above, and the shipped one.
    """
    whole = np.concatenate([score[np.isfinite(score)] for score in scores])
    limits = np.append(np.unique(np.quantile(whole, 1.0 - np.logspace(-5, -1, STEPS))), shipped)
    times = [forwards(each.t_ns) for each in series]
    tried = []
    for limit in limits.tolist():
        rows = [
            fired(np.nan_to_num(score, nan=-1.0), t_ns, limit, rest)
            for score, t_ns, rest in zip(scores, times, rests, strict=True)
        ]
        tried.append(worth_of(rows, series, known, limit))
    points = np.array([each.scores for each in tried])
    return [tried[at] for at in points.argmax(axis=0).tolist()]
