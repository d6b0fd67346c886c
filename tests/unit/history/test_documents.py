"""Documents are kept beside the samples and found again by time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from armillary.history import documents
from armillary.history.store import Store
from armillary.model.fault import StoreFault
from armillary.model.message import AskKept, AskKeptList, Done, Keep, Kept, KeptList
from armillary.recorder.keeper import Keeper, answer
from armillary.wire.codec import pack, unpack


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    held = Store(tmp_path / "history.duckdb")
    yield held
    held.close()


def test_the_newest_at_or_before_a_time_is_found(store: Store) -> None:
    store.keep("bindings", "v1", 100, b"\x00one")
    store.keep("bindings", "v2", 200, b"two")
    store.keep("alarms", "a", 150, b"other")
    assert store.kept("bindings", 99) is None
    assert store.kept("bindings", 199) == ("v1", 100, b"\x00one")
    assert store.kept("bindings", 200) == ("v2", 200, b"two")
    assert store.kept("bindings", 900, "v1") == ("v1", 100, b"\x00one")
    assert store.kept_list("bindings", 0, 200) == [("v1", 100)]
    assert store.kept_list("bindings", 0, 201) == [("v1", 100), ("v2", 200)]


def test_equal_contents_are_on_disk_once_and_a_version_may_return(store: Store) -> None:
    for t_ns, key in ((1, "v1"), (2, "v2"), (3, "v1"), (3, "v1")):
        store.keep("bindings", key, t_ns, b"same" if key == "v1" else b"else")
    with store._base.reading() as (cursor, _):
        assert cursor.execute("SELECT count(*) FROM content").fetchall() == [(2,)]
    assert store.kept_list("bindings", 0, 9) == [("v1", 1), ("v2", 2), ("v1", 3)]
    assert store.kept("bindings", 9) == ("v1", 3, b"same")


def test_of_one_time_the_last_that_was_kept_counts(store: Store) -> None:
    store.keep("bindings", "a", 5, b"a")
    store.keep("bindings", "b", 5, b"b")
    assert store.kept("bindings", 5) == ("b", 5, b"b")


def test_they_are_there_after_a_restart_and_for_a_reader(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.duckdb")
    store.keep("twins", "k", 7, b"{}")
    store.close()
    store = Store(tmp_path / "h.duckdb", read_only=True)
    assert store.kept("twins", 8) == ("k", 7, b"{}")
    with pytest.raises(StoreFault, match="read-only"):
        store.keep("twins", "k", 8, b"{}")
    store.close()


def test_a_reader_of_a_history_of_before_there_were_documents_finds_none(tmp_path: Path) -> None:
    store = Store(tmp_path / "h.duckdb")
    with store._base.writing() as cursor:
        cursor.execute("DROP TABLE document; DROP TABLE content")
    store.close()
    store = Store(tmp_path / "h.duckdb", read_only=True)
    assert store.kept("twins", 8) is None
    assert store.kept_list("twins", 0, 8) == []
    store.close()


def test_a_document_that_is_too_big_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 10)
    with pytest.raises(StoreFault, match="not kept beside"):
        store.keep("bindings", "big", 1, b"x" * 11)


def test_the_recorder_keeps_and_answers(store: Store) -> None:
    assert Keeper(store).keep(Keep(kind="bindings", key="v1", t_ns=4, data=b"\xff")) == Done()
    asked = unpack(pack(AskKept(kind="bindings", t_ns=4)))
    assert unpack(pack(answer(store, asked))) == Kept(found=True, key="v1", t_ns=4, data=b"\xff")
    assert answer(store, AskKept(kind="bindings", t_ns=3)) == Kept()
    listed = answer(store, AskKeptList(kind="bindings", from_ns=0, to_ns=9))
    assert unpack(pack(listed)) == KeptList(keys=("v1",), t_ns=(4,))
