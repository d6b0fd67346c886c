"""What of showing a scene needs no window: done in a thread of its own, before the desk shows it."""

from __future__ import annotations

from armillary.model.scene import SceneArrays, index_of
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
