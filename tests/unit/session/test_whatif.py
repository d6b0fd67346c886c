"""Runs on the desk: what is compared with what, and what goes to the plant only as a proposal."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import pytest

from armillary.model.arrays import U4
from armillary.model.clock import ManualClock
from armillary.model.control import ModelOffer, RunCard, RunPhase, RunRequest, Runs, Settable
from armillary.model.fault import OrderFault
from armillary.model.frame import Event
from armillary.model.tags import TagSpec
from armillary.session.mirror import Mirror
from armillary.session.signal import Signal
from armillary.session.whatif import BASELINE, Futures, idle_beside, idle_of

BASE = RunRequest(id=BASELINE, title="Do nothing", horizon_s=3600.0, events=((0.0, "demand", 1.5),))


def card(request: RunRequest) -> RunCard:
    return RunCard(id=request.id, title=request.title, state="done", members=request.members, request=request)


def test_run_of_another_horizon_gets_a_baseline_that_lasts_as_long() -> None:
    wish = replace(BASE, id="trip", events=(*BASE.events, (60.0, "trip", 1.0)), horizon_s=1200.0, members=8)
    beside = idle_beside(wish, (card(BASE),))
    assert beside is not None
    assert (beside.horizon_s, beside.members, beside.events) == (1200.0, 8, BASE.events)
    assert beside.title == "Do nothing, 20 min, 8 members"
    cards = (card(BASE), card(beside), card(wish))
    assert [c.id for c in idle_of(cards)] == [BASELINE, beside.id]
    assert idle_beside(wish, cards) is None, "once is enough"


def test_run_like_the_baseline_in_time_and_members_needs_no_other() -> None:
    wish = replace(BASE, id="trip", events=(*BASE.events, (60.0, "trip", 1.0)))
    assert idle_beside(wish, (card(BASE),)) is None
    assert idle_beside(wish, ()) is None, "there is no baseline to take after"


# ---------------------------------------------------------------- proposing

SPEED = TagSpec(slot=0, name="P-1.speed_sp", unit="rpm", writable=True, write_low=0.0, write_high=1500.0)
LEVEL = TagSpec(slot=1, name="T-1.level", unit="%")
SPECS = (SPEED, LEVEL)


class Desk:
    """What runs need of a workspace; its worlds are asked nothing."""

    def __init__(self) -> None:
        self.mirror, self.specs = Mirror(2), SPECS
        self.events: deque[Event] = deque()
        self.frame_arrived: Signal[U4] = Signal()
        self.visited: Signal[()] = Signal()

    def ask_world(self, message: object, callback: Callable[[object], None], timeout_s: float) -> None: ...


def futures(clock: ManualClock, state: RunPhase = "done") -> Futures:
    out = Futures(Desk(), clock)
    wish = replace(
        BASE, id="slower", title="Slower", events=((60.0, "P-1.speed_sp", 1200.0), (0.0, "x", 1.0))
    )
    out.runs = Runs(cards=(card(BASE), replace(card(wish), state=state)), forked_ns=clock.now_ns())
    now = Settable(name="P-1.speed_sp", variable="n", causality="input", now=1400.0)
    out.offer = ModelOffer(model="m", settable=(now,))
    return out


def home(clock: ManualClock, speed: float) -> Mirror:
    out = Mirror(2)
    out.table.value[0], out.t_ns = speed, clock.now_ns()
    return out


def test_setpoint_of_a_run_is_proposed_with_where_it_comes_from() -> None:
    clock = ManualClock()
    runs = futures(clock)
    assert runs.proposable("slower", SPECS) == ("P-1.speed_sp",), "what is not writable is not offered"
    clock.advance(60)
    found = runs.proposal("slower", "P-1.speed_sp", home(clock, 1410.0), SPECS)
    assert (found.tag, found.value) == ("P-1.speed_sp", 1200.0)
    assert found.note.startswith("from what-if run 'Slower', forked ")
    assert found.note.endswith("live has moved by 10 rpm since")


@pytest.mark.parametrize(
    ("state", "tag", "speed", "later_s", "words"),
    [
        ("done", "P-1.speed_sp", 1400.0, 601, "Live has moved too far: run again .forked 10 min ago"),
        (
            "done",
            "P-1.speed_sp",
            1300.0,
            60,
            "run again .P-1.speed_sp has moved by 100",
        ),
        ("done", "P-1.speed_sp", float("nan"), 60, "Live has moved too far"),
        ("done", "T-1.level", 1400.0, 60, "no setpoint of this run"),
        ("running", "P-1.speed_sp", 1400.0, 60, "not done"),
        ("failed", "P-1.speed_sp", 1400.0, 60, "not done"),
    ],
)
def test_proposal_that_is_old_moved_or_unsure_is_refused(
    state: RunPhase, tag: str, speed: float, later_s: float, words: str
) -> None:
    clock = ManualClock()
    runs = futures(clock, state)
    clock.advance(later_s)
    with pytest.raises(OrderFault, match=words):
        runs.proposal("slower", tag, home(clock, speed), SPECS)
