"""Tags of a branch find the parts of a branch: by structure, names, numbers, units, models; with reasons."""

from __future__ import annotations

import pytest

from armillary.encoding.matching import Leaf, Match, Part, match
from armillary.encoding.naming import measured_by, quantity, segment, spoken, whole
from armillary_bench.plants import PRIMS, TAGS, judged, plant


def parts(*paths: str) -> list[Part]:
    out: list[Part] = []
    for path in paths:
        above = next((i for i, p in enumerate(out) if p.prim == path.rpartition("/")[0]), -1)
        out.append(Part(path=tuple(path.split("/")[1:]), prim=path, above=above))
    return out


def told(found: Match, leaves: list[Leaf], scene: list[Part]) -> dict[str, str]:
    return {".".join(leaves[p.leaf].path): scene[p.part].prim for p in found.pairs}


SCENE = parts(
    "/Plant",
    "/Plant/Pump_101A",
    "/Plant/Pump_101A/Bearing",
    "/Plant/Pump_101A/Motor",
    "/Plant/Pump_101B",
    "/Plant/Tank101",
    "/Plant/Tank101/Water",
    "/Plant/XV12",
)


def test_spellings_of_one_name_say_the_same() -> None:
    for text in ("P-101A", "P101A", "P_101_A", "p 101a", "P0101A"):
        assert segment(text).numbers == ("101a",)
        assert "p#101a" in segment(text).keys
    assert segment("DischargePressure").words == segment("disch_prs").words == ("discharge", "pressure")
    assert segment("A1_P100A_SPD").numbers == ("1", "100a")
    assert whole(("pump", "138a"))[-1].keys == ("p#138a",)


def test_isa_letters_say_what_is_measured() -> None:
    assert [measured_by(letters) for letters in ("tt", "pdt", "lic", "ft", "xv", "p")] == [
        "temperature",
        "pressure",
        "level",
        "flow",
        "position",
        "",
    ]
    assert quantity((segment("TT-111"),)) == "temperature"
    assert quantity((segment("X"),), "bar") == "pressure"
    assert quantity((segment("level"),), "%") == "level"


def test_each_tag_finds_its_part_and_says_why() -> None:
    leaves = [
        Leaf(path=("P-101A", "bearing_temp"), unit="°C"),
        Leaf(path=("P-101A", "speed"), unit="rpm"),
        Leaf(path=("T-101", "level"), unit="%"),
        Leaf(path=("XV-12", "pos"), unit="%"),
        Leaf(path=("Nobody",)),
    ]
    found = match(leaves, SCENE)
    assert told(found, leaves, SCENE) == {
        "P-101A.bearing_temp": "/Plant/Pump_101A/Bearing",
        "P-101A.speed": "/Plant/Pump_101A",
        "T-101.level": "/Plant/Tank101/Water",
        "XV-12.pos": "/Plant/XV12",
    }
    assert found.lone_leaves == (4,)
    assert [SCENE[i].prim for i in found.lone_parts] == [
        "/Plant",
        "/Plant/Pump_101A/Motor",
        "/Plant/Pump_101B",
        "/Plant/Tank101",
    ]
    bearing = next(p for p in found.pairs if p.leaf == 0)
    assert bearing.score > 0.8
    assert "number 101a agrees" in bearing.reasons
    assert "structure: P-101A is Pump_101A" in bearing.reasons
    assert list(found.pairs) == sorted(found.pairs, key=lambda p: -p.score)


def test_p_101a_is_not_p_101b() -> None:
    leaves = [Leaf(path=("P-101B", "bearing_temp"))]
    only_a = [p for p in SCENE if "101B" not in p.prim]
    assert match(leaves, only_a, least=0.0).pairs == ()


def test_each_part_is_given_once_unless_it_is_named_whole() -> None:
    leaves = [Leaf(path=("XV-12", "pos"), unit="%"), Leaf(path=("XV-12", "torque"), unit="Nm")]
    found = match(leaves, SCENE)
    assert [(p.leaf, SCENE[p.part].prim, p.is_second) for p in found.pairs] == [
        (0, "/Plant/XV12", False),
        (1, "/Plant/XV12", True),
    ]
    assert found.pairs[1].reasons[-1] == "the part has another tag too"


def test_the_twin_of_a_tag_weighs_more_than_its_name() -> None:
    scene = parts("/Plant", "/Plant/Zone1", "/Plant/Zone2")
    leaves = [Leaf(path=("TT-211", "value"), unit="°C", twin_prim="/Plant/Zone2")]
    found = match(leaves, scene, least=0.2)
    assert told(found, leaves, scene) == {"TT-211.value": "/Plant/Zone2"}
    assert "its twin stands for this part" in found.pairs[0].reasons


def test_tags_of_an_object_stay_together_where_its_parts_have_common_names() -> None:
    scene = parts(
        "/Hall", "/Hall/Mixer", "/Hall/Mixer/Lid", "/Hall/Mixer/Jacket", "/Hall/Press", "/Hall/Press/Lid"
    )
    leaves = [
        Leaf(path=("Press", "Lid", "Temp")),
        Leaf(path=("Mixer", "Lid", "Temp")),
        Leaf(path=("Mixer", "Jacket", "Temp")),
    ]
    assert told(match(leaves, scene), leaves, scene) == {
        "Press.Lid.Temp": "/Hall/Press/Lid",
        "Mixer.Lid.Temp": "/Hall/Mixer/Lid",
        "Mixer.Jacket.Temp": "/Hall/Mixer/Jacket",
    }


def test_a_model_type_speaks_for_a_part() -> None:
    scene = parts("/Plant", "/Plant/Compressor", "/Plant/Dryer")
    leaves = [Leaf(path=("K7", "outlet"), model="dtmi:acme:Compressor;1")]
    found = match(leaves, scene, least=0.01)
    assert told(found, leaves, scene) == {"K7.outlet": "/Plant/Compressor"}
    assert "model type fits" in found.pairs[0].reasons


def test_nothing_matches_nothing() -> None:
    assert match([], SCENE).lone_parts == tuple(range(len(SCENE)))
    assert match([Leaf(path=("a",))], []).lone_leaves == (0,)


@pytest.mark.parametrize("prims", PRIMS)
@pytest.mark.parametrize("tags", TAGS)
def test_conventions_of_names_meet(tags: str, prims: str) -> None:
    made = plant(60, tags, prims)
    precision, recall = judged(made, match(made.leaves, made.parts))
    assert precision > 0.98
    assert recall > 0.98


def test_a_letter_by_itself_belongs_to_the_number_above_it() -> None:
    leaves = [Leaf(path=("DS-201", "pump", "a", "speed")), Leaf(path=("DS-201", "pump", "b", "speed"))]
    scene = parts("/DS_201", "/DS_201/P_201B", "/DS_201/P_201A")
    found = told(match(leaves, scene), leaves, scene)
    assert found == {"DS-201.pump.a.speed": "/DS_201/P_201A", "DS-201.pump.b.speed": "/DS_201/P_201B"}


def test_a_group_that_says_only_that_values_are_in_it_is_not_heard() -> None:
    assert spoken(("DS-201", "status", "pump", "speed")) == ("DS-201", "pump", "speed")
    assert spoken(("status", "state")) == ("status", "state")
