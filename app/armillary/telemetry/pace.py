"""How fast a link receives, and whether more comes than can be kept. Reads no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from armillary.model.clock import NS
from armillary.model.frame import Tally

WINDOW_NS, STEP_NS = 5 * NS, NS // 4
BEHIND_S = 2.0  # older than this in the inbox: more comes than can be decoded
_FULL = "inbox_full"


@dataclass(frozen=True, slots=True)
class _Mark:
    mono_ns: int
    received: int
    done: int
    coalesced: int
    samples: int
    lost: int


class Pace:
    """The counters of one link over the last 5 s."""

    def __init__(self) -> None:
        self._marks: deque[_Mark] = deque()
        self._behind_s = 0.0  # the longest in the window
        self._behind_mono_ns = 0

    def note(self, tally: Tally, now_mono_ns: int) -> None:
        """Take the counters, at most four times a second."""
        if self._marks and now_mono_ns - self._marks[-1].mono_ns < STEP_NS:
            return
        messages, samples = tally.messages, tally.samples
        lost = messages.dropped.get(_FULL, 0)
        self._marks.append(
            _Mark(now_mono_ns, messages.received, messages.done, samples.coalesced, samples.received, lost)
        )
        while len(self._marks) > 1 and now_mono_ns - self._marks[0].mono_ns > WINDOW_NS:
            self._marks.popleft()

    def rate_hz(self, received: int, now_mono_ns: int) -> float:
        """Return messages a second, from the counter as it is now."""
        if not self._marks or now_mono_ns <= self._marks[0].mono_ns:
            return 0.0
        return (received - self._marks[0].received) * NS / (now_mono_ns - self._marks[0].mono_ns)

    def behind(self, lag_s: float, now_mono_ns: int) -> None:
        """Take for how long the oldest message has waited."""
        is_over = now_mono_ns - self._behind_mono_ns > WINDOW_NS
        if lag_s > BEHIND_S and (is_over or lag_s >= self._behind_s):
            self._behind_s, self._behind_mono_ns = lag_s, now_mono_ns
        elif is_over:
            self._behind_s = 0.0

    def flooded(self) -> str:
        """Return one sentence while the queue is full or too far behind, "" otherwise."""
        if len(self._marks) < 2:  # noqa: PLR2004  two ends of a span
            return ""
        a, b = self._marks[0], self._marks[-1]
        lost, received = b.lost - a.lost, b.received - a.received
        if not lost and not self._behind_s:
            return ""
        span_s = (b.mono_ns - a.mono_ns) / NS
        samples = max(1, b.samples - a.samples)
        pace = f"receiving {_n(received / span_s)}/s, decoding {_n((b.done - a.done) / span_s)}/s"
        what = "More comes than can be kept" if lost else f"It is {self._behind_s:.1f} s behind"
        return (
            f"{what}: {pace}; "
            f"{100 * (b.coalesced - a.coalesced) / samples:.0f} % coalesced for display, "
            f"{100 * lost / max(1, received):.1f} % dropped, the oldest of each topic first."
        )


def _n(value: float) -> str:
    """Return a rate to two digits: a text that changes all the time would be an event each time."""
    digits = max(0, len(str(int(value))) - 2)
    return f"{round(value, -digits):,.0f}".replace(",", "\u202f")
