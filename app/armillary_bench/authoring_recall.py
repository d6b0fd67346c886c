"""How many tags find their part: on both demos against their committed bindings, and on hard names.

A demo's tag counts as found when its part is one of those that its bindings drive. Twice: with what the
project knows (twins and their prims), and bare, as a plant is that nobody has modelled yet.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from armillary.cli.scenes import SCENE_LIMIT_S, opening
from armillary.encoding.branches import leaf_of, parts_of
from armillary.model.message import SceneOpened
from armillary.project import folder as projects
from armillary.scene import cache
from armillary.session.reading import ask_child, scene_child
from armillary_bench.figure import plain
from armillary_bench.plants_hard import KEPT_OUT, TUNED, plant, scored

DEMOS = ("pumping-station", "packaging-line")
SCENES = Path("scenes")


def recalled() -> list[dict[str, object]]:
    """Return the figures; the demos are left out where their scenes are not here."""
    out: list[dict[str, object]] = []
    for name in DEMOS:
        if (SCENES / name / "project.toml").is_file():
            out += _of_demo(SCENES / name)
    for name, texts in (TUNED | KEPT_OUT).items():
        kept = "kept out while tuning" if name in KEPT_OUT else "tuned on"
        out += _told(f"hard_{name}", scored(*plant(texts)), f"names {kept}")
    return out


def _told(name: str, figures: tuple[float, float, float], said: str) -> list[dict[str, object]]:
    got, offered, sure = figures
    return [
        plain(f"proposal_{name}", 100 * got, "%", f"parts found, {said}"),
        plain(f"proposal_{name}_offered", 100 * offered, "%", "with the candidates of lines"),
        plain(f"proposal_{name}_sure", 100 * sure, "%", "right ones of the lines that are ticked at once"),
    ]


def _of_demo(folder: Path) -> list[dict[str, object]]:
    read = projects.read(folder)
    question = opening(read)
    with scene_child() as (line, process):
        opened = ask_child(line, process, question, SCENE_LIMIT_S, question.entry)
        if not isinstance(opened, SceneOpened):
            raise AssertionError(f"{folder} could not be opened")
        scene = cache.read(Path(opened.arrays))
    parts = parts_of(scene, twins=read.twins).parts
    at = {part.prim: i for i, part in enumerate(parts)}
    right: dict[str, set[int]] = {}
    for binding in opened.bindings:
        if binding.prim in at:
            right.setdefault(binding.signal, set()).add(at[binding.prim])
    twins = {twin.id: twin for twin in read.twins}
    specs = list(read.specs)
    leaves = tuple(leaf_of(spec, twins) for spec in specs)
    truth = tuple(frozenset(right.get(spec.name, ())) for spec in specs)
    bare = tuple(replace(leaf, twin_prim="", model="") for leaf in leaves)
    unknown = tuple(replace(part, model="") for part in parts)
    name, said = folder.name.replace("-", "_"), f"{sum(map(bool, truth))} bound of {len(specs)} tags"
    return [
        *_told(name, scored(leaves, parts, truth), f"{said}, twins known"),
        *_told(f"{name}_bare", scored(bare, unknown, truth), f"{said}, no twins"),
    ]
