"""The users of the demo: those of the acceptance scripts, with one password made at its start."""

from __future__ import annotations

import secrets
import threading
from pathlib import Path

from armillary.model.clock import Clock
from armillary.security import accounts

CAST = (
    ("admin", "Administrator", "admin"),
    ("anna", "Anna", "operator"),
    ("bo", "Bo", "operator"),
    ("ravi", "Ravi", "engineer"),
    ("ines", "Ines", "instructor"),
)
SIGNERS = (("ravi", "engineer"), ("anna", "operator"))  # of the demonstrations' own policies
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
_GROUPS, _GROUP = 4, 4
_HASH_S = 10.0


class Cast:
    """Hashes the demo's password beside everything else; one hash, as all of them share it."""

    def __init__(self) -> None:
        groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
        self.password = "-".join(groups)
        self._phc = ""
        self._thread = threading.Thread(target=self._hash, name="cast", daemon=True)
        self._thread.start()

    def _hash(self) -> None:
        self._phc = accounts.hashed(self.password)

    def move_in(self, project: Path, clock: Clock) -> None:
        """Write the users into a project. Raises ProjectFault."""
        self._thread.join(_HASH_S)
        accounts.add_all(project, CAST, self._phc, clock.now_ns())

    def words(self) -> str:
        """Return what is printed: who there is, and their password."""
        people = ", ".join(f"{user} ({role})" for user, _, role in CAST if role != "admin")
        return f"log in as {people} or admin; password of all: {self.password}"
