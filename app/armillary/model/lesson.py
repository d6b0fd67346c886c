"""A training scenario as data: what goes wrong, what is expected of the trainee, how that is scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from armillary.model.control import MalfunctionSpec

PASS_MARK = 70.0
STEP_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """One action that is expected, or must not happen. Times in simulated s after `after` began."""

    id: str
    title: str = ""
    action: str = ""  # command:<tag>=<value> | command:<twin>.start | ack:<alarm> | ack:any; "" = a must-not
    must_not: str = ""  # expression that must never hold
    after: str = ""  # malfunction:<id> | alarm:<id> | expect:<id>; "" = the start
    ideal_s: float = 0.0  # full points until then
    latest_s: float = float("inf")  # none after that; between them, in proportion
    points: float = 0.0
    fail: bool = False  # a must-not that fails the exercise outright
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """An envelope of a tag: points are lost for each second outside."""

    id: str
    tag: str
    low: float = float("-inf")
    high: float = float("inf")
    points: float = 0.0
    loss_per_s: float = 0.0
    abort_below: float = float("-inf")
    abort_above: float = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonStart:
    """What an exercise starts from: a snapshot file, a recorded moment, or the model's own steady state."""

    kind: Literal["snapshot", "recording", "steady_state"] = "steady_state"
    value: str = ""  # path, ISO time, or the name of the state


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One `scenarios/*.toml` of kind `training`."""

    id: str
    title: str
    minutes: float = 20.0
    seed: int = 1
    version: str = ""
    author: str = ""
    difficulty: str = ""
    brief: str = ""
    objectives: tuple[str, ...] = ()
    debrief: str = ""
    start: LessonStart = LessonStart()
    simulator: str = ""  # fmu, or a plugin's name
    file: str = ""  # absolute, of an FMU
    step_s: float = STEP_S
    call_timeout_s: float = 5.0
    names: Mapping[str, str] = field(default_factory=dict)  # tag → model variable; identity where not given
    inputs: Mapping[str, float] = field(default_factory=dict)  # held from the start
    malfunctions: tuple[MalfunctionSpec, ...] = ()
    expects: tuple[Expect, ...] = ()
    bands: tuple[Band, ...] = ()
    success: str = ""  # expression: the exercise ends well
    success_held_s: float = 0.0
    pass_mark: float = PASS_MARK
    origin: str = ""
    digest: str = ""  # SHA-256 of the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that a person did in an exercise, or that happened in it; one line of its log."""

    t_s: float
    kind: str  # command | ack | reset | mark | note | look | instructor | malfunction | alarm | clear | end
    what: str
    actor: str = ""
    value: float = float("nan")
    text: str = ""
    branch: str = ""


def command_of(text: str) -> tuple[str, float | None]:
    """Return (tag, value) of `P-101B.start`, `P-101B.run=1` or `LIC-101.sp`; None = any value."""
    tag, equals, value = text.partition("=")
    if equals:
        try:
            return tag.strip(), float(value)
        except ValueError:
            return tag.strip(), None
    for word, number in ((".start", 1.0), (".stop", 0.0)):
        if tag.endswith(word):
            return f"{tag.removesuffix(word)}.run", number
    return tag.strip(), None
