"""`armillary secret`: what the names in project files stand for, kept on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from armillary.cli.answer import emit_json, table
from armillary.cli.password import password_file, password_of
from armillary.security.secrets import Secrets, check_name


@click.group()
def secret() -> None:
    """Keep, list and remove the passwords of links; project files hold only their names."""


@secret.command("set")
@click.argument("name")
@click.option("--for", "host", default="", metavar="HOST", help="Give it to this server only.")
@password_file
def set_(name: str, host: str, file: Path | None) -> int:
    """Keep a secret under a name: in the desktop's keyring, else in an encrypted file of this user."""
    check_name(name)  # before anything is typed
    kept = Secrets().put(name, password_of(file, name, is_new=True), host)
    place = "the keyring" if kept.where == "keyring" else "an encrypted file"
    click.echo(f"The secret '{name}' is in {place}" + (f", for {host} only." if host else "."))
    return 0


@secret.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_(as_json: bool) -> int:
    """List the names; values are never shown."""
    found = Secrets().kept()
    if as_json:
        emit_json({"secrets": [{"name": k.name, "where": k.where, "for": k.host} for k in found]})
    elif not found:
        click.echo("No secrets.")
    else:
        table([(k.name, k.where, k.host) for k in found], ("NAME", "WHERE", "FOR"))
    return 0


@secret.command("remove")
@click.argument("name")
def remove(name: str) -> int:
    """Forget a secret."""
    Secrets().remove(name)
    click.echo(f"The secret '{name}' is gone.")
    return 0
