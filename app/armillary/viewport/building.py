"""What of showing a scene can be done before: aside, or while nobody waits for a picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.model.scene import SceneArrays, index_of
from armillary.viewport.picture import Picture
from armillary.viewport.sketch import Sketch
from armillary.viewport.stage import Stage


def build(scene: SceneArrays) -> Stage:
    """Return the stage of a scene, with all that it would make when first asked.

    Nobody else may use the stage until this returns; then it belongs to the thread of its window. Raises
    SceneFault for a scene whose indices point outside.
    """
    index_of(scene.prim_path)
    stage = Stage(scene)
    stage.boxes.now()
    return stage


def warm(picture: Picture) -> None:
    """Draw a box, a triangle and two instances once: the card's context and programs are made.

    That takes a while. Nothing of it is seen or left behind. Does nothing where something is shown already.
    """
    if picture.stage is not None or picture.sketch is not None:
        return
    picture.draw_sketch(Sketch(np.array([[0, 0, 0, 1, 1, 1]], np.float32), np.full((1, 4), 255, np.uint8)))
    picture.render()
    picture.show(Stage(_triangle()))
    picture.render()
    picture.render(smooth=True)
    picture.show(Stage(_instances(), max_copied=0))
    picture.render()
    picture.show(None)


def _instances() -> SceneArrays:
    """Return two true instances of a triangle, one so small that it is a sprite."""
    return replace(
        _triangle(),
        proto=np.array([0, 1], np.int64),
        instance_prim=np.zeros(2, np.uint32),
        instance_proto=np.zeros(2, np.uint32),
        instance_matrix=np.stack([np.eye(4), np.diag([0.02, 0.02, 0.02, 1.0])]),
        instance_id=np.zeros(2, np.int64),
    )


def _triangle() -> SceneArrays:
    return SceneArrays(
        point=np.eye(3, dtype=np.float32),
        normal=np.ones((3, 3), np.float32) / np.float32(np.sqrt(3)),
        point_prim=np.zeros(3, np.uint32),
        point_rgba=np.zeros((0, 4), np.uint8),
        triangle=np.array([[0, 1, 2]], np.int32),
        proto=np.array([1], np.int64),
        instance_prim=np.zeros(0, np.uint32),
        instance_proto=np.zeros(0, np.uint32),
        instance_matrix=np.zeros((0, 4, 4)),
        instance_id=np.zeros(0, np.int64),
        prim_path=("/A",),
        type_names=("Mesh",),
        prim_type=np.zeros(1, np.uint16),
        parent=np.full(1, -1, np.int32),
        matrix=np.eye(4)[None],
        local_box=np.array([[0, 0, 0, 1, 1, 1]], np.float32),
        box=np.array([[0.0, 0, 0, 1, 1, 1]]),
        rgba=np.full((1, 4), 255, np.uint8),
        emissive=np.zeros((1, 3), np.uint8),
        metallic=np.zeros(1, np.uint8),
        roughness=np.full(1, 128, np.uint8),
        visible=np.ones(1, np.bool_),
        purpose=np.zeros(1, np.uint8),
        drawable=np.ones(1, np.bool_),
        double_sided=np.zeros(1, np.bool_),
        has_point_rgba=np.zeros(1, np.bool_),
        instance_root=np.zeros(1, np.bool_),
        kind=(),
        root=np.eye(4),
    )
