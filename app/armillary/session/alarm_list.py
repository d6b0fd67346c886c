"""Which alarms are listed, in what order and under which heads: filter, sort, group, fold. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Literal, get_args

import numpy as np

from armillary.model.arrays import B1, I8, U1
from armillary.session.alarmbook import AlarmBook

Which = Literal["all", "waiting", "active", "urgent", "hidden"]
GroupBy = Literal["", "asset", "priority", "area", "link", "category"]
SortBy = Literal["", "priority", "text", "value", "since", "state", "limit", "tag", "who"]
URGENT = 2  # priorities up to this one are urgent
FOLDED_FROM = 3  # priorities from this one are folded under the first of their group during a flood
NAMED = 40  # letters of a view's name
MOST_VIEWS = 50
_ABSENT = "without"
_GONE = np.iinfo(np.int64).min
_PRIORITIES = {"1": "critical", "2": "high", "3": "medium", "4": "low"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListView:
    """What a person chose to see. The same texts are kept in the settings under a name."""

    text: str = ""
    which: Which = "all"
    priority: int = 0  # 0 = all
    kind: str = ""
    area: str = ""
    everywhere: bool = False  # what is outside the desk's position, too
    group: GroupBy = ""
    sort: SortBy = ""  # "" = unacknowledged first, then by priority, newest first
    descending: bool = False

    @property
    def narrows(self) -> bool:
        """Whether something may be left out."""
        return bool(self.text or self.priority or self.kind or self.area) or self.which != "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A line above the alarms of one group."""

    key: str
    title: str
    count: int
    waiting: int
    worst: int
    folded: int  # how many of them are not shown
    first_out: str = ""  # text of the group's first alarm
    is_open: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listing:
    """The lines of a list: row ≥ 0 of the table, or −1 − i for the head i."""

    line: I8
    heads: tuple[Head, ...] = ()
    total: int = 0  # alarms that fit the filter, folded ones too

    @property
    def rows(self) -> I8:
        """The alarms among the lines, in their order."""
        return self.line[self.line >= 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folding:
    """Which groups a person closed or opened by hand, and whether a flood folds by itself."""

    closed: frozenset[str] = frozenset()
    opened: frozenset[str] = frozenset()
    flood: bool = False

    def toggled(self, head: Head) -> Folding:
        """Return the folding after a click on a head."""
        if head.is_open and not head.folded:
            return Folding(closed=self.closed | {head.key}, opened=self.opened - {head.key}, flood=self.flood)
        return Folding(closed=self.closed - {head.key}, opened=self.opened | {head.key}, flood=self.flood)


EVERYTHING = ListView()
UNFOLDED = Folding()


def listing(book: AlarmBook, view: ListView, folding: Folding = UNFOLDED) -> Listing:
    """Return the lines of a view. In a flood it is grouped by asset unless it is grouped otherwise."""
    table = book.table
    rows = table.hidden_order() if view.which == "hidden" else table.order()
    if not view.everywhere and book.stand.is_narrow:
        rows = rows[book.stand.shown(table, rows)]
    rows = rows[_kept(book, rows, view)]
    if view.sort:
        rows = _sorted(book, rows, view)
    group = view.group or ("asset" if folding.flood and view.which != "hidden" else "")
    if not group or not len(rows):
        return Listing(line=rows, total=len(rows))
    return _grouped(book, rows, group, folding)


def _kept(book: AlarmBook, rows: I8, view: ListView) -> B1:
    table = book.table
    kept: B1 = np.ones(len(rows), np.bool_)
    match view.which:
        case "waiting":
            kept &= table.unacknowledged[rows]
        case "active":
            kept &= table.active[rows]
        case "urgent":
            kept &= table.priority[rows] <= URGENT
    if view.priority:
        kept &= table.priority[rows] == view.priority
    if view.kind:
        kept &= _holds(rows, kept, lambda row: table.specs[row].kind == view.kind)
    if view.area:
        names, code = book.codes("area")
        kept &= code[rows] == (names.index(view.area) if view.area in names else -1)
    if words := view.text.lower().split():
        kept &= _holds(rows, kept, lambda row: _says(book, row, words))
    return kept


def _holds(rows: I8, kept: B1, test: Callable[[int], bool]) -> B1:
    """Return which rows pass a test; those that are out already are not asked."""
    out: B1 = np.zeros(len(rows), np.bool_)
    at = np.flatnonzero(kept)
    out[at] = np.fromiter((test(row) for row in rows[at].tolist()), np.bool_, len(at))
    return out


def _says(book: AlarmBook, row: int, words: Sequence[str]) -> bool:
    spec = book.table.specs[row]
    line, place = book.line(row), book.place_of(spec)
    text = f"{line.text} {spec.tag} {spec.id} {place.asset} {place.area} {line.note} {line.who}".lower()
    return all(word in text for word in words)


def _sorted(book: AlarmBook, rows: I8, view: ListView) -> I8:
    """Return rows by one column; equal ones keep their order."""
    table = book.table
    if view.sort == "priority":
        keys = table.priority[rows].astype(np.int64)
    elif view.sort == "since":
        keys = -table.raised_ns[rows]
    elif view.sort == "state":
        keys = 2 * ~table.unacknowledged[rows] + ~table.active[rows].astype(np.int64)
    else:
        keys = _ranks([_cell(book, row, view.sort) for row in rows.tolist()])
    order = np.argsort(-keys if view.descending else keys, kind="stable")
    return rows[order]


def _cell(book: AlarmBook, row: int, column: SortBy) -> tuple[float, str]:
    line = book.line(row)
    if column == "value":
        state = book.table.state[row]
        value = state.value if state is not None else float("nan")
        return (value if value == value else float("inf"), line.value)
    text = {"text": line.text, "limit": line.limit, "tag": line.tag, "who": line.who}.get(column, "")
    return (float(not text), text.lower())


def _ranks(cells: Sequence[tuple[float, str]]) -> I8:
    place = {cell: rank for rank, cell in enumerate(sorted(set(cells)))}
    return np.array([place[cell] for cell in cells], np.int64)


def _grouped(book: AlarmBook, rows: I8, group: GroupBy, folding: Folding) -> Listing:
    """Return rows under heads. Groups stand in the order of their first alarm in the list."""
    table = book.table
    names, code = group_codes(book, group)
    found, first, of = np.unique(code[rows], return_index=True, return_inverse=True)
    by_place = np.argsort(first)  # the group that comes first in the list is the first group
    place = np.argsort(by_place)[of]
    order = np.argsort(place, kind="stable")
    rows, place = rows[order], place[order]
    starts = np.searchsorted(place, np.arange(len(found)))
    count = np.diff(np.append(starts, len(rows)))
    lead = _leads(book, rows, place, starts)
    keys = [names[code] for code in found[by_place].tolist()]
    keep = _unfolded(table.priority[rows], place, lead, keys, folding)
    shown = np.add.reduceat(keep.astype(np.int64), starts)
    waiting = np.add.reduceat(table.unacknowledged[rows].astype(np.int64), starts)
    worst = np.minimum.reduceat(table.priority[rows], starts)
    marked = lead.marked.tolist()
    heads = tuple(
        Head(
            key=key,
            title=_title(key, group),
            count=n,
            waiting=waits,
            worst=level,
            folded=n - left,
            first_out=book.text(int(rows[at])) if is_marked else "",
            is_open=left > 0 and key not in folding.closed,
        )
        for key, n, waits, level, left, at, is_marked in zip(
            keys,
            count.tolist(),
            waiting.tolist(),
            worst.tolist(),
            shown.tolist(),
            lead.at.tolist(),
            marked,
            strict=True,
        )
    )
    line = np.insert(np.where(keep, rows, _GONE), starts, -1 - np.arange(len(found)))
    return Listing(line=line[line != _GONE], heads=heads, total=len(rows))


@dataclass(frozen=True, slots=True, eq=False)
class _Leads:
    """The alarm that stands for each of g groups: the first-out one, where that is known."""

    at: I8  # (g,) place among the rows
    marked: B1  # (g,) it is known to have been the first


def _leads(book: AlarmBook, rows: I8, place: I8, starts: I8) -> _Leads:
    marks: B1 = np.zeros(len(book.table), np.bool_)
    for name in book.nuisance.firsts():
        if (row := book.table.row_of.get(name, -1)) >= 0:
            marks[row] = True
    found = np.flatnonzero(marks[rows])
    at, marked = starts.copy(), np.zeros(len(starts), np.bool_)
    at[place[found][::-1]] = found[::-1]
    marked[place[found]] = True
    return _Leads(at, marked)


def _unfolded(priority: U1, place: I8, lead: _Leads, keys: Sequence[str], folding: Folding) -> B1:
    """Return which rows are shown. Critical ones are never out of sight, whatever is folded."""
    g = len(keys)
    closed = np.fromiter((key in folding.closed for key in keys), np.bool_, g)
    opened = np.fromiter((key in folding.opened for key in keys), np.bool_, g)
    keep: B1 = ~closed[place]
    if folding.flood:
        stays = (priority < FOLDED_FROM) | opened[place]
        stays[lead.at] = True
        keep &= stays
    keep |= priority == 1
    return keep


def group_codes(book: AlarmBook, group: GroupBy) -> tuple[Sequence[str], I8]:
    """Return the names of groups and, of each row of the table, which it is in (N,)."""
    table = book.table
    if group == "priority":
        return tuple(str(number) for number in range(5)), table.priority.astype(np.int64)
    return book.codes(group)


def _title(key: str, group: GroupBy) -> str:
    if group == "priority":
        return f"Priority {key}, {_PRIORITIES[key]}"
    return key or f"{_ABSENT} {'class' if group == 'category' else group}"


# ---------------------------------------------------------------- saved views


def text_of(views: Mapping[str, ListView]) -> str:
    """Return views as the settings keep them."""
    return json.dumps({name: asdict(view) for name, view in views.items()}, sort_keys=True)


def views_of(text: str) -> dict[str, ListView]:
    """Return kept views; one that cannot be read is left out, as settings may be of another version."""
    try:
        kept = json.loads(text) if text else {}
    except ValueError:
        return {}
    if not isinstance(kept, dict):
        return {}
    found = ((str(name), _view(held)) for name, held in list(kept.items())[:MOST_VIEWS])
    return {name: view for name, view in found if view is not None}


def _view(held: object) -> ListView | None:
    usual = EVERYTHING
    if not isinstance(held, dict):
        return None
    values = {f.name: held.get(f.name, getattr(usual, f.name)) for f in fields(ListView)}
    fits = all(type(values[f.name]) is type(getattr(usual, f.name)) for f in fields(ListView))
    known = fits and all(
        values[name] in get_args(choices)
        for name, choices in (("which", Which), ("group", GroupBy), ("sort", SortBy))
    )
    return ListView(**values) if known else None


@dataclass(slots=True)
class Views:
    """Named views of one person, kept by whoever gives `save`."""

    save: Callable[[str], None]
    held: dict[str, ListView] = field(default_factory=dict)

    def keep(self, name: str, view: ListView) -> str:
        """Keep a view under a name; return why it cannot be, "" when it is."""
        name = name.strip()[:NAMED]
        if not name:
            return "Give the view a name."
        if name not in self.held and len(self.held) >= MOST_VIEWS:
            return f"{MOST_VIEWS} views are kept; forget one first."
        self.held[name] = view
        self.save(text_of(self.held))
        return ""

    def forget(self, name: str) -> None:
        """Forget a view."""
        if self.held.pop(name, None) is not None:
            self.save(text_of(self.held))
