"""Watches for what does not come: stale tags, lost links, links that deliver nothing. Reads no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from armillary.model.arrays import B1, I8, U2, U4
from armillary.model.clock import MS_NS, NS
from armillary.model.fault import FaultRecord
from armillary.model.link import LinkSpec
from armillary.model.quality import BAD, COMM, NEVER, RANK_MASK, STALE, worst
from armillary.model.tags import STALE_FACTOR, STALE_FLOOR_MS, TagSpec, TagTable, stale_after_ms
from armillary.telemetry.hearts import Hearts
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

    def __init__(
        self, specs: Sequence[TagSpec], links: Sequence[LinkSpec], hearts: Hearts | None = None
    ) -> None:
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
        self._aged, self._aged_limit_ns, self._aged_at = _with_limit(self._limit_ns)
        self._of_link = [np.flatnonzero(self._link_of == i).astype(np.uint32) for i in range(len(links))]
        self._carried = [slots[self._by_link[slots]] for slots in self._of_link]
        self._devices = [_Devices(specs, link, hearts) for link in links]
        carried: B1 = self._by_link.copy()
        for devices in self._devices:
            carried[devices.slot] = True
        self._carried_all: B1 = carried
        self._unaged = [slots[~carried[slots] & (self._limit_ns[slots] == 0)] for slots in self._of_link]
        ending = [s for s in specs if s.bad_after_ms and s.link in number]
        self._ending: U4 = np.array([s.slot for s in ending], np.uint32)
        self._ending_ns: I8 = np.array([s.bad_after_ms for s in ending], np.int64) * MS_NS
        self._names = {spec.slot: spec.name for spec in specs}
        self._unseen: list[FaultRecord] = []
        self._unseen_told: set[str] = set()
        # What the quality was before a silent carrier made it stale: it comes back when the carrier does.
        self._before: U2 = np.zeros(count, np.uint16)
        self._held: B1 = np.zeros(count, np.bool_)
        self._told_alive_ns: dict[str, int] = {}  # by link: the proof of life written to its tags last

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

    def learn(self, slots: U4, expected_ns: I8) -> I8:
        """Take what arrivals have taught as the limits of these tags; return the limits in ns."""
        limit: I8 = np.maximum(STALE_FACTOR * expected_ns, STALE_FLOOR_MS * MS_NS)
        self._limit_ns[slots] = limit
        self._aged, self._aged_limit_ns, self._aged_at = _with_limit(self._limit_ns)
        return limit

    def lost(self, signs: Mapping[str, Signs]) -> U4:
        """Return the tags of the links that are lost."""
        some = [
            slots
            for link, slots in zip(self._links, self._of_link, strict=True)
            if signs.get(link.name, _NO_SIGNS).lost_mono_ns
        ]
        return np.concatenate(some) if some else np.zeros(0, np.uint32)

    def slept(self, table: TagTable) -> None:
        """Learn that we were stopped for a while: of links' tags only the last is known, not the present."""
        for i, slots in enumerate(self._of_link):
            self._held[self._carried[i]] = self._held[self._devices[i].slot] = False
            _worsen(table, slots, STALE | COMM)

    def look(self, table: TagTable, signs: Mapping[str, Signs], now_mono_ns: int) -> U4:
        """Mark what has become stale, restore what its carrier confirms; return the slots changed.

        Tags with a limit age by their own arrivals; tags that live by their link or device by its proof of
        life; all tags of a link that is lost turn STALE|COMM after 2 s, and recover by a new sample. What
        has been without proof of life for its `bad_after` is BAD.
        """
        changed = [self._age(table, now_mono_ns)]
        for i, link in enumerate(self._links):
            sign = signs.get(link.name, _NO_SIGNS)
            if sign.lost_mono_ns:
                if now_mono_ns - sign.lost_mono_ns > GRACE_NS:
                    # What was lost may have changed unseen: only a new sample makes it good again.
                    self._held[self._carried[i]] = self._held[self._devices[i].slot] = False
                    changed.append(_worsen(table, self._of_link[i], STALE | COMM))
                continue
            self._note_unseen(i, table, sign, now_mono_ns)
            changed.append(self._by_link_alone(table, self._carried[i], link, sign, now_mono_ns))
            changed.append(self._by_device(table, self._devices[i], now_mono_ns))
            if delivery(sign, now_mono_ns, silence_s(link)) == "silent":
                changed.append(_worsen(table, self._unaged[i], STALE | COMM))
        changed.append(self._end(table, now_mono_ns))
        out: U4 = np.unique(np.concatenate(changed)).astype(np.uint32)
        return out

    def _age(self, table: TagTable, now_mono_ns: int) -> U4:
        if not len(self._aged):
            return self._aged
        old = now_mono_ns - table.arrival_mono_ns[self._aged_at] > self._aged_limit_ns
        return _worsen(table, self._aged[old], STALE) if old.any() else self._aged[:0]

    def _end(self, table: TagTable, now_mono_ns: int) -> U4:
        """Give up what has been without proof of life for too long."""
        slots = self._ending
        if not len(slots):
            return slots
        seen = np.where(self._carried_all[slots], table.alive_mono_ns[slots], table.arrival_mono_ns[slots])
        return _worsen(table, slots[now_mono_ns - seen > self._ending_ns], BAD | COMM)

    def _by_link_alone(self, table: TagTable, slots: U4, link: LinkSpec, sign: Signs, now_mono_ns: int) -> U4:
        if not len(slots) or not sign.alive_mono_ns:
            return slots[:0]
        silent = now_mono_ns - sign.alive_mono_ns > int(link.stale_after_s * NS)
        last = self._told_alive_ns.get(link.name, 0)
        if not silent and not self._held.any() and 0 <= sign.alive_mono_ns - last <= ALIVE_STEP_NS:
            return slots[:0]  # the proof written last holds for all of them
        self._told_alive_ns[link.name] = sign.alive_mono_ns
        alive: I8 = np.full(len(slots), sign.alive_mono_ns)
        return self._carry(table, slots, alive, np.full(len(slots), silent))

    def _by_device(self, table: TagTable, devices: _Devices, now_mono_ns: int) -> U4:
        slots = devices.slot
        if not len(slots):
            return slots
        alive = devices.alive_mono_ns(table)
        return self._carry(table, slots, alive, now_mono_ns - alive > devices.limit_ns)

    def _carry(self, table: TagTable, slots: U4, alive_mono_ns: I8, silent: B1) -> U4:
        """Age tags that live by a carrier: stale while it gives no proof of life, as before once it does.

        alive_mono_ns, silent: (n,) of each one's carrier. Returns the slots changed.
        """
        lost = slots[silent]
        fresh = lost[(table.quality[lost] & RANK_MASK) < STALE]
        self._before[fresh] = table.quality[fresh]
        self._held[fresh] = True
        fresh = _worsen(table, fresh, STALE | COMM)
        slots, alive = slots[~silent], alive_mono_ns[~silent]
        back = slots[self._held[slots]]
        self._held[back] = False
        # A sample that came meanwhile has already written its own quality.
        before, now = self._before[back], table.quality[back]
        as_stale, as_bad = (worst(before, _all(word | COMM, len(back))) for word in (STALE, BAD))
        back = back[(now == as_stale) | (now == as_bad)]
        table.quality[back] = self._before[back]
        behind = (alive - table.alive_mono_ns[slots] > ALIVE_STEP_NS) & (
            (table.quality[slots] & RANK_MASK) < NEVER
        )
        table.alive_mono_ns[slots[behind]] = alive[behind]
        moved: U4 = np.concatenate((back, slots[behind]))
        table.dirty[moved] = True
        return np.concatenate((fresh, moved))


class _Devices:
    """The tags of one link that live by their devices: those of one twin and heartbeat are one device."""

    def __init__(self, specs: Sequence[TagSpec], link: LinkSpec, hearts: Hearts | None) -> None:
        own = [s for s in specs if s.liveness == "device" and s.link == link.name]
        own.sort(key=lambda s: (s.twin or s.name, s.heartbeat, s.slot))
        names = [(s.twin or s.name, s.heartbeat) for s in own]
        self._start: I8 = np.array([i for i, n in enumerate(names) if not i or n != names[i - 1]], np.int64)
        self._size: I8 = np.diff(self._start, append=len(own))
        self.slot: U4 = np.array([s.slot for s in own], np.uint32)
        usual = link.stale_after_s * NS
        self.limit_ns: I8 = np.array([stale_after_ms(s) * MS_NS or usual for s in own]).astype(np.int64)
        self._hearts = hearts
        known = hearts.names if hearts is not None else {}
        self._heart: I8 = np.array(
            [known.get((link.name, names[i][1]), -1) for i in self._start.tolist()], np.int64
        )

    def alive_mono_ns(self, table: TagTable) -> I8:
        """Return when the device of each tag was last proved alive: by any of its tags, or its heartbeat."""
        alive: I8 = np.maximum.reduceat(table.alive_mono_ns[self.slot], self._start)
        if self._hearts is not None and len(self._hearts.alive_mono_ns):
            beat = self._hearts.alive_mono_ns[self._heart]
            alive = np.maximum(alive, np.where(self._heart >= 0, beat, 0))
        out: I8 = np.repeat(alive, self._size)
        return out


def _with_limit(limit_ns: I8) -> tuple[U4, I8, U4 | slice]:
    """Return the slots with a limit, their limits, and how to reach them: as one piece where they are one."""
    slots = np.flatnonzero(limit_ns > 0).astype(np.uint32)
    is_one = len(slots) > 0 and int(slots[-1]) - int(slots[0]) == len(slots) - 1
    at: U4 | slice = slice(int(slots[0]), int(slots[-1]) + 1) if is_one else slots
    return slots, limit_ns[slots], at


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
