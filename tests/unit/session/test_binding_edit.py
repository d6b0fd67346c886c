"""Many bindings changed at once, copied between parts, with their tags adapted."""

import json
from dataclasses import replace

from armillary.model.binding import Binding, MapSpec
from armillary.model.tags import TagSpec
from armillary.model.twin import TwinInstance
from armillary.session import binding_clip as clip
from armillary.session.binding_check import Known
from armillary.session.binding_edit import deleted, fields_changed, words_replaced

NAMES = ("P-101A.speed", "P-101A.temp", "P-101B.speed", "P-101B.temp", "P-102.speed")
SPECS = tuple(
    TagSpec(slot=i, name=name, unit="rpm" if "speed" in name else "°C") for i, name in enumerate(NAMES)
)
PRIMS = ("/Plant", "/Plant/P101A", "/Plant/P101A/Motor", "/Plant/P101B", "/Plant/P101B/Motor", "/Plant/Fan")
AT = Known.of(SPECS, (), PRIMS)
SPEED = Binding(name="speed", prim="/Plant/P101A", signal="P-101A.speed", channel="spin", axis="x")
TEMP = Binding(
    name="temp",
    prim="/Plant/P101A/Motor",
    signal="P-101A.temp",
    colormap="heat",
    ends=(0.0, 100.0),
    map=MapSpec(kind="expr", expr="x + P-101A.speed * 0"),
    targets=("/Plant/P101A",),
    id="guid",
)


def lines(
    target: str = "/Plant/P101B",
    existing: tuple[Binding, ...] = (),
    words: tuple[tuple[str, str], ...] = (("P-101A", "P-101B"),),
) -> tuple[clip.Line, ...]:
    return clip.preview(
        (SPEED, TEMP), "/Plant/P101A", (target,), existing, prims=PRIMS, tags={*NAMES}, words={target: words}
    )


def test_bindings_go_through_the_clipboard_as_text() -> None:
    text = clip.copied((SPEED, TEMP), "/Plant/P101A")
    assert json.loads(text)["head"] == clip.HEAD
    assert clip.pasted(text) == ((SPEED, replace(TEMP, id="")), "/Plant/P101A")


def test_a_clipboard_without_bindings_is_told() -> None:
    assert "no bindings" in str(clip.pasted("hello"))
    assert "cannot be read" in str(clip.pasted('{"head": "armillary bindings 1", "root": 4}'))
    broken = clip.copied((SPEED,), "/Plant/P101A").replace('"/Plant/P101A"', '"Plant"')
    assert isinstance(clip.pasted(broken), str)


def test_the_twins_of_two_parts_say_which_tag_becomes_which() -> None:
    twins = (TwinInstance(id="P-101A", prim="/Plant/P101A"), TwinInstance(id="P-101B", prim="/Plant/P101B"))
    words = clip.words_between("/Plant/P101A", "/Plant/P101B", ("P-101A.speed",), NAMES, twins)
    assert words == (("P-101A", "P-101B"),)


def test_without_twins_the_names_of_the_parts_say_it() -> None:
    signals = ("P-101A.speed", "P-101A.temp")
    assert clip.words_between("/Plant/P101A", "/Plant/P101B", signals, NAMES) == (("P-101A", "P-101B"),)
    assert clip.words_between("/Plant/P101A", "/Plant/Fan", signals, NAMES) == ()


def test_pasting_adapts_tags_expressions_and_parts_below() -> None:
    speed, temp = lines()
    assert (speed.made.prim, speed.made.signal, speed.why_not) == ("/Plant/P101B", "P-101B.speed", "")
    assert temp.made.prim == "/Plant/P101B/Motor"
    assert temp.made.targets == ("/Plant/P101B",)
    assert temp.made.map.expr == "x + P-101B.speed * 0"
    assert temp.made.id == ""


def test_what_cannot_be_pasted_says_why_and_the_rest_can() -> None:
    there = lines("/Plant/Fan", words=(("P-101A", "P-102"),))
    assert [bool(line.why_not) for line in there] == [False, True]
    assert "no part" in there[1].why_not
    assert "P-101C" in lines(words=(("P-101A", "P-101C"),))[0].why_not


def test_a_binding_of_the_same_channel_is_replaced_and_told() -> None:
    old = replace(SPEED, name="old", prim="/Plant/P101B", signal="P-102.speed")
    other = replace(SPEED, name="speed", prim="/Plant/P101B", signal="P-102.speed", channel="label")
    (first, *_) = lines(existing=(old,))
    assert first.made.name == "old"
    assert "replaces old" in first.note
    assert lines(existing=(other,))[0].made.name != "speed"


def test_pasting_on_many_parts_at_once() -> None:
    targets = ("/Plant/P101B", "/Plant/Fan")
    words = {"/Plant/P101B": (("P-101A", "P-101B"),), "/Plant/Fan": (("P-101A", "P-102"),)}
    made = clip.preview((SPEED,), "/Plant/P101A", targets, (), prims=PRIMS, tags=set(NAMES), words=words)
    assert [line.made.signal for line in made] == ["P-101B.speed", "P-102.speed"]


def test_common_root_is_the_nearest_part_that_holds_all() -> None:
    assert clip.common_root(("/Plant/P101A/Motor", "/Plant/P101A")) == "/Plant/P101A"
    assert clip.common_root(("/Plant/A", "/Other")) == "/"


def test_one_field_is_changed_for_all_and_those_that_cannot_are_named() -> None:
    good = fields_changed((SPEED, TEMP), {"staleAfter": "5", "enabled": "no"}, AT)
    assert len(good.put) == 2
    assert {b.stale_after_s for b in good.put} == {5.0}
    mixed = fields_changed((SPEED, TEMP), {"unit": "K"}, AT)
    assert [b.name for b in mixed.put] == ["temp"]
    assert [b.name for b, _ in mixed.refused] == ["speed"]
    assert "1 binding cannot" in mixed.words
    assert fields_changed((SPEED,), {"staleAfter": "soon"}, AT).why_not
    assert fields_changed((SPEED,), {"enabled": "yes"}, AT).put == ()


def test_a_binding_that_was_wrong_before_can_still_be_changed() -> None:
    broken = replace(SPEED, signal="P-9.speed")
    assert len(fields_changed((broken,), {"enabled": "no"}, AT).put) == 1


def test_words_are_replaced_in_tags_and_expressions() -> None:
    change = words_replaced((SPEED, TEMP), "P-101A", "P-101B", AT)
    assert [b.signal for b in change.put] == ["P-101B.speed", "P-101B.temp"]
    assert change.put[1].map.expr == "x + P-101B.speed * 0"
    refused = words_replaced((SPEED, TEMP), "P-101A", "P-102", AT)
    assert [b.name for b in refused.put] == ["speed"]
    assert "P-102.temp" in refused.refused[0][1]
    assert words_replaced((SPEED,), "", "x", AT).why_not


def test_deleting_names_what_goes() -> None:
    change = deleted((SPEED, TEMP))
    assert change.remove == (("/Plant/P101A", "speed"), ("/Plant/P101A/Motor", "temp"))
    assert change.words == "2 bindings will change."
