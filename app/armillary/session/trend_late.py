"""Spans of a trend whose data came late, and when they came: what was seen there at the time was less."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from armillary.model.arrays import B1
from armillary.model.clock import NS
from armillary.model.message import AskDensity, AskSpan, Density, Samples
from armillary.session.signal import Signal

COLUMNS = 240
MOST = 8  # spans whose time of arrival is asked for
MOST_ROWS = 20_000
LATE_NS = 10 * NS  # on its way for longer: it came late
LIMIT_S = 20.0
Ask = Callable[[object, Callable[[object], None], float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A span whose samples came late; `added_ns` 0: of other tags, or not known yet."""

    from_ns: int
    to_ns: int
    added_ns: int = 0


def runs(late: B1, from_ns: int, to_ns: int) -> tuple[Late, ...]:
    """Return the spans of a strip's columns that are late, in a row as one."""
    if not len(late) or not late.any():
        return ()
    edge = np.flatnonzero(np.diff(np.concatenate([[False], late, [False]]).astype(np.int8)))
    width = (to_ns - from_ns) / len(late)
    return tuple(
        Late(from_ns=from_ns + int(a * width), to_ns=from_ns + int(b * width))
        for a, b in edge.reshape(-1, 2).tolist()
    )


class LateData:
    """Late spans of the range that is shown, asked for again when it has moved by a good part."""

    def __init__(self, ask: Ask, ids: Callable[[], Sequence[int]]) -> None:
        self.changed: Signal[()] = Signal()
        self.spans: tuple[Late, ...] = ()
        self._ask, self._ids = ask, ids
        self._key: tuple[int, ...] = ()
        self._job = 0
        self._is_waiting = False

    def look(self, from_ns: int, to_ns: int) -> None:
        """Ask for the spans of a range, unless they are those that are known, or an answer is under way."""
        ids = [number for number in self._ids() if number]
        span = max(to_ns - from_ns, 1)
        key = (from_ns * 4 // span, span, *ids)
        if self._is_waiting or key == self._key or not ids:
            return
        self._key, self._is_waiting = key, True
        self._job += 1
        job = self._job
        question = AskDensity(from_ns=from_ns, to_ns=to_ns, width=COLUMNS)
        self._ask(question, lambda answer: self._strip(job, answer), LIMIT_S)

    def forget(self) -> None:
        """Forget everything: another recorder answers, or another time is shown."""
        self._job += 1
        self.spans, self._key, self._is_waiting = (), (), False

    def _strip(self, job: int, answer: object) -> None:
        if job != self._job:
            return
        self._is_waiting = False
        self.spans = runs(answer.late, answer.from_ns, answer.to_ns) if isinstance(answer, Density) else ()
        self.changed.emit()
        ids = np.array([number for number in self._ids() if number], np.uint32)
        for i, late in enumerate(self.spans[:MOST]):
            question = AskSpan(ids=ids, from_ns=late.from_ns, to_ns=late.to_ns, limit=MOST_ROWS)
            self._ask(question, partial(self._came, job, i), LIMIT_S)

    def _came(self, job: int, i: int, answer: object) -> None:
        if job != self._job or not isinstance(answer, Samples):
            return
        batch = answer.batch
        late = batch.arrival_ns - batch.source_ns > LATE_NS
        if late.any():
            added = replace(self.spans[i], added_ns=int(batch.arrival_ns[late].max()))
            self.spans = (*self.spans[:i], added, *self.spans[i + 1 :])
            self.changed.emit()
