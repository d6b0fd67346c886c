"""The desktop's own keyring, asked with a time limit; what would keep secrets as plain text is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

_T = TypeVar("_T")
SERVICE = "armillary"
ANSWER_S = 2.0  # a keyring that does not answer in this time is taken for none
_TRUSTED = tuple(
    f"keyring.backends.{name}" for name in ("SecretService", "libsecret", "kwallet", "macOS", "Windows")
)


class Ring(Protocol):
    """What is used of a keyring; every method may raise whatever it likes."""

    def get_password(self, service: str, username: str) -> str | None: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


class Keyring:
    """The keyring of this user, if there is one that answers. `is_there` is settled at the first question."""

    def __init__(self, find: Callable[[], Ring | None] | None = None, answer_s: float = ANSWER_S) -> None:
        """Take how to find the keyring: for tests."""
        self._find, self._answer_s = find or _found, answer_s
        self._ring: Ring | None = None
        self._is_asked = False

    @property
    def is_there(self) -> bool:
        """Whether a keyring answers."""
        if not self._is_asked:
            self._is_asked = True
            self._ring = self._within(self._find)
            if self._ring is not None and self._within(self._tried) is None:
                self._ring = None
        return self._ring is not None

    def get(self, name: str) -> str | None:
        """Return a secret, None where the keyring has none or does not answer."""
        ring = self._ring if self.is_there else None
        return None if ring is None else self._within(lambda: ring.get_password(SERVICE, name))

    def put(self, name: str, value: str) -> bool:
        """Keep a secret; return whether it is kept."""
        ring = self._ring if self.is_there else None
        if ring is None:
            return False

        def put() -> bool:
            ring.set_password(SERVICE, name, value)
            return True

        return self._within(put) is True

    def drop(self, name: str) -> None:
        """Forget a secret; nothing happens where there is none."""
        ring = self._ring if self.is_there else None
        if ring is not None:
            self._within(lambda: ring.delete_password(SERVICE, name))

    def _tried(self) -> bool:
        """Ask it for something: one that is there and locked, or broken, shows only so."""
        ring = self._ring
        if ring is None:
            return False
        ring.get_password(SERVICE, "")
        return True

    def _within(self, ask: Callable[[], _T]) -> _T | None:
        """Return an answer, None when it does not come in time or there is an error instead."""
        answers: list[_T] = []

        def run() -> None:
            try:
                answers.append(ask())
            except Exception:  # noqa: BLE001  a keyring that fails is none, whatever it says
                return

        thread = threading.Thread(target=run, name="keyring", daemon=True)
        thread.start()
        thread.join(self._answer_s)
        if thread.is_alive():
            self._ring = None  # it is not asked again in this process
        return answers[0] if answers else None


def _found() -> Ring | None:
    """Return the user's keyring, None where there is none that keeps secrets as secrets."""
    import keyring  # it looks for its plugins: half a second that only those with a secret pay

    ring = keyring.get_keyring()
    for each in getattr(ring, "backends", (ring,)):
        if type(each).__module__.startswith(_TRUSTED):
            found: Ring = each
            return found
    return None
