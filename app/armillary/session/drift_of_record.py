"""Drift in the record: what a plant sent over days against what the model says, without a world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from armillary.model.clock import NS
from armillary.model.drift import LEVELS, DriftItem, DriftReport
from armillary.model.message import AskSpan, Samples
from armillary.model.sample import SampleBatch, taken
from armillary.model.tags import TagSpec
from armillary.session.history_export import ANSWER_S, ids_of, odd
from armillary.twin.drift import MISSING_S, NO_MODEL, Drift, Heard
from armillary.twin.drift_model import Modelled
from armillary.wire.bus import Line

FIRST_NS, LONGEST_NS = 600 * NS, 86_400 * NS  # of one question to the recorder
FEW, ROWS = 100_000, 400_000  # samples of one answer
EVERY_NS = 1_800 * NS  # of recorded time between two judgements


def judged(
    specs: Sequence[TagSpec],
    batches: Iterable[SampleBatch],
    from_ns: int,
    to_ns: int,
    *,
    model: Modelled = NO_MODEL,
    missing_s: float = MISSING_S,
) -> DriftReport:
    """Return all that differed at any time from ≤ t < to, each once, with when it was first seen.

    batches: the samples of slots of `specs`, ascending by source time, which stands for the clock. Links are
    taken to have been up all the time: whether they were is not recorded. New fields (D01), what servers say
    of nodes (D05, D08, D10) and relationships leave no samples and are a running world's to find.
    """
    specs = [spec for spec in specs if spec.history and spec.personal != "direct"]
    drift = Drift(specs, missing_s=missing_s, model=model)
    links = dict.fromkeys({spec.link for spec in specs if spec.link}, from_ns)
    watched = np.array([spec.slot for spec in specs if spec.link and not spec.expression], np.int64)
    thinned = {spec.name for spec in specs if spec.thinning}  # how often these came was not recorded
    came = np.zeros(max((spec.slot for spec in specs), default=-1) + 1, np.bool_)
    found: dict[str, DriftItem] = {}
    rounds = 0

    def judge(at_ns: int) -> None:
        nonlocal rounds
        rounds += 1
        never = watched[~came[watched]]
        for item in drift.judge(Heard(now_ns=at_ns, now_mono_ns=at_ns, up=links, never=never)):
            if item.code not in ("D02", "D07") or item.tag not in thinned:
                found[item.key] = replace(item, since_ns=found.get(item.key, item).since_ns)

    drift.judge(Heard(now_ns=from_ns, now_mono_ns=from_ns, up=links))  # it begins
    due = from_ns + EVERY_NS
    for batch in batches:
        at = 0
        clocked = replace(batch, arrival_mono_ns=batch.source_ns)
        while at < len(clocked):
            end = int(np.searchsorted(clocked.source_ns, due, "left"))
            part = taken(clocked, np.arange(at, max(end, at)))
            came[part.slot] = True
            drift.see(part)
            at = max(end, at)
            if at < len(clocked):
                judge(due)
                due += EVERY_NS
    while due < to_ns:
        judge(due)
        due += EVERY_NS
    for _ in range(2):  # what is slow counts when two judgements have seen it
        judge(to_ns)
    items = sorted(found.values(), key=lambda item: (LEVELS.index(item.level), item.code, item.key))
    return DriftReport(items=tuple(items), judged_ns=to_ns, rounds=rounds, left_out=drift.left_out)


def samples(line: Line, specs: Sequence[TagSpec], from_ns: int, to_ns: int) -> Iterator[SampleBatch]:
    """Yield what a recorder has of tags, by their slots, ascending by source time. Raises StoreFault."""
    known = [spec for spec in specs if spec.history and spec.personal != "direct"]
    ids = ids_of(line, [spec.name for spec in known])
    slot_of = np.zeros(int(ids.max(initial=0)) + 1, np.uint32)
    slot_of[ids] = [spec.slot for spec in known]
    ids = ids[ids > 0]
    at, step = from_ns, FIRST_NS
    while at < to_ns and len(ids):
        end = min(at + step, to_ns)
        got = line.ask(AskSpan(ids=ids, from_ns=at, to_ns=end, limit=ROWS), ANSWER_S)
        if not isinstance(got, Samples):
            raise odd(line)
        yield replace(got.batch, slot=slot_of[got.batch.slot])
        step = max(step // 2, NS) if got.to_ns < end else step
        step = min(step * 2, LONGEST_NS) if len(got.batch) < FEW else step
        at = got.to_ns
