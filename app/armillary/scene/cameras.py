"""Cameras of a scene, in world metres, and which one to begin with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pxr import Tf, UsdGeom

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import F8, I8
from armillary.model.scene import Camera
from armillary.scene.survey import Survey

APERTURE_UNIT = 0.1  # focal length and apertures are tenths of a scene unit
PRIMARY = "main_cam"  # OpenUSD's own name for a scene's main camera


def read(survey: Survey, matrix: F8, row_of: I8, metres: float, box: F8) -> tuple[Camera, ...]:
    """Return all cameras that are prims of the tree; their focus lies in the middle of the scene's depth."""
    out = []
    top = box[~np.isnan(box[:, 0])]
    centre = (top[:, :3].min(axis=0) + top[:, 3:].max(axis=0)) / 2 if len(top) else np.zeros(3)
    for source in survey.cameras:
        row = int(row_of[source])
        if row < 0:
            continue
        try:
            camera = UsdGeom.Camera(survey.prim[source]).GetCamera(survey.time)
        except Tf.ErrorException:  # told of its transform already
            continue
        position = matrix[row, :3, 3]
        look, up = -matrix[row, :3, 2], matrix[row, :3, 1]
        look, up = _unit(look), _unit(up)
        far = float(camera.focusDistance) * metres
        if not far > 0:
            far = max(float((centre - position) @ look), 1.0)
        aperture, focal = float(camera.verticalAperture), float(camera.focalLength)
        ortho = str(camera.projection).endswith("Orthographic")
        fov = math.degrees(2 * math.atan2(aperture / 2, focal)) if focal > 0 else 0.0
        values = (*position, *look, *up, far, aperture)
        if not all(math.isfinite(v) for v in values):
            continue
        out.append(
            Camera(
                path=survey.path[source],
                position=_triple(position),
                focus=_triple(position + look * far),
                up=_triple(up),
                fov_deg=0.0 if ortho else fov,
                ortho_height=aperture * APERTURE_UNIT * metres if ortho else 0.0,
            )
        )
    return tuple(out)


def default(stage: Any, cameras: tuple[Camera, ...]) -> str:
    """Return the path of the camera that the scene itself names, "" where it names none."""
    paths = [camera.path for camera in cameras]
    settings = stage.GetRootLayer().customLayerData.get("cameraSettings", {})
    bound = settings.get("boundCamera", "") if isinstance(settings, dict) else ""
    if bound in paths:
        return str(bound)
    return next((path for path in paths if path.rpartition("/")[2] == PRIMARY), "")


def _unit(vector: F8) -> F8:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else np.array([0.0, 0.0, 1.0])


def _triple(vector: F8) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in vector)
    return x, y, z
