"""What was loaded of a scene, and how its prims and the world's tags hang together."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from armillary.encoding.compile import Program
from armillary.encoding.compile import compiled as compiled_program
from armillary.encoding.flows import Pipes
from armillary.encoding.maps import Legend
from armillary.model.arrays import B1, I8, frozen
from armillary.model.binding import Binding, ColourMap
from armillary.model.fault import SceneFault
from armillary.model.message import SceneOpened
from armillary.model.scene import SceneArrays, SceneProblem, index_of, subtree_ends
from armillary.model.tags import TagSpec
from armillary.model.twin import TwinInstance
from armillary.project import shown_lint
from armillary.scene import cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenery:
    """A scene, its bindings, and the program compiled for the tags of a world."""

    scene: SceneArrays
    bindings: tuple[Binding, ...]
    layer_problems: tuple[SceneProblem, ...]  # of the binding layer
    program: Program
    specs: tuple[TagSpec, ...]  # the tags that it was compiled for
    compile_problems: tuple[SceneProblem, ...]
    bound_slot: B1  # (N,) tags that the picture depends on
    pair_prim: I8  # (p,) prims driven, ascending, with
    pair_binding: I8  # (p,) the index of the binding in `program.bindings`
    slot_of: Mapping[str, int]  # Binding.where -> slot of its tag, for those that run
    pipes: Pipes = field(default_factory=dict)  # of the scene, known for the next compilation


def load(opened: SceneOpened, specs: tuple[TagSpec, ...], colormaps: Sequence[ColourMap]) -> Scenery:
    """Return the scenery of a scene that the child has opened. Takes seconds for large scenes.

    Raises SceneFault for a file that is not whole; it is deleted, so that it is made anew the next time.
    """
    path = Path(opened.arrays)
    try:
        arrays = cache.read(path)
    except SceneFault:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise
    return compiled(arrays, opened.bindings, opened.problems, specs, colormaps)


def compiled(
    scene: SceneArrays,
    bindings: tuple[Binding, ...],
    layer_problems: tuple[SceneProblem, ...],
    specs: tuple[TagSpec, ...],
    colormaps: Sequence[ColourMap],
    trial: TagSpec | None = None,
    before: Scenery | None = None,
) -> Scenery:
    """Return the scenery of arrays that are there already, for these tags.

    trial: one more tag, behind all others, that no world has (`showing.trial` gives its value).
    before: what was compiled for the same scene already; what it found out of shapes is taken over.
    """
    pipes: Pipes = {} if before is None or before.scene is not scene else before.pipes
    n = len(specs)
    tags = specs if trial is None else (*specs, replace(trial, slot=n))
    program, problems = compiled_program(bindings, scene, tags, colormaps, pipes)
    if trial is None:
        problems = (*problems, *shown_lint.findings(bindings, scene, specs))
    bound = np.zeros(len(tags), np.bool_)
    bound[program.binding_slot] = True
    for group in program.derived:
        bound[list(group.inputs.values())] = True
    if program.poses is not None:
        bound[program.poses.tag] = True
    for surface in program.fields:
        bound[surface.tag] = True
    count = [len(prims) for prims in program.binding_prims]
    prim = np.array([p for prims in program.binding_prims for p in prims], np.int64)
    binding = np.repeat(np.arange(len(count)), count)
    order = np.argsort(prim, kind="stable")
    return Scenery(
        scene=scene,
        bindings=bindings,
        layer_problems=layer_problems,
        program=program,
        specs=specs,
        compile_problems=problems,
        bound_slot=frozen(bound[:n]),
        pair_prim=frozen(prim[order]),
        pair_binding=frozen(binding[order]),
        pipes=pipes,
        slot_of={
            b.where: s for b, s in zip(program.bindings, program.binding_slot.tolist(), strict=True) if s < n
        },
    )


def bindings_below(scenery: Scenery, prim: int) -> list[int]:
    """Return the bindings that drive a prim or its descendants, nearest first, each once."""
    end = int(scenery.program.ends[prim])
    first, last = np.searchsorted(scenery.pair_prim, [prim, end])
    return list(dict.fromkeys(scenery.pair_binding[first:last].tolist()))


def tags_of_prim(
    scenery: Scenery, prim: int, twins: Sequence[TwinInstance], specs: Sequence[TagSpec]
) -> list[int]:
    """Return the slots shown by a prim or its subtree: through bindings first, then through its twin."""
    slots = [int(scenery.program.binding_slot[b]) for b in bindings_below(scenery, prim)]
    slots = [slot for slot in slots if slot < len(scenery.specs)]  # one on trial is no world's
    twin = twin_of_prim(scenery.scene, prim, twins)
    if twin is not None:
        slots += [s.slot for s in specs if s.twin == twin.id]
    return list(dict.fromkeys(slots))


def prim_of_tag(scenery: Scenery, slot: int, twins: Sequence[TwinInstance], spec: TagSpec) -> int | None:
    """Return the prim that shows a tag: of its first binding, then of its twin, which the scene may lack."""
    rows = np.flatnonzero(scenery.program.binding_slot == slot)
    if len(rows):
        return scenery.program.binding_prims[int(rows[0])][0]
    path = next((t.prim for t in twins if t.id == spec.twin and t.prim), "")
    return index_of(scenery.scene.prim_path).get(path)


def twin_of_prim(scene: SceneArrays, prim: int, twins: Sequence[TwinInstance]) -> TwinInstance | None:
    """Return the twin whose prim is this one or its nearest ancestor."""
    by_path = {t.prim: t for t in twins if t.prim}
    while prim >= 0:
        if (twin := by_path.get(scene.prim_path[prim])) is not None:
            return twin
        prim = int(scene.parent[prim])
    return None


def legends_for(scenery: Scenery, prims: Sequence[int]) -> tuple[Legend, ...]:
    """Return the legends; those that explain these prims and what they hold come first.

    A view shows as many as it has room for, and who selects a bearing asks for its temperature.
    """
    legends = scenery.program.legends
    if not prims or len(legends) <= 1:
        return legends
    chosen = np.asarray(prims, np.int64)
    spans = np.stack([chosen, subtree_ends(scenery.scene.parent)[chosen]], axis=1)
    rows = np.searchsorted(scenery.pair_prim, spans)
    found = {b for first, last in rows.tolist() for b in scenery.pair_binding[first:last].tolist()}
    bindings = [scenery.program.bindings[b] for b in found]
    used = {b.colormap for b in bindings}
    own = {(b.colormap, *(f"{end:.4g}" for end in b.ends)) for b in bindings}

    def distance(legend: Legend) -> int:
        if (legend.name, legend.low, legend.high) in own:
            return 0
        return 1 if legend.name in used else 2

    return tuple(sorted(legends, key=distance))


def bindings_of_prim(scenery: Scenery, prim: int) -> list[Binding]:
    """Return the bindings that a prim carries or that drive it, also those that cannot run."""
    path = scenery.scene.prim_path[prim]
    first, last = np.searchsorted(scenery.pair_prim, [prim, prim + 1])
    driving = [scenery.program.bindings[b] for b in scenery.pair_binding[first:last].tolist()]
    carried = [b for b in scenery.bindings if b.prim == path]
    return list(dict.fromkeys((*carried, *driving)))
