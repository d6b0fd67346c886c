"""Messages, whoever read them, → rows of a WireBatch: topics by number, what was told, what waited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.api import DUPLICATE, HISTORICAL, U1, WAITED, Aside, WireBatch, quality
from armillary_plugins.mqtt.codec import RECEIVE_MAXIMUM, Malformed
from armillary_plugins.mqtt.settings import MQTT_5, Settings

_NS = 1_000_000_000
MAX_CHANNELS = 200_000  # topics; more come from a wildcard on a runaway publisher
REST_NS = 2 * _NS  # so long after the first answer a kept session may still bring what waited
WATCHED_EXPIRY_S = 60  # nothing waits here for longer, so a longer life needs no watching
MAX_UNIT = 64  # characters of a unit
_FLAGS, _YES = {"historical": HISTORICAL, "repeated": DUPLICATE}, frozenset({"1", "true", "yes"})
MAX_CONTENTS = 250  # media types of a link; more are not told apart
_QUALITIES = {word.lower(): number for number, word in enumerate(quality.WORDS[:-1])}  # NEVER: of no message


class Channels:
    """Topics of a link and their indices; outlives sessions, only ever grows."""

    def __init__(self) -> None:
        self.index: dict[bytes, int] = {}
        self._names: list[str] = []
        self._frozen: tuple[str, ...] = ()

    def add(self, topic: bytes) -> int:
        """Return the index of a new topic, -1 when there are too many. Raises Malformed (MQTT 1.5.4)."""
        if len(self._names) >= MAX_CHANNELS:
            return -1
        try:
            name = topic.decode()
        except UnicodeDecodeError:
            raise Malformed("a topic is not UTF-8") from None
        if not name or "\0" in name:
            raise Malformed("a topic is empty or holds a NUL")
        self._names.append(name)
        return self.index.setdefault(topic, len(self._names) - 1)

    def names(self) -> tuple[str, ...]:
        """Return all topics in order of their index; the same object as long as none was added."""
        if len(self._frozen) != len(self._names):
            self._frozen = tuple(self._names)
        return self._frozen


class Rows:
    """Messages that pile up until `taken`, whoever read them."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._channel: list[int] = []
        self._payload: list[bytes] = []
        self._flags: dict[int, int] = {}  # row -> flags, where there are any
        self._aside: dict[int, Aside] = {}
        self._content: dict[int, int] = {}  # row -> index of its media type
        self._contents: dict[str, int] = {"": 0}
        self._reads: list[tuple[int, int, int]] = []  # rows of one read, its wall and monotonic time
        self.unlisted = 0  # messages on topics beyond the limit, since the last `taken`
        self.expired = 0  # messages that nobody wanted any more when they came

    def __len__(self) -> int:
        return len(self._channel)

    def add(self, index: int, payload: bytes, flags: int = 0, told: Told | None = None) -> None:
        """Add one message on a channel, with what it told beside its payload."""
        row = len(self._channel)
        if index < 0:
            self.unlisted += 1
            return
        if told is not None:
            if told.expires_s == 0:
                self.expired += 1
                return
            if told.content_type:
                self._content[row] = self._content_index(told.content_type)
            if told.aside != _NOTHING:
                self._aside[row] = told.aside
            flags |= told.flags
        if flags:
            self._flags[row] = flags
        self._channel.append(index)
        self._payload.append(payload)

    def mark(self, before: int, now_ns: int, now_mono_ns: int) -> None:
        """Say when the rows since `before` were read; one call for each read, in order."""
        if len(self._channel) > before:
            self._reads.append((len(self._channel) - before, now_ns, now_mono_ns))

    def _content_index(self, name: str) -> int:
        if name not in self._contents and len(self._contents) >= MAX_CONTENTS:
            return 0
        return self._contents.setdefault(name, len(self._contents))

    def taken(self, link: str) -> WireBatch | None:
        """Return the messages so far as a batch, None for none, and begin anew."""
        n = len(self._channel)
        if not n:
            return None
        start = np.zeros(n + 1, np.int64)
        np.cumsum(np.fromiter(map(len, self._payload), np.int64, n), out=start[1:])
        counts = [count for count, _, _ in self._reads]
        content = _sparse(self._content, n) if self._content else None
        batch = WireBatch(
            link=link,
            channel=np.array(self._channel, np.uint32),
            channels=self._channels.names(),
            start=start,
            payload=b"".join(self._payload),
            arrival_ns=np.repeat(np.array([now for _, now, _ in self._reads], np.int64), counts),
            arrival_mono_ns=np.repeat(np.array([mono for _, _, mono in self._reads], np.int64), counts),
            flags=_sparse(self._flags, n),
            content=content,
            contents=tuple(self._contents) if content is not None else (),
            aside=self._aside,
        )
        self._channel, self._payload, self._flags, self._reads = [], [], {}, []
        self._aside, self._content = {}, {}
        return batch


def _sparse(words: dict[int, int], n: int) -> U1:
    out = np.zeros(n, np.uint8)
    for row, word in words.items():
        out[row] = word
    return out


_NOTHING = Aside()


@dataclass(frozen=True, slots=True)
class Told:
    """What one message told beside its payload."""

    aside: Aside = _NOTHING
    content_type: str = ""
    expires_s: int = -1  # what is left of its life when it came; -1: it has no end
    flags: int = 0  # HISTORICAL: it tells of the past, however new its message is; DUPLICATE: it may be known


def told(
    content_type: str, expires_s: int, user: Sequence[tuple[str, str]], settings: Settings, mono_ns: int
) -> Told:
    """Return what the properties of a message say: the names of time and quality are the project's.

    The time stays text: it is read as one in a payload is. A quality that is no word of ours is UNCERTAIN.
    `historical` is what `armillary edge` says of what it had to keep for a while, `repeated` of what it may
    have sent before.
    """
    time, unit, word, flags = "", "", 0, 0
    for name, value in user:
        if name in _FLAGS and value.strip().lower() in _YES:
            flags |= _FLAGS[name]
        if name == settings.user_time:
            time = value.strip()
        elif name == settings.user_quality:
            word = _QUALITIES.get(value.strip().lower(), quality.UNCERTAIN)
        elif name == settings.user_unit:
            unit = value.strip()[:MAX_UNIT]
    until = mono_ns + expires_s * _NS if 0 < expires_s <= WATCHED_EXPIRY_S else 0
    aside = Aside(time=time, unit=unit, quality=word, until_mono_ns=until)
    return Told(aside, content_type, expires_s, flags)


class Waiting:
    """Whether what comes now waited for us at the broker, because a session went on.

    Brokers send what they kept between CONNACK and the first SUBACK, as much as may be under way at once.
    When that was not all, the rest follows later and cannot be told from what is new: for a while everything
    counts as old.
    """

    def __init__(self) -> None:
        self._is, self._count, self._until_mono_ns = False, 0, 0

    def __bool__(self) -> bool:
        return self._is

    def began(self, session_present: bool) -> None:
        """Take CONNACK."""
        self._is, self._count, self._until_mono_ns = session_present, 0, 0

    def flag(self) -> int:
        """Return the flag of one message, counted."""
        self._count += 1
        return WAITED if self._is else 0

    def answered(self, version: int, mono_ns: int) -> None:
        """Take a SUBACK; version 3.1.1 cannot ask for all at once."""
        if self._is and not self._until_mono_ns:
            is_all = not self._count or (version == MQTT_5 and self._count < RECEIVE_MAXIMUM)
            self._is = not is_all
            self._until_mono_ns = mono_ns + REST_NS

    def look(self, mono_ns: int) -> None:
        """End after a while."""
        if self._is and self._until_mono_ns and mono_ns > self._until_mono_ns:
            self._is = False
