"""What a query is run on: values, alarms and spans of the past of one plant at one time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from armillary.model.arrays import B1, F8, I8, U1
from armillary.model.tags import TagTable

NO, UNKNOWN, YES = 0, 1, 2  # answers


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Alarms:
    """All alarms of a plant, k of them, as they stand."""

    row: I8  # (k,) the twin in whose graph row each stands, NOWHERE for one that belongs to none
    priority: U1  # (k,) 1…4
    active: B1  # (k,) its cause is there
    unacknowledged: B1  # (k,)
    listed: B1  # (k,) shown, and something is to be seen or done
    shelved: B1  # (k,)
    hidden: B1  # (k,) shelved, suppressed or out of service
    unverified: B1  # (k,) its input is not good, so that its cause is not known


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Span:
    """What tags did in a span that ends now; all columns are (n,) by slot, NaN: nothing GOOD was there."""

    low: F8
    high: F8
    mean: F8  # weighted by time
    share: F8  # of the span in which the value was GOOD, 0…1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Now:
    """The state of one plant. None: not known, so that what is asked of it is not known either."""

    table: TagTable
    alarms: Alarms | None = None
    past: Mapping[int, Span] = field(default_factory=dict)  # by the span's length in ns
