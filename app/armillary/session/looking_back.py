"""The past that one query asks of, read from the recorder, and again while the query stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from armillary.model.arrays import I8
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.model.tags import TagSpec
from armillary.session.query_now import Reading, reading
from armillary.session.signal import Signal
from armillary.twin.query_now import Span

AGAIN_NS = 10 * NS  # how often the recorder is asked anew
LIMIT_S = 30.0
Ask = Callable[[object, Callable[[object], None], float], None]


class LookingBack:
    """Spans of the past that end now. `id_of` gives the recorder's number of a slot, 0 = none."""

    def __init__(
        self,
        ask: Ask,
        specs: Callable[[], Sequence[TagSpec]],
        id_of: Callable[[int], int],
        picture_ns: Callable[[], int],
    ) -> None:
        self.changed: Signal[()] = Signal()  # `past` is another
        self.past: dict[int, Span] = {}  # by the span's length in ns
        self.trouble = ""  # why there is none
        self._ask, self._specs, self._id_of, self._picture_ns = ask, specs, id_of, picture_ns
        self._job = 0
        self._is_reading = False
        self._read_mono_ns = 0
        self._todo: list[tuple[int, I8]] = []
        self._coming: dict[int, Span] = {}

    def forget(self) -> None:
        """Forget what was read; what is being read is not taken."""
        self._job += 1
        self.past, self.trouble, self._is_reading, self._read_mono_ns = {}, "", False, 0

    def follow(self, wanted: Callable[[], Mapping[int, I8]], now_mono_ns: int) -> None:
        """Read anew when it is time; `wanted` gives the slots by span in ns, and is asked only then."""
        if self._is_reading or (self._read_mono_ns and now_mono_ns - self._read_mono_ns < AGAIN_NS):
            return
        self._read_mono_ns = now_mono_ns
        self._job += 1
        self._todo, self._coming, self._is_reading = list(wanted().items()), {}, True
        self._next(self._job)

    def _next(self, job: int) -> None:
        if not self._todo:
            self._is_reading = False
            self.past, self._coming = self._coming, {}
            self.changed.emit()
            return
        span_ns, slots = self._todo.pop(0)
        ids = {slot: number for slot in slots.tolist() if (number := self._id_of(slot))}
        to_ns = self._picture_ns()
        self._step(job, span_ns, reading(self._specs(), slots, ids, to_ns - span_ns, to_ns), None)

    def _step(self, job: int, span_ns: int, steps: Reading, answer: object) -> None:
        if job != self._job:
            return
        try:
            question = steps.send(answer)
        except StopIteration as done:
            self._coming[span_ns] = done.value
            self._next(job)
        except Fault as fault:
            self.trouble, self._is_reading = f"{fault.what} {fault.remedy}", False
            self.changed.emit()
        else:
            self._ask(question, lambda got: self._step(job, span_ns, steps, got), LIMIT_S)
