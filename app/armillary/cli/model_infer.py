"""`armillary model infer`: write DTDL interfaces for a project that has none."""

from __future__ import annotations

from pathlib import Path

import click

from armillary.cli.answer import emit_json, table, tell
from armillary.model.clock import WallClock
from armillary.project import folder as projects
from armillary.project import modelled
from armillary.twin.graph import type_name
from armillary.twin.infer import inferred

_SHOWN = 6


@click.command("infer")
@click.argument("project")
@click.option("-o", "--out", default="", metavar="DIR", help="Write the interfaces into this folder.")
@click.option(
    "--apply", "applies", is_flag=True, help="Write them into the project and give its twins types."
)
@click.option("--overwrite", is_flag=True, help="Let files that say something else be replaced.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def infer(project: str, out: str, applies: bool, overwrite: bool, as_json: bool) -> int:
    """Make types from the twins of PROJECT: those with equal tags, units and kinds are of one.

    Without -o and --apply they are only listed. --apply changes twins.json, model/ and project.toml, each
    file whole; twins that have a type keep it.
    """
    path = Path(project).expanduser().resolve()
    found = projects.read(path)
    made = inferred(found.twins, found.specs, found.relationships, found.name)
    files: tuple[Path, ...] = ()
    left: tuple[str, ...] = ()
    documents = {made.file_of(model): document for model, document in made.documents.items()}
    if out:
        files = modelled.write_documents(Path(out).expanduser(), documents, over=overwrite)
    if applies and documents:
        done = modelled.apply(found, documents, made.of, WallClock().now_ns(), over=overwrite)
        files, left = (*files, *done.files), done.left
    members: dict[str, list[str]] = {}
    for name, model in made.of.items():
        members.setdefault(model, []).append(name)
    if as_json:
        emit_json(
            {
                "types": [{"id": model, "of": names} for model, names in sorted(members.items())],
                "files": [str(file) for file in files],
                "applied": applies,
                "untyped": list(made.untyped),
                "left": list(left),
                "losses": list(made.losses),
            }
        )
        return 0
    table(
        [
            (type_name(model), str(len(names)), ", ".join(names[:_SHOWN]) + " …" * (len(names) > _SHOWN))
            for model, names in sorted(members.items())
        ],
        ("TYPE", "TWINS", "WHICH"),
    )
    for line in (*made.losses, *(f"{name} has no tags and no properties: no type." for name in made.untyped)):
        tell(line, err=True)
    if left:
        tell(f"Members of fleets have no type in twins.json: {', '.join(left[:_SHOWN])}.", err=True)
    tell(f"{len(files)} files written." if files else "Nothing was written: give -o DIR or --apply.")
    return 0
