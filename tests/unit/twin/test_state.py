from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.model.frame import WorldKind, apply_frame, empty_frame, frame_of
from armillary.model.quality import BAD, COMM, DECODE, GOOD, NEVER, STALE
from armillary.model.sample import HISTORICAL, RETAINED, SampleBatch, batch_of, joined, taken
from armillary.model.tags import TagTable
from armillary.twin.state import APPLIED, COALESCED, DUPLICATE, LATE, NO_BINDING, apply, mark


def rows(*given: tuple[int, float, int], mono: int = 100, **more: object) -> SampleBatch:
    slot, value, source = zip(*given, strict=True)
    return batch_of(
        np.array(slot, np.uint32),
        np.array(value, np.float64),
        np.array(source, np.int64),
        1_000,
        mono + np.arange(len(given)),
        **more,  # type: ignore[arg-type]
    )


def test_the_last_row_of_a_slot_is_its_value_and_the_others_are_coalesced() -> None:
    table = TagTable(3)
    done = apply(table, rows((1, 5.0, 10), (0, 7.0, 10), (1, 6.0, 11)))
    assert table.value[:2].tolist() == [7.0, 6.0]
    assert done.outcome.tolist() == [COALESCED, APPLIED, APPLIED]
    assert (done.applied, done.coalesced, done.late, done.duplicate) == (2, 1, 0, 0)
    assert table.take_dirty().tolist() == [0, 1]
    assert table.quality.tolist() == [GOOD, GOOD, NEVER]


def test_a_late_sample_never_becomes_the_value_but_is_counted() -> None:
    table = TagTable(1)
    apply(table, rows((0, 1.0, 50)))
    table.take_dirty()
    done = apply(table, rows((0, 2.0, 40)))
    assert table.value[0] == 1.0
    assert (done.coalesced, done.late) == (1, 1)
    assert table.take_dirty().tolist() == []


def test_a_sample_late_within_one_batch_does_not_win_by_coming_last() -> None:
    table = TagTable(1)
    done = apply(table, rows((0, 1.0, 50), (0, 2.0, 40), (0, 3.0, 60), (0, 4.0, 55)))
    assert table.value[0] == 3.0
    assert done.outcome.tolist() == [COALESCED, LATE, APPLIED, LATE]


def test_a_duplicate_changes_nothing_but_proves_the_tag_alive() -> None:
    table = TagTable(1)
    apply(table, rows((0, 1.0, 50), mono=100))
    seq = int(table.seq[0])
    done = apply(table, rows((0, 1.0, 50), mono=900))
    assert done.outcome.tolist() == [DUPLICATE]
    assert int(table.seq[0]) == seq
    assert table.arrival_mono_ns[0] == table.alive_mono_ns[0] == 900


def test_a_retained_duplicate_proves_nothing() -> None:
    table = TagTable(1)
    apply(table, rows((0, 1.0, 50), mono=100))
    done = apply(table, rows((0, 1.0, 50), mono=900, flags=np.array([RETAINED], np.uint8)))
    assert done.duplicate == 1
    assert table.alive_mono_ns[0] == 100


def test_a_stale_tag_recovers_when_the_same_sample_is_confirmed_live() -> None:
    table = TagTable(1)
    apply(table, rows((0, 1.0, 50)))
    mark(table, np.array([0], np.uint32), STALE | COMM)
    assert table.quality[0] == STALE | COMM
    done = apply(table, rows((0, 1.0, 50)))
    assert done.applied == 1
    assert table.quality[0] == GOOD


def test_a_correction_with_the_same_time_wins() -> None:
    table = TagTable(1)
    apply(table, rows((0, 1.0, 50)))
    done = apply(table, rows((0, 2.0, 50)))
    assert done.applied == 1
    assert table.value[0] == 2.0


def test_a_historical_sample_is_late_even_when_it_is_the_first() -> None:
    table = TagTable(1)
    done = apply(table, rows((0, 1.0, 50), flags=np.array([HISTORICAL], np.uint8)))
    assert done.late == 1
    assert table.quality[0] == NEVER
    assert table.alive_mono_ns[0] == 0


def test_a_slot_in_no_table_is_counted_and_harms_nothing() -> None:
    table = TagTable(1)
    done = apply(table, rows((9, 1.0, 50), (0, 2.0, 50)))
    assert done.outcome.tolist() == [NO_BINDING, APPLIED]
    assert done.no_binding == 1


def test_an_empty_batch_does_nothing() -> None:
    table = TagTable(1)
    done = apply(table, rows((0, 1.0, 1), mono=1))
    empty = apply(table, batch_of(*(np.zeros(0, t) for t in (np.uint32, np.float64, np.int64)), 0, 0))
    assert done.applied == 1
    assert (empty.applied, len(empty.outcome)) == (0, 0)


def test_text_follows_its_value_and_goes_when_a_number_comes() -> None:
    table = TagTable(1)
    nan = float("nan")
    apply(table, rows((0, nan, 50), text={0: "running"}))
    assert table.text == {0: "running"}
    assert apply(table, rows((0, nan, 50), text={0: "running"})).duplicate == 1
    assert apply(table, rows((0, nan, 50), text={0: "stopped"})).applied == 1
    assert table.text == {0: "stopped"}
    apply(table, rows((0, nan, 60), quality=np.array([BAD | DECODE], np.uint16)))
    assert table.text == {}


def test_why_a_value_is_bad_goes_with_the_next_value_of_its_tag() -> None:
    table = TagTable(2)
    bad = np.array([BAD | DECODE, BAD | DECODE], np.uint16)
    nan = float("nan")
    batch = rows((0, nan, 50), (1, nan, 50), quality=bad)
    batch = replace(batch, why={0: "null", 1: "not JSON at byte 3"})
    apply(table, taken(joined([batch, rows((1, 1.0, 40))]), np.array([1, 0, 2])))  # the last one is late
    assert table.why == {0: "null", 1: "not JSON at byte 3"}
    apply(table, rows((0, 2.0, 60)))
    assert table.why == {1: "not JSON at byte 3"}


def test_a_mirror_forgets_words_that_a_frame_does_not_repeat() -> None:
    table, mirror = TagTable(2), TagTable(2)
    table.why.update({0: "null", 1: "null"})
    base = empty_frame("w", WorldKind.LIVE)
    apply_frame(mirror, frame_of(table, np.array([0, 1], np.uint32), base))
    del table.why[0]
    apply_frame(mirror, frame_of(table, np.array([0], np.uint32), base))
    assert mirror.why == {1: "null"}  # slot 1 was not in the second frame


def test_marking_only_worsens_and_keeps_reasons() -> None:
    table = TagTable(2)
    apply(table, rows((0, 1.0, 50)))
    apply(table, rows((1, float("nan"), 50), quality=np.array([BAD | DECODE], np.uint16)))
    mark(table, np.array([0, 1], np.uint32), STALE | COMM)
    assert table.quality.tolist() == [STALE | COMM, BAD | DECODE | COMM]
