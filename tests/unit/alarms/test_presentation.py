"""The table of the presentation region: every cell, every refusal, and random acts against a slow twin."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.alarms import presentation
from armillary.alarms.presentation import TABLE, Hide, Wish, hide
from armillary.model.alarm import (
    LONGEST_SHELF_NS,
    ONE_SHOT_NS,
    AlarmState,
    Hiding,
    Presentation,
    ProcessState,
)
from armillary.model.clock import NS

SHOWN, SHELVED, SUPPRESSED, OUT_OF_SERVICE = Presentation
H = Hide
NOW = 1_000_000 * NS
HOUR = 3_600 * NS
ON_SHELF = Hiding(until_ns=NOW + HOUR, shelved_ns=NOW - 60 * NS, shelf_reason="chattering")
BY_DESIGN = Hiding(rule="line stands")
IN_REPAIR = Hiding(ticket="W-17")
HELD = {SHOWN: None, SHELVED: ON_SHELF, SUPPRESSED: BY_DESIGN, OUT_OF_SERVICE: IN_REPAIR}
WHY = {
    H.SHELVE: "chattering",
    H.SHELVE_ONCE: "known fault",
    H.SUPPRESS: "line stands",
    H.REMOVE: "W-18",
}


def state(at: Presentation, process: ProcessState = ProcessState.UNACK) -> AlarmState:
    return AlarmState(id="a", process=process, occurrence="a#1", raised_ns=1, hiding=HELD[at])


def wish(what: Hide, **more: object) -> Wish:
    usual = {"now_ns": NOW, "why": WHY.get(what, ""), "actor": "anna", "priority": 3, "is_engineer": True}
    if what is H.SHELVE:
        usual["duration_ns"] = HOUR
    return Wish(**{**usual, **more})  # type: ignore[arg-type]


EXPECTED: dict[Hide, tuple[Presentation | str, ...]] = {
    # from: SHOWN, SHELVED, SUPPRESSED, OUT_OF_SERVICE
    H.SHELVE: (SHELVED, SHELVED, "Suppressed by design: line stands", "Out of service: W-17"),
    H.SHELVE_ONCE: (SHELVED, SHELVED, "Suppressed by design: line stands", "Out of service: W-17"),
    H.UNSHELVE: ("Not shelved", SHOWN, "Not shelved", "Not shelved"),
    H.SUPPRESS: (SUPPRESSED, SUPPRESSED, SUPPRESSED, OUT_OF_SERVICE),
    H.UNSUPPRESS: (SHOWN, SHELVED, SHOWN, OUT_OF_SERVICE),
    H.REMOVE: (OUT_OF_SERVICE, OUT_OF_SERVICE, OUT_OF_SERVICE, OUT_OF_SERVICE),
    H.PLACE: ("Not out of service", "Not out of service", "Not out of service", SHOWN),
}
CELLS = [(what, at, EXPECTED[what][i]) for what in Hide for i, at in enumerate(Presentation)]


def test_the_table_has_a_cell_for_every_act_in_every_state() -> None:
    assert {(what, at) for what, row in TABLE.items() for at in row} == {(w, at) for w, at, _ in CELLS}


@pytest.mark.parametrize(("what", "at", "expected"), CELLS)
def test_every_cell_leads_where_the_table_says(
    what: Hide, at: Presentation, expected: Presentation | str
) -> None:
    before = state(at)
    outcome = hide(before, what, wish(what))
    assert (outcome.refused or outcome.state.presentation) == expected
    if outcome.refused:
        assert (outcome.state, outcome.events) == (before, ())


def test_all_reasons_are_kept_and_each_must_end() -> None:
    now = state(SHELVED)
    for what in (H.SUPPRESS, H.REMOVE):
        now = hide(now, what, wish(what)).state
    seen = [now.presentation]
    for what in (H.PLACE, H.UNSUPPRESS, H.UNSHELVE):
        now = hide(now, what, wish(what)).state
        seen.append(now.presentation)
    assert seen == [OUT_OF_SERVICE, SUPPRESSED, SHELVED, SHOWN]
    assert now.hiding is None


def test_an_active_alarm_that_comes_off_the_shelf_is_new_to_people_with_its_own_raise_time() -> None:
    outcome = hide(state(SHELVED, ProcessState.ACKED), H.UNSHELVE, wish(H.UNSHELVE))
    assert (outcome.state.process, outcome.state.raised_ns) == (ProcessState.UNACK, 1)
    assert outcome.annunciates


def test_a_normal_alarm_comes_off_the_shelf_without_a_word() -> None:
    outcome = hide(state(SHELVED, ProcessState.NORM), H.UNSHELVE, wish(H.UNSHELVE))
    assert outcome.state.process is ProcessState.NORM
    assert not outcome.annunciates


@pytest.mark.parametrize(
    ("more", "refused"),
    [
        ({"why": ""}, presentation.NO_REASON),
        ({"why": "tired"}, presentation.NO_REASON),
        ({"priority": 1, "is_engineer": False}, presentation.ENGINEER_FIRST),
        ({"priority": 1, "duration_ns": HOUR + NS}, "Longest shelf is 1 h"),
        ({"priority": 2, "duration_ns": 4 * HOUR + NS}, "Longest shelf is 4 h"),
        ({"duration_ns": 8 * HOUR + NS}, "Longest shelf is 8 h"),
        ({"shelved": 20}, presentation.FULL),
    ],
)
def test_a_shelf_is_refused_in_words(more: dict[str, object], refused: str) -> None:
    assert hide(state(SHOWN), H.SHELVE, wish(H.SHELVE, **more)).refused == refused


@pytest.mark.parametrize(("priority", "hours"), [(1, 1), (2, 4), (3, 8), (4, 8)])
def test_a_shelf_may_be_as_long_as_its_priority_allows(priority: int, hours: int) -> None:
    outcome = hide(state(SHOWN), H.SHELVE, wish(H.SHELVE, priority=priority, duration_ns=hours * HOUR))
    assert outcome.state.hiding is not None
    assert outcome.state.hiding.until_ns == NOW + LONGEST_SHELF_NS[priority]


def test_a_shelf_is_extended_up_to_its_longest_time_in_all() -> None:
    longest = LONGEST_SHELF_NS[3] - 60 * NS  # it lies there for a minute already
    assert hide(state(SHELVED), H.SHELVE, wish(H.SHELVE, duration_ns=longest)).refused == ""
    again = hide(state(SHELVED), H.SHELVE, wish(H.SHELVE, duration_ns=longest + NS))
    assert again.refused == "Longest shelf is 8 h"


def test_out_of_service_needs_a_ticket() -> None:
    assert hide(state(SHOWN), H.REMOVE, wish(H.REMOVE, why=" ")).refused == presentation.NO_TICKET


def test_what_changes_is_written_with_who_and_why() -> None:
    outcome = hide(state(SHOWN), H.SHELVE, wish(H.SHELVE))
    assert [(e.event, e.text, e.comment, e.actor, e.before, e.after) for e in outcome.events] == [
        ("SHELVE", "shelved for 60 min", "chattering", "anna", ProcessState.UNACK, ProcessState.UNACK)
    ]


# ---------------------------------------------------------------- a slow twin, written out


@dataclass
class Slow:
    """The rules as prose has them: three reasons, each there or not."""

    reasons: set[str] = field(default_factory=set)
    once: bool = False

    def act(self, what: Hide) -> bool:
        """Do it; False where a person is refused."""
        hidden_by_others = bool(self.reasons & {"rule", "ticket"})
        match what:
            case H.SHELVE | H.SHELVE_ONCE:
                if hidden_by_others:
                    return False
                if "shelf" not in self.reasons:
                    self.once = what is H.SHELVE_ONCE
                elif what is H.SHELVE:
                    self.once = False
                self.reasons.add("shelf")
            case H.UNSHELVE:
                if "shelf" not in self.reasons:
                    return False
                self.reasons.remove("shelf")
            case H.SUPPRESS:
                self.reasons.add("rule")
            case H.UNSUPPRESS:
                self.reasons.discard("rule")
            case H.REMOVE:
                self.reasons.add("ticket")
            case H.PLACE:
                if "ticket" not in self.reasons:
                    return False
                self.reasons.remove("ticket")
        return True

    @property
    def shown(self) -> Presentation:
        for reason, at in (("ticket", OUT_OF_SERVICE), ("rule", SUPPRESSED), ("shelf", SHELVED)):
            if reason in self.reasons:
                return at
        return SHOWN


@given(st.lists(st.sampled_from(list(Hide)), max_size=20), st.sampled_from(list(ProcessState)))
def test_any_acts_lead_where_a_slow_twin_goes(acts: list[Hide], process: ProcessState) -> None:
    now, slow = replace(state(SHOWN), process=process), Slow()
    for what in acts:
        before = now.presentation
        outcome = hide(now, what, wish(what))
        assert bool(outcome.refused) is not slow.act(what)
        now = outcome.state
        assert now.presentation is slow.shown
        comes_back = before is not SHOWN and now.presentation is SHOWN
        assert outcome.annunciates is (comes_back and now.active)
        if now.hiding is not None and now.hiding.until_ns:
            assert (now.hiding.until_ns == ONE_SHOT_NS) is slow.once
