"""What a query asks of alarms: twins with one that stands in some way, of some priority."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, I8, U1
from armillary.twin.graph import NOWHERE, Graph
from armillary.twin.query_now import UNKNOWN, YES, Alarms, Now

# how an alarm stands, as a query says it
STANDS = (
    "active", "unacknowledged", "acknowledged", "standing", "shelved", "hidden", "unverified",
)  # fmt: skip
LOWEST = 4  # priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarmed:
    """The twin, or one of its components, has an alarm that stands so."""

    graph: Graph
    stands: str  # one of STANDS
    priorities: tuple[int, ...]  # any of these
    says: str

    def run(self, now: Now) -> U1:
        """Return YES where such an alarm is; unknown where one whose input is not good might be."""
        n = len(self.graph)
        alarms = now.alarms
        if alarms is None:
            return np.full(n, UNKNOWN, np.uint8)
        fits = np.isin(alarms.priority, self.priorities) & (alarms.row != NOWHERE)
        stands = _stands(alarms, self.stands)
        out = np.zeros(n, np.uint8)
        if self.stands in ("active", "standing"):  # nobody knows whether its cause is there
            self._put(out, alarms.row[fits & alarms.unverified & ~stands], UNKNOWN)
        self._put(out, alarms.row[fits & stands], YES)
        return out

    def _put(self, out: U1, rows: I8, verdict: int) -> None:
        """Give rows a verdict, and those that they are components of."""
        while len(rows):
            out[rows] = np.maximum(out[rows], verdict)
            rows = np.unique(self.graph.owner[rows])
            rows = rows[rows != NOWHERE]


def _stands(alarms: Alarms, how: str) -> B1:
    shown = ~alarms.hidden
    of: dict[str, B1] = {
        "active": alarms.active & shown,
        "unacknowledged": alarms.unacknowledged & shown,
        "acknowledged": alarms.listed & ~alarms.unacknowledged,
        "standing": alarms.listed,
        "shelved": alarms.shelved,
        "hidden": alarms.hidden,
        "unverified": alarms.unverified & shown,
    }
    return of[how]
