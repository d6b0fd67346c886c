"""What keeps a list of alarms readable: chattering ones, the first of a group, and floods.

Nothing here changes how an alarm stands; it says what people are told beside that.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from armillary.model.alarm import AlarmSpec, AlarmState, Flood, Marks
from armillary.model.clock import NS

CHATTER_COUNT, CHATTER_NS = 3, 60 * NS  # raises of one alarm that begin it
CALM_NS = 600 * NS  # without a raise: it ends
FLOOD_NS = 600 * NS
FLOOD_BEGINS, FLOOD_ENDS = 10, 5  # annunciations in that time: more than, fewer than
FLOOD_ID = "system:flood"
LOOK_NS = NS // 4  # how often what ends by time is looked at
_NONE = Marks()


def marked(state: AlarmState, **changes: object) -> AlarmState:
    """Return a state with other marks; none at all is None."""
    marks = replace(state.marks or _NONE, **changes)  # type: ignore[arg-type]  # mypy cannot see the keys
    return replace(state, marks=None if marks == _NONE else marks)


class Chatter:
    """Which alarms raise again and again; by row."""

    def __init__(self) -> None:
        self._raised: dict[int, deque[int]] = defaultdict(lambda: deque(maxlen=CHATTER_COUNT))
        self._last: dict[int, int] = {}  # of those that chatter: when it raised last
        self._restored: set[int] = set()
        self._looked_ns = 0

    def raised(self, row: int, state: AlarmState, now_mono_ns: int) -> int:
        """Learn of a raise; return how many it has been since it began to chatter, 0 = it does not."""
        if state.marks is not None and state.marks.chatter:
            self._last[row] = now_mono_ns
            return state.marks.chatter + 1
        times = self._raised[row]
        times.append(now_mono_ns)
        if len(times) == CHATTER_COUNT and now_mono_ns - times[0] <= CHATTER_NS:
            self._last[row] = now_mono_ns
            times.clear()
            return CHATTER_COUNT
        return 0

    def restore(self, states: Iterable[tuple[int, AlarmState]]) -> None:
        """Go on with those that chattered: from the next look on they have their time to calm down again."""
        self._restored = {row for row, state in states if state.marks is not None and state.marks.chatter}

    def progress(self, now_mono_ns: int) -> dict[int, tuple[int, ...]]:
        """Return how long ago alarms raised of late; of one that chatters, last."""
        young = {
            row: tuple(now_mono_ns - t_ns for t_ns in times)
            for row, times in self._raised.items()
            if times and now_mono_ns - times[-1] <= CHATTER_NS
        }
        return young | {row: (now_mono_ns - last_ns,) for row, last_ns in self._last.items()}

    def resume(self, progress: Mapping[int, tuple[int, ...]], now_mono_ns: int, gap_ns: int = 0) -> None:
        """Go on from how long ago alarms raised, `gap_ns` ago; those that chatter calm down from there on."""
        for row, ages_ns in progress.items():
            if row in self._restored:
                self._restored.discard(row)
                self._last[row] = now_mono_ns - gap_ns - min(ages_ns, default=0)
            else:
                self._raised[row].extend(now_mono_ns - gap_ns - age_ns for age_ns in ages_ns)

    def calm(self, now_mono_ns: int) -> list[int]:
        """Return the alarms that chatter no more."""
        self._last.update(dict.fromkeys(self._restored, now_mono_ns))
        self._restored = set()
        if not self._last or now_mono_ns - self._looked_ns < LOOK_NS:
            return []
        self._looked_ns = now_mono_ns
        out = [row for row, last_ns in self._last.items() if now_mono_ns - last_ns >= CALM_NS]
        for row in out:
            del self._last[row]
        return out


@dataclass(frozen=True, slots=True)
class Raised:
    """One raise of a tick, for the order of a group."""

    row: int
    source_ns: int  # 0 = no reading did it
    priority: int
    link: str  # whose clock told the time


class FirstOut:
    """Which alarm of a group raised first after all of it was normal."""

    def __init__(self, specs: Sequence[AlarmSpec]) -> None:
        members: dict[str, list[int]] = defaultdict(list)
        for row, spec in enumerate(specs):
            if spec.group and not spec.draft and not spec.is_advisory:  # it always comes before its alarm
                members[spec.group].append(row)
        self._members = {group: rows for group, rows in members.items() if len(rows) > 1}
        self._group = {row: group for group, rows in self._members.items() for row in rows}
        self.marked: dict[str, list[int]] = {}

    def idle(self, rows: Iterable[int], states: Sequence[AlarmState]) -> set[str]:
        """Return which groups of some alarms are all normal, hidden ones apart."""
        groups = {self._group[row] for row in rows if row in self._group}
        return {group for group in groups if not self._stands(group, states)}

    def first(
        self, raised: Sequence[Raised], idle: set[str], now_ns: int, doubt_ns: Mapping[str, int]
    ) -> list[tuple[int, str]]:
        """Return (row, mark) of the first alarm of each idle group: by the plant's time, then by priority.

        doubt_ns: how unsure the clock of a link is. Where the clocks of two links leave it open, it is a tie.
        """
        of: dict[str, list[Raised]] = defaultdict(list)
        for one in raised:
            group = self._group.get(one.row, "")
            if group in idle:
                of[group].append(one)
        out = []
        for group, ones in of.items():
            ones.sort(key=lambda one: (one.source_ns or now_ns, one.priority))
            first = ones[0]
            tie = any(_is_open(first, other, now_ns, doubt_ns) for other in ones[1:])
            self.marked.setdefault(group, []).append(first.row)
            out.append((first.row, "tie" if tie else "first"))
        return out

    def restore(self, states: Iterable[tuple[int, AlarmState]]) -> None:
        """Go on with the marks as they were."""
        for row, state in states:
            if state.marks is not None and state.marks.first_out and row in self._group:
                self.marked.setdefault(self._group[row], []).append(row)

    def over(self, states: Sequence[AlarmState]) -> list[int]:
        """Return the alarms that lose their mark: their group is normal and acknowledged."""
        ended = [group for group in self.marked if not self._stands(group, states)]
        return [row for group in ended for row in self.marked.pop(group)]

    def _stands(self, group: str, states: Sequence[AlarmState]) -> bool:
        return any(states[row].occurrence and states[row].hiding is None for row in self._members[group])


def _is_open(first: Raised, other: Raised, now_ns: int, doubt_ns: Mapping[str, int]) -> bool:
    """Return whether nobody knows which of two came first."""
    apart = (other.source_ns or now_ns) - (first.source_ns or now_ns)
    if first.link == other.link:
        return apart == 0 and first.priority == other.priority
    return apart <= doubt_ns.get(first.link, 0) + doubt_ns.get(other.link, 0)


class Floods:
    """Counts what calls the people of one position within ten minutes."""

    def __init__(self, position: str = "") -> None:
        self.position = position
        self._times: deque[int] = deque()
        self._since_ns = 0

    def called(self, now_mono_ns: int) -> None:
        """Learn that people were called."""
        self._times.append(now_mono_ns)

    def look(self, now_ns: int, now_mono_ns: int) -> str:
        """Return what to write down: the words of a beginning or an end, "" for neither."""
        while self._times and now_mono_ns - self._times[0] >= FLOOD_NS:
            self._times.popleft()
        count = len(self._times)
        if not self._since_ns and count > FLOOD_BEGINS:
            self._since_ns = now_ns
            return f"alarm flood{self._at}: {count} in 10 min"
        if self._since_ns and count < FLOOD_ENDS:
            minutes = max(0, now_ns - self._since_ns) / (60 * NS)
            self._since_ns = 0
            return f"the alarm flood{self._at} is over after {minutes:.0f} min"
        return ""

    def progress(self, now_mono_ns: int) -> tuple[int, tuple[int, ...]]:
        """Return since when there is a flood, wall clock, 0 = none; and how long ago people were called."""
        return self._since_ns, tuple(now_mono_ns - t_ns for t_ns in self._times)

    def resume(self, since_ns: int, ages_ns: Sequence[int], gap_ns: int, now_mono_ns: int) -> None:
        """Go on from how long ago people were called, `gap_ns` ago."""
        self._since_ns = since_ns
        self._times = deque(now_mono_ns - gap_ns - age_ns for age_ns in ages_ns)

    @property
    def _at(self) -> str:
        return f" at {self.position}" if self.position else ""

    def now(self, area: str) -> Flood | None:
        """Return the flood that is, None for none."""
        if not self._since_ns:
            return None
        return Flood(since_ns=self._since_ns, count=len(self._times), area=area, position=self.position)
