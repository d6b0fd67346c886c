"""The secret store: project files hold names, the values are here (operations: secrets).

Looked for in this order: a file given to a service (`--secret-file`), systemd's credentials, the desktop's
keyring, an encrypted file of this user. A value never goes into a log, an answer, an argument or an
environment.
"""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from armillary.model import files, places
from armillary.model.fault import ProjectFault
from armillary.security.keyrings import Keyring

SCHEMA = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MOST = 4096  # characters of one secret
FILE_VARIABLE = "ARMILLARY_SECRET_FILE"  # names a file, as --secret-file does; never a value
CREDENTIALS = "CREDENTIALS_DIRECTORY"  # set by systemd for LoadCredential=
KEY_FILE, STORE_FILE = "secrets.key", "secrets.json"
_KEY_BYTES, _NONCE_BYTES = 32, 12
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_name(name: str) -> None:
    """Raise ProjectFault for what cannot be a secret's name."""
    if not NAME.fullmatch(name):
        raise ProjectFault(
            f"{name[:80]!r} cannot be a secret's name.",
            where="secret store",
            remedy="Use letters, digits, '.', '_' and '-', at most 64.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One secret as people see it: never its value."""

    name: str
    where: str  # keyring | file
    host: str = ""  # the only server that it is given to; "" = any that a project names


class Secrets:
    """The secrets of this user, or of a service. Raises ProjectFault; reads anew at every question."""

    def __init__(self, file: str = "", *, folder: Path | None = None, keyring: Keyring | None = None) -> None:
        """Take the file of a service, and for tests where the rest is kept."""
        self._file = file or os.environ.get(FILE_VARIABLE, "")
        self._folder = folder
        self._keyring = keyring or Keyring()

    def of(self, url: str) -> Callable[[str], str]:
        """Return what gives the secrets to the link of a url: those that are not for another server."""
        return lambda name: self.value(name, url)

    def value(self, name: str, url: str = "") -> str:
        """Return a secret. Raises ProjectFault when it is not there, or is for another server."""
        given = self._given(name)
        if given is not None:
            return given
        entry = self._entries().get(name)
        if entry is None:
            raise ProjectFault(
                f"The secret '{name}' is not in the secret store.",
                where="secret store",
                remedy=f"Put it in by: armillary secret set {name}; a service gets it by --secret-file. "
                "Then retry now.",
            )
        host = entry.get("host", "")
        if host and url and host != host_of(url):
            raise ProjectFault(
                f"The secret '{name}' is for {host}, not for {host_of(url) or 'this server'}.",
                where="secret store",
                remedy=f"If that is right: armillary secret set {name} --for {host_of(url)}. Then retry now.",
            )
        value = entry.get("value") if entry["where"] == "file" else self._keyring.get(name)
        if value is None:
            raise ProjectFault(
                f"The keyring does not give the secret '{name}'.",
                where="keyring",
                remedy=f"Unlock the keyring and start this again, or: armillary secret set {name}.",
            )
        return value

    def kept(self) -> tuple[Kept, ...]:
        """Return what is in the store, by name."""
        return tuple(
            Kept(name=name, where=entry["where"], host=entry.get("host", ""))
            for name, entry in sorted(self._entries().items())
        )

    def put(self, name: str, value: str, host: str = "") -> Kept:
        """Keep a secret, in the keyring where there is one, else in the encrypted file."""
        check_name(name)
        if not 0 < len(value) <= MOST or "\0" in value or "\n" in value:
            raise ProjectFault(
                f"A secret is one line of 1 to {MOST} characters.", where=name, remedy="Give another."
            )
        entries = self._entries()
        entry = {"where": "keyring"} if self._keyring.put(name, value) else {"where": "file", "value": value}
        entries[name] = {**entry, **({"host": host} if host else {})}
        self._write(entries)
        return Kept(name=name, where=entry["where"], host=host)

    def remove(self, name: str) -> None:
        """Forget a secret."""
        entries = self._entries()
        if name not in entries:
            known = ", ".join(sorted(entries)) or "none"
            raise ProjectFault(
                f"There is no secret '{name}'.", where="secret store", remedy=f"Known: {known}."
            )
        if entries.pop(name)["where"] == "keyring":
            self._keyring.drop(name)
        self._write(entries)

    # ---------------------------------------------------------------- a service's

    def _given(self, name: str) -> str | None:
        """Return what a service was given under a name, None for nothing."""
        if self._file:
            found = _file_of(Path(self._file)).get(name)
            if found is not None:
                return found
        folder = os.environ.get(CREDENTIALS, "")
        if folder and NAME.fullmatch(name) and (Path(folder) / name).is_file():
            return _text(Path(folder) / name).rstrip("\r\n")
        return None

    # ---------------------------------------------------------------- a person's

    @property
    def _at(self) -> Path:
        return self._folder or places.config()

    def _entries(self) -> dict[str, dict[str, str]]:
        path = self._at / STORE_FILE
        if not path.exists():
            return {}
        _only_ours(path)
        try:
            held = json.loads(_text(path))
            if held["schema"] > SCHEMA:
                raise ProjectFault(
                    "The secret store was written by a newer Armillary.",
                    where=str(path),
                    remedy="Update Armillary.",
                )
            nonce, sealed = base64.b64decode(held["nonce"]), base64.b64decode(held["sealed"])
            plain = AESGCM(self._key(make=False)).decrypt(nonce, sealed, _head(held["schema"]))
            entries: dict[str, dict[str, str]] = json.loads(plain)
        except (ValueError, KeyError, TypeError, InvalidTag) as error:
            raise ProjectFault(
                "The secret store cannot be read: it is damaged, or its key is another.",
                where=str(path),
                remedy=f"Put {KEY_FILE} and {STORE_FILE} back from a backup; or remove both and set the "
                "secrets anew.",
            ) from error
        return entries

    def _write(self, entries: Mapping[str, Mapping[str, str]]) -> None:
        nonce = os.urandom(_NONCE_BYTES)
        plain = json.dumps(entries, ensure_ascii=False, sort_keys=True).encode()
        sealed = AESGCM(self._key(make=True)).encrypt(nonce, plain, _head(SCHEMA))
        text = json.dumps(
            {
                "schema": SCHEMA,
                "nonce": base64.b64encode(nonce).decode(),
                "sealed": base64.b64encode(sealed).decode(),
            }
        )
        _write_private(self._at / STORE_FILE, text.encode())

    def _key(self, *, make: bool) -> bytes:
        """Return the key of the file: from systemd, else from a file that only this user can read."""
        folder = os.environ.get(CREDENTIALS, "")
        given = Path(folder) / "armillary-key" if folder else None
        path = given if given is not None and given.is_file() else self._at / KEY_FILE
        if not path.exists():
            if not make:
                raise ValueError("no key")
            _write_private(path, base64.b64encode(os.urandom(_KEY_BYTES)))
        if path != given:
            _only_ours(path)
        return base64.b64decode(_text(path).strip(), validate=True)


def host_of(url: str) -> str:
    """Return the server of a url, "" for one that names none."""
    try:
        return urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""


def _head(schema: int) -> bytes:
    """Return what is authenticated beside the content."""
    return f"armillary secrets {schema}".encode()


def _file_of(path: Path) -> dict[str, str]:
    """Return the names and values of a service's file: TOML, `name = "value"`."""
    _only_ours(path)
    try:
        held = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError:
        held = {"": 0}  # the parser's words may quote the line, and with it a secret
    if not all(isinstance(value, str) for value in held.values()):
        raise ProjectFault(
            "The secret file cannot be read.", where=str(path), remedy='Write one line each: name = "value".'
        )
    return held


def _only_ours(path: Path) -> None:
    """Raise ProjectFault for a file that others may read."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _unread(path, error) from error
    if mode & _OTHERS:
        raise ProjectFault(
            "Others may read this file of secrets, so it is not used.",
            where=str(path),
            remedy=f"Make it yours alone (chmod 600 {path}), and change what was in it.",
        )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unread(path, error) from error


def _unread(path: Path, error: Exception) -> ProjectFault:
    why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
    return ProjectFault(
        f"The secret file cannot be read: {why}.", where=str(path), remedy="Check its path and permissions."
    )


def _write_private(path: Path, data: bytes) -> None:
    """Replace a file that only this user may read: the old one or the new one, whole."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.replace(path, data)
    except OSError as error:
        raise ProjectFault(
            f"The secret store cannot be written: {error.strerror}.",
            where=str(path),
            remedy="Check the folder's permissions and free space; what was kept is as it was.",
        ) from error
