"""What a link's messages tell of its devices, beside values: who they are, who is away, who is coming.

The tick thread hears, the loop thread asks: what is asked for is replaced as a whole, never changed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from armillary.model.arrays import U4
from armillary.model.link import BrowseItem, SubscriptionPlan
from armillary.model.payload import Undecodable
from armillary.model.quality import COMM, RANK_MASK, STALE, worst
from armillary.model.tags import TagTable
from armillary.model.topic import matches, parts_of
from armillary.telemetry import catalogue
from armillary.telemetry.payload import document
from armillary.telemetry.profiles import PROFILES, catalogue_of, settings_of

MOST_DEVICES, MOST_COMING = 5_000, 2_000
ROOT, COMING = "@devices", "@coming"


class Devices:
    """The devices of one link."""

    def __init__(self, plan: SubscriptionPlan) -> None:
        self._link = plan.link
        self._profile = PROFILES.get(plan.link.profile)
        self._prefix = settings_of(plan.link).get("prefix", "") if self._profile is not None else ""
        self._catalogue = catalogue_of(plan.link)
        self._templates = plan.templates
        self._hearts = frozenset(route.heartbeat for route in plan.routes if route.heartbeat)
        self._slots: dict[str, list[int]] = {}  # topic of presence -> the tags of its device
        for route in plan.routes:
            if route.presence:
                self._slots.setdefault(route.presence, []).append(route.slot)
        self._known: dict[str, tuple[BrowseItem, ...]] = {}
        self._by_topic: dict[str, catalogue.Devices] = {}
        self._topics: dict[str, dict[str, None]] = {}  # device -> the topics that tell of it
        self._parents: dict[str, str] = {}  # Homie: device -> its root
        self._coming: dict[str, BrowseItem] = {}
        self._heard: set[str] = set()  # topics of newcomers
        self._away: list[int] = []
        self.newcomers: frozenset[tuple[str, tuple[tuple[str, str], ...]]] = frozenset()
        """(template, named parts) of topics that feed no tag."""

    def hears(self, channel: str) -> bool:
        """Return whether a topic tells of devices."""
        patterns = (*(t.pattern for t in self._templates), *self._hearts)
        return self.describes(channel) or any(matches(pattern, channel) for pattern in patterns)

    def describes(self, channel: str) -> bool:
        """Return whether a topic tells who devices are or whether they are there, whoever else reads it."""
        return channel in self._slots or any(matches(pattern, channel) for pattern in self._catalogue)

    def hear(self, channel: str, payload: bytes) -> None:
        """Take one message of such a topic."""
        if channel in self._slots or channel.endswith("/$state"):
            self._present(channel, payload)
        if self._profile is not None and self._profile.name == "lwm2m" and channel in self._by_topic:
            return  # the topic is all that it tells: once
        if self._profile is not None and any(matches(p, channel) for p in self._catalogue):
            self._describe(channel, payload)
        if channel not in self._heard and len(self._coming) < MOST_COMING:
            self._heard.add(channel)  # once: a newcomer may send as often as any
            self._come(channel, payload)

    def _come(self, channel: str, payload: bytes) -> None:
        coming = dict(self._coming)
        for template in self._templates:
            named = parts_of(template.filter, channel)
            if named is None:
                continue
            self.newcomers |= {(template.filter, tuple(sorted(named.items())))}
            for path, kind, unit in template.values:
                address = f"{channel}#{path}" if path else channel
                coming[address] = BrowseItem(
                    address=address,
                    name=f"{channel} {path}".strip(),
                    has_children=False,
                    kind="topic",
                    data_type=kind,
                    unit=unit,
                    value=payload[:80].decode("utf-8", "replace"),
                )
        self._coming = coming

    def _describe(self, channel: str, payload: bytes) -> None:
        found = catalogue.devices(self._link.profile, self._prefix, channel, payload)
        if channel.endswith("/$description"):
            self._note_root(channel, payload)
        if channel.endswith("/$state"):
            if not payload:  # Homie: the device was removed
                self._replace(channel.removesuffix("$state") + "$description", {})
            return
        self._replace(channel, {name: items for name, items in found.items() if items})

    def _replace(self, channel: str, found: catalogue.Devices) -> None:
        """Put what a topic tells of devices now in place of what it told before."""
        before = self._by_topic.pop(channel, {})
        if found and len(self._by_topic) < MOST_DEVICES:
            self._by_topic[channel] = found
        kept = dict(self._known)
        for name in before.keys() | found.keys():
            topics = self._topics.setdefault(name, {})
            topics.pop(channel, None)
            if channel in self._by_topic and name in found:
                topics[channel] = None
            items = {i.address: i for topic in topics for i in self._by_topic[topic][name]}
            if not items:
                kept.pop(name, None)
            elif name in kept or len(kept) < MOST_DEVICES:
                kept[name] = tuple(items.values())
        self._known = kept

    def _note_root(self, channel: str, payload: bytes) -> None:
        try:
            told = document(payload)
        except Undecodable:
            return
        device = channel.split("/")[-2]
        root = told.get("root") if isinstance(told, dict) else None
        if isinstance(root, str):
            self._parents[device] = root

    def _present(self, channel: str, payload: bytes) -> None:
        """Note the tags of a device that says it is away; one of Homie takes its children along."""
        if self._profile is None:
            return
        word = _word(payload)
        slots = list(self._slots.get(channel, ()))
        if channel.endswith("/$state") and word == "lost":
            base, device, _ = channel.rsplit("/", 2)
            for child, root in self._parents.items():
                if root == device:
                    slots += self._slots.get(f"{base}/{child}/$state", ())
        if word in self._profile.away:
            self._away += slots
        elif word in self._profile.here:
            self._away = [slot for slot in self._away if slot not in slots]

    def take_away(self) -> U4:
        """Return the tags whose devices said since the last call that they are away."""
        out = np.array(sorted(set(self._away)), np.uint32)
        self._away = []
        return out

    def items(self, under: str, limit: int) -> tuple[BrowseItem, ...] | None:
        """Return what is known below an address of ours, None for one of the server's."""
        known, coming = self._known, self._coming
        if under == ROOT:
            return tuple(_folder(f"{ROOT}/{name}", name) for name in sorted(known))[:limit]
        if under.startswith(f"{ROOT}/"):
            return known.get(under.removeprefix(f"{ROOT}/"), ())[:limit]
        if under == COMING:
            return tuple(coming.values())[:limit]
        return None

    def folders(self) -> tuple[BrowseItem, ...]:
        """Return what stands beside the server's own topics."""
        out = []
        if self._known:
            out.append(_folder(ROOT, f"Devices ({len(self._known)})"))
        if self._coming:
            out.append(_folder(COMING, f"New, without a tag ({len(self._coming)})"))
        return tuple(out)


def stale(table: TagTable, slots: Sequence[int] | U4) -> None:
    """Mark tags whose device is away; NEVER and BAD stay as they are."""
    numbers = np.asarray(slots, np.uint32)
    better = numbers[(table.quality[numbers] & RANK_MASK) < STALE]
    if len(better):
        table.quality[better] = worst(table.quality[better], np.full(len(better), STALE | COMM, np.uint16))
        table.dirty[better] = True


def _folder(address: str, name: str) -> BrowseItem:
    return BrowseItem(address=address, name=name, has_children=True, kind="Object")


def _word(payload: bytes) -> str:
    """Return the state in a payload: bare, or `{"state": "online"}`."""
    text = payload[:200].decode("utf-8", "replace").strip()
    if text.startswith("{"):
        try:
            told = document(payload)
        except Undecodable:
            return ""
        text = str(told.get("state", "")) if isinstance(told, dict) else ""
    return text.strip('"').casefold()
