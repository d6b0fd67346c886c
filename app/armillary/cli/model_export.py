"""`armillary model export`: the twins of a project as NGSI-LD entities."""

from __future__ import annotations

import json
from pathlib import Path

import click

from armillary.cli.answer import emit_json, tell
from armillary.model import files
from armillary.model.fault import Fault
from armillary.project import folder as projects
from armillary.twin.export_ngsi import exported

_SHOWN = 20


@click.command("export")
@click.argument("project")
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE"
)
@click.option("--format", "form", type=click.Choice(["ngsi-ld"]), default="ngsi-ld", show_default=True)
@click.option("--force", is_flag=True, help="Replace the file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def export(project: str, output: Path, form: str, force: bool, as_json: bool) -> int:
    """Write the twins of PROJECT with their properties and relations as FILE; lists what is lost.

    Values of tags are not in it: it says what there is, not what it reads now.
    """
    found = projects.read(Path(project).expanduser())
    docs = projects.documents(found.folder)
    if output.exists() and not force:
        raise Fault("The file is there already.", where=str(output), remedy="Use --force.")
    made = exported(docs.twins.get("twins", ()), docs.twins.get("relationships", ()))
    text = json.dumps(list(made.entities), indent=1, ensure_ascii=False) + "\n"
    try:
        files.replace(output, text.encode(), 0o644)
    except OSError as error:
        what = f"It cannot be written: {error.strerror or error}."
        raise Fault(what, where=str(output), remedy="Choose a folder that you may write to.") from error
    if as_json:
        emit_json({"format": form, "entities": len(made.entities), "losses": list(made.losses)})
        return 0
    tell(f"{output}: {len(made.entities)} entities")
    for loss in made.losses[:_SHOWN]:
        tell(f"  lost: {loss}", err=True)
    if len(made.losses) > _SHOWN:
        tell(f"  … {len(made.losses) - _SHOWN} more; --json tells all", err=True)
    return 0
