"""Operator positions: whose alarms are whose; floods and shelves of each are its own."""

from __future__ import annotations

import numpy as np
from tests.unit.alarms.test_kinds import Plant

from armillary.alarms.evaluate import Evaluator
from armillary.alarms.positions import members
from armillary.alarms.presentation import FULL
from armillary.model.alarm import AlarmAct, AlarmSpec
from armillary.model.area import AreaSpec
from armillary.model.clock import NS
from armillary.model.position import PositionSpec
from armillary.model.tags import TagSpec, TagTable
from armillary.model.twin import Relationship

NORTH, SOUTH = PositionSpec(name="north", areas=("n",)), PositionSpec(name="south", assets=("LINE-2",))
TAGS = (
    TagSpec(slot=0, name="P-1.flow", link="a", twin="P-1"),
    TagSpec(slot=1, name="P-2.flow", link="b", twin="P-2"),
    TagSpec(slot=2, name="X.flow", link="b", twin="X"),
)
AREAS = (
    AreaSpec(name="n", sources=("a",), slots=np.array([0], np.uint32)),
    AreaSpec(name="s", sources=("b",), slots=np.array([1, 2], np.uint32)),
)
PARTS = (
    Relationship(source="P-2", name="isPartOf", target="CELL"),
    Relationship(source="CELL", name="isPartOf", target="LINE-2"),
)


def of(*specs: AlarmSpec) -> dict[str, set[str]]:
    found = members((NORTH, SOUTH), specs, TAGS, AREAS, PARTS)
    return {name: set(ids) for name, ids in found.items()}


def test_an_alarm_belongs_to_the_area_and_to_the_asset_of_its_tag_however_deep() -> None:
    specs = [AlarmSpec(id=f"A{slot}", slot=slot, tag=TAGS[slot].name) for slot in range(3)]
    assert of(*specs) == {"north": {"A0"}, "south": {"A1"}}  # nobody answers for A2


def test_a_link_belongs_to_all_who_see_its_tags_and_a_full_disk_to_everybody() -> None:
    def told(id_: str, at_slot: int = -1) -> AlarmSpec:
        return AlarmSpec(id=id_, slot=-1, tag="", kind="link", at_slot=at_slot)

    found = of(told("link:a"), told("link:b"), told("link:b:device:P-2", 1), told("system:disk-low"))
    assert found["north"] == {"link:a", "system:disk-low"}
    assert found["south"] == {"link:b", "link:b:device:P-2", "system:disk-low"}


def test_without_positions_there_are_none() -> None:
    assert members((), [AlarmSpec(id="A", slot=0, tag="P-1.flow")], TAGS, AREAS, PARTS) == {}


class Hall(Plant):
    """Thirty alarms of two positions, and three of none; each on a tag of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.tags = tuple(TagSpec(slot=i, name=f"t{i}") for i in range(63))
        specs = tuple(AlarmSpec(id=f"A{i}", slot=i, tag=f"t{i}", limit=5.0) for i in range(63))
        own = {"north": {f"A{i}" for i in range(30)}, "south": {f"A{i}" for i in range(30, 60)}}
        self.table = TagTable(63)
        self.alarms = Evaluator(specs, self.tags, positions=own)

    def raises(self, *rows: int) -> Hall:
        self.tick(*((row, 9.0) for row in rows))
        return self

    def shelve(self, *rows: int) -> list[str]:
        act = AlarmAct(
            action="shelve",
            occurrences=tuple(f"A{row}" for row in rows),
            comment="known fault",
            duration_s=600.0,
        )
        return list(self.alarms.act(act, "anna", self.clock.now_ns()).results)

    @property
    def floods(self) -> dict[str, int]:
        return {flood.position: flood.count for flood in self.alarms.floods}


def test_a_flood_is_of_the_position_whose_alarms_come() -> None:
    hall = Hall().raises(*range(10)).raises(*range(30, 36))
    assert hall.floods == {}  # sixteen in all, and at nobody more than ten
    hall.raises(10)
    assert hall.floods == {"north": 11}
    assert [e.text for e in hall.events if e.event == "FLOOD-BEGIN"] == ["alarm flood at north: 11 in 10 min"]
    hall.raises(*range(36, 42))
    assert hall.floods == {"north": 11, "south": 12}


def test_a_flood_of_one_position_ends_by_itself() -> None:
    hall = Hall().raises(*range(11))
    hall.tick(after_s=300.0)
    hall.raises(*range(30, 41))
    hall.tick(after_s=301.0)
    assert hall.floods == {"south": 11}
    ended = [e.text for e in hall.events if e.event == "FLOOD-END"]
    assert ended == ["the alarm flood at north is over after 10 min"]


def test_what_nobody_answers_for_makes_no_flood_at_a_position() -> None:
    assert Hall().raises(60, 61, 62).floods == {}


def test_each_position_has_twenty_places_on_its_shelf() -> None:
    hall = Hall()
    assert set(hall.shelve(*range(20))) == {""}
    assert hall.shelve(20) == [FULL]
    assert set(hall.shelve(*range(30, 50))) == {""}
    assert hall.shelve(51) == [FULL]


def test_one_position_for_all_is_as_it_was() -> None:
    hall = Hall()
    hall.alarms = Evaluator(hall.alarms.specs, hall.tags)
    hall.raises(*range(5), *range(30, 36))
    assert hall.floods == {"": 11}
    assert [e.text for e in hall.events if e.event == "FLOOD-BEGIN"] == ["alarm flood: 11 in 10 min"]


def test_the_flood_of_each_position_goes_on_after_a_kill() -> None:
    hall = Hall().raises(*range(11)).raises(*range(30, 35))
    kept, now = hall.alarms.saved(hall.clock.now_mono_ns()), hall.clock.now_mono_ns()
    after = Hall()
    after.alarms.go_on(kept, 5 * NS, now + 5 * NS)
    assert after.floods == {"north": 11}
    later = {each.position: each for each in after.alarms._all._floods}
    assert later["south"].progress(now + 5 * NS) == (0, (5 * NS,) * 5)
