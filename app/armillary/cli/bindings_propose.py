"""`armillary bindings propose`: which tag of a project belongs to which part of its scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import click

from armillary.cli.answer import emit_json, table, tell
from armillary.cli.scenes import SCENE_LIMIT_S, opening, scene_path
from armillary.encoding.branches import ROOT, Line, Scene, corrected, leaf_of, parts_of, proposed
from armillary.encoding.inside import SURE
from armillary.encoding.matching import LEAST
from armillary.model.binding import Binding
from armillary.model.fault import Fault, SceneFault
from armillary.model.message import Done, SaveBindings, SceneOpened
from armillary.model.scene import SceneArrays, index_of
from armillary.model.tags import TagSpec
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.project.table import nearest
from armillary.scene import cache
from armillary.session.reading import ask_child, scene_child

_SHOWN = 40  # tags without a part that are printed


@click.command()
@click.argument("project")
@click.option("--under", default="", metavar="PRIM", help="Only parts of this branch of the scene.")
@click.option("--tags", default="*", metavar="GLOB", help="Only tags named like this, `P-101*`.")
@click.option(
    "--min-score",
    "least",
    default=LEAST,
    show_default=True,
    type=click.FloatRange(0.0, 1.0),
    help="Leave out what is less sure.",
)
@click.option(
    "--use",
    "uses",
    multiple=True,
    metavar="TAG=PRIM",
    help="This tag drives this part for sure.",
)
@click.option("--not", "refused", multiple=True, metavar="TAG", help="Propose nothing for this tag.")
@click.option("--apply", "is_applied", is_flag=True, help="Write the proposals into the binding layer.")
@click.option("--replace", "is_replaced", is_flag=True, help="Also where another binding drives the part.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def propose(
    project: str,
    under: str,
    tags: str,
    least: float,
    uses: tuple[str, ...],
    refused: tuple[str, ...],
    is_applied: bool,
    is_replaced: bool,
    as_json: bool,
) -> int:
    """Propose which tags drive which parts: by structure, names, numbers, units and models, with reasons.

    Nothing is written without --apply. Status 1 when nothing could be proposed.
    """
    read = projects.read(scene_path(project))
    if is_applied and read.bindings is None:
        raise Fault(
            "There is no binding layer to write.",
            where=str(read.folder),
            remedy="Save it as a project first.",
        )
    question = opening(read)
    with scene_child() as (line, process):
        opened = ask_child(line, process, question, SCENE_LIMIT_S, question.entry)
        if not isinstance(opened, SceneOpened):
            raise click.ClickException("the scene child answered something else")
        scene = cache.read(Path(opened.arrays))
        specs = [spec for spec in read.specs if fnmatchcase(spec.name, tags)]
        branch, lines = _lines(read, specs, scene, under, opened.bindings, least)
        if uses or refused:
            lines = _corrected(read, specs, branch, lines, opened.bindings, uses, refused)
        taken = [each for each in lines if each.suggestion and (is_replaced or not each.is_bound)]
        if is_applied and taken:
            message = _message(taken, opened.bindings)
            if not isinstance(ask_child(line, process, message, SCENE_LIMIT_S, question.entry), Done):
                raise click.ClickException("the scene child answered something else")
    written = len(taken) if is_applied else 0
    if as_json:
        emit_json(_document(lines, specs, branch, written))
    else:
        _tell(lines, specs, branch, written)
    return 0 if any(each.suggestion for each in lines) else 1


def _lines(
    project: Project,
    specs: Sequence[TagSpec],
    scene: SceneArrays,
    under: str,
    existing: Sequence[Binding],
    least: float,
) -> tuple[Scene, tuple[Line, ...]]:
    prim = index_of(scene.prim_path).get(under, ROOT) if under else ROOT
    if under and prim == ROOT:
        hint = nearest(under, scene.prim_path).strip()
        raise SceneFault(
            f"There is no part '{under}'.", where=str(project.entry), remedy=hint or "Check the path."
        )
    twins = {twin.id: twin for twin in project.twins}
    branch = parts_of(scene, prim, project.twins)
    leaves = [leaf_of(spec, twins) for spec in specs]
    names = [spec.name for spec in specs]
    return branch, proposed(leaves, names, branch.parts, existing, least=least)


def _corrected(
    project: Project,
    specs: Sequence[TagSpec],
    branch: Scene,
    lines: Sequence[Line],
    existing: Sequence[Binding],
    uses: Sequence[str],
    refused: Sequence[str],
) -> tuple[Line, ...]:
    """Return the lines as they were corrected on the command line."""
    twins = {twin.id: twin for twin in project.twins}
    leaf_at = {spec.name: i for i, spec in enumerate(specs)}
    part_at = {part.prim: i for i, part in enumerate(branch.parts)}

    def at(known: Mapping[str, int], name: str, kind: str) -> int:
        if name not in known:
            hint = nearest(name, tuple(known)).strip()
            what = f"There is no {kind} '{name}'."
            raise Fault(what, where=str(project.entry), remedy=hint or "Look it up.")
        return known[name]

    chosen: dict[int, int] = {}
    for use in uses:
        tag, sign, prim = use.partition("=")
        if not sign:
            raise click.BadParameter(f"'{use}' is no TAG=PRIM.", param_hint="--use")
        chosen[at(leaf_at, tag.strip(), "tag")] = at(part_at, prim.strip(), "part")
    away = [at(leaf_at, name, "tag") for name in refused]
    leaves = [leaf_of(spec, twins) for spec in specs]
    names = [spec.name for spec in specs]
    return corrected(lines, leaves, names, branch.parts, existing, chosen, away)


def _message(lines: Sequence[Line], existing: Sequence[Binding]) -> SaveBindings:
    """Return what is written: a binding of the same channel of the same part makes room."""
    new = [line.suggestion.binding for line in lines if line.suggestion is not None]
    driven = {(binding.prim, binding.channel) for binding in new}
    old = [b for b in existing if b.enabled and (b.prim, b.channel) in driven]
    return SaveBindings(bindings=tuple(new), remove=tuple((b.prim, b.name) for b in old))


def _document(
    lines: Sequence[Line], specs: Sequence[TagSpec], branch: Scene, written: int
) -> dict[str, object]:
    return {
        "written": written,
        "proposals": [
            {
                "tag": specs[line.leaf].name,
                "prim": branch.parts[line.part].prim,
                "channel": line.suggestion.binding.channel,
                "does": line.suggestion.says,
                "score": round(line.score, 3),
                "reasons": line.reasons,
                "is_bound": line.is_bound,
            }
            for line in lines
            if line.suggestion is not None
        ],
        "unmatched": [specs[line.leaf].name for line in lines if line.suggestion is None],
        "candidates": {
            specs[line.leaf].name: [
                {"prim": branch.parts[one.part].prim, "score": round(one.score, 3), "reasons": one.reasons}
                for one in line.candidates
            ]
            for line in lines
            if line.candidates
        },
    }


def _tell(lines: Sequence[Line], specs: Sequence[TagSpec], branch: Scene, written: int) -> None:
    rows = [
        (
            f"{line.score:.0%}",
            specs[line.leaf].name,
            branch.parts[line.part].prim,
            line.suggestion.says + (" (bound already)" if line.is_bound else ""),
            "; ".join(line.reasons),
        )
        for line in lines
        if line.suggestion is not None
    ]
    if rows:
        table(rows, ("score", "tag", "part", "does", "because"))
    lone = [specs[line.leaf].name for line in lines if line.suggestion is None]
    if lone:
        more = f" … {len(lone) - _SHOWN} more; --json tells all" if len(lone) > _SHOWN else ""
        tell(f"no part for {len(lone)}: {', '.join(lone[:_SHOWN])}{more}")
    unsure = [line for line in lines if line.candidates and line.score < SURE]
    if unsure:
        tell(f"not sure of {len(unsure)}; correct with --use TAG=PRIM:")
        found = [(specs[line.leaf].name, one) for line in unsure[:_SHOWN] for one in line.candidates]
        table(
            [
                (name, branch.parts[one.part].prim, f"{one.score:.0%}", "; ".join(one.reasons))
                for name, one in found
            ],
            ("tag", "may be of", "score", "because"),
        )
    if not rows and not lone:
        tell("Nothing to propose: these tags are bound already, or there are none.")
    if written:
        tell(f"{written} bindings written.")
