"""The gate's hand on the audit: a record that cannot be written locks the commands, never the tick."""

from __future__ import annotations

import asyncio
import logging

from armillary.model.clock import NS, Clock
from armillary.model.fault import Fault, OrderFault
from armillary.security.audit import Act, Audit

log = logging.getLogger(__name__)


class Ledger:
    """Writes acts down; after the first failure `check` refuses until the world is started again."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit, self._clock = audit, clock
        self._fault: Fault | None = None
        self._synced_mono_ns = 0

    def check(self, tag: str) -> None:
        """Raise OrderFault when records cannot be kept."""
        if self._fault is not None:
            what = "Audit unavailable: commands are locked."
            raise OrderFault(what, where=f"{tag}: {self._fault.where}", remedy=self._fault.remedy)

    async def commit(self, act: Act, tag: str) -> None:
        """Return when an act is on disk. Raises OrderFault when it is not.

        Waits in a thread: a slow disk must not hold up the links.
        """
        try:
            await asyncio.to_thread(self._audit.append, act, t_ns=self._clock.now_ns())
        except Fault as fault:
            self._lock(fault)
        self.check(tag)

    def note(self, act: Act) -> None:
        """Write down what has no effect in the plant; it is on disk after the next `sync`."""
        if self._fault is None:
            try:
                self._audit.append(act, t_ns=self._clock.now_ns(), effect=False)
            except Fault as fault:
                self._lock(fault)

    def sync(self, now_mono_ns: int) -> None:
        """Put notes on disk, at most once a second."""
        if self._fault is None and self._audit.unsynced and now_mono_ns - self._synced_mono_ns >= NS:
            self._synced_mono_ns = now_mono_ns
            try:
                self._audit.sync()
            except Fault as fault:
                self._lock(fault)

    def _lock(self, fault: Fault) -> None:
        self._fault = fault
        log.error("%s", fault)
