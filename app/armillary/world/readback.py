"""Whether the plant shows what was sent to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from armillary.model.arrays import I8
from armillary.model.clock import MS_NS, NS
from armillary.model.command import Proof
from armillary.model.fault import OrderFault
from armillary.model.order import OrderState
from armillary.model.quality import GOOD, WORDS
from armillary.model.tags import TagSpec, TagTable
from armillary.world.interlocks import Senses

VERIFY_NS = 30 * NS
SKEW_NS = NS  # the plant's clock may be this far behind ours before it counts as wrong
RELATIVE_TOLERANCE = 1e-6  # a setpoint comes back through a 32-bit float
RANGE_TOLERANCE = 5e-4  # … or through a 12-bit register: half a permille of the writable range


def tolerance(spec: TagSpec, value: float) -> float:
    """Return how far a read-back may be from a value written, in the tag's unit."""
    if spec.kind != "number":
        return 0.0
    return max(
        RELATIVE_TOLERANCE * max(abs(value), 1.0), RANGE_TOLERANCE * (spec.write_high - spec.write_low)
    )


@dataclass(slots=True, kw_only=True)
class ReadBack:
    """Watches one tag from the moment before an order was sent."""

    spec: TagSpec
    value: float  # that was sent, in the tag's unit
    old: float
    sent_ns: int
    sent_mono_ns: int
    source_ns: int  # of the tag's newest sample when the order was sent
    equal_since_ns: int = 0  # monotonic; 0: it differs

    def look(
        self, table: TagTable, now_mono_ns: int, *, acknowledged: bool
    ) -> tuple[OrderState, OrderFault | None, float] | None:
        """Return (VERIFIED | FAILED | UNVERIFIED, why not, what was read), None while it is open."""
        spec, slot = self.spec, self.spec.slot
        shown, rank = float(table.value[slot]), int(table.quality[slot]) & 0xFF
        limit = tolerance(spec, self.value)
        if self._is_fresh(table, limit) and rank == GOOD and abs(shown - self.value) <= limit:
            self.equal_since_ns = self.equal_since_ns or now_mono_ns
            if now_mono_ns - self.equal_since_ns >= 2 * spec.expected_ms * MS_NS:
                return OrderState.VERIFIED, None, shown
            return None
        self.equal_since_ns = 0
        if now_mono_ns - self.sent_mono_ns < VERIFY_NS:
            return None
        is_old = rank == GOOD and abs(shown - self.old) <= limit
        text = f"{shown:g} {spec.unit}".strip() if rank == GOOD else WORDS[rank]
        fault = OrderFault(
            f"NOT CONFIRMED: {self.value:g} {spec.unit} was sent, the plant shows {text}.",
            where=spec.name,
            remedy="Check the plant.",
        )
        state = OrderState.FAILED if is_old and not acknowledged else OrderState.UNVERIFIED
        return state, fault, shown

    def _is_fresh(self, table: TagTable, limit: float) -> bool:
        """Return True for a sample that the plant made after the order was sent."""
        slot = self.spec.slot
        is_new = bool(
            table.arrival_mono_ns[slot] >= self.sent_mono_ns
            and table.source_ns[slot] >= self.sent_ns - SKEW_NS
            and table.source_ns[slot] > self.source_ns
        )
        if is_new or self.spec.liveness != "link" or abs(self.old - self.value) > limit:
            return is_new
        # it had this value already, and such a server reports only changes: proof is that it still is alive
        return bool(table.alive_mono_ns[slot] > self.sent_mono_ns)


@dataclass(slots=True, kw_only=True)
class ProofBack:
    """Watches the read-back expression of a template from the moment before an order was sent."""

    proof: Proof
    senses: Senses
    specs: Sequence[TagSpec]  # that the expression reads
    tag: str
    unit: str
    value: float  # that was sent
    sent_ns: int
    sent_mono_ns: int
    table: TagTable
    equal_since_ns: int = 0  # monotonic; 0: it does not hold
    _source_ns: I8 = field(init=False)
    _held_before: bool = field(init=False)
    _old: float = field(init=False)

    def __post_init__(self) -> None:
        slots = [spec.slot for spec in self.specs]
        self._source_ns = self.table.source_ns[slots].copy()
        self._held_before, self._old, _ = self._holds(self.sent_mono_ns)

    def look(
        self, table: TagTable, now_mono_ns: int, *, acknowledged: bool
    ) -> tuple[OrderState, OrderFault | None, float] | None:
        """Return (VERIFIED | FAILED | UNVERIFIED, why not, what was read), None while it is open."""
        holds, shown, text = self._holds(now_mono_ns)
        if holds and self._is_fresh(table):
            self.equal_since_ns = self.equal_since_ns or now_mono_ns
            expected_ms = max((spec.expected_ms for spec in self.specs), default=0)
            if now_mono_ns - self.equal_since_ns >= 2 * expected_ms * MS_NS:
                return OrderState.VERIFIED, None, shown
            return None
        self.equal_since_ns = 0
        if now_mono_ns - self.sent_mono_ns < self.proof.verify_timeout_s * NS:
            return None
        fault = OrderFault(
            f"NOT CONFIRMED: {self.value:g} {self.unit}".rstrip() + f" was sent, but {text}.",
            where=self.tag,
            remedy="Check the plant.",
        )
        state = OrderState.FAILED if shown == self._old and not acknowledged else OrderState.UNVERIFIED
        return state, fault, shown

    def _holds(self, now_mono_ns: int) -> tuple[bool, float, str]:
        reading = self.senses.read(self.proof.expression, now_mono_ns)
        near = abs(reading.value - self.value) <= self.proof.tolerance
        is_true = reading.value != 0.0 if math.isnan(self.proof.tolerance) else near
        return reading.is_known and is_true, reading.value, reading.text

    def _is_fresh(self, table: TagTable) -> bool:
        """Return True when the plant made a sample after the order was sent, of each tag that can.

        A tag that lives by its link reports changes only: one change among the inputs, or a proof of life
        where it held already, is enough.
        """
        slots = [spec.slot for spec in self.specs]
        is_new = (
            (table.arrival_mono_ns[slots] >= self.sent_mono_ns)
            & (table.source_ns[slots] >= self.sent_ns - SKEW_NS)
            & (table.source_ns[slots] > self._source_ns)
        )
        by_link = np.array([spec.liveness == "link" for spec in self.specs])
        is_alive = by_link & (table.alive_mono_ns[slots] > self.sent_mono_ns)
        return bool((is_new | is_alive).all() and (self._held_before or is_new.any()))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoProof:
    """Stands in where nothing shows what became of a command: once it is answered, a person must look."""

    tag: str

    def look(
        self, table: TagTable, now_mono_ns: int, *, acknowledged: bool
    ) -> tuple[OrderState, OrderFault | None, float]:
        """Return UNVERIFIED."""
        said = "The plant took the command" if acknowledged else "The command was sent"
        fault = OrderFault(
            f"{said}; nothing can be read back.",
            where=self.tag,
            remedy="Check the plant, or add a read_back.",
        )
        return OrderState.UNVERIFIED, fault, math.nan
