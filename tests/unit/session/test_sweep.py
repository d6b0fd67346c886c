"""Test values: what a binding is swept over, and how they lie over the plant's in the picture."""

import numpy as np
import pytest

from armillary.model.binding import Binding, MapSpec
from armillary.model.quality import BAD, MANUAL, SUBSTITUTED
from armillary.model.tags import TagSpec, TagTable
from armillary.session.showing import overlaid
from armillary.session.sweep import Span, like, planned, share, span_of

VALVE = TagSpec(slot=3, name="V-1.pos", unit="%", low=0.0, high=100.0)
STATE = TagSpec(slot=4, name="V-1.state", kind="enum", states=((0.0, "open"), (2.0, "shut")))
RAW = TagSpec(slot=5, name="V-1.raw")
WORDS = TagSpec(slot=6, name="V-1.note", kind="text")
SPECS = {s.name: s for s in (VALVE, STATE, RAW, WORDS)}


def bound(signal: str = "V-1.raw", channel: str = "rotate", **of_map: object) -> Binding:
    return Binding(name="b", prim="/V", signal=signal, channel=channel, map=MapSpec(**of_map))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("binding", "span"),
    [
        (bound(scale=0.9, clamp=(0.0, 90.0)), Span(0.0, 100.0)),
        (bound(scale=-2.0, offset=10.0, clamp=(0.0, 10.0)), Span(0.0, 5.0)),
        (Binding(name="b", prim="/V", signal="V-1.raw", ends=(20.0, 90.0)), Span(20.0, 90.0)),
        (bound("V-1.pos", kind="expr", expr="x * 2"), Span(0.0, 100.0)),
        (bound(kind="expr", expr="x * 2"), Span(0.0, 1.0)),
        (bound("V-1.state", kind="none"), Span(0.0, 2.0, (0.0, 2.0))),
        (
            bound(kind="states", state_keys=("1", "5", "*"), state_values=("0", "1", "2")),
            Span(1.0, 5.0, (1.0, 5.0)),
        ),
        (bound(kind="steps", state_keys=("10", "20"), state_values=("0", "1")), Span(5.0, 30.0)),
    ],
)
def test_a_binding_is_swept_over_what_its_map_tells_apart(binding: Binding, span: Span) -> None:
    assert span_of(binding, SPECS[binding.signal]) == span


def test_the_unit_of_a_binding_is_turned_back_into_that_of_the_tag() -> None:
    tag = TagSpec(slot=0, name="t", unit="m")
    b = Binding(name="b", prim="/V", signal="t", ends=(0.0, 250.0), unit="cm")
    assert span_of(b, tag) == Span(0.0, 2.5)


def test_each_tag_is_swept_once_over_all_its_bindings_and_texts_are_left_out() -> None:
    wide = Binding(name="c", prim="/V", signal="V-1.raw", ends=(-5.0, 5.0))
    plan = planned((wide, bound(scale=0.9, clamp=(0.0, 90.0)), bound("V-1.note"), bound("V-9")), SPECS)
    assert plan.slot.tolist() == [5]
    assert (plan.low[0], plan.high[0]) == (-5.0, 100.0)
    assert plan.values(0.5).tolist() == [47.5]


def test_states_are_gone_through_one_by_one() -> None:
    plan = planned((bound("V-1.state", kind="none"),), SPECS)
    assert [plan.values(s)[0] for s in (0.0, 0.49, 0.5, 1.0)] == [0.0, 0.0, 2.0, 2.0]


def test_a_sweep_goes_up_and_down_again() -> None:
    assert [share(t, 4.0) for t in (0.0, 1.0, 2.0, 3.0, 4.0)] == [0.0, 0.5, 1.0, 0.5, 0.0]


def test_a_template_is_what_says_the_same_of_other_parts() -> None:
    one = Binding(name="level", prim="/T1", signal="T-1.level")
    same = Binding(name="level", prim="/T2", signal="T-2.level")
    other = Binding(name="level", prim="/T3", signal="T-3.temp")
    assert like(one, (one, same, other)) == (one, same)


def test_test_values_lie_over_a_copy_and_leave_the_plants_alone() -> None:
    table, held = TagTable(8), np.zeros(8)
    table.value[:], table.quality[:] = 1.0, BAD
    shown, kept = overlaid(table, held, np.array([2, 20]), np.array([7.0, 9.0]))
    assert shown.value.tolist()[:4] == [1.0, 1.0, 7.0, 1.0]
    assert int(shown.quality[2]) == SUBSTITUTED | MANUAL
    assert kept[2] == 7.0
    assert table.value.tolist() == [1.0] * 8
    assert set(table.quality.tolist()) == {BAD}
    assert held.tolist() == [0.0] * 8
