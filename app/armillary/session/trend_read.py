"""Samples of the pens shown, for figures: exact where they are few enough, buckets that say so where not.

One question at a time, a pen after the other; what is wanted last wins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from armillary.model.arrays import F8, I8, U2
from armillary.model.clock import NS
from armillary.model.message import AskAt, Samples
from armillary.model.quality import STALE, rank
from armillary.model.series import Series, SeriesAnswer, SeriesQuery
from armillary.model.tags import TagSpec, stale_after_ms
from armillary.session.signal import Signal
from armillary.session.trend_maths import Stretch, stretch_of

WIDTH = 4_000  # buckets of a pen with too many samples
MOST_EXACT = 200_000  # samples of a pen; beyond, figures are of buckets
LIMIT_S = 30.0
Ask = Callable[[object, Callable[[object], None], float], None]


class Stretches:
    """What is known of the pens in a range. `ids` gives the recorder's number of a slot, 0 = none."""

    def __init__(self, ask: Ask, specs: Callable[[], Sequence[TagSpec]], ids: Callable[[int], int]) -> None:
        self.changed: Signal[()] = Signal()
        self.have: dict[int, Stretch] = {}  # slot → what came
        self.range_ns = (0, 0)  # that it is of
        self.is_reading = False
        self.trouble = ""
        self._ask, self._specs, self._ids = ask, specs, ids
        self._wanted: tuple[tuple[int, ...], int, int] = ((), 0, 0)
        self._job = 0
        self._todo: list[tuple[int, Stretch]] = []  # too many for the first answer, few enough to be read

    def want(self, slots: Sequence[int], from_ns: int, to_ns: int) -> None:
        """Read these pens in a range, unless that is what was wanted last."""
        wanted = (tuple(slots), from_ns, to_ns)
        if wanted == self._wanted:
            return
        self._wanted = wanted
        self._job += 1
        self._todo = []
        known = [(slot, self._ids(slot)) for slot in slots if self._specs()[slot].history]
        known = [(slot, number) for slot, number in known if number]
        if not known or to_ns <= from_ns:
            self.have, self.range_ns, self.is_reading = {}, (from_ns, to_ns), False
            self.changed.emit()
            return
        self.is_reading = True
        job = self._job
        ids = np.array([number for _, number in known], np.uint32)
        shown = [slot for slot, _ in known]
        # a value from before the range still holds in it, for tags that only report changes
        question = AskAt(ids=ids, t_ns=from_ns)
        self._ask(question, lambda answer: self._before(job, shown, answer), LIMIT_S)

    def forget(self) -> None:
        """Forget what was read: it is of another recorder, or may have changed."""
        self._job += 1
        self._wanted, self._todo, self.is_reading = ((), 0, 0), [], False
        self.have = {}

    # ------------------------------------------------------------ answers
    def _before(self, job: int, shown: list[int], answer: object) -> None:
        if job != self._job:
            return
        held: dict[int, tuple[int, float, int]] = {}
        if isinstance(answer, Samples):
            batch = answer.batch
            ranks = rank(batch.quality)
            slot_of = {self._ids(slot): slot for slot in shown}
            for i in range(len(batch)):  # one row a pen at most
                slot = slot_of.get(int(batch.slot[i]))
                if slot is not None and not stale_after_ms(self._specs()[slot]):
                    held[slot] = (int(batch.source_ns[i]), float(batch.value[i]), int(ranks[i]))
        _, from_ns, to_ns = self._wanted
        lead = max((stale_after_ms(self._specs()[slot]) for slot in shown), default=0) * 1_000_000
        ids = tuple(self._ids(slot) for slot in shown)
        query = SeriesQuery(ids=ids, from_ns=from_ns - lead, to_ns=to_ns + 1, width=WIDTH)
        self._ask(query, lambda got: self._first(job, shown, held, got), LIMIT_S)

    def _first(
        self, job: int, shown: list[int], held: dict[int, tuple[int, float, int]], answer: object
    ) -> None:
        if job != self._job:
            return
        if not isinstance(answer, SeriesAnswer):
            self._end(str(getattr(answer, "what", "The recorder answered something else.")))
            return
        self.trouble = ""
        self.have, self.range_ns = {}, self._wanted[1:]
        for slot, series in zip(shown, answer.series, strict=True):
            stretch = self._made(slot, series)
            if slot in held:
                stretch = led(stretch, *held[slot])
            self.have[slot] = stretch
            total = float(stretch.count.sum()) if len(stretch.count) else float("inf")
            if not stretch.is_exact and total <= MOST_EXACT:
                self._todo.append((slot, stretch))
        self._next(job)

    def _next(self, job: int) -> None:
        if not self._todo:
            self._end("")
            return
        self.changed.emit()
        slot, coarse = self._todo.pop(0)
        first = int(coarse.t_ns[0]) if len(coarse.t_ns) else self._wanted[1]
        query = SeriesQuery(
            ids=(self._ids(slot),),
            from_ns=min(first, self._wanted[1]),
            to_ns=self._wanted[2] + 1,
            width=WIDTH,
            agg="raw",
        )
        self._ask(query, lambda answer: self._exact(job, slot, answer), LIMIT_S)

    def _exact(self, job: int, slot: int, answer: object) -> None:
        if job != self._job:
            return
        if isinstance(answer, SeriesAnswer) and answer.series:
            self.have[slot] = self._made(slot, answer.series[0])
        self._next(job)

    def _end(self, trouble: str) -> None:
        self.trouble, self.is_reading = trouble, False
        self._todo = []
        if trouble:
            self.have = {}
        self.changed.emit()

    def _made(self, slot: int, series: Series) -> Stretch:
        spec = self._specs()[slot]
        limit_s = stale_after_ms(spec) / 1000 if spec.liveness == "tag" else 0.0
        return stretch_of(series, is_step=spec.kind in {"bool", "enum"} or not limit_s, limit_s=limit_s)


def led(stretch: Stretch, t_ns: int, value: float, quality: int) -> Stretch:
    """Return a stretch with what held before it in front."""
    if not stretch.is_exact or (len(stretch.t_ns) and t_ns >= stretch.t_ns[0]):
        return stretch
    held = np.array([value if quality < STALE else np.nan])
    return replace(
        stretch,
        t_ns=np.concatenate([np.array([t_ns], np.int64), stretch.t_ns]),
        mean=np.concatenate([held, stretch.mean]),
        low=np.concatenate([held, stretch.low]),
        high=np.concatenate([held, stretch.high]),
        quality=np.concatenate([np.array([quality], np.uint16), stretch.quality]),
        count=np.concatenate([np.zeros(min(len(stretch.count), 1)), stretch.count]),
    )


def followed(stretch: Stretch, t_ns: I8, value: F8, quality: U2, to_ns: int) -> Stretch:
    """Return samples with the newer ones of the live tail behind them, up to a time; buckets stay alone."""
    last = int(stretch.t_ns[-1]) if len(stretch.t_ns) else -1
    later = (t_ns > last) & (t_ns <= to_ns)
    if not stretch.is_exact or not later.any():
        return stretch
    value = np.where(quality[later] >= STALE, np.nan, value[later])
    return replace(
        stretch,
        t_ns=np.concatenate([stretch.t_ns, t_ns[later]]),
        mean=np.concatenate([stretch.mean, value]),
        low=np.concatenate([stretch.low, value]),
        high=np.concatenate([stretch.high, value]),
        quality=np.concatenate([stretch.quality, quality[later]]),
        count=np.concatenate([stretch.count, np.ones(int(later.sum()) if len(stretch.count) else 0)]),
    )


def span_text(seconds: float) -> str:
    """Return a length of time as a person says it: `2.5 ms`, `12 s`, `3.2 h`, `14 d`."""
    for limit, unit, factor in (
        (1e-6, "ns", 1e9),
        (1e-3, "µs", 1e6),
        (1.0, "ms", 1e3),
        (120.0, "s", 1.0),
        (7200.0, "min", 1 / 60),
        (172_800.0, "h", 1 / 3600),
    ):
        if abs(seconds) < limit:
            return f"{seconds * factor:.4g} {unit}"
    return f"{seconds / 86_400:.4g} d"


def settled(view_ns: tuple[int, int], every_s: float) -> tuple[int, int]:
    """Return a range that stays the same for a while as a live one slides: its ends at even steps."""
    step = int(every_s * NS)
    return view_ns[0] // step * step, view_ns[1] // step * step
