"""How well the alarms of a plant serve its operators: rates, floods, bad actors, against the standard.

Metrics and targets are those of ISA-18.2-2016 clause 16 and EEMUA 191 as operations 1.9 quotes them. Periods
are aligned to the clock, and empty ones count: leaving them out flatters the figures.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Literal

import numpy as np

from armillary.model.alarm import AlarmEvent, Presentation
from armillary.model.arrays import B1, I8
from armillary.model.clock import NS

PERIOD_NS, HOUR_NS, DAY_NS = 600 * NS, 3_600 * NS, 86_400 * NS
FLOOD_BEGINS, FLOOD_ENDS = 10, 5  # annunciations in ten minutes: more than, fewer than
BUSY_HOUR, BUSY_PERIOD = 30, 10
CHATTER_COUNT, CHATTER_NS = 3, 60 * NS
FLEETING_NS = 10 * NS
STALE_NS = DAY_NS
TOP = 10
FEW_DAYS = 30.0  # with less, the figures are indicative
SHARES = {1: 0.01, 2: 0.05, 3: 0.15, 4: 0.80}  # of annunciated alarms, by priority
Verdict = Literal["good", "over target", "over maximum", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """One line of the journal as it counts here."""

    event: AlarmEvent
    presentation: Presentation = Presentation.SHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure with what the standard asks; NaN where there is nothing to count or no such bound."""

    name: str
    value: float
    unit: str = ""
    target: float = float("nan")
    maximum: float = float("nan")

    @property
    def verdict(self) -> Verdict:
        if self.value != self.value or (self.target != self.target and self.maximum != self.maximum):
            return ""
        if self.value > self.maximum:
            return "over maximum"
        return "over target" if self.value > self.target else "good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One alarm among those that take most of the attention."""

    id: str
    priority: int
    raises: int
    share: float
    chatters: int  # times that it began to chatter
    fleeting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """A time with more alarms than a person can answer."""

    from_ns: int
    to_ns: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What a span of the journal says. Hidden raises are in `hidden` alone."""

    from_ns: int
    to_ns: int
    metrics: tuple[Metric, ...]
    by_priority: Mapping[int, int]
    answer_s: Mapping[int, float]  # median seconds from raise to acknowledge, by priority
    top: tuple[Actor, ...]
    chattering: tuple[str, ...]
    standing: tuple[str, ...]  # active for longer than a day at the end
    floods: tuple[Flood, ...]
    periods: I8  # annunciations in each ten minutes from the first aligned one
    hidden: int

    @property
    def days(self) -> float:
        return (self.to_ns - self.from_ns) / DAY_NS

    @property
    def is_indicative(self) -> bool:
        """Whether there is too little to judge by."""
        return self.days < FEW_DAYS


@dataclass(slots=True)
class _Tracks:
    """What is followed alarm by alarm while the journal is read."""

    raised: dict[str, AlarmEvent] = field(default_factory=dict)  # active now, by id
    asked: dict[str, AlarmEvent] = field(default_factory=dict)  # not acknowledged yet, by occurrence
    fleeting: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    answers: dict[int, list[float]] = field(default_factory=dict)


def health(noted: Iterable[Noted], from_ns: int, to_ns: int) -> Health:
    """Judge the alarms of from ≤ t < to; `noted` may begin earlier, so that what stood then is known."""
    tracks, shown, hidden = _Tracks(), [], 0
    for one in noted:
        event = one.event
        if event.late or event.t_ns >= to_ns:
            continue
        inside = event.t_ns >= from_ns
        if event.event == "RAISE" and inside:
            if one.presentation is Presentation.SHOWN:
                shown.append(event)
            else:
                hidden += 1
        _follow(tracks, event, inside)
    shown.sort(key=lambda event: event.t_ns)
    times = np.array([event.t_ns for event in shown], np.int64)
    floods, periods = _floods(times), _counts(times, from_ns, to_ns, PERIOD_NS)
    raises = Counter(event.id for event in shown)
    chatters = _chatters(shown)
    priority = {event.id: event.priority for event in shown}
    by_priority = Counter(event.priority for event in shown)
    standing = sorted(i for i, event in tracks.raised.items() if to_ns - event.t_ns > STALE_NS)
    top = tuple(
        Actor(
            id=id_,
            priority=priority[id_],
            raises=n,
            share=n / len(shown),
            chatters=chatters[id_],
            fleeting=tracks.fleeting[id_],
        )
        for id_, n in sorted(raises.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
    )
    found = Health(
        from_ns=from_ns,
        to_ns=to_ns,
        metrics=(),
        by_priority={p: by_priority.get(p, 0) for p in SHARES},
        answer_s={p: median(spans) for p, spans in sorted(tracks.answers.items())},
        top=top,
        chattering=tuple(sorted(chatters)),
        standing=tuple(standing),
        floods=floods,
        periods=periods,
        hidden=hidden,
    )
    return _judged(found, times, tracks)


def _follow(tracks: _Tracks, event: AlarmEvent, inside: bool) -> None:
    match event.event:
        case "RAISE":
            tracks.raised[event.id] = event
            tracks.asked[event.occurrence] = event
        case "CLEAR":
            began = tracks.raised.pop(event.id, None)
            if began is None:
                return
            waits = event.occurrence in tracks.asked
            if inside and waits:
                tracks.unanswered += 1
                tracks.fleeting[event.id] += event.t_ns - began.t_ns < FLEETING_NS
        case "ACK":
            began = tracks.asked.pop(event.occurrence, None)
            if began is not None and inside:
                tracks.answers.setdefault(began.priority, []).append((event.t_ns - began.t_ns) / NS)
        case "CLOSE" | "DISABLE":
            tracks.asked.pop(event.occurrence, None)
            if event.event == "DISABLE":
                tracks.raised.pop(event.id, None)


def _counts(times: I8, from_ns: int, to_ns: int, width_ns: int) -> I8:
    """Return how many came in each stretch of the clock (hour, ten minutes) that lies wholly in the span."""
    first, last = -(-from_ns // width_ns), to_ns // width_ns
    at = times // width_ns - first
    inside = at[(at >= 0) & (at < last - first)]
    return np.bincount(inside, minlength=max(last - first, 0)).astype(np.int64)


def _floods(times: I8) -> tuple[Flood, ...]:
    """Return the floods: begun by more than ten in any ten minutes, ended when fewer than five are left."""
    out: list[Flood] = []
    recent: deque[int] = deque()
    begun_ns, count = -1, 0
    for t_ns in times.tolist():
        while recent and recent[0] <= t_ns - PERIOD_NS:
            left_ns = recent.popleft() + PERIOD_NS
            if begun_ns >= 0 and len(recent) < FLOOD_ENDS:
                out.append(Flood(from_ns=begun_ns, to_ns=left_ns, count=count))
                begun_ns = -1
        recent.append(t_ns)
        if begun_ns >= 0:
            count += 1
        elif len(recent) > FLOOD_BEGINS:
            begun_ns, count = recent[0], len(recent)
    if begun_ns >= 0:
        end_ns = recent[len(recent) - FLOOD_ENDS] + PERIOD_NS
        out.append(Flood(from_ns=begun_ns, to_ns=end_ns, count=count))
    return tuple(out)


def _chatters(shown: Sequence[AlarmEvent]) -> Counter[str]:
    """Return how often each alarm began to chatter: three raises in a minute, over after ten minutes."""
    out: Counter[str] = Counter()
    recent: dict[str, deque[int]] = {}
    until: dict[str, int] = {}
    for event in shown:
        times = recent.setdefault(event.id, deque(maxlen=CHATTER_COUNT))
        times.append(event.t_ns)
        if len(times) == CHATTER_COUNT and times[-1] - times[0] <= CHATTER_NS:
            out[event.id] += event.t_ns > until.get(event.id, -1)
            until[event.id] = event.t_ns + PERIOD_NS
        elif event.id in until and event.t_ns <= until[event.id]:
            until[event.id] = event.t_ns + PERIOD_NS  # it ends ten minutes after the last raise
    return out


def _judged(found: Health, times: I8, tracks: _Tracks) -> Health:
    total, span = len(times), found.to_ns - found.from_ns
    hours = _counts(times, found.from_ns, found.to_ns, HOUR_NS)
    flood_ns = sum(min(f.to_ns, found.to_ns) - f.from_ns for f in found.floods)
    nan = float("nan")
    top = sum(actor.raises for actor in found.top)
    metrics = [
        Metric(name="annunciated", value=float(total)),
        Metric(name="per 10 min, mean", value=total / span * PERIOD_NS, target=1, maximum=2),
        Metric(name="per hour, mean", value=total / span * HOUR_NS, target=6, maximum=12),
        Metric(name="per day, mean", value=total / span * DAY_NS, target=150, maximum=300),
        Metric(name="hours with more than 30", value=_share(hours > BUSY_HOUR), unit="%", maximum=1),
        Metric(
            name="10 min with more than 10", value=_share(found.periods > BUSY_PERIOD), unit="%", maximum=1
        ),
        Metric(
            name="most in 10 min",
            value=float(found.periods.max()) if len(found.periods) else nan,
            maximum=10,
        ),
        Metric(name="time in flood", value=100 * flood_ns / span, unit="%", maximum=1),
        Metric(
            name="share of the 10 most frequent",
            value=100 * top / total if total else nan,
            unit="%",
            target=1,
            maximum=5,
        ),
        Metric(name="chattering", value=float(len(found.chattering)), target=0),
        Metric(name="fleeting", value=float(sum(tracks.fleeting.values())), target=0),
        Metric(name="standing longer than a day", value=float(len(found.standing)), target=5),
        Metric(name="never acknowledged before return", value=float(tracks.unanswered)),
        Metric(name="raised while hidden", value=float(found.hidden)),
    ]
    return replace(found, metrics=tuple(metrics))


def _share(held: B1) -> float:
    return 100.0 * float(held.mean()) if len(held) else float("nan")
