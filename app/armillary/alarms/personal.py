"""Alarms on tags that tell of a person: what leaves the world for good keeps neither value nor sentence.

A sealed line cannot be taken back, and neither can a mail; that the alarm was raised may be told (ADR 79).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState
from armillary.model.tags import TagSpec


def of_persons(specs: Iterable[AlarmSpec], tags: Sequence[TagSpec]) -> frozenset[str]:
    """Return the ids of alarms on tags that tell of a person directly."""
    persons = {tag.name for tag in tags if tag.personal == "direct"}
    return frozenset(spec.id for spec in specs if spec.tag in persons)


def bare_state(state: AlarmState) -> AlarmState:
    """Return how an alarm stands, without what it tells of a person."""
    return replace(state, value=math.nan, text="")


def bare_event(event: AlarmEvent) -> AlarmEvent:
    """Return a transition, without what it tells of a person."""
    return replace(event, value=math.nan, text="")
