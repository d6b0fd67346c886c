"""Command templates and interlocks as data: what engineers allow, and under what conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TemplateKind = Literal["setpoint", "pulse", "method", "stop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """The one number that a person gives; limits in `unit`, both included."""

    name: str
    unit: str = ""
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What shows that a command did what it should."""

    expression: str  # over tags
    tolerance: float = float("nan")  # the expression is this near to the value sent; NaN = it is true
    verify_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One `[[template]]` of commands.toml, its target resolved."""

    id: str
    kind: TemplateKind
    title: str = ""
    link: str = ""
    address: str = ""  # in the link's own syntax
    tag: str = ""  # of the tag at the target; "" = there is none
    owner: str = ""  # of a method: address of its object; "" = the server says
    calls: bool = False  # of a stop: its target is a method
    parameter: Parameter | None = None
    value: float = float("nan")  # fixed; NaN = the parameter's
    rest: float = 0.0  # of a pulse: what is written when it is over
    pulse_s: float = 0.0
    role: str = "operator"  # operator | engineer
    preconditions: tuple[str, ...] = ()
    read_back: Proof | None = None
    effect: str = ""  # a sentence for the card
    two_person: bool = False
    reversible_by: str = ""  # id of the template that takes it back; "" = nothing does by itself
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interlock:
    """One `[[interlock]]`: blocks its targets while its condition is true, or not known."""

    id: str
    targets: tuple[str, ...]  # names of tags and ids of templates
    blocks_when: str  # expression
    text: str = ""  # why, for people
    origin: str = ""


Check = tuple[str, bool, str]  # (what must hold, whether it does, what it reads or why it is not known)
