"""What people do in a LIVE world beside ordering, written down: log-ins, and the switch of all commands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from armillary.model.account import LoggedIn
from armillary.model.clock import Clock
from armillary.model.control import Kill
from armillary.model.fault import OrderFault
from armillary.security.audit import Act, Audit, Scalar
from armillary.world.killswitch import STOP_FILE, KillSwitch
from armillary.world.ledger import Ledger

WATCH_S = 0.05  # the file stops commands within 100 ms, whatever the rate of the tick


class Acts:
    """The audit of a LIVE world's people, and its kill switch. One event loop.

    Without an audit (a folder that cannot be written) acts are not kept: the kill switch works all the same.
    """

    def __init__(
        self, audit: Audit | None, clock: Clock, switch: KillSwitch, disarm: Callable[[str], None]
    ) -> None:
        self.switch = switch
        self._ledger = Ledger(audit, clock) if audit is not None else None
        self._clock, self._disarm = clock, disarm
        self._known = switch.why()

    @property
    def is_written(self) -> bool:
        """Whether acts are kept."""
        return self._ledger is not None

    def note(
        self,
        who: LoggedIn,
        action: str,
        target: str,
        *,
        before: Scalar = None,
        after: Scalar = None,
        reason: str = "",
    ) -> None:
        """Write an act down; it is on disk within a second."""
        if self._ledger is not None:
            act = Act(
                actor=who.user,
                role=who.role,
                action=action,
                target=target,
                before=before,
                after=after,
                reason=reason,
            )
            self._ledger.note(act)

    def sync(self, now_mono_ns: int) -> None:
        """Put what was noted on disk, at most once a second."""
        if self._ledger is not None:
            self._ledger.sync(now_mono_ns)

    async def kill(self, who: LoggedIn, wish: Kill) -> None:
        """Stop all commands, or release them. Raises OrderFault when that is not, or not wholly, done."""
        if wish.stop:
            await self._stop(who, wish.reason)
            return
        before = self.switch.why()
        if not before:
            raise OrderFault("Commands are not stopped.", where=STOP_FILE, remedy="Nothing is to be done.")
        self.switch.release(wish.reason)
        self._known = ""
        self.note(who, "commands.released", "commands", before=before, reason=wish.reason)

    async def watch(self) -> None:
        """See the file come and go, made by whomever; ends when it is cancelled."""
        while True:
            self.look()
            await asyncio.sleep(WATCH_S)

    def look(self) -> None:
        """Act on a stop or release that did not come through this world."""
        why = self.switch.why()
        if bool(why) != bool(self._known):
            by = LoggedIn(user=f"file:{STOP_FILE}", name="", role="")
            self.note(by, "commands.stopped" if why else "commands.released", "commands", reason=why)
            if why:
                self._disarm("commands were stopped.")
        self._known = why

    async def _stop(self, who: LoggedIn, reason: str) -> None:
        if not self.switch.hold(who, reason, self._clock.now_ns()):
            return
        self._known = self.switch.why()
        self._disarm("commands were stopped.")  # first of all: a slow disk must not hold it up
        self.note(who, "commands.stopped", "commands", reason=reason)
        unkept = await asyncio.to_thread(self.switch.keep)
        if unkept:
            self.note(who, "commands.stopped.not_kept", STOP_FILE, reason=unkept)
            raise OrderFault(
                f"Commands are stopped in this world only. {unkept}",
                where=str(self.switch.file),
                remedy="Make the folder writable, or end the world.",
            )
