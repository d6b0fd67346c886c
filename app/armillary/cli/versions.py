"""`armillary versions` and `armillary diff`: what a version is, who published it, what differs in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from armillary.cli.answer import emit_json, table, tell
from armillary.cli.password import as_user, password_of
from armillary.model.account import Login
from armillary.model.clock import WallClock, iso
from armillary.model.fault import ProjectFault
from armillary.project import difference, published
from armillary.project import folder as projects
from armillary.project.difference import Change
from armillary.project.published import Record
from armillary.project.record import BINDINGS_FILE, Project
from armillary.session import publishing

_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
_FILE = click.Path(dir_okay=False, path_type=Path)
_LAYERS = (".usda", ".usd")
DISK = "disk"


@click.group()
def versions() -> None:
    """Publish a version of a project, compare versions, have an older one again."""


@versions.command("list")
@click.argument("project")
@_JSON
def list_(project: str, as_json: bool) -> int:
    """List what is kept of a project, oldest first, and whether the files are one of them."""
    opened = _saved(project)
    known, now = published.kept(opened.folder), published.is_published(opened.folder)
    if as_json:
        emit_json({"versions": [_plain(record) for record in known], "disk": now.version if now else None})
        return 0
    if not known:
        tell("Nothing was published yet: armillary versions publish PROJECT --note …")
        return 0
    rows = [(r.version, iso(r.t_ns)[:19], " and ".join(r.by), r.note or r.words) for r in known]
    table(rows, ("VERSION", "WHEN", "BY", "WHAT"))
    tell(f"On disk: version {now.version}, unchanged." if now else "On disk: changed since, not published.")
    return 0


@versions.command("diff")
@click.argument("project")
@click.argument("old", required=False, default="")
@click.argument("new", required=False, default=DISK)
@_JSON
def diff_versions(project: str, old: str, new: str, as_json: bool) -> int:
    """Say what differs between two versions; without names from the newest one to what is on disk.

    0 nothing, 1 something differs. `disk` is the project as it is now.
    """
    opened = _saved(project)
    sides = [_texts(opened, name) for name in (old or _newest(opened), new)]
    return _told(publishing.changes(*sides), as_json)


@versions.command("publish")
@click.argument("project")
@click.option("--version", "number", default="", metavar="N.N.N", help="Without it the next minor one.")
@click.option("--note", default="", help="What it is for.")
@as_user
@click.option(
    "--second", default="", metavar="NAME", help="The second person, where the project asks for one."
)
@click.option("--second-password-file", "second_file", type=_FILE, default=None, metavar="F")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_JSON
def publish(
    project: str,
    number: str,
    note: str,
    user: str,
    file: Path | None,
    second: str,
    second_file: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Publish the files as they are: show what differs, ask, write down who did it."""
    opened = _saved(project)
    before, found = publishing.since(opened)
    if not as_json:
        tell(
            f"From {before.version}: {difference.summary(found)}." if before else "This is the first version."
        )
        for change in found if before else ():
            tell(f"  {change.text}")
    if not yes:
        click.confirm("Publish it?", abort=True, err=True)
    logins = [Login(user=user, password=password_of(file, user))] if user else []
    if second:
        logins.append(Login(user=second, password=password_of(second_file, second)))
    wish = publishing.Wish(people=tuple(logins), version=number, note=note)
    record = publishing.publish(opened, wish, WallClock())
    if as_json:
        emit_json(
            {"published": _plain(record), "changes": [_change(each) for each in found] if before else []}
        )
        return 0
    tell(f"Version {record.version} is published by {' and '.join(record.by)}. Desks offer to load it.")
    return 0


@versions.command("restore")
@click.argument("project")
@click.argument("version")
@as_user
@click.option("--yes", is_flag=True, help="Do not ask.")
@_JSON
def restore(project: str, version: str, user: str, file: Path | None, yes: bool, as_json: bool) -> int:
    """Put an older version on disk; what is there now is kept, and can be restored itself."""
    opened = _saved(project)
    record = published.record_of(opened.folder, version)
    if not yes:
        click.confirm(
            f"Put version {record.version} of {iso(record.t_ns)[:19]} on disk?", abort=True, err=True
        )
    logins = [Login(user=user, password=password_of(file, user))] if user else []
    done = publishing.restore(opened, version, logins, WallClock())
    if as_json:
        emit_json(
            {
                "restored": record.version,
                "kept": done.kept.version,
                "written": list(done.written),
                "removed": list(done.removed),
                "others": list(done.others),
            }
        )
        return 0
    tell(f"Version {record.version} is on disk: {len(done.written)} files changed, {len(done.removed)} gone.")
    tell(f"What was there is kept: armillary versions restore PROJECT {done.kept.version}")
    for name in done.others:
        tell(f"{name} is another file than that of the version: it is not kept with versions.")
    return 0


@click.command()
@click.argument("old")
@click.argument("new")
@_JSON
def diff(old: str, new: str, as_json: bool) -> int:
    """Say what differs between two project folders, or two binding layers: 0 nothing, 1 something."""
    return _told(publishing.changes(_any(old), _any(new)), as_json)


def _any(name: str) -> dict[str, str]:
    """Return the texts of a project's folder, or of one layer as if it were a project's binding layer."""
    path = Path(name).expanduser().resolve()
    if path.is_file() and path.suffix in _LAYERS:
        try:
            return {BINDINGS_FILE: path.read_text("utf-8")}
        except (OSError, UnicodeDecodeError) as error:
            raise ProjectFault(
                f"The layer cannot be read as text: {error}.",
                where=str(path),
                remedy="Give a layer in text, .usda.",
            ) from error
    folder = path.parent if path.is_file() else path
    if not (folder / "project.toml").is_file():
        raise ProjectFault(
            "This is no project and no layer.", where=str(path), remedy="Give a project's folder, or a .usda."
        )
    return published.texts(folder)


def _saved(project: str) -> Project:
    found = projects.read(Path(project).expanduser().resolve())
    if not found.saved:
        raise ProjectFault(
            "A bare scene has no versions.", where=project, remedy="Give a folder with a project.toml."
        )
    return found


def _newest(project: Project) -> str:
    known = published.published(project.folder)
    if not known:
        raise ProjectFault(
            "Nothing was published yet.",
            where=str(project.folder),
            remedy="Publish a version first, or compare two folders with `armillary diff`.",
        )
    return known[-1].version


def _texts(project: Project, name: str) -> Mapping[str, str]:
    if name == DISK:
        return published.texts(project.folder)
    return published.texts_of(project.folder, published.record_of(project.folder, name))


def _told(found: Sequence[Change], as_json: bool) -> int:
    if as_json:
        emit_json({"summary": difference.summary(found), "changes": [_change(each) for each in found]})
    else:
        tell(f"{difference.summary(found)}.".capitalize() if not found else f"{difference.summary(found)}.")
        for change in found:
            tell(f"  {change.text}")
    return 1 if found else 0


def _change(change: Change) -> dict[str, Any]:  # Any: JSON
    return {
        "what": change.word,
        "name": change.name,
        "verb": change.verb,
        "file": change.file,
        "prim": change.prim or None,
        "fields": [{"name": f.name, "before": f.before, "after": f.after} for f in change.fields],
    }


def _plain(record: Record) -> dict[str, Any]:  # Any: JSON
    return {
        "version": record.version,
        "published": record.is_published,
        "t": iso(record.t_ns),
        "by": list(record.by),
        "note": record.note,
        "words": record.words,
        "key": record.key,
    }
