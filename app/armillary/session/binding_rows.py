"""All bindings as a table: texts made once, filtered and sorted as arrays, live values looked up by slot."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from armillary.model.arrays import F8, I8
from armillary.model.binding import Binding
from armillary.session.rows import map_text

PART, NAME, TAG, DRIVES, MAP, NOW, STALE, STATE = range(8)
HEADINGS = ("Part", "Binding", "Tag", "Drives", "Map", "Now", "Stale after", "State")
ALL, PROBLEMS, DISABLED, SELECTED = "all", "problems", "disabled", "selected"
FILTERS = {
    ALL: "All bindings",
    PROBLEMS: "With a problem",
    DISABLED: "Switched off",
    SELECTED: "Of the selected parts",
}


class BindingRows:
    """The bindings of a scene in one order and one choice. Rows are numbers into `bindings`."""

    def __init__(self) -> None:
        self.bindings: tuple[Binding, ...] = ()
        self.slot: I8 = np.zeros(0, np.int64)  # of the tag, -1 = not known
        self.shown: I8 = np.zeros(0, np.int64)
        self.query, self.choice = "", ALL
        self.column, self.descending = PART, False
        self._columns: dict[int, list[str]] = {}
        self._unit_of: Callable[[int], str] = lambda _slot: ""
        self._whole: list[str] = []
        self._order: dict[int, I8] = {}
        self._why: dict[str, str] = {}
        self._selected: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.shown)

    def take(
        self,
        bindings: Sequence[Binding],
        slot_of: Mapping[str, int],
        units: Callable[[int], str],
        why: Mapping[str, str],
    ) -> None:
        """Take the bindings as they are now. slot_of: `where` → slot; why: origin or `where` → problem."""
        self.bindings = tuple(bindings)
        self.slot = np.array([slot_of.get(b.where, -1) for b in bindings], np.int64)
        self._why = dict(why)
        self._unit_of = units
        self._columns.clear()
        self._whole = []
        self._order.clear()
        self.arrange()

    def _cell(self, column: int, i: int) -> str:
        b = self.bindings[i]
        match column:
            case _ if column == PART:
                return b.prim
            case _ if column == NAME:
                return b.name
            case _ if column == TAG:
                return b.signal or b.address
            case _ if column == DRIVES:
                return b.channel
            case _ if column == MAP:
                return map_text(b, self._unit_of(int(self.slot[i])))
            case _ if column == STALE:
                return f"{b.stale_after_s:g} s" if b.stale_after_s else ""
            case _ if column == STATE:
                return self._state(b)
            case _:
                return ""

    def _column(self, column: int) -> list[str]:
        """Return a column of all bindings; made when it is first sorted or searched, as few are looked at."""
        if column not in self._columns:
            self._columns[column] = [self._cell(column, i) for i in range(len(self.bindings))]
        return self._columns[column]

    def _searched(self) -> list[str]:
        if len(self._whole) != len(self.bindings):
            columns = [self._column(c) for c in (PART, NAME, TAG, DRIVES, MAP, STATE)]
            self._whole = [" ".join(parts).casefold() for parts in zip(*columns, strict=True)]
        return self._whole

    def _state(self, b: Binding) -> str:
        problem = self.problem(b)
        return problem or ("" if b.enabled else "switched off")

    def problem(self, b: Binding) -> str:
        """Return what is wrong with a binding, "" for nothing."""
        return self._why.get(b.origin, "") or self._why.get(b.where, "")

    def arrange(self, selected: Collection[str] | None = None, value: F8 | None = None) -> None:
        """Filter and sort anew. selected: paths of the chosen parts; value: live values by slot."""
        if selected is not None:
            self._selected = tuple(selected)
        rows = np.arange(len(self.bindings), dtype=np.int64)
        if self.choice == PROBLEMS:
            rows = np.array([i for i, b in enumerate(self.bindings) if self.problem(b)], np.int64)
        elif self.choice == DISABLED:
            rows = np.array([i for i, b in enumerate(self.bindings) if not b.enabled], np.int64)
        elif self.choice == SELECTED:
            heads = tuple(f"{p}/" for p in self._selected)
            chosen = set(self._selected)
            prims = self._column(PART)
            rows = np.array([i for i, p in enumerate(prims) if p in chosen or p.startswith(heads)], np.int64)
        if words := self.query.casefold().split():
            whole = self._searched()
            rows = np.array([i for i in rows.tolist() if all(w in whole[i] for w in words)], np.int64)
        order = self._rank(value)
        rows = rows[np.argsort(order[rows], kind="stable")]
        self.shown = rows[::-1].copy() if self.descending else rows

    def _rank(self, value: F8 | None) -> I8 | F8:
        """Return numbers that sort as the chosen column does; equals stay in the order of the parts."""
        if self.column == NOW and value is not None and len(value):
            now = np.where(self.slot >= 0, value[np.maximum(self.slot, 0)], -np.inf)
            return np.where(np.isnan(now), -np.inf, now)
        if self.column not in self._order:
            texts = self._column(self.column)
            by_text = np.array(sorted(range(len(texts)), key=texts.__getitem__), np.int64)
            rank = np.empty(len(texts), np.int64)
            rank[by_text] = np.arange(len(texts))
            if self.column != PART and len(texts):  # equals share a rank
                ordered = [texts[i] for i in by_text.tolist()]
                step = np.array([0, *(a != b for a, b in itertools.pairwise(ordered))], np.int64)
                rank[by_text] = np.cumsum(step)
            self._order[self.column] = rank
        return self._order[self.column]

    def text(self, row: int, column: int) -> str:
        """Return a cell of a shown row; the live one is empty."""
        return self._cell(column, int(self.shown[row]))

    def binding(self, row: int) -> Binding:
        """Return the binding of a shown row."""
        return self.bindings[int(self.shown[row])]

    def chosen(self, rows: Collection[int]) -> tuple[Binding, ...]:
        """Return the bindings of shown rows, in their order."""
        return tuple(self.bindings[i] for i in self.shown[sorted(rows)].tolist())

    def row_of(self, where: str) -> int:
        """Return the shown row of a binding, -1 where it is filtered out."""
        return next((r for r, i in enumerate(self.shown.tolist()) if self.bindings[i].where == where), -1)

    @property
    def words(self) -> str:
        """How many there are and are shown."""
        total, shown = len(self.bindings), len(self.shown)
        return f"{total:,} bindings" if shown == total else f"{shown:,} of {total:,} bindings"
