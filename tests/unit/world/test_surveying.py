"""What is remembered of servers' nodes, and what becomes drift of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.model.fault import FaultRecord
from armillary.model.link import BrowseItem, Survey
from armillary.model.tags import TagSpec
from armillary.project import nodes
from armillary.project.drift_accept import changes, may_accept, new_tag
from armillary.world.surveying import Surveying

LEVEL = TagSpec(slot=0, name="T-1.level", link="plc", address="nsu=urn:x;s=T1.Level", twin="T-1")


def node(name: str, **more: object) -> BrowseItem:
    known: dict[str, object] = {"has_children": False, "data_type": "Double", "value": "4.5", **more}
    return BrowseItem(address=f"nsu=urn:x;s=T1.{name}", name=name, **known)  # type: ignore[arg-type]


class Room:
    def __init__(self, folder: Path) -> None:
        self.folder, self.told = folder, list[FaultRecord]()
        self.says: dict[str, Survey] = {}
        self.surveying = self.made()

    def made(self) -> Surveying:
        return Surveying(
            self.folder, [LEVEL], lambda: self.says, lambda fault, _level: self.told.append(fault)
        )

    def say(self, *others: BrowseItem, moved: BrowseItem | None = None, left_out: int = 0) -> list[str]:
        """Say what a whole survey found; return what is told, as code and address."""
        self.says = {
            "plc": Survey(
                paths={LEVEL.address: "way"},
                moved={LEVEL.address: moved} if moved is not None else {},
                others={item.address: item for item in others},
                is_whole=True,
                left_out=left_out,
            )
        }
        return self.items()

    def items(self) -> list[str]:
        return [f"{item.code} {item.address.rpartition('.')[2]}" for item in self.surveying.items()]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / ".armillary")


def test_what_was_there_at_the_first_look_is_not_new(room: Room) -> None:
    assert room.say(node("Spare")) == []
    assert room.say(node("Spare"), node("Density")) == ["D01 Density"]
    assert room.items() == ["D01 Density"], "as long as it lasts"
    room.surveying = room.made()  # a world that is started anew
    assert room.say(node("Spare"), node("Density")) == ["D01 Density"]
    assert room.say(node("Spare")) == []


def test_what_went_and_comes_back_is_new(room: Room) -> None:
    room.say(node("Spare"))
    room.say()
    assert room.say(node("Spare")) == ["D01 Spare"]
    room.say(node("Spare"), left_out=3)
    assert room.surveying.left_out == 3


def test_a_link_that_is_down_says_nothing_new(room: Room) -> None:
    room.say(node("Spare"))
    assert room.say(node("Spare"), node("Density")) == ["D01 Density"]
    room.says = {"plc": Survey()}
    assert room.items() == ["D01 Density"]
    room.says = {}
    assert room.items() == ["D01 Density"]


def test_a_new_node_becomes_a_tag_of_its_kind(room: Room) -> None:
    room.say()
    made = node("Mode", data_type="Int32", states=((0.0, "Off"), (1.0, "On")), value="1")
    room.say(made, node("Running", data_type="Boolean"), node("Note", data_type="String"))
    kinds = {item.item.name: item.kind for item in room.surveying.items() if item.item is not None}
    assert kinds == {"Mode": "enum", "Running": "bool", "Note": "text"}
    mode = next(item for item in room.surveying.items() if item.item == made)
    tag = new_tag(mode, "T-1", "mode")
    assert (tag.address, tag.states) == ("plc!nsu=urn:x;s=T1.Mode", made.states)


def test_a_node_that_moved_is_offered_and_nothing_else_of_it(room: Room) -> None:
    room.say()
    assert room.say(node("NewLevel"), moved=node("NewLevel")) == ["D12 NewLevel"]
    [item] = room.surveying.items()
    assert (item.level, item.tag, item.what) == (
        "error",
        "T-1.level",
        "The node of T-1.level is gone, and another is in its place: use the new id?",
    )
    assert may_accept(item)
    assert changes(item, {}) == {"address": "plc!nsu=urn:x;s=T1.NewLevel"}
    room.says = {"plc": Survey(moved={LEVEL.address: node("Third")})}  # not whole yet: just connected
    assert room.items() == ["D12 Third"]


def test_a_browse_path_is_kept_for_the_address_that_it_was_of(room: Room) -> None:
    room.say()
    assert nodes.paths_of(room.folder, [LEVEL]) == {"T-1.level": "way"}
    other = TagSpec(slot=0, name="T-1.level", link="plc", address="nsu=urn:x;s=T1.NewLevel")
    assert nodes.paths_of(room.folder, [other]) == {}


def test_a_file_is_written_only_when_something_is_new(room: Room) -> None:
    room.say(node("Spare"))
    (room.folder / nodes.FILE).unlink()
    room.say(node("Spare"))
    assert not (room.folder / nodes.FILE).exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"schema": 9}', '{"schema": 1, "paths": {"a": 1}, "others": {}}']
)
def test_a_broken_file_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / nodes.FILE).write_text(text)
    assert nodes.read(tmp_path) == nodes.Nodes()


def test_a_folder_that_cannot_be_written_is_told(room: Room) -> None:
    room.folder.write_text("a file is in the way")
    room.say(node("Spare"))
    assert "cannot be written down" in room.told[0].what
