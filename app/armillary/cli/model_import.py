"""`armillary model import`: twins of a foreign description into a project."""

from __future__ import annotations

from pathlib import Path

import click

from armillary.cli.answer import emit_json, tell
from armillary.model.clock import WallClock
from armillary.project import folder as projects
from armillary.project.imported import Change, Existing
from armillary.session.model_import import READERS, put, read
from armillary.twin.imports import Imported

_SHOWN = 8


@click.command("import")
@click.argument("project")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(list(READERS)), help="What FILE is; guessed if left out.")
@click.option(
    "--existing",
    type=click.Choice(["skip", "merge"]),
    default="skip",
    help="Twins that are there: leave them (skip), or add what they lack (merge). Nothing is overwritten.",
)
@click.option("--dry-run", "dry", is_flag=True, help="Say what would be done; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def import_(project: str, file: Path, form: str | None, existing: Existing, dry: bool, as_json: bool) -> int:
    """Make twins of PROJECT from FILE: AAS (AASX, JSON, XML), NGSI-LD, WoT Things, DTDL instances.

    Lists what was taken and what was not, with why. Servers that addresses name become sources.
    """
    found = projects.read(Path(project).expanduser())
    made = read(found, file, form)
    change = put(found, made, WallClock().now_ns(), existing, dry=dry)
    if as_json:
        emit_json(_answer(made, change, dry=dry))
    else:
        _print(made, change, dry=dry)
    return 0


def _answer(made: Imported, change: Change, *, dry: bool) -> dict[str, object]:
    return {
        "format": made.format,
        "written": not dry,
        "added": list(change.added),
        "there": list(change.there),
        "merged": list(change.merged),
        "kept": list(change.kept),
        "relationships": change.relationships,
        "sources": list(change.sources),
        "files": [str(one) for one in change.files],
        "taken": {kind: list(names) for kind, names in made.taken.items()},
        "left": [{"kind": one.kind, "name": one.name, "why": one.why} for one in made.left],
    }


def _print(made: Imported, change: Change, *, dry: bool) -> None:
    tell(f"{made.format}: {'nothing is written (--dry-run)' if dry else 'written'}")
    for kind, names in made.taken.items():
        tell(f"  taken  {len(names):>6}  {kind}: {_few(names)}")
    whys: dict[tuple[str, str], list[str]] = {}
    for one in made.left:
        whys.setdefault((one.kind, one.why), []).append(one.name)
    for (kind, why), left in whys.items():
        tell(f"  left   {len(left):>6}  {kind}: {_few(left)}  {why}")
    for what, some in (
        ("twins added", change.added),
        ("twins that were there", change.there),
        ("they got", change.merged),
        ("they have otherwise, and keep", change.kept),
        ("sources added to project.toml", change.sources),
    ):
        if some:
            tell(f"{len(some)} {what}: {_few(some)}")


def _few(names: tuple[str, ...] | list[str]) -> str:
    more = f" … {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
