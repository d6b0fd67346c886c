"""What functions over time knew at a time of the record: told to them again, for a fork from there."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from armillary.model.clock import NS
from armillary.model.expression_past import WINDOWS
from armillary.model.sample import HISTORICAL, joined, taken
from armillary.project.record import Project
from armillary.twin import past_pack
from armillary.twin.derive import Derived
from armillary.world.record import Recording

LONGEST_NS = 24 * 3_600 * NS  # so far back the record is read; a longer window says that it is not whole
FEWEST_NS = 600 * NS  # for what has no length: how long something has been so, what was latched
MOST_ROWS = 2_000_000
log = logging.getLogger(__name__)


async def past_at(recording: Recording, project: Project, t_ns: int) -> bytes:
    """Return what functions over time knew at a time; empty where there are none. Raises Fault.

    Windows are told what was recorded in their length, counters begin at what was recorded of them.
    """
    derived = Derived(project.specs, project.timezone)
    if derived.past is None:
        return b""
    lengths = [seconds for calls in derived.past.all for seconds in calls.seconds(WINDOWS)]
    back_ns = min(max(FEWEST_NS, round(max(lengths, default=0.0) * NS)), LONGEST_NS)
    begin_ns = max(t_ns - back_ns, min(recording.first_ns, t_ns))
    slots = derived.past.slots
    held = await recording.held(slots, begin_ns)
    rows = await recording.rows(slots, begin_ns, t_ns, MOST_ROWS)
    if rows is None:
        log.info("functions over time were not told the record: there is too much of it")
        return b""
    rows = taken(rows, np.flatnonzero((rows.flags & HISTORICAL) == 0))
    held = replace(held, source_ns=np.full(len(held), begin_ns))
    derived.past.tell(joined([held, rows]), t_ns)
    own = np.array([spec.slot for spec in project.specs if spec.expression], np.int64)
    value = np.full(len(project.specs), np.nan)
    now = await recording.held(own, t_ns)
    value[now.slot] = now.value
    derived.go_on(value, t_ns)
    return past_pack.packed(derived.past.saved(), t_ns, past_pack.MOST_BYTES)
