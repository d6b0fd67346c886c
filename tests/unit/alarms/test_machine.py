"""The table of the process region: every cell, every refusal, and random runs against a slow twin."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.alarms.machine import TABLE, Facts, Happening, step
from armillary.model.alarm import AlarmState, ProcessState

NORM, UNACK, ACKED, RTNUN, LUNAK, LACKD = ProcessState
H = Happening


def state(process: ProcessState, **more: object) -> AlarmState:
    held = {} if process is NORM else {"occurrence": "a#1", "raised_ns": 1}
    return AlarmState(id="a", process=process, **{**held, **more})  # type: ignore[arg-type]


def target(happening: Happening, process: ProcessState, **facts: object) -> ProcessState | str:
    outcome = step(state(process), happening, Facts(now_ns=9, occurrence="a#2", **facts))  # type: ignore[arg-type]
    return outcome.refused or outcome.state.process


EXPECTED: dict[Happening, tuple[ProcessState | str, ...]] = {
    # from: NORM, UNACK, ACKED, RTNUN, LUNAK, LACKD
    H.RAISE: (UNACK, UNACK, ACKED, UNACK, UNACK, UNACK),
    H.CLEAR: (NORM, RTNUN, NORM, RTNUN, LUNAK, LACKD),
    H.ACK: ("Nothing to acknowledge", ACKED, ACKED, NORM, LACKD, LACKD),
    H.RESET: (
        "Not latched",
        "Still active: the cause is present",
        "Still active: the cause is present",
        "Not latched: acknowledge it",
        "Acknowledge first",
        NORM,
    ),
    H.RE_ALARM: (NORM, UNACK, UNACK, RTNUN, LUNAK, LACKD),
    H.LEVEL_ROSE: (NORM, UNACK, UNACK, RTNUN, LUNAK, LACKD),
    H.LEVEL_FELL: (NORM, UNACK, ACKED, RTNUN, LUNAK, LACKD),
    H.BAD: (NORM, UNACK, ACKED, RTNUN, LUNAK, LACKD),
    H.GOOD: (NORM, UNACK, ACKED, RTNUN, LUNAK, LACKD),
    H.DISABLE: (NORM, NORM, NORM, NORM, NORM, NORM),
}
CELLS = [(h, p, EXPECTED[h][i]) for h in Happening for i, p in enumerate(ProcessState)]


def test_the_table_has_a_cell_for_every_event_in_every_state() -> None:
    assert {(h, p) for h, row in TABLE.items() for p in row} == {(h, p) for h, p, _ in CELLS}


@pytest.mark.parametrize(("happening", "process", "expected"), CELLS)
def test_every_cell_leads_where_the_table_says(
    happening: Happening, process: ProcessState, expected: ProcessState | str
) -> None:
    assert target(happening, process) == expected


def test_a_latching_alarm_stays_until_somebody_resets_it() -> None:
    assert target(H.CLEAR, UNACK, latching=True) is LUNAK
    assert target(H.CLEAR, ACKED, latching=True) is LACKD


def test_an_alarm_that_asks_nobody_goes_by_itself() -> None:
    assert target(H.CLEAR, UNACK, ack_required=False) is NORM
    assert target(H.CLEAR, UNACK, ack_required=False, latching=True) is LUNAK


def test_a_raise_after_a_return_is_a_new_occurrence_and_the_old_one_closes_unacknowledged() -> None:
    outcome = step(state(RTNUN), H.RAISE, Facts(now_ns=9, occurrence="a#2", value=3.0))
    assert outcome.state.occurrence == "a#2"
    assert [(e.event, e.occurrence, e.before, e.after) for e in outcome.events] == [
        ("CLOSE", "a#1", RTNUN, NORM),
        ("RAISE", "a#2", NORM, UNACK),
    ]
    assert outcome.events[0].text == "returned, never acknowledged"


@pytest.mark.parametrize("process", [LUNAK, LACKD])
def test_a_latched_alarm_that_raises_again_is_the_same_occurrence(process: ProcessState) -> None:
    outcome = step(state(process), H.RAISE, Facts(now_ns=9, occurrence="a#2"))
    assert (outcome.state.occurrence, outcome.state.reactivations, outcome.state.raised_ns) == ("a#1", 1, 1)
    assert outcome.annunciates


@pytest.mark.parametrize("process", [UNACK, ACKED, RTNUN, LUNAK, LACKD])
def test_bad_data_flags_an_alarm_and_good_data_takes_the_flag_away(process: ProcessState) -> None:
    flagged = step(state(process), H.BAD, Facts(now_ns=9))
    assert flagged.state.unverified
    assert [e.event for e in flagged.events] == ["UNVERIFIED"]
    assert step(flagged.state, H.BAD, Facts(now_ns=10)).events == ()
    assert not step(flagged.state, H.GOOD, Facts(now_ns=11)).state.unverified


def test_a_normal_alarm_is_never_flagged() -> None:
    assert step(state(NORM), H.BAD, Facts(now_ns=9)).state == state(NORM)


def test_an_acknowledge_twice_is_no_error_and_is_written_once() -> None:
    outcome = step(state(ACKED, actor="anna"), H.ACK, Facts(now_ns=9, actor="bo"))
    assert (outcome.refused, outcome.events, outcome.state.actor) == ("", (), "anna")


@pytest.mark.parametrize(("process", "rings"), [(UNACK, True), (ACKED, True), (LUNAK, True), (RTNUN, False)])
def test_a_re_alarm_rings_again_for_what_is_there(process: ProcessState, rings: bool) -> None:
    assert step(state(process), H.RE_ALARM, Facts(now_ns=9)).annunciates is rings


@pytest.mark.parametrize("process", [UNACK, ACKED, RTNUN, LUNAK, LACKD])
def test_a_disabled_alarm_closes_its_occurrence_with_a_record(process: ProcessState) -> None:
    outcome = step(state(process), H.DISABLE, Facts(now_ns=9))
    assert [(e.event, e.occurrence, e.text) for e in outcome.events] == [
        ("DISABLE", "a#1", "disabled while active")
    ]
    assert outcome.state.occurrence == ""


@pytest.mark.parametrize("process", [UNACK, ACKED, LUNAK])
def test_a_re_alarm_is_written_where_the_state_stays_too(process: ProcessState) -> None:
    outcome = step(state(process), H.RE_ALARM, Facts(now_ns=9))
    assert [e.event for e in outcome.events] == ["RE-ALARM"]


@pytest.mark.parametrize(
    ("process", "before", "now", "rings"), [(UNACK, 3, 1, True), (UNACK, 1, 1, False), (ACKED, 1, 1, True)]
)
def test_a_farther_limit_calls_whoever_was_not_told_as_urgently(
    process: ProcessState, before: int, now: int, rings: bool
) -> None:
    stands = state(process, level="H", priority=before)
    outcome = step(stands, H.LEVEL_ROSE, Facts(now_ns=9, level="HH", priority=now, value=99.0, text="so"))
    assert outcome.annunciates is rings
    assert (outcome.state.level, outcome.state.priority, outcome.state.text) == ("HH", now, "so")
    assert [e.event for e in outcome.events] == ["LEVEL-ROSE"]


def test_a_nearer_limit_takes_severity_and_text_along_and_calls_nobody() -> None:
    stands = state(ACKED, level="HH", priority=1)
    outcome = step(stands, H.LEVEL_FELL, Facts(now_ns=9, level="H", priority=3, text="so"))
    assert (outcome.state.process, outcome.state.level, outcome.state.priority) == (ACKED, "H", 3)
    assert (outcome.annunciates, [e.event for e in outcome.events]) == (False, ["LEVEL-FELL"])


# ---------------------------------------------------------------- a slow twin, written out


@dataclass
class Slow:
    """The rules as prose has them: three truths and a flag, and no table."""

    latching: bool
    ack_required: bool
    active: bool = False
    acked: bool = True
    latched: bool = False
    occurrence: int = 0  # 0 = none
    made: int = 0
    reactivations: int = 0
    unverified: bool = False

    @property
    def stands(self) -> bool:
        return self.active or self.latched or not self.acked

    def over(self) -> None:
        if not self.stands:
            self.occurrence, self.reactivations, self.unverified = 0, 0, False

    def do(self, happening: Happening) -> None:
        match happening:
            case H.RAISE if not self.active:
                if self.latched:
                    self.reactivations += 1
                    self.unverified = False
                else:
                    self.made += 1
                    self.occurrence, self.reactivations, self.unverified = self.made, 0, False
                self.active, self.acked, self.latched = True, False, False
            case H.CLEAR if self.active:
                self.active, self.latched = False, self.latching
                self.acked = self.acked or (not self.latching and not self.ack_required)
            case H.ACK:
                self.acked = True
            case H.RESET if self.latched and self.acked:
                self.latched = False
            case H.RE_ALARM | H.LEVEL_ROSE if self.active:
                self.acked = False
            case H.BAD if self.stands:
                self.unverified = True
            case H.GOOD:
                self.unverified = False
            case H.DISABLE:
                self.active, self.acked, self.latched = False, True, False
            case _:
                pass
        self.over()

    @property
    def process(self) -> ProcessState:
        if self.active:
            return ACKED if self.acked else UNACK
        if self.latched:
            return LACKD if self.acked else LUNAK
        return NORM if self.acked else RTNUN


@given(
    st.lists(st.sampled_from(list(Happening)), max_size=40),
    st.booleans(),
    st.booleans(),
)
def test_random_events_lead_to_the_same_as_the_rules_written_out(
    happenings: list[Happening], latching: bool, ack_required: bool
) -> None:
    slow, now = Slow(latching, ack_required), AlarmState(id="a")
    journal = []
    for number, happening in enumerate(happenings, 1):
        slow.do(happening)
        facts = Facts(
            now_ns=number, latching=latching, ack_required=ack_required, occurrence=f"a#{slow.made}"
        )
        before, outcome = now, step(now, happening, facts)
        now = outcome.state
        journal += outcome.events
        assert now.process is slow.process
        assert now.unverified == slow.unverified
        assert now.reactivations == slow.reactivations
        assert now.occurrence == (f"a#{slow.occurrence}" if slow.occurrence else "")
        assert bool(outcome.events) or now.process is before.process  # no transition without a record
    reached = NORM
    for event in journal:  # the journal alone tells the whole story
        assert event.before is reached or event.before is event.after
        reached = event.after
    assert reached is now.process
