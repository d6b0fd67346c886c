"""`armillary history backup` and `restore`: a copy of what is recorded, made and put back meanwhile."""

from __future__ import annotations

from pathlib import Path

import click

from armillary.cli.answer import emit_json, tell
from armillary.model.fault import Fault, ProjectFault, StoreFault
from armillary.model.message import BackedUp, BackUp, PutBack, ThereAgain
from armillary.project import folder as projects
from armillary.session.recorders import recorder

LIMIT_S = 3_600.0  # a large history on a slow disk
_FOLDER = click.Path(file_okay=False, path_type=Path)
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.command("backup")
@click.argument("project")
@click.argument("folder", type=_FOLDER)
@_JSON
def backup(project: str, folder: Path, as_json: bool) -> int:
    """Copy all that is recorded to FOLDER; what an earlier backup there has already is not copied again."""
    with recorder(_saved(project), read_only=False) as line:
        got = line.ask(BackUp(folder=str(folder.resolve())), LIMIT_S)
    if not isinstance(got, BackedUp):
        raise _odd(line.address)
    if as_json:
        emit_json({"folder": str(folder.resolve()), "samples": got.samples, "bytes": got.bytes})
        return 0
    tell(
        f"{got.samples:,} samples, {got.bytes / 1e6:,.1f} MB ({got.copied / 1e6:,.1f} MB of it new): {folder}"
    )
    return 0


@click.command("restore")
@click.argument("project")
@click.argument("folder", type=_FOLDER)
@click.option("--yes", is_flag=True, help="Do not ask.")
@_JSON
def restore(project: str, folder: Path, yes: bool, as_json: bool) -> int:
    """Put a backup in the place of what is recorded; what is there now is moved aside, not removed."""
    place = _saved(project)
    if not yes:
        click.confirm(
            f"Put the backup of {folder} in the place of the history of {place}?", abort=True, err=True
        )
    with recorder(place, read_only=False) as line:
        got = line.ask(PutBack(folder=str(folder.resolve())), LIMIT_S)
    if not isinstance(got, ThereAgain):
        raise _odd(line.address)
    if as_json:
        emit_json({"folder": str(folder.resolve()), "aside": got.aside})
        return 0
    tell(f"The backup is in place. What was there before: {got.aside}")
    return 0


def _saved(project: str) -> Path:
    """Return the folder of a project that is on disk."""
    opened = projects.read(Path(project))
    if not opened.saved:
        raise ProjectFault("It is no project.", where=project, remedy="Give a folder with a project.toml.")
    return opened.folder


def _odd(where: str) -> Fault:
    return StoreFault("The recorder answered something else.", where=where, remedy="See its log file.")
