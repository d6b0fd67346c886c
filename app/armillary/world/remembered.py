"""What an area's tags were last, from the history: whoever takes an area over begins with it, as stale.

So nothing that was known is unknown after a takeover, and what a server sends again is seen to be old: no
alarm counts it twice.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from armillary.model.clock import Clock
from armillary.model.fault import Fault
from armillary.model.message import AskAt, Enroll, Enrolled, Samples
from armillary.model.quality import COMM, STALE, worst
from armillary.model.sample import RETAINED, SampleBatch, batch_of
from armillary.model.tags import TagSpec
from armillary.wire.bus import Line, served

ANSWER_S = 3.0  # a busy recorder has that; without an answer the tags begin unknown
log = logging.getLogger(__name__)


def last_known(recorder: str, specs: Sequence[TagSpec], clock: Clock) -> SampleBatch | None:
    """Return a row for each tag that the history knows, STALE; None where no recorder answers soon.

    Derived tags are left out: they follow from the others.
    """
    if not served(recorder):
        return None
    own = [spec for spec in specs if not spec.expression]
    line = Line(recorder)
    try:
        enrolled = line.ask(Enroll(tags=tuple(spec.name for spec in own), create=False), ANSWER_S)
        if not isinstance(enrolled, Enrolled):
            return None
        ids = enrolled.ids
        answer = line.ask(AskAt(ids=ids[ids > 0], t_ns=clock.now_ns()), ANSWER_S)
    except Fault as fault:
        log.info("what the tags were last is not known: %s", fault)
        return None
    finally:
        line.close()
    return None if not isinstance(answer, Samples) else stale_rows(answer.batch, own, ids.tolist(), clock)


def stale_rows(
    rows: SampleBatch, own: Sequence[TagSpec], ids: Sequence[int], clock: Clock
) -> SampleBatch | None:
    """Return rows by slot, at least STALE; `ids`: the store's, one for each tag, 0 = it has none."""
    slot_of = {id_: spec.slot for spec, id_ in zip(own, ids, strict=True) if id_}
    if not len(rows) or not slot_of:
        return None
    ago = np.maximum(clock.now_ns() - rows.arrival_ns, 0)
    return batch_of(
        np.array([slot_of[id_] for id_ in rows.slot.tolist()], np.uint32),
        rows.value,
        rows.source_ns,
        rows.arrival_ns,
        np.maximum(clock.now_mono_ns() - ago, 1),
        quality=worst(rows.quality, np.full(len(rows), STALE | COMM, np.uint16)),
        flags=np.full(len(rows), RETAINED, np.uint8),
        text=rows.text,
    )
