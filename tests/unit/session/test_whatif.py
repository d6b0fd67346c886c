"""Runs on the desk: what is compared with what, and what goes to the plant only as a proposal."""

from __future__ import annotations

from dataclasses import replace

from armillary.model.control import RunCard, RunRequest
from armillary.session.whatif import BASELINE, idle_beside, idle_of

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
