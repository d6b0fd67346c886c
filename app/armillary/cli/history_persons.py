"""`armillary history erase` and `export --asset`: what is recorded of a person, taken out or removed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from armillary.cli.answer import emit_json, tell
from armillary.cli.history_span import FILE, JSON, saved
from armillary.cli.password import as_user, password_of
from armillary.model.account import Login, Right, may
from armillary.model.clock import WallClock, iso
from armillary.model.fault import OrderFault
from armillary.model.message import Erase
from armillary.model.times import parse_time
from armillary.project.record import Project, concerning
from armillary.security import accounts
from armillary.session import personal


def export_asset(project: Project, asset: str, folder: Path, as_json: bool) -> int:
    """Write all of a person or asset as a folder and say so."""
    taken = personal.export(project, asset, folder)
    if as_json:
        emit_json(
            {
                "output": str(folder),
                "asset": asset,
                "samples": taken.samples,
                "tags": taken.tags,
                "records": taken.records,
            }
        )
        return 0
    lines = sum(taken.records.values())
    tell(f"{taken.samples:,} samples of {len(taken.tags)} tags, {lines:,} lines: {folder}")
    return 0


@click.command("erase")
@click.argument("project")
@click.option("--asset", required=True, metavar="ID", help="A subject of personal tags, or the id of a twin.")
@click.option("--before", required=True, metavar="T", help="What was measured before this goes.")
@click.option("--reason", default="", help="Why; it is written into the recorder's audit.")
@as_user
@click.option(
    "--second", required=True, metavar="NAME", help="The second person: an engineer, or another admin."
)
@click.option("--second-password-file", "second_file", type=FILE, default=None, metavar="F")
@click.option("--yes", is_flag=True, help="Do not ask.")
@JSON
def erase(
    project: str,
    asset: str,
    before: str,
    reason: str,
    user: str,
    file: Path | None,
    second: str,
    second_file: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Remove what is recorded of a person or asset: for an admin, and a second person beside."""
    opened = saved(project)
    if not user:
        raise click.UsageError("Missing option '--user'.")
    before_ns = parse_time(before, WallClock().now_ns())
    tags = [spec.name for spec in concerning(opened, asset)]
    if not yes:
        click.confirm(
            f"Erase {', '.join(tags) or asset} before {iso(before_ns)} for good?", abort=True, err=True
        )
    message = Erase(
        asset=asset,
        before_ns=before_ns,
        user=user,
        password=password_of(file, user),
        second=second,
        second_password=password_of(second_file, second),
        reason=reason,
    )
    done = personal.erase(opened, message)
    left = personal.remaining(opened, asset)
    if as_json:
        emit_json(
            {
                "asset": asset,
                "before": iso(before_ns),
                "tags": list(done.tags),
                "samples": done.samples,
                "by": list(done.by),
                "audit_seq": done.audit_seq,
                "remaining": left,
            }
        )
        return 0
    tell(f"{done.samples:,} samples of {len(done.tags)} tags are erased; nothing is found any more.")
    tell(f"Record {done.audit_seq} of the recorder's audit: armillary audit verify PROJECT --chain recorder")
    if left:
        words = ", ".join(f"{count:,} in {where}" for where, count in left.items())
        tell(f"Lines of sealed chains that name {asset} stay: {words}.")
    return 0


def need_admin(folder: Path, user: str, file: Path | None) -> None:
    """Raise OrderFault unless an admin says who they are; a project without accounts knows no other rule."""
    people = accounts.read(folder)
    if people is None:
        return
    if not user:
        raise OrderFault(
            "What tells of persons is taken out by an admin.", where=str(folder), remedy="Give --user NAME."
        )
    login = Login(user=user, password=password_of(file, user))
    who = asyncio.run(people.login(login, WallClock().now_mono_ns()))
    if not may(who.role, Right.USERS):
        raise OrderFault(f"The role '{who.role}' may not do that.", where=who.user, remedy="Ask an admin.")
