"""What tags suffer from, told once as an event: conflicting units, readings lost to a flood."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from armillary.model.arrays import U4
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord
from armillary.model.tags import TagSpec
from armillary.telemetry.reasons import UNIT_CONFLICT

LOST_EVERY_NS = 10 * NS  # a flood that goes on is told so often
KEPT = 500  # unit conflicts told; the tags go on saying so
SHOWN = 5


class Complaints:
    """`lost` belongs to the tick thread, `take` to the loop's."""

    def __init__(self, specs: Sequence[TagSpec], lost: Callable[[U4], None]) -> None:
        """`lost` hears of slots as this one does: the alarms that count them."""
        self._name = {spec.slot: spec.name for spec in specs}
        self._link = {spec.slot: spec.link for spec in specs}
        self._pass_on = lost
        self._lost: deque[int] = deque(maxlen=KEPT)
        self._lost_mono_ns = -LOST_EVERY_NS
        self._told: set[tuple[int, str]] = set()

    def lost(self, slots: U4) -> None:
        """Take slots of counted tags whose readings a full inbox gave up."""
        self._pass_on(slots)
        self._lost.extend(slots.tolist())

    def take(self, why: Mapping[int, str], now_mono_ns: int) -> list[FaultRecord]:
        """Return what is new, by what tags say of themselves (slot → words)."""
        out = [self._conflict(slot, words) for slot, words in why.items() if self._is_new(slot, words)]
        if self._lost and now_mono_ns - self._lost_mono_ns >= LOST_EVERY_NS:
            self._lost_mono_ns = now_mono_ns
            slots: set[int] = set()
            while self._lost:
                slots.add(self._lost.popleft())
            out.append(self._gap(sorted(slots)))
        return out

    def _is_new(self, slot: int, words: str) -> bool:
        if not words.startswith(UNIT_CONFLICT) or (slot, words) in self._told or len(self._told) >= KEPT:
            return False
        self._told.add((slot, words))
        return True

    def _conflict(self, slot: int, words: str) -> FaultRecord:
        return FaultRecord(
            kind="LinkFault",
            what=f"{self._name[slot]}: {words}.",
            where=self._link[slot],
            remedy="Its device changed: correct the device, or the tag's source_unit and range.",
        )

    def _gap(self, slots: Sequence[int]) -> FaultRecord:
        named = ", ".join(self._name[slot] for slot in slots[:SHOWN])
        more = f" and {len(slots) - SHOWN} more" if len(slots) > SHOWN else ""
        return FaultRecord(
            kind="LinkFault",
            what=f"Readings of {named}{more} were dropped in a flood: alarms count them anew.",
            where=self._link[slots[0]],
            remedy="Have what sends so much slowed down; see the links list.",
        )
