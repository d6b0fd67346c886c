"""The switch that stops all commands: a file in the project, so it outlives the world and needs no desk.

Whatever the file holds, its being there stops. The switch itself never sends anything to the plant.
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from armillary.model import files
from armillary.model.account import LoggedIn
from armillary.model.clock import NS, iso, parse_iso
from armillary.model.fault import OrderFault

STOP_FILE = "STOP_COMMANDS"
SCHEMA = 1
_BIG = 64 * 1024  # bytes: a larger file of this name is not ours to read
UNREADABLE = "Commands stopped: the project's folder cannot be looked into."


class KillSwitch:
    """Whether commands are stopped, by whom and since when. Any thread may ask."""

    def __init__(self, project: Path, zone: str = "UTC") -> None:
        self.file = project / STOP_FILE
        self._zone = ZoneInfo(zone)
        self._stamp: tuple[int, int, int] | None = None
        self._said = ""  # by the file
        self._held = ""  # pressed here, not in the file (yet)
        self._kept = ""  # what is to be written into it

    def why(self) -> str:
        """Return why commands are stopped now, "" when they are not; one stat of the file."""
        try:
            found = self.file.stat()
        except FileNotFoundError:
            self._stamp, self._said = None, ""
            return self._held
        except OSError:
            return self._held or UNREADABLE
        stamp = found.st_mtime_ns, found.st_ino, found.st_size
        if stamp != self._stamp:
            self._said = self._read(found.st_mtime_ns, found.st_size)
            self._stamp = stamp
        return self._said

    def hold(self, who: LoggedIn, reason: str, now_ns: int) -> bool:
        """Stop all commands of this world at once, without touching the disk; `keep` makes it last.

        An earlier stop stays as it is (False): who stopped first is what people must know.
        """
        if self.why():
            return False
        by = who.name or who.user
        self._held = self._text(by, now_ns, reason)
        self._kept = (
            f'schema = {SCHEMA}\nby = {_quoted(by)}\nat = "{iso(now_ns)}"\nreason = {_quoted(reason)}\n'
        )
        return True

    def keep(self) -> str:
        """Write the file of what is held; return "" or why the stop will not survive a restart."""
        if not self._held:
            return ""
        try:
            files.replace(self.file, self._kept.encode(), 0o644)
        except OSError as error:
            return f"The file {STOP_FILE} cannot be written ({error.strerror}): a restart would release."
        self._held = ""
        return ""

    def release(self, reason: str) -> None:
        """Let commands go again. Raises OrderFault without a reason, and when the file cannot be removed."""
        if not reason.strip():
            raise OrderFault(
                "Commands are released with a reason only.", where=str(self.file), remedy="Give the reason."
            )
        try:
            self.file.unlink(missing_ok=True)
        except OSError as error:
            raise OrderFault(
                f"Commands stay stopped: {STOP_FILE} cannot be removed ({error.strerror}).",
                where=str(self.file),
                remedy="Remove the file by hand.",
            ) from error
        self._held = ""

    def fault(self) -> OrderFault | None:
        """Return what an order is refused with, None when commands may go."""
        why = self.why()
        if not why:
            return None
        return OrderFault(
            why, where=str(self.file), remedy="An engineer or administrator releases them, with a reason."
        )

    def _read(self, mtime_ns: int, size: int) -> str:
        try:
            held = tomllib.loads(self.file.read_text("utf-8")) if size <= _BIG else {}
            return self._text(str(held["by"]), parse_iso(str(held["at"])), str(held.get("reason", "")))
        except (OSError, ValueError, KeyError):  # made by hand, or by the hard-wired switch
            return self._text(f"the file {STOP_FILE}", mtime_ns, "")

    def _text(self, by: str, at_ns: int, reason: str) -> str:
        at = datetime.fromtimestamp(at_ns / NS, self._zone).strftime("%H:%M:%S")
        return f"Commands stopped by {by} at {at}" + (f": {reason}" if reason.strip() else ".")


def _quoted(text: str) -> str:
    clean = "".join(c for c in text[:500] if c.isprintable())
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'
