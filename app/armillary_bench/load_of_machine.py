"""What else the machine did while a bench ran: figures of speed are for a quiet one."""

from __future__ import annotations

import os
from pathlib import Path


class Load:
    """Measures the cores from `start` to `stop`, or between entry and exit."""

    def __init__(self) -> None:
        self._before = self._after = (0.0, 0.0)

    def start(self) -> None:
        """Begin."""
        self._before = self._after = _ticks()

    def stop(self) -> None:
        """End; may be called again, then later counts."""
        self._after = _ticks()

    def __enter__(self) -> Load:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def busy(self) -> float:
        """Share of all cores that was in use, by whomsoever, 0 … 1."""
        used, total = (b - a for a, b in zip(self._before, self._after, strict=True))
        return used / max(total, 1e-9)

    @property
    def words(self) -> str:
        """The same for people, with how many processes wanted a core at the end."""
        return (
            f"{self.busy:.0%} of {os.cpu_count()} cores were busy, and {os.getloadavg()[0]:.1f} processes "
            "wanted one in the last minute"
        )


def _ticks() -> tuple[float, float]:
    """Return (ticks in use, all ticks) of the cores since the start of the machine."""
    line = Path("/proc/stat").read_text("ascii").split("\n", 1)[0]
    fields = [int(word) for word in line.split()[1:9]]
    total = float(sum(fields))
    return total - fields[3] - fields[4], total
