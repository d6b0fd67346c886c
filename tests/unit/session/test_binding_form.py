"""Every field of a binding as text; what is refused is told next to it."""

import math
from dataclasses import replace

import pytest

from armillary.model.binding import Binding, ColourMap, MapSpec
from armillary.model.tags import TagSpec
from armillary.session import binding_form as form
from armillary.session.binding_check import Known, unit_words, wrong, y_of
from armillary.session.draft import SIMPLE, Draft, edited, in_form

TEMP = TagSpec(slot=0, name="P-101.temp", unit="°C", low=0.0, high=100.0)
STATE = TagSpec(slot=1, name="V-1.state", kind="enum", states=((0.0, "open"), (1.0, "shut")))
LIST = TagSpec(slot=2, name="D.list", kind="array")
FLOW = TagSpec(slot=3, name="P-101.flow", unit="m³/h")
POWER = TagSpec(slot=4, name="P-101.power", unit="kW")
AT = Known.of((TEMP, STATE, LIST, FLOW, POWER), (), ("/Plant", "/Plant/Tank"))
BASE = Binding(name="b", prim="/Plant", signal="P-101.temp", colormap="heat", ends=(0.0, 100.0))


def typed(key: str, text: str, base: Binding = BASE) -> Binding:
    return form.with_text(base, key, text)


@pytest.mark.parametrize("key", [e.key for e in form.ENTRIES])
def test_what_a_field_shows_is_what_it_takes(key: str) -> None:
    full = replace(
        BASE,
        targets=("/Plant/Tank", "/Plant"),
        axis="x",
        map=MapSpec(
            kind="states",
            scale=2.0,
            offset=-1.5,
            clamp=(0.0, 9.0),
            state_keys=("open", "*"),
            state_values=("#112233", "0"),
            expr="x * 2",
        ),
        unit="K",
        target_unit="m",
        interval_s=2.5,
        stale_after_s=9.0,
        on_bad="fallback",
        fallback="#445566",
        enabled=False,
    )
    entry = form.BY_KEY[key]
    assert entry.take(full, entry.text(full)) == full


@pytest.mark.parametrize(
    ("key", "text", "word"),
    [
        ("scale", "two", "no number"),
        ("scale", "", "Give a number"),
        ("offset", "inf", "finite"),
        ("staleAfter", "-1", "Seconds"),
        ("targets", "Tank", "no path"),
        ("states", "open", "key = value"),
        ("states", "a = 1; a = 2", "twice"),
        ("enabled", "perhaps", "yes or no"),
        ("onBad", "vanish", "holdLast"),
        ("map", "curve", "linear"),
    ],
)
def test_bad_input_is_refused_in_words(key: str, text: str, word: str) -> None:
    with pytest.raises(form.RefusedText, match=word):
        typed(key, text)


def test_refused_texts_leave_the_field_as_it_was_and_the_others_taken() -> None:
    made, refused = form.with_texts(BASE, {"rangeLow": "x", "rangeHigh": "50"})
    assert made.ends == (0.0, 50.0)
    assert list(refused) == ["rangeLow"]


@pytest.mark.parametrize(
    ("binding", "key", "word"),
    [
        (replace(BASE, signal="P-101.tmp"), "signal", "P-101.temp"),
        (replace(BASE, signal=""), "signal", "Give the tag"),
        (replace(BASE, targets=("/Plant/Pump",)), "targets", "/Plant/Pump"),
        (replace(BASE, channel="custom"), "channel", "not drawn"),
        (replace(BASE, signal="D.list"), "channel", "list"),
        (replace(BASE, channel="transform"), "channel", "one number"),
        (replace(BASE, channel="rotate", axis="xyz"), "axis", "x, y or z"),
        (replace(BASE, channel="variant", map=MapSpec(kind="none")), "property", "variant set"),
        (replace(BASE, colormap="rainbow"), "colormap", "rainbow"),
        (replace(BASE, ends=(3.0, 3.0)), "rangeHigh", "differ"),
        (replace(BASE, unit="bar"), "unit", "different things"),
        (replace(BASE, channel="translate", target_unit="kW"), "targetUnit", "different things"),
        (replace(BASE, map=MapSpec(kind="linear", clamp=(2.0, 1.0))), "clampHigh", "less"),
        (replace(BASE, map=MapSpec(kind="linear", scale=0.0)), "scale", "nothing"),
        (replace(BASE, map=MapSpec(kind="expr")), "expr", "Give an expression"),
        (replace(BASE, map=MapSpec(kind="expr", expr="x + nosuch")), "expr", "nosuch"),
        (replace(BASE, map=MapSpec(kind="states")), "states", "0 keys"),
        (
            replace(BASE, map=MapSpec(kind="steps", state_keys=("9", "1"), state_values=("#111111",) * 2)),
            "states",
            "ascending",
        ),
        (
            replace(BASE, map=MapSpec(kind="states", state_keys=("1",), state_values=("reddish",))),
            "states",
            "neither a colour",
        ),
        (
            replace(
                BASE,
                signal="V-1.state",
                map=MapSpec(kind="states", state_keys=("ajar",), state_values=("#111111",)),
            ),
            "states",
            "it has open, shut",
        ),
        (replace(BASE, on_bad="fallback"), "fallback", "shown instead"),
        (replace(BASE, on_bad="fallback", fallback="blue"), "fallback", "neither a colour"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(binding: Binding, key: str, word: str) -> None:
    found = wrong(binding, AT)
    assert word in found[key]


def test_a_good_binding_has_nothing_wrong() -> None:
    assert wrong(BASE, AT) == {}
    assert wrong(replace(BASE, channel="rotate", axis="z", target_unit="degree", colormap=""), AT) == {}
    expr = MapSpec(kind="expr", expr="x / 2 + q * 0 + t * 0")
    assert wrong(replace(BASE, map=expr), AT) == {}


def test_the_unit_of_an_expression_is_derived_and_checked() -> None:
    expr = MapSpec(kind="expr", expr="x / `P-101.flow`")
    b = replace(BASE, signal="P-101.power", channel="label", colormap="", map=expr)
    assert "kWh/m³" in unit_words(b, AT)
    assert wrong(replace(b, channel="displayOpacity", target_unit="bar"), AT)["targetUnit"].endswith("bar.")
    mixed = replace(b, map=MapSpec(kind="expr", expr="x + `P-101.flow`"), channel="displayOpacity")
    assert "cannot be added" in wrong(mixed, AT)["targetUnit"]


def test_units_are_told_in_words() -> None:
    assert unit_words(replace(BASE, unit="K"), AT) == "°C; read as K (× 1 + 273.15); gives K"[:28]
    assert unit_words(replace(BASE, channel="rotate", target_unit="degree"), AT).endswith("drawn in degrees")


def test_only_fields_that_mean_something_are_offered() -> None:
    assert {"colormap", "rangeLow"} <= form.needed(BASE)
    assert not {"states", "expr", "axis", "property", "fallback"} & form.needed(BASE)
    assert "axis" in form.needed(replace(BASE, channel="rotate"))
    assert "fallback" in form.needed(replace(BASE, on_stale="fallback"))
    assert "states" in form.needed(replace(BASE, map=MapSpec(kind="steps")))


def test_a_first_table_of_states_comes_from_the_tag_or_from_what_was_seen() -> None:
    own = form.seen_states(STATE.states, (), colours=True).splitlines()
    assert [line.split(" = ")[0] for line in own] == ["open", "shut", "*"]
    seen = form.seen_states((), {3.0, 1.0}, colours=False)
    assert seen == "1 = 0\n3 = 1\n* = 0"


def test_now_is_what_the_map_makes_of_a_value() -> None:
    b = replace(BASE, unit="K", map=MapSpec(kind="linear", scale=2.0, offset=1.0, clamp=(0.0, 500.0)))
    assert y_of(b, TEMP, 0.0) == pytest.approx(500.0)
    assert y_of(replace(b, unit=""), TEMP, 10.0) == pytest.approx(21.0)
    assert math.isnan(y_of(replace(b, map=MapSpec(kind="expr", expr="x")), TEMP, 1.0))


# ---------------------------------------------------------------- drafts


PLAIN = replace(BASE, colormap="", ends=(0.0, 1.0))
SAVED = (
    BASE,
    replace(PLAIN, channel="rotate", axis="x", map=MapSpec(scale=0.9, clamp=(0.0, 90.0))),
    replace(PLAIN, channel="label", map=MapSpec(kind="none")),
    replace(BASE, map=MapSpec(kind="expr", expr="x * 2"), unit="K", targets=("/Plant/Tank",)),
    replace(BASE, map=MapSpec(kind="steps", state_keys=("1",), state_values=("#111111",))),
    replace(PLAIN, channel="translate", axis="y", map=MapSpec(scale=-2.0, offset=3.0), stale_after_s=4.0),
)


@pytest.mark.parametrize("binding", SAVED)
def test_a_saved_binding_taken_in_hand_is_the_same_binding(binding: Binding) -> None:
    draft = edited(binding, TEMP)
    assert draft.why_not() == ""
    made = draft.binding()
    assert replace(made, origin="") == replace(
        binding, map=replace(binding.map, scale=made.map.scale, offset=made.map.offset)
    )
    assert made.map.scale == pytest.approx(binding.map.scale)


def test_another_form_begins_where_the_one_before_was() -> None:
    draft = Draft(
        tag=TEMP, prim="/Plant", name="b", channel="rotate", low=0.0, high=100.0, first=0.0, last=90.0
    )
    line = in_form(draft, "linear")
    assert line.binding().map.scale == pytest.approx(0.9)
    assert line.binding().map.clamp == (0.0, 90.0)
    back = in_form(line, SIMPLE)
    assert (back.low, back.high, back.first, back.last) == pytest.approx((0.0, 100.0, 0.0, 90.0))
    assert in_form(draft, "expr").binding().map.kind == "expr"


def test_what_is_typed_wrong_keeps_a_draft_from_being_saved() -> None:
    draft = replace(edited(BASE, TEMP), wrong=(("expr", "No."),))
    assert draft.why_not() == "No."


def test_colour_maps_of_the_project_are_known() -> None:
    at = Known.of((TEMP,), (ColourMap(name="mine", kind="linear", stops=((0.0, "#000000"),)),))
    assert wrong(replace(BASE, colormap="mine"), at) == {}
