"""What makes alarms a nuisance, as a desk sees it: chattering, floods, and which of a group was first.

Worked out of the same transitions that the journal has (operations 1.6), so that it is there for every world,
a record that is replayed too. The limits are those of the world's own count, `alarms.nuisance`. Every step
costs the same however many alarms there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from armillary.alarms.nuisance import (
    CALM_NS,
    CHATTER_COUNT,
    CHATTER_NS,
    FLOOD_BEGINS,
    FLOOD_ENDS,
    FLOOD_NS,
)
from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState, Flood, ProcessState
from armillary.session.stand import Stand

MOST_COUNTED = 100_000  # annunciations that are remembered of ten minutes


@dataclass(slots=True)
class _Raises:
    recent: deque[int]  # times of the newest raises
    count: int = 0  # since it began to chatter; 0 = it does not
    last_ns: int = 0


class Nuisance:
    """Of one world's alarms. One thread. Times are those of the events, so a replay is judged as it ran."""

    def __init__(self) -> None:
        self.post = Stand()  # whose alarms make a flood here
        self.flood_since_ns = 0  # 0: there is none
        self._told = 0  # annunciations as the world counts them in a flood
        self._group: dict[str, str] = {}  # alarm → what it is a part of; "" belongs to no group
        self._group_of: Callable[[AlarmSpec], str] = lambda _spec: ""
        self._specs: dict[str, AlarmSpec] = {}
        self._raises: dict[str, _Raises] = {}
        self._chattering: set[str] = set()
        self._annunciated: deque[int] = deque(maxlen=MOST_COUNTED)
        self._standing: dict[str, set[str]] = {}  # group → its alarms that are not normal
        self._first: dict[str, tuple[str, int]] = {}  # group → (alarm, time) of the first
        self._tied: dict[str, set[str]] = {}

    def welcome(self, specs: Sequence[AlarmSpec], group_of: Callable[[AlarmSpec], str]) -> None:
        """Take the alarms of a world. What was noted of them before is kept."""
        self._specs = {spec.id: spec for spec in specs}
        self._group_of = group_of
        self._group.clear()
        self._standing.clear()

    def forget(self) -> None:
        """Forget what happened: time was moved."""
        self.flood_since_ns = 0
        for held in (self._raises, self._chattering, self._annunciated, self._first, self._tied):
            held.clear()

    def count_again(self, events: Iterable[AlarmEvent]) -> None:
        """Count what was annunciated anew: the desk stands at another position now."""
        self.flood_since_ns = 0
        self._annunciated.clear()
        for event in events:
            if event.event == "RAISE" and not event.late and self.post.owns(event.id):
                self._annunciated.append(event.t_ns)

    # ------------------------------------------------------------ what happens

    def note(self, event: AlarmEvent, is_hidden: bool) -> None:
        """Take one transition; what is hidden annunciates to nobody."""
        if event.event != "RAISE" or event.late:
            return
        self._firsts(event)
        if is_hidden:
            return
        if self.post.owns(event.id):
            self._annunciated.append(event.t_ns)
        held = self._raises.get(event.id)
        if held is None:
            held = self._raises[event.id] = _Raises(deque(maxlen=CHATTER_COUNT))
        held.recent.append(event.t_ns)
        held.last_ns = event.t_ns
        if held.count:
            held.count += 1
        elif len(held.recent) == CHATTER_COUNT and held.recent[-1] - held.recent[0] <= CHATTER_NS:
            held.count = CHATTER_COUNT
            self._chattering.add(event.id)

    def _firsts(self, event: AlarmEvent) -> None:
        group = self.group(event.id)
        if not group:
            return
        first = self._first.get(group)
        if first is None:
            self._first[group] = (event.id, event.source_ns)
        elif event.source_ns and first[1] == event.source_ns and first[0] != event.id:
            self._tied.setdefault(group, {first[0]}).add(event.id)

    def stand(self, states: Iterable[AlarmState]) -> frozenset[str]:
        """Take how alarms stand; return those whose mark may differ now: the firsts of their groups.

        A group that is all normal has no first any more.
        """
        touched: set[str] = set()
        for state in states:
            group = self.group(state.id)
            if not group:
                continue
            if group in self._first:
                touched.add(self._first[group][0])
            standing = self._standing.setdefault(group, set())
            if state.process is not ProcessState.NORM:
                standing.add(state.id)
                continue
            standing.discard(state.id)
            if not standing:
                self._first.pop(group, None)
                self._tied.pop(group, None)
        return frozenset(touched)

    def tick(self, now_ns: int, told: Sequence[Flood] = ()) -> frozenset[str]:
        """Let time pass; return the alarms that no longer chatter. Begins and ends a flood.

        told: the floods that the world knows of; it has seen more than a desk that came later.
        """
        if self.post.is_narrow:
            told = [flood for flood in told if flood.position == self.post.name]
        self._told = sum(flood.count for flood in told)
        times = self._annunciated
        while times and times[0] <= now_ns - FLOOD_NS:
            times.popleft()
        if self.flood_since_ns and len(times) < FLOOD_ENDS:
            self.flood_since_ns = 0
        elif not self.flood_since_ns and len(times) > FLOOD_BEGINS:
            self.flood_since_ns = times[0]
        if told:
            self.flood_since_ns = min(flood.since_ns for flood in told)
        over = [n for n in self._chattering if self._raises[n].last_ns <= now_ns - CALM_NS]
        for name in over:
            self._chattering.discard(name)
            self._raises[name].count = 0
        return frozenset(over)

    # ------------------------------------------------------------ questions

    def group(self, name: str) -> str:
        """Return what an alarm is a part of."""
        if name not in self._group:
            spec = self._specs.get(name)
            self._group[name] = self._group_of(spec) if spec is not None else ""
        return self._group[name]

    @property
    def chattering(self) -> frozenset[str]:
        """The alarms that chatter now."""
        return frozenset(self._chattering)

    @property
    def annunciated(self) -> int:
        """How many alarms were annunciated in the last ten minutes."""
        return max(len(self._annunciated), self._told)

    @property
    def flood_text(self) -> str:
        """`Alarm flood: 37 in 10 min`, or "" while there is none."""
        return f"Alarm flood: {self.annunciated} in 10 min" if self.flood_since_ns else ""

    def chatter(self, name: str) -> int:
        """Return how often a chattering alarm was raised since it began; 0 for one that does not."""
        held = self._raises.get(name)
        return held.count if held is not None else 0

    def firsts(self) -> tuple[str, ...]:
        """Return the alarms that were the first of a group in which more stand now."""
        return tuple(name for name, _ in self._first.values() if self.first_out(name))

    def first_out(self, name: str) -> str:
        """Return `first` for the first of a group of several, `tie` for one of equals, else ""."""
        group = self.group(name)
        first = self._first.get(group) if group else None
        if first is None or len(self._standing.get(group, ())) + (first[0] != name) <= 1:
            return ""
        if name in self._tied.get(group, ()):
            return "tie"
        return "first" if first[0] == name else ""
