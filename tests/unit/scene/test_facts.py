"""What a stage says of itself is told, and what it leaves to OpenUSD is named as that."""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.scene import SceneArrays
from armillary.scene.check import check
from armillary.scene.load import load
from armillary.scene.stage import open_stage

Load = Callable[..., SceneArrays]
SAID = """    "Goods in, hall 3"
    doc = "Exported from CAD"
    startTimeCode = 1
    endTimeCode = 49
    timeCodesPerSecond = 12
    framesPerSecond = 24
    customLayerData = {
        string made_by = "us"
    }
"""


def test_metadata_of_the_stage_is_told(scene_of: Load) -> None:
    told = dict(scene_of('def Cube "W"\n{\n}\n', axis="Y", metres=0.01, more=SAID).facts)
    assert told == {
        "File": "scene.usda",
        "Layers": "1",
        "Default prim": "/W",
        "Units": "0.01 m",
        "Up axis": "Y",
        "Time codes": "1 to 49 · 4 s",
        "A second": "12 time codes",
        "Frames a second": "24",
        "Comment": "Goods in, hall 3",
        "Notes": "Exported from CAD",
        "Own data": "1 entry, 17 characters",
    }


def test_what_the_file_does_not_say_is_named_as_that(write: Callable[..., str]) -> None:
    path = write('def Cube "W"\n{\n}\n', head='#usda 1.0\n(\n    defaultPrim = "W"\n)\n')
    found = check(path)
    told = dict(load(open_stage(found.root, found.layers).stage).facts)
    assert all(told[name].endswith("(the file does not say)") for name in ("Units", "Up axis"))
    assert "Time codes" not in told


def test_a_range_that_the_samples_give_is_named_as_that(scene_of: Load) -> None:
    body = """
def Cube "W"
{
    token visibility.timeSamples = {
        0: "inherited",
        24: "invisible",
    }
}
"""
    assert dict(scene_of(body).facts)["Time codes"] == "0 to 24 · 1 s, as its samples have it"
