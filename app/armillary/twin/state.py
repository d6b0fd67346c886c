"""Applies samples to a TagTable: the newest source time wins, and every row is accounted for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, I8, U1, U4, by_value, span
from armillary.model.quality import worst
from armillary.model.sample import HISTORICAL, RETAINED, WAITED, SampleBatch, Text
from armillary.model.tags import TagTable

APPLIED, COALESCED, LATE, DUPLICATE, NO_BINDING = range(5)
"""What became of one row: it is the value now; a newer row of the same batch replaced it; it is older
than what was applied before it; it says nothing new; its slot is in no table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of n rows: n = applied + coalesced + duplicate + no_binding, and late is of coalesced."""

    outcome: U1  # (n,) APPLIED … NO_BINDING
    corrects: B1  # (n,) it has the time of the row before it, or of what was there, and another value
    applied: int
    coalesced: int
    late: int
    duplicate: int
    no_binding: int


def apply(table: TagTable, batch: SampleBatch) -> Applied:
    """Write the newest row of each slot into the table and return what became of every row.

    Rows count in their order. A row older (by source time) than what its slot holds, or flagged
    HISTORICAL, is late: it never becomes the value. A row equal to what its slot holds in source time,
    value, text and quality is a duplicate; it still proves the tag alive unless it is RETAINED. Equal
    time with another value or quality is a correction and wins. Applied slots are marked dirty.
    """
    n = len(batch)
    outcome, corrects = np.full(n, NO_BINDING, np.uint8), np.zeros(n, np.bool_)
    if _is_single(batch.slot, len(table)):
        outcome, corrects = _single(table, batch)
        _write(table, batch, np.flatnonzero(outcome == APPLIED))
        _prove_alive(table, batch, outcome)
    else:
        known = np.flatnonzero(batch.slot < len(table))
        if len(known):
            order = known[by_value(batch.slot[known])]
            outcome[order], corrects[order] = _outcomes(table, batch, order)
            _write(table, batch, np.flatnonzero(outcome == APPLIED))
            _prove_alive(table, batch, outcome)
    counts = np.bincount(outcome, minlength=NO_BINDING + 1).tolist()
    return Applied(
        outcome=outcome,
        corrects=corrects,
        applied=counts[APPLIED],
        coalesced=counts[COALESCED] + counts[LATE],
        late=counts[LATE],
        duplicate=counts[DUPLICATE],
        no_binding=counts[NO_BINDING],
    )


def mark(table: TagTable, slots: U4 | I8, quality: int) -> None:
    """Worsen the quality of some slots to at least `quality`, with its reasons, and mark them dirty."""
    table.quality[slots] = worst(table.quality[slots], np.full(len(slots), quality, np.uint16))
    table.dirty[slots] = True


def _is_single(slot: U4, slots: int) -> bool:
    """Return whether a batch holds one row at most of each slot, all in the table: nothing to be sorted."""
    if not 0 < len(slot) <= slots:
        return False
    if (slot[1:] > slot[:-1]).all():
        return int(slot[-1]) < slots
    if int(slot.max()) >= slots:
        return False
    return int(np.bincount(slot).max()) == 1


def _single(table: TagTable, batch: SampleBatch) -> tuple[U1, B1]:
    """Return the outcome of rows of different slots, each judged against what the table holds.

    And which of them correct a value of the same time.
    """
    s = span(batch.slot)
    before = table.source_ns[s]
    late = batch.source_ns < before
    late |= (batch.flags & HISTORICAL) != 0
    outcome: U1 = np.where(late, LATE, APPLIED).astype(np.uint8)
    corrects = (batch.source_ns == before) & ~late
    again = np.flatnonzero(corrects)
    if len(again):
        slots = batch.slot[again].astype(np.int64)
        same = table.quality[slots] == batch.quality[again]
        new, old = batch.value[again], table.value[slots]
        same &= (new == old) | (np.isnan(new) & np.isnan(old))
        if (batch.text or table.text or batch.array) and same.any():
            same &= _same_text(table, batch, again)
        outcome[again[same]] = DUPLICATE
        corrects[again[same]] = False
    return outcome, corrects


def _same_text(table: TagTable, batch: SampleBatch, rows: I8) -> B1:
    """Return which rows have the text and the array that their slots have."""
    out = np.ones(len(rows), np.bool_)
    for i, (row, slot) in enumerate(zip(rows.tolist(), batch.slot[rows].tolist(), strict=True)):
        if row in batch.array:  # the bytes tell, as two arrays may have the same text
            kept = table.array.get(slot)
            out[i] = kept is not None and kept.tobytes() == batch.array[row].tobytes()
        elif batch.array and slot in table.array:
            out[i] = False
        else:
            out[i] = batch.text.get(row) == table.text.get(slot)
    return out


def _outcomes(table: TagTable, batch: SampleBatch, order: I8) -> tuple[U1, B1]:
    """Return the outcome of rows `order`, which are sorted by slot and keep their order within one.

    And which of them correct a value of the same time.

    Before the rows of each slot stands a head: what the table holds now, so that the first row is
    judged like all others.
    """
    slot = batch.slot[order]
    first = np.flatnonzero(np.concatenate(([True], slot[1:] != slot[:-1])))
    segment = np.cumsum(np.concatenate(([True], slot[1:] != slot[:-1]))) - 1
    total = len(slot) + len(first)
    at_row = np.arange(len(slot)) + segment + 1  # where each row stands among the heads
    at_head = first + np.arange(len(first))
    heads = slot[first]

    source = np.empty(total, np.int64)
    source[at_row], source[at_head] = batch.source_ns[order], table.source_ns[heads]
    forbidden = np.zeros(total, np.bool_)
    forbidden[at_row] = (batch.flags[order] & HISTORICAL) != 0

    late = _late(source, at_head, forbidden) if len(first) < len(slot) else _late_single(source, at_row)
    late |= forbidden
    out = np.full(total, COALESCED, np.uint8)
    out[late] = LATE

    kept = np.flatnonzero(~late)  # heads are never late
    owner = np.zeros(total, np.int64)
    owner[at_row], owner[at_head] = segment, np.arange(len(first))
    repeated, timely = _repeats(table, batch, order, heads, at_row, at_head, kept, source)
    out[kept[repeated]] = DUPLICATE
    news = kept[~repeated]
    last = np.concatenate((owner[news][1:] != owner[news][:-1], [True]))
    out[news[last]] = APPLIED  # may hit a head: then the slot has no news, and heads are cut off here
    corrects = np.zeros(total, np.bool_)
    corrects[kept[timely & ~repeated]] = True
    return out[at_row], corrects[at_row]


def _late_single(source: I8, at_row: I8) -> B1:
    """Return which entries are late when every head is followed by exactly one row."""
    late = np.zeros(len(source), np.bool_)
    late[at_row] = source[at_row] < source[at_row - 1]
    return late


def _late(source: I8, at_head: I8, forbidden: B1) -> B1:
    """Return which entries are older than the newest before them in their segment.

    A running maximum per segment in one pass: ranks of the times (small), lifted by the segment's number.
    """
    falls = source[1:] < source[:-1]
    falls[at_head[1:] - 1] = False
    if not falls.any():  # as nearly always: every segment is in order
        return np.zeros(len(source), np.bool_)
    rank = np.unique(source, return_inverse=True)[1].astype(np.int64)
    head = np.zeros(len(source), np.int64)
    head[at_head] = 1
    lift = np.cumsum(head) * (len(source) + 1)
    lifted = rank + lift
    before = np.maximum.accumulate(np.where(forbidden, lift, lifted))
    late = np.zeros(len(source), np.bool_)
    late[1:] = lifted[1:] < before[:-1]
    late[at_head] = False
    return late


def _repeats(
    table: TagTable, batch: SampleBatch, order: I8, heads: U4, at_row: I8, at_head: I8, kept: I8, source: I8
) -> tuple[B1, B1]:
    """Return which of the kept entries say the same as the kept entry before them, and which have its time.

    Neither is ever a head.
    """
    total = len(source)
    value, quality = np.empty(total), np.empty(total, np.uint16)
    value[at_row], value[at_head] = batch.value[order], table.value[heads]
    quality[at_row], quality[at_head] = batch.quality[order], table.quality[heads]
    v, q, s = value[kept], quality[kept], source[kept]
    is_head = np.zeros(total, np.bool_)
    is_head[at_head] = True
    timely = np.concatenate(([False], s[1:] == s[:-1])) & ~is_head[kept]
    same = timely[1:] & (q[1:] == q[:-1])
    same &= (v[1:] == v[:-1]) | (np.isnan(v[1:]) & np.isnan(v[:-1]))
    if (batch.text or table.text or batch.array) and same.any():
        text = _text_ids(table, batch, order, heads, at_row, at_head, total)[kept]
        same &= text[1:] == text[:-1]
    return np.concatenate(([False], same)), timely


def _text_ids(
    table: TagTable, batch: SampleBatch, order: I8, heads: U4, at_row: I8, at_head: I8, total: int
) -> I8:
    """Return a number for each entry's text or array, 0 for none; equal ones have equal numbers."""
    ids: dict[Text | bytes, int] = {}
    out = np.zeros(total, np.int64)
    if batch.text:
        place = dict(zip(order.tolist(), at_row.tolist(), strict=True))
        for row, text in batch.text.items():
            if row in place:
                out[place[row]] = ids.setdefault(text, len(ids) + 1)
    for place_of_head, slot in zip(at_head.tolist(), heads.tolist(), strict=True):
        if slot in table.text:
            text = table.text[slot]
            out[place_of_head] = ids.setdefault(text, len(ids) + 1)
    if batch.array:  # the bytes tell, as two arrays may have the same text
        place = dict(zip(order.tolist(), at_row.tolist(), strict=True))
        for row, array in batch.array.items():
            if row in place:
                out[place[row]] = ids.setdefault(array.tobytes(), len(ids) + 1)
        for place_of_head, slot in zip(at_head.tolist(), heads.tolist(), strict=True):
            if slot in table.array:
                out[place_of_head] = ids.setdefault(table.array[slot].tobytes(), len(ids) + 1)
    return out


def _prove_alive(table: TagTable, batch: SampleBatch, outcome: U1) -> None:
    """Move the times of the last proof of life forward; a retained or historical row proves nothing."""
    live = (outcome != NO_BINDING) & ((batch.flags & (RETAINED | HISTORICAL | WAITED)) == 0)
    # Rows are in order of arrival, so the last assignment of a slot is its newest arrival.
    if live.all():
        rows = np.arange(len(live))
        table.alive_mono_ns[span(batch.slot)] = batch.arrival_mono_ns
    else:
        rows = np.flatnonzero(live)
        table.alive_mono_ns[batch.slot[rows]] = batch.arrival_mono_ns[rows]
    again = rows[outcome[rows] == DUPLICATE]
    again = again[batch.arrival_mono_ns[again] > table.arrival_mono_ns[batch.slot[again]]]
    if len(again):
        slots = batch.slot[again]
        table.arrival_ns[slots] = batch.arrival_ns[again]
        table.arrival_mono_ns[slots] = batch.arrival_mono_ns[again]
        table.dirty[slots] = True


def _write(table: TagTable, batch: SampleBatch, rows: I8) -> None:
    slots = batch.slot[rows]
    to, of = span(slots), slice(None) if len(rows) == len(batch) else rows
    table.value[to] = batch.value[of]
    table.source_ns[to] = batch.source_ns[of]
    table.quality[to] = batch.quality[of]
    table.arrival_ns[to] = batch.arrival_ns[of]
    table.arrival_mono_ns[to] = batch.arrival_mono_ns[of]
    table.seq[to] += np.uint32(1)
    table.dirty[to] = True
    if batch.text or table.text:
        text: dict[int, Text] = {int(batch.slot[r]): batch.text[r] for r in rows.tolist() if r in batch.text}
        for slot in slots.tolist():
            if slot not in text:
                table.text.pop(slot, None)
        table.text.update(text)
    if batch.why or table.why:
        having = np.fromiter(table.why, np.int64, len(table.why))
        for slot in having[np.isin(having, slots)].tolist():
            del table.why[slot]
        table.why.update({int(batch.slot[r]): batch.why[r] for r in rows.tolist() if r in batch.why})
    if batch.array:  # a row that could not be read leaves the array that was there; its quality tells
        applied = np.zeros(len(batch), np.bool_)
        applied[rows] = True
        table.array.update({int(batch.slot[r]): a for r, a in batch.array.items() if applied[r]})
