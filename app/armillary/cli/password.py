"""Passwords for commands: by prompt or from a file, never on the command line."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from getpass import GetPassWarning
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from armillary.model.account import LoggedIn, Login
from armillary.model.fault import Fault, WorldFault

if TYPE_CHECKING:
    from armillary.session.area_lines import AnyLine  # numpy and sockets: not for a secret, not for an edge

LOGIN_S = 75.0  # after many wrong tries the world answers only after a minute
_Command = TypeVar("_Command", bound=Callable[..., object])


def password_file(function: _Command) -> _Command:
    """Add `--password-file F` to a command."""
    kind = click.Path(dir_okay=False, path_type=Path)
    text = "The password is this file's first line; - = standard input."
    add = click.option("--password-file", "file", type=kind, default=None, metavar="F", help=text)
    return add(function)


def secret_file(function: _Command) -> _Command:
    """Add `--secret-file F` to a command that connects links, or a store, as a service."""
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    text = 'Secrets of links and stores, one line each: name = "value"; for this user alone (mode 600).'
    add = click.option("--secret-file", "secrets", type=kind, default=None, metavar="F", help=text)
    return add(function)


def as_user(function: _Command) -> _Command:
    """Add `--user NAME` and `--password-file F` to a command that acts in a world."""
    text = "Log in as this user of the project."
    add = click.option("--user", default="", metavar="NAME", help=text)
    return add(password_file(function))


def password_of(file: Path | None, user: str, *, is_new: bool = False) -> str:
    """Return the password from a file, else from a person. Raises Fault when there is none."""
    if file is None:
        return _typed(user, is_new=is_new)
    try:
        held = sys.stdin.readline() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Fault(
            f"The password cannot be read: {why}.", where=str(file), remedy="Give a file that holds it."
        ) from error
    first = held.splitlines()[0] if held else ""
    if not first:
        raise Fault("The password file is empty.", where=str(file), remedy="Write the password into it.")
    return first


def _typed(user: str, *, is_new: bool) -> str:
    """Return what a person types. Raises Fault where it would be seen: no terminal is there."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)
        try:
            text: str = click.prompt(
                f"Password of {user}", hide_input=True, confirmation_prompt=is_new, err=True
            )
        except GetPassWarning as error:
            raise Fault(
                "There is no terminal to type a password at.",
                where="standard input",
                remedy="Give --password-file F; - reads it from standard input.",
            ) from error
    return text


def log_in(line: AnyLine, user: str, file: Path | None) -> LoggedIn | None:
    """Log a line in as a user after its Hello; None without a user. Raises the world's OrderFault."""
    if not user:
        return None
    who = line.ask(Login(user=user, password=password_of(file, user)), LOGIN_S)
    if not isinstance(who, LoggedIn):
        raise WorldFault("The world answered something else.", where=line.address, remedy="Update Armillary.")
    return who
