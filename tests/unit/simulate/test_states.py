"""A run's state says what it is, comes back bit for bit, and is refused when it is another's or broken."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from armillary.model.fault import WorldFault
from armillary.model.simulation import SimStart, Values, values_of
from armillary.simulate.states import Course, course_packed, course_unpacked, fits, packed, unpacked

HEAD = {"how": "state", "model": "Tank", "version": "1", "t_ns": 7}


def test_a_state_comes_back() -> None:
    head, data = unpacked(packed(HEAD, b"\x00\xffpayload"))
    assert head == HEAD
    assert data == b"\x00\xffpayload"


@pytest.mark.parametrize("cut", [0, 5, 18, 30])
def test_a_state_cut_in_its_head_is_refused(cut: int) -> None:
    with pytest.raises(WorldFault, match="cannot be read"):
        unpacked(packed(HEAD, b"")[:cut])


def test_a_head_that_is_no_object_is_refused() -> None:
    good = packed({"t_ns": 1}, b"")
    with pytest.raises(WorldFault, match="no head"):
        unpacked(good.replace(b'{"t_ns": 1}', b'["t_ns",1] '))


def test_a_state_of_another_version_is_refused() -> None:
    fits(HEAD, {"model": "Tank", "version": "1"})
    with pytest.raises(WorldFault, match="of another version: '1', not '2'"):
        fits(HEAD, {"version": "2"})


def test_a_course_comes_back_bit_for_bit() -> None:
    rng = np.random.default_rng(3)
    course = Course(
        start=SimStart(t_ns=5, members=3, seed=9, initial=values_of({"h": rng.normal(size=3)})),
        to_ns=[10, 15, 1_000_000_000_000_000_001],
        changes=[(0, values_of({"q": 0.1 + 0.2})), (2, values_of({"q": rng.normal(size=3), "p": 1e-310}))],
    )
    back = course_unpacked(course_packed(course))
    assert [*back.to_ns] == [*course.to_ns]
    assert (back.start.t_ns, back.start.members, back.start.seed) == (5, 3, 9)
    assert back.start.initial.data.tobytes() == course.start.initial.data.tobytes()
    assert back.start.inputs.names == ()
    for (a, x), (b, y) in zip(back.changes, course.changes, strict=True):
        assert (a, x.names) == (b, y.names)
        assert x.data.tobytes() == y.data.tobytes()


@pytest.mark.parametrize("data", [b"", b"junk", zlib.compress(b"{}"), zlib.compress(b"[")])
def test_bytes_that_hold_no_course_are_refused(data: bytes) -> None:
    with pytest.raises(WorldFault, match="cannot be read"):
        course_unpacked(data)


def test_a_course_cut_off_is_refused() -> None:
    whole = course_packed(Course(start=SimStart(t_ns=0, inputs=Values())))
    with pytest.raises(WorldFault, match="cannot be read"):
        course_unpacked(whole[:-3])
