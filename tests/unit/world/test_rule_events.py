from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.model.frame import Event, Frame, WorldKind, empty_frame
from armillary.model.quality import BAD, GOOD
from armillary.model.rule import RuleSpec
from armillary.model.tags import TagSpec
from armillary.world.rule_events import MOST_AT_ONCE, RuleEvents

SPECS = [TagSpec(slot=0, name="r.value", unit="°C"), TagSpec(slot=1, name="r"), TagSpec(slot=2, name="x")]
RULE = RuleSpec(
    id="r", kind="window", slot=1, value_slot=0, fires=True, event="Hot", event_end="Cool", level="warning"
)


def frame(quality: int = GOOD, **told: float) -> Frame:
    names = [spec.name for spec in SPECS]
    slots = np.array([names.index(name.replace("_", ".")) for name in told], np.uint32)
    words = np.full(len(told), quality, np.uint16)
    values = np.array(list(told.values()), np.float64)
    base = empty_frame("w", WorldKind.LIVE)
    return replace(base, t_ns=7, slot=slots, value=values, quality=words)


def told(events: tuple[Event, ...]) -> list[tuple[str, str, str]]:
    return [(event.level, event.source, event.text) for event in events]


def test_a_rule_tells_when_it_begins_and_when_it_ends_with_what_it_measured() -> None:
    events = RuleEvents([RULE], SPECS)
    assert events.of(frame(r=0.0, r_value=20.0)) == ()
    assert told(events.of(frame(r=1.0, r_value=86.25))) == [("warning", "r", "Hot (86.25 °C)")]
    assert events.of(frame(r=1.0, x=3.0)) == ()
    assert told(events.of(frame(r=0.0, r_value=83.0))) == [("info", "r", "Cool (83 °C)")]


def test_what_was_so_at_the_start_and_what_is_not_known_makes_no_event() -> None:
    events = RuleEvents([RULE], SPECS)
    assert events.of(frame(r=1.0)) == ()
    assert events.of(frame(BAD, r=float("nan"))) == ()
    assert events.of(frame(r=1.0)) == ()


def test_a_flood_of_rules_is_told_as_a_number() -> None:
    n = MOST_AT_ONCE + 50
    specs = [TagSpec(slot=i, name=f"r{i}") for i in range(n)]
    rules = [RuleSpec(id=f"r{i}", kind="window", slot=i, fires=True, event="e") for i in range(n)]
    events = RuleEvents(rules, specs)
    base = replace(
        empty_frame("w", WorldKind.LIVE), slot=np.arange(n, dtype=np.uint32), quality=np.zeros(n, np.uint16)
    )
    events.of(replace(base, value=np.zeros(n)))
    out = events.of(replace(base, value=np.ones(n)))
    assert len(out) == MOST_AT_ONCE + 1
    assert out[-1].text == "50 more rules began or ended"
