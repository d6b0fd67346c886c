"""users.toml: accounts read and written, mistakes named with their line, one writer at a time.

What is in it are hashes; the file is its owner's only, and replaced as a whole.
"""

from __future__ import annotations

import fcntl
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from armillary.model import files
from armillary.model.account import ROLES
from armillary.model.clock import iso, parse_iso
from armillary.model.fault import ProjectFault

USERS_FILE = "users.toml"
SCHEMA = 1
_KEYS = ("name", "role", "hash", "disabled", "created", "see_personal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One user of a project."""

    user: str
    name: str  # for people
    role: str
    hash: str  # PHC string
    disabled: bool = False
    created: str = ""
    sees_until_ns: int = 0  # what tells of persons is shown up to here; 0 = not

    def __repr__(self) -> str:
        return f"Account(user={self.user!r}, role={self.role!r}, disabled={self.disabled})"


def stamp_of(folder: Path) -> tuple[int, int]:
    """Return what differs once the file is another one; zeros when there is none."""
    try:
        held = (folder / USERS_FILE).stat()
    except OSError:
        return 0, 0
    return held.st_mtime_ns, held.st_ino


def load(folder: Path) -> dict[str, Account]:
    """Return the accounts by name. Raises ProjectFault with file, line and the nearest known key."""
    path = folder / USERS_FILE
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise wrong(
            f"{USERS_FILE} cannot be read: {error.strerror}.", str(path), "Check its rights."
        ) from None
    except ValueError as error:
        raise wrong(f"{USERS_FILE} cannot be read: {error}.", str(path), "Correct its syntax.") from None
    if mode & 0o077:
        raise wrong(
            f"{USERS_FILE} can be read by others (mode {mode & 0o777:04o}).",
            str(path),
            f"chmod 600 {USERS_FILE}.",
        )
    _check_keys(text, path, (), data, ("schema", "user"))
    schema = data.get("schema")
    if schema != SCHEMA:
        raise wrong(
            f"{USERS_FILE} is of schema {schema!r}, known is {SCHEMA}.", str(path), "Update Armillary."
        )
    users = data.get("user", {})
    if not isinstance(users, dict):
        raise wrong("'user' is no table.", str(path), "Write [user.NAME] for each user.")
    return {user: _account(text, path, user, entry) for user, entry in users.items()}


def _account(text: str, path: Path, user: str, entry: Any) -> Account:  # Any: parsed TOML
    where = _line(text, path, ("user", user))
    if not isinstance(entry, dict):
        raise wrong(f"'{user}' is no table.", where, "Write [user.NAME] for each user.")
    _check_keys(text, path, ("user", user), entry, _KEYS)
    role, phc, disabled = entry.get("role"), entry.get("hash"), entry.get("disabled", False)
    if role not in ROLES:
        raise wrong(f"The role of '{user}' is {role!r}.", where, f"Give one of {', '.join(ROLES)}.")
    if not isinstance(phc, str) or not phc.startswith("$argon2id$"):
        raise wrong(
            f"'{user}' has no argon2id hash.", where, f"Set a password: armillary user passwd PROJECT {user}."
        )
    if not isinstance(disabled, bool):
        raise wrong(f"'disabled' of '{user}' is {disabled!r}.", where, "Give true or false.")
    name, created = entry.get("name", user), entry.get("created", "")
    sees_until_ns = 0
    if "see_personal" in entry:
        try:
            sees_until_ns = parse_iso(str(entry["see_personal"]))
        except ValueError:
            remedy = "Give the time up to which it holds, such as 2026-12-31T00:00:00Z."
            raise wrong(f"'see_personal' of '{user}' is no time.", where, remedy) from None
    return Account(
        user=user,
        name=str(name),
        role=role,
        hash=phc,
        disabled=disabled,
        created=str(created),
        sees_until_ns=sees_until_ns,
    )


def _check_keys(
    text: str, path: Path, under: tuple[str, ...], held: Mapping[str, Any], known: tuple[str, ...]
) -> None:
    for key in held:
        if key not in known:
            where = _line(text, path, (*under, key))
            raise wrong(f"The key '{key}' is not known here.", where, nearest(key, known))


def _line(text: str, path: Path, key: tuple[str, ...]) -> str:
    """Return `file:line` of a table or of a key in it."""
    header, line = "", 1
    for number, row in enumerate(text.splitlines(), 1):
        stripped = row.strip()
        if stripped.startswith("["):
            header = stripped.strip("[] ").replace('"', "")
            if header == ".".join(key):
                return f"{path}:{number}"
        elif header == ".".join(key[:-1]) and stripped.split("=")[0].strip(' "') == key[-1]:
            line = number
    return f"{path}:{line}"


def nearest(word: str, known: tuple[str, ...]) -> str:
    """Return which known word may have been meant, or all there are."""
    near = get_close_matches(word, known, 1)
    return f"Did you mean '{near[0]}'?" if near else f"Known here: {', '.join(known) or 'none'}."


def wrong(what: str, where: str, remedy: str) -> ProjectFault:
    """Return the fault of a mistake in the accounts."""
    return ProjectFault(what, where=where, remedy=remedy)


def save(folder: Path, users: Mapping[str, Account]) -> None:
    """Write all accounts. Raises ProjectFault."""
    lines = [f"schema = {SCHEMA}\n"]
    for user in sorted(users):
        account = users[user]
        lines.append(
            f'\n[user."{user}"]\nname = {_quoted(account.name)}\nrole = "{account.role}"\n'
            f"hash = {_quoted(account.hash)}\ndisabled = {str(account.disabled).lower()}\n"
            + (f"created = {account.created}\n" if account.created else "")
            + (f"see_personal = {iso(account.sees_until_ns)}\n" if account.sees_until_ns else "")
        )
    _write(folder / USERS_FILE, "".join(lines))


def _quoted(text: str) -> str:
    """Return a TOML string; control characters do not belong into a name."""
    clean = "".join(c for c in text if c.isprintable())
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write(path: Path, text: str) -> None:
    """Replace the file: after a crash there is the old one or the new one, and never a readable moment."""
    try:
        files.replace(path, text.encode())
    except OSError as error:
        raise wrong(
            f"{USERS_FILE} cannot be written: {error.strerror}.", str(path), "Check the folder's rights."
        ) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the accounts for one change: a world re-hashes while a person adds a user."""
    private = folder / ".armillary"
    try:
        private.mkdir(exist_ok=True)
        handle = os.open(private / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise wrong(
            f"The accounts cannot be changed: {error.strerror}.", str(folder), "Check the folder's rights."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
