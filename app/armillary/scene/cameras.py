"""Cameras of a scene, in world metres, and which one to begin with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pxr import Gf, Tf, Usd, UsdGeom

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import F8, I8
from armillary.model.bending import TRACK
from armillary.model.motion import Motion
from armillary.model.scene import Camera
from armillary.scene.place import flags
from armillary.scene.survey import Survey
from armillary.scene.timing import Timed, attributes

MOST_READS = 20_000  # of cameras at other times: about half a second
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
        found = _camera(survey, source, survey.time, matrix[row], centre, metres)
        if found is not None:
            out.append(found)
    return tuple(out)


def tracks(
    survey: Survey,
    timed: Timed,
    moves: Motion,
    matrix: F8,
    row_of: I8,
    metres: float,
    found: Sequence[Camera],
) -> dict[str, Any]:
    """Return the fields `camera_…` of SceneArrays: the cameras that change, at the times of the motion.

    Where nothing moves the times are those of the cameras' own samples.
    """
    index = {camera.path: i for i, camera in enumerate(found)}
    lens = set(timed.cameras)
    moved = flags(len(matrix), moves.row.tolist())
    changing = [s for s in survey.cameras if survey.path[s] in index and (s in lens or moved[row_of[s]])]
    if not changing:
        return {}
    times = moves.time if len(moves.row) else _times(survey, timed)
    if len(times) * len(changing) > MOST_READS:
        times = np.linspace(times[0], times[-1], max(MOST_READS // len(changing), 2))
    rows = row_of[changing]
    track = np.empty((len(times), len(changing), TRACK))
    at_row = np.searchsorted(moves.row, rows)
    for k, t in enumerate(times.tolist()):
        places = moves.places(t) if len(moves.row) else matrix[:0]
        for j, source in enumerate(changing):
            world = places[at_row[j]] if moved[rows[j]] else matrix[rows[j]]
            rest = found[index[survey.path[source]]]
            middle = np.array(rest.focus)
            now = _camera(survey, source, Usd.TimeCode(t), world, middle, metres) or rest
            track[k, j] = (*now.position, *now.focus, *now.up, now.fov_deg, now.ortho_height)
    numbers = np.array([index[survey.path[s]] for s in changing], np.int64)
    return {"camera_time": times, "camera_number": numbers, "camera_track": track}


def _times(survey: Survey, timed: Timed) -> F8:
    start, end, _ = timed.range
    inside = Gf.Interval(start, end)
    found = {start, end}
    for source in timed.cameras:
        for attribute in attributes(survey.prim[source]):
            found.update(attribute.GetTimeSamplesInInterval(inside))
    return np.array(sorted(found))


def _camera(survey: Survey, source: int, time: Any, world: F8, centre: F8, metres: float) -> Camera | None:
    """Return a camera at a time, placed by a matrix; None where it is no camera that can be looked through.

    centre: what it looks at where it has no distance of focus.
    """
    try:
        camera = UsdGeom.Camera(survey.prim[source]).GetCamera(time)
    except Tf.ErrorException:  # told of its transform already
        return None
    position = world[:3, 3]
    look, up = _unit(-world[:3, 2]), _unit(world[:3, 1])
    far = float(camera.focusDistance) * metres
    if not far > 0:
        far = max(float((centre - position) @ look), 1.0)
    aperture, focal = float(camera.verticalAperture), float(camera.focalLength)
    ortho = str(camera.projection).endswith("Orthographic")
    fov = math.degrees(2 * math.atan2(aperture / 2, focal)) if focal > 0 else 0.0
    if not all(math.isfinite(v) for v in (*position, *look, *up, far, aperture)):
        return None
    return Camera(
        path=survey.path[source],
        position=_triple(position),
        focus=_triple(position + look * far),
        up=_triple(up),
        fov_deg=0.0 if ortho else fov,
        ortho_height=aperture * APERTURE_UNIT * metres if ortho else 0.0,
    )


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
