"""The ground, roads, fence and trees (a payload of the scene), and the cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from authoring.shapes import bars, cylinder, merged, revolve
from authoring.stage import Builder
from pxr import Gf, Sdf, UsdGeom, Vt

from pumping_station_parts.layout import HALL_X, PIT_X, PIT_Y

FENCE = (-22.5, 22.5, -11.0, 9.0)
_SEED = 20


def write_landscape(path: Path) -> None:
    """Write the payload: ground, fence posts and trees as point instancers."""
    b = Builder(path, "Landscape")
    _ground(b)
    _fence(b)
    _trees(b)
    b.save()


def build(b: Builder) -> None:
    """Write the site with its payload, and the cameras."""
    b.group("/Station/Site")
    prim = b.xform("/Station/Site/Landscape")
    prim.GetPayloads().AddPayload("./parts/landscape.usda")
    cameras = "/Station/Cameras"
    b.xform(cameras)
    b.camera(f"{cameras}/Overview", (-0.5, -34.0, 18.0), (3.4, 1.0, 1.9), 42)
    b.camera(f"{cameras}/Pumps", (-7.0, -6.9, 3.1), (-1.6, 0.3, 0.1), 45)
    b.camera(f"{cameras}/P_101A", (-7.4, -3.6, 1.7), (-4.5, -0.7, -0.1), 45)
    b.camera(f"{cameras}/Valves", (-0.2, 0.2, 3.7), (2.6, 3.75, 1.9), 45)
    b.camera(f"{cameras}/T_101", (-19.5, -10.0, 4.5), (-15.6, 0.5, 2.2), 45)
    b.camera(f"{cameras}/T_102", (10.5, -14.0, 8.5), (15.5, 1.0, 5.2), 45)
    b.camera(f"{cameras}/DS_201", (7.2, -6.3, 2.3), (8.6, -2.9, 0.8), 45)


def _ground(b: Builder) -> None:
    x0, x1, y0, y1 = FENCE
    (px0, px1), (py0, py1) = PIT_X, PIT_Y
    b.xform("/Landscape/Ground")
    left, right = px0 - 0.3, px1 + 0.3
    for name, (xa, xb, ya, yb) in {
        "West": (x0 - 1, left, y0 - 1, y1 + 7),
        "East": (right, x1 + 1, y0 - 1, y1 + 7),
        "South": (left, right, y0 - 1, py0 - 0.3),
        "North": (left, right, py1 + 0.3, y1 + 7),
    }.items():
        b.cube(
            f"/Landscape/Ground/{name}",
            ((xa + xb) / 2, (ya + yb) / 2, -0.26),
            (xb - xa, yb - ya, 0.2),
            "Grass",
        )
    b.cube("/Landscape/Road", (0.0, -8.9, -0.14), (x1 - x0, 3.4, 0.06), "Asphalt")
    b.cube("/Landscape/Apron", ((HALL_X[0] + HALL_X[1]) / 2, -6.1, -0.12), (14.0, 1.4, 0.1), "Concrete")
    b.cube("/Landscape/PadWest", (-17.0, -0.6, -0.12), (9.4, 7.4, 0.12), "Concrete")
    b.cube("/Landscape/PadEast", (16.2, 1.2, -0.12), (7.4, 7.0, 0.12), "Concrete")


def _instancer(
    b: Builder, path: str, at: np.ndarray, kind: np.ndarray, size: np.ndarray | None = None
) -> None:
    out = UsdGeom.PointInstancer.Define(b.stage, path)
    out.CreatePositionsAttr(Vt.Vec3fArray.FromNumpy(np.round(at, 3).astype(np.float32)))
    out.CreateProtoIndicesAttr(Vt.IntArray.FromNumpy(kind.astype(np.int32)))
    out.CreateIdsAttr(Vt.Int64Array.FromNumpy(np.arange(1, len(at) + 1, dtype=np.int64)))
    if size is not None:
        out.CreateScalesAttr(
            Vt.Vec3fArray.FromNumpy(np.repeat(np.round(size, 3).astype(np.float32)[:, None], 3, axis=1))
        )
    reach = np.array([[-1.0, -1.0, 0.0], [1.0, 1.0, 6.0]])
    low, high = at.min(0) + reach[0], at.max(0) + reach[1]
    out.CreateExtentAttr(Vt.Vec3fArray([Gf.Vec3f(*map(float, low)), Gf.Vec3f(*map(float, high))]))


def _fence(b: Builder) -> None:
    x0, x1, y0, y1 = FENCE
    pitch = 2.5
    xs, ys = np.arange(x0, x1 + 0.1, pitch), np.arange(y0 + pitch, y1, pitch)
    posts = (
        [(x, y1, -0.16) for x in xs]
        + [(x, y, -0.16) for y in ys for x in (x0, x1)]
        + [(x, y0, -0.16) for x in xs if abs(x) > 3]
    )
    _instancer(b, "/Landscape/FencePosts", np.array(posts), np.zeros(len(posts)))
    b.xform("/Landscape/FencePosts/Prototypes")
    b.mesh(
        "/Landscape/FencePosts/Prototypes/Post",
        merged(cylinder(0.035, 1.9, 8), cylinder(0.045, 0.04, 8).moved(z=1.9)),
        "Galvanised",
    )
    rel = UsdGeom.PointInstancer(b.stage.GetPrimAtPath("/Landscape/FencePosts")).CreatePrototypesRel()
    rel.SetTargets([Sdf.Path("/Landscape/FencePosts/Prototypes/Post")])
    wires = []
    for z in (0.25, 0.9, 1.55):
        wires += [
            ((x0, y1, z), (x1, y1, z)),
            ((x0, y0, z), (x0, y1, z)),
            ((x1, y0, z), (x1, y1, z)),
            ((x0, y0, z), (-5.0, y0, z)),
            ((5.0, y0, z), (x1, y0, z)),
        ]
    b.mesh("/Landscape/FenceWires", bars(wires, 0.012, 5), "Galvanised")


def _trees(b: Builder) -> None:
    rng = np.random.default_rng(_SEED)
    n = 20
    x = rng.uniform(FENCE[0], FENCE[1], n)
    y = rng.uniform(FENCE[3] + 1.8, FENCE[3] + 5.5, n)
    at = np.stack([x, y, np.full(n, -0.16)], axis=-1)
    _instancer(b, "/Landscape/Trees", at, rng.integers(0, 2, n), rng.uniform(0.8, 1.35, n))
    b.xform("/Landscape/Trees/Prototypes")
    trunk = revolve([(0.16, 0.0), (0.11, 0.6), (0.09, 1.6)], 8)
    for name, profile in {
        "Spruce": [(0.0, 4.6), (0.55, 3.3), (0.35, 3.3), (0.95, 2.1), (0.6, 2.1), (1.25, 0.9), (0.0, 0.9)][
            ::-1
        ],
        "Birch": [(0.0, 1.4), (0.7, 1.7), (1.1, 2.5), (0.95, 3.4), (0.5, 4.0), (0.0, 4.2)],
    }.items():
        path = f"/Landscape/Trees/Prototypes/{name}"
        b.xform(path)
        b.mesh(f"{path}/Trunk", trunk, "Bark")
        b.mesh(f"{path}/Crown", revolve(profile, 10), "Leaves")
    rel = UsdGeom.PointInstancer(b.stage.GetPrimAtPath("/Landscape/Trees")).CreatePrototypesRel()
    rel.SetTargets([Sdf.Path(f"/Landscape/Trees/Prototypes/{name}") for name in ("Spruce", "Birch")])
