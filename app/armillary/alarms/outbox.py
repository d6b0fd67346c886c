"""What waits for one receiver: the next to send, what a quiet time holds back, what a flood gathers.

Every notice is counted: wanted = delivered + waiting + merged into a group + over when the quiet time was +
dropped. `balanced` says so, and a test does.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from armillary.model.clock import NS
from armillary.model.notice import Notice, Receiver

MOST = 1_000  # notices that wait for one receiver: of more the oldest goes, counted
MOST_LINES = 20  # of a group
HOUR_NS = 3_600 * NS
GATHER_NS = 60 * NS  # after the first that is gathered a group leaves so soon; the next ones each `group_s`
LONGEST_NS = 24 * HOUR_NS  # what a world finds of an earlier one that is older is not sent any more
LOST = ("overflow", "expired", "refused")  # why notices are given up


@dataclass(slots=True)
class Outbox:
    """Pure: times are arguments, nothing is sent here. `mono` is the monotonic clock in ns."""

    receiver: Receiver
    group: Callable[[Receiver, Sequence[Notice], int, int], Notice]  # makes one of many
    queue: deque[tuple[Notice, int]] = field(default_factory=deque)  # with its monotonic time
    held: deque[Notice] = field(default_factory=deque)
    gathered: deque[Notice] = field(default_factory=deque)
    counts: Counter[str] = field(default_factory=Counter)
    last_delivered_ns: int = 0
    trouble: str = ""  # why the last try failed
    _wanted: deque[int] = field(default_factory=deque)  # monotonic times: what flooding is judged by
    _left: deque[int] = field(default_factory=deque)  # monotonic times of messages that left
    _gathered_mono: int = 0
    _grouped_mono: int = 0

    # ---------------------------------------------------------------- in

    def put(self, notice: Notice, mono: int, *, is_quiet: bool) -> None:
        """Take a notice: it is sent next, held while it is quiet, or gathered in a flood.

        Priority 1 is never gathered for a flood, only when as many messages left as may.
        """
        spec = self.receiver
        self.counts["wanted"] += 1
        if is_quiet and not 0 < notice.priority <= spec.breaks_through:
            self._kept(self.held, notice)
            return
        self._forget(mono)
        self._wanted.append(mono)
        is_flood = len(self._wanted) > spec.group_over and notice.priority != 1
        if is_flood or len(self._left) + len(self.queue) >= spec.per_hour:
            if not self.gathered:
                self._gathered_mono = mono
            self._kept(self.gathered, notice)
        else:
            self._queued(notice, mono)

    def due(
        self, now_ns: int, mono: int, *, is_quiet: bool, still: Callable[[Notice], bool] = lambda _n: True
    ) -> None:
        """Let go of what is due: at the end of a quiet time, and groups. `still`: it is of use even now."""
        if self.held and not is_quiet:
            kept = [notice for notice in self.held if still(notice)]
            self.counts["over"] += len(self.held) - len(kept)
            self.held.clear()
            self._merge(kept, now_ns, mono)
        if self.gathered and not is_quiet:
            since = max(self._gathered_mono + GATHER_NS, self._grouped_mono + int(self.receiver.group_s * NS))
            if mono >= since:  # however many left: groups are few by themselves
                self._grouped_mono = mono
                waiting = list(self.gathered)
                self.gathered.clear()
                self._merge(waiting, now_ns, mono)

    # ---------------------------------------------------------------- out

    def next(self) -> Notice | None:
        """Return what is to be sent, None when nothing waits."""
        return self.queue[0][0] if self.queue else None

    def delivered(self, notice: Notice, now_ns: int, mono: int) -> None:
        """Learn that the receiver has it."""
        self._take(notice)
        self.counts["delivered"] += 1
        self._left.append(mono)
        self.last_delivered_ns, self.trouble = now_ns, ""

    def refused(self, notice: Notice, why: str) -> None:
        """Learn that the receiver will never take this one."""
        self._take(notice)
        self.counts["refused"] += 1
        self.trouble = why

    def waiting_ns(self, mono: int) -> int:
        """Return for how long the oldest has waited, 0 for none."""
        return mono - self.queue[0][1] if self.queue else 0

    @property
    def waiting(self) -> int:
        """How many are on their way, held and gathered ones included."""
        return len(self.queue) + len(self.held) + len(self.gathered)

    @property
    def dropped(self) -> Mapping[str, int]:
        """What was given up, by reason."""
        return {name: self.counts[name] for name in LOST if self.counts[name]}

    @property
    def balanced(self) -> bool:
        """Whether every notice is accounted for."""
        known = sum(self.counts[name] for name in ("delivered", "merged", "over", *LOST))
        return self.counts["wanted"] == known + self.waiting

    # ---------------------------------------------------------------- across restarts

    def dump(self) -> dict[str, Any]:  # Any: what JSON holds
        """Return what is to be kept."""
        return {
            "queue": [_plain(notice) for notice, _ in self.queue],
            "held": [_plain(notice) for notice in self.held],
            "gathered": [_plain(notice) for notice in self.gathered],
            "counts": dict(self.counts),
            "last_delivered_ns": self.last_delivered_ns,
            "trouble": self.trouble,
        }

    def load(self, kept: Mapping[str, Any], now_ns: int, mono: int) -> None:
        """Go on from what an earlier world kept; what is too old goes. Raises what a wrong form raises."""
        self.counts = Counter({str(name): int(count) for name, count in kept["counts"].items()})
        self.last_delivered_ns = int(kept["last_delivered_ns"])
        self.trouble = str(kept["trouble"])
        for name in ("queue", "held", "gathered"):
            for one in kept[name]:
                notice = _notice(one)
                if now_ns - notice.t_ns > LONGEST_NS:
                    self.counts["expired"] += 1
                elif name == "queue":
                    self._queued(notice, mono)
                else:
                    self._kept(self.held if name == "held" else self.gathered, notice)
        self._gathered_mono = mono

    # ---------------------------------------------------------------- within

    def _queued(self, notice: Notice, mono: int) -> None:
        if len(self.queue) >= MOST:
            self.queue.popleft()
            self.counts["overflow"] += 1
        self.queue.append((notice, mono))

    def _kept(self, where: deque[Notice], notice: Notice) -> None:
        if len(where) >= MOST:
            where.popleft()
            self.counts["overflow"] += 1
        where.append(notice)

    def _merge(self, notices: Sequence[Notice], now_ns: int, mono: int) -> None:
        if len(notices) == 1:
            self._queued(notices[0], mono)
        elif notices:
            self.counts["merged"] += len(notices)
            self.counts["wanted"] += 1
            self._queued(self.group(self.receiver, notices, now_ns, mono), mono)

    def _take(self, notice: Notice) -> None:
        """Take one out; it may be gone when the queue overflowed while it was being sent."""
        if self.queue and self.queue[0][0] is notice:
            self.queue.popleft()
        else:  # it was counted as an overflow, and arrived all the same
            self.counts["overflow"] -= 1

    def _forget(self, mono: int) -> None:
        while self._wanted and mono - self._wanted[0] > self.receiver.group_s * NS:
            self._wanted.popleft()
        while self._left and mono - self._left[0] > HOUR_NS:
            self._left.popleft()


def _plain(notice: Notice) -> dict[str, Any]:  # Any: what JSON holds
    held = asdict(notice)
    held["value"] = None if math.isnan(notice.value) else notice.value
    return held


def _notice(held: Mapping[str, Any]) -> Notice:
    known = {one.name for one in fields(Notice)}
    given = {name: value for name, value in held.items() if name in known}
    given["value"] = float("nan") if given.get("value") is None else float(given["value"])
    given["lines"] = tuple(str(line) for line in given.get("lines", ()))
    return Notice(**given)
