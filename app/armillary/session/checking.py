"""A project's scene and bindings, read to be judged: by two processes at once where they do not depend.

A layer that holds bindings alone draws nothing (ADR 97), so one process reads the scene without it while
another reads the layer. Where the layer says more, one process reads both, as a desk has it do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from armillary.model.binding import Binding, ColourMap
from armillary.model.collector import uncollected
from armillary.model.fault import Fault, SceneFault
from armillary.model.message import (
    AskBindings,
    BindingsRead,
    CheckBindings,
    OpenScene,
    Problems,
    SceneOpened,
)
from armillary.model.scene import SceneArrays, SceneProblem
from armillary.scene import cache
from armillary.scene.problems import LIMITS
from armillary.session.reading import answer_of, ask_child, scene_child

LIMIT_S = 600.0
Own = Callable[[Sequence[Binding], SceneArrays], list[SceneProblem]]


@dataclass(slots=True)
class Judged:
    """What was read of a scene and its bindings, and what is wrong with them; no scene: nothing is shown."""

    scene: SceneArrays | None = None
    bindings: tuple[Binding, ...] = ()
    problems: list[SceneProblem] = field(default_factory=list)


def judge(
    asked: OpenScene,
    tags: Sequence[str],
    colormaps: Sequence[ColourMap],
    own: Own,
    meanwhile: Callable[[], None] = lambda: None,
) -> Judged:
    """Read a scene and its bindings. A scene that cannot be read is a fatal S00, never a Fault.

    `own` returns what the caller finds wrong with bindings in a scene, while another process looks too.
    `meanwhile` is called once, while other processes read.
    """
    question = CheckBindings(
        entry=asked.entry, bindings=asked.bindings, tags=tuple(tags), colormaps=tuple(colormaps)
    )
    waiting = [meanwhile]
    try:
        with uncollected():
            found = _by_two(asked, question, own, waiting) if _is_apart(asked) else None
            return found if found is not None else _by_one(asked, question, own, waiting)
    except Fault as fault:
        return Judged(problems=[refusal(fault)])
    finally:
        _do(waiting)


def refusal(fault: Fault) -> SceneProblem:
    """Return what is told of a scene that cannot be read."""
    return SceneProblem(code="S00", severity="fatal", where=fault.where, what=fault.what, remedy=fault.remedy)


def _do(waiting: list[Callable[[], None]]) -> None:
    while waiting:
        waiting.pop()()


def _is_apart(asked: OpenScene) -> bool:
    most = {**LIMITS, **asked.limits}["bytes"]
    is_file = os.path.isfile(asked.bindings)
    return is_file and os.path.getsize(asked.bindings) <= most and not os.path.exists(asked.composed)


def _by_two(
    asked: OpenScene, question: CheckBindings, own: Own, waiting: list[Callable[[], None]]
) -> Judged | None:
    """Return what two processes found, one of the scene, one of the bindings; None: it takes one for both."""
    with ExitStack() as readers:
        # the longer task first: it is at work while the other starts
        of_scene = readers.enter_context(scene_child(reads_only=True))
        whole = of_scene[0].send(replace(asked, apart=True))
        of_layer = readers.enter_context(scene_child(reads_only=True))
        layer = of_layer[0].send(AskBindings(layer=asked.bindings))
        try:
            read = answer_of(*of_layer, layer, LIMIT_S, asked.bindings)
        except Fault:  # who reads both tells what it is
            return None
        if not isinstance(read, BindingsRead) or read.draws:
            return None
        _do(waiting)
        opened = answer_of(*of_scene, whole, LIMIT_S, asked.entry)
        if not isinstance(opened, SceneOpened) or _is_too_much(asked, opened, read):
            return None
        lint = of_layer[0].send(replace(question, arrays=opened.arrays))
        scene = cache.read(Path(opened.arrays))
        ours = own(read.bindings, scene)
        judged = answer_of(*of_layer, lint, LIMIT_S, asked.bindings)
        if not isinstance(judged, Problems):
            return None
        found = [*scene.problems, *opened.problems, *read.problems, *judged.problems]
        if judged.unjudged:
            given = tuple(read.bindings[place] for place in judged.unjudged)
            more = ask_child(*of_scene, replace(question, given=given), LIMIT_S, asked.entry)
            found += more.problems if isinstance(more, Problems) else ()
        return Judged(scene, read.bindings, [*found, *ours])


def _is_too_much(asked: OpenScene, opened: SceneOpened, read: BindingsRead) -> bool:
    """Return whether both together may be past a limit that neither is past: one process judges that."""
    files = {*opened.files, *read.files}
    size = sum(os.path.getsize(file) for file in files if os.path.isfile(file))
    limits = {**LIMITS, **asked.limits}
    return size > limits["bytes"] or len(files) > limits["layers"]


def _by_one(asked: OpenScene, question: CheckBindings, own: Own, waiting: list[Callable[[], None]]) -> Judged:
    with scene_child(reads_only=True) as (line, process):
        whole = line.send(asked)
        _do(waiting)
        opened = answer_of(line, process, whole, LIMIT_S, asked.entry)
        if not isinstance(opened, SceneOpened):
            raise SceneFault(
                "The scene's reader answered something else.",
                where=asked.entry,
                remedy="Install the same version of Armillary on both sides.",
            )
        scene = cache.read(Path(opened.arrays))
        found = [*scene.problems, *opened.problems]
        if os.path.exists(asked.bindings):
            judged = ask_child(line, process, question, LIMIT_S, asked.bindings)
            found += judged.problems if isinstance(judged, Problems) else ()
    return Judged(scene, opened.bindings, [*found, *own(opened.bindings, scene)])
