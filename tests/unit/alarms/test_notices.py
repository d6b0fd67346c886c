"""Who is told what, and when: filters, quiet times, escalation, groups, restarts. Nothing is sent here."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from armillary.alarms.notices import Facts, Notices, tells
from armillary.alarms.system import notify_alarms
from armillary.model.alarm import AlarmEvent, AlarmLevel, AlarmSpec, AlarmState, Hiding, ProcessState
from armillary.model.clock import NS, parse_iso
from armillary.model.notice import Notice, Quiet, Receiver
from armillary.model.tags import TagSpec

NOON = parse_iso("2026-03-12T12:00:00Z")
MIN = 60 * NS
FACTS = Facts(project="Plant", world="live-1", desk="armillary open /p")
NORM, UNACK, ACKED, RTNUN = ProcessState.NORM, ProcessState.UNACK, ProcessState.ACKED, ProcessState.RTNUN
TAG = TagSpec(slot=0, name="TT-212.value", unit="°C")


def spec(id_: str = "HOT", priority: int = 2, prim: str = "") -> AlarmSpec:
    return AlarmSpec(
        id=id_,
        slot=0,
        tag=TAG.name,
        title=f"Oven {id_}",
        limit=85.0,
        priority=priority,
        consequence="Scorched",
        operator_action="Halt line 2",
        time_to_respond_s=120.0,
        prim=prim,
        category="safety",
    )


def receiver(name: str = "duty", **given: object) -> Receiver:
    return Receiver(name=name, kind="webhook", url="https://call.example", **given)  # type: ignore[arg-type]


class Plant:
    """Some alarms and their notices, with a clock to turn."""

    def __init__(
        self, *receivers: Receiver, specs: tuple[AlarmSpec, ...] = (spec(),), tag: TagSpec = TAG
    ) -> None:
        self.specs = {one.id: one for one in specs}
        self.notices = Notices(receivers, specs, [tag], FACTS)
        self.now, self.mono, self.count = NOON, 1_000 * NS, 0
        self.state: dict[str, AlarmState] = {}

    def turn(self, ns: int) -> None:
        self.now, self.mono = self.now + ns, self.mono + ns
        self.notices.due(self.now, self.mono)

    def happen(
        self, id_: str, event: str, after: ProcessState, hiding: Hiding | None = None, priority: int = 0
    ) -> None:
        before = self.state.get(id_, AlarmState(id=id_))
        if event == "RAISE":
            self.count += 1
        name = f"{id_}#{self.count:x}" if event == "RAISE" else before.occurrence
        state = AlarmState(
            id=id_, process=after, occurrence=name, hiding=hiding, raised_ns=self.now, value=86.4, text="hot"
        )
        self.state[id_] = state
        told = AlarmEvent(
            id=id_,
            occurrence=name,
            event=event,
            before=before.process,
            after=after,
            t_ns=self.now,
            priority=priority or self.specs[id_].priority,
            value=86.4,
            text=f"{event.lower()} of {id_}",
            actor="anna" if event == "ACK" else "",
        )
        self.notices.note([state], [told], self.now, self.mono)

    def waiting(self, name: str = "duty") -> list[Notice]:
        return [notice for notice, _ in self.notices.outboxes[name].queue]

    def deliver(self, name: str = "duty") -> list[Notice]:
        box, out = self.notices.outboxes[name], []
        while (notice := box.next()) is not None:
            box.delivered(notice, self.now, self.mono)
            out.append(notice)
        return out


def test_raised_alarm_is_told_with_all_that_a_person_needs() -> None:
    plant = Plant(receiver())
    plant.happen("HOT", "RAISE", UNACK)
    (notice,) = plant.waiting()
    assert (notice.kind, notice.priority, notice.title) == ("raised", 2, "Oven HOT")
    assert (notice.value, notice.unit, notice.tag) == (86.4, "°C", "TT-212.value")
    assert (notice.consequence, notice.operator_action) == ("Scorched", "Halt line 2")
    assert (notice.occurrence, notice.link, notice.project) == ("HOT#1", "armillary open /p", "Plant")


def test_what_tells_of_a_person_leaves_without_value_and_words() -> None:
    to_boss = receiver("boss", only_escalated=True)
    plant = Plant(
        receiver(escalate_to="boss", escalate_s=60.0),
        to_boss,
        tag=replace(TAG, personal="direct", subject="badge 12"),
    )
    plant.happen("HOT", "RAISE", UNACK)
    plant.turn(2 * MIN)
    notices = [*plant.waiting(), *plant.waiting("boss")]
    assert [n.kind for n in notices] == ["raised", "escalated"]
    for notice in notices:
        assert math.isnan(notice.value)
        assert not {"hot", "raise of HOT"} & {notice.text, *notice.lines}
        assert "Oven HOT" in notice.text
    (standing,) = plant.notices.standings(to_boss)
    assert math.isnan(standing.value)
    assert standing.text == ""


def test_only_the_events_that_were_asked_for_are_told() -> None:
    plant = Plant(receiver(), receiver("all", events=("raised", "acknowledged", "cleared")))
    for event, after in (("RAISE", UNACK), ("ACK", ACKED), ("CLEAR", NORM)):
        plant.happen("HOT", event, after)
    assert [n.kind for n in plant.waiting()] == ["raised"]
    assert [n.kind for n in plant.waiting("all")] == ["raised", "acknowledged", "cleared"]
    assert plant.waiting("all")[1].actor == "anna"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"priority": 2}, True),
        ({"priority": 1}, False),
        ({"alarms": ("H*",)}, True),
        ({"alarms": ("C*",)}, False),
        ({"excepted": ("HOT",)}, False),
        ({"prims": ("/Plant/Oven",)}, True),
        ({"prims": ("/Plant/Ov",)}, False),
        ({"categories": ("safety",)}, True),
        ({"categories": ("quality",)}, False),
        ({"areas": ("north",)}, True),
        ({"areas": ("south",)}, False),
    ],
)
def test_receiver_is_told_of_the_alarms_it_asks_for(given: dict[str, object], told: bool) -> None:
    assert tells(receiver(**given), spec(prim="/Plant/Oven/Zone2"), "north") is told


def test_receiver_is_never_told_that_it_cannot_be_reached_itself() -> None:
    one, two = receiver("one"), receiver("two")
    (of_one, _) = notify_alarms([one, two])
    assert not tells(one, of_one)
    assert tells(two, of_one)


def test_hidden_alarm_is_not_told_and_comes_when_it_is_shown_again() -> None:
    plant = Plant(receiver())
    shelf = Hiding(until_ns=NOON + MIN, shelf_reason="known fault")
    plant.happen("HOT", "RAISE", UNACK, shelf)
    assert plant.waiting() == []
    plant.happen("HOT", "UNSHELVE", UNACK)
    assert [n.kind for n in plant.waiting()] == ["raised"]


def test_alarm_of_several_limits_is_told_by_the_priority_of_the_one_that_is_passed() -> None:
    high, highest = (
        AlarmLevel(name="H", limit=85.0, priority=3),
        AlarmLevel(name="HH", limit=95.0, priority=1),
    )
    plant = Plant(receiver(priority=1), specs=(replace(spec("HOT", 3), levels=(high, highest)),))
    plant.happen("HOT", "RAISE", UNACK)
    assert plant.waiting() == []
    plant.happen("HOT", "LEVEL-ROSE", UNACK, priority=1)
    assert [(n.kind, n.priority) for n in plant.waiting()] == [("raised", 1)]


def test_late_event_is_not_told() -> None:
    plant = Plant(receiver())
    late = AlarmEvent(
        id="HOT", occurrence="", event="RAISE", before=NORM, after=UNACK, t_ns=1, priority=2, late=True
    )
    plant.notices.begin([AlarmState(id="HOT", process=UNACK)])
    plant.notices.note([], [late], plant.now, plant.mono)
    assert plant.waiting() == []


# ---------------------------------------------------------------- quiet times


def quiet(**given: object) -> Receiver:
    return receiver(quiet=(Quiet(from_min=12 * 60, to_min=13 * 60),), **given)


def test_quiet_time_holds_back_until_its_end_and_tells_what_still_waits_then() -> None:
    plant = Plant(quiet(), specs=(spec("A"), spec("B"), spec("C")))
    for id_ in "ABC":
        plant.happen(id_, "RAISE", UNACK)
    plant.happen("B", "ACK", ACKED)
    plant.turn(59 * MIN)
    assert plant.waiting() == []
    plant.turn(MIN)
    (notice,) = plant.waiting()
    assert (notice.kind, notice.count) == ("group", 2)
    assert [line.split(":")[0] for line in notice.lines] == ["P2 Oven A", "P2 Oven C"]


def test_priority_1_breaks_through_a_quiet_time_unless_told_otherwise() -> None:
    plant = Plant(quiet(), specs=(spec("HOT", 1),))
    plant.happen("HOT", "RAISE", UNACK)
    assert len(plant.waiting()) == 1
    plant = Plant(quiet(breaks_through=0), specs=(spec("HOT", 1),))
    plant.happen("HOT", "RAISE", UNACK)
    assert plant.waiting() == []


# ---------------------------------------------------------------- escalation


def chain() -> tuple[Receiver, ...]:
    return (
        receiver("duty", escalate_to="boss", escalate_s=600.0),
        receiver("boss", escalate_to="chief", escalate_s=300.0, only_escalated=True, priority=1),
        receiver("chief", only_escalated=True),
    )


def test_unacknowledged_alarm_goes_to_the_next_receiver_and_on_from_there() -> None:
    plant = Plant(*chain())
    plant.happen("HOT", "RAISE", UNACK)
    plant.turn(600 * NS - 1)
    assert plant.waiting("boss") == []
    plant.turn(1)
    (notice,) = plant.waiting("boss")
    assert (notice.kind, notice.text) == ("escalated", "Not acknowledged for 10 min: hot")
    assert plant.waiting("chief") == []
    plant.turn(300 * NS)
    assert [n.text for n in plant.waiting("chief")] == ["Not acknowledged for 15 min: hot"]


def test_acknowledge_stops_the_escalation() -> None:
    plant = Plant(*chain())
    plant.happen("HOT", "RAISE", UNACK)
    plant.turn(5 * MIN)
    plant.happen("HOT", "ACK", ACKED)
    plant.turn(30 * MIN)
    assert plant.waiting("boss") == plant.waiting("chief") == []


def test_alarm_that_returned_and_nobody_saw_is_escalated_all_the_same() -> None:
    plant = Plant(*chain())
    plant.happen("HOT", "RAISE", UNACK)
    plant.happen("HOT", "CLEAR", RTNUN)
    plant.turn(10 * MIN)
    assert "returned to normal meanwhile" in plant.waiting("boss")[0].text


def test_new_occurrence_is_escalated_by_its_own_time() -> None:
    plant = Plant(*chain())
    plant.happen("HOT", "RAISE", UNACK)
    plant.turn(8 * MIN)
    plant.happen("HOT", "RAISE", UNACK)
    plant.turn(2 * MIN)
    assert plant.waiting("boss") == []
    plant.turn(8 * MIN)
    assert len(plant.waiting("boss")) == 1


# ---------------------------------------------------------------- floods and rates


def flood(plant: Plant, every_ns: int) -> None:
    for id_ in plant.specs:
        plant.happen(id_, "RAISE", UNACK)
        plant.turn(every_ns)


def test_flood_is_told_as_one_notice_with_the_most_urgent_above() -> None:
    specs = tuple(spec(f"A{i:02}", 2 if i == 30 else 3) for i in range(47))
    plant = Plant(receiver(group_over=10), specs=specs)
    flood(plant, NS)
    assert [n.kind for n in plant.deliver()] == ["raised"] * 10
    plant.turn(60 * NS)
    (notice,) = plant.deliver()
    assert (notice.title, notice.count) == ("37 alarms in 2 min", 37)
    assert notice.lines[0].startswith("P2 Oven A30")
    assert notice.lines[-1] == "… and 17 more"


def test_priority_1_is_told_alone_in_a_flood() -> None:
    specs = (*(spec(f"A{i:02}", 3) for i in range(20)), spec("FIRE", 1))
    plant = Plant(receiver(group_over=5), specs=specs)
    flood(plant, NS)
    assert [n.alarm for n in plant.waiting()] == ["A00", "A01", "A02", "A03", "A04", "FIRE"]


def test_no_more_messages_leave_in_an_hour_than_may_but_groups() -> None:
    specs = tuple(spec(f"A{i:03}", 1) for i in range(100))
    plant = Plant(receiver(per_hour=20), specs=specs)
    flood(plant, NS // 10)
    plant.turn(60 * NS)
    told = plant.deliver()
    assert [n.kind for n in told] == ["raised"] * 20 + ["group"]
    assert told[-1].count == 80


# ---------------------------------------------------------------- trouble and restarts


def test_receiver_that_gets_nothing_is_an_alarm_until_it_does() -> None:
    plant = Plant(receiver(undelivered_s=600.0))
    plant.happen("HOT", "RAISE", UNACK)
    plant.notices.outboxes["duty"].trouble = "Nothing listens at the address."
    plant.turn(600 * NS)
    assert plant.notices.troubles(plant.mono) == {}
    plant.turn(NS)
    text = "webhook duty has not delivered for 10 min · a notice waits: Nothing listens at the address."
    assert plant.notices.troubles(plant.mono) == {"system:notify:duty": text}
    plant.deliver()
    assert plant.notices.troubles(plant.mono) == {}


def test_restart_goes_on_with_what_waited_and_with_escalations() -> None:
    plant = Plant(*chain())
    plant.happen("HOT", "RAISE", UNACK)
    plant.turn(4 * MIN)
    kept = json.loads(json.dumps(plant.notices.dump(plant.now, plant.mono)))

    after = Plant(*chain())
    after.now, after.mono = plant.now + MIN, 5 * NS  # a minute later, in another process
    after.notices.begin(plant.state.values())
    after.notices.load(kept, after.now, after.mono)
    assert [n.id for n in after.waiting()] == [n.id for n in plant.waiting()]
    after.turn(5 * MIN)
    assert len(after.waiting("boss")) == 1
    assert after.notices.outboxes["duty"].balanced


def test_what_waited_for_a_day_is_not_sent_any_more_but_counted() -> None:
    plant = Plant(receiver())
    plant.happen("HOT", "RAISE", UNACK)
    kept = plant.notices.dump(plant.now, plant.mono)
    after = Plant(receiver())
    after.notices.load(kept, plant.now + 25 * 60 * MIN, 0)
    box = after.notices.outboxes["duty"]
    assert (after.waiting(), dict(box.dropped), box.balanced) == ([], {"expired": 1}, True)


@pytest.mark.parametrize("kept", [{}, {"schema": 9}, {"schema": 1, "receivers": {"duty": 3}}, []])
def test_file_of_another_form_changes_nothing(kept: object) -> None:
    plant = Plant(receiver())
    plant.happen("HOT", "RAISE", UNACK)
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        plant.notices.load(kept, plant.now, plant.mono)  # type: ignore[arg-type]
    assert len(plant.waiting()) == 1


def test_site_can_give_an_address_of_its_own_for_each_alarm() -> None:
    plant = Plant(receiver(link="https://wiki.example/{id}?tag={tag}"))
    plant.happen("HOT", "RAISE", UNACK)
    assert plant.waiting()[0].link == "https://wiki.example/HOT?tag=TT-212.value"


def test_standings_are_those_of_the_receivers_alarms() -> None:
    one = receiver(alarms=("A",))
    plant = Plant(one, specs=(spec("A"), spec("B")))
    plant.happen("A", "RAISE", UNACK)
    plant.happen("B", "RAISE", UNACK)
    (standing,) = plant.notices.standings(one)
    assert (standing.id, standing.state, standing.unacknowledged) == ("A", "UNACK", True)
    assert plant.notices.standings(one, ["B"]) == ()
