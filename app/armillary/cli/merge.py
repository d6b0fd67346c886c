"""`armillary merge`: a driver of git for a project's own files, by entry and not by line."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from armillary.cli.answer import tell
from armillary.model.fault import ProjectFault
from armillary.project.folder import write_atomic
from armillary.project.merging import Conflict, merged
from armillary.project.record import COMPOSED_FILE
from armillary.session import merge_layers

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_TEXTS = (".toml", ".json")
_LAYER = ".usda"
SETUP = """Once for each clone:

\b
git config merge.armillary.name "Armillary projects"
git config merge.armillary.driver "armillary merge %O %A %B --name %P"

and in .gitattributes, as `armillary new` writes it:

\b
*.toml merge=armillary
twins.json merge=armillary
bindings.usda merge=armillary
composed.usda merge=armillary"""


@click.command(epilog=SETUP)
@click.argument("base", type=_FILE)
@click.argument("ours", type=_FILE)
@click.argument("theirs", type=_FILE)
@click.option("--name", default="", metavar="PATH", help="The file's path in the project, as git's %P.")
def merge(base: Path, ours: Path, theirs: Path, name: str) -> int:
    """Merge THEIRS into OURS: 0 merged, 1 both changed one thing otherwise, where ours is kept and told.

    Entries are alarms, tags, links, bindings …; what two people did to different ones, or to different
    fields of one, is all kept.
    """
    name = name or ours.name
    suffix = Path(name).suffix
    if suffix in _TEXTS:
        conflicts = _texts(Path(name), base, ours, theirs)
    elif Path(name).name == COMPOSED_FILE:
        conflicts = _composed(Path(name).name, base, ours, theirs)
    elif suffix == _LAYER:
        conflicts = _layers(base, ours, theirs)
    else:
        raise ProjectFault(
            f"'{name}' is no file of a project that can be merged.",
            where=name,
            remedy="Give one of .toml, .json, .usda with --name; leave others to git.",
        )
    for conflict in conflicts:
        tell(conflict.text, err=True)
    return 1 if conflicts else 0


def _texts(name: Path, base: Path, ours: Path, theirs: Path) -> tuple[Conflict, ...]:
    texts = _read(name, base, ours, theirs)
    out = merged(_in_project(name), *texts)
    if out.text != texts[1]:
        write_atomic(ours, out.text)
    return out.conflicts


def _read(name: Path, *sides: Path) -> list[str]:
    try:
        return [path.read_text("utf-8") for path in sides]
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectFault(
            f"It cannot be read: {error}.", where=str(name), remedy="Save it as UTF-8."
        ) from error


def _composed(name: str, base: Path, ours: Path, theirs: Path) -> tuple[Conflict, ...]:
    texts = _read(Path(name), base, ours, theirs)
    text, conflicts = merge_layers.merge_texts(name, texts[0], texts[1], texts[2])
    if text != texts[1]:
        write_atomic(ours, text)
    return conflicts


def _in_project(name: Path) -> str:
    """Return a path in its project: that may be a folder of a larger repository."""
    return (
        "/".join(name.parts[-2:]) if name.parent.name in ("scenarios", "procedures", "model") else name.name
    )


def _layers(base: Path, ours: Path, theirs: Path) -> tuple[Conflict, ...]:
    """Merge binding layers; git's files have no suffix by which USD would know them."""
    with tempfile.TemporaryDirectory() as folder:
        sides = [Path(folder) / f"{side}{_LAYER}" for side in ("base", "ours", "theirs")]
        for path, side in zip((base, ours, theirs), sides, strict=True):
            shutil.copyfile(path, side)
        conflicts = merge_layers.merge(sides[0], sides[1], sides[2])
        text = sides[1].read_text("utf-8")
    if text != ours.read_text("utf-8"):
        write_atomic(ours, text)
    return conflicts
