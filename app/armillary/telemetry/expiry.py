"""Certificates that end soon: an event at each step, and which alarm stands. Reads no clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from armillary.model.clock import NS
from armillary.model.frame import Event
from armillary.model.link import CERTIFICATE_DAYS, certificate_alarm

DAY_NS = 86_400 * NS
_WHOSE = {"server": "the server's certificate", "own": "our own certificate"}


class Expiry:
    """Follows the certificates of one link; each step of each certificate is told once."""

    def __init__(self, link: str) -> None:
        self._link = link
        self._told: set[tuple[str, int, int]] = set()  # whose, its end, step
        self.trouble: dict[str, str] = {}  # id of the alarm that stands → its sentence

    def look(self, ends: Mapping[str, int], now_ns: int) -> list[Event]:
        """Return what is to be told now. `ends`: by whose, ns UTC; empty while there is no connection."""
        events: list[Event] = []
        self.trouble = {}
        soonest_last = sorted(ends.items(), key=lambda item: -item[1])  # its alarm is the one that stands
        for whose, end in soonest_last:
            left = end - now_ns
            step = min((days for days in CERTIFICATE_DAYS if left <= days * DAY_NS), default=0)
            if not step:
                continue
            text = _sentence(whose, end, left)
            self.trouble = {certificate_alarm(self._link, step): f"{self._link}: {text}"}
            reached = (whose, end, 0 if left <= 0 else step)
            if reached not in self._told:
                self._told.add(reached)
                level = "error" if left <= 0 else "warning"
                events.append(Event(t_ns=now_ns, level=level, source=self._link, text=text))
        return events


def _sentence(whose: str, end_ns: int, left_ns: int) -> str:
    who = _WHOSE.get(whose, f"the certificate '{whose}'")
    day = datetime.fromtimestamp(end_ns / NS, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if left_ns <= 0:
        return f"{who} has expired ({day}); the connection stands, the next one will be refused"
    days = left_ns // DAY_NS
    left = f"{days} days" if days > 1 else "one day" if days == 1 else f"{left_ns // (3_600 * NS)} hours"
    return f"{who} expires in {left} ({day}); have it renewed"
