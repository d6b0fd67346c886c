"""The peer of the viewport: pyvista used the plain way, one `add_mesh` for each prim."""

from __future__ import annotations

import time

import numpy as np
import pyvista as pv

from armillary.model.scene import SceneArrays

WIDTH, HEIGHT = 1280, 800


def first_frame_ms(scene: SceneArrays) -> float:
    """Return the milliseconds from the arrays to the first picture with one actor a prim, 1280 × 800.

    Raises AssertionError when the picture is empty.
    """
    per_prim = np.flatnonzero(np.diff(scene.point_prim.astype(np.int64))) + 1
    first = np.concatenate(([0], per_prim, [len(scene.point)]))
    faces = np.flatnonzero(np.diff(scene.point_prim[scene.triangle[:, 0]].astype(np.int64))) + 1
    first_face = np.concatenate(([0], faces, [len(scene.triangle)]))
    start = time.perf_counter()
    plotter = pv.Plotter(off_screen=True, window_size=[WIDTH, HEIGHT])
    for i in range(len(first) - 1):
        prim = int(scene.point_prim[first[i]])
        matrix = scene.matrix[prim]
        point = scene.point[first[i] : first[i + 1]] @ matrix[:3, :3].T + matrix[:3, 3]
        triangle = scene.triangle[first_face[i] : first_face[i + 1]] - first[i]
        mesh = pv.PolyData.from_regular_faces(point, triangle)
        plotter.add_mesh(mesh, color=scene.rgba[prim, :3].tolist())
    plotter.show(auto_close=False)  # before this, Plotter.render() draws nothing
    picture = plotter.screenshot(None, return_img=True)
    took = (time.perf_counter() - start) * 1e3
    plotter.close()
    if picture is None or len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) < 3:
        raise AssertionError("the peer drew nothing")
    return took
