"""Suppression by design: what the state of the plant hides, and when it is shown again."""

from __future__ import annotations

import pytest
from tests.unit.alarms.test_kinds import NORM, UNACK, Plant

from armillary.alarms.evaluate import Evaluator
from armillary.alarms.links import link_alarms
from armillary.model.alarm import AlarmAct, AlarmSpec, Presentation, ProcessState, Suppression
from armillary.model.link import LinkSpec
from armillary.model.quality import BAD, GOOD, STALE
from armillary.model.tags import TagSpec, TagTable

SHOWN, SHELVED, SUPPRESSED, OUT_OF_SERVICE = Presentation
FLOW, PUMP, TEMP = range(3)
TAGS = (
    TagSpec(slot=FLOW, name="FT-1.flow", link="plc"),
    TagSpec(slot=PUMP, name="P-1.state", link="plc"),
    TagSpec(slot=TEMP, name="TT-1.value", link="plc"),
)
LOW = AlarmSpec(id="FLOW-L", slot=FLOW, tag="FT-1.flow", limit=5.0, direction="below")
HOT = AlarmSpec(id="HOT", slot=TEMP, tag="TT-1.value", limit=80.0)
TRIP = AlarmSpec(id="TRIP", slot=PUMP, tag="P-1.state", kind="state", values=(2.0,))
STOPPED = Suppression(id="stopped", when="P-1.state == 0", alarms=("FLOW-L",))
TRIPPED = Suppression(id="tripped", when="alarm.TRIP", alarms=("FLOW-L", "HOT"))


class Line(Plant):
    """The plant of `test_kinds` with rules."""

    def __init__(self, rules: tuple[Suppression, ...], *specs: AlarmSpec) -> None:
        super().__init__()
        self.table = TagTable(len(TAGS))
        self.alarms = Evaluator(specs, TAGS, rules)

    def shown(self, id_: str = "FLOW-L") -> Presentation:
        return self.state(id_).presentation


def test_an_alarm_that_the_state_of_the_plant_explains_bothers_nobody() -> None:
    line = Line((STOPPED,), LOW)
    line.tick((PUMP, 0.0), (FLOW, 10.0))
    assert line.words == ["SUPPRESS"]
    line.tick((FLOW, 0.0))
    assert line.words == ["SUPPRESS", "RAISE"]  # written down all the same
    assert (line.state().process, line.shown()) == (UNACK, SUPPRESSED)
    assert line.state().hiding is not None
    assert line.state().hiding.rule == "stopped"


def test_it_is_hidden_before_the_very_reading_that_would_raise_it() -> None:
    line = Line((STOPPED,), LOW)
    line.tick((PUMP, 1.0), (FLOW, 10.0)).tick((FLOW, 0.0), (PUMP, 0.0))
    assert line.words == ["SUPPRESS", "RAISE"]


def test_it_is_shown_again_five_seconds_after_the_rule_ended() -> None:
    line = Line((STOPPED,), LOW)
    line.tick((PUMP, 0.0), (FLOW, 0.0)).tick((PUMP, 1.0))
    for _ in range(4):
        line.tick()
    assert line.shown() is SUPPRESSED
    line.tick()
    assert (line.words[-1], line.shown()) == ("UNSUPPRESS", SHOWN)
    assert line.state().process is UNACK


def test_a_rule_that_holds_again_within_its_delay_never_ended() -> None:
    line = Line((STOPPED,), LOW)
    line.tick((PUMP, 0.0), (FLOW, 0.0)).tick((PUMP, 1.0), after_s=3.0).tick((PUMP, 0.0), after_s=3.0)
    line.tick((PUMP, 1.0)).tick(after_s=4.0)
    assert line.shown() is SUPPRESSED


def test_a_flow_that_came_back_within_the_delay_is_no_alarm_at_all() -> None:
    line = Line((STOPPED,), LOW)
    line.tick((PUMP, 0.0), (FLOW, 0.0))
    line.tick((PUMP, 1.0)).tick((FLOW, 10.0), after_s=2.0).tick(after_s=5.0)
    assert line.shown() is SHOWN
    assert line.state().process is not UNACK


def test_a_condition_that_nobody_knows_hides_for_a_minute_what_it_hid() -> None:
    line = Line((STOPPED,), LOW)
    line.tick((PUMP, 0.0), (FLOW, 0.0)).ages(PUMP, STALE)
    line.tick(after_s=58.0)
    assert line.shown() is SUPPRESSED
    line.tick(after_s=3.0).tick(after_s=5.0)
    assert line.shown() is SHOWN


def test_a_condition_that_was_never_known_hides_nothing() -> None:
    line = Line((STOPPED,), LOW)
    line.tick((PUMP, 0.0, BAD), (FLOW, 0.0))
    assert (line.words, line.shown()) == (["RAISE"], SHOWN)


def test_an_alarm_may_be_the_condition_of_a_rule() -> None:
    line = Line((TRIPPED,), LOW, HOT, TRIP)
    line.tick((PUMP, 1.0), (FLOW, 10.0), (TEMP, 20.0))
    line.tick((PUMP, 2.0), (FLOW, 0.0), (TEMP, 99.0))
    assert line.shown("TRIP") is SHOWN
    assert (line.shown("FLOW-L"), line.shown("HOT")) == (SUPPRESSED, SUPPRESSED)


def test_of_two_rules_the_second_goes_on_hiding_when_the_first_ends() -> None:
    line = Line((STOPPED, TRIPPED), LOW, HOT, TRIP)
    line.tick((PUMP, 0.0), (FLOW, 0.0)).tick((PUMP, 2.0)).tick(after_s=5.0)
    assert line.state("FLOW-L").hiding is not None
    assert line.state("FLOW-L").hiding.rule == "tripped"
    assert "UNSUPPRESS" not in line.words


def test_a_shelf_below_a_rule_is_kept() -> None:
    line = Line((STOPPED,), LOW)
    line.tick((PUMP, 1.0), (FLOW, 10.0))
    act = AlarmAct(action="shelve", occurrences=("FLOW-L",), comment="chattering", duration_s=600.0)
    line.alarms.act(act, "anna", line.clock.now_ns())
    line.tick((PUMP, 0.0))
    assert line.shown() is SUPPRESSED
    line.tick((PUMP, 1.0)).tick(after_s=6.0)
    assert line.shown() is SHELVED


def test_a_rule_goes_on_hiding_over_a_restart_until_its_condition_is_known() -> None:
    line = Line((STOPPED,), LOW)
    line.tick((PUMP, 0.0), (FLOW, 0.0))
    again = Line((STOPPED,), LOW)
    again.alarms.restore(line.alarms.states(), again.clock.now_ns())
    again.tick(after_s=10.0)
    assert again.shown() is SUPPRESSED
    again.tick((PUMP, 0.0), (FLOW, 0.0))
    assert again.shown() is SUPPRESSED
    again.tick((PUMP, 1.0)).tick(after_s=6.0)
    assert again.shown() is SHOWN


def test_what_a_rule_hid_that_the_project_has_no_more_is_shown() -> None:
    line = Line((STOPPED,), LOW)
    line.tick((PUMP, 0.0), (FLOW, 0.0))
    again = Line((), LOW)
    again.alarms.restore(line.alarms.states(), again.clock.now_ns())
    assert again.shown() is SHOWN
    assert again.alarms.take()[1][-1].event == "UNSUPPRESS"


@pytest.mark.parametrize("quality", [STALE, BAD])
def test_a_silent_link_hides_the_alarms_on_the_quality_of_its_tags(quality: int) -> None:
    link = LinkSpec(name="plc", kind="opcua", url="opc.tcp://127.0.0.1:4840")
    asked = tuple(
        AlarmSpec(id=f"Q{tag.slot}", slot=tag.slot, tag=tag.name, kind="quality", on_delay_s=10.0)
        for tag in TAGS
    )
    line = Line((), *asked, *link_alarms([link], TAGS))
    line.tick((FLOW, 1.0), (PUMP, 1.0), (TEMP, 1.0))
    line.table.quality[:] = quality | (0x0100 if quality == BAD else 0)
    for _ in range(30):
        line.tick(after_s=0.5)
    assert line.state("link:plc").process is UNACK
    assert {line.shown(spec.id) for spec in asked} == {SUPPRESSED}
    called = [e for e in line.events if e.event == "RAISE" and e.id.startswith("link")]
    assert len(called) == 1
    line.table.quality[:] = GOOD
    for _ in range(14):
        line.tick((FLOW, 1.0), (PUMP, 1.0), (TEMP, 1.0), after_s=0.5)
    assert {line.shown(spec.id) for spec in asked} == {SHOWN}
    assert {line.state(spec.id).process for spec in asked} <= {NORM, ProcessState.RTNUN}


def test_a_storm_of_rules_hides_everything_at_once_and_writes_each() -> None:
    many = tuple(
        AlarmSpec(id=f"A{i}", slot=FLOW, tag="FT-1.flow", limit=float(i), direction="below")
        for i in range(500)
    )
    rule = Suppression(id="stopped", when="P-1.state == 0", alarms=tuple(spec.id for spec in many))
    line = Line((rule,), *many)
    line.tick((PUMP, 0.0), (FLOW, 1_000.0))
    assert line.words == ["SUPPRESS"] * 500


@pytest.mark.parametrize("at", list(Presentation))
def test_a_raise_calls_people_only_where_the_alarm_is_shown_and_is_written_in_every_state(
    at: Presentation,
) -> None:
    many = tuple(
        AlarmSpec(id=f"A{i}", slot=FLOW, tag="FT-1.flow", limit=5.0 + i, direction="below") for i in range(12)
    )
    ids = tuple(spec.id for spec in many)
    line = Line((Suppression(id="stopped", when="P-1.state == 0", alarms=ids),), *many)
    line.tick((PUMP, 0.0 if at is SUPPRESSED else 1.0), (FLOW, 100.0))
    hides = {SHELVED: ("shelve", "chattering", 600.0), OUT_OF_SERVICE: ("remove", "WO-7", 0.0)}
    if at in hides:
        action, why, seconds = hides[at]
        act = AlarmAct(action=action, occurrences=ids, comment=why, duration_s=seconds)  # type: ignore[arg-type]
        assert set(line.alarms.act(act, "eva", line.clock.now_ns(), is_engineer=True).results) == {""}
    line.tick((FLOW, 0.0))
    assert line.words.count("RAISE") == 12
    assert {line.shown(id_) for id_ in ids} == {at}
    assert (line.alarms.flood is not None) is (at is SHOWN)  # twelve calls are a flood
