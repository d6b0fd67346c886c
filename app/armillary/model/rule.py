"""Rules on streams as data: what `[[rule]]` of rules.toml became. What is evaluated are the tags it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RuleKind = Literal[
    "window", "expression", "sequence", "absence", "geofence", "energy", "relation", "correlation", "anomaly"
]
Level = Literal["info", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    """One rule, its tags made; changes only with the project.

    A rule that fires has a tag of 0 and 1, named by its id. What it measures is another, `<id>.value`; of a
    rule that has no limit the tag named by its id is what it measures.
    """

    id: str
    kind: RuleKind
    slot: int  # of the tag named by its id
    fires: bool  # that tag is 0 or 1
    title: str = ""
    value_slot: int = -1  # of what it measures; -1 = it measures nothing besides
    made: tuple[int, ...] = ()  # slots of all its tags, in the order in which they are evaluated
    event: str = ""  # told when it begins; "" = it makes no event
    event_end: str = ""  # told when it ends
    level: Level = "info"
    prim: str = ""  # of a geofence: whose volume it is
    span_s: float = 0.0  # how far it looks back: before, a trial on history knows nothing
    origin: str = ""
