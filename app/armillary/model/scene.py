"""A scene as arrays: what the loader makes, the cache keeps and the viewport draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from armillary.model.arrays import B1, F2, F4, F8, I4, I8, U1, U2, U4

PURPOSES = ("default", "render", "proxy", "guide")
# bits of the last column of SceneArrays.texture, above two bits each of how to go on beyond 0…1 in u and v
TEXTURE_CUTS, TEXTURE_BLENDS, TEXTURE_TILED, TEXTURE_GLOWS, TEXTURE_DETAIL = 16, 32, 64, 128, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneProblem:
    """Something of a scene that is wrong or not shown; the rest is."""

    code: str  # stable, e.g. "S03" (scene) or "B04" (binding layer)
    severity: str  # info | warning | error
    where: str  # file, or prim path
    what: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A camera of the scene, in world metres."""

    path: str
    position: tuple[float, float, float]
    focus: tuple[float, float, float]
    up: tuple[float, float, float]
    fov_deg: float  # vertical; 0 for orthographic
    ortho_height: float = 0.0  # m


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """A light of the scene, in world metres."""

    path: str
    kind: str  # distant | lamp | dome
    at: tuple[float, float, float]  # distant: unit vector towards it; lamp: where it is
    beam: tuple[float, float, float]  # unit vector that it shines along; zeros = to all sides
    colour: tuple[float, float, float]  # linear
    strength: float  # what it throws on the middle of the scene, in the file's own measure
    distance: float  # m from there


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSet:
    """A variant set of one prim."""

    prim: int
    name: str
    choices: tuple[str, ...]
    selection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneArrays:
    """All of a scene, M prims in depth-first order (a subtree is one run of indices), P points.

    Matrices are row-major f8[4, 4] on column vectors (p' = M p) and include the stage's unit and up-axis
    conversion: prim-local → world, Z up, metres. Points are prim-local, in the prim's own units.

    Geometry comes in K + 1 runs of triangles: run 0 is drawn once, each point by the matrix of its prim;
    run k ≥ 1 is prototype k - 1, drawn by the instances that name it, each by its own instance matrix.
    """

    point: F4  # (P, 3)
    normal: F4  # (P, 3) unit length
    point_prim: U4  # (P,) prim of each point (for a prototype: any prim that shows it)
    point_rgba: U1  # (P, 4) per-point display colour, or (0, 4) when no prim has one
    triangle: I4  # (T, 3) point indices
    proto: I8  # (K + 1,) first triangle of each prototype, then T; shape (1,) when there is none
    instance_prim: U4  # (I,) prim whose look the instance has
    instance_proto: U4  # (I,) 0 … K-1
    instance_matrix: F8  # (I, 4, 4) points of the prototype → world, at rest
    instance_id: I8  # (I,) PointInstancer id or index; -1 for native instances

    prim_path: tuple[str, ...]  # (M,)
    type_names: tuple[str, ...]  # table: "Xform", "Mesh", …
    prim_type: U2  # (M,) index into type_names
    parent: I4  # (M,) -1 for children of the root
    matrix: F8  # (M, 4, 4) at the start time
    local_box: (
        F4  # (M, 6) xmin ymin zmin xmax ymax zmax of the subtree in the prim's own space; NaN = nothing
    )
    box: F8  # (M, 6) of the subtree, world metres; NaN = nothing drawable
    rgba: U1  # (M, 4) sRGB and opacity: the material's base colour, else display colour, else grey
    emissive: U1  # (M, 3)
    metallic: U1  # (M,) 0…255
    roughness: U1  # (M,)
    visible: B1  # (M,) computed: inherited visibility and purpose setting
    purpose: U1  # (M,) index into PURPOSES
    drawable: B1  # (M,) has geometry of its own
    double_sided: B1  # (M,)
    has_point_rgba: B1  # (M,)
    instance_root: B1  # (M,) a native instance: parts below are proxies
    kind: tuple[tuple[int, str], ...]  # (prim, "component" | "assembly" | …) where authored
    root: F8  # (4, 4) stage space → world

    # images on surfaces; all empty where there are none
    point_uv: F4 = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    """(P, 3) or (0, 3): u, v and 1 + the row of `texture`; 0 = no image."""
    texture: I4 = field(default_factory=lambda: np.zeros((0, 4), np.int32))
    """(K, 4) first texel, width, height, flags; the halves of an image follow it, each halved again, down to
    one texel. A row of TEXTURE_TILED is a grid: first row of its tiles, columns, rows, flags.
    Width 0 = none. Behind a row of TEXTURE_DETAIL, or behind the tiles of such a grid, comes another: lean
    along u and v (128 = none), smoothness, metal."""
    texel: U1 = field(default_factory=lambda: np.zeros((0, 4), np.uint8))
    """(N, 4) sRGB and opacity, lowest row of an image first; N is a multiple of 32,768."""

    # which value of a list for the points of a mesh each point takes; empty in a scene made in memory
    point_vertex: I4 = field(default_factory=lambda: np.zeros(0, np.int32))
    """(P,) or (0,): number of each point among the points that its mesh has in the file; -1: no mesh's."""
    vertices: I4 = field(default_factory=lambda: np.zeros(0, np.int32))
    """(M,) or (0,): how many points each mesh has in the file, 0 for what is no mesh."""

    # what moves and appears with the stage's own time, see model.motion.Motion; all empty where nothing does
    motion_time: F8 = field(default_factory=lambda: np.zeros(0))
    motion_prim: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    motion_world: F8 = field(default_factory=lambda: np.zeros((0, 0, 4, 4)))
    motion_row: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    motion_anchor: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    motion_relative: F8 = field(default_factory=lambda: np.zeros((0, 4, 4)))
    motion_shown_row: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    motion_shown: B1 = field(default_factory=lambda: np.zeros((0, 0), np.bool_))

    # what bends and what flies with it, see model.bending.Bending; all empty where nothing does
    bend_time: F8 = field(default_factory=lambda: np.zeros(0))
    bend_point: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    bend_slot: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    bend_place: F4 = field(default_factory=lambda: np.zeros((0, 0, 3), np.float32))
    bend_normal: F2 = field(default_factory=lambda: np.zeros((0, 0, 3), np.float16))
    bend_reach: F4 = field(default_factory=lambda: np.zeros((2, 0, 3), np.float32))
    bend_instance: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    bend_matrix: F4 = field(default_factory=lambda: np.zeros((0, 0, 3, 4), np.float32))

    # parts whose colour changes with the stage's own time
    tint_time: F8 = field(default_factory=lambda: np.zeros(0))
    tint_row: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    tint_rgba: U1 = field(default_factory=lambda: np.zeros((0, 0, 4), np.uint8))
    """(times, rows, 4) sRGB and opacity."""

    # cameras that change with the stage's own time, see model.bending.camera_at
    camera_time: F8 = field(default_factory=lambda: np.zeros(0))
    camera_number: I8 = field(default_factory=lambda: np.zeros(0, np.int64))
    """(C,) which of `cameras`."""
    camera_track: F8 = field(default_factory=lambda: np.zeros((0, 0, 11)))
    """(times, C, 11) position, focus, up, fov_deg, ortho_height."""

    cameras: tuple[Camera, ...] = ()
    lights: tuple[Light, ...] = ()  # those that are on, the strongest first
    variants: tuple[VariantSet, ...] = ()
    payloads: tuple[tuple[int, bool], ...] = ()  # (prim, loaded): what can be loaded or left out by itself
    problems: tuple[SceneProblem, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()  # what the stage says of itself: (what, text)
    up_axis: str = "Z"
    meters_per_unit: float = 0.01
    time_range: tuple[float, float, float] = (0.0, 0.0, 24.0)  # start, end, codes per second
    default_camera: str = ""
    key: str = ""  # content hash, also the cache's name

    def __len__(self) -> int:
        return len(self.prim_path)


def subtree_ends(parent: I4) -> I8:
    """Return one past the last descendant of each prim, shape (M,); prims are in depth-first order."""
    m = len(parent)
    size = np.ones(m, np.int64)
    if m == 0:
        return size
    depth = depths(parent)
    order = np.argsort(depth, kind="stable")
    levels = np.split(order, np.cumsum(np.bincount(depth))[:-1])
    for rows in reversed(levels[1:]):  # one numpy pass a level: children add themselves to their parents
        above = parent[rows]  # ascending, as the rows are
        first = np.flatnonzero(np.r_[True, above[1:] != above[:-1]])
        size[above[first]] += np.add.reduceat(size[rows], first)
    out: I8 = np.arange(m) + size
    return out


def depths(parent: I4) -> I4:
    """Return the depth of each prim, 0 for children of the root; one numpy pass a level."""
    depth = np.zeros(len(parent), np.int32)
    up = parent.copy()
    while (live := up >= 0).any():
        depth[live] += 1
        up[live] = parent[up[live]]
    return depth


@lru_cache(maxsize=8)
def index_of(paths: tuple[str, ...]) -> dict[str, int]:
    """Return path → prim index; cached, as several rooms ask for the same scene."""
    return {path: i for i, path in enumerate(paths)}
