"""The built-in alarms of links: one for a silent link, not one for each tag, and what else befalls it.

Whether a link is silent is seen here, by its tags. That it comes and goes, that a certificate ends or that
counters do not add up is told from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from armillary.alarms.devices import device_alarms
from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import B1, I8, U4
from armillary.model.clock import NS
from armillary.model.link import (
    CERTIFICATE_DAYS,
    CLOCK,
    COUNTERS,
    DEVICE,
    DEVICES,
    OVERLOADED,
    UNSTABLE,
    LinkSpec,
    certificate_alarm,
    link_alarm,
)
from armillary.model.quality import COMM, NEVER, RANK_MASK, STALE
from armillary.model.tags import TagSpec, TagTable

PREFIX = "link:"
PRIORITY = 2
SECURE = frozenset({"mqtts", "wss"})  # schemes of links that know their certificates
OPC, _LOCAL = "opc.tcp", ("localhost", "127.", "[::1]")  # a server here is spoken to without, unless told
ON_DELAY_S = 5.0  # after its tags turned stale, which took them some seconds already
FIRST_NS = 10 * NS  # a link that has brought nothing yet may take this long more
ALIVE_STEP_NS = NS // 4  # how often links are looked at: they turn silent over seconds


def link_alarms(links: Iterable[LinkSpec], tags: Iterable[TagSpec]) -> tuple[AlarmSpec, ...]:
    """Return the built-in alarms of each link that has tags, and of the devices behind it."""
    tags = tuple(tags)
    used = {tag.link for tag in tags}
    mine = [link for link in links if link.name in used]
    told = (spec for link in mine for spec in _told_alarms(link))
    return (*_silent_alarms(mine), *told, *device_alarms(mine, tags))


def _silent_alarms(links: Iterable[LinkSpec]) -> tuple[AlarmSpec, ...]:
    return tuple(
        AlarmSpec(
            id=link_alarm(link.name),
            slot=-1,
            tag="",
            title=f"Link {link.name}",
            kind="link",
            on_delay_s=ON_DELAY_S,
            priority=PRIORITY,
            consequence="What this link brings is not known; its alarms cannot be raised.",
            operator_action="Look at the link in the links list; see that its server and the network run.",
            origin=link.origin,
        )
        for link in links
    )


def _told_alarms(link: LinkSpec) -> Iterator[AlarmSpec]:
    def spec(name: str, title: str, priority: int, consequence: str, action: str) -> AlarmSpec:
        return AlarmSpec(
            id=name,
            slot=-1,
            tag="",
            title=title,
            kind="link",
            priority=priority,
            consequence=consequence,
            operator_action=action,
            origin=link.origin,
        )

    yield spec(
        link_alarm(link.name, UNSTABLE),
        f"Link {link.name} unstable",
        3,
        "Its values have gaps; commands over it may fail.",
        "Have the network and the server looked at; the links list says why it was lost.",
    )
    yield spec(
        link_alarm(link.name, OVERLOADED),
        f"Link {link.name} overloaded",
        3,
        "The oldest messages of each topic are dropped; what is shown may be late.",
        "Have what sends so much slowed down, or the link's filters narrowed; see the links list.",
    )
    yield spec(
        link_alarm(link.name, COUNTERS),
        f"Counters of link {link.name}",
        3,
        "Messages may have been lost without a trace.",
        "Report it with the log: this is a fault of Armillary.",
    )
    yield spec(
        link_alarm(link.name, CLOCK),
        f"Clock of link {link.name}",
        3,
        "Its values are uncertain, and their times are those at which they came.",
        "Have the clock of the source set right; the links list says how far it is off.",
    )
    if _has_certificates(link):
        for days, priority in CERTIFICATE_DAYS.items():
            yield spec(
                certificate_alarm(link.name, days),
                f"Certificate of link {link.name}",
                priority,
                "When it has expired, no connection can be made any more.",
                "Have the certificate renewed before that day.",
            )


def _has_certificates(link: LinkSpec) -> bool:
    """Return whether a link knows until when its certificates are valid."""
    scheme, _, rest = link.url.partition("://")
    if scheme != OPC:
        return scheme in SECURE
    said = str(link.settings.get("security", ""))
    if said:
        return said.partition(":")[0] != "None"
    return not (link.settings.get("insecure") or rest.startswith(_LOCAL))


class LinkWatch:
    """Says which links are silent: none of their tags is better than STALE, and not for their sensors."""

    def __init__(self, specs: Sequence[AlarmSpec], tags: Sequence[TagSpec]) -> None:
        mine = [i for i, s in enumerate(specs) if s.kind == "link" and not _is_of_devices(s.id)]
        self._rows: I8 = np.array(mine, np.int64)
        of: dict[str, list[int]] = {}
        for tag in tags:
            of.setdefault(tag.link, []).append(tag.slot)
        self.told: Mapping[str, str] = {}  # id of an alarm that is told → its sentence, while it stands
        self._ids = [specs[i].id for i in self._rows.tolist()]
        self._name = names = [name.removeprefix(PREFIX) for name in self._ids]
        # A told one has its kind behind its link.
        self._own: B1 = np.array([":" not in name for name in names], np.bool_)
        self._slots: list[U4] = [np.array(of.get(name, []), np.uint32) for name in names]
        self._row_of = {row: number for number, row in enumerate(self._rows.tolist())}
        self._looked_ns = self._first_ns = 0
        self.silent: frozenset[str] = frozenset()  # the links that are, at the last look

    def look(self, table: TagTable, now_mono_ns: int) -> tuple[I8, B1, B1] | None:
        """Return (alarm rows, silent, speaks), or None when it is too early to look again.

        Right after a start a link is neither: what has not spoken yet has not come back either.
        """
        if not len(self._rows) or 0 <= now_mono_ns - self._looked_ns < ALIVE_STEP_NS:
            return None
        self._looked_ns = now_mono_ns
        self._first_ns = self._first_ns or now_mono_ns
        is_young = now_mono_ns - self._first_ns < FIRST_NS
        told = np.array([name in self.told for name in self._ids], np.bool_)
        silent = np.array([_is_silent(table, s, is_young) for s in self._slots], np.bool_)
        speaks = np.array([_speaks(table, s) for s in self._slots], np.bool_)
        self.silent = frozenset(self._name[i] for i in np.flatnonzero(self._own & silent).tolist())
        return self._rows, np.where(self._own, silent, told), np.where(self._own, speaks, ~told)

    def text(self, row: int, table: TagTable, now_mono_ns: int, name: str) -> str:
        """Return one sentence: for how long, and how many tags it concerns."""
        if name in self.told:
            return self.told[name]
        slots = self._slots[self._row_of[row]]
        last = int(table.alive_mono_ns[slots].max(initial=0))
        link = name.removeprefix(PREFIX)
        if not last:
            return f"{link} has brought nothing yet · {len(slots)} tags without a value"
        return f"{link} silent for {(now_mono_ns - last) // NS} s · {len(slots)} tags stale"


def _is_of_devices(id_: str) -> bool:
    kind = id_.removeprefix(PREFIX).partition(":")[2].partition(":")[0]
    return id_.startswith(PREFIX) and kind in (DEVICE, DEVICES)


def _speaks(table: TagTable, slots: U4) -> bool:
    return bool(((table.quality[slots] & RANK_MASK) < STALE).any())


def _is_silent(table: TagTable, slots: U4, is_young: bool) -> bool:
    quality = table.quality[slots]
    rank = quality & RANK_MASK
    if not len(slots) or _speaks(table, slots):
        return False
    lost = (rank == STALE) | ((quality & COMM) != 0)
    return bool(lost.any() or (not is_young and (rank == NEVER).any()))
