"""The tags of a store: permanent ids from 1, each with the unit of its samples."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from armillary.history.base import Base
from armillary.model.arrays import U4
from armillary.wire import marks as mark

_log = logging.getLogger(__name__)


class Tags:
    """All tags of one store. Made new by one thread, read by any."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self.ids: Mapping[str, int] = {}
        self.units: Mapping[str, str] = {}
        self.next = 1  # id of the next new tag
        self.mark_ids: U4 = np.zeros(0, np.uint32)  # of those that are marks, ascending

    def load(self) -> None:
        """Learn what the file holds."""
        with self._base.reading() as (cursor, _):
            rows = cursor.execute("SELECT id, name, unit FROM tag ORDER BY id").fetchall()
        self._hold({int(id_): (str(name), str(unit)) for id_, name, unit in rows})
        self.next = max(self.ids.values(), default=0) + 1

    def _hold(self, rows: Mapping[int, tuple[str, str]]) -> None:
        self.ids = {name: id_ for id_, (name, _) in rows.items()}
        self.units = dict(rows.values())
        marks = sorted(id_ for name, id_ in self.ids.items() if name.startswith(mark.PREFIX))
        self.mark_ids = np.array(marks, np.uint32)

    def listed(self) -> list[tuple[int, str, str]]:
        """Return (id, name, unit) of all, in the order of the ids."""
        with self._base.lock:
            return sorted((id_, name, self.units[name]) for name, id_ in self.ids.items())

    def names(self, tags: Sequence[str], units: Sequence[str]) -> U4:
        """Return the ids of tags, made when new."""
        wanted = dict(zip(tags, units, strict=True)) if units else dict.fromkeys(tags, "")
        with self._base.lock:
            changed = {t: u for t, u in wanted.items() if u and t in self.ids and self.units[t] != u}
            if changed or any(tag not in self.ids for tag in wanted):
                self._enter(wanted, changed)
            return np.array([self.ids[tag] for tag in tags], np.uint32)

    def _enter(self, wanted: Mapping[str, str], changed: Mapping[str, str]) -> None:
        """Write new tags, and those whose unit changed, into the file and remember them."""
        known = {self.ids[name]: (name, unit) for name, unit in self.units.items()}
        rows = dict(known)
        for tag, unit in changed.items():
            id_, old = self.ids[tag], self.units[tag]
            if not old:  # nobody had said what it was
                rows[id_] = (tag, unit)
                continue
            rows[id_] = (f"{tag} [{old}]", old)
            before = self.ids.get(f"{tag} [{unit}]", self.next)  # a unit that returns takes up its samples
            self.next = max(self.next, before + 1)
            rows[before] = (tag, unit)
            _log.info("%s is in %s now; its samples in %s are under '%s [%s]'.", tag, unit, old, tag, old)
        there = {name for name, _ in rows.values()}
        new = [tag for tag in wanted if tag not in there]
        rows |= {self.next + i: (tag, wanted[tag]) for i, tag in enumerate(new)}
        numbers = [id_ for id_, row in rows.items() if known.get(id_) != row]
        with self._base.writing() as cursor:
            cursor.execute("DELETE FROM tag WHERE id IN (SELECT unnest($1::UINTEGER[]))", [numbers])
            cursor.execute(
                "INSERT INTO tag SELECT unnest($1::UINTEGER[]), unnest($2::VARCHAR[]), unnest($3::VARCHAR[])",
                [numbers, [rows[id_][0] for id_ in numbers], [rows[id_][1] for id_ in numbers]],
            )
        self.next += len(new)
        self._hold(rows)
