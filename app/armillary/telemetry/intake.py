"""The tick's side of the inbox: everything queued → one SampleBatch, and its account afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from armillary.api.ports import AnyDecoder
from armillary.model.arrays import I8, U1, U4
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.model.link import BrowseItem, Quarantined, SubscriptionPlan
from armillary.model.sample import (
    HISTORICAL,
    RETAINED,
    SOURCE_TIME_ASSUMED,
    WAITED,
    SampleBatch,
    WireBatch,
    joined,
    taken,
)
from armillary.model.tags import TagSpec, TagTable
from armillary.telemetry import aside
from armillary.telemetry.condition import Conditions
from armillary.telemetry.decode import Decoded, Decoding
from armillary.telemetry.devices import stale
from armillary.telemetry.hearts import Hearts
from armillary.telemetry.inbox import NO_BINDING, Inbox
from armillary.telemetry.linkclock import LinkClocks, Skew
from armillary.telemetry.tap import Tap

_OUTCOMES, CONFLICT = NO_BINDING + 1, np.uint8(0x80)  # as twin.turns has it
_OLD = SOURCE_TIME_ASSUMED | HISTORICAL | RETAINED | WAITED  # tell nothing of the source's clock


class Intake:
    """Takes, decodes and conditions what the links brought; used by the tick thread alone."""

    def __init__(
        self,
        plans: Sequence[SubscriptionPlan],
        specs: Sequence[TagSpec],
        inbox: Inbox,
        decoders: Mapping[str, AnyDecoder] | None = None,
        *,
        retention_ns: int = 0,
    ) -> None:
        """`retention_ns`: how long the history keeps samples; older ones are refused. 0: none is."""
        self._inbox = inbox
        self._decodings = {plan.link.name: Decoding(plan, decoders) for plan in plans}
        self.hearts = Hearts(plans)
        self._conditions = Conditions(specs, [plan.link for plan in plans], retention_ns)
        self.clocks = LinkClocks([plan.link for plan in plans])
        self._links = tuple(plan.link.name for plan in plans)
        number = {name: i for i, name in enumerate(self._links)}
        count = max((s.slot for s in specs), default=-1) + 1
        self._link_of: I8 = np.full(count, -1, np.int64)
        for spec in specs:
            self._link_of[spec.slot] = number.get(spec.link, -1)
        self._doubted: dict[str, int] = {}  # link -> since when what it brings may have waited for us
        self._receipts: dict[str, int] = {}
        self.ahead: dict[str, int] = {}  # link -> samples whose clock was more than 5 s ahead, since start

    @property
    def problems(self) -> tuple[Fault, ...]:
        """Routes that can never be read: unknown decoders, paths that are none."""
        return tuple(fault for d in self._decodings.values() for fault in d.problems)

    def browse(self, link: str, under: str, limit: int) -> tuple[BrowseItem, ...] | None:
        """Return what a link's devices told of themselves below an address of ours, None for another."""
        return self._decodings[link].devices.items(under, limit) if link in self._decodings else None

    def folders(self, link: str) -> tuple[BrowseItem, ...]:
        """Return what stands in Browse beside the server's own topics."""
        return self._decodings[link].devices.folders() if link in self._decodings else ()

    def taps(self) -> tuple[Tap, ...]:
        """Return where some messages of each link are kept aside."""
        return tuple(d.tap for d in self._decodings.values())

    def newcomers(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """Return the (template, named parts) of topics that fit a template and feed no tag, since start."""
        return tuple(sorted(n for d in self._decodings.values() for n in d.devices.newcomers))

    def take_lost(self) -> U4:
        """Return the slots, each once, that a full inbox took samples from though it should spare them."""
        slots: set[int] = set()
        for link, (channels, typed) in self._inbox.take_lost().items():
            slots |= typed
            for channel in channels:
                slots.update(self._decodings[link].slots_of(channel))
        return np.array(sorted(slots), np.uint32)

    def mark_away(self, table: TagTable) -> None:
        """Mark the tags whose devices said since the last tick that they are away."""
        for decoding in self._decodings.values():
            away = decoding.devices.take_away()
            if len(away):
                stale(table, away)

    def quarantine(self) -> tuple[Quarantined, ...]:
        """Return the newest undecodable payloads of all links, per link in order of arrival."""
        return tuple(q for d in self._decodings.values() for q in tuple(d.quarantine))

    def time_units(self) -> dict[tuple[str, str], str]:
        """Return, by (link, channel), the unit that epoch times in the payloads are taken to be in."""
        return {(n, c): unit for n, d in self._decodings.items() for c, unit in d.time_units.items()}

    def take(self, now_mono_ns: int = 0) -> SampleBatch:
        """Return the samples of everything queued, conditioned, links one after the other.

        Messages whose life ended before `now_mono_ns` are dropped, counted as `expired`. Report what became
        of the samples by `settle`, in the same tick.
        """
        out: list[SampleBatch] = []
        for link, batches in self._inbox.take().items():
            came = [b for b in batches if isinstance(b, WireBatch)]
            if receipt := max((b.receipt for b in came), default=0):
                self._receipts[link] = receipt
            wire = self._wanted(link, came, now_mono_ns)
            self.hearts.note(link, wire)
            typed = [b for b in batches if isinstance(b, SampleBatch)]
            decoded = self._decodings[link].decode(wire)
            raw = joined([b for b in (decoded.samples, *typed) if len(b)])
            if link in self._doubted:
                raw = self._waited(link, raw)
            raw = told_apart(raw)
            skew = self._account(link, decoded, sum(map(len, typed)), raw)
            conditioned = self._conditions.applied(self._only_own(link, raw), is_believed=skew.level <= 1)
            for reason, count in conditioned.dropped.items():
                self._inbox.samples_dropped(link, reason, count)
            if conditioned.ahead:
                self.ahead[link] = self.ahead.get(link, 0) + conditioned.ahead
            out.append(conditioned.samples)
        return joined([b for b in out if len(b)])

    def doubt(self, since_mono_ns: int) -> None:
        """Learn that we were stopped: until a link is connected anew, what it brings may be old."""
        self._doubted = dict.fromkeys(self._links, since_mono_ns)

    def _waited(self, link: str, raw: SampleBatch) -> SampleBatch:
        up_ns = self._inbox.signs()[link].up_mono_ns
        is_anew = up_ns > self._doubted[link]
        waited = np.full(len(raw), True) if not is_anew else raw.arrival_mono_ns < up_ns
        if is_anew and not waited.any():
            del self._doubted[link]
        return replace(raw, flags=np.where(waited, raw.flags | WAITED, raw.flags).astype(np.uint8))

    def take_receipts(self) -> dict[str, int]:
        """Return, by link, the newest receipt among what was taken since the last call."""
        out, self._receipts = self._receipts, {}
        return out

    def settle(self, batch: SampleBatch, outcome: U1) -> None:
        """Book what twin.state made of the rows that `take` gave (outcome: its numbers, shape (n,)).

        A number may have CONFLICT added.
        """
        if not len(batch):
            return
        links = self._link_of[batch.slot]
        differs = outcome >= CONFLICT
        conflicts = np.bincount(links[differs], minlength=len(self._links)).tolist()
        table = np.bincount(links * _OUTCOMES + (outcome & ~CONFLICT), minlength=len(self._links) * _OUTCOMES)
        for i, (name, counts) in enumerate(
            zip(self._links, table.reshape(-1, _OUTCOMES).tolist(), strict=True)
        ):
            if any(counts):
                self._inbox.settled(name, counts, conflicts[i])

    def _wanted(self, link: str, batches: list[WireBatch], now_mono_ns: int) -> list[WireBatch]:
        if not any(b.aside for b in batches):
            return batches
        out: list[WireBatch] = []
        for batch in batches:
            left, expired = aside.unexpired(batch, now_mono_ns)
            if expired:
                self._inbox.decoded(link, 0, {"expired": expired}, 0)
            out.append(left)
        return out

    def _account(self, link: str, decoded: Decoded, typed: int, raw: SampleBatch) -> Skew:
        """Book what was decoded; return what is known of the source's clock by now."""
        self._inbox.decoded(link, decoded.messages + typed, decoded.dropped, len(raw))
        own = np.flatnonzero((raw.flags & SOURCE_TIME_ASSUMED) == 0)
        if not len(own):
            return self.clocks.of(link)
        delay_ns = raw.arrival_ns[own] - raw.source_ns[own]
        self._inbox.delayed(link, float(np.median(delay_ns)) / NS)
        prompt = (raw.flags[own] & _OLD) == 0
        return self.clocks.note(link, delay_ns[prompt], int(raw.arrival_mono_ns[-1]))

    def _only_own(self, link: str, raw: SampleBatch) -> SampleBatch:
        """Return the rows whose slot is a tag of this link; a plugin may have named another's."""
        known = raw.slot < len(self._link_of)
        own = np.zeros(len(raw), np.bool_)
        own[known] = self._link_of[raw.slot[known]] == self._links.index(link)
        if own.all():
            return raw
        self._inbox.samples_dropped(link, "no_binding", int(len(own) - own.sum()))
        return taken(raw, np.flatnonzero(own))


def told_apart(raw: SampleBatch) -> SampleBatch:
    """Return samples in which those without a time of their own that one read brought are a ns apart.

    Several of one tag have one arrival then. They are readings all the same, which must not count as one.
    """
    rows = np.flatnonzero(raw.flags & SOURCE_TIME_ASSUMED)
    arrival = raw.arrival_ns[rows]
    if len(rows) < 2 or not (arrival[1:] == arrival[:-1]).any():  # noqa: PLR2004  nothing to tell apart
        return raw
    order = np.lexsort((np.arange(len(rows)), raw.slot[rows], arrival))
    slot, arrival = raw.slot[rows[order]], arrival[order]
    begins = np.concatenate(([True], (slot[1:] != slot[:-1]) | (arrival[1:] != arrival[:-1])))
    if begins.all():
        return raw
    number = np.arange(len(rows))
    source_ns = raw.source_ns.copy()
    source_ns[rows[order]] += number - np.maximum.accumulate(np.where(begins, number, 0))
    return replace(raw, source_ns=source_ns)
