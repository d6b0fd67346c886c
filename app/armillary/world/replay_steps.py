"""Where a step of a replay leads: a tick, a second, the next or last sample, change, alarm or event."""

from __future__ import annotations

from armillary.model.clock import NS
from armillary.model.control import Step
from armillary.wire import marks
from armillary.world.record import Recording

MOST = 100  # steps at once
_MARKS = {"alarm": marks.ALARM_EVENTS, "event": marks.EVENTS}


async def target(recording: Recording, t_ns: int, step: Step, tick_ns: int) -> int:
    """Return the time that a step from `t_ns` shows; the same time where there is nothing on that side."""
    is_back = step.count < 0
    if step.by in ("tick", "second"):
        return t_ns + step.count * (NS if step.by == "second" else tick_ns)
    for _ in range(min(abs(step.count), MOST)):
        if step.by in _MARKS:
            t_ns = await recording.mark_from(t_ns, _MARKS[step.by], is_back=is_back)
        elif step.by == "change":
            t_ns = await recording.change_from(t_ns, step.tags, is_back=is_back)
        elif is_back:
            t_ns = await recording.sample_before(t_ns, step.tags)
        else:
            t_ns = await recording.next_sample(t_ns, step.tags)
    return t_ns
