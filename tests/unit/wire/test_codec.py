from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.model.fault import FaultRecord, LinkFault, WorldFault, record
from armillary.model.frame import Flow, Tally, WorldKind, empty_frame, frame_of
from armillary.model.message import Arrays, Credit
from armillary.model.tags import TagTable
from armillary.wire.codec import pack, unpack


@given(st.lists(st.floats(allow_nan=False), max_size=50), st.lists(st.integers(-(2**62), 2**62), max_size=50))
def test_arrays_come_back_as_they_went(values: list[float], times: list[int]) -> None:
    sent = Arrays(f8=np.array(values, np.float64), i8=np.array(times, np.int64))
    got = unpack([bytes(p) for p in pack(sent)])
    assert isinstance(got, Arrays)
    assert got.f8.tolist() == values
    assert got.i8.tolist() == times


def test_a_frame_survives_the_wire_with_kind_text_and_tallies() -> None:
    table = TagTable(3)
    table.value[1] = 86.4
    table.text[1] = "open"
    table.why[1], table.why[2] = "null", "not among the rows"
    messages = Flow(received=3, done=2, dropped={"undecodable": 1})
    tally = Tally(messages=messages, samples=Flow(received=2, done=2))
    base = empty_frame("w", WorldKind.LIVE)
    base = type(base)(**{**{f: getattr(base, f) for f in base.__slots__}, "tally": {"plc": tally}})
    got = unpack([bytes(p) for p in pack(frame_of(table, np.array([1], np.uint32), base))])
    assert (got.kind, got.value.tolist(), got.text) == (WorldKind.LIVE, [86.4], ((1, "open"),))  # type: ignore[attr-defined]
    assert got.why == ((1, "null"),)  # type: ignore[attr-defined]
    assert got.tally["plc"].messages.balanced  # type: ignore[attr-defined]


def test_a_received_array_cannot_be_written() -> None:
    got = unpack([bytes(p) for p in pack(Arrays(f8=np.zeros(2), i8=np.zeros(2, np.int64)))])
    with pytest.raises(ValueError, match="read-only"):
        got.f8[0] = 1.0  # type: ignore[attr-defined]


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_rubbish_is_a_fault_and_never_anything_else(parts: list[bytes]) -> None:
    with pytest.raises(WorldFault):
        unpack(parts)


def test_another_protocol_version_is_named() -> None:
    parts = pack(Credit(seq=1))
    with pytest.raises(WorldFault, match="version 9"):
        unpack([b"9:Credit", *parts[1:]])


def test_a_record_that_is_not_listed_cannot_be_sent() -> None:
    with pytest.raises(TypeError, match="TYPES"):
        pack({"a": 1})


def test_a_fault_keeps_its_kind_across_processes() -> None:
    got = unpack([bytes(p) for p in pack(record(LinkFault("Lost.", where="plc", remedy="Wait.")))])
    assert isinstance(got, FaultRecord)
    assert isinstance(got.fault(), LinkFault)
