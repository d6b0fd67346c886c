"""Watches for what does not come: stale tags, lost links, links that deliver nothing. Reads no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from armillary.model.arrays import B1, I8, U2, U4
from armillary.model.clock import MS_NS, NS
from armillary.model.fault import FaultRecord
from armillary.model.link import LinkSpec
from armillary.model.quality import COMM, NEVER, RANK_MASK, STALE, worst
from armillary.model.tags import TagSpec, TagTable, stale_after_ms
from armillary.telemetry.inbox import Signs

GRACE_NS = 2 * NS  # a link may be away this long before its tags turn stale
ALIVE_STEP_NS = NS  # how often the proof of a carrier's life is written to its tags
QUIET_FACTOR, QUIET_FLOOR_NS = 3, 5 * NS
SILENT_FACTOR, SILENT_FLOOR_NS = 10, 15 * NS
FIRST_NS = 60 * NS  # for the first message of a link
UNSEEN_NS = 60 * NS  # after this long a tag without any value is told
SHOWN = 5
_NO_SIGNS = Signs()


def delivery(signs: Signs, now_mono_ns: int, silence_s: float | None = None) -> str:
    """Return `flowing`, `quiet` or `silent`, from arrivals alone.

    quiet: nothing for 3 × the learnt 99th percentile of gaps, at least 5 s. silent: 10 ×, at least 15 s,
    or `silence_s` where the link's settings give one (0: silence is not watched, for rare data). A link that
    came up (again) has as long from then; one that never brought anything has a minute.
    """
    begun = max(signs.arrival_mono_ns, signs.up_mono_ns)
    if not begun:
        return "quiet"
    since = now_mono_ns - begun
    silent_ns = max(SILENT_FACTOR * signs.gap_p99_ns, SILENT_FLOOR_NS)
    if not signs.arrival_mono_ns:
        silent_ns = FIRST_NS
    if silence_s is not None:
        silent_ns = int(silence_s * NS)
    if silent_ns and since > silent_ns:
        return "silent"
    if not signs.arrival_mono_ns:
        return "quiet"
    return "quiet" if since > max(QUIET_FACTOR * signs.gap_p99_ns, QUIET_FLOOR_NS) else "flowing"


def silence_s(link: LinkSpec) -> float | None:
    """Return the configured `silence_s` of a link, None when it has none."""
    given = link.settings.get("silence_s")
    return float(given) if isinstance(given, int | float) else None


class Watch:
    """Ages the tags of all links, once per tick; used by the tick thread alone."""

    def __init__(self, specs: Sequence[TagSpec], links: Sequence[LinkSpec]) -> None:
        """Learn limits and liveness; slots may have gaps (derived tags are not watched: inputs speak)."""
        count = max((s.slot for s in specs), default=-1) + 1
        self._links = tuple(links)
        self._limit_ns: I8 = np.zeros(count, np.int64)  # 0: never stale by its own age
        self._link_of: I8 = np.full(count, -1, np.int64)
        self._by_link: B1 = np.zeros(count, np.bool_)
        number = {link.name: i for i, link in enumerate(links)}
        for spec in specs:
            self._link_of[spec.slot] = number.get(spec.link, -1)
            self._by_link[spec.slot] = spec.liveness == "link"
            if spec.liveness == "tag" and spec.link in number:
                self._limit_ns[spec.slot] = stale_after_ms(spec) * MS_NS
        self._aged: U4 = np.flatnonzero(self._limit_ns > 0).astype(np.uint32)
        self._aged_limit_ns = self._limit_ns[self._aged]
        self._of_link = [np.flatnonzero(self._link_of == i).astype(np.uint32) for i in range(len(links))]
        self._carried = [slots[self._by_link[slots]] for slots in self._of_link]
        self._unaged = [
            slots[~self._by_link[slots] & (self._limit_ns[slots] == 0)] for slots in self._of_link
        ]
        self._names = {spec.slot: spec.name for spec in specs}
        self._unseen: list[FaultRecord] = []
        self._unseen_told: set[str] = set()
        # What the quality was before a silent carrier made it stale: it comes back when the carrier does.
        self._before: U2 = np.zeros(count, np.uint16)
        self._held: B1 = np.zeros(count, np.bool_)

    def take_unseen(self) -> list[FaultRecord]:
        """Return, once for each link, which tags never had a value though it has been up for a minute."""
        out, self._unseen = self._unseen, []
        return out

    def _note_unseen(self, i: int, table: TagTable, sign: Signs, now_mono_ns: int) -> None:
        link = self._links[i].name
        if link in self._unseen_told or not sign.up_mono_ns or now_mono_ns - sign.up_mono_ns < UNSEEN_NS:
            return
        self._unseen_told.add(link)
        slots = self._of_link[i]
        never = slots[(table.quality[slots] & RANK_MASK) == NEVER].tolist()
        if not never:
            return
        named = ", ".join(self._names[slot] for slot in never[:SHOWN])
        more = f" and {len(never) - SHOWN} more" if len(never) > SHOWN else ""
        self._unseen.append(
            FaultRecord(
                kind="LinkFault",
                what=f"{len(never)} of {len(slots)} tags never had a value, though the link is up: "
                f"{named}{more}.",
                where=link,
                remedy="See that their devices send there, and that this user may read it.",
            )
        )

    def freeze(self) -> object:
        """Return what changes; `thaw` goes on from it exactly."""
        return self._before.copy(), self._held.copy()

    def thaw(self, frozen: object) -> None:
        """Go on from what `freeze` returned."""
        if not isinstance(frozen, tuple):
            raise TypeError("thaw takes what freeze returned")
        self._before, self._held = (array.copy() for array in frozen)

    def slept(self, table: TagTable) -> None:
        """Learn that we were stopped for a while: of links' tags only the last is known, not the present."""
        for i, slots in enumerate(self._of_link):
            self._held[self._carried[i]] = False
            _worsen(table, slots, STALE | COMM)

    def look(self, table: TagTable, signs: Mapping[str, Signs], now_mono_ns: int) -> U4:
        """Mark what has become stale, restore what its carrier confirms; return the slots changed.

        Tags with a limit age by their own arrivals; tags that live by their link by its proof of life; all
        tags of a link that is lost turn STALE|COMM after 2 s, and recover by a new sample.
        """
        changed = [self._age(table, now_mono_ns)]
        for i, link in enumerate(self._links):
            sign = signs.get(link.name, _NO_SIGNS)
            if sign.lost_mono_ns:
                if now_mono_ns - sign.lost_mono_ns > GRACE_NS:
                    # What was lost may have changed unseen: only a new sample makes it good again.
                    self._held[self._carried[i]] = False
                    changed.append(_worsen(table, self._of_link[i], STALE | COMM))
                continue
            self._note_unseen(i, table, sign, now_mono_ns)
            changed.append(self._carry(table, self._carried[i], link, sign, now_mono_ns))
            if delivery(sign, now_mono_ns, silence_s(link)) == "silent":
                changed.append(_worsen(table, self._unaged[i], STALE | COMM))
        out: U4 = np.unique(np.concatenate(changed)).astype(np.uint32)
        return out

    def _age(self, table: TagTable, now_mono_ns: int) -> U4:
        if not len(self._aged):
            return self._aged
        old = now_mono_ns - table.arrival_mono_ns[self._aged] > self._aged_limit_ns
        return _worsen(table, self._aged[old], STALE)

    def _carry(self, table: TagTable, slots: U4, link: LinkSpec, sign: Signs, now_mono_ns: int) -> U4:
        """Age the tags that live by a link: stale while it gives no proof of life, as before once it does."""
        if not len(slots) or not sign.alive_mono_ns:
            return slots[:0]
        if now_mono_ns - sign.alive_mono_ns > int(link.stale_after_s * NS):
            fresh = slots[(table.quality[slots] & RANK_MASK) < STALE]
            self._before[fresh] = table.quality[fresh]
            self._held[fresh] = True
            return _worsen(table, fresh, STALE | COMM)
        back = slots[self._held[slots]]
        self._held[back] = False
        # A sample that came meanwhile has already written its own quality.
        back = back[table.quality[back] == worst(self._before[back], _all(STALE | COMM, len(back)))]
        table.quality[back] = self._before[back]
        known = slots[(table.quality[slots] & RANK_MASK) < NEVER]
        behind = known[sign.alive_mono_ns - table.alive_mono_ns[known] > ALIVE_STEP_NS]
        table.alive_mono_ns[behind] = sign.alive_mono_ns
        moved: U4 = np.concatenate((back, behind))
        table.dirty[moved] = True
        return moved


def _worsen(table: TagTable, slots: U4, quality: int) -> U4:
    """Mark the slots that are better than `quality`'s rank; return those. NEVER and BAD stay as they are."""
    rank = quality & int(RANK_MASK)
    better: U4 = slots[(table.quality[slots] & RANK_MASK) < rank]
    if len(better):
        table.quality[better] = worst(table.quality[better], _all(quality, len(better)))
        table.dirty[better] = True
    return better


def _all(quality: int, n: int) -> U2:
    return np.full(n, quality, np.uint16)
