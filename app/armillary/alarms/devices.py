"""The built-in alarms of devices: one for a device that fell silent, whatever it has of tags.

A device is what behind its link brings a tag (`TagSpec.device`). While its whole link is silent nothing is
known of it: that is the link's alarm. Devices of one link that fall silent together are one alarm, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import B1, I8, U4
from armillary.model.clock import MS_NS, NS
from armillary.model.link import DEVICES, LinkSpec, device_alarm, link_alarm
from armillary.model.quality import COMM, RANK_MASK, STALE
from armillary.model.tags import TagSpec, TagTable, stale_after_ms

PRIORITY, PRIORITY_MANY = 3, 2
ON_DELAY_S = 5.0  # after its tags turned stale, as for links
TOGETHER_NS = int(ON_DELAY_S * NS)  # who falls silent within it falls silent at once
MANY, MANY_SHARE = 3, 0.25  # so many of a link's devices, and this share of them, are many
STEP_NS = NS // 4  # how often devices are looked at
# until they speak, after a start and when their link is back; or their slowest tag's limit
MERCY_NS = 10 * NS
_NONE = -1
_NAMED = 3  # devices in the sentence of many

Key = tuple[str, str, str]  # link, device, heartbeat


def devices_of(tags: Iterable[TagSpec]) -> dict[Key, list[TagSpec]]:
    """Return the tags of each device, in the order of the devices' first tags."""
    out: dict[Key, list[TagSpec]] = {}
    for tag in tags:
        if tag.device and tag.link:
            out.setdefault((tag.link, tag.device, tag.heartbeat), []).append(tag)
    return out


def ids_of(keys: Iterable[Key]) -> dict[Key, str]:
    """Return the id of each device's alarm; where one asset has two hearts, they are numbered."""
    seen: dict[str, int] = {}
    out: dict[Key, str] = {}
    for key in keys:
        id_ = device_alarm(key[0], key[1])
        seen[id_] = number = seen.get(id_, 0) + 1
        out[key] = id_ if number == 1 else f"{id_}~{number}"
    return out


def device_alarms(links: Iterable[LinkSpec], tags: Sequence[TagSpec]) -> tuple[AlarmSpec, ...]:
    """Return one alarm for each device, and one for each link that has many."""
    found = devices_of(tags)
    ids = ids_of(found)
    known = {link.name: link for link in links}
    count: dict[str, int] = {}
    out: list[AlarmSpec] = []
    for key, own in found.items():
        link = known.get(key[0])
        if link is None:
            continue
        count[key[0]] = count.get(key[0], 0) + 1
        out.append(
            AlarmSpec(
                id=ids[key],
                slot=-1,
                tag="",
                title=f"Device {key[1]}",
                kind="link",
                on_delay_s=ON_DELAY_S,
                priority=PRIORITY,
                consequence="What this device measures is not known; its alarms cannot be raised.",
                operator_action="See that the device has power and reaches the network.",
                at_slot=own[0].slot,
                origin=own[0].origin,
            )
        )
    out += [
        AlarmSpec(
            id=link_alarm(name, DEVICES),
            slot=-1,
            tag="",
            title=f"Devices of link {name}",
            kind="link",
            on_delay_s=ON_DELAY_S,
            priority=PRIORITY_MANY,
            consequence="What these devices measure is not known; their alarms cannot be raised.",
            operator_action="Look for what they share: power, a switch, a gateway, a radio cell.",
            origin=known[name].origin,
        )
        for name, many in count.items()
        if many >= MANY
    ]
    return tuple(out)


class DeviceWatch:
    """Says which of D devices are silent: none of their tags is better than STALE, not for their sensors."""

    def __init__(self, specs: Sequence[AlarmSpec], tags: Sequence[TagSpec]) -> None:
        row = {spec.id: i for i, spec in enumerate(specs) if spec.kind == "link"}
        every = devices_of(tags)
        ids = ids_of(every)
        found = {key: own for key, own in every.items() if ids[key] in row}
        self.ids = [ids[key] for key in found]
        self._name = [key[1] for key in found]
        self._links = list(dict.fromkeys(key[0] for key in found))
        number = {name: i for i, name in enumerate(self._links)}
        n = len(found)
        self._size: I8 = np.array([len(own) for own in found.values()], np.int64)
        self._start: I8 = np.cumsum(self._size) - self._size
        self._slots: U4 = np.array([tag.slot for own in found.values() for tag in own], np.uint32)
        self.link: I8 = np.array([number[key[0]] for key in found], np.int64)
        self._own: I8 = np.array([row[id_] for id_ in self.ids], np.int64)
        many = [row.get(link_alarm(name, DEVICES), _NONE) for name in self._links]
        self.many: I8 = np.array(many, np.int64)  # row of the alarm of many, by link; -1 = it has few
        of_link = np.bincount(self.link, minlength=len(self._links))
        self._need: I8 = np.maximum(MANY, np.ceil(MANY_SHARE * of_link)).astype(np.int64)
        self._need[self.many == _NONE] = np.iinfo(np.int64).max
        slowest = [max((stale_after_ms(tag) for tag in own), default=0) for own in found.values()]
        self._mercy: I8 = np.maximum(np.array(slowest, np.int64) * MS_NS, MERCY_NS)
        self._rows: I8 = np.concatenate((self._own, self.many[self.many != _NONE]))
        device = np.repeat(np.arange(n), self._size)
        self._of_slot = dict(zip(self._slots.tolist(), device.tolist(), strict=True))
        self._device = {row: i for i, row in enumerate(self._own.tolist())}
        self._link_of_row = {row: i for i, row in enumerate(many) if row != _NONE}
        # dynamic
        self.joined: B1 = np.zeros(n, np.bool_)  # it is one of many
        self._since: I8 = np.full(n, _NONE, np.int64)  # when it fell silent
        self._spared: I8 = np.zeros(n, np.int64)  # when its mercy began …
        self._until: I8 = np.zeros(n, np.int64)  # … and ends
        self._covered: B1 = np.zeros(len(self._links), np.bool_)
        self._looked_ns = _NONE

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, row: int) -> bool:
        return row in self._device or row in self._link_of_row

    def row(self, device: int) -> int:
        """Return the row of a device's own alarm."""
        return int(self._own[device])

    def of_slot(self, slot: int) -> int:
        """Return the device of a tag, -1 for none."""
        found: int = self._of_slot.get(slot, _NONE)
        return found

    def look(
        self, table: TagTable, silent_links: frozenset[str], now_mono_ns: int
    ) -> tuple[I8, B1, B1] | None:
        """Return (alarm rows, silent, speaks), or None when it is too early to look again.

        silent_links: nothing is known of the devices behind them; nor is it of one with mercy.
        """
        if not len(self) or (self._looked_ns != _NONE and 0 <= now_mono_ns - self._looked_ns < STEP_NS):
            return None
        covered: B1 = np.array([name in silent_links for name in self._links], np.bool_)
        spared = self._covered & ~covered  # links that came back
        if self._looked_ns == _NONE:
            spared[:] = True
        self._looked_ns, self._covered = now_mono_ns, covered
        again = spared[self.link]
        self._spared[again] = now_mono_ns
        self._until[again] = now_mono_ns + self._mercy[again]
        silent, speaks = self._heard(table)
        spoke = speaks | (np.maximum.reduceat(table.alive_mono_ns[self._slots], self._start) > self._spared)
        self._until[spoke] = 0  # who has spoken since needs no mercy
        under = covered[self.link]
        silent &= ~under & (now_mono_ns >= self._until)
        self._since = np.where(silent, np.where(self._since == _NONE, now_mono_ns, self._since), _NONE)
        self._join(silent, speaks, now_mono_ns)
        has = self.many != _NONE
        count = np.bincount(self.link[self.joined], minlength=len(self._links))[has]
        holds = np.concatenate((silent & ~self.joined, (count > 0) & ~covered[has]))
        ends = np.concatenate((speaks, (count == 0) & ~covered[has]))
        return self._rows, holds, ends

    def _heard(self, table: TagTable) -> tuple[B1, B1]:
        """Return which devices are silent, and which speak; neither is known of one that never spoke."""
        quality = table.quality[self._slots]
        rank = quality & RANK_MASK
        speaks: B1 = np.logical_or.reduceat(rank < STALE, self._start)
        lost: B1 = np.logical_or.reduceat((rank == STALE) | ((quality & COMM) != 0), self._start)
        return lost & ~speaks, speaks

    def _join(self, silent: B1, speaks: B1, now_mono_ns: int) -> None:
        """Take together what fell silent at once; when most are back, those that are left stand alone."""
        links = len(self._links)
        self.joined &= ~speaks
        stands = np.bincount(self.link[self.joined], minlength=links)
        young = silent & ~self.joined & (now_mono_ns - self._since < TOGETHER_NS)
        count = np.bincount(self.link[young], minlength=links)
        takes = (count >= self._need) | (stands > 0)
        self.joined |= young & takes[self.link]
        left = np.bincount(self.link[self.joined], minlength=links)
        few = (left > 0) & (2 * left < self._need)
        self.joined &= ~few[self.link]

    def text(self, row: int, table: TagTable, now_mono_ns: int) -> str:
        """Return one sentence: for how long, and how many tags it concerns."""
        device = self._device.get(row)
        if device is not None:
            slots = self._slots[self._start[device] : self._start[device] + self._size[device]]
            return f"{self._name[device]} {_silence(table, slots, now_mono_ns)} · {_tags(len(slots))} stale"
        link = self._link_of_row[row]
        mine = self.link == link
        members = np.flatnonzero(mine & self.joined)
        slots = self._slots[np.repeat(mine & self.joined, self._size)]
        named = ", ".join(self._name[i] for i in members[:_NAMED].tolist())
        named += " …" if len(members) > _NAMED else ""
        told = f"{len(members)} of {int(mine.sum())} devices of {self._links[link]}"
        return f"{told} {_silence(table, slots, now_mono_ns)} · {_tags(len(slots))} stale: {named}"


def _tags(n: int) -> str:
    return f"{n} tag" if n == 1 else f"{n} tags"


def _silence(table: TagTable, slots: U4, now_mono_ns: int) -> str:
    last = int(table.alive_mono_ns[slots].max(initial=0))
    return f"silent for {(now_mono_ns - last) // NS} s" if last else "silent since the start"
