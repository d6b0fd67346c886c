"""Trends: the past from the recorder, the last minutes from frames, merged for drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from armillary.model.arrays import F8, I8, U2
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord
from armillary.model.frame import Frame, WorldKind
from armillary.model.message import Enroll, Enrolled
from armillary.model.series import SeriesAnswer, SeriesQuery
from armillary.model.tags import TagSpec
from armillary.session.signal import Signal
from armillary.session.tail import Tail
from armillary.session.trend_past import Past
from armillary.session.trend_pen import Pen, cut, joined, thinned

__all__ = ["Pen", "Timeline", "thinned"]

SPAN_S = 300.0
WIDTH = 800
SHORTEST_NS = 1_000  # a range below this cannot be drawn
ANSWER_S = 15.0
AHEAD = 0.5  # share of a span that may slide out of what was read before it is read again
BESIDE = 1.0  # spans read on either side of a range that is held: panning finds them there
NEAR = 0.35  # a range that comes this close (in spans) to what was not read is read again
MOST_ASKED = 2  # questions at a time: a wheel that turns must not queue them
Ask = Callable[[object, Callable[[object], None], float], None]


class Timeline:
    """Pens, their range, and what is known of them. Slots are the world's."""

    def __init__(self, ask: Ask, specs: Callable[[], Sequence[TagSpec]], now_ns: Callable[[], int]) -> None:
        self.changed: Signal[()] = Signal()  # new data or another range: draw again
        self.forgotten: Signal[()] = Signal()  # what was read is of another recorder, or another time
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
        self._past: dict[int, Past] = {}
        self._made: dict[int, tuple[object, Pen]] = {}  # what was drawn last, and what it was made of
        self._ids: dict[str, int] = {}
        self._request = self._taken = 0  # newest question; newest whose answer was taken
        self._flying: set[int] = set()  # questions under way
        self._is_again = False  # the range moved on meanwhile
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
        """Show a fixed range, drawn into `width` pixels; ends following.

        The spans on either side are read with it. While they suffice nothing is asked.
        """
        self._range = (int(from_ns), max(int(to_ns), int(from_ns) + SHORTEST_NS))
        self._width, self.following = max(1, width), False
        if not self._suffices():
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
        past, ring = self._past.get(slot), self._tail.rings[slot]
        start, end = self.view_ns()
        span = end - start
        reach = int(BESIDE * span)
        if self._kind is not WorldKind.LIVE:  # what comes after the cursor is not known yet
            end = min(end, self._now_ns())
            window = core = start, end
        elif self.following:
            window = core = start, end
        else:  # more than is shown, and the same while the hand moves by less than half of it
            half = max(span // 2, 1)
            core = start // half * half, -(-end // half) * half
            window = core[0] - reach, core[1] + reach
        trouble = "" if past is not None else self._why_no_past(spec)
        version = past.version if past is not None else -1
        key: tuple[object, ...] = (window, version, len(ring), ring.newest_ns, trouble, bool(self._flying))
        key += (self._began_ns, self._width, spec)
        made = self._made.get(slot)
        if made is None or made[0] != key or self._kind is not WorldKind.LIVE:
            known_ns = self._now_ns() if self._kind is WorldKind.LIVE else end
            pen = joined(spec, past, ring, window, core, self._width, self._began_ns, known_ns)
            if self._kind is not WorldKind.LIVE:
                pen = cut(pen, end)
            made = self._made[slot] = (
                key,
                replace(pen, past=trouble, unknown=pen.unknown if self._flying else ()),
            )
        return made[1]

    def id_of(self, slot: int) -> int:
        """Return the recorder's number of a tag, 0 while it is not known."""
        specs = self._specs()
        return self._ids.get(specs[slot].name, 0) if slot < len(specs) else 0

    def newest(self, slot: int) -> tuple[I8, F8, U2]:
        """Return (time, value, quality rank) of the last minutes of a pen, as frames told them."""
        return self._tail.rings[slot].arrays()

    @property
    def kind(self) -> WorldKind:
        """The kind of world whose time is shown."""
        return self._kind

    def _why_no_past(self, spec: TagSpec) -> str:
        if not spec.history:
            return "This tag is not recorded."
        if spec.personal == "direct":  # the world masks what it sends; the recorder knows nobody
            return "This tag tells of a person: its past is read with armillary history export --personal."
        return self._trouble

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
        before, self._shown_ns = self._shown_ns, frame.t_ns
        if before == frame.t_ns:
            return
        self._turn_page(before)
        if not self.slots:
            return
        start, now = self.view_ns()
        if self.following and not (self._asked_from_ns <= start and now <= self._asked_ns):
            self._read()
        self.changed.emit()

    def _turn_page(self, before_ns: int) -> None:
        """Move a held range on when the cursor leaves it: by what keeps most of it, or around a jump.

        Where the cursor was not in it before, somebody looks at another time on purpose.
        """
        start, end = self._range
        at, span = self._shown_ns, end - start
        if self.following or not start <= before_ns <= end or start <= at <= end:
            return
        if abs(at - before_ns) > span:
            start = at - span // 2
        else:
            start = at - (span // 4 if at > before_ns else span - span // 4)
        self._range = (start, start + span)
        if not self._suffices():
            self._read()

    @property
    def cursor_ns(self) -> int:
        """Where a replay stands, while a range is held; 0: it is the right edge, or there is no replay."""
        return 0 if self.following or self._kind is not WorldKind.REPLAY else self._shown_ns

    def visit(self, kind: WorldKind) -> None:
        """Show another world's time: what frames told is not its own, and maybe not the record either."""
        self._kind, self._began_ns, self._shown_ns = kind, 0, 0
        self._tail.clear()
        self._forget()
        self._read()
        self.changed.emit()

    def begin(self) -> None:
        """Forget what is known of the past and read it anew: the recorder or the world changed."""
        self._forget()
        self._read()

    def _forget(self) -> None:
        """Forget what is known of the past; answers under way are of another one."""
        self._ids.clear()
        self._past.clear()
        self._made.clear()
        self._taken = self._request
        self._flying.clear()
        self._is_again = False
        self.forgotten.emit()

    def reset(self) -> None:
        """Forget pens and samples: something else is open."""
        self._tail = Tail()
        self.slots = ()
        self._forget()
        self.following, self.span_s = True, SPAN_S
        self._kind, self._began_ns, self._shown_ns = WorldKind.LIVE, 0, 0
        self.changed.emit()

    # ------------------------------------------------------------ the recorder

    def _show(self, slots: tuple[int, ...]) -> None:
        if slots == self.slots:
            return
        self.slots = slots
        self._tail.show(slots)
        self._past = {slot: past for slot, past in self._past.items() if slot in slots}
        self._made = {slot: made for slot, made in self._made.items() if slot in slots}
        self._read()
        self.changed.emit()

    def _suffices(self) -> bool:
        """Return whether what was read reaches far enough beyond a range that is held, finely enough."""
        start, end = self.view_ns()
        near = int(NEAR * (end - start))
        need_s = (end - start) / NS / self._width
        shown = [slot for slot in self.slots if self._specs()[slot].history]
        until = min(end + near, self._now_ns())
        pasts = [self._past.get(slot) for slot in shown]
        return all(past is not None and past.suffices(start - near, until, need_s) for past in pasts)

    def _wanted(self, start: int, end: int) -> tuple[int, int]:
        """Return what to ask for a held range: it and its neighbours, less what is known at either end."""
        span = end - start
        whole = start - int(BESIDE * span), max(min(end + int(BESIDE * span), self._now_ns()), end)
        need_s = span / NS / self._width
        gaps: list[tuple[int, int]] = []
        for slot in (s for s in self.slots if self._specs()[s].history):
            past = self._past.get(slot)
            gaps += past.missing(*whole, need_s) if past is not None else [whole]
        if not gaps:
            return whole
        return min(a for a, _ in gaps), max(b for _, b in gaps)

    def _read(self) -> None:
        """Ask for the range shown; ids of tags that we do not know yet come first."""
        if not self.slots:
            return
        if len(self._flying) >= MOST_ASKED:
            self._is_again = True
            return
        specs = self._specs()
        names = [specs[s].name for s in self.slots if specs[s].history and specs[s].personal != "direct"]
        unknown = tuple(n for n in names if n not in self._ids)
        self._request += 1
        request = self._request
        start, end = self.view_ns()
        if self._kind is WorldKind.REPLAY and self.following:
            ahead = int(AHEAD * self.span_s * NS)
            start, end = start - ahead, end + ahead
        elif not self.following:
            start, end = self._wanted(start, end)
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
        shown_start, shown_end = self.view_ns()
        width = max(round(self._width * (end - start) / max(shown_end - shown_start, 1)), self._width)
        query = SeriesQuery(
            ids=ids, from_ns=start, to_ns=end, width=min(width, 4 * self._width), request=request
        )
        self._flying.add(request)
        self._ask(query, lambda answer: self._answered(request, slots, start, end, answer), ANSWER_S)

    def _answered(self, request: int, slots: list[int], start: int, end: int, answer: object) -> None:
        """Take an answer, unless a newer one came before it or it tells nothing of the range shown."""
        self._flying.discard(request)
        shown = self.view_ns()
        if request <= self._taken or end < shown[0] or start > shown[1]:
            self.stale_answers += 1
        elif isinstance(answer, SeriesAnswer):
            self._trouble, self._taken = "", request
            for slot, series in zip(slots, answer.series, strict=True):
                if slot in self.slots:
                    self._past.setdefault(slot, Past()).put(series, start, end, self._now_ns())
            self.changed.emit()
        else:
            self._refused(answer)
        if self._is_again:
            self._is_again = False
            if self.following or not self._suffices():
                self._read()

    def _refused(self, answer: object) -> None:
        self._trouble = (
            answer.what if isinstance(answer, FaultRecord) else "The recorder answered something else."
        )
        self.changed.emit()
