"""Two persons change one layer: what is of different places is all kept, a clash keeps ours and is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.fault import SceneFault
from armillary.scene.merging import merged
from armillary.scene.placing import added

SCENE = """#usda 1.0
(
    upAxis = "Z"
)

over "Plant"
{
    over "Tank" (
        customData = {
            string note = "old"
        }
    )
    {
        double height = 3
    }
}
"""


def with_scene(text: str, prim: str) -> str:
    name = prim.rpartition("/")[2]
    return added(text, prim, f"./{name}.usda", translate=(1, 0, 0), rotate_x=0.0, scale=1.0, as_payload=False)


def test_scenes_added_by_two_persons_are_both_there() -> None:
    text, clashes = merged(
        "composed.usda", SCENE, with_scene(SCENE, "/Plant/A"), with_scene(SCENE, "/Plant/B")
    )
    assert clashes == ()
    assert "@./A.usda@" in text
    assert "@./B.usda@" in text
    assert text == merged("composed.usda", text, text, text)[0]


def test_the_first_scenes_of_two_persons_are_both_there() -> None:
    text, clashes = merged("composed.usda", "", with_scene("", "/Plant/A"), with_scene("", "/Plant/B"))
    assert clashes == ()
    assert "@./A.usda@" in text
    assert "@./B.usda@" in text


def test_different_fields_of_one_spec_are_both_kept() -> None:
    ours = SCENE.replace('"old"', '"ours"')
    theirs = SCENE.replace("height = 3", "height = 4").replace('"Z"', '"Y"')
    text, clashes = merged("composed.usda", SCENE, ours, theirs)
    assert clashes == ()
    assert '"ours"' in text
    assert "height = 4" in text
    assert 'upAxis = "Y"' in text


def test_one_field_changed_otherwise_keeps_ours_and_is_told() -> None:
    text, [clash] = merged("composed.usda", SCENE, SCENE.replace("= 3", "= 5"), SCENE.replace("= 3", "= 4"))
    assert "height = 5" in text
    assert (clash.what, clash.base, clash.ours, clash.theirs) == (
        "composed.usda: /Plant/Tank.height.default", "3.0", "5.0", "4.0",
    )  # fmt: skip


def test_what_they_removed_goes_unless_we_changed_it() -> None:
    gone = with_scene(SCENE, "/Plant/A")
    text, clashes = merged("composed.usda", gone, gone, SCENE)
    assert (text, clashes) == (merged("", SCENE, SCENE, SCENE)[0], ())
    changed = gone.replace("(1, 0, 0)", "(2, 0, 0)")
    text, found = merged("composed.usda", gone, changed, SCENE)
    assert "(2, 0, 0)" in text
    assert found
    assert all(clash.theirs == "not there" for clash in found)


def test_what_we_removed_stays_away_and_their_change_to_it_is_told() -> None:
    there = with_scene(SCENE, "/Plant/A")
    text, clashes = merged("composed.usda", there, SCENE, there.replace("(1, 0, 0)", "(2, 0, 0)"))
    assert "@./A.usda@" not in text
    assert any(clash.ours == "not there" for clash in clashes)


def test_references_that_both_add_to_one_prim_are_both_there() -> None:
    def with_arc(name: str) -> str:
        return SCENE.replace('over "Tank" (', f'over "Tank" (\n        prepend references = @./{name}.usda@')

    text, clashes = merged("composed.usda", SCENE, with_arc("a"), with_arc("b"))
    assert clashes == ()
    assert "@./a.usda@" in text
    assert "@./b.usda@" in text


def test_a_version_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SceneFault, match="'theirs'"):
        merged("composed.usda", SCENE, SCENE, "<<<<<<< ours")


names = st.lists(st.sampled_from("ABCDE"), max_size=4, unique=True)


@settings(deadline=None, max_examples=40)
@given(names, names, names)
def test_independent_edits_merge_alike_from_both_sides(
    base: list[str], ours: list[str], theirs: list[str]
) -> None:
    def text_of(some: list[str]) -> str:
        text = SCENE
        for name in sorted(some):
            text = with_scene(text, f"/Plant/{name}")
        return text

    there = [text_of(some) for some in (base, ours, theirs)]
    one, clashes = merged("composed.usda", *there)
    other, _ = merged("composed.usda", there[0], there[2], there[1])
    assert clashes == ()
    wanted = {n for n in "ABCDE" if ((n in ours) if (n in base) == (n in theirs) else (n in theirs))}
    for text in (one, other):
        assert {n for n in "ABCDE" if f"@./{n}.usda@" in text} == wanted
