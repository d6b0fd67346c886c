"""Makes decoded samples fit for the state: units, ranges, implausible times, retained values.

One pass for samples of every protocol, as array operations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, F4, F8, I8, U2, frozen, span
from armillary.model.clock import MS_NS, NS
from armillary.model.link import LinkSpec
from armillary.model.quality import BAD, CLOCK, DECODE, RANGE, RANK_MASK, STALE, UNCERTAIN, worst
from armillary.model.sample import (
    HISTORICAL,
    REDATED,
    RETAINED,
    SOURCE_TIME_ASSUMED,
    WAITED,
    SampleBatch,
    empty_batch,
    taken,
    told,
)
from armillary.model.tags import TagSpec, spec_arrays, stale_after_ms

EARLIEST_NS = 631_152_000 * NS  # 1990-01-01
LATEST_AHEAD_NS = 86_400 * NS  # beyond: refused
AHEAD_NS = 5 * NS  # beyond: the time of arrival is used
OFF_NS = 27 * NS  # of a link whose clock is not believed: samples this far off show its clock, others do not


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditioned:
    """Samples in the units of their tags, and how many were given up, by reason (rows = kept + dropped)."""

    samples: SampleBatch
    dropped: Mapping[str, int]
    ahead: int = 0  # samples whose clock was more than 5 s ahead: their arrival time is used


class Conditions:
    """The numeric side of all tag specs, as arrays by slot."""

    def __init__(
        self, specs: Sequence[TagSpec], links: Sequence[LinkSpec] = (), retention_ns: int = 0
    ) -> None:
        """`retention_ns`: older samples would be forgotten at once, so they are refused; 0 = none is."""
        self._retention_ns = retention_ns
        count = max((s.slot for s in specs), default=-1) + 1
        columns = spec_arrays(specs)
        slots = np.array([s.slot for s in specs], np.int64)

        def by_slot(values: F8, fill: float) -> F8:
            out = np.full(count, fill)
            out[slots] = values
            return out

        self._factor, self._offset = by_slot(columns["factor"], 1.0), by_slot(columns["offset"], 0.0)
        self._low, self._high = by_slot(columns["low"], -np.inf), by_slot(columns["high"], np.inf)
        self._is_number: B1 = np.zeros(count, np.bool_)
        self._is_number[slots] = [s.kind not in ("text", "struct", "array") for s in specs]
        self._by_link: B1 = np.zeros(count, np.bool_)
        self._by_link[slots] = [s.liveness != "tag" for s in specs]
        link_limit = {link.name: int(link.stale_after_s * NS) for link in links}
        limits = [stale_after_ms(s) * MS_NS or link_limit.get(s.link, 10 * NS) for s in specs]
        self._limit_ns: I8 = np.zeros(count, np.int64)
        self._limit_ns[slots] = limits

    def __len__(self) -> int:
        return len(self._factor)

    def applied(self, batch: SampleBatch, *, is_believed: bool = True) -> Conditioned:
        """Return the samples with factor, offset and range applied and their times checked.

        A number that is not finite turns BAD|DECODE and NaN. A retained value starts STALE unless its
        payload's own time is within the tag's limit, or the tag lives by its link. A sample from the future
        is REDATED; of a source whose clock is not believed (`is_believed`) those that are as far off as it
        is, which are UNCERTAIN|CLOCK too.
        """
        if not len(batch):
            return Conditioned(samples=empty_batch(), dropped={})
        dropped: dict[str, int] = {}
        known = batch.slot < len(self)
        plausible = (batch.source_ns >= EARLIEST_NS) & (batch.source_ns <= batch.arrival_ns + LATEST_AHEAD_NS)
        if self._retention_ns:
            plausible &= batch.arrival_ns - batch.source_ns <= self._retention_ns
        keep = known & plausible
        if not keep.all():
            dropped = {
                "no_binding": int(len(keep) - known.sum()),
                "implausible_time": int((known & ~plausible).sum()),
            }
            batch = taken(batch, np.flatnonzero(keep))
        ahead = batch.source_ns > batch.arrival_ns + AHEAD_NS
        redated = ahead
        value, quality = self._valued(batch)
        quality = self._retained(batch, quality)
        if not is_believed:
            off = np.abs(batch.source_ns - batch.arrival_ns) > OFF_NS
            off &= (batch.flags & (SOURCE_TIME_ASSUMED | HISTORICAL)) == 0
            redated = ahead | off
            quality = worst(quality, np.where(off, UNCERTAIN | CLOCK, 0).astype(np.uint16))
        source_ns, arrival_ns, flags = batch.source_ns, batch.arrival_ns, batch.flags
        if redated.any():
            source_ns = np.where(redated, batch.arrival_ns, batch.source_ns)
            arrival_ns = np.where(redated, batch.source_ns, batch.arrival_ns)
            flags = np.where(redated, flags | REDATED, flags).astype(np.uint8)
        array, text = batch.array, batch.text
        if array:
            array, quality = self._arrays(batch, quality)
            text = {**text, **{row: told(values) for row, values in array.items()}}
        samples = SampleBatch(
            slot=batch.slot,
            value=value,
            source_ns=source_ns,
            arrival_ns=arrival_ns,
            arrival_mono_ns=batch.arrival_mono_ns,
            quality=quality,
            flags=flags,
            status=batch.status,
            text=text,
            array=array,
            why=batch.why,
        )
        return Conditioned(
            samples=samples, dropped={k: n for k, n in dropped.items() if n}, ahead=int(ahead.sum())
        )

    def _valued(self, batch: SampleBatch) -> tuple[F8, U2]:
        slot = span(batch.slot)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is judged two lines below
            value = batch.value * self._factor[slot] + self._offset[slot]
        number, finite = self._is_number[slot], np.isfinite(value)
        quality = batch.quality
        unreadable = number & ~finite & ((quality & RANK_MASK) < BAD)
        outside = number & finite & ((value < self._low[slot]) | (value > self._high[slot]))
        if unreadable.any() or outside.any():
            reason = np.where(unreadable, BAD | DECODE, np.where(outside, UNCERTAIN | RANGE, 0))
            quality = worst(quality, reason.astype(np.uint16))
        if not finite.all():
            value = np.where(finite, value, np.nan)
        return value, quality

    def _arrays(self, batch: SampleBatch, quality: U2) -> tuple[dict[int, F4], U2]:
        """Return arrays in the units of their tags, and the qualities: one value outside marks them all."""
        out: dict[int, F4] = {}
        worse = np.zeros(len(batch), np.uint16)
        for row, raw in batch.array.items():
            slot = batch.slot[row]
            factor, offset = self._factor[slot], self._offset[slot]
            values = raw
            if factor != 1.0 or offset != 0.0:
                with np.errstate(over="ignore"):
                    values = frozen((raw * factor + offset).astype(np.float32))
            if ((values < self._low[slot]) | (values > self._high[slot])).any():
                worse[row] = UNCERTAIN | RANGE
            out[row] = values
        return out, worst(quality, worse)

    def _retained(self, batch: SampleBatch, quality: U2) -> U2:
        retained = (batch.flags & (RETAINED | WAITED)) != 0
        if not retained.any():
            return quality
        slot = batch.slot
        own_time = (batch.flags & SOURCE_TIME_ASSUMED) == 0
        recent = own_time & (batch.arrival_ns - batch.source_ns <= self._limit_ns[slot])
        doubtful = retained & ~recent & ~self._by_link[slot]
        return worst(quality, np.where(doubtful, STALE, 0).astype(np.uint16))
