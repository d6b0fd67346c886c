"""Stage → SceneArrays: everything of a scene that is drawn, in world metres with Z up."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.model.arrays import B1, F8, I8, U1
from armillary.model.bending import Bending
from armillary.model.collector import uncollected
from armillary.model.message import SceneProgress
from armillary.model.motion import Motion
from armillary.model.scene import PURPOSES, SceneArrays, SceneProblem, VariantSet
from armillary.scene import (
    bending,
    cameras,
    facts,
    lights,
    motion,
    paint,
    place,
    shapes,
    skinning,
    textures,
    timing,
    tints,
)
from armillary.scene.appearance import Appearance
from armillary.scene.draw import Drawing, Instance, gather
from armillary.scene.instances import Instancers, point_matrices, read_prototypes
from armillary.scene.pictures import Pictures
from armillary.scene.place import NOTHING, Levels, flags
from armillary.scene.polygons import Flaws, build
from armillary.scene.pool import Pool, joined
from armillary.scene.preview import Preview, Tell
from armillary.scene.problems import FARTHEST, LIMITS, listed, problem
from armillary.scene.space import METRES_FALLBACK, stated_metres, stated_up_axis, world_matrix
from armillary.scene.survey import Survey, start_time

MOST_INSTANCES = 2_000_000
UNDRAWN = {
    "NurbsPatch": "NURBS patches",
    "NurbsCurves": "NURBS curves",
    "HermiteCurves": "Hermite curves",
    "TetMesh": "tetrahedral meshes",
    "Volume": "volumes",
    "ParticleField3DGaussianSplat": "Gaussian splats",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to show of a scene."""

    purposes: tuple[str, ...] = ("default", "render")
    max_prims: int = LIMITS["prims"]
    max_points: int = LIMITS["points"]
    max_triangles: int = LIMITS["triangles"]
    merge_points: int = 20_000
    """A part of native instances is merged like any mesh, unless its copies have more points than this."""


_TOO_BIG = "Left out: making its triangles needs more memory than the reader may use."
POINT_SIDES = 8  # of the sphere that a point of a Points prim is drawn with


def load(
    stage: Any,
    options: Options | None = None,
    problems: tuple[SceneProblem, ...] = (),
    pictures: Pictures | None = None,
    tell: Tell | None = None,
    rest: list[object] | None = None,
) -> SceneArrays:
    """Return the arrays of an open stage; `problems` found before are put in front of those found here.

    `tell` is given boxes of the parts while they are read. `rest` is given what was needed on the way, so
    that the caller can forget it when there is time: that takes a while.

    `pictures` reads the images of textures and tells afterwards which ones; without it, those beside the
    scene are read. Raises SceneFault when the scene is too large or too deep to be shown at all.
    """
    if pictures is None:
        pictures = Pictures((str(Path(stage.GetRootLayer().realPath).parent),))
    options = options or Options()
    with uncollected(), np.errstate(invalid="ignore", over="ignore"):
        survey, span = _surveyed(stage, options, tell)
        if skinning.ROOT not in survey.type_number:
            return _load(survey, span, options, problems, pictures, tell, rest)
        with skinning.posed(survey) as told:
            survey, span = _surveyed(stage, options)
            return _load(survey, span, options, (*problems, *told), pictures, tell, rest)


def _surveyed(stage: Any, options: Options, tell: Tell | None = None) -> tuple[Survey, tuple[int, int]]:
    """Return what is authored, and the sources of the tree as (first, end); `tell` gets boxes meanwhile."""
    survey = Survey(
        stage=stage,
        time=start_time(stage),
        max_prims=options.max_prims,
        max_points=options.max_points,
        max_triangles=options.max_triangles,
    )
    if tell is not None:
        root = world_matrix(_units(stage)[1], up_axis(stage))
        survey.read_some = Preview(root, options.purposes, tell)
    span = survey.read(stage.GetPseudoRoot())
    read_prototypes(survey)
    return survey, span


def _load(
    survey: Survey,
    span: tuple[int, int],
    options: Options,
    problems: tuple[SceneProblem, ...],
    pictures: Pictures,
    tell: Tell | None,
    rest: list[object] | None,
) -> SceneArrays:
    stage, (first, end) = survey.stage, span
    units, metres = _units(stage)
    root = world_matrix(metres, up_axis(stage))
    if tell is not None:
        tell(SceneProgress(what="building", done=len(survey.path), total=len(survey.path)))
    block = place.expand(survey, first, end, "")
    source = np.array(block.source, np.int64)
    levels = Levels.of(np.array(block.parent, np.int32))
    instance_source = flags(len(survey.path), list(survey.instance_of))
    found, images = _painted(survey, source, levels, instance_source[source], pictures)
    pool, geometry = _geometry(survey, images)
    shape = _shapes(geometry[source], images, len(pool) - bool(survey.points))

    table, which = survey.matrices()
    reset = flags(len(survey.path), survey.reset)[source]
    matrix = _placed(survey, source, levels.world(table, which[source], reset, root), root)
    look = Appearance.of(survey, found, source, levels, instance_source[source])
    purpose, visible = _visibility(survey, source, levels, options)
    chosen = tuple(PURPOSES.index(p) for p in options.purposes if p in PURPOSES)

    pool_box = place.pool_boxes(pool.point, pool.point_start)
    instancers = Instancers(survey, table, which, geometry, chosen, MOST_INSTANCES)
    drawing, own_box = _drawing(
        survey, source, levels, shape, matrix, pool, pool_box, instancers, look, options
    )
    arrays = gather(drawing, pool, look.rgba)
    in_setting = np.isin(purpose, chosen)
    own_box[~in_setting] = np.nan
    to_parent = np.where(reset[:, None, None], 0, 1) * table[which[source]]
    local_box, world_box = _boxes(levels, own_box, to_parent, matrix)
    row_of = np.full(len(survey.path), NOTHING, np.int64)
    row_of[source[::-1]] = np.arange(len(source))[::-1]
    reachable = ~levels.any_above(flags(len(survey.path), survey.invisible)[source])
    shining = lights.read(survey, matrix, row_of, reachable, world_box, pictures)
    timed = timing.found(survey)
    payloads, not_loaded = _payloads(stage, tuple(block.suffix))
    moves = motion.read(survey, source, levels, table, which, reset, root, in_setting, timed)
    bends = bending.read(survey, timed, pool, geometry, drawing, source, instancers, look)
    seen_by = cameras.read(survey, matrix, row_of, metres, world_box)
    if rest is not None:
        rest.extend((survey, found, block, pool, drawing))
    return SceneArrays(
        **arrays,
        **_of_prims(survey, source),
        **_of_time(moves, bends),
        **cameras.tracks(survey, timed, moves, matrix, row_of, metres, seen_by),
        **tints.read(survey, timed, source, levels, look),
        **_of_looks(look),
        texture=images.table,
        texel=images.texel,
        prim_path=tuple(block.suffix),
        parent=levels.parent,
        matrix=matrix,
        local_box=local_box.astype(np.float32),
        box=world_box,
        visible=visible,
        purpose=purpose,
        drawable=drawing.drawable,
        has_point_rgba=drawing.has_point_rgba,
        instance_root=instance_source[source],
        root=root,
        cameras=seen_by,
        lights=shining,
        variants=_variants(survey, row_of, end),
        payloads=payloads,
        problems=listed(
            [*problems, *units, *survey.problems, *found.problems, *_undrawn(survey), *not_loaded]
        ),
        facts=facts.texts(stage, timed.range),
        up_axis=up_axis(stage),
        meters_per_unit=metres,
        time_range=timed.range,
        default_camera=cameras.default(stage, seen_by),
    )


def _painted(
    survey: Survey, source: I8, levels: Levels, in_instance: B1, pictures: Pictures
) -> tuple[paint.Materials, textures.Textures]:
    """Return what all that is shown is painted with, and where its images lie."""
    shown = [*survey.mesh_source, *survey.gprim_source, *survey.shape_source, *survey.points]
    found = paint.materials(
        survey, [*shown, *survey.subsets, *survey.instancers, *survey.instance_of], pictures
    )
    paint.point_colours(survey, found)
    paint.subset_colours(survey, found)
    above = textures.from_above(survey, found, source, levels, in_instance)
    return found, textures.lay(survey, found, pictures, above)


def _placed(survey: Survey, source: I8, matrix: F8, root: F8) -> F8:
    """Return world matrices (M, 4, 4) with those that factors took out of all numbers put at the root."""
    far = np.flatnonzero(~np.isfinite(matrix).all(axis=(1, 2)))
    matrix[far] = root
    if len(far):
        what = f"The place of {len(far)} prims in the world is not a number."
        survey.problems.append(problem("S12", survey.path[int(source[far[0]])], what))
    return matrix


def _boxes(levels: Levels, own_box: F8, to_parent: F8, matrix: F8) -> tuple[F8, F8]:
    """Return the boxes (M, 6) of all subtrees, in the space of their prims and in the world."""
    local = place.subtree_boxes(levels, own_box, to_parent, np.arange(len(own_box)))
    world = place.subtree_boxes(levels, place.moved_boxes(own_box, matrix), None, None)
    world[np.isinf(world).any(axis=1)] = np.nan
    return local, world


def _of_prims(survey: Survey, source: I8) -> dict[str, Any]:
    """Return the fields of SceneArrays that say what each prim is."""
    return {
        "type_names": tuple(survey.type_number),
        "prim_type": np.array(survey.type_id, np.uint16)[source] if len(source) else np.zeros(0, np.uint16),
        "double_sided": flags(len(survey.path), survey.double_sided)[source],
        "kind": _kinds(survey, source),
    }


def _of_looks(look: Appearance) -> dict[str, Any]:
    """Return the fields of SceneArrays that say what each prim looks like."""
    return {
        "rgba": look.rgba,
        "emissive": look.emissive,
        "metallic": look.metallic,
        "roughness": look.roughness,
    }


def _of_time(moves: Motion, bends: Bending) -> dict[str, Any]:
    """Return the fields of SceneArrays that say what is elsewhere, or of another shape, at another time."""
    out = {f"bend_{item.name}": getattr(bends, item.name) for item in fields(Bending)}
    return out | {f"motion_{item.name}": getattr(moves, item.name) for item in fields(Motion)}


def up_axis(stage: Any) -> str:
    """Return "Y" or "Z"."""
    return "Y" if stated_up_axis(stage) == "Y" else "Z"


def _units(stage: Any) -> tuple[list[SceneProblem], float]:
    where, found = stage.GetRootLayer().realPath, []
    axis, metres = stated_up_axis(stage), stated_metres(stage)
    if axis not in {"Y", "Z"}:
        what = f"The up axis is {axis}, which is neither Y nor Z; Z is used."
        found.append(problem("S09", where, what, remedy="Give Y or Z as up axis."))
    if not (np.isfinite(metres) and metres > 0):
        found.append(problem("S09", where, f"The stage has {metres:g} metres per unit."))
        metres = METRES_FALLBACK
    return found, metres


def _geometry(survey: Survey, images: textures.Textures) -> tuple[Pool, I8]:
    """Return all shapes and which one each source has, shape (S,), -1 for none.

    Behind those of the sources come the copies that show other images, and the shape of a point.
    """
    meshes, flaws = build(survey.mesh)
    _report(survey, flaws)
    segments = shapes.segments_for(len(survey.gprim))
    extra = [shapes.template("Sphere", POINT_SIDES)] if survey.points else []
    pool = joined(
        [
            meshes,
            shapes.gprims(survey.gprim, segments, images.gprims),
            shapes.as_pool(survey.shape, survey.shape_rgba),
            *(_copied(copy, segments) for copy in images.copies),
            shapes.as_pool(extra, {}),
        ]
    )
    geometry = np.full(len(survey.path), NOTHING, np.int64)
    order = [*survey.mesh_source, *survey.gprim_source, *survey.shape_source]
    geometry[order] = np.arange(len(order))
    empty = np.diff(pool.triangle_start)[: len(order)] == 0
    geometry[np.array(order, np.int64)[empty]] = NOTHING
    return pool, geometry


def _copied(copy: textures.Copy, segments: int) -> Pool:
    if copy.mesh is not None:
        return build([copy.mesh])[0]
    if copy.gprim is None:
        raise ValueError("a copy is of a mesh or of a gprim")
    gprim, affine, image = copy.gprim
    return shapes.gprims([gprim], segments, {0: (affine, image)})


def _shapes(shape: I8, images: textures.Textures, end: int) -> I8:
    """Return the shapes of rows with the copies that some of them show instead; `end`: behind the copies."""
    first = end - len(images.copies)
    for k, copy in enumerate(images.copies):
        shape[copy.rows[shape[copy.rows] >= 0]] = first + k
    return shape


def _report(survey: Survey, flaws: Flaws) -> None:
    def path(mesh: int) -> str:
        return survey.path[survey.mesh_source[mesh]]

    add = survey.problems.append
    for mesh in flaws.broken:
        add(problem("S05", path(mesh), "The mesh's face counts do not belong to its indices."))
    for mesh in flaws.too_big:
        add(problem("S19", path(mesh), _TOO_BIG))
    for mesh, n in flaws.bad_index:
        add(problem("S06", path(mesh), f"{n} faces name points that do not exist."))
    for mesh, n in flaws.bad_count:
        add(problem("S06", path(mesh), f"{n} faces have fewer than three corners."))
    for mesh, n in flaws.bad_point:
        add(problem("S07", path(mesh), f"{n} faces have corners that are not finite, or past {FARTHEST:g}."))
    for mesh, what in flaws.bad_primvar:
        add(problem("S10", path(mesh), f"The number of {what} does not fit their interpolation."))


def _visibility(survey: Survey, source: I8, levels: Levels, options: Options) -> tuple[U1, B1]:
    own = np.full(len(survey.path), NOTHING, np.int64)
    own[list(survey.purpose)] = list(survey.purpose.values())
    purpose = np.maximum(levels.inherited(own[source]), 0).astype(np.uint8)
    chosen = [PURPOSES.index(p) for p in options.purposes if p in PURPOSES]
    invisible = flags(len(survey.path), survey.invisible)[source]
    return purpose, place.shown(levels, invisible, purpose, chosen)


def _drawing(
    survey: Survey,
    source: I8,
    levels: Levels,
    shape: I8,
    matrix: F8,
    pool: Pool,
    pool_box: F8,
    instancers: Instancers,
    look: Appearance,
    options: Options,
) -> tuple[Drawing, F8]:
    """Return what is drawn by which row, and each row's own box in its own space."""
    m = len(source)
    is_instancer = flags(len(survey.path), survey.instancers)[source]
    inside = levels.any_above(is_instancer) & ~is_instancer
    drawn = (shape >= 0) & ~inside
    own_box = np.full((m, 6), np.nan)
    own_box[drawn] = pool_box[shape[drawn]]
    has_point_rgba = np.zeros(m, np.bool_)
    # inside an instance, a material bound above it covers what the points say for themselves
    covered = look.by_material & flags(len(survey.path), list(survey.self_coloured))[source]
    has_point_rgba[drawn] = pool.coloured[shape[drawn]] & ~covered[drawn]
    drawable = drawn.copy()

    uses = np.bincount(shape[drawn], minlength=len(pool))
    many = (uses > 1) & (uses * np.diff(pool.point_start) > options.merge_points)
    rows = np.flatnonzero(drawn)
    shared = many[shape[rows]] if len(rows) else np.zeros(0, np.bool_)
    merged = rows[~shared]
    instances: list[Instance] = []
    for shared_shape in np.flatnonzero(many).tolist():
        shows = rows[shared & (shape[rows] == shared_shape)]
        native = np.full(len(shows), NOTHING)
        instances.append(Instance(shared_shape, (), shows, matrix[shows], native))
    for row in np.flatnonzero(is_instancer).tolist():
        parts = instancers.parts(int(source[row]))
        own_box[row] = instancers.box(int(source[row]), pool_box)
        drawable[row] = bool(parts)
        painted = {look.of_part(part.rows, look.rgba[row]) for part in parts}
        if len(painted) == 1 and look.colour_of[source[row]] < 0:
            look.rgba[row] = next(iter(painted))
        has_point_rgba[row] = len(painted) > 1 or any(pool.coloured[part.geometry] for part in parts)
        for part in parts:
            rgba = look.of_part(part.rows, look.rgba[row]) if has_point_rgba[row] else ()
            instances.append(
                Instance(
                    part.geometry, rgba, np.full(len(part.matrix), row), matrix[row] @ part.matrix, part.id
                )
            )
    dot = len(pool) - 1  # the shape of a point is the last one
    for row in np.flatnonzero(flags(len(survey.path), survey.points)[source] & ~inside).tolist():
        local, kept = point_matrices(survey, int(source[row]))
        if not len(local):
            continue
        boxes = place.moved_boxes(np.broadcast_to(pool_box[dot], (len(local), 6)), local)
        own_box[row] = [*boxes[:, :3].min(axis=0), *boxes[:, 3:].max(axis=0)]
        drawable[row] = True
        by_colour = paint.by_colour(survey, look.found, int(source[row]), kept)
        has_point_rgba[row] = bool(by_colour)
        alpha = int(look.rgba[row, 3])
        runs: list[tuple[tuple[int, ...], I8]] = [
            ((int(r), int(g), int(b), alpha), which) for (r, g, b), which in by_colour
        ] or [((), np.arange(len(local)))]
        for colour, which in runs:
            n = len(which)
            instances.append(
                Instance(dot, colour, np.full(n, row), matrix[row] @ local[which], np.full(n, NOTHING))
            )
    return Drawing(merged, shape[merged], tuple(instances), drawable, has_point_rgba), own_box


def _kinds(survey: Survey, source: I8) -> tuple[tuple[int, str], ...]:
    if not survey.kind:
        return ()
    rows = np.flatnonzero(flags(len(survey.path), list(survey.kind))[source])
    return tuple((row, survey.kind[s]) for row, s in zip(rows.tolist(), source[rows].tolist(), strict=True))


def _variants(survey: Survey, row_of: I8, end: int) -> tuple[VariantSet, ...]:
    """Return the variant sets that can be chosen: those of own prims, not of shared prototypes."""
    return tuple(
        VariantSet(prim=int(row_of[v.prim]), name=v.name, choices=v.choices, selection=v.selection)
        for v in survey.variants
        if v.prim < end
    )


def _payloads(stage: Any, paths: tuple[str, ...]) -> tuple[tuple[tuple[int, bool], ...], list[SceneProblem]]:
    """Return the rows with payloads of their own and whether each is loaded, and what is left out."""
    loadable = {path.pathString for path in stage.FindLoadable()}
    if not loadable:
        return (), []
    # the load set does not name the parts of instances, although they are loaded
    rows = [
        (row, bool(stage.GetPrimAtPath(path).IsLoaded()))
        for row, path in enumerate(paths)
        if path in loadable
    ]
    known = {paths[row] for row, loaded in rows if loaded}
    left = [path for path in sorted(loadable - known) if not stage.GetPrimAtPath(path).IsLoaded()]
    return tuple(rows), [problem("S14", path, "The payload is not loaded.") for path in left]


def _undrawn(survey: Survey) -> list[SceneProblem]:
    numbers = {survey.type_number[name]: name for name in UNDRAWN if name in survey.type_number}
    if not numbers:
        return []
    types = np.array(survey.type_id)
    out = []
    for number, name in numbers.items():
        which = np.flatnonzero(types == number)
        if len(which):
            out.append(
                problem("S11", survey.path[int(which[0])], f"{len(which)} {UNDRAWN[name]} are not drawn.")
            )
    return out
