from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from armillary.model.sample import SampleBatch, batch_of
from armillary.world.spool import ROW_BYTES, Spool

IDS = np.array([11, 0, 13], np.uint32)


def batch(*slots: int) -> SampleBatch:
    n = len(slots)
    return batch_of(np.array(slots, np.uint32), np.arange(n, dtype=float), np.arange(n, dtype=np.int64), 0, 0)


def test_nothing_is_sent_before_the_recorder_has_given_ids() -> None:
    spool = Spool()
    spool.offer(batch(0))
    assert spool.due() == []
    spool.enrolled(IDS)
    [append] = spool.due()
    assert append.batch.slot.tolist() == [11]


def test_a_tag_that_is_not_recorded_is_left_out() -> None:
    spool = Spool()
    spool.enrolled(IDS)
    spool.offer(batch(0, 1, 2))
    assert spool.due()[0].batch.slot.tolist() == [11, 13]


def test_what_was_not_acknowledged_is_sent_again_with_the_same_number() -> None:
    spool = Spool()
    spool.enrolled(IDS)
    spool.offer(batch(0))
    [first] = spool.due()
    assert spool.due() == []
    spool.enrolled(IDS)
    [again] = spool.due()
    assert again.seq == first.seq


@given(st.lists(st.integers(1, 4), max_size=20), st.lists(st.integers(0, 20), max_size=10))
def test_history_never_loses_a_row_without_counting_it(offers: list[int], acks: list[int]) -> None:
    spool = Spool(limit_bytes=20 * ROW_BYTES)
    spool.enrolled(IDS)
    for rows in offers:
        spool.offer(batch(*([0] * rows)))
        spool.due()
        if acks:
            spool.acknowledged(acks.pop())
        assert spool.offered == spool.stored + spool.waiting + spool.dropped
        assert spool.waiting <= 20
