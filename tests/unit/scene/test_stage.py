"""What a stage reads besides the layers that were walked first."""

import json

import pytest

from armillary.model import message
from armillary.model.fault import SceneFault
from armillary.model.scene import index_of
from armillary.scene.cache import read
from armillary.scene.child import SceneServer

HEAD = "#usda 1.0\n(\n    startTimeCode = 0\n    endTimeCode = 2\n)\n"
CLIP = 'def "C"\n{{\n double size.timeSamples = {{0: {}}}\n}}\n'
SCENE = (
    'def Cube "W" (\n clips = {{\n  dictionary default = {{\n   double2[] active = [(0, 0)]\n'
    "   asset[] assetPaths = [@{}@]\n   asset manifestAssetPath = @{}@\n"
    '   string primPath = "/C"\n  }}\n }}\n)\n{{\n}}\n'
)


def test_values_of_clips_in_the_folder_are_shown_and_watched(scene_of, write, tmp_path) -> None:
    write(CLIP.format(8), name="clips/c.usda", head=HEAD)
    body = SCENE.format("./clips/c.usda", "./clips/c.usda")
    scene = scene_of(body)
    assert scene.box[index_of(scene.prim_path)["/W"], 3] == 4
    server = SceneServer()
    asked = message.OpenScene(entry=str(tmp_path / "scene.usda"), cache=str(tmp_path / "cache"))
    cached = [server.answer(asked).cached for _ in range(2)]
    write(CLIP.format(2), name="clips/c.usda", head=HEAD)
    assert [*cached, server.answer(asked).cached] == [False, True, False]


def test_a_clip_from_outside_is_refused(write, tmp_path) -> None:
    write(CLIP.format(8), name="outside.usda", head=HEAD)
    entry = write(SCENE.format("../outside.usda", "../outside.usda"), name="in/scene.usda")
    for asked in (
        message.OpenScene(entry=entry, cache=str(tmp_path / "cache")),
        message.AskInfo(entry=entry),
    ):
        with pytest.raises(SceneFault, match="could not be checked"):
            SceneServer().answer(asked)


def test_a_branch_is_loaded_or_left_out_against_the_rule_of_the_scene(write, tmp_path) -> None:
    write('def Xform "W"\n{\n def Cube "box"\n {\n }\n}\n', name="part.usda")
    body = "".join(f'def "{n}" (\n payload = @./part.usda@\n)\n{{\n}}\n' for n in ("a", "b"))
    server, entry, cache = SceneServer(), write(body), str(tmp_path / "cache")

    def parts(asked: object) -> list[str]:
        paths = read(server.answer(asked).arrays).prim_path
        return [p for p in paths if p.endswith("box")]

    assert parts(message.OpenScene(entry=entry, cache=cache, load="none")) == []
    assert server.answer(message.AskAttributes(path="/a")).payload == "left out"
    assert parts(message.ChooseVariants(payloads=(("/a", True),))) == ["/a/box"]
    assert server.answer(message.AskAttributes(path="/a")).payload == "loaded"
    assert parts(message.ChooseVariants(payloads=(("/b", True),))) == ["/a/box", "/b/box"]
    assert parts(message.ChooseVariants(payloads=(("/a", False),))) == ["/b/box"]
    assert server.answer(message.AskAttributes(path="/b/box")).payload == ""


def test_info_without_payloads_says_what_is_left_out(write) -> None:
    write('def Cube "W"\n{\n}\n', name="part.usda")
    entry = write('def "a" (\n payload = @./part.usda@\n)\n{\n}\n')
    told = [
        json.loads(SceneServer().answer(message.AskInfo(entry=entry, load=rule)).text)
        for rule in ("all", "none")
    ]
    assert [t["types"].get("Cube", 0) for t in told] == [1, 0]
    assert [[p["code"] for p in t["problems"]] for t in told] == [[], ["S14"]]
