"""Writes, as the desk sees them: arm, countdown, execute, receipts. Decides nothing about permission."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from armillary.model.fault import FaultRecord
from armillary.model.order import Armed
from armillary.session.signal import Signal


@dataclass(frozen=True, slots=True)
class OrderCard:
    """What the card of the order in hand shows."""

    title: str  # `Setpoint of tank T-101`
    change: str  # `2.5 m → 3 m`
    state: str  # a sentence: `Armed: execute within 8 s`, `Verified: reads 3 m`
    tone: str  # idle | armed | running | good | bad
    countdown_s: float  # left to execute; 0 when not armed
    fault: FaultRecord | None
    can_execute: bool
    slot: int


class Orders:
    """The order in hand (one at a time) and what became of earlier ones."""

    changed: Signal[()]
    armed: Armed | None

    def arm(self, slot: int, value: float, reason: str = "") -> None:
        """Ask the world's gate for leave to write a tag; the answer changes `card`."""

    def execute(self) -> None:
        """Send the armed order once. Nothing happens when nothing is armed."""

    def cancel(self) -> None:
        """Forget what is armed; the world lets it expire."""

    def card(self, now_mono_ns: int) -> OrderCard | None:
        """Return what the card shows now, None when there is no order in hand."""

    def why_not(self, slot: int) -> str:
        """Return why a tag cannot be written from here, "" when the world may be asked."""
