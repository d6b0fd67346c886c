"""A small plant: a tank with a shell and a lid, a turned arm with a hand and its nail, and a sign."""

import numpy as np
import pytest

from armillary.model.scene import SceneArrays
from armillary_bench.synthetic import scene_of

PATHS = [
    "/Plant",  # 0
    "/Plant/Tank",  # 1
    "/Plant/Tank/Shell",  # 2
    "/Plant/Tank/Lid",  # 3
    "/Plant/Arm",  # 4
    "/Plant/Arm/Hand",  # 5
    "/Plant/Arm/Hand/Nail",  # 6
    "/Plant/Sign",  # 7
]
PARENT = [-1, 0, 1, 1, 0, 4, 5, 0]


@pytest.fixture(scope="session")
def scene() -> SceneArrays:
    local = np.broadcast_to(np.eye(4), (len(PATHS), 4, 4)).copy()
    local[3, :3, 3] = (0, 0, 2)
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    local[4, :3, :3] = quarter
    local[4, :3, 3] = (5, 0, 0)
    local[5, :3, 3] = (1, 0, 0)
    drawable = [False, False, True, True, False, True, True, True]
    return scene_of(PATHS, PARENT, local=local, drawable=drawable, meters_per_unit=0.01)
