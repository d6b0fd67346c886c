"""How the alarms of one world stand, as columns: a flood of ten thousand is sorted and counted as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from armillary.model.alarm import AlarmSpec, AlarmState, Presentation, ProcessState
from armillary.model.arrays import B1, I4, I8, U1

HIDINGS = tuple(Presentation)  # the code of a presentation is its place here; 0 = shown
LOUD = 3  # priorities up to this one are heard
_CODE = {at: code for code, at in enumerate(HIDINGS)}


class AlarmTable:
    """N alarms, row i is the i-th spec. All columns are (N,); one thread; nothing is read before `take`."""

    def __init__(self, specs: Sequence[AlarmSpec] = ()) -> None:
        n = len(specs)
        self.specs = tuple(specs)
        self.row_of: dict[str, int] = {spec.id: row for row, spec in enumerate(specs)}
        self.state: list[AlarmState | None] = [None] * n
        self.priority: U1 = np.array([min(max(spec.priority, 1), 4) for spec in specs], np.uint8)
        self.advisory: B1 = np.array([spec.is_advisory for spec in specs], np.bool_)
        self.listed: B1 = np.zeros(n, np.bool_)  # shown and not normal
        self.hidden: U1 = np.zeros(n, np.uint8)  # code of what hides it
        self.active: B1 = np.zeros(n, np.bool_)
        self.unacknowledged: B1 = np.zeros(n, np.bool_)
        self.unverified: B1 = np.zeros(n, np.bool_)  # its input is not good: its cause is not known
        self.raised_ns: I8 = np.zeros(n, np.int64)
        self.silenced: B1 = np.zeros(n, np.bool_)  # what it stands for now was silenced at this desk
        self.fresh: B1 = np.zeros(n, np.bool_)  # it asks for somebody, and has not sounded yet
        self.prim: I4 = np.full(n, -1, np.int32)
        self.version: I8 = np.zeros(n, np.int64)  # another number: what is shown of it differs
        self._order: I8 | None = None
        self._hushed: frozenset[str] = frozenset()  # occurrences that were silenced before a reconnect

    def __len__(self) -> int:
        return len(self.specs)

    def take(self, states: Iterable[AlarmState]) -> list[int]:
        """Take states that changed; return their rows. One that no spec names is left out."""
        newest = {row: state for state in states if (row := self.row_of.get(state.id)) is not None}
        if not newest:
            return []
        # columns are written at once: to write one cell takes as long as all else that is done for a state
        rows, taken = list(newest), list(newest.values())
        at = np.array(rows, np.int64)
        waits = np.array([state.unacknowledged for state in taken], np.bool_)
        befores = [self.state[row] for row in rows]
        is_new = np.array([before is None for before in befores], np.bool_)
        is_other = np.array(
            [
                before is None or before.occurrence != state.occurrence
                for before, state in zip(befores, taken, strict=True)
            ],
            np.bool_,
        )
        asks_again = waits & ~self.unacknowledged[at]
        self.silenced[at[~is_new & (is_other | asks_again)]] = False
        hushed = [bool(self._hushed) and state.occurrence in self._hushed for state in taken]
        self.silenced[at[is_new]] = np.array(hushed, np.bool_)[is_new]
        self.fresh[at[waits & (asks_again | is_other)]] = True
        for row, state in newest.items():
            self.state[row] = state
        self.priority[at] = [priority_of(self.specs[row], state) for row, state in newest.items()]
        self.listed[at] = [s.hiding is None and s.process is not ProcessState.NORM for s in taken]
        self.hidden[at] = [_CODE[state.presentation] for state in taken]
        self.active[at] = [state.active for state in taken]
        self.unacknowledged[at] = waits
        self.unverified[at] = [state.unverified for state in taken]
        self.raised_ns[at] = [state.raised_ns for state in taken]
        self._order = None
        return rows

    def place(self, prims: Mapping[str, int]) -> None:
        """Take where alarms are in the scene; what is not named is nowhere."""
        self.prim[:] = -1
        for name, prim in prims.items():
            if (row := self.row_of.get(name)) is not None:
                self.prim[row] = prim

    def order(self) -> I8:
        """Return the rows that are listed: unacknowledged first, then by priority, newest first."""
        if self._order is None:
            rows = np.flatnonzero(self.listed)
            keys = (rows, -self.raised_ns[rows], self.priority[rows], ~self.unacknowledged[rows])
            self._order = rows[np.lexsort(keys)]
        return self._order

    def hidden_order(self) -> I8:
        """Return the rows that bother nobody: out of service, suppressed, shelved; then by priority."""
        rows = np.flatnonzero(self.hidden > 0)
        return rows[np.lexsort((rows, self.priority[rows], -self.hidden[rows].astype(np.int64)))]

    def counts(self) -> tuple[list[int], list[int]]:
        """Return how many are listed, and how many of them wait, by priority 1…4."""
        rows = self.order()
        every = np.bincount(self.priority[rows], minlength=5)
        new = np.bincount(self.priority[rows[self.unacknowledged[rows]]], minlength=5)
        return every[1:5].tolist(), new[1:5].tolist()

    def hidings(self) -> dict[Presentation, int]:
        """Return how many are hidden by what, without those that are not."""
        found = np.bincount(self.hidden, minlength=len(HIDINGS))
        return {at: int(found[code]) for code, at in enumerate(HIDINGS) if code and found[code]}

    # ------------------------------------------------------------ sound

    def loud(self) -> B1:
        """Return which of them sound: listed, not acknowledged, not silenced, priority 1…3."""
        out: B1 = self.listed & self.unacknowledged & ~self.silenced & (self.priority <= LOUD)
        return out

    def silence(self) -> None:
        """Silence all that stand now. What is raised or asks again later sounds."""
        self.silenced |= self.listed

    def learn_silence(self, other: AlarmTable) -> None:
        """Keep silent what was silenced before the world greeted us again."""
        rows = np.flatnonzero(other.silenced).tolist()
        held = (other.state[row] for row in rows)
        self._hushed = frozenset(state.occurrence for state in held if state is not None)


def priority_of(spec: AlarmSpec, state: AlarmState) -> int:
    """Return the priority that an alarm has as it stands, 1…4."""
    return min(max(state.priority or spec.priority, 1), 4)  # of the limit that is passed, of several
