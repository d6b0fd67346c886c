"""A comment on an alarm that stands: nothing of its state is another, and everybody can read it."""

from __future__ import annotations

from dataclasses import replace

from armillary.alarms.machine import OVER, Outcome
from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState, ProcessState

NO_WORDS = "Say something: a comment has words"
NORMAL = "Normal: there is no occurrence to comment on"


def commented(
    state: AlarmState, occurrence: str, words: str, actor: str, now_ns: int, spec: AlarmSpec
) -> Outcome:
    """Return what a comment makes of a state: the newest one stands at it, the journal has them all."""
    words = words.strip()
    if not words:
        return Outcome(state=state, refused=NO_WORDS)
    if state.process is ProcessState.NORM:
        return Outcome(state=state, refused=NORMAL)
    if state.occurrence != occurrence:
        return Outcome(state=state, refused=OVER)
    event = AlarmEvent(
        id=state.id,
        occurrence=occurrence,
        event="COMMENT",
        before=state.process,
        after=state.process,
        t_ns=now_ns,
        priority=state.priority or spec.priority,
        value=state.value,
        text="commented on",
        actor=actor,
        comment=words,
    )
    return Outcome(state=replace(state, comment=words, commenter=actor), events=(event,))
