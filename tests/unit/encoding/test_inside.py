"""Each tag finds its part by itself: unknown ones drag nobody down, titles count, ties are not taken."""

from __future__ import annotations

import pytest

from armillary.encoding.inside import SURE
from armillary.encoding.matching import Leaf, Match, Part, match
from armillary.encoding.naming import segment
from armillary_bench.plants_hard import KEPT_OUT, TUNED, plant, scored

SKID = """
DS_201
  Bund
  Drum
    Shell
    Liquid
  Panel
  Controller
  P_201A
    Body
    Knob
  P_201B
    Body
    Knob
  SuctionHose
  DosingHose
"""
TAGS = """
DS-201/level | % | Level of the drum | Drum/Liquid
DS-201/dose_flow | l/h | Dose flow | DosingHose
DS-201/chlorine | mg/l | Free chlorine | Controller
DS-201/dosed | l | Solution dosed | -
DS-201/dose_sp | mg/l | Dose setpoint | -
DS-201/pump_a/speed | % | Speed | P_201A/Knob
DS-201/pump_b/speed | % | Speed | P_201B/Knob
"""


def placed(found: Match, leaves: tuple[Leaf, ...], parts: tuple[Part, ...]) -> dict[str, str]:
    return {"/".join(leaves[p.leaf].path): "/".join(parts[p.part].path[1:]) for p in found.pairs}


def test_what_nobody_knows_drags_nobody_down() -> None:
    leaves, parts, right = plant((SKID, TAGS))
    assert scored(leaves, parts, right) == (1.0, 1.0, 1.0)
    strangers = tuple(Leaf(path=("DS-201", f"t{i}x")) for i in range(12))
    before = placed(match(leaves, parts), leaves, parts)
    after = placed(match((*leaves, *strangers), parts), (*leaves, *strangers), parts)
    for tag in ("level", "dose_flow", "chlorine", "pump_a/speed"):
        assert after[f"DS-201/{tag}"] == before[f"DS-201/{tag}"]


def test_the_reasons_say_what_speaks_for_a_part() -> None:
    leaves, parts, _ = plant((SKID, TAGS))
    found = match(leaves, parts)
    said = {"/".join(leaves[p.leaf].path): p.reasons for p in found.pairs}
    assert "unit mg/l: concentration is usual at: controller" in said["DS-201/chlorine"]
    assert said["DS-201/dose_flow"][1] == "its name says dosing"
    assert said["DS-201/level"][0] == "its path names DS_201"


@pytest.mark.parametrize("name", [*TUNED, *KEPT_OUT])
def test_hard_plants_find_most_and_are_sure_only_of_what_is_right(name: str) -> None:
    got, offered, sure = scored(*plant((TUNED | KEPT_OUT)[name]))
    assert got >= 0.9
    assert offered >= 0.95
    assert sure >= 0.95


def test_two_that_fit_alike_are_offered_and_not_taken() -> None:
    leaves, parts, _ = plant(("Cell\n  Lamp_Left\n  Lamp_Right\n", "Cell/status | | Lamp | -"))
    found = match(leaves, parts)
    places = {parts[p.part].path[-1] for p in found.candidates[0]} | {
        parts[p.part].path[-1] for p in found.pairs
    }
    assert {"Lamp_Left", "Lamp_Right"} <= places
    assert all(pair.score < SURE for pair in found.pairs)


def test_a_tag_with_other_numbers_is_of_another_thing() -> None:
    scene = "Floor\n  VAV_2_14\n    Damper\n  VAV_2_15\n    Damper\n"
    leaves, parts, _ = plant((scene, "VAV-2-15/Damper_Position | % | | VAV_2_15/Damper"))
    found = match(leaves, parts)
    assert placed(found, leaves, parts) == {"VAV-2-15/Damper_Position": "VAV_2_15/Damper"}
    _, only, _ = plant((scene.partition("  VAV_2_15")[0], ""))
    assert all("Damper" not in only[p.part].path for p in match(leaves, only).pairs)


def test_the_title_names_the_thing_of_an_instrument() -> None:
    scene = "Unit\n  C_2101\n    Sump\n  LV_1003\n"
    leaves, parts, _ = plant((scene, "LIC1003.PV | % | C-2101 sump level | C_2101/Sump"))
    assert placed(match(leaves, parts), leaves, parts) == {"LIC1003/PV": "C_2101/Sump"}


def test_words_of_other_languages_and_joined_ones_mean_the_same() -> None:
    assert segment("Speisewasserpumpe").words == ("speisewasser", "pump")
    assert segment("Motorstroom").words == ("motor", "current")
    assert segment("Füllstand").words == segment("level").words
    assert segment("Persleiding").words == ("discharge", "pipe")
    assert segment("pumps").words == ("pump",)
    assert segment("status").words == ("state",)
