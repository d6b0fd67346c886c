"""Signatures under policies: who agreed to what a loop may do by itself. A file of the project holds the key.

A signature says that this installation saw a person's password when they agreed to these very terms; a change
of any of them voids it. It is no proof against somebody who can read the key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from armillary.model.fault import Fault, ProjectFault
from armillary.security.keyfile import key_of

KEY_FILE = "policy.key"
_LONGEST = 256  # characters of a signature that is looked at


def sign(private: Path, terms: Mapping[str, object], user: str) -> str:
    """Return a person's signature under terms; the caller has checked who it is.

    private: the project's private folder. Raises ProjectFault when no key can be kept there.
    """
    try:
        key = key_of(private / KEY_FILE, make=True)
    except OSError as error:
        raise ProjectFault(
            f"The key of policies cannot be kept: {error.strerror or error}.",
            where=str(private / KEY_FILE),
            remedy="Make the project's folder writable.",
        ) from error
    return f"{user}:{_proof(key, terms, user)}"


def signers(private: Path, terms: Mapping[str, object], signatures: Sequence[str]) -> tuple[str, ...]:
    """Return whose signatures hold under these terms, each once; none without the key."""
    try:
        key = key_of(private / KEY_FILE, make=False)
    except (OSError, Fault):
        return ()
    out: dict[str, None] = {}
    for signature in signatures:
        user, _, proof = signature[:_LONGEST].partition(":")
        if user and hmac.compare_digest(proof, _proof(key, terms, user)):
            out[user] = None
    return tuple(out)


def _proof(key: bytes, terms: Mapping[str, object], user: str) -> str:
    text = json.dumps([user, terms], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
