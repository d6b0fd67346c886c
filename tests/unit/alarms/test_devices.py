"""Devices that fall silent: one alarm each, one for many, none beside that of their link."""

from __future__ import annotations

import numpy as np
from tests.unit.alarms.test_kinds import ACKED, NORM, UNACK, Plant

from armillary.alarms.devices import DeviceWatch, device_alarms
from armillary.alarms.evaluate import Evaluator
from armillary.alarms.links import link_alarms
from armillary.model.alarm import AlarmAct, AlarmEvent, AlarmSpec, Presentation
from armillary.model.link import LinkSpec
from armillary.model.quality import BAD, COMM, GOOD, STALE
from armillary.model.tags import TagSpec, TagTable

LINK = LinkSpec(name="hall", kind="mqtt", url="mqtt://127.0.0.1")
MANY = "link:hall:devices"


def tags_of(devices: int, each: int = 3, alone: int = 1) -> tuple[TagSpec, ...]:
    """Return the tags of devices d0, d1, …, then some that no device brings."""
    brought = [
        TagSpec(slot=d * each + k, name=f"d{d}.v{k}", link="hall", device=f"d{d}", twin=f"d{d}")
        for d in range(devices)
        for k in range(each)
    ]
    first = len(brought)
    return (*brought, *(TagSpec(slot=first + i, name=f"t{i}", link="hall") for i in range(alone)))


class Hall(Plant):
    """The plant of `test_kinds`, its tags brought by devices; all have spoken and their mercy is over."""

    def __init__(self, devices: int = 8, each: int = 3, asked: tuple[AlarmSpec, ...] = ()) -> None:
        super().__init__()
        self.tags = tags_of(devices, each)
        self.devices, self.each = devices, each
        self.table = TagTable(len(self.tags))
        self.alarms = Evaluator((*asked, *link_alarms([LINK], self.tags)), self.tags)
        self.speak(*range(devices)).rest(1)

    def slots(self, *devices: int) -> list[int]:
        return [d * self.each + k for d in devices for k in range(self.each)]

    def speak(self, *devices: int) -> Hall:
        last = len(self.tags) - 1
        self.tick(*((slot, 1.0) for slot in (*self.slots(*devices), last)))
        self.table.alive_mono_ns[[*self.slots(*devices), last]] = self.clock.now_mono_ns()
        return self

    def fall(self, *devices: int) -> Hall:
        self.table.quality[self.slots(*devices)] = STALE | COMM
        return self

    def rest(self, seconds: float) -> Hall:
        for _ in range(int(seconds * 2)):
            self.tick(after_s=0.5)
        return self

    def raised(self) -> list[str]:
        return [event.id for event in self.events if event.event == "RAISE"]

    def told(self, id_: str) -> AlarmEvent:
        return next(e for e in self.events if e.event == "RAISE" and e.id == id_)


def test_a_device_that_falls_silent_is_one_alarm_that_counts_its_tags() -> None:
    hall = Hall().fall(2).rest(4)
    assert hall.raised() == []
    hall.rest(2)
    assert hall.raised() == ["link:hall:device:d2"]
    assert hall.told("link:hall:device:d2").text == "d2 silent for 6 s · 3 tags stale"
    assert hall.told("link:hall:device:d2").priority == 3
    hall.speak(2).rest(1)
    assert hall.state("link:hall:device:d2").process is not UNACK
    assert hall.words == ["RAISE", "CLEAR"]


def test_a_device_with_one_tag_that_still_comes_is_not_silent() -> None:
    hall = Hall()
    hall.table.quality[hall.slots(2)[:2]] = STALE | COMM
    assert hall.rest(30).raised() == []


def test_broken_sensors_are_not_a_silent_device() -> None:
    hall = Hall()
    hall.table.quality[hall.slots(2)] = BAD
    assert hall.rest(30).raised() == []


def test_a_device_that_never_spoke_is_not_silent() -> None:
    hall = Hall()
    hall.table.quality[hall.slots(2)] = TagTable(1).quality[0]
    assert hall.rest(120).raised() == []


def test_the_quality_alarms_of_its_tags_are_hidden_and_those_of_others_are_not() -> None:
    tags = tags_of(8)
    asked = tuple(
        AlarmSpec(id=f"Q{slot}", slot=slot, tag=tags[slot].name, kind="quality", on_delay_s=10.0)
        for slot in (6, 7, 9)
    )
    hall = Hall(asked=asked).fall(2)
    hall.table.quality[9] = STALE
    hall.rest(15)
    hiding = {id_: hall.state(id_).presentation for id_ in ("Q6", "Q7", "Q9")}
    assert hiding == {
        "Q6": Presentation.SUPPRESSED, "Q7": Presentation.SUPPRESSED, "Q9": Presentation.SHOWN,
    }  # fmt: skip
    assert hall.state("Q6").hiding is not None
    assert hall.state("Q6").hiding.rule == "link:hall:device:d2"
    assert hall.state("Q9").process is UNACK
    hall.speak(2).rest(8)
    assert hall.state("Q6").presentation is Presentation.SHOWN


def test_many_devices_that_fall_silent_at_once_are_one_alarm_of_their_link() -> None:
    hall = Hall().fall(0, 1, 2, 3, 4, 5).rest(30)
    assert hall.raised() == [MANY]
    text = hall.told(MANY).text
    assert text == "6 of 8 devices of hall silent for 6 s · 18 tags stale: d0, d1, d2 …"
    assert hall.told(MANY).priority == 2
    hall.speak(0, 1, 2, 3, 4, 5).rest(1)
    assert hall.state(MANY).process is not UNACK


def test_the_quality_alarms_below_many_silent_devices_are_hidden_and_those_of_the_others_are_not() -> None:
    tags = tags_of(8)
    asked = tuple(
        AlarmSpec(id=f"Q{slot}", slot=slot, tag=tags[slot].name, kind="quality", on_delay_s=10.0)
        for slot in (0, 21)
    )
    hall = Hall(asked=asked).fall(0, 1, 2, 3)
    hall.table.quality[21] = STALE
    hall.rest(15)
    assert hall.raised() == [MANY, "Q0", "Q21"]  # Q0 is written and bothers nobody
    assert hall.state("Q0").hiding is not None
    assert hall.state("Q0").hiding.rule == MANY
    assert hall.state("Q21").presentation is Presentation.SHOWN


def test_what_falls_silent_while_many_are_is_one_of_them() -> None:
    hall = Hall().fall(0, 1, 2).rest(20).fall(5).rest(20)
    assert hall.raised() == [MANY]
    assert "4 of 8" in hall.alarms._devices.text(_row(hall, MANY), hall.table, hall.clock.now_mono_ns())


def test_those_that_do_not_come_back_with_the_others_stand_alone() -> None:
    hall = Hall().fall(0, 1, 2, 3).rest(20).speak(0, 1, 2).rest(12)
    assert hall.raised() == [MANY, "link:hall:device:d3"]
    assert hall.state(MANY).process is not UNACK
    assert hall.state("link:hall:device:d3").process is UNACK


def test_two_devices_one_after_another_are_two_alarms() -> None:
    hall = Hall().fall(0).rest(10).fall(1).rest(10)
    assert hall.raised() == ["link:hall:device:d0", "link:hall:device:d1"]


def test_a_silent_link_is_its_own_alarm_and_no_devices() -> None:
    hall = Hall()
    hall.table.quality[:] = STALE | COMM
    assert hall.rest(60).raised() == ["link:hall"]


def test_devices_have_time_to_speak_after_their_link_came_back() -> None:
    hall = Hall()
    hall.table.quality[:] = STALE | COMM
    hall.rest(30).speak(*range(7)).rest(8)
    assert hall.raised() == ["link:hall"]
    assert hall.rest(12).raised() == ["link:hall", "link:hall:device:d7"]


def test_a_link_that_falls_silent_says_nothing_of_a_device_that_was_silent_before() -> None:
    hall = Hall().fall(2).rest(10)
    occurrence = hall.state("link:hall:device:d2").occurrence
    hall.alarms.act(AlarmAct(action="ack", occurrences=(occurrence,)), "eva", hall.clock.now_ns())
    hall.table.quality[:] = STALE | COMM
    hall.rest(30)
    assert hall.state("link:hall:device:d2").process is ACKED
    assert hall.raised() == ["link:hall:device:d2", "link:hall"]


def test_a_device_that_spoke_between_two_looks_has_spoken() -> None:
    hall = Hall()
    hall.table.quality[:] = STALE | COMM
    hall.rest(20)
    hall.table.quality[hall.slots(*range(7))] = GOOD
    hall.tick(after_s=0.5)  # the link is back
    hall.table.alive_mono_ns[hall.slots(7)] = hall.clock.now_mono_ns() + 1  # a word, and away again
    assert hall.rest(7).raised() == ["link:hall", "link:hall:device:d7"]


def test_a_restart_keeps_what_stood_and_clears_what_speaks_again() -> None:
    hall = Hall().fall(2).rest(10)
    again = Hall()
    again.alarms.restore(hall.alarms.states(), again.clock.now_ns())
    again.fall(2).rest(30)
    assert again.state("link:hall:device:d2").process is UNACK
    again.speak(2).rest(1)
    assert again.state("link:hall:device:d2").process is not UNACK


def test_what_was_frozen_goes_on_as_it_was() -> None:
    hall = Hall().fall(0, 1, 2, 3).rest(20)
    held = hall.alarms.freeze()
    hall.speak(0, 1, 2, 3).rest(5)
    hall.alarms.thaw(held)
    assert int(hall.alarms._devices.joined.sum()) == 4


def test_an_asset_with_two_hearts_is_two_devices() -> None:
    tags = (
        TagSpec(slot=0, name="p.a", link="hall", device="p", heartbeat="a/beat"),
        TagSpec(slot=1, name="p.b", link="hall", device="p", heartbeat="b/beat"),
    )
    assert [s.id for s in device_alarms([LINK], tags)] == ["link:hall:device:p", "link:hall:device:p~2"]


def test_tags_without_a_device_have_no_such_alarm() -> None:
    tags = (TagSpec(slot=0, name="a", link="hall"), TagSpec(slot=1, name="b", device="d"))
    assert device_alarms([LINK], tags) == ()


def test_ten_thousand_devices_are_looked_at_as_arrays() -> None:
    tags = tags_of(10_000, 4)
    specs = link_alarms([LINK], tags)
    watch, table = DeviceWatch(specs, tags), TagTable(len(tags))
    table.quality[:] = GOOD
    table.alive_mono_ns[:] = 1
    now = 10**9
    assert watch.look(table, frozenset(), now) is not None
    table.quality[: 4 * 3_000] = STALE | COMM
    found = watch.look(table, frozenset(), now + 20 * 10**9)
    assert found is not None
    rows, holds, ends = found
    assert int(watch.joined.sum()) == 3_000
    assert [specs[row].id for row in rows[holds].tolist()] == [MANY]
    assert int(ends.sum()) == 7_000
    assert bool(np.all(holds & ends == 0))


def _row(hall: Hall, id_: str) -> int:
    return next(i for i, spec in enumerate(hall.alarms.specs) if spec.id == id_)


def test_a_normal_device_is_normal() -> None:
    assert Hall().state("link:hall:device:d0").process is NORM
