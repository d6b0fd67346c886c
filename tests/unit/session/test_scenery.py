from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from armillary.model.fault import SceneFault
from armillary.model.message import SceneOpened
from armillary.scene import cache
from armillary.session import scenery
from armillary_bench.synthetic import scene_of


def test_a_cached_scene_that_does_not_fit_together_is_refused_and_deleted(tmp_path: Path) -> None:
    scene = replace(scene_of(["/A", "/A/B"], [-1, 0]), key="k")
    parent = np.array([-1, 7], np.int32)
    path = cache.write(replace(scene, parent=parent), tmp_path)
    opened = SceneOpened(arrays=str(path), bindings=(), problems=(), cached=True)
    with pytest.raises(SceneFault, match="do not fit together"):
        scenery.load(opened, (), ())
    assert not path.exists()
    cache.write(scene, tmp_path)
    assert scenery.load(opened, (), ()).scene.prim_path == ("/A", "/A/B")
