"""Heartbeats: which devices a message proves alive, by its topic. Reads no clock and no payload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from armillary.model.arrays import I8
from armillary.model.link import SubscriptionPlan
from armillary.model.sample import HISTORICAL, RETAINED, WAITED, WireBatch
from armillary.model.topic import matches

_PASSING = RETAINED | HISTORICAL | WAITED


@dataclass(slots=True)
class _Session:
    """The channels of one link's session: which of them belong to which hearts."""

    channels: tuple[str, ...] = ()
    channel: I8 = field(default_factory=lambda: np.zeros(0, np.int64))  # (p,) ascending pairs …
    heart: I8 = field(default_factory=lambda: np.zeros(0, np.int64))  # (p,)


class Hearts:
    """The heartbeats of all links; used by the tick thread alone."""

    def __init__(self, plans: Sequence[SubscriptionPlan]) -> None:
        self.names: dict[tuple[str, str], int] = {}  # (link, filter) -> heart
        for plan in plans:
            for route in plan.routes:
                if route.heartbeat:
                    self.names.setdefault((plan.link.name, route.heartbeat), len(self.names))
        self.alive_mono_ns: I8 = np.zeros(len(self.names), np.int64)  # newest beat of each; 0 = none yet
        self._sessions = {link: _Session() for link, _ in self.names}

    def note(self, link: str, batches: Sequence[WireBatch]) -> None:
        """See messages of one link. A retained one was sent who knows when: it proves nothing."""
        if (session := self._sessions.get(link)) is None:
            return
        for batch in batches:
            self._learn(link, session, batch.channels)
            live = np.flatnonzero((batch.flags & _PASSING) == 0)
            if not len(live) or not len(session.channel):
                continue
            newest = np.zeros(len(batch.channels), np.int64)
            newest[batch.channel[live]] = batch.arrival_mono_ns[live]  # in order of arrival: the last stays
            np.maximum.at(self.alive_mono_ns, session.heart, newest[session.channel])

    def _learn(self, link: str, session: _Session, channels: tuple[str, ...]) -> None:
        """Follow a session's table of channels, which only grows; another session begins anew."""
        if channels is session.channels:
            return
        known = len(session.channels)
        if channels[:known] != session.channels:
            known = 0
            session.channel = session.heart = np.zeros(0, np.int64)
        pairs = [
            (number, heart)
            for number, name in enumerate(channels[known:], known)
            for (of, pattern), heart in self.names.items()
            if of == link and matches(pattern, name)
        ]
        more = np.array(pairs, np.int64).reshape(-1, 2)
        session.channel = np.concatenate((session.channel, more[:, 0]))
        session.heart = np.concatenate((session.heart, more[:, 1]))
        session.channels = channels
