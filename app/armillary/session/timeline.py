"""Trends: the past from the recorder, the last minutes from frames, merged for drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import F8, I8, U2
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord
from armillary.model.frame import Frame, WorldKind
from armillary.model.message import Enroll, Enrolled
from armillary.model.quality import BAD, STALE, rank
from armillary.model.series import Series, SeriesAnswer, SeriesQuery
from armillary.model.tags import TagSpec, stale_after_ms
from armillary.session.signal import Signal
from armillary.session.tail import Tail

SPAN_S = 300.0
WIDTH = 800
SHORTEST_NS = 1_000  # a range below this cannot be drawn
ANSWER_S = 15.0
AHEAD = 0.5  # share of a span that may slide out of what was read before it is read again
_LEVEL_GAP = 2.5  # buckets missing before a line is broken
Ask = Callable[[object, Callable[[object], None], float], None]


@dataclass(frozen=True, slots=True)
class Pen:
    """One line of a trend, n points ascending in time; ready to draw."""

    slot: int
    name: str
    unit: str
    t_ns: I8  # (n,) ns UTC
    low: F8  # (n,) NaN where there is a gap
    high: F8  # (n,)
    quality: U2  # (n,) rank
    past: str  # "" = the recorder answered; else why the past is missing


@dataclass(frozen=True, slots=True)
class _Past:
    """What the recorder answered for one pen."""

    series: Series
    from_ns: int
    to_ns: int


class Timeline:
    """Pens, their range, and what is known of them. Slots are the world's."""

    def __init__(self, ask: Ask, specs: Callable[[], Sequence[TagSpec]], now_ns: Callable[[], int]) -> None:
        self.changed: Signal[()] = Signal()  # new data or another range: draw again
        self.slots: tuple[int, ...] = ()
        self.span_s = SPAN_S
        self.following = True  # the right edge is now
        self.stale_answers = 0  # answers of the recorder that came too late to be drawn
        self._ask, self._specs, self._now_ns = ask, specs, now_ns
        self._kind = WorldKind.LIVE  # of the world that is shown
        self._began_ns = 0  # of a simulated world: the record is its past up to here only
        self._shown_ns = 0  # time of its last frame
        self._range = (0, 0)  # when not following
        self._width = WIDTH
        self._tail = Tail()
        self._past: dict[int, _Past] = {}
        self._ids: dict[str, int] = {}
        self._request = 0
        self._asked_from_ns = self._asked_ns = 0  # ends of the newest query
        self._trouble = "The recorder has not answered yet."

    # ------------------------------------------------------------ pens and range

    def add(self, slots: Sequence[int]) -> None:
        """Add pens for tags; those already there stay where they are."""
        self._show(tuple(dict.fromkeys((*self.slots, *slots))))

    def remove(self, slot: int) -> None:
        """Take a pen away."""
        self._show(tuple(s for s in self.slots if s != slot))

    def clear(self) -> None:
        """Take all pens away."""
        self._show(())

    def set_range(self, from_ns: int, to_ns: int, width: int) -> None:
        """Show a fixed range, drawn into `width` pixels; ends following."""
        self._range = (int(from_ns), max(int(to_ns), int(from_ns) + SHORTEST_NS))
        self._width, self.following = max(1, width), False
        self._read()
        self.changed.emit()

    def follow(self, span_s: float, width: int) -> None:
        """Show the last `span_s` seconds and go on with the time."""
        self.span_s, self._width, self.following = max(span_s, 1e-3), max(1, width), True
        self._read()
        self.changed.emit()

    def view_ns(self) -> tuple[int, int]:
        """Return the range shown: ns UTC."""
        if not self.following:
            return self._range
        now = self._now_ns()
        return now - int(self.span_s * NS), now

    # ------------------------------------------------------------ what is drawn

    def pens(self) -> tuple[Pen, ...]:
        """Return the lines to draw, past and tail merged, in order of `slots`."""
        return tuple(self._pen(slot) for slot in self.slots)

    def value_at(self, slot: int, t_ns: int) -> tuple[float, float, int] | None:
        """Return (low, high, quality rank) of a pen at a time, None in a gap: the cursor's read-out.

        The value at a time is that of the last point before it: a value holds until the next one.
        """
        if slot not in self.slots:
            return None
        pen = self._pen(slot)
        at = int(np.searchsorted(pen.t_ns, t_ns, "right")) - 1
        if at < 0 or not np.isfinite(pen.low[at]):
            return None
        return float(pen.low[at]), float(pen.high[at]), int(pen.quality[at])

    def _pen(self, slot: int) -> Pen:
        spec = self._specs()[slot]
        past = self._past.get(slot)
        tail_t, tail_v, tail_q = self._tail.rings[slot].arrays()
        start, end = self.view_ns()
        end = min(end, self._now_ns()) if self._kind is not WorldKind.LIVE else end
        if past is not None:
            t, low, high, quality = _with_gaps(
                past.series, stale_after_ms(spec) if spec.liveness == "tag" else 0
            )
            if self._began_ns:
                own = int(np.searchsorted(t, self._began_ns, "right"))
                t, low, high, quality = t[:own], low[:own], high[:own], quality[:own]
            later = np.searchsorted(tail_t, t[-1] if len(t) else past.from_ns, "right")
            tail_t, tail_v, tail_q = tail_t[later:], tail_v[later:], tail_q[later:]
        else:
            t, low, high, quality = _nothing()
        tail_v = np.where(tail_q >= STALE, np.nan, tail_v)
        inside = _window(tail_t, start, end)
        tail_t, tail_low, tail_high, tail_q = thinned(
            tail_t[inside], tail_v[inside], tail_q[inside], self._width
        )
        if len(t) and len(tail_t) and past is not None and _is_broken(past, int(t[-1]), int(tail_t[0])):
            t = np.append(t, t[-1] + 1)
            low, high = np.append(low, np.nan), np.append(high, np.nan)
            quality = np.append(quality, np.uint16(STALE))
        kept = _window(t, start, end)
        if self._kind is not WorldKind.LIVE:  # what comes after the cursor is not known yet
            kept = slice(kept.start, min(kept.stop, int(np.searchsorted(t, end, "right"))))
        return Pen(
            slot=slot,
            name=spec.name,
            unit=spec.unit,
            t_ns=np.concatenate([t[kept], tail_t]),
            low=np.concatenate([low[kept], tail_low]),
            high=np.concatenate([high[kept], tail_high]),
            quality=np.concatenate([quality[kept], tail_q]),
            past="" if past is not None else self._why_no_past(spec),
        )

    def _why_no_past(self, spec: TagSpec) -> str:
        return "This tag is not recorded." if not spec.history else self._trouble

    # ------------------------------------------------------------ what comes in

    def take(self, frame: Frame) -> None:
        """Take a frame's samples of the tags shown."""
        if frame.kind is WorldKind.REPLAY:
            self._follow_cursor(frame)
            return
        if frame.kind is not WorldKind.LIVE and frame.cursor is not None:
            self._began_ns = frame.cursor.from_ns
        if self._tail.take(frame):
            self.changed.emit()
        if self.following and self.slots:
            _, now = self.view_ns()
            if now - self._asked_ns > AHEAD * self.span_s * NS:
                self._read()

    def _follow_cursor(self, frame: Frame) -> None:
        """Show the record up to a replay's cursor: the same recorder, the tail plays no part.

        What was read reaches beyond the cursor by a part of the span, so that playing asks seldom.
        """
        moved, self._shown_ns = frame.t_ns != self._shown_ns, frame.t_ns
        if not moved or not self.slots:
            return
        start, now = self.view_ns()
        if self.following and not (self._asked_from_ns <= start and now <= self._asked_ns):
            self._read()
        self.changed.emit()

    def visit(self, kind: WorldKind) -> None:
        """Show another world's time: what frames told is not its own, and maybe not the record either."""
        self._ids.clear()
        self._kind, self._began_ns, self._shown_ns = kind, 0, 0
        self._tail.clear()
        self._past.clear()
        self._read()
        self.changed.emit()

    def begin(self) -> None:
        """Forget what is known of the past and read it anew: the recorder or the world changed."""
        self._ids.clear()
        self._past.clear()
        self._read()

    def reset(self) -> None:
        """Forget pens and samples: something else is open."""
        self._tail = Tail()
        self.slots, self._past, self._ids = (), {}, {}
        self.following, self.span_s = True, SPAN_S
        self._kind, self._began_ns, self._shown_ns = WorldKind.LIVE, 0, 0
        self._request += 1
        self.changed.emit()

    # ------------------------------------------------------------ the recorder

    def _show(self, slots: tuple[int, ...]) -> None:
        if slots == self.slots:
            return
        self.slots = slots
        self._tail.show(slots)
        self._past = {slot: past for slot, past in self._past.items() if slot in slots}
        self._read()
        self.changed.emit()

    def _read(self) -> None:
        """Ask for the range shown; ids of tags that we do not know yet come first."""
        if not self.slots:
            return
        specs = self._specs()
        names = [specs[s].name for s in self.slots if specs[s].history]
        unknown = tuple(n for n in names if n not in self._ids)
        self._request += 1
        request = self._request
        start, end = self.view_ns()
        if self._kind is WorldKind.REPLAY and self.following:
            ahead = int(AHEAD * self.span_s * NS)
            start, end = start - ahead, end + ahead
        self._asked_from_ns, self._asked_ns = start, end
        if unknown:
            question = Enroll(tags=unknown, create=False)
            self._ask(question, lambda answer: self._enrolled(request, unknown, answer), ANSWER_S)
        else:
            self._query(request, start, end)

    def _enrolled(self, request: int, names: tuple[str, ...], answer: object) -> None:
        if isinstance(answer, Enrolled):
            found = {n: int(i) for n, i in zip(names, answer.ids.tolist(), strict=True) if i}
            self._ids.update(found)
            if request == self._request:
                self._query(request, self._asked_from_ns, self._asked_ns)
        else:
            self._refused(answer)

    def _query(self, request: int, start: int, end: int) -> None:
        specs = self._specs()
        slots = [s for s in self.slots if specs[s].name in self._ids]
        if not slots:
            self._trouble = "The recorder has nothing of this tag yet."
            self.changed.emit()
            return
        ids = tuple(self._ids[specs[s].name] for s in slots)
        query = SeriesQuery(ids=ids, from_ns=start, to_ns=end, width=self._width, request=request)
        self._ask(query, lambda answer: self._answered(request, slots, start, end, answer), ANSWER_S)

    def _answered(self, request: int, slots: list[int], start: int, end: int, answer: object) -> None:
        if request != self._request:
            self.stale_answers += 1
            return
        if not isinstance(answer, SeriesAnswer):
            self._refused(answer)
            return
        self._trouble = ""
        for slot, series in zip(slots, answer.series, strict=True):
            if slot in self.slots:
                self._past[slot] = _Past(series, start, end)
        self.changed.emit()

    def _refused(self, answer: object) -> None:
        self._trouble = (
            answer.what if isinstance(answer, FaultRecord) else "The recorder answered something else."
        )
        self.changed.emit()


def _window(t: I8, start: int, end: int) -> slice:
    """Return the points of a range and one more on either side, so that a line reaches the edges."""
    first, last = np.searchsorted(t, [start, end])
    return slice(max(0, int(first) - 1), int(last) + 1)


def _is_broken(past: _Past, last_ns: int, next_ns: int) -> bool:
    """Return whether nobody knows what was between what the recorder had and the first sample of the tail."""
    return next_ns > past.to_ns and next_ns - last_ns > max(past.series.level_s * _LEVEL_GAP, 10.0) * NS


def _nothing() -> tuple[I8, F8, F8, U2]:
    return np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0, np.uint16)


def _with_gaps(series: Series, limit_ms: int) -> tuple[I8, F8, F8, U2]:
    """Return (time, low, high, rank) with a NaN point behind each point that a gap follows.

    A gap is more than two buckets without any, or longer than the tag may be silent. Raw samples of a tag
    that only reports changes have none: its value held.
    """
    ranks = rank(series.quality)
    bad = ranks >= BAD
    low, high = np.where(bad, np.nan, series.low), np.where(bad, np.nan, series.high)
    limit = max(series.level_s * _LEVEL_GAP * NS, limit_ms * 1e6) if limit_ms else 0.0
    at = np.flatnonzero(np.diff(series.t_ns) > limit) + 1 if limit else np.zeros(0, np.int64)
    if not len(at):
        return series.t_ns, low, high, ranks
    edge = series.t_ns[at - 1] + int(series.level_s * NS) + 1
    return (
        np.insert(series.t_ns, at, edge),
        np.insert(low, at, np.nan),
        np.insert(high, at, np.nan),
        np.insert(ranks, at, np.uint16(STALE)),
    )


def thinned(t: I8, value: F8, quality: U2, width: int) -> tuple[I8, F8, F8, U2]:
    """Return (time, low, high, worst rank) with at most about two points a pixel; extremes and gaps stay."""
    if len(t) <= 2 * width:
        return t, value, value, quality
    column = ((t - t[0]) * width // max(1, int(t[-1] - t[0]))).astype(np.int64)
    gap = np.isnan(value)
    column = 2 * column + gap  # a gap never hides in a column with values
    start = np.flatnonzero(np.diff(column, prepend=-1))
    return (
        t[start],
        np.minimum.reduceat(value, start),
        np.maximum.reduceat(value, start),
        np.maximum.reduceat(quality, start),
    )
