"""The time bar's strip of a store that does not make it by itself: from its marks, by its port alone.

As `history.density` does it inside the embedded store. Only marks are read, which are few.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from armillary.api.ports import HistoryStore
from armillary.model.alarm import ACTIVE, AlarmEvent
from armillary.model.arrays import B1, F8, I8, U1, U4
from armillary.model.link import LinkState
from armillary.model.message import AskDensity, Density
from armillary.model.sample import SampleBatch, joined
from armillary.wire import marks

MAX_WIDTH = 16_384
LOW = 5  # the least urgent priority there is
CRASHES = 20  # ends that were not recorded; of more the gaps are not looked for
_UP = [marks.LINK_CODES[state] for state in (LinkState.UP, LinkState.DEGRADED, LinkState.OFF)]
_ACTIVE = [marks.ALARM_CODES[state] for state in ACTIVE]


def of(store: HistoryStore, ask: AskDensity) -> Density:
    """Return the density of a span. A store without words has no alarms to show."""
    width = min(max(ask.width, 1), MAX_WIDTH)
    from_ns, to_ns = ask.from_ns, max(ask.to_ns, ask.from_ns + width)
    ids, extent = store.known(), store.extent()
    columns = _Columns(from_ns, to_ns, width)
    alarms = {id_: name for name, id_ in ids.items() if name.startswith(marks.ALARM)}
    begin, end, value, id_ = _intervals(store, list(alarms), from_ns, to_ns)
    is_active = np.isin(value, _ACTIVE)
    urgency = _priorities(store, ids, alarms) if is_active.any() else {}
    level = np.array([urgency.get(one, LOW) for one in id_.tolist()], np.uint8)
    worst: U1 = np.zeros(width, np.uint8)
    for one in sorted(set(level.tolist()), reverse=True):  # the most urgent is written last
        of_level = is_active & (level == one)
        worst[columns.covered(begin[of_level], end[of_level])] = one
    gap = _gaps(store, columns, ids, extent.first_ns, extent.last_ns)
    links = [i for name, i in ids.items() if name.startswith(marks.LINK)]
    begin, end, value, _ = _intervals(store, links, from_ns, to_ns)
    is_down = ~np.isin(value, _UP)
    return Density(
        from_ns=from_ns,
        to_ns=to_ns,
        worst=worst,
        gap=gap | columns.covered(begin[is_down], end[is_down]),
        first_ns=extent.first_ns,
        last_ns=extent.last_ns,
    )


def _priorities(store: HistoryStore, ids: Mapping[str, int], alarms: Mapping[int, str]) -> Mapping[int, int]:
    """Return the priority of each alarm by the id of its mark: that of its newest event."""
    events = ids.get(marks.ALARM_EVENTS, 0)
    if not events:
        return {}
    said: dict[str, int] = {}
    for batch in store.between(np.array([events], np.uint32), 0, 2**62):
        for row, text in batch.text.items():
            try:
                said[marks.record_of(text, AlarmEvent).id] = int(batch.value[row])
            except ValueError:
                continue  # of another version: its priority is not known
    return {
        id_: min(max(said.get(name.removeprefix(marks.ALARM), LOW), 1), LOW) for id_, name in alarms.items()
    }


def _gaps(store: HistoryStore, columns: _Columns, ids: Mapping[str, int], first_ns: int, last_ns: int) -> B1:
    """Return the columns in which nothing was recorded for a while: no world ran, or it had crashed."""
    if not last_ns:
        return np.ones(columns.width, np.bool_)
    ends = np.array([min(first_ns, columns.to_ns), columns.to_ns])
    gap = columns.covered(np.array([columns.from_ns, last_ns + 1]), ends)
    world = ids.get(marks.WORLD, 0)
    begin, end, value, _ = _intervals(store, [world] if world else [], columns.from_ns, columns.to_ns)
    ended = value == 0
    gap |= columns.covered(begin[ended], end[ended])
    again = np.flatnonzero((value[1:] == 1) & (value[:-1] == 1)) + 1  # started without having ended
    tags = np.array([i for name, i in ids.items() if not name.startswith(marks.PREFIX)], np.uint32)
    for start_ns in begin[again[:CRASHES]].tolist():
        before = store.at(tags, start_ns - 1)
        if len(before):
            gap |= columns.covered(np.array([before.source_ns.max()]), np.array([start_ns]))
    return gap


def _intervals(store: HistoryStore, ids: list[int], from_ns: int, to_ns: int) -> tuple[I8, I8, F8, U4]:
    """Return (begin, end, value, id) of what each mark said within a span, by id and time."""
    wanted = np.array(ids, np.uint32)
    parts: list[SampleBatch] = []
    if len(wanted):
        parts = [store.at(wanted, from_ns - 1), *store.between(wanted, from_ns, to_ns)]
    held = joined(parts)
    order = np.lexsort((held.source_ns, held.slot))  # stable: of equal times in the order they came
    id_, t, value = held.slot[order], held.source_ns[order], held.value[order]
    end: I8 = np.full(len(t), to_ns, np.int64)
    if len(t):
        end[:-1] = np.where(id_[1:] == id_[:-1], t[1:], to_ns)
    return t, end, value, id_


class _Columns:
    """Pixel columns of a span."""

    def __init__(self, from_ns: int, to_ns: int, width: int) -> None:
        self.from_ns, self.to_ns, self.width = from_ns, to_ns, width
        self._edges: I8 = (from_ns + (to_ns - from_ns) * np.arange(1, width) // width).astype(np.int64)

    def covered(self, begin: I8, end: I8) -> B1:
        """Return which columns some span begin ≤ t < end touches, (width,)."""
        inside = (end > begin) & (end > self.from_ns) & (begin < self.to_ns)
        first = np.searchsorted(self._edges, np.maximum(begin[inside], self.from_ns), "right")
        last = np.searchsorted(self._edges, np.minimum(end[inside], self.to_ns) - 1, "right")
        steps = np.zeros(self.width + 1, np.int64)
        np.add.at(steps, first, 1)
        np.add.at(steps, last + 1, -1)
        touched: B1 = np.cumsum(steps[:-1]) > 0
        return touched
