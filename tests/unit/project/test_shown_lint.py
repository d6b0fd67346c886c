from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from armillary.cli.bindings_report import html_of
from armillary.model.binding import Binding, ColourMap, FieldSpec, MapSpec
from armillary.model.rematch import Match
from armillary.model.scene import SceneProblem
from armillary.model.tags import TagSpec
from armillary.project import coverage, fixes, folder, shown_lint

TAG = TagSpec(slot=0, name="t", link="l", unit="degC", low=0.0, high=100.0)
HEAT = Binding(name="heat", prim="/A", signal="t", colormap="heat", ends=(0.0, 100.0))


def codes(bindings, tags=(TAG,), scene=None) -> list[tuple[str, str]]:
    return [(p.code, p.severity) for p in shown_lint.findings(bindings, scene, tags)]


def scene(visible=(True, True, True)) -> SimpleNamespace:
    """Three parts: /A, /A/B below it, /C."""
    return SimpleNamespace(
        prim_path=("/A", "/A/B", "/C"),
        parent=np.array([-1, 0, -1], np.int32),
        visible=np.array(visible, np.bool_),
        drawable=np.ones(3, np.bool_),
        kind=((0, "component"), (2, "component")),
        __len__=lambda: 3,
    )


class Scene(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.prim_path)


def of(**more) -> Scene:
    return Scene(**{**vars(scene()), **more})


@pytest.mark.parametrize(
    ("ends", "found"),
    [
        ((0.0, 100.0), []),
        ((20.0, 80.0), []),  # the usual values
        ((200.0, 300.0), [("B30", "warning")]),
        ((40.0, 45.0), [("B30", "info")]),
        ((0.0, 5_000.0), [("B30", "info")]),
    ],
)
def test_colours_that_are_beside_the_values_of_a_tag_are_told(ends, found) -> None:
    assert codes([replace(HEAT, ends=ends)]) == found


def test_a_range_is_compared_in_the_unit_of_the_colours() -> None:
    kelvin = replace(HEAT, unit="K", ends=(273.15, 373.15))
    assert codes([kelvin]) == []
    assert codes([replace(HEAT, unit="K")]) == [("B30", "warning")]
    scaled = replace(HEAT, map=MapSpec(scale=0.01), ends=(0.0, 1.0))
    assert codes([scaled]) == []


def test_what_is_disabled_or_has_no_range_is_not_judged() -> None:
    beside = replace(HEAT, ends=(200.0, 300.0))
    assert codes([replace(beside, enabled=False)]) == []
    assert codes([beside], [replace(TAG, high=float("inf"))]) == []


def test_a_hidden_part_is_told_unless_a_binding_can_show_it() -> None:
    dark = of(visible=np.array([False, False, True]))
    below = replace(HEAT, prim="/A/B")
    assert codes([below], scene=dark) == [("B32", "warning")]
    shows = Binding(name="on", prim="/A", signal="t", channel="visibility")
    assert codes([below, shows], scene=dark) == []
    assert codes([replace(HEAT, prim="/C")], scene=dark) == []


def test_a_parent_that_shows_its_parts_is_not_hidden() -> None:
    assert codes([HEAT], scene=of(visible=np.array([False, True, True]))) == []


@pytest.mark.parametrize(
    ("limit", "binding", "code"),
    [
        ("MOST_LABELS", Binding(name="l", prim="/A", signal="t", channel="label"), "B35"),
        ("MOST_SPINS", Binding(name="s", prim="/A", signal="t", channel="spin"), "B38"),
        ("MOST_GLASS", Binding(name="o", prim="/A", signal="t", channel="displayOpacity"), "B39"),
    ],
)
def test_too_many_of_what_costs_much_is_told_once(limit, binding, code, monkeypatch) -> None:
    monkeypatch.setattr(shown_lint, limit, 2)
    some = [replace(binding, name=f"n{i}") for i in range(4)]
    assert codes(some[:2], scene=of()) == []
    assert codes(some, scene=of()) == [(code, "warning")]


def test_a_variant_that_is_chosen_often_and_a_field_of_too_many_sensors_are_told(monkeypatch) -> None:
    variant = Binding(name="v", prim="/A", signal="t", channel="variant")
    assert codes([variant], [replace(TAG, expected_ms=100)]) == [("B36", "warning")]
    assert codes([variant], [replace(TAG, expected_ms=5_000)]) == []
    field = Binding(name="f", prim="/A", channel="field", field=FieldSpec(sensors=("/C",) * 3))
    assert codes([field]) == []
    monkeypatch.setattr(shown_lint, "MOST_SENSORS", 2)
    assert codes([field]) == [("B37", "warning")]


def test_bindings_on_tags_that_never_came_are_told() -> None:
    found = shown_lint.never([HEAT, replace(HEAT, signal="u")], {"t": "since the world started"})
    assert [(p.code, p.where) for p in found] == [("B31", "/A#heat")]


# ---------------------------------------------------------------- fixes


def problem(code: str, where: str, what: str = "") -> SceneProblem:
    return SceneProblem(code=code, severity="warning", where=where, what=what, remedy="")


def fixed(problems, bindings, found=(), only=()) -> dict[str, Binding]:
    maps = [ColourMap(name="heat", kind="linear", stops=((0, "#000000"), (1, "#ffffff")), unit="K")]
    plan = fixes.plan(problems, bindings, [TAG], maps, found, only)
    return {b.where: b for b in fixes.merged(plan, bindings)[0].bindings}


def test_a_range_beside_the_values_becomes_theirs() -> None:
    wrong = replace(HEAT, ends=(300.0, 200.0))
    assert fixed([problem("B30", "/A#heat")], [wrong])["/A#heat"].ends == (100.0, 0.0)


def test_of_two_that_fight_the_one_that_is_not_shown_is_disabled() -> None:
    first, second = HEAT, replace(HEAT, name="later")
    made = fixed([problem("B10", "/A#later")], [first, second])
    assert list(made) == ["/A#heat"]
    assert not made["/A#heat"].enabled


def test_thresholds_are_sorted_with_their_values_unless_one_is_there_twice() -> None:
    steps = replace(HEAT, map=MapSpec(kind="steps", state_keys=("10", "2"), state_values=("b", "a")))
    made = fixed([problem("B11", "/A#heat")], [steps])["/A#heat"].map
    assert (made.state_keys, made.state_values) == (("2", "10"), ("a", "b"))
    twice = replace(steps, map=replace(steps.map, state_keys=("2", "2")))
    assert fixed([problem("B11", "/A#heat")], [twice]) == {}


def test_several_fixes_of_one_binding_come_together() -> None:
    wrong = replace(HEAT, id="x", ends=(300.0, 200.0))
    found = [Match(old="/A", new="/Z", kind="renamed", confidence=0.97, why="")]
    made = fixed(
        [problem("B30", "/A#heat"), problem("B17", "/A#heat"), problem("B04", "/A#heat")], [wrong], found
    )
    assert list(made) == ["/Z#heat"]
    assert made["/Z#heat"].id not in {"x", ""}
    assert made["/Z#heat"].ends == (100.0, 0.0)


def test_a_unit_becomes_that_of_the_colours_where_it_converts() -> None:
    assert fixed([problem("B13", "/A#heat")], [HEAT])["/A#heat"].unit == "K"


def test_only_what_is_asked_for_and_what_is_sure_is_mended() -> None:
    doubtful = [Match(old="/A", new="/Z", kind="renamed", confidence=0.7, why="")]
    assert fixed([problem("B04", "/A#heat")], [HEAT], doubtful) == {}
    assert fixed([problem("B17", "/A#heat")], [replace(HEAT, id="x")], only=["B30"]) == {}


def test_a_twin_follows_its_prim() -> None:
    found = [Match(old="/A", new="/Z", kind="renamed", confidence=0.97, why="")]
    what = "The prim /A of the twin 'p' is not in the scene."
    plan = fixes.plan([problem("P23", "twins.json:p", what)], [], [], [], found)
    assert fixes.merged(plan, [])[1] == {"/A": "/Z"}


# ---------------------------------------------------------------- coverage


def test_what_is_bound_covers_what_is_below_it() -> None:
    two = [HEAT, replace(HEAT, name="more", prim="/C"), replace(HEAT, name="again", prim="/C")]
    state = coverage.states(of(), two, {})
    assert [coverage.STATES[s] for s in state] == ["bound", "bound", "bound by several"]
    assert coverage.next_unbound(of(), state, -1) is None


def test_a_dead_binding_paints_its_part_and_says_why() -> None:
    bindings = [replace(HEAT, signal="nobody"), replace(HEAT, prim="/Gone", name="x")]
    gone = coverage.dead(bindings, [TAG], [], {"/A": 0})
    assert gone == {0: "there is no tag 'nobody'", 1: "/Gone is not in the scene"}
    assert coverage.states(of(), bindings, gone).tolist() == [coverage.DEAD, coverage.DEAD, coverage.UNBOUND]


def test_the_next_unbound_part_goes_round_and_leaves_out_what_is_hidden() -> None:
    state = np.array([coverage.UNBOUND, coverage.BOUND, coverage.UNBOUND], np.uint8)
    assert coverage.next_unbound(of(), state, 0) == 2
    assert coverage.next_unbound(of(), state, 2) == 0
    assert coverage.next_unbound(of(visible=np.array([True, True, False])), state, 0) == 0


def test_the_report_tells_what_is_dead_and_which_things_nothing_drives(tmp_path) -> None:
    project = folder.new(tmp_path / "p", "p")
    bindings = [replace(HEAT, signal=""), replace(HEAT, prim="/Gone", name="x", signal="nobody")]
    told = coverage.report(project, bindings, of())
    assert [d.where for d in told.dead] == ["/A#heat", "/Gone#x"]
    assert [(b.prim, b.kind) for b in told.unbound_prims] == [("/C", "component")]
    assert told.counts["unbound"] == 1
    page = html_of(project, told)
    assert "Dead bindings: 2" in page
    assert "/Gone#x" in page
