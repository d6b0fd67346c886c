"""Tickets: who logged in to the LIVE world of a project may be the same person in its other worlds.

A ticket is a signed statement, never a secret of the person: user, role, expiry, and a fingerprint of the
account's password hash, so that a new password or another role ends it. The key is a file of the project that
only its owner can read; tickets themselves are never written anywhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from pathlib import Path

from armillary.model.clock import NS
from armillary.model.fault import OrderFault, ProjectFault
from armillary.security.keyfile import key_of

VALID_S = 12 * 3600  # a shift
KEY_FILE = "ticket.key"
_LONGEST = 2_048  # characters of a ticket that is looked at
_SCHEMA = 1


def issue(private: Path, user: str, role: str, phc: str, now_ns: int) -> str:
    """Return a ticket for somebody who has just shown a password; "" where no key can be kept.

    private: the project's private folder. phc: the account's password hash.
    """
    try:
        key = _key(private, make=True)
    except (OSError, ProjectFault):
        return ""
    said = {"v": _SCHEMA, "user": user, "role": role, "until": now_ns // NS + VALID_S}
    text = _b64(json.dumps(said, separators=(",", ":"), sort_keys=True).encode())
    return f"{text}.{_b64(_mac(key, private, text, phc))}"


def check(private: Path, ticket: str, user: str, role: str, phc: str, now_ns: int) -> None:
    """Return when a ticket is this user's, of this project and of now. Raises OrderFault otherwise."""
    text, _, signature = ticket[:_LONGEST].partition(".")
    try:
        key = _key(private, make=False)
        given = _unb64(signature)
        said = json.loads(_unb64(text))
    except (OSError, ProjectFault, ValueError, RecursionError):
        raise _refused(user) from None
    if not hmac.compare_digest(given, _mac(key, private, text, phc)):
        raise _refused(user)
    until = said.get("until") if isinstance(said, dict) else None
    if not isinstance(until, int) or said.get("v") != _SCHEMA:
        raise _refused(user)
    if said.get("user") != user or said.get("role") != role:
        raise _refused(user)
    if not now_ns // NS < until:
        raise OrderFault("This log-in has expired.", where=user, remedy="Log in again.")


def _refused(user: str) -> OrderFault:
    return OrderFault("This log-in does not hold here.", where=user, remedy="Log in with your password.")


def _mac(key: bytes, private: Path, text: str, phc: str) -> bytes:
    """Sign a ticket for one folder and one password: a copy of a project is another project."""
    place = hashlib.sha256(os.fsencode(private.resolve())).digest()
    password = hashlib.sha256(phc.encode()).digest()
    return hmac.new(key, place + password + text.encode("utf-8", "replace"), hashlib.sha256).digest()


def _key(private: Path, *, make: bool) -> bytes:
    """Return the project's key. Raises OSError, or ProjectFault for one that others can read, or torn."""
    return key_of(private / KEY_FILE, make=make)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    """Return the bytes of a text. Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
