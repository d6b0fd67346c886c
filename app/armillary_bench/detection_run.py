"""Runs `[[rule]]` of kind anomaly over labelled series: read from rules.toml, compiled, ticked as by a world.

Ticks at which no sample comes are left out. Series run side by side from one moment on; their intervals and
gaps are their own. A rule's length is `SAMPLES` intervals of its series, as told by its first 15 %.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from armillary.model.arrays import F8, I8
from armillary.model.clock import NS
from armillary.model.quality import STALE, rank
from armillary.model.sample import batch_of
from armillary.model.tags import TagTable
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.twin import state
from armillary.twin.derive import Derived
from armillary_bench.detection_score import PROBATION, Series

SAMPLES = 30
DAY_S = 86_400.0
BEGINS_NS = 20_000 * 86_400 * NS
PROJECT = """[project]
schema = 1
id = "detection"
name = "Labelled series"
[[source]]
name = "record"
kind = "mqtt"
url = "mqtt://127.0.0.1:1883"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the rules of one method answered; lists of series, (n,) each."""

    score: list[F8]  # NaN while it warms up
    fires: list[F8]  # 1 where the rule is true
    s_of_sample: float  # processor seconds of the world's evaluation


def lengths(series: Sequence[Series]) -> list[float]:
    """Return how long 30 samples of each series take, in seconds."""
    begins = [each.t_ns[: max(int(PROBATION * len(each)), 2)] for each in series]
    return [SAMPLES * max(float(np.median(np.diff(t_ns))) / NS, 1.0) for t_ns in begins]


def forwards(t_ns: I8) -> I8:
    """Return times from `BEGINS_NS` on that go forwards by a second at least: a clock may be set back."""
    seconds = (t_ns - t_ns[0]) // NS
    row = np.arange(len(t_ns))
    out: I8 = (np.maximum.accumulate(seconds - row) + row) * NS + BEGINS_NS
    return out


def run(series: Sequence[Series], rules: Sequence[str]) -> Answers:
    """Run one rule for each series. rules: the lines of each behind its id, kind and tag."""
    head = '[[rule]]\nid = "r{i}"\nkind = "anomaly"\nof = "S{i}"\n'
    text = "".join(head.format(i=i) + rule + "\n" for i, rule in enumerate(rules))
    count = range(len(series))
    names = [[f"r{i}.value" for i in count], [f"r{i}" for i in count]]
    found, spent = ticked([each.t_ns for each in series], [each.value for each in series], text, names)
    return Answers(score=found[0], fires=[np.nan_to_num(each) for each in found[1]], s_of_sample=spent)


def ticked(
    times: Sequence[I8], values: Sequence[F8], rules: str, asked: Sequence[Sequence[str]]
) -> tuple[list[list[F8]], float]:
    """Run rules over tags S0, S1 …; return what was asked for, and processor seconds of a sample.

    asked: lists of tags, of which the i-th is told at each sample of S(i); NaN where it is not known.
    """
    project = _project(len(times), rules)
    slot = {spec.name: spec.slot for spec in project.specs}
    source = np.array([slot[f"S{i}.value"] for i in range(len(times))], np.uint32)
    wanted = np.array([[slot[name] for name in names] for names in asked])
    table, derived = TagTable(len(project.specs)), Derived(project.specs)
    which = np.concatenate([np.full(len(each), i) for i, each in enumerate(times)])
    t_ns, value = np.concatenate([forwards(each) for each in times]), np.concatenate(values)
    order = np.lexsort((which, t_ns))
    ends = np.append(np.flatnonzero(np.diff(t_ns[order])) + 1, len(order))
    out = np.full((len(asked), len(order)), np.nan)
    begin, spent = 0, 0.0
    for end in ends.tolist():
        some = order[begin:end]
        begin = end
        now, who = int(t_ns[some[0]]), which[some]
        batch = batch_of(source[who], value[some], np.full(len(some), now, np.int64), now, now)
        started = time.process_time()
        state.apply(table, batch)
        derived.evaluate(table, table.dirty, now, now, batch)
        table.take_dirty()
        spent += time.process_time() - started
        slots = wanted[:, who]
        out[:, some] = np.where(rank(table.quality[slots]) < STALE, table.value[slots], np.nan)
    at = np.cumsum([0, *(len(each) for each in times)])
    return [[row[a:b] for a, b in pairwise(at.tolist())] for row in out], spent / len(order)


def _project(tags: int, rules: str) -> Project:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        twins = [{"id": f"S{i}", "tags": {"value": {"address": f"record!s/{i}"}}} for i in range(tags)]
        (root / "project.toml").write_text(PROJECT, "utf-8")
        (root / "twins.json").write_text(json.dumps({"schema": 1, "twins": twins}), "utf-8")
        (root / "rules.toml").write_text("schema = 1\n" + rules, "utf-8")
        return projects.read(root)
