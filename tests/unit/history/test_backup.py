"""A backup is made beside appending and put back; a crash or a damaged copy costs nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from armillary.history import backup
from armillary.history.parts import DAY_NS
from armillary.history.store import Store
from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.message import NOT_ENROLLED, Append, BackedUp, BackUp, Enroll, PutBack, Stored
from armillary.model.sample import SampleBatch, batch_of, joined
from armillary.recorder.keeper import Keeper, answer

T0 = 1_750_032_000 * NS
NOW = T0 + 100 * DAY_NS
ID = np.array([1], np.uint32)


def batch(first: int, count: int = 1_000, id_: int = 1) -> SampleBatch:
    t = T0 + (first + np.arange(count)) * 60 * NS
    return batch_of(np.full(count, id_, np.uint32), first + np.arange(float(count)), t, t, 0)


def filled(path: Path) -> Store:
    """Return a store with two sealed days and some that is hot, a text, a document and a session."""
    store = Store(path)
    store.names(["a", "b"], ["m", ""])
    store.append(batch(0, 2_880), {"w": 3})
    while store.tidy(NOW):
        pass
    store.append(batch(2_880, 100))
    store.append(batch_of(ID, np.ones(1), np.array([NOW]), np.array([NOW]), 0, text={0: "hot"}))
    store.keep("bindings", "v1", T0, b"one")
    return store


def everything(store: Store) -> SampleBatch:
    return joined(list(store.between(ID, 0, 2**62)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "project" / "history.duckdb"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backup"


def shown(store: Store, before: SampleBatch) -> None:
    """Check that a store holds what it held, with all that is beside the samples."""
    got = everything(store)
    assert got.value.tolist() == before.value.tolist()
    assert got.text == before.text == {2_980: "hot"}
    assert dict(store.known()) == {"a": 1, "b": 2}
    assert store.received("w") == 3
    assert store.kept("bindings", NOW) == ("v1", T0, b"one")


def test_a_backup_put_back_is_what_was_there(path: Path, folder: Path) -> None:
    store = filled(path)
    before = everything(store)
    saved = store.backup(folder, NOW)
    assert (saved.samples, saved.copied) == (2_981, saved.bytes)
    store.append(batch(5_000))
    store.names(["later"])
    store.forget(T0 + DAY_NS, None)
    after = everything(store)
    aside = store.restore(folder, NOW)
    shown(store, before)
    store.append(batch(9_000, 1))
    store.close()
    again = Store(path)
    again.forget(NOW, None)  # the restored parts are worked on as any
    assert again.extent().samples == 1
    again.close()
    old = Store(aside / path.name)
    assert everything(old).value.tolist() == after.value.tolist()
    old.close()
    assert sorted(p.name for p in path.parent.iterdir()) == [
        "history",
        aside.name,
        "history.duckdb",
    ]


def test_a_second_backup_copies_only_what_is_new(path: Path, folder: Path) -> None:
    store = filled(path)
    first = store.backup(folder, NOW)
    segments = {p.name: p.stat().st_ino for p in (folder / "segments").iterdir()}
    store.append(batch(5_000))
    second = store.backup(folder, NOW + NS)
    assert second.samples == first.samples + 1_000
    assert second.copied < second.bytes
    assert {p.name: p.stat().st_ino for p in (folder / "segments").iterdir()} == segments
    assert len(list(folder.glob("history-*.duckdb"))) == 1
    store.restore(folder, NOW)
    assert store.extent().samples == second.samples
    store.close()


def test_appending_goes_on_while_a_backup_is_made(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(path)
    copied = backup._copied

    def slow(source: Path, to: Path) -> None:
        writer = threading.Thread(target=store.append, args=(batch(7_000, 10),))
        writer.start()
        writer.join(30)
        assert not writer.is_alive()
        copied(source, to)

    with monkeypatch.context() as patch:
        patch.setattr(backup, "_copied", slow)
        saved = store.backup(folder, NOW)
    assert saved.samples == 2_981  # as it was when it began
    assert store.extent().samples > 2_981
    store.restore(folder, NOW)
    assert store.extent().samples == 2_981
    store.close()


def test_a_damaged_backup_is_refused_and_nothing_changes(path: Path, folder: Path) -> None:
    store = filled(path)
    store.backup(folder, NOW)
    segment = next((folder / "segments").glob("*.samples.parquet"))
    data = bytearray(segment.read_bytes())
    data[100] ^= 1
    segment.write_bytes(bytes(data))
    with pytest.raises(StoreFault, match="damaged: segments/"):
        store.restore(folder, NOW)
    assert store.extent().samples == 2_981
    assert not list(path.parent.glob("*restor*"))
    store.close()


@pytest.mark.parametrize("content", [None, b"{", b'{"schema": 99, "files": {}}'])
def test_what_is_no_backup_is_refused(path: Path, folder: Path, content: bytes | None) -> None:
    store = filled(path)
    folder.mkdir()
    (folder / "mine.txt").write_text("sacred")
    if content is None:
        with pytest.raises(StoreFault, match="something else"):
            store.backup(folder, NOW)
    else:
        (folder / "backup.json").write_bytes(content)
        with pytest.raises(StoreFault, match=r"cannot be read|version 99"):
            store.backup(folder, NOW)
    with pytest.raises(StoreFault, match=r"no backup|cannot be read|version 99"):
        store.restore(folder, NOW)
    assert (folder / "mine.txt").read_text() == "sacred"
    store.close()


@pytest.mark.parametrize("renames", range(5))
def test_a_crash_while_a_backup_is_put_back_is_finished_at_the_next_start(
    path: Path, folder: Path, renames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(path)
    store.backup(folder, NOW)
    store.append(batch(5_000))
    rename, done = Path.rename, []

    def dying(self: Path, target: Path) -> Path:
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(self)
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", dying)
        if renames < 4:
            with pytest.raises(KeyboardInterrupt):
                store.restore(folder, NOW)
    store.close()
    again = Store(path)
    assert again.extent().samples == (2_981 if renames < 4 else 3_981)
    assert len(everything(again)) == again.extent().samples
    again.close()


def test_whoever_appends_must_enrol_again_after_a_restore(path: Path, folder: Path) -> None:
    store = filled(path)
    keeper = Keeper(store)
    assert isinstance(answer(store, BackUp(folder=str(folder))), BackedUp)
    keeper.enroll(b"p", Enroll(tags=("new", "a")))
    keeper.put_back(PutBack(folder=str(folder)), NOW)
    keeper.offer(b"p", 1, Append(seq=1, batch=batch(6_000, id_=3), session="s"), 0)
    ((_, _, refused),) = keeper.commit()
    assert isinstance(refused, StoreFault)
    assert refused.what == NOT_ENROLLED
    assert keeper.enroll(b"p", Enroll(tags=("other", "new"))).ids.tolist() == [3, 4]
    keeper.offer(b"p", 2, Append(seq=1, batch=batch(6_000, id_=4), session="s"), 0)
    assert keeper.commit() == [(b"p", 2, Stored(seq=1))]
    store.close()
