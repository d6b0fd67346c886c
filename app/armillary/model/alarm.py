"""Alarms as data: what is watched (AlarmSpec), how it stands (AlarmState), what happened (AlarmEvent).

The two regions of a state are those of ISA-18.2 / IEC 62682: the process region is evaluated always, the
presentation region only decides whether people are bothered (operations: two independent regions).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from armillary.model.account import Right
from armillary.model.clock import NS


class ProcessState(StrEnum):
    """How an alarm stands with its cause and with people."""

    NORM = "NORM"
    UNACK = "UNACK"  # active, not acknowledged
    ACKED = "ACKED"  # active, acknowledged
    RTNUN = "RTNUN"  # returned to normal, not acknowledged
    LUNAK = "LUNAK"  # latched: returned, not acknowledged
    LACKD = "LACKD"  # latched: returned, acknowledged, waits for a reset


class Presentation(StrEnum):
    """Whether people are bothered; where several reasons hide an alarm, the last one here is shown."""

    SHOWN = "SHOWN"
    SHELVED = "SHELVED"
    SUPPRESSED = "SUPPRESSED"
    OUT_OF_SERVICE = "OUT_OF_SERVICE"


ACTIVE = (ProcessState.UNACK, ProcessState.ACKED)
UNACKNOWLEDGED = (ProcessState.UNACK, ProcessState.RTNUN, ProcessState.LUNAK)
AlarmKind = Literal[
    "level",
    "count",
    "state",
    "quality",
    "rate",
    "deviation",
    "discrepancy",
    "expression",
    "predicted",
    "link",
]
COMPUTED: frozenset[AlarmKind] = frozenset({"rate", "deviation", "discrepancy", "expression", "predicted"})
"""Kinds that watch no tag's value but one that is worked out of one or more tags."""
Direction = Literal["above", "below"]
RATE_WINDOW_S = 10.0
ADVISORY = "advisory"  # the class of what is only predicted: it never trips anything
ADVISORY_MARK = 5  # drawn for it instead of a priority: less than all of them, and without a colour
HORIZON_S, CONFIDENCE = 1_800.0, 0.9
RE_ALARM_S = 1_800.0  # of priority 1 where nothing else is said
SUPPRESS_OFF_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmLevel:
    """One of several limits of an alarm, H and HH of a tag; the farther one implies the nearer."""

    name: str
    limit: float
    priority: int
    deadband: float | None = None  # None: that of the alarm, as with both delays
    on_delay_s: float | None = None
    off_delay_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSpec:
    """One `[[alarm]]` of rules.toml, its tag resolved; changes only with the project."""

    id: str
    slot: int  # -1 of kind `link`: it belongs to no tag
    tag: str
    title: str = ""
    kind: AlarmKind = "level"  # `quality`: the tag is STALE or worse; `link`: all tags of a link are
    direction: Direction = "above"
    limit: float = 0.0  # raises strictly beyond it, in the tag's unit; of kind `rate` in that per second
    levels: tuple[AlarmLevel, ...] = ()  # nearest first, instead of `limit` and `priority`
    values: tuple[float, ...] = ()  # of kind `state`: the alarm values
    normal: tuple[float, ...] = ()  # of kind `state`: the normal values; any other is an unknown state
    window_s: float = RATE_WINDOW_S  # of kinds `rate` and `predicted`
    horizon_s: float = HORIZON_S  # of kind `predicted`: beyond the limit within this
    confidence: float = CONFIDENCE  # of kind `predicted`: so sure, 0 to 1, one-sided
    forecast_error: float = 0.0  # of kind `predicted`: standard deviation of the model's forecast
    two_sided: bool = False  # of kind `rate`: falling counts as rising does
    # of `deviation` the tag it should be near, of `discrepancy` the command, of `predicted` the model's tag
    reference: str = ""
    reference_slot: int = -1  # -1: `setpoint` counts
    setpoint: float = 0.0
    expression: str = ""  # of kind `expression`: true raises
    deadband: float = 0.0  # clears at or inside limit ∓ deadband
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    count: int = 1  # readings in sequence beyond the limit (kind `count`)
    count_clear: int = 0  # readings in sequence inside it; 0 = `count`
    on_bad: Literal["reset", "skip"] = "reset"  # what a bad or stale reading does to the count
    priority: int = 3  # 1 critical, 2 high, 3 medium, 4 low
    latching: bool = False
    ack_required: bool = True  # cannot be switched off for priority 1 and 2
    re_alarm_s: float = 0.0  # what still stands asks again after so long; 0 = never
    consequence: str = ""
    operator_action: str = ""
    time_to_respond_s: float = 0.0
    severity: str = ""  # of the consequence: minor, major or severe; with the time it gives the priority
    priority_reason: str = ""  # why the priority is another than that
    category: str = ""  # class of alarms, as the project names them
    group: str = ""  # whose first-out it may be: a `[[group]]`, else the asset of its tag; "" = none
    procedure: str = ""  # id of what to follow
    camera: str = ""  # prim path of the view that shows it
    prim: str = ""  # where it is shown; "" = where the tag is
    at_slot: int = -1  # of what belongs to no tag: where this tag is, there it is shown
    action: str = ""  # name of the loop that answers it
    draft: bool = False  # never raises
    offers: tuple[str, ...] = ()  # of an alarm that a server owns: what can be asked of it beside `ack`
    responses: tuple[str, ...] = ()  # of a question that a server asks: the answers that there are
    origin: str = ""

    @property
    def is_advisory(self) -> bool:
        """Whether it only says what may come: no action, loop or rule of suppression may hang on it."""
        return self.kind == "predicted"


def of_level(spec: AlarmSpec, level: AlarmLevel) -> AlarmSpec:
    """Return one limit of an alarm as an alarm of its own; what a level does not say its alarm does."""
    return replace(
        spec,
        levels=(),
        limit=level.limit,
        priority=level.priority,
        deadband=spec.deadband if level.deadband is None else level.deadband,
        on_delay_s=spec.on_delay_s if level.on_delay_s is None else level.on_delay_s,
        off_delay_s=spec.off_delay_s if level.off_delay_s is None else level.off_delay_s,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One `[[suppress]]` of rules.toml: while its condition holds, its alarms bother nobody."""

    id: str
    when: str  # an expression of tags, and of alarms as alarm.ID
    alarms: tuple[str, ...]  # ids, resolved
    off_delay_s: float = SUPPRESS_OFF_S
    reason: str = ""
    origin: str = ""


SHELF_REASONS = ("chattering", "known fault", "maintenance nearby", "plant state")
SHORTEST_REASON = 8  # letters of a reason that is none of these
_HOUR_NS = 3_600 * NS
LONGEST_SHELF_NS = {1: _HOUR_NS, 2: 4 * _HOUR_NS, 3: 8 * _HOUR_NS, 4: 8 * _HOUR_NS}  # by priority
SHELF_ENDS = "SHELF-ENDS"  # the event that tells of it
SHELF_NOTICE_NS = 300 * NS  # so long before a shelf ends people are told
ONE_SHOT_NS = -1  # instead of a deadline: until the alarm next returns to normal


@dataclass(frozen=True, slots=True, kw_only=True)
class Hiding:
    """Why an alarm bothers nobody. All reasons are kept; each must end before the alarm is shown again."""

    until_ns: int = 0  # of the shelf, wall clock; 0 = not shelved, ONE_SHOT_NS
    shelved_ns: int = 0  # when it was put there first: a shelf that is extended has its longest time too
    shelf_reason: str = ""
    shelf_actor: str = ""
    rule: str = ""  # of suppression by design
    ticket: str = ""  # out of service
    ticket_actor: str = ""

    @property
    def presentation(self) -> Presentation:
        """Return the reason that is shown."""
        if self.ticket:
            return Presentation.OUT_OF_SERVICE
        if self.rule:
            return Presentation.SUPPRESSED
        return Presentation.SHELVED if self.until_ns else Presentation.SHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What is said of an alarm beside how it stands; kept when it is normal again."""

    first_out: Literal["", "first", "tie"] = ""  # it raised first of its group, or one of several did
    chatter: int = 0  # raises since it began to chatter; 0 = it does not


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """More alarms than a person can answer: annunciations at one position of one world in ten minutes."""

    since_ns: int
    count: int  # in the last ten minutes
    area: str = ""
    position: str = ""  # of operators; "" = the project has none, or of what none answers for


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmState:
    """How one alarm stands; replaced as a whole at every transition."""

    id: str
    process: ProcessState = ProcessState.NORM
    hiding: Hiding | None = None  # None: it is shown
    occurrence: str = ""  # names one activation, from raise to final disappearance; never re-opened
    raised_ns: int = 0  # when this occurrence began
    changed_ns: int = 0
    value: float = float("nan")  # that raised it
    unverified: bool = False  # the input is bad or stale: the condition is not known
    delayed_s: float = 0.0  # raised by readings that came this late; 0 = on time
    actor: str = ""  # who acknowledged or reset last
    comment: str = ""
    commenter: str = ""  # who said it, where that is not `actor`
    reactivations: int = 0
    text: str = ""  # why it raised, one sentence for people; "" = its title says it
    pending: str = ""  # of an alarm that a server owns: what was asked and is not confirmed yet
    unconfirmed: bool = False  # its server wants it confirmed too, and nobody did
    level: str = ""  # name of the farthest limit that is passed, of an alarm with several
    priority: int = 0  # of that level; 0 = that of its spec
    marks: Marks | None = None

    @property
    def presentation(self) -> Presentation:
        return self.hiding.presentation if self.hiding is not None else Presentation.SHOWN

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to keep: normal, shown when it is not, and without a mark."""
        return self.process is ProcessState.NORM and self.hiding is None and self.marks is None

    @property
    def active(self) -> bool:
        return self.process in ACTIVE

    @property
    def unacknowledged(self) -> bool:
        return self.process in UNACKNOWLEDGED


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAlarm:
    """One alarm that a server owns, as it stands: what it is is known from its server alone."""

    spec: AlarmSpec
    state: AlarmState


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAlarms:
    """All alarms of servers that are not normal, at one time."""

    alarms: tuple[ServerAlarm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmProgress:
    """What one alarm's condition was counting at a moment: without it a restored delay would begin anew."""

    id: str
    over_ns: int = -1  # how long its condition has held; -1: it does not hold, or no delay runs
    under_ns: int = -1  # how long it has not
    run: int = 0  # readings in sequence beyond the limit
    run_clear: int = 0
    run_before: int = 0  # before the newest reading
    run_clear_before: int = 0
    source_ns: int = 0  # of the newest reading counted
    lag_ns: int = 0
    value: float = float("nan")  # the last usable one
    level: int = 0  # which of its levels counts so; -1: this is of the alarm as a whole
    raised_ns: tuple[int, ...] = ()  # how long ago it raised of late, for what chatters


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmEvent:
    """One transition, as the journal keeps it."""

    id: str
    occurrence: str
    event: str  # RAISE, CLEAR, CLOSE, ACK, RESET, UNVERIFIED, VERIFIED, DISABLE, SHELVE, UNSHELVE, …
    before: ProcessState
    after: ProcessState
    t_ns: int
    priority: int
    value: float = float("nan")
    text: str = ""  # one sentence for people
    actor: str = ""
    comment: str = ""
    source_ns: int = 0  # the plant's time of the reading that made it; 0 = none did
    quality: int = 0  # of that reading
    late: bool = False  # in retrospect, from late data: it never stood


AlarmAction = Literal[
    "ack", "reset", "shelve", "unshelve", "remove", "place",
    "confirm", "comment", "respond", "suppress", "unsuppress",
]  # fmt: skip
OF_SERVERS: frozenset[AlarmAction] = frozenset({"confirm", "respond", "suppress", "unsuppress"})
"""What is asked of servers for their alarms alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmAct:
    """What a person does with alarms: one audited action, however many were selected.

    `comment` says something of what stands and changes nothing; `remove` takes out of service and `place`
    puts back.
    """

    action: AlarmAction
    occurrences: tuple[str, ...]  # those visible when the key was pressed; ids alone to hide and show
    comment: str = ""  # the reason of a shelf, the ticket of `remove`, the answer of `respond`
    duration_s: float = 0.0  # of a shelf; 0 = until it next returns to normal


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmActed:
    """What became of each occurrence, in the order asked: "" = done, else a sentence."""

    results: tuple[str, ...]


def right_to(act: AlarmAct) -> Right:
    """Return what a person needs for an act on alarms."""
    needs_author = act.action in ("remove", "place", "suppress", "unsuppress")
    return Right.AUTHOR if needs_author else Right.ACKNOWLEDGE
