from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.fault import Fault, StoreFault
from armillary.model.message import Append, AskHistory, Enroll, Hello, HistoryInfo, Stored
from armillary.model.sample import SampleBatch, batch_of
from armillary.model.series import SeriesAnswer, SeriesQuery
from armillary.recorder.keeper import ROWS_AT_ONCE, Keeper, answer

T0 = 1_750_000_200 * NS
A, B = b"peer a", b"peer b"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    held = Store(tmp_path / "history.duckdb")
    yield held
    held.close()


def _batch(first: int, count: int, id_: int = 1) -> SampleBatch:
    t = T0 + np.arange(first, first + count) * NS
    return batch_of(
        np.full(count, id_, np.uint32), np.arange(first, first + count, dtype=np.float64), t, t, 0
    )


def _append(seq: int, session: str = "", id_: int = 1, count: int = 10) -> Append:
    return Append(seq=seq, batch=_batch(seq * 100, count, id_), session=session)


def _kinds(answers: list[tuple[bytes, int, object]]) -> list[tuple[bytes, int, object]]:
    return [(p, n, m.seq if isinstance(m, Stored) else type(m).__name__) for p, n, m in answers]


def test_nothing_is_acknowledged_before_the_commit_and_all_of_it_after(store: Store) -> None:
    keeper = Keeper(store)
    assert keeper.enroll(A, Enroll(tags=("x", "y"))).ids.tolist() == [1, 2]
    for seq in (1, 2):
        keeper.offer(A, 10 + seq, _append(seq), 0)
    keeper.offer(B, 5, _append(1, id_=2), 0)
    assert store.extent().samples == 0
    assert _kinds(keeper.commit()) == [(A, 11, 1), (A, 12, 2), (B, 5, 1)]
    assert store.extent().samples == 30
    assert keeper.commit() == []


def test_a_commit_waits_a_moment_for_more_but_not_with_many_rows(store: Store) -> None:
    keeper = Keeper(store)
    keeper.enroll(A, Enroll(tags=("x",)))
    assert keeper.wait_s(0) > 0
    keeper.offer(A, 1, _append(1), 1 * NS)
    assert 0 < keeper.wait_s(1 * NS) <= 0.5
    assert keeper.wait_s(2 * NS) == 0
    keeper.offer(A, 2, _append(2, count=ROWS_AT_ONCE), 1 * NS)
    assert keeper.wait_s(1 * NS) == 0


def test_what_a_session_sends_again_is_acknowledged_and_kept_once(store: Store) -> None:
    keeper = Keeper(store)
    keeper.enroll(A, Enroll(tags=("x",)))
    for number, seq in enumerate((1, 2, 2)):
        keeper.offer(A, number, _append(seq, "world"), 0)
    assert [m for _, _, m in _kinds(keeper.commit())] == [1, 2, 2]
    keeper.offer(B, 9, _append(2, "world"), 0)
    keeper.offer(B, 10, _append(3, "world"), 0)
    assert sorted(n for _, n, _ in _kinds(keeper.commit())) == [9, 10]
    assert store.extent().samples == 30
    keeper.offer(B, 11, _append(1, "another world"), 0)
    keeper.commit()
    assert store.extent().samples == 40


def test_a_session_is_known_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "history.duckdb"
    first = Store(path)
    keeper = Keeper(first)
    keeper.enroll(A, Enroll(tags=("x",)))
    keeper.offer(A, 1, _append(7, "world"), 0)
    keeper.commit()
    first.close()
    second = Store(path)
    keeper = Keeper(second)
    keeper.enroll(B, Enroll(tags=("x",)))
    keeper.offer(B, 1, _append(7, "world"), 0)
    assert _kinds(keeper.commit()) == [(B, 1, 7)]
    assert second.extent().samples == 10
    second.close()


def test_without_a_session_only_the_connection_counts(store: Store) -> None:
    keeper = Keeper(store)
    keeper.enroll(A, Enroll(tags=("x",)))
    keeper.offer(A, 1, _append(1), 0)
    keeper.commit()
    keeper.offer(A, 2, _append(1), 0)
    keeper.commit()
    assert store.extent().samples == 10
    keeper.offer(B, 1, _append(1), 0)
    keeper.commit()
    assert store.extent().samples == 20


def test_a_refused_message_stops_its_sender_until_it_enrols_again_and_nobody_else(store: Store) -> None:
    keeper = Keeper(store)
    keeper.enroll(B, Enroll(tags=("x",)))
    keeper.offer(A, 1, _append(1, "a", id_=99), 0)
    keeper.offer(A, 2, _append(2, "a"), 0)
    keeper.offer(B, 3, _append(1, "b"), 0)
    assert _kinds(keeper.commit()) == [(A, 1, "StoreFault"), (A, 2, "StoreFault"), (B, 3, 1)]
    keeper.offer(A, 4, _append(3, "a"), 0)
    assert _kinds(keeper.commit()) == [(A, 4, "StoreFault")]
    assert store.extent().samples == 10
    keeper.enroll(A, Enroll(tags=("x",)))
    for number, seq in ((5, 1), (6, 2), (7, 2)):
        keeper.offer(A, number, _append(seq, "a"), 0)
    assert [m for _, _, m in _kinds(keeper.commit())] == [1, 2, 2]
    assert store.extent().samples == 30


def test_a_message_repeated_beside_its_refused_first_is_not_acknowledged(store: Store) -> None:
    keeper = Keeper(store)
    keeper.offer(A, 1, _append(1, "a", id_=99), 0)
    keeper.offer(A, 2, _append(1, "a", id_=99), 0)
    assert {kind for _, _, kind in _kinds(keeper.commit())} == {"StoreFault"}


def test_looking_up_a_tag_does_not_make_it(store: Store) -> None:
    keeper = Keeper(store)
    assert keeper.enroll(A, Enroll(tags=("x",), create=False)).ids.tolist() == [0]
    assert dict(store.known()) == {}


def test_questions_are_answered(store: Store) -> None:
    keeper = Keeper(store)
    keeper.enroll(A, Enroll(tags=("x",)))
    keeper.offer(A, 1, _append(0, count=5), 0)
    keeper.offer(A, 2, _append(1, count=5), 0)
    keeper.commit()
    got = answer(
        store, SeriesQuery(ids=(1,), from_ns=T0 + 100 * NS, to_ns=T0 + 200 * NS, width=10, request=3)
    )
    assert isinstance(got, SeriesAnswer)
    assert got.request == 3
    assert got.series[0].mean.tolist() == [100.0, 101.0, 102.0, 103.0, 104.0]
    info = answer(store, AskHistory())
    assert isinstance(info, HistoryInfo)
    assert (info.tags, info.samples, info.first_ns) == (("x",), 10, T0)
    odd = answer(store, Hello(actor="a", desk="d"))
    assert isinstance(odd, Fault)
    assert "Hello" in odd.what


def test_people_are_not_told_of_marks(store: Store) -> None:
    assert Keeper(store).enroll(A, Enroll(tags=("x", "~alarm:hot"))).ids.tolist() == [1, 2]
    info = answer(store, AskHistory())
    assert isinstance(info, HistoryInfo)
    assert info.tags == ("x",)


def test_a_read_only_recorder_answers_and_refuses_samples(tmp_path: Path, store: Store) -> None:
    keeper = Keeper(store)
    keeper.enroll(A, Enroll(tags=("x",)))
    keeper.offer(A, 1, _append(1), 0)
    keeper.commit()
    store.close()
    reader = Store(tmp_path / "history.duckdb", read_only=True)
    keeper = Keeper(reader)
    assert keeper.enroll(A, Enroll(tags=("x",))).ids.tolist() == [1]
    with pytest.raises(StoreFault, match="read-only"):
        keeper.enroll(A, Enroll(tags=("new",)))
    keeper.offer(A, 1, _append(2), 0)
    assert _kinds(keeper.commit()) == [(A, 1, "StoreFault")]
    reader.close()
