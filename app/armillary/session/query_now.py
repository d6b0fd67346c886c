"""What a query is asked of beside values: alarms as they stand, and what the recorder has of a span."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from armillary.model.alarm import AlarmSpec, Presentation
from armillary.model.arrays import I8
from armillary.model.fault import ProjectFault
from armillary.model.message import AskAt, Samples
from armillary.model.quality import UNCERTAIN, rank
from armillary.model.series import Series, SeriesAnswer, SeriesQuery
from armillary.model.tags import TagSpec, stale_after_ms
from armillary.session.alarm_table import HIDINGS, AlarmTable
from armillary.session.trend_maths import numbers, reach, stretch_of
from armillary.session.trend_read import led
from armillary.twin.graph import NOWHERE
from armillary.twin.query_now import Alarms, Span
from armillary.twin.vocabulary import Vocabulary

WIDTH = 600  # buckets of a tag with more samples; extremes inside them are kept
AT_ONCE = 25  # tags of one question: so few that the figures of an answer take some ms of a desk's thread
MOST = 5_000  # tags of whose past a query may ask
SHELVED = HIDINGS.index(Presentation.SHELVED)
Reading = Generator[
    AskAt | SeriesQuery, object, Span
]  # yields questions to the recorder, is sent the answers


def twins_of(specs: Sequence[AlarmSpec], words: Vocabulary) -> I8:
    """Return the twin of each alarm (k,): that of its tag, else that of its place in the scene."""
    by_prim = {prim: row for row, prim in reversed(list(enumerate(words.graph.prims))) if prim}
    rows = (
        int(words.tag_row[spec.slot])
        if 0 <= spec.slot < len(words.tag_row)
        else by_prim.get(spec.prim, NOWHERE)
        for spec in specs
    )
    return np.fromiter(rows, np.int64, len(specs))


def by_twin(table: AlarmTable, row: I8) -> Alarms:
    """Return the alarms of a table as they stand; `row` is their twins, as `twins_of` gives them."""
    return Alarms(
        row=row,
        priority=table.priority,
        active=table.active,
        unacknowledged=table.unacknowledged,
        listed=table.listed,
        shelved=table.hidden == SHELVED,
        hidden=table.hidden > 0,
        unverified=table.unverified,
    )


def reading(specs: Sequence[TagSpec], slots: I8, ids: Mapping[int, int], from_ns: int, to_ns: int) -> Reading:
    """Read what tags did from ≤ t < to; `ids` gives the recorder's number of a slot, without those it lacks.

    Use as a generator: it yields questions, is sent their answers and returns the Span of all tags. What
    tells of a person, what is not recorded and what the recorder does not answer stays NaN. Raises
    ProjectFault for more tags than can be asked.
    """
    if len(slots) > MOST:
        raise ProjectFault(
            f"The query asks for the past of {len(slots):,} tags; {MOST:,} at most can be asked.",
            where="query",
            remedy="Name a type, or part of the plant.",
        )
    n = len(specs)
    low, high, mean, share = (np.full(n, np.nan) for _ in range(4))
    known = [s for s in slots.tolist() if s in ids and specs[s].history and specs[s].personal != "direct"]
    for begin in range(0, len(known), AT_ONCE):
        chunk = known[begin : begin + AT_ONCE]
        numbers_of = tuple(ids[slot] for slot in chunk)
        held = _held((yield AskAt(ids=np.array(numbers_of, np.uint32), t_ns=from_ns)))
        # what came before the span still counts in it, for as long as it is not stale
        lead = max(stale_after_ms(specs[slot]) for slot in chunk) * 1_000_000
        got = yield SeriesQuery(ids=numbers_of, from_ns=from_ns - lead, to_ns=to_ns, width=WIDTH)
        if not isinstance(got, SeriesAnswer):
            continue
        for slot, series in zip(chunk, got.series, strict=True):
            before = held.get(ids[slot])
            low[slot], high[slot], mean[slot], share[slot] = _figures(
                specs[slot], series, before, from_ns, to_ns
            )
    return Span(low=low, high=high, mean=mean, share=share)


def _held(answer: object) -> dict[int, tuple[int, float, int]]:
    """Return (time, value, quality rank) of each of the recorder's numbers."""
    if not isinstance(answer, Samples):
        return {}
    batch, ranks = answer.batch, rank(answer.batch.quality)
    return {
        int(batch.slot[i]): (int(batch.source_ns[i]), float(batch.value[i]), int(ranks[i]))
        for i in range(len(batch))  # one row a tag at most
    }


def _figures(
    spec: TagSpec, series: Series, before: tuple[int, float, int] | None, from_ns: int, to_ns: int
) -> tuple[float, float, float, float]:
    limit_s = stale_after_ms(spec) / 1000 if spec.liveness == "tag" else 0.0
    stretch = stretch_of(series, is_step=spec.kind in {"bool", "enum"} or not limit_s, limit_s=limit_s)
    if before is not None and not limit_s:  # only changes are reported: what held before the span holds in it
        stretch = led(stretch, *before)
    unsure = stretch.quality >= UNCERTAIN
    kept = [np.where(unsure, np.nan, of) for of in (stretch.low, stretch.high, stretch.mean)]
    stretch = replace(stretch, low=kept[0], high=kept[1], mean=kept[2])
    found = numbers(stretch, from_ns, to_ns)
    low, high = reach(stretch, from_ns, to_ns)
    return low, high, found.mean, found.good_share
