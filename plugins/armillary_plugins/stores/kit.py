"""What all stores here share, without I/O: names and units, samples that came twice, order of arrival."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.api import (
    B1,
    DUPLICATE,
    EVALUATED,
    HISTORICAL,
    I8,
    REDATED,
    SOURCE_TIME_ASSUMED,
    U4,
    WAITED,
    SampleBatch,
    StoreFault,
    known_ns,
    taken,
)

SUSPECT = DUPLICATE | WAITED | HISTORICAL  # may have come before; a source time that was assumed is never so
FILED = EVALUATED | REDATED  # filed under the time they were known at: their lag says nothing of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a store holds; times are 0 while it is empty."""

    tags: tuple[str, ...]
    samples: int
    bytes: int
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Ids and units of tags, by name; ids are never given twice."""

    ids: Mapping[str, int]
    units: Mapping[str, str]
    next: int = 1

    def marks(self, prefix: str) -> U4:
        """Return the ids of the marks, ascending."""
        return np.array(sorted(i for name, i in self.ids.items() if name.startswith(prefix)), np.uint32)


def names_of(rows: Sequence[tuple[int, str, str]]) -> Names:
    """Return the names of (id, name, unit)."""
    return Names(
        ids={name: id_ for id_, name, _ in rows},
        units={name: unit for _, name, unit in rows},
        next=max((id_ for id_, _, _ in rows), default=0) + 1,
    )


def entered(names: Names, tags: Sequence[str], units: Sequence[str]) -> tuple[Names, list[int]]:
    """Return the names with some tags entered, and the ids whose rows are new or other.

    A tag whose unit is another gets a new id; the old one is called `name [old unit]`. A unit that returns
    takes up its old id.
    """
    wanted = dict(zip(tags, units, strict=True)) if units else dict.fromkeys(tags, "")
    known = {id_: (name, names.units[name]) for name, id_ in names.ids.items()}
    rows, ids, following = dict(known), dict(names.ids), names.next
    for tag, unit in wanted.items():
        id_ = ids.get(tag)
        if id_ is None:
            ids[tag], rows[following] = following, (tag, unit)
            following += 1
            continue
        old = rows[id_][1]
        if not unit or unit == old:
            continue
        if not old:  # nobody had said what it was
            rows[id_] = (tag, unit)
            continue
        rows[id_] = (f"{tag} [{old}]", old)
        before = ids.pop(f"{tag} [{unit}]", following)
        following = max(following, before + 1)
        ids[f"{tag} [{old}]"], ids[tag], rows[before] = id_, before, (tag, unit)
    changed = [id_ for id_, row in rows.items() if known.get(id_) != row]
    held = Names(ids=ids, units={name: rows[id_][1] for name, id_ in ids.items()}, next=following)
    return held, changed


def check_ids(batch: SampleBatch, following: int, where: str) -> None:
    """Raise StoreFault for a sample with an id that was never given."""
    if len(batch) and not (int(batch.slot.min()) > 0 and int(batch.slot.max()) < following):
        raise StoreFault(
            "A sample has an id that this store never gave.",
            where=where,
            remedy="Ask the store for the ids of the tags again.",
        )


def suspects(batch: SampleBatch) -> I8:
    """Return the rows that may have come before, ascending."""
    is_suspect = (batch.flags & SUSPECT != 0) & (batch.flags & SOURCE_TIME_ASSUMED == 0)
    return np.flatnonzero(is_suspect).astype(np.int64)


def repeated(batch: SampleBatch, rows: I8) -> B1:
    """Return which of some suspects say what an earlier row of the batch says, (n,)."""
    near = np.flatnonzero(np.isin(batch.source_ns, batch.source_ns[rows]))
    numbers: dict[str, int] = {}
    text = np.zeros(len(near), np.int64)
    if batch.text:
        said = [numbers.setdefault(batch.text.get(row, ""), len(numbers)) for row in near.tolist()]
        text = np.array(said, np.int64)
    value = np.ascontiguousarray(batch.value[near]).view(np.int64)
    columns = (text, value, batch.source_ns[near], batch.slot[near].astype(np.int64))
    order = np.lexsort(columns)  # stable: of equal rows the first comes first
    same = np.ones(max(0, len(near) - 1), np.bool_)
    for column in columns:
        same &= np.diff(column[order]) == 0
    again = np.zeros(len(batch), np.bool_)
    again[near[order[1:][same]]] = True
    chosen = np.zeros(len(batch), np.bool_)
    chosen[rows] = True
    return again & chosen


def newest(batch: SampleBatch, ids: U4) -> SampleBatch:
    """Return of each id the sample with the newest source time, of equal ones the last, in their order."""
    order = np.lexsort((batch.source_ns, batch.slot))
    slot = batch.slot[order]
    last = order[np.append(slot[1:] != slot[:-1], np.ones(min(len(slot), 1), np.bool_))]
    found = {int(one): int(row) for one, row in zip(batch.slot[last].tolist(), last.tolist(), strict=True)}
    rows = [found[one] for one in ids.tolist() if one in found]
    return taken(batch, np.array(rows, np.int64))


def by_arrival(batch: SampleBatch, from_ns: int, to_ns: int, limit: int) -> tuple[SampleBatch, int]:
    """Return what became known from ≤ … < to, in that order, about `limit` rows, and up to when."""
    known = known_ns(batch)
    rows = np.flatnonzero((known >= from_ns) & (known < to_ns) & (batch.flags & HISTORICAL == 0))
    rows = rows[np.argsort(known[rows], kind="stable")]
    if len(rows) <= limit:
        return taken(batch, rows), to_ns
    cut = int(known[rows[limit]])  # the first that is left out: all before its time are whole
    kept = rows[known[rows] < cut]
    if not len(kept):  # more than the limit in one instant
        kept, cut = rows[known[rows] == cut], cut + 1
    return taken(batch, kept), cut
