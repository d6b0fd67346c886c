from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.world.test_gate import Bench, refused

from armillary.model.account import LoggedIn
from armillary.model.clock import ManualClock
from armillary.model.control import Kill
from armillary.model.fault import OrderFault
from armillary.security.audit import Audit, files
from armillary.world.acts import Acts
from armillary.world.killswitch import KillSwitch

ANNA = LoggedIn(user="anna", name="Anna Larsen", role="operator")
RAVI = LoggedIn(user="ravi", name="Ravi", role="engineer")


class Room:
    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, ManualClock()
        self.disarmed: list[str] = []
        self.audit = Audit(folder / "audit", world_kind="LIVE", now_ns=self.clock.now_ns())
        self.switch = KillSwitch(folder, "Europe/Oslo")
        self.acts = Acts(self.audit, self.clock, self.switch, self.disarmed.append)

    def kill(self, who: LoggedIn, stop: bool, reason: str = "") -> None:
        asyncio.run(self.acts.kill(who, Kill(stop=stop, reason=reason)))

    def records(self) -> list[tuple[str, str, str]]:
        self.audit.sync()
        lines = [line for path in files(self.folder / "audit") for line in path.read_text().splitlines()]
        return [(r["actor"], r["action"], r["reason"]) for r in map(json.loads, lines)]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.audit.close()


def test_a_stop_says_who_and_when_disarms_and_is_written_down(room: Room) -> None:
    room.kill(ANNA, True, "pipe burst")
    assert room.switch.why() == "Commands stopped by Anna Larsen at 17:06:40: pipe burst"
    assert room.disarmed == ["commands were stopped."]
    assert room.records() == [("anna", "commands.stopped", "pipe burst")]


def test_a_stop_outlives_the_world(room: Room, tmp_path: Path) -> None:
    room.kill(ANNA, True)
    assert KillSwitch(tmp_path, "Europe/Oslo").why() == "Commands stopped by Anna Larsen at 17:06:40."


def test_the_first_stop_stays_what_people_are_told(room: Room) -> None:
    room.kill(ANNA, True, "first")
    room.kill(RAVI, True, "second")
    assert "Anna Larsen" in room.switch.why()


def test_a_release_needs_a_reason_and_something_to_release(room: Room) -> None:
    with pytest.raises(OrderFault, match="not stopped"):
        room.kill(RAVI, False, "why not")
    room.kill(ANNA, True)
    with pytest.raises(OrderFault, match="with a reason"):
        room.kill(RAVI, False, "  ")
    assert room.switch.why()
    room.kill(RAVI, False, "pipe mended")
    assert room.switch.why() == ""
    assert room.records()[-1] == ("ravi", "commands.released", "pipe mended")


@pytest.mark.parametrize("content", [b"", b"schema = 9", b"\xff\xfe", b"by = 3\nat = 4"])
def test_any_file_of_the_name_stops_whoever_made_it(room: Room, content: bytes) -> None:
    room.switch.file.write_bytes(content)
    room.acts.look()
    assert "STOP_COMMANDS" in room.switch.why() or "by 3" in room.switch.why()
    assert room.disarmed == ["commands were stopped."]
    room.switch.file.unlink()
    room.acts.look()
    assert [action for _, action, _ in room.records()] == ["commands.stopped", "commands.released"]


def test_a_stop_holds_also_where_the_file_cannot_be_written(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("armillary.model.files.replace", full)
    with pytest.raises(OrderFault, match=r"stopped in this world only.*No space left"):
        room.kill(ANNA, True)
    assert room.switch.why()
    assert room.disarmed


def test_without_an_audit_the_switch_works_all_the_same(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path)
    acts = Acts(None, ManualClock(), switch, lambda why: None)
    asyncio.run(acts.kill(ANNA, Kill(stop=True)))
    assert switch.why()


def test_a_reason_cannot_write_other_keys_into_the_file(room: Room) -> None:
    room.kill(ANNA, True, 'a"\nby = "nobody')
    assert "by Anna Larsen" in KillSwitch(room.folder).why()


def test_a_stop_refuses_what_was_armed_before(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    order = bench.order(bench.arm())
    (tmp_path / "STOP_COMMANDS").touch()
    refused(bench.execute(order), "Commands stopped by the file STOP_COMMANDS at")
    assert bench.sink.writes == []
    bench.audit.close()
