"""Small scenes of what a viewer of OpenUSD must honour look like their stored references.

The measure is structural similarity of luminance (SSIM, 7 × 7 pixels) and, as SSIM sees no hue, the mean
colour of blocks of 8 × 8 pixels. Another driver moves single pixels at edges: that costs an SSIM of less than
0.02 and a block less than 8 levels, so ALIKE and NEAR leave twice that. Each scene is also drawn with its
feature switched off, and must then fail. With ARMILLARY_REFERENCES=1 in the environment the references are
written anew; look at them before they are kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from armillary.model.arrays import U1
from armillary.model.look import base_look
from armillary.model.motion import Motion, posed
from armillary.scene.check import check
from armillary.scene.load import load
from armillary.scene.stage import open_stage, quiet
from armillary.viewport.view import View

ViewOf = Callable[..., View]
FOLDER = Path(__file__).parent / "fidelity"
SIZE = (240, 160)
ALIKE, NEAR = 0.96, 16.0
BLOCK = 8
MOST_BYTES = 30_000
# scene → what is taken out of its text to switch the feature off, and what stands there instead
OFF: dict[str, tuple[tuple[str, str], ...]] = {
    "textures": (("primvars:st", "primvars:other"),),
    "coverings": (
        (
            "color3f inputs:diffuseColor.connect = </Looks/plain/T",
            "color3f inputs:other.connect = </Looks/plain/T",
        ),
        ("color3f inputs:emissiveColor.connect", "color3f inputs:other.connect"),
        (
            "rel material:binding = </Looks/plain>\n    double3 xformOp:translate = (9",
            "double3 xformOp:translate = (9",
        ),
    ),
    "relief": (
        ("normal3f inputs:normal.connect", "normal3f inputs:other.connect"),
        ("float inputs:roughness.connect", "float inputs:other.connect"),
        ("float inputs:occlusion.connect", "float inputs:other.connect"),
    ),
    "topology": (("int[] holeIndices = [1]", ""), ('interpolation = "uniform"', 'interpolation = "none"')),
    "instances": (("int64[] invisibleIds = [12]", ""), ("(0.924, 0, 0.383, 0)", "(1, 0, 0, 0)")),
    "shapes": (("0.25]", "0.02]"), ('axis = "X"', 'axis = "Z"')),
    "materials": (("rel material:binding", "rel other"), ("float inputs:metallic = 1", "")),
    "animation": (("1: 0,\n        25: 90,", "1: 0,"), ('10: "invisible",', '10: "inherited",')),
    "bending": (
        ("point3f[] points.timeSamples", "custom point3f[] other.timeSamples"),
        ("float[] widths.timeSamples", "custom float[] other2.timeSamples"),
        ("point3f[] positions.timeSamples", "custom point3f[] other3.timeSamples"),
    ),
    "lights": (
        ("def DistantLight", "def Xform"),
        ("def SphereLight", "def Xform"),
        ("def DomeLight", "def Xform"),
    ),
    "shown": (('token visibility = "invisible"', ""), ('purpose = "guide"', 'purpose = "default"')),
}
AT = {"animation": 15.0, "bending": 20.0}
SIDE = {"lights": "front", "shown": "iso"}


def drawn(view_of: ViewOf, path: Path, name: str) -> U1:
    """Return the picture (h, w, 3) of a scene as the desk draws it, without ground and axes."""
    found = check(str(path), roots=(str(FOLDER),))
    opened = open_stage(found.root, found.layers)
    with quiet():
        scene = load(opened.stage, problems=(*found.problems, *opened.problems))
    view = view_of(scene, plain=False, size=SIZE)
    view.set_options(grid=False, axes=False)
    view.standard(SIDE.get(name, "front"))
    if name in AT:
        view.apply(posed(base_look(scene), scene, Motion.of(scene), AT[name]))
    return view.render(rest=False)[..., :3].copy()


def alike(a: U1, b: U1) -> tuple[float, float]:
    """Return the structural similarity of two pictures, and the largest distance of colour of a block."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    ssim = structural_similarity(a @ weights, b @ weights, win_size=7, data_range=255)
    h, w = a.shape[0] // BLOCK, a.shape[1] // BLOCK
    means = [
        p[: h * BLOCK, : w * BLOCK].reshape(h, BLOCK, w, BLOCK, 3).astype(float).mean(axis=(1, 3))
        for p in (a, b)
    ]
    return float(ssim), float(np.abs(means[0] - means[1]).max())


def is_alike(a: U1, b: U1) -> bool:
    ssim, distance = alike(a, b)
    return ssim >= ALIKE and distance <= NEAR


@pytest.mark.parametrize("name", OFF)
def test_a_scene_looks_like_its_reference_and_without_its_feature_does_not(
    view_of: ViewOf, tmp_path: Path, name: str
) -> None:
    path, kept = FOLDER / f"{name}.usda", FOLDER / f"{name}.png"
    picture = drawn(view_of, path, name)
    if os.environ.get("ARMILLARY_REFERENCES"):
        Image.fromarray(picture).save(kept, optimize=True)
    reference = np.asarray(Image.open(kept).convert("RGB"))
    assert kept.stat().st_size <= MOST_BYTES
    assert np.ptp(reference.reshape(-1, 3), axis=0).max() > 100, "the reference is blank"
    assert is_alike(picture, reference), alike(picture, reference)
    text = path.read_text()
    for given, instead in OFF[name]:
        assert given in text, f"{given} is not in {name}.usda any more"
        broken = tmp_path / f"{name}.usda"
        broken.write_text(text.replace(given, instead).replace("./images/", f"{FOLDER}/images/"))
        without = drawn(view_of, broken, name)
        assert not is_alike(without, reference), f"{given}: {alike(without, reference)}"


def test_the_measure_takes_a_moved_edge_and_refuses_a_moved_part() -> None:
    a = np.full((160, 240, 3), 40, np.uint8)
    a[40:120, 60:180] = (200, 60, 60)
    edge, part, hue = a.copy(), np.roll(a, 12, axis=1), a.copy()
    edge[40:120, 60] = (120, 50, 50)  # half a pixel, as another driver would round it
    hue[40:120, 60:180] = (60, 101, 60)
    assert is_alike(a, edge)
    assert not is_alike(a, part)
    assert not is_alike(a, hue)
