"""The topics that a broker brings, as a tree: newest payloads, rates, sizes, ages and what they seem to hold.

Counters are arrays by channel number; the tree holds a name once. A storm costs a few array operations for a
batch and one cut payload for a topic each half second. Bounded by topics (those of the channel table) and by
the bytes of payloads; what is left out is counted. Reads no clock.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from armillary.api import RETAINED, BrowseItem, Leaf, WireBatch, document_at, members

HEAD, SHORT_HEAD = 16_384, 256  # bytes kept of a payload: while there is room, and later
MOST_BYTES = 32 * 1024 * 1024
AGAIN_NS, WINDOW_NS, NS = 500_000_000, 3_000_000_000, 1_000_000_000
SHOWN, HEX_SHOWN = 200, 32
MOST_WORDS, LONGEST_WORD, FEWEST = 6, 24, 10  # a text that is one of few short words is an enum
SPARKPLUG = "spBv1.0/"
STEP = 5_000  # topics looked at in one step of a search
_ON_OFF = {"true", "false", "on", "off"}


class TopicStore:
    """What was heard while somebody looked."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self._row: dict[str, int] = {}
        self._below: dict[str, dict[str, None]] = {}  # prefix with its slash → the names below it
        self._sorted: dict[str, list[str]] = {}
        self._count = np.zeros(0, np.int64)
        self._size = np.zeros(0, np.int64)
        self._last_ns = np.zeros(0, np.int64)
        self._head_ns = np.zeros(0, np.int64)
        self._retained = np.zeros(0, np.bool_)
        self._rate = np.zeros(0)
        self._before = np.zeros(0, np.int64)
        self._window_ns = 0
        self._heads: list[bytes] = []
        self._bytes = 0
        self._words: dict[int, dict[str, None]] = {}
        self.messages = 0
        self.left_out = 0  # messages on topics that were too many
        self.throttled = False  # the broker sent more than is looked at

    # ------------------------------------------------------------ what comes

    def take(self, batch: WireBatch) -> None:
        """Count a batch, and keep the newest payloads of its topics."""
        if batch.channels is not self.names:
            self._grow(batch.channels)
        n = len(batch)
        self.messages += n
        channel = batch.channel.astype(np.int64)
        now = int(batch.arrival_mono_ns[-1])
        live = (batch.flags & RETAINED) == 0
        self._count += np.bincount(channel[live], minlength=len(self._count))
        rows, back = np.unique(channel[::-1], return_index=True)
        last = n - 1 - back
        self._size[rows] = batch.start[last + 1] - batch.start[last]
        self._last_ns[rows] = batch.arrival_mono_ns[last]
        self._retained[rows] = ~live[last]
        due = (self._head_ns[rows] == 0) | (now - self._head_ns[rows] >= AGAIN_NS)
        self._head_ns[rows[due]] = now
        for row, at in zip(rows[due].tolist(), last[due].tolist(), strict=True):
            self._keep(row, batch.payload[int(batch.start[at]) : int(batch.start[at + 1])])
        self._pace(now)

    def _grow(self, names: tuple[str, ...]) -> None:
        known = len(self.names)
        more = len(names) - known
        for number, topic in enumerate(names[known:], known):
            self._row[topic] = number
            levels = topic.split("/")
            prefix = ""
            for level in levels:
                self._below.setdefault(prefix, {})[level] = None
                prefix = f"{prefix}{level}/"
        for name in ("_count", "_size", "_last_ns", "_head_ns", "_before"):
            setattr(self, name, np.concatenate((getattr(self, name), np.zeros(more, np.int64))))
        self._retained = np.concatenate((self._retained, np.zeros(more, np.bool_)))
        self._rate = np.concatenate((self._rate, np.full(more, math.nan)))
        self._heads += [b""] * more
        self.names = names

    def _keep(self, row: int, payload: bytes) -> None:
        before = len(self._heads[row])
        head = bytes(payload[:HEAD])
        if self._bytes - before + len(head) > MOST_BYTES:
            head = head[:SHORT_HEAD]
        self._bytes += len(head) - before
        self._heads[row] = head
        if 0 < len(head) <= LONGEST_WORD and self._size[row] == len(head) and not head[:1].isdigit():
            words = self._words.setdefault(row, {})
            if len(words) <= MOST_WORDS:
                words[head.decode(errors="replace")] = None

    def _pace(self, now_ns: int) -> None:
        passed = now_ns - self._window_ns
        if not self._window_ns or passed >= WINDOW_NS:
            if self._window_ns:
                self._rate = (self._count - self._before) / (passed / NS)
            self._before = self._count.copy()
            self._window_ns = now_ns

    # ------------------------------------------------------------ what is shown

    def level(self, under: str, limit: int, now_ns: int) -> list[BrowseItem]:
        """Return what is below an address: topics by name, then the fields of its own document."""
        topic, _, path = under.partition("#")
        if path:
            return self._fields(topic, path, limit)
        prefix = under if under in ("", "/") else f"{under}/"
        names = self._names(prefix)
        out = [self._item(f"{prefix}{name}", name, now_ns) for name in names[:limit]]
        if len(out) < limit and under in self._row:
            out += self._fields(under, "", limit - len(out))
        if len(out) < limit and not under and (words := self._said()):
            out.append(BrowseItem(address="@left-out", name=words, has_children=False, kind="note"))
        return out

    def _names(self, prefix: str) -> list[str]:
        below = self._below.get(prefix, {})
        known = self._sorted.get(prefix)
        if known is None or len(known) != len(below):
            known = self._sorted[prefix] = sorted(below)
        return known

    def _said(self) -> str:
        left = [f"{self.left_out:,} messages of more topics were left out"] if self.left_out else []
        slow = ["the broker sends more than is looked at: rates are too low"] if self.throttled else []
        return "; ".join(left + slow).replace(",", "\u202f")

    def _item(self, path: str, name: str, now_ns: int) -> BrowseItem:
        row = self._row.get(path)
        below = f"{path}/" in self._below
        if row is None:
            count = len(self._below.get(f"{path}/", ()))
            address = path or "/"
            return BrowseItem(
                address=address, name=name or "/", has_children=True, kind="Object", value=f"{count} below"
            )
        return self._topic(path, name, row, below, now_ns)

    def _topic(self, path: str, name: str, row: int, below: bool, now_ns: int) -> BrowseItem:
        head = self._heads[row]
        kind, decoder, text, document = seen(path, head, int(self._size[row]))
        words = self._words.get(row, {})
        states: tuple[tuple[float, str], ...] = ()
        if kind == "text" and 1 < len(words) <= MOST_WORDS and self._count[row] >= FEWEST:
            kind, states = "enum", tuple((float(i), word) for i, word in enumerate(sorted(words)))
        retained = bool(self._retained[row])
        return BrowseItem(
            address=path,
            name=name,
            has_children=below or (kind in ("object", "array") and document is not None),
            kind="topic",
            data_type=kind,
            value=text,
            states=states,
            rate_hz=float(self._rate[row]),
            size=int(self._size[row]),
            age_s=max(0.0, (now_ns - int(self._last_ns[row])) / NS),
            retained=retained,
            decoder=decoder,
        )

    def _fields(self, topic: str, path: str, limit: int) -> list[BrowseItem]:
        row = self._row.get(topic)
        document = seen(topic, self._heads[row], int(self._size[row]))[3] if row is not None else None
        found = document_at(document, path) if path else document
        return [_field(topic, leaf) for leaf in members(found, path, limit)]

    # ------------------------------------------------------------ search

    def find(self, words: Sequence[str], begin: int, limit: int, now_ns: int) -> tuple[list[BrowseItem], int]:
        """Return what holds all words among the next topics from number `begin` on, and where to go on."""
        end, out = min(begin + STEP, len(self.names)), list[BrowseItem]()
        for row in range(begin, end):
            topic = self.names[row]
            text = topic.lower()
            if all(word in text for word in words):
                below = f"{topic}/" in self._below
                out.append(self._topic(topic, topic, row, below, now_ns))
            elif self._heads[row][:1] in (b"{", b"["):
                out += self._found_fields(topic, row, text, words)
            if len(out) >= limit:
                return out[:limit], row + 1
        return out, end

    def _found_fields(self, topic: str, row: int, text: str, words: Sequence[str]) -> Iterator[BrowseItem]:
        head = self._heads[row].decode(errors="replace").lower()
        if not all(word in text or word in head for word in words):
            return
        stack = self._fields(topic, "", 100)
        for item in stack:
            if all(word in f"{item.address} {item.unit}".lower() for word in words):
                yield item


def seen(topic: str, head: bytes, size: int) -> tuple[str, str, str, Any]:
    """Return (type, decoder, text, document) of a payload, as far as its beginning tells. Any: JSON.

    Never raises, whatever the payload is.
    """
    if topic.startswith(SPARKPLUG):
        return "sparkplug", "sparkplug", f"Sparkplug B, {size} bytes", None
    if not head:
        return "empty", "", "", None
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if size <= len(head) or error.start < len(head) - 4:
            more = " …" if size > HEX_SHOWN else ""
            return "binary", "", head[:HEX_SHOWN].hex(" ") + more, None
        text = head[: error.start].decode()
    shown = " ".join(text.split())[:SHOWN]
    if text.lstrip()[:1] in ("{", "["):
        try:
            document = json.loads(text) if size <= len(head) else None
        except (ValueError, RecursionError):
            return "text", "raw", shown, None
        kind = "object" if text.lstrip()[0] == "{" else "array"
        return kind, "json", shown, document
    word = text.strip()
    if word.lower() in _ON_OFF:
        return "bool", "raw", shown, None
    try:
        float(word)
    except ValueError:
        return ("text" if word.isprintable() or "\n" in word else "binary"), "raw", shown, None
    return "number", "raw", shown, None


def _field(topic: str, leaf: Leaf) -> BrowseItem:
    name = leaf.path.rpartition(".")[2] if not leaf.path.endswith("]") else leaf.path
    return BrowseItem(
        address=f"{topic}#{leaf.path}",
        name=name,
        has_children=leaf.kind in ("object", "array") and leaf.text[:2] != "0 ",
        kind="field",
        data_type=leaf.kind,
        unit=leaf.unit,
        value=leaf.text,
        decoder="json",
        description="" if leaf.told or not leaf.unit else "unit guessed from its name",
    )
