"""`armillary user`: the local accounts of a project."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from armillary.cli.answer import emit_json, table
from armillary.cli.password import password_file, password_of
from armillary.model.account import ROLES
from armillary.model.clock import WallClock, iso
from armillary.model.fault import Fault, ProjectFault
from armillary.model.times import parse_time
from armillary.project import folder as projects
from armillary.security import accounts
from armillary.security.audit import Act, Audit
from armillary.security.users_file import Account


@click.group()
def user() -> None:
    """Add, list and change the local accounts of a project."""


@user.command("add")
@click.argument("project")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="operator", show_default=True)
@click.option("--title", default="", help="The person's name, for people.")
@password_file
def add(project: str, name: str, role: str, title: str, file: Path | None) -> int:
    """Add a user; the first one of a project must be an admin."""
    folder, clock = _folder(project), WallClock()
    account = accounts.add(folder, name, role, password_of(file, name, is_new=True), clock.now_ns(), title)
    _audited(folder, "user.added", account)
    click.echo(f"{name} is {_article(account.role)} of {folder}.")
    return 0


@user.command("list")
@click.argument("project")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_(project: str, as_json: bool) -> int:
    """List the users; hashes are never shown."""
    found = accounts.listed(_folder(project))
    if as_json:
        emit_json(
            {
                "users": [
                    {"user": a.user, "name": a.name, "role": a.role, "disabled": a.disabled} for a in found
                ]
            }
        )
    elif not found:
        click.echo("No users: whoever uses this computer's account is an operator.")
    else:
        table(
            [(a.user, a.name, a.role, "disabled" if a.disabled else "") for a in found],
            ("USER", "NAME", "ROLE", ""),
        )
    return 0


@user.command("passwd")
@click.argument("project")
@click.argument("name")
@password_file
def passwd(project: str, name: str, file: Path | None) -> int:
    """Give a user another password."""
    folder = _folder(project)
    account = accounts.set_password(folder, name, password_of(file, name, is_new=True))
    _audited(folder, "user.password", account)
    click.echo(f"The password of {name} is changed.")
    return 0


@user.command("disable")
@click.argument("project")
@click.argument("name")
def disable(project: str, name: str) -> int:
    """Switch a user off: log-ins are refused, and a running world forgets who is logged in so."""
    return _switched(project, name, True)


@user.command("enable")
@click.argument("project")
@click.argument("name")
def enable(project: str, name: str) -> int:
    """Switch a user on again."""
    return _switched(project, name, False)


@user.command("grant")
@click.argument("project")
@click.argument("name")
@click.option("--see-personal", "until", required=True, metavar="T|never", help="Up to when, or never.")
def grant(project: str, name: str, until: str) -> int:
    """Let a user see the values of tags that tell of persons, up to a time."""
    folder = _folder(project)
    until_ns = 0 if until == "never" else parse_time(until, WallClock().now_ns())
    account = accounts.set_sees(folder, name, until_ns)
    _audited(folder, "user.see_personal", account)
    click.echo(
        f"{name} sees what tells of persons until {iso(until_ns)}." if until_ns else f"{name} does not."
    )
    return 0


@user.command("reset-admin")
@click.argument("project")
@click.option("--name", default="admin", show_default=True, help="The admin that is made or renewed.")
@password_file
def reset_admin(project: str, name: str, file: Path | None) -> int:
    """Make an admin without a password of one: for whoever may write the folder. It is audited."""
    folder, clock = _folder(project), WallClock()
    audit = _audit(folder)  # first: what cannot be written down is not done
    try:
        account = accounts.reset_admin(folder, password_of(file, name, is_new=True), clock.now_ns(), name)
        _write(audit, "user.admin_reset", account)
    finally:
        audit.close()
    click.echo(f"{name} is admin of {folder}.")
    return 0


def _switched(project: str, name: str, disabled: bool) -> int:
    folder = _folder(project)
    account = accounts.set_disabled(folder, name, disabled)
    _audited(folder, "user.disabled" if disabled else "user.enabled", account)
    click.echo(f"{name} is {'disabled' if disabled else 'enabled'}.")
    return 0


def _folder(project: str) -> Path:
    found = projects.read(Path(project).expanduser().resolve())
    if not found.saved:
        raise ProjectFault(
            "A bare scene has no users.", where=project, remedy="Give a folder with a project.toml."
        )
    return found.folder


def _audited(folder: Path, action: str, account: Account) -> None:
    """Write a change of accounts down; where it cannot be, say so: the change stands."""
    try:
        audit = _audit(folder)
        try:
            _write(audit, action, account)
        finally:
            audit.close()
    except Fault as fault:
        click.echo(f"armillary: not audited: {fault.what}", err=True)


def _audit(folder: Path) -> Audit:
    """Return a chain of its own: the project's belongs to its live world while that runs."""
    return Audit(folder / ".armillary" / "audit-users", world_kind="ACCOUNTS", now_ns=WallClock().now_ns())


def _write(audit: Audit, action: str, account: Account) -> None:
    act = Act(
        actor=f"local:{os.getuid()}",
        role="",
        action=action,
        target=f"user {account.user}",
        after=account.role,
        reason=Path(sys.argv[0]).name,
    )
    audit.append(act, t_ns=WallClock().now_ns())


def _article(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"
