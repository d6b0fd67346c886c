"""Many JSON documents → samples by one call of the JSON library, for channels whose messages are all alike.

The payloads of a batch are joined to one list, with a number between them that nobody outside knows. Where
it does not stand exactly between the documents, some payload was no single document, and the messages are
read one by one, as are channels whose messages were odd before.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import orjson

from armillary.model.arrays import F8, I8, U2, U4
from armillary.model.payload import MAX_DEPTH
from armillary.model.sample import WireBatch
from armillary.telemetry.parts import ChannelPlan
from armillary.telemetry.payload import UNREADABLE, is_suspect
from armillary.telemetry.reasons import explained
from armillary.telemetry.times import source_times

MOST_BYTES = 1 << 20  # of payloads read at once: their documents take many times that
FEW = 8  # messages; below this many, one by one is quicker
UNCHECKED = 2 * MAX_DEPTH  # payloads up to this size cannot break the limits on depth and fields
_NONE = -1
_BIGGEST = 10**308
_NUMBERS = frozenset({int, float})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Samples of m messages of w values each, as columns."""

    row: I8  # (m,) of the message
    width: int  # w
    slot: U4  # (m·w,)
    value: F8  # (m·w,)
    quality: U2  # (m·w,)
    own_ns: I8  # (m,) the messages' own times, 0 = none
    why: dict[int, str] = field(default_factory=dict)  # sample -> why its quality is not GOOD


@dataclass(frozen=True, slots=True)
class _Form:
    """How the messages of some channels are read."""

    # Any: what an itemgetter gives depends on the number of its keys
    keys: Callable[[Any], Any]
    time: Callable[[Any], Any] | None
    width: int


class Together:
    """Reads the messages of channels that were learnt. One link, one thread."""

    def __init__(self) -> None:
        self._mark = (1 << 52) + secrets.randbits(52)
        self._between = b",%d," % self._mark
        self._forms: list[_Form] = []
        self._form_by_key: dict[tuple[object, ...], int] = {}
        self._number: dict[int, int] = {}  # id of a plan -> its number; 0 = none
        self._form: list[int] = [_NONE]  # by plan: of `_forms`, _NONE for one by one
        self._first: list[int] = [0]  # by plan: where its slots begin
        self._slots: list[int] = []
        self._plan: list[int] = []  # by channel
        self._is_stale = False
        self._form_of: I8 = np.full(1, _NONE, np.int64)
        self._first_of: I8 = np.zeros(1, np.int64)
        self._slot_of: U4 = np.zeros(0, np.uint32)
        self._plan_of: I8 = np.zeros(0, np.int64)

    def add(self, plan: ChannelPlan | None) -> None:
        """Take up the next channel; several may have one plan."""
        number = 0
        if plan is not None and plan.is_plain:
            number = self._number.setdefault(id(plan), len(self._form))
            if number == len(self._form):
                self._form.append(_NONE)
                self._first.append(len(self._slots))
                self._slots += plan.slots
            self.learn(plan)
        self._plan.append(number)
        self._is_stale = True

    def learn(self, plan: ChannelPlan) -> None:
        """Read the messages of a plan together from now on, or no longer: one of them was read singly."""
        number = self._number.get(id(plan), 0)
        form = self._formed(plan) if number and plan.seen and plan.loads is orjson.loads else _NONE
        if form != self._form[number]:
            self._form[number] = form
            self._is_stale = True

    def leave(self, channel: int) -> None:
        """Read the messages of a channel one by one from now on: one of them was odd."""
        if self._plan[channel]:
            self._plan[channel] = 0
            self._is_stale = True

    def _formed(self, plan: ChannelPlan) -> int:
        part = plan.parts[0]
        key = (*(reader.key for reader in part.readers), part.time_key, part.time_path is None)
        if key not in self._form_by_key:
            self._form_by_key[key] = len(self._forms)
            self._forms.append(_Form(plan.keys, plan.time, plan.width))
        return self._form_by_key[key]

    def _settle(self) -> None:
        self._form_of = np.array(self._form, np.int64)
        self._first_of = np.array(self._first, np.int64)
        self._slot_of = np.array(self._slots, np.uint32)
        self._plan_of = np.array(self._plan, np.int64)
        self._is_stale = False

    def read(self, batch: WireBatch, is_json: I8 | None, base: int) -> tuple[list[Chunk], I8]:
        """Return what could be read of a batch, and the rows that must be read one by one.

        is_json: (n,) 0 where the sender says that a payload is something else. base: added to the rows.
        """
        if self._is_stale:
            self._settle()
        n = len(batch)
        every = np.arange(n)
        if n < FEW or not self._forms:
            return [], every
        plan = self._plan_of[batch.channel]
        form = self._form_of[plan]
        if is_json is not None:
            form[is_json == 0] = _NONE
        self._leave_suspects(batch, form)
        rows = every if (form != _NONE).all() else np.flatnonzero(form != _NONE)
        documents = self._documents(batch, rows) if len(rows) >= FEW else None
        if documents is None:
            return [], every
        chunks: list[Chunk] = []
        left = [np.flatnonzero(form == _NONE)] if len(rows) < n else []
        used = np.flatnonzero(np.bincount(form[rows])).tolist()
        for number in used:
            mine, own = rows, documents
            if len(used) > 1:
                at = np.flatnonzero(form[rows] == number)
                mine, own = rows[at], list(map(documents.__getitem__, at.tolist()))
            chunk = self._chunk(self._forms[number], own, mine + base, plan[mine])
            if chunk is None:
                left.append(mine)
            else:
                chunks.append(chunk)
        return chunks, np.sort(np.concatenate(left)) if left else every[:0]

    def _leave_suspects(self, batch: WireBatch, form: I8) -> None:
        """Leave out what might break the limits on depth and fields: that is judged one by one."""
        for row in np.flatnonzero(np.diff(batch.start) > UNCHECKED).tolist():
            if form[row] != _NONE and is_suspect(batch.payload[batch.start[row] : batch.start[row + 1]]):
                form[row] = _NONE

    def _documents(self, batch: WireBatch, rows: I8) -> list[Any] | None:
        """Return the documents of some rows, None when one of them is none."""
        payload, ends = batch.payload, batch.start
        begins, stops = ends[rows].tolist(), ends[rows + 1].tolist()
        pieces = [payload[begin:end] for begin, end in zip(begins, stops, strict=True)]
        try:
            found = orjson.loads(b"[" + self._between.join(pieces) + b"]")
        except orjson.JSONDecodeError:
            return None
        if len(found) != 2 * len(pieces) - 1 or found[1::2] != [self._mark] * (len(pieces) - 1):
            return None
        documents: list[Any] = found[::2]
        return documents

    def _chunk(self, form: _Form, documents: list[Any], rows: I8, plan: I8) -> Chunk | None:
        """Return the samples of documents of one form, None when one of them lacks a key."""
        try:
            got = map(form.keys, documents)
            values = list(got) if form.width == 1 else list(chain.from_iterable(got))
            times = None if form.time is None else list(map(form.time, documents))
        except (KeyError, IndexError, TypeError):
            return None
        value, quality, why = numbers(values)
        first = self._first_of[plan]
        at = first if form.width == 1 else (first[:, None] + np.arange(form.width)).reshape(-1)
        return Chunk(
            row=rows,
            width=form.width,
            slot=self._slot_of[at],
            value=value,
            quality=quality,
            own_ns=np.zeros(len(rows), np.int64) if times is None else source_times(times),
            why=why,
        )


def merged(batches: Sequence[WireBatch]) -> list[WireBatch]:
    """Return the same messages in as few batches as may be read at once: each costs as much as many messages.

    Batches whose messages tell anything beside their payloads stay as they are, and so do large ones.
    """
    out: list[WireBatch] = []
    some: list[WireBatch] = []
    size = 0
    for batch in batches:
        is_plain = batch.content is None and not batch.aside
        fits = is_plain and size + len(batch.payload) <= MOST_BYTES
        if some and not (fits and batch.channels is some[-1].channels):
            out.append(_one(some))
            some, size = [], 0
        if is_plain:
            some.append(batch)
            size += len(batch.payload)
        else:
            out.append(batch)
    return [*out, _one(some)] if some else out


def _one(batches: list[WireBatch]) -> WireBatch:
    """Return one batch of plain ones with the same channels."""
    if len(batches) == 1:
        return batches[0]
    base = np.cumsum([0, *(len(batch.payload) for batch in batches)])
    starts = [batch.start[:-1] + at for batch, at in zip(batches, base[:-1].tolist(), strict=True)]
    return replace(
        batches[0],
        channel=np.concatenate([batch.channel for batch in batches]),
        start=np.concatenate([*starts, base[-1:]]),
        payload=b"".join(batch.payload for batch in batches),
        arrival_ns=np.concatenate([batch.arrival_ns for batch in batches]),
        arrival_mono_ns=np.concatenate([batch.arrival_mono_ns for batch in batches]),
        flags=np.concatenate([batch.flags for batch in batches]),
        receipt=max(batch.receipt for batch in batches),
    )


def numbers(values: list[Any]) -> tuple[F8, U2, dict[int, str]]:
    """Return values and qualities, (n,), and why: what is no number, or none that we can show, is BAD."""
    quality = np.zeros(len(values), np.uint16)
    why: dict[int, str] = {}

    def refuse(i: int) -> None:
        why[i] = explained(values[i], "number")
        values[i], quality[i] = float("nan"), UNREADABLE

    if not set(map(type, values)) <= _NUMBERS:
        for i, value in enumerate(values):
            if type(value) not in _NUMBERS:
                refuse(i)
    try:
        return np.array(values, np.float64), quality, why
    except OverflowError:  # a whole number beyond 1e308
        for i, value in enumerate(values):
            if isinstance(value, int) and not -_BIGGEST < value < _BIGGEST:
                refuse(i)
        return np.array(values, np.float64), quality, why
