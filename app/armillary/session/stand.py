"""The operator position that a desk stands at: which alarms are its own. One thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from armillary.model.arrays import B1, I8
from armillary.session.alarm_table import AlarmTable

CRITICAL = 1
Members = Mapping[str, frozenset[str]]


class Stand:
    """Knows the position by name; without one, or where the project has none so called, all are its own."""

    def __init__(self) -> None:
        self.members: Callable[[], Members] = dict  # ids of alarms by the name of a position
        self.name = ""
        self._mine: frozenset[str] | None = None
        self._mask: tuple[object, B1] = (None, np.zeros(0, np.bool_))

    def at(self, name: str) -> None:
        """Stand at a position, "" for none."""
        self.name = name
        self.learn()

    def learn(self) -> None:
        """Find out anew whose the alarms are: the project or its alarms are others."""
        self._mine = self.members().get(self.name) if self.name else None
        self._mask = (None, np.zeros(0, np.bool_))

    @property
    def names(self) -> tuple[str, ...]:
        """The positions that there are."""
        return tuple(self.members())

    @property
    def is_narrow(self) -> bool:
        """Whether there are alarms that are not its own."""
        return self._mine is not None

    def owns(self, name: str) -> bool:
        """Return whether an alarm is its own."""
        return self._mine is None or name in self._mine

    def shown(self, table: AlarmTable, rows: I8) -> B1:
        """Return which rows are listed here: its own, and what is critical and waits for anybody."""
        if self._mine is None:
            return np.ones(len(rows), np.bool_)
        if self._mask[0] is not table:
            held = np.fromiter((spec.id in self._mine for spec in table.specs), np.bool_, len(table.specs))
            self._mask = (table, held)
        out: B1 = self._mask[1][rows] | ((table.priority[rows] == CRITICAL) & table.unacknowledged[rows])
        return out
