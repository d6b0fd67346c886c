"""The fields that an engineer is asked for: of a tag, and of alarms by their kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from armillary.project.alarm_kinds import KINDS
from armillary.project.alarm_rating import SEVERITIES

LOW, HIGH = 0, 1
WHOLE = -1  # an entry that is not one end of a pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One field. A blank one takes its key out of the file."""

    key: str  # of the file
    title: str
    end: int = WHOLE  # LOW or HIGH of a pair
    kind: str = "text"  # text | number | whole
    choices: tuple[str, ...] = ()
    required: str = ""  # what is said when it is blank
    is_long: bool = False
    hint: str = ""
    usual: str = ""  # what a blank one means

    @property
    def id(self) -> str:
        """Names the field in a form."""
        return self.key if self.end == WHOLE else f"{self.key}.{('low', 'high')[self.end]}"


UNIT = Entry(key="unit", title="Unit")
SOURCE_UNIT = Entry(key="source_unit", title="Sent in", hint="Unit in which the value comes; blank: the same")
RANGE = (
    Entry(key="range", title="Range", end=LOW, kind="number", hint="Outside of it a value is uncertain"),
    Entry(key="range", title="Range", end=HIGH, kind="number"),
)
EXPECTED = Entry(
    key="expected_interval_s",
    title="Expected, s",
    kind="number",
    hint="How often a value comes; it is stale after three times as long. Blank: only when it changes",
)
FROZEN = Entry(
    key="frozen_after_s",
    title="Frozen, s",
    kind="number",
    hint="Exactly the same for longer is uncertain. Blank: not watched",
)
BAD_AFTER = Entry(
    key="bad_after_s",
    title="Bad after, s",
    kind="number",
    hint="So long without a sign of life it is bad. Blank: it stays stale",
)
WRITE = (
    Entry(key="write_range", title="Write range", end=LOW, kind="number", hint="What may be set"),
    Entry(key="write_range", title="Write range", end=HIGH, kind="number"),
)
TITLE = Entry(key="title", title="Title")
DIRECTION = Entry(key="direction", title="Raises", choices=("above", "below"))
LIMIT = Entry(key="limit", title="Limit", kind="number", required="Give the limit.")
DEADBAND = Entry(key="deadband", title="Deadband", kind="number", hint="It clears so much inside the limit")
COUNT = Entry(key="count", title="Readings", kind="whole", hint="So many in sequence raise it")
ON = Entry(key="on_delay_s", title="Delay on, s", kind="number")
OFF = Entry(key="off_delay_s", title="Delay off, s", kind="number")
BOTH = Entry(key="direction", title="Raises", choices=("above", "below", "both"))
WINDOW = Entry(
    key="window_s", title="Window, s", kind="number", usual="10", hint="The slope of the last so many seconds"
)
REFERENCE = Entry(key="reference", title="Near tag", hint="A tag; leave blank for a number")
SETPOINT = Entry(key="setpoint", title="Near number", kind="number", hint="Where no tag is to be near")
COMMAND = Entry(
    key="command",
    title="Command tag",
    required="Name the tag that commands it.",
    hint="What it should follow",
)
TRAVEL = Entry(
    key="travel_time_s",
    title="Travel time, s",
    kind="number",
    required="Give the seconds that it may take to follow.",
)
VALUES = Entry(
    key="values", title="Alarm states", kind="numbers", hint="Numbers or names of states, with commas between"
)
NORMAL = Entry(
    key="normal", title="Normal states", kind="numbers", hint="Any other is an unknown state, and raises"
)
CONDITION = Entry(
    key="expression",
    title="Condition",
    is_long=True,
    required="Write a condition, such as P-101.speed > 30 and V-1.state == 0.",
)
FAR = replace(LIMIT, title="Farther than")
FAST = replace(LIMIT, title="Faster than")
APART = replace(LIMIT, title="Differ by more than", required="")
HORIZON = Entry(key="horizon_s", title="Within, s", kind="number", usual="1800", hint="So far ahead")
SURE = Entry(key="confidence", title="So sure", kind="number", usual="0.9", hint="0.5 to 0.99")
TREND = replace(WINDOW, usual="as far back as ahead", hint="The trend is that of the last so many seconds")
FORECAST = Entry(key="forecast", title="Forecast tag", usual="its own trend", hint="A model's tag")
SEVERITY = Entry(
    key="severity",
    title="If ignored it is",
    choices=("", *SEVERITIES),
    hint="With the time to respond it gives the priority",
)
RESPOND = Entry(key="time_to_respond_s", title="Time to respond, s", kind="number")
WHY = Entry(
    key="priority_reason",
    title="Why this priority",
    hint="Needed where it is another than severity and time to respond give",
)
PRIORITY = Entry(key="priority", title="Priority", choices=("1", "2", "3", "4"))
CONSEQUENCE = Entry(
    key="consequence",
    title="Consequence",
    is_long=True,
    required="Say what happens when nobody answers: an alarm without a consequence is none.",
)
ACTION = Entry(
    key="operator_action",
    title="What to do",
    is_long=True,
    required="Say what the operator does: an alarm without an operator action is none.",
)
OF_KIND: Mapping[str, tuple[Entry, ...]] = {
    "level": (DIRECTION, LIMIT, DEADBAND, ON, OFF),
    "count": (DIRECTION, LIMIT, DEADBAND, COUNT),
    "rate": (BOTH, FAST, DEADBAND, WINDOW, ON, OFF),
    "deviation": (REFERENCE, SETPOINT, FAR, DEADBAND, ON, OFF),
    "state": (VALUES, NORMAL, ON, OFF),
    "discrepancy": (COMMAND, TRAVEL, APART, OFF),
    "expression": (CONDITION, ON, OFF),
    "quality": (ON, OFF),
    "predicted": (DIRECTION, LIMIT, DEADBAND, HORIZON, SURE, TREND, FORECAST),
}
OFFERED = tuple(kind for kind in OF_KIND if kind in KINDS)
"""Kinds of alarms that a form makes: those that rules.toml knows."""
