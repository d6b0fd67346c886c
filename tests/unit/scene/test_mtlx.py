"""MaterialX documents give parts their colours, and nothing else."""

import json

import numpy as np
import pytest
from PIL import Image

from armillary.model import message
from armillary.model.scene import index_of
from armillary.scene.child import SceneServer

HEAD = '#usda 1.0\n(\n    upAxis = "Z"\n    metersPerUnit = 1\n)\n'
SCENE = """
def Scope "Mats" (
    references = @./paint.mtlx@</MaterialX/Materials>
)
{
}
def Cube "B" (
    prepend apiSchemas = ["MaterialBindingAPI"]
)
{
    rel material:binding = </Mats/Paint>
}
"""
DOCUMENT = """<?xml version="1.0"?>
<materialx version="1.38" colorspace="lin_rec709">
  <xi:include href="nodes.mtlx"/>
  <nodegraph name="G">
    <input name="file" type="filename" value="tex/wood.png" colorspace="srgb_texture"/>
    <image name="i" type="color3"><input name="file" type="filename" interfacename="file"/></image>
    <multiply name="m" type="color3"><input name="in1" type="color3" nodename="i"/></multiply>
    <output name="o" type="color3" nodename="m"/>
  </nodegraph>
  <standard_surface name="S" type="surfaceshader">
    <input name="base" type="float" value="1"/>
    {colour}
  </standard_surface>
  <surfacematerial name="Paint" type="material">
    <input name="surfaceshader" type="surfaceshader" nodename="S"/>
  </surfacematerial>
</materialx>
"""
PLAIN = '<input name="base_color" type="color3" value="1, 0, 0"/>'
PICTURE = '<input name="base_color" type="color3" nodegraph="G" output="o"/>'


@pytest.mark.parametrize(("colour", "rgba"), [(PLAIN, [255, 0, 0, 255]), (PICTURE, [0, 0, 255, 255])])
def test_a_document_colours_what_is_bound_to_its_materials(scene_of, tmp_path, colour, rgba) -> None:
    (tmp_path / "tex").mkdir()
    Image.fromarray(np.full((2, 2, 3), (0, 0, 255), np.uint8)).save(tmp_path / "tex" / "wood.png")
    (tmp_path / "paint.mtlx").write_text(DOCUMENT.format(colour=colour))
    scene = scene_of(SCENE)
    assert scene.rgba[index_of(scene.prim_path)["/B"]].tolist() == rgba
    assert scene.problems == ()
    assert (len(scene.texture) > 0) is (colour == PICTURE)


LOOP = (
    '<materialx><nodegraph name="G"><mix name="a" type="color3"><input name="in" type="color3" nodename="b"/>'
    '</mix><mix name="b" type="color3"><input name="in" type="color3" nodename="a"/></mix>'
    '<output name="o" type="color3" nodename="a"/></nodegraph>'
    '<standard_surface name="S" type="surfaceshader">'
    '<input name="base_color" type="color3" nodegraph="G" output="o"/></standard_surface>'
    '<surfacematerial name="Paint" type="material"><input name="surfaceshader" type="surfaceshader" '
    'nodename="S"/></surfacematerial></materialx>'
)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["S02"]),
        ("<materialx>", ["S02"]),
        ("<html/>", ["S02"]),
        ('<!DOCTYPE x [<!ENTITY a "b">]><materialx/>', ["S02"]),
        ("<materialx/>", ["S02"]),  # without the material that the scene refers to
        ('<materialx><surfacematerial name="Paint"/></materialx>', []),
        (DOCUMENT.format(colour=PLAIN.replace("1, 0, 0", "red")), []),
        (DOCUMENT.format(colour=PICTURE.replace('"o"', '"gone"')), []),
        (LOOP, []),
    ],
)
def test_a_document_that_says_nothing_leaves_the_scene_as_it_is(scene_of, tmp_path, text, problems) -> None:
    (tmp_path / "paint.mtlx").write_text(text)
    scene = scene_of(SCENE.replace("/MaterialX/Materials", "/MaterialX/Materials/Paint", 1))
    row = index_of(scene.prim_path)["/B"]
    assert scene.drawable[row]
    assert scene.rgba[row].tolist() == [180, 180, 180, 255]
    assert [p.code for p in scene.problems] == problems


def test_info_counts_the_prims_of_the_scene_and_names_the_document(write, tmp_path) -> None:
    (tmp_path / "paint.mtlx").write_text(DOCUMENT.format(colour=PLAIN))
    server, entry = SceneServer(), write(SCENE, head=HEAD)
    server.answer(message.OpenScene(entry=entry, cache=str(tmp_path / "cache")))
    answer = server.answer(message.AskInfo(entry=entry))
    assert isinstance(answer, message.Json)
    facts = json.loads(answer.text)
    assert facts["prims"] == 2
    assert facts["problems"] == []
    assert [(u["feature"], u["count"]) for u in facts["unsupported"]] == [
        ("MaterialX materials (their plain colours are used)", 1)
    ]


def test_bindings_of_an_open_scene_with_a_document_are_checked(write, tmp_path) -> None:
    (tmp_path / "paint.mtlx").write_text(DOCUMENT.format(colour=PLAIN))
    server, entry = SceneServer(), write(SCENE, head=HEAD)
    server.answer(message.OpenScene(entry=entry, cache=str(tmp_path / "cache")))
    answer = server.answer(message.CheckBindings(entry=entry, bindings=str(tmp_path / "none.usda")))
    assert isinstance(answer, message.Problems)
    assert answer.problems == ()
