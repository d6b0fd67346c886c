"""The time bar's range, its density strip from the recorder, and its bookmarks. Qt-free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from armillary.model.arrays import B1, U1
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.model.message import AskDensity, Density
from armillary.session.bookmarks import Bookmark, Bookmarks
from armillary.session.signal import Signal

SPAN_S = 3600.0
SHORTEST_S, LONGEST_S = 2.0, 10 * 366 * 86_400.0
AHEAD = 0.04  # share of the bar right of now: the now-line is seen
AGAIN_S = 10.0  # the strip is read anew while it follows
ANSWER_S = 10.0
Ask = Callable[[object, Callable[[object], None], float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What n pixel columns show, each (n,)."""

    worst: U1  # most urgent priority of an alarm that was active, 0 = none
    gap: B1  # nothing, or not everything, was recorded
    known: B1  # the recorder has answered for it
    event: U1  # gravest event: 1 = information, 2 = warning, 3 = error; 0 = none
    late: B1  # back-filled


class TimeBar:
    """What the bar shows. Times are ns UTC, of the record; `now_ns` is the plant's present."""

    def __init__(self, ask: Ask, now_ns: Callable[[], int]) -> None:
        self.changed: Signal[()] = Signal()
        self.span_s = SPAN_S
        self.following = True
        self.width = 800  # pixel columns
        self.density: Density | None = None
        self.trouble = "The recorder has not answered yet."
        self.bookmarks = Bookmarks(None)
        self.forks: dict[str, int] = {}  # world id → time that it was forked at
        self.marked: tuple[int, int] | None = None  # the range that a person marked: (from, to)
        self.stale_answers = 0
        self._ask, self._now_ns = ask, now_ns
        self._to_ns = 0
        self._request = 0
        self._asked_ns = 0
        self._is_waiting = False
        self._is_again = False

    # ------------------------------------------------------------ the range

    def view_ns(self) -> tuple[int, int]:
        """Return the range shown."""
        to_ns = self._to_ns
        if self.following or not to_ns:
            to_ns = self._now_ns() + int(self.span_s * AHEAD * NS)
        return to_ns - int(self.span_s * NS), to_ns

    def time_at(self, share: float) -> int:
        """Return the time at 0…1 of the bar's width, never later than now."""
        start, end = self.view_ns()
        return min(start + int(share * (end - start)), self._now_ns())

    def share_of(self, t_ns: int) -> float:
        """Return where a time is, 0…1 inside the bar."""
        start, end = self.view_ns()
        return (t_ns - start) / (end - start)

    def zoom(self, factor: float, share: float) -> None:
        """Show `factor` times as much time; what is at `share` of the width stays there.

        Where the bar follows and the mouse is right of its middle, now stays where it is.
        """
        span_s = min(max(self.span_s * factor, SHORTEST_S), LONGEST_S)
        if self.following:
            self.span_s = span_s
        else:
            start, end = self.view_ns()
            at = start + share * (end - start)
            self.span_s = span_s
            self._hold(int(at + (1 - share) * span_s * NS))
        self._read()
        self.changed.emit()

    def pan(self, share: float) -> None:
        """Move the range by a share of its width, to later times for positive ones; ends following."""
        _, end = self.view_ns()
        self._hold(end + int(share * self.span_s * NS))
        self._read()
        self.changed.emit()

    def show(self, from_ns: int, to_ns: int) -> None:
        """Show a range."""
        self.span_s = min(max((to_ns - from_ns) / NS, SHORTEST_S), LONGEST_S)
        self._hold(int(to_ns))
        self._read()
        self.changed.emit()

    def reveal(self, t_ns: int) -> None:
        """Move the range so that a time is inside, when it is not."""
        if not 0.0 <= self.share_of(t_ns) <= 1.0:
            self._hold(t_ns + int(self.span_s * NS / 2))
            self._read()
            self.changed.emit()

    def follow(self, span_s: float = 0.0) -> None:
        """Show the time up to now and go on with it."""
        self.span_s = span_s or self.span_s
        self.following = True
        self._read()
        self.changed.emit()

    def _hold(self, to_ns: int) -> None:
        latest = self._now_ns() + int(self.span_s * AHEAD * NS)
        self._to_ns, self.following = min(to_ns, latest), to_ns >= latest

    # ------------------------------------------------------------ the strip

    def set_width(self, width: int) -> None:
        """Take the width in pixels."""
        if width > 0 and width != self.width:
            self.width = width
            self._read()

    def tick(self) -> None:
        """Read the strip anew when it has grown old; call it about once a second."""
        if self.following and self._now_ns() - self._asked_ns > AGAIN_S * NS:
            self._read()

    def begin(self, project: Path | None) -> None:
        """Begin with a project; None: nothing is open."""
        self.bookmarks = Bookmarks(project)
        self.span_s, self.following, self._to_ns = SPAN_S, True, 0
        self.density, self.forks, self.marked = None, {}, None
        self.trouble = "The recorder has not answered yet."
        self._request += 1
        self._is_waiting = self._is_again = False
        self.changed.emit()

    def read(self) -> None:
        """Read the strip anew: the recorder is another one."""
        self._is_waiting = False
        self._read()

    def _read(self) -> None:
        if self._is_waiting:
            self._is_again = True  # one question at a time: a wheel that turns must not queue them
            return
        start, end = self.view_ns()
        self._request += 1
        request = self._request
        self._asked_ns, self._is_waiting, self._is_again = self._now_ns(), True, False
        question = AskDensity(from_ns=start, to_ns=end, width=max(1, min(self.width, 4096)))
        self._ask(question, lambda answer: self._answered(request, answer), ANSWER_S)

    def _answered(self, request: int, answer: object) -> None:
        if request != self._request:
            self.stale_answers += 1
            return
        self._is_waiting = False
        if isinstance(answer, Density):
            self.density, self.trouble = answer, ""
        else:
            self.trouble = str(getattr(answer, "what", "The recorder answered something else."))
        self.changed.emit()
        if self._is_again:
            self._read()

    def columns(self, width: int) -> Columns:
        """Return what each pixel column shows as the range is now.

        The strip that was read last is shown until the next one comes, moved to where it belongs.
        """
        have = self.density
        out = Columns(
            worst=np.zeros(width, np.uint8),
            gap=np.zeros(width, np.bool_),
            known=np.zeros(width, np.bool_),
            event=np.zeros(width, np.uint8),
            late=np.zeros(width, np.bool_),
        )
        if have is None or not len(have.worst) or have.to_ns <= have.from_ns:
            return out
        n = len(have.worst)
        start, end = self.view_ns()
        edges = start + (end - start) * (np.arange(width + 1) / width)
        at = (edges - have.from_ns) / (have.to_ns - have.from_ns) * n
        first = np.clip(np.floor(at[:-1]).astype(np.int64), 0, n - 1)
        known = (at[1:] > 0) & (at[:-1] < n)
        # an alarm column may not vanish between two pixels: the most urgent of those that a pixel covers
        last = np.clip(np.ceil(at[1:]).astype(np.int64) - 1, first, n - 1)
        ends = np.empty(2 * width, np.int64)
        ends[0::2], ends[1::2] = first, last + 1

        def most(values: U1) -> U1:
            worst: U1 = np.maximum.reduceat(np.append(values, np.uint8(0)), ends)[0::2]
            worst[~known] = 0
            return worst

        urgency = most(np.where(have.worst > 0, 255 - have.worst.astype(np.int64), 0).astype(np.uint8))
        none = np.zeros(n, np.uint8)  # a recorder of before did not tell
        return Columns(
            worst=np.where(urgency > 0, 255 - urgency, 0).astype(np.uint8),
            gap=known & have.gap[first],
            known=known,
            event=most(have.event if len(have.event) == n else none),
            late=most(have.late.astype(np.uint8) if len(have.late) == n else none) > 0,
        )

    # ------------------------------------------------------------ a marked range

    def mark(self, from_ns: int, to_ns: int) -> None:
        """Mark a range, in any order of its ends; an empty one unmarks."""
        self.marked = (min(from_ns, to_ns), max(from_ns, to_ns)) if from_ns != to_ns else None
        self.changed.emit()

    def begin_range(self, t_ns: int) -> None:
        """Let the marked range begin here; it ends where it ended, or now."""
        end = self.marked[1] if self.marked is not None and self.marked[1] > t_ns else self._now_ns()
        self.mark(t_ns, end)

    def end_range(self, t_ns: int) -> None:
        """Let the marked range end here; it begins where it began, or at the left edge."""
        begins = self.marked is not None and self.marked[0] < t_ns
        begin = self.marked[0] if self.marked is not None and begins else self.view_ns()[0]
        self.mark(begin, t_ns)

    def show_marked(self) -> None:
        """Show all of the marked range, with a little around it."""
        if self.marked is not None:
            around = (self.marked[1] - self.marked[0]) // 20
            self.show(self.marked[0] - around, self.marked[1] + around)

    def keep_range(self, title: str) -> Bookmark:
        """Keep the marked range under a name. Raises Fault when nothing is marked or it cannot be written."""
        if self.marked is None:
            raise Fault("No range is marked.", where="time bar", remedy="Drag with Ctrl held over the bar.")
        kept = self.bookmarks.add(self.marked[0], title, self.marked[1])
        self.changed.emit()
        return kept

    # ------------------------------------------------------------ bookmarks

    def bookmark(self, t_ns: int, title: str = "") -> Bookmark:
        """Keep a time. Raises Fault when it cannot be written."""
        mark = self.bookmarks.add(t_ns, title)
        self.changed.emit()
        return mark

    def forget(self, t_ns: int, to_ns: int = 0) -> None:
        """Forget a bookmark, or the kept range with these ends. Raises Fault when that cannot be written."""
        self.bookmarks.remove(t_ns, to_ns)
        self.changed.emit()


def behind_text(seconds: float) -> str:
    """Return how far something is behind the present: `12 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`."""
    whole = max(0, round(seconds))
    days, hours, minutes, rest = whole // 86_400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
