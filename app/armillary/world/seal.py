"""The gate's per-order key: what a sink of this world carries out bears a seal that only its gate can set.

Whoever comes by a sink (a defect, a plugin, a test that plants one) and calls it with a write of their own is
refused, and nothing is sent. The secret never leaves this process. Level 3 of operations 4.1.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import astuple, replace

from armillary.api.ports import CommandSink
from armillary.model.fault import OrderFault
from armillary.model.order import Write

KEPT = 1_000  # seals that were used; a write is refused by its age long before so many came after it


class Seals:
    """Sets and checks the seals of one gate. One event loop."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._used: dict[str, None] = {}

    def seal(self, write: Write) -> Write:
        """Return a write with its key: of these very fields, and of a nonce, so good once."""
        nonce = secrets.token_urlsafe(12)
        return replace(write, key=f"{nonce}.{self._mac(write, nonce)}")

    def use(self, write: Write) -> None:
        """Use a seal up. Raises OrderFault for none, a false one, another write's, or one used before."""
        nonce, _, mac = write.key.partition(".")
        if not hmac.compare_digest(mac, self._mac(write, nonce)) or write.key in self._used:
            raise OrderFault(
                "This write did not come from the gate.", where=write.address, remedy="Arm and execute it."
            )
        self._used[write.key] = None
        if len(self._used) > KEPT:
            del self._used[next(iter(self._used))]

    def _mac(self, write: Write, nonce: str) -> str:
        text = repr((nonce, astuple(replace(write, key=""))))
        return hmac.new(self._secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


class Sealed:
    """A sink that carries out sealed writes only. The one inside is not to be had from here."""

    __slots__ = ("close", "execute")

    def __init__(self, sink: CommandSink, seals: Seals) -> None:
        async def execute(write: Write) -> None:
            seals.use(write)
            await sink.execute(write)

        async def close() -> None:
            closing = getattr(sink, "close", None)  # optional in the port
            if closing is not None:
                await closing()

        self.execute, self.close = execute, close
