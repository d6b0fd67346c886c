import math
from dataclasses import replace

import numpy as np
import pytest

from armillary.encoding.compile import compiled
from armillary.encoding.program import Program
from armillary.encoding.resolve import HIGHLIGHT, Options, resolve, spin_rates
from armillary.model.binding import Binding, ColourMap, MapSpec
from armillary.model.clock import NS
from armillary.model.look import Label, Look, base_look, changed
from armillary.model.quality import BAD, GOOD, NEVER, STALE, UNCERTAIN
from armillary.model.scene import SceneArrays
from armillary.model.tags import TagSpec, TagTable

SPECS = (
    TagSpec(slot=0, name="x", unit="°C"),
    TagSpec(slot=1, name="y"),
    TagSpec(slot=2, name="mode", kind="text"),
    TagSpec(slot=3, name="gate", kind="enum", states=((0.0, "shut"), (1.0, "open"), (2.0, "moving"))),
)
BLACK_WHITE = ColourMap(name="bw", kind="linear", stops=((0.0, "#000000"), (1.0, "#ffffff")))
MAPS = (
    BLACK_WHITE,
    ColourMap(name="three", kind="steps", stops=((0.0, "#000001"), (0.5, "#000002"), (0.75, "#000003"))),
    ColourMap(name="two", kind="states", stops=((0.0, "#000004"), (1.0, "#000005"))),
)
SIGN, SHELL, LID, HAND, NAIL = 7, 2, 3, 5, 6
GREY = (0x7A, 0x82, 0x8A)


def make(scene: SceneArrays, *bindings: Binding) -> Program:
    program, problems = compiled(bindings, scene, SPECS, MAPS)
    assert problems == ()
    return program


def bind(
    channel: str = "displayColor", prim: str = "/Plant/Sign", signal: str = "x", **more: object
) -> Binding:
    return Binding(name=f"{channel}-{signal}", prim=prim, signal=signal, channel=channel, **more)  # type: ignore[arg-type]


def table(x: float = 0.0, quality: int = GOOD, y: float = 0.0) -> TagTable:
    out = TagTable(len(SPECS))
    out.value[:] = [x, y, math.nan, 1.0]
    out.quality[:] = [quality, GOOD, GOOD, GOOD]
    return out


def look(scene: SceneArrays, *bindings: Binding, at: TagTable | None = None, **options: object) -> Look:
    return resolve(make(scene, *bindings), at or table(), Options(**options))  # type: ignore[arg-type]


def rgb(shown: Look, prim: int = SIGN) -> tuple[int, ...]:
    return tuple(shown.rgba[prim, :3].tolist())


# ---------------------------------------------------------------- colours


@pytest.mark.parametrize(("x", "grey"), [(0.0, 0), (100.0, 255), (-5.0, 0), (1e300, 255), (math.inf, 255)])
def test_a_value_finds_its_place_on_the_colour_map_and_stops_at_its_ends(
    scene: SceneArrays, x: float, grey: int
) -> None:
    assert rgb(look(scene, bind(colormap="bw", ends=(0.0, 100.0)), at=table(x))) == (grey,) * 3


def test_a_range_may_run_backwards(scene: SceneArrays) -> None:
    assert rgb(look(scene, bind(colormap="bw", ends=(100.0, 0.0)), at=table(0.0))) == (255, 255, 255)


def test_colour_keeps_the_opacity_of_the_scene(scene: SceneArrays) -> None:
    assert look(scene, bind(colormap="bw"), at=table(1.0)).rgba[SIGN, 3] == scene.rgba[SIGN, 3]


def test_prims_without_binding_look_as_in_the_scene(scene: SceneArrays) -> None:
    shown = look(scene, bind(colormap="bw"), at=table(1.0))
    assert changed(base_look(scene), shown).tolist() == [SIGN]


@pytest.mark.parametrize(("x", "last"), [(-1.0, 1), (0.49, 1), (0.5, 2), (0.75, 3), (9.0, 3)])
def test_a_stepped_colour_map_is_exact_at_its_thresholds(scene: SceneArrays, x: float, last: int) -> None:
    assert rgb(look(scene, bind(colormap="three"), at=table(x))) == (0, 0, last)


def test_a_state_that_the_map_does_not_list_keeps_the_colour_of_the_scene(scene: SceneArrays) -> None:
    assert rgb(look(scene, bind(colormap="two"), at=table(1.0))) == (0, 0, 5)
    assert rgb(look(scene, bind(colormap="two"), at=table(7.0))) == tuple(scene.rgba[SIGN, :3])


def test_states_of_a_binding_pick_colours_by_number_word_and_otherwise(scene: SceneArrays) -> None:
    states = MapSpec(
        kind="states", state_keys=("open", "0", "*"), state_values=("#00000a", "#00000b", "#00000c")
    )
    both = bind(signal="gate", map=states)
    at = table()
    seen = []
    for value in (1.0, 0.0, 2.0):
        at.value[3] = value
        seen.append(rgb(look(scene, both, at=at)))
    assert seen == [(0, 0, 10), (0, 0, 11), (0, 0, 12)]


def test_states_of_a_text_tag_compare_its_text(scene: SceneArrays) -> None:
    states = MapSpec(kind="states", state_keys=("AUTO", "HAND"), state_values=("#00000a", "#00000b"))
    at = table()
    at.text[2] = "HAND"
    assert rgb(look(scene, bind(signal="mode", map=states), at=at)) == (0, 0, 11)
    at.text[2] = "OFF"
    assert rgb(look(scene, bind(signal="mode", map=states), at=at)) == tuple(scene.rgba[SIGN, :3])


def test_an_expression_reads_x_other_tags_and_time(scene: SceneArrays) -> None:
    expr = bind(colormap="bw", ends=(0.0, 10.0), map=MapSpec(kind="expr", expr="x * 2 + y + t"))
    assert rgb(look(scene, expr, at=table(2.0, y=5.0), t_s=1.0)) == (255, 255, 255)
    bad = table(2.0)
    bad.value[1], bad.quality[1] = math.nan, BAD
    shown = look(scene, expr, at=bad)
    assert shown.state[SIGN] == BAD


def test_a_clamp_of_the_map_holds_before_the_colour(scene: SceneArrays) -> None:
    half = bind(colormap="three", map=MapSpec(kind="linear", clamp=(0.0, 0.6)))
    assert rgb(look(scene, half, at=table(5.0))) == (0, 0, 2)
    ramp = bind(colormap="bw", map=MapSpec(kind="linear", clamp=(1.0, 2.0)), ends=(0.0, 1.0))
    assert rgb(look(scene, ramp, at=table(-5.0))) == (255, 255, 255)


# ---------------------------------------------------------------- quality


@pytest.mark.parametrize("quality", [STALE, BAD, NEVER])
def test_stale_and_worse_lose_the_colour_map_and_say_so(scene: SceneArrays, quality: int) -> None:
    shown = look(scene, bind(colormap="bw"), at=table(1.0, quality))
    assert rgb(shown) == GREY
    assert shown.state[SIGN] == quality


def test_an_uncertain_value_keeps_its_colour(scene: SceneArrays) -> None:
    shown = look(scene, bind(colormap="bw"), at=table(1.0, UNCERTAIN))
    assert rgb(shown) == (255, 255, 255)
    assert shown.state[SIGN] == UNCERTAIN


def test_a_silent_world_makes_all_bound_prims_stale_and_no_other(scene: SceneArrays) -> None:
    shown = look(scene, bind(colormap="bw"), bind("rotate", "/Plant/Arm"), at=table(1.0), live=False)
    assert np.flatnonzero(shown.state).tolist() == [HAND, NAIL, SIGN]
    assert set(shown.state[[HAND, NAIL, SIGN]].tolist()) == {STALE}


def test_a_prim_shows_the_worst_of_its_tags(scene: SceneArrays) -> None:
    shown = look(
        scene, bind(colormap="bw", signal="y"), bind("displayOpacity", signal="x"), at=table(1.0, BAD)
    )
    assert shown.state[SIGN] == BAD
    assert rgb(shown) == (0, 0, 0)


def test_a_fallback_and_a_cleared_opinion_are_handed_on_but_never_hide_the_quality(
    scene: SceneArrays,
) -> None:
    instead = bind(colormap="bw", on_bad="fallback", fallback="#010203")
    cleared = bind(colormap="bw", on_stale="clearOpinion")
    shown = look(scene, instead, at=table(math.nan, BAD))
    assert (rgb(shown), shown.state[SIGN]) == ((1, 2, 3), BAD)
    shown = look(scene, cleared, at=table(1.0, STALE))
    assert (rgb(shown), shown.state[SIGN]) == (tuple(scene.rgba[SIGN, :3]), STALE)


def test_a_bad_value_is_held_by_skip_and_replaced_by_fallback(scene: SceneArrays) -> None:
    held = np.array([0.5, 0.0, 0.0, 0.0])
    skip = look(scene, bind("displayOpacity"), at=table(math.nan, BAD), held=held)
    assert skip.rgba[SIGN, 3] == 128
    fallback = bind("displayOpacity", on_bad="fallback", fallback="0.25")
    assert look(scene, fallback, at=table(math.nan, BAD), held=held).rgba[SIGN, 3] == 64
    never = look(scene, bind("displayOpacity"), at=table(math.nan, NEVER))
    assert never.rgba[SIGN, 3] == 255


def test_a_binding_with_a_stricter_limit_is_stale_before_its_tag(scene: SceneArrays) -> None:
    strict = bind(colormap="bw", stale_after_s=1.0)
    at = table(1.0)
    at.alive_mono_ns[0] = 10_000_000_000
    assert look(scene, strict, at=at, now_mono_ns=10_900_000_000).state[SIGN] == GOOD
    shown = look(scene, strict, bind(prim="/Plant/Tank", colormap="bw"), at=at, now_mono_ns=11_100_000_000)
    assert (shown.state[SIGN], shown.state[SHELL]) == (STALE, GOOD)


def test_a_binding_that_expects_values_sooner_is_stale_sooner_unless_its_tag_is_told_by_exception(
    scene: SceneArrays,
) -> None:
    often = bind(colormap="bw", interval_s=1.0)
    at = table(1.0)
    at.alive_mono_ns[0] = 10_000_000_000
    assert look(scene, often, at=at, now_mono_ns=12_900_000_000).state[SIGN] == GOOD
    assert look(scene, often, at=at, now_mono_ns=13_100_000_000).state[SIGN] == STALE
    specs = [replace(spec, liveness="link") for spec in SPECS]
    program, _ = compiled((often,), scene, specs, MAPS)
    assert resolve(program, at, Options(now_mono_ns=13_100_000_000)).state[SIGN] == GOOD


# ---------------------------------------------------------------- opacity, visibility, light


def test_opacity_is_a_share_or_percent(scene: SceneArrays) -> None:
    assert look(scene, bind("displayOpacity"), at=table(0.5)).rgba[SIGN, 3] == 128
    percent = bind("displayOpacity", target_unit="%")
    assert look(scene, percent, at=table(50.0)).rgba[SIGN, 3] == 128
    assert look(scene, percent, at=table(math.nan)).rgba[SIGN, 3] == 255


def test_a_prim_under_a_hidden_one_stays_hidden(scene: SceneArrays) -> None:
    shown = look(
        scene,
        bind("visibility", "/Plant/Arm"),
        bind("visibility", "/Plant/Arm/Hand/Nail", "y"),
        at=table(0.0, y=1.0),
    )
    assert np.flatnonzero(~shown.visible).tolist() == [HAND, NAIL]


def test_hidden_and_isolated_prims_take_their_subtrees_along(scene: SceneArrays) -> None:
    assert np.flatnonzero(~look(scene, hidden=(4,)).visible).tolist() == [4, HAND, NAIL]
    assert np.flatnonzero(look(scene, isolated=(1, HAND)).visible).tolist() == [1, SHELL, LID, HAND, NAIL]


def test_ghosts_are_faint_and_what_is_selected_is_solid(scene: SceneArrays) -> None:
    shown = look(scene, ghost=True, solid=(1,))
    assert shown.rgba[LID, 3] == 255
    assert shown.rgba[SIGN, 3] == 38


def test_a_highlight_is_light_beside_the_colour(scene: SceneArrays) -> None:
    shown = look(scene, bind("highlight"), bind(colormap="bw", signal="y"), at=table(1.0))
    assert shown.emissive[SIGN].tolist() == [*HIGHLIGHT, 255]
    assert rgb(shown) == (0, 0, 0)
    assert look(scene, bind("highlight"), at=table(0.0)).emissive[SIGN, 3] == 0


def test_an_emissive_map_glows_and_goes_dark_when_stale(scene: SceneArrays) -> None:
    glow = bind("emissiveColor", colormap="two", on_stale="clearOpinion")
    assert look(scene, glow, at=table(1.0)).emissive[SIGN].tolist() == [0, 0, 5, 255]
    assert look(scene, glow, at=table(1.0, STALE)).emissive[SIGN, 3] == 0


# ---------------------------------------------------------------- words


def test_a_label_shows_value_unit_and_quality(scene: SceneArrays) -> None:
    label = bind("label", property_name="T")
    assert look(scene, label, at=table(71.23)).label == (Label(prim=SIGN, text="T 71.23 °C"),)
    assert look(scene, label, at=table(1.0, NEVER)).label[0].text == "T no data yet"
    assert look(scene, bind("label", signal="gate"), at=table()).label[0].text == "open"


def test_the_label_of_a_stale_value_tells_its_age_in_whole_units(scene: SceneArrays) -> None:
    label, old = bind("label"), table(71.23, STALE)
    old.arrival_mono_ns[:] = 1_000 * NS
    for passed_s, words in ((7.9, "7 s"), (240, "4 min")):
        now = 1_000 * NS + int(passed_s * NS)
        assert look(scene, label, at=old, now_mono_ns=now).label[0].text == f"71.23 °C · {words} old"
    assert look(scene, label, at=old).label[0].text == "71.23 °C · old"


def test_a_variant_is_chosen_by_state_and_a_bad_value_clears_it(scene: SceneArrays) -> None:
    states = MapSpec(kind="states", state_keys=("0", "*"), state_values=("clean", "rusty"))
    choice = bind("variant", property_name="wear", map=states, on_bad="clearOpinion")
    assert look(scene, choice, at=table(0.0)).variant == ((SIGN, "wear", "clean"),)
    assert look(scene, choice, at=table(3.0)).variant == ((SIGN, "wear", "rusty"),)
    assert look(scene, choice, at=table(0.0, BAD)).variant == ()


# ---------------------------------------------------------------- movement


def matrix(shown: Look, prim: int) -> np.ndarray:
    at = shown.moved.tolist().index(prim)
    return np.asarray(shown.matrix[at])


def test_translate_moves_in_stage_units_along_the_axes_of_the_parent(scene: SceneArrays) -> None:
    shown = look(scene, bind("translate", "/Plant/Arm/Hand", axis="x"), at=table(2.0))
    # the arm is turned by a quarter: its x is the world's y; a stage unit is a centimetre
    step = matrix(shown, HAND)[:3, 3] - scene.matrix[HAND][:3, 3]
    assert step == pytest.approx([0.0, 0.02, 0.0])
    assert shown.moved.tolist() == [HAND, NAIL]


def test_translate_with_a_length_is_converted(scene: SceneArrays) -> None:
    shown = look(scene, bind("translate", axis="z", target_unit="mm"), at=table(500.0))
    assert matrix(shown, SIGN)[2, 3] == pytest.approx(0.5)


def test_level_keeps_the_bottom_where_it_is(scene: SceneArrays) -> None:
    shown = look(scene, bind("level", "/Plant/Tank/Lid", axis="z"), at=table(0.25))
    bottom, top = np.array([0, 0, 0, 1.0]), np.array([0, 0, 1.0, 1.0])
    assert matrix(shown, LID) @ bottom == pytest.approx(scene.matrix[LID] @ bottom)
    assert (matrix(shown, LID) @ top)[2] == pytest.approx(0.01 * (2 + 0.25))


def test_rotate_turns_about_the_own_axis_counterclockwise(scene: SceneArrays) -> None:
    shown = look(scene, bind("rotate", axis="z"), at=table(90.0))
    assert (matrix(shown, SIGN) @ [1.0, 0, 0, 1])[:3] == pytest.approx([0, 0.01, 0], abs=1e-12)


def test_scale_to_nothing_and_numbers_that_are_none_never_spoil_a_matrix(scene: SceneArrays) -> None:
    for value in (0.0, math.nan, math.inf, -math.inf, 1e308):
        shown = look(
            scene,
            bind("scale"),
            bind("translate", axis="x"),
            bind("rotate", axis="y"),
            bind("level", axis="z"),
            at=table(value),
        )
        assert np.isfinite(shown.matrix.astype(np.float32)).all()
        assert np.linalg.det(shown.matrix[0]) != 0


def test_a_value_that_never_came_leaves_a_prim_at_rest(scene: SceneArrays) -> None:
    shown = look(scene, bind("translate", axis="x"), at=table(math.nan, NEVER))
    assert matrix(shown, SIGN) == pytest.approx(scene.matrix[SIGN])


def test_spin_turns_by_its_phase_and_its_rate_comes_from_the_unit(scene: SceneArrays) -> None:
    program = make(scene, bind("spin", signal="y", unit=""))
    at = table(y=60.0)  # rpm when nothing is said
    assert spin_rates(program, at, Options()) == pytest.approx([2 * math.pi])
    shown = resolve(program, at, Options(phase=np.array([math.pi / 2])))
    assert (matrix(shown, SIGN) @ [1.0, 0, 0, 1])[:3] == pytest.approx([0, 0.01, 0], abs=1e-12)
    assert spin_rates(program, at, Options(live=False)).tolist() == [0.0]
    hertz = make(scene, bind("spin", signal="y", target_unit="Hz"))
    assert spin_rates(hertz, table(y=1.0), Options()) == pytest.approx([2 * math.pi])


def test_a_look_cannot_be_written_and_inputs_are_kept(scene: SceneArrays) -> None:
    at = table(1.0)
    before = at.value.copy()
    shown = look(scene, bind(colormap="bw"), bind("rotate", "/Plant/Arm"), at=at)
    for array in (shown.rgba, shown.state, shown.visible, shown.emissive, shown.matrix, shown.moved):
        assert not array.flags.writeable
    assert np.array_equal(at.value, before, equal_nan=True)
