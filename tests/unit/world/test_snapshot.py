"""Snapshot files: restored exactly, or refused with one clear sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from armillary.model.alarm import AlarmState, ProcessState
from armillary.model.control import StateAnswer
from armillary.model.fault import ProjectFault
from armillary.world import snapshot

T = 1_750_000_000_000_000_000


def state(n: int = 3, **more: object) -> StateAnswer:
    fields: dict[str, object] = {
        "world": "live-1",
        "kind": "LIVE",
        "project_hash": "ab",
        "seq": 7,
        "t_ns": T,
        "tags": tuple(f"T-{i}.level" for i in range(n)),
        "units": ("m",) * n,
        "value": np.arange(n, dtype=np.float64),
        "source_ns": np.full(n, T, np.int64),
        "arrival_ns": np.full(n, T + 5, np.int64),
        "quality": np.array([0, 3, 5][:n], np.uint16),
        "text": {1: "hei"},
        "alarms": (AlarmState(id="high", process=ProcessState.UNACK, occurrence="o1", raised_ns=T),),
        "simulator": b"\x00\x01state",
        "model": {"wear": 0.25},
    } | more
    return StateAnswer(**fields)  # type: ignore[arg-type]  # a test's own table of fields


def same(a: StateAnswer, b: StateAnswer) -> None:
    for name in StateAnswer.__dataclass_fields__:
        left, right = getattr(a, name), getattr(b, name)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype
            assert left.tobytes() == right.tobytes(), name
        elif name == "alarms":
            assert repr(left) == repr(right)  # NaN is in it
        else:
            assert left == right, name


@given(
    value=hnp.arrays(np.float64, 3, elements=st.floats(width=64)),
    text=st.dictionaries(st.integers(0, 2), st.text(max_size=20)),
    simulator=st.binary(max_size=200),
)
@settings(max_examples=40, deadline=None)
def test_state_is_restored_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, value: np.ndarray, text: dict[int, str], simulator: bytes
) -> None:
    taken = state(value=value, text=text, simulator=simulator)
    info = snapshot.write(taken, tmp_path_factory.mktemp("s"), T + 9, "before noon")
    read, restored = snapshot.read(Path(info.path))
    assert read == info
    same(restored, taken)


def test_head_tells_what_was_not_good(tmp_path: Path) -> None:
    info = snapshot.write(state(), tmp_path, T)
    assert info.not_good == ("T-1.level", "T-2.level")
    assert info.tags == 3


def test_same_moment_twice_makes_two_files(tmp_path: Path) -> None:
    first, second = (snapshot.write(state(), tmp_path, T + i, "x") for i in range(2))
    assert first.path != second.path
    found, broken = snapshot.listed(tmp_path)
    assert [i.taken_ns for i in found] == [T + 1, T]
    assert not broken


def _damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    line, _, body = data.partition(b"\n")
    if how == "half":
        path.write_bytes(data[:-10])
    elif how == "changed":
        path.write_bytes(line + b"\n" + body[:-3] + bytes([body[-3] ^ 1]) + body[-2:])
    elif how == "newer":
        path.write_bytes(json.dumps(json.loads(line) | {"schema": 2}).encode() + b"\n" + body)
    elif how == "cut head":
        path.write_bytes(line[:40])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.write_bytes(b"\x89PNG\r\n not this")


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ("half", "half written"),
        ("changed", "checksum"),
        ("newer", "newer Armillary"),
        ("cut head", "no snapshot"),
        ("empty", "no snapshot"),
        ("other", "no snapshot"),
    ],
)
def test_broken_snapshot_is_refused_in_words(tmp_path: Path, how: str, word: str) -> None:
    path = Path(snapshot.write(state(), tmp_path, T).path)
    _damage(path, how)
    with pytest.raises(ProjectFault, match=word) as caught:
        snapshot.read(path)
    assert caught.value.remedy
    assert str(path) == caught.value.where


def test_list_names_the_broken_and_goes_on(tmp_path: Path) -> None:
    snapshot.write(state(), tmp_path, T, "good")
    _damage(Path(snapshot.write(state(), tmp_path, T, "bad").path), "half")
    found, broken = snapshot.listed(tmp_path)
    assert [i.title for i in found] == ["good"]
    assert "half written" in broken[0].what


def test_folder_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ProjectFault, match="cannot be written"):
        snapshot.write(state(), tmp_path / "file", T)
