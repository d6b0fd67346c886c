"""Values by hand in a LIVE world: who may, until when, written down, and over a restart."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from armillary.model.account import LoggedIn
from armillary.model.clock import ManualClock
from armillary.model.fault import OrderFault
from armillary.model.quality import BAD, GOOD, MANUAL, SUBSTITUTED
from armillary.model.substitution import EndSubstitution, Substitute
from armillary.model.tags import TagSpec, TagTable
from armillary.project.substituted import FILE
from armillary.security.audit import Audit, files
from armillary.twin.held import Held
from armillary.world.acts import Acts
from armillary.world.killswitch import KillSwitch
from armillary.world.substitutes import Substitutes

ANNA = LoggedIn(user="anna", name="Anna Larsen", role="operator")
RAVI = LoggedIn(user="ravi", name="Ravi", role="engineer")
SPECS = (
    TagSpec(slot=0, name="T-1.level", link="l", unit="m", low=0.0, high=10.0),
    TagSpec(slot=1, name="V-1.open", link="l", kind="bool", states=((0.0, "closed"), (1.0, "open"))),
    TagSpec(slot=2, name="recipe", link="l", kind="text"),
)
HOUR_S = 3_600.0


class World:
    """The state of a world, and what people give by hand in it; made anew over the same folder."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.folder, self.clock, self.table = folder, clock, TagTable(len(SPECS))
        self.table.value[:2], self.table.quality[:2] = (2.5, 1.0), GOOD
        self.held = Held(len(SPECS), SPECS)
        self.audit = Audit(folder / "audit", world_kind="LIVE", now_ns=clock.now_ns())
        acts = Acts(self.audit, clock, KillSwitch(folder, "Europe/Oslo"), lambda _why: None)
        self.hand = Substitutes(
            SPECS,
            self.held,
            home=folder,
            clock=clock,
            zone="Europe/Oslo",
            table=self.table,
            acts=lambda: acts,
        )

    def again(self) -> World:
        """Return the world that is started after this one ended."""
        self.audit.close()
        return World(self.folder, self.clock)

    def give(self, tag: str = "T-1.level", value: float | None = 4.0, **more: object) -> None:
        asked = {"for_s": HOUR_S, "reason": "sensor out", "who": ANNA} | more
        who = asked.pop("who")
        assert isinstance(who, LoggedIn)
        self.hand.give(Substitute(tag=tag, value=value, **asked), who)  # type: ignore[arg-type]

    def tick(self) -> list[str]:
        """Return the texts of the events of a tick."""
        self.held.lift(self.table)
        self.held.lay(self.table, self.clock.now_ns(), self.clock.now_mono_ns())
        return [f"{e.source}: {e.text}" for e in self.hand.due(self.clock.now_mono_ns())]

    def shows(self, slot: int = 0) -> tuple[float, int]:
        return float(self.table.value[slot]), int(self.table.quality[slot])

    def written(self) -> list[tuple[str, str, str, str]]:
        self.audit.sync()
        lines = [line for path in files(self.folder / "audit") for line in path.read_text().splitlines()]
        return [(r["actor"], r["action"], r["object"], r["reason"]) for r in map(json.loads, lines)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, ManualClock())
    yield world
    world.audit.close()


def test_a_value_by_hand_names_who_gave_it_until_when_and_why(world: World) -> None:
    world.give()
    assert world.tick() == ["T-1.level: Anna Larsen gave it by hand: 4 m until 18:06 (sensor out)"]
    assert world.shows() == (4.0, SUBSTITUTED | MANUAL)
    assert world.table.why == {0: "by hand: Anna Larsen, until 18:06: sensor out"}
    assert world.written() == [("anna", "value.substitute", "T-1.level", "sensor out")]


def test_it_ends_by_itself_and_that_is_written_down(world: World) -> None:
    world.give(for_s=60.0)
    world.tick()
    world.clock.advance(59.0)
    assert world.tick() == []
    world.clock.advance(1.0)
    assert world.tick() == ["T-1.level: the value by hand of Anna Larsen is over: its time is over"]
    world.tick()
    assert world.shows() == (2.5, GOOD)
    assert [row[:3] for row in world.written()][1:] == [("world", "value.substitute.end", "T-1.level")]
    assert '"T-1.level"' not in (world.folder / FILE).read_text()


def test_somebody_else_may_end_it(world: World) -> None:
    world.give()
    world.tick()
    world.hand.end(EndSubstitution(tag="T-1.level", reason="sensor is back"), RAVI)
    assert world.tick() == ["T-1.level: the value by hand of Anna Larsen is over: Ravi ended it"]
    assert world.shows() == (2.5, GOOD)
    assert world.written()[-1] == ("ravi", "value.substitute.end", "T-1.level", "sensor is back")


def test_it_holds_over_a_restart_until_its_time(world: World) -> None:
    world.give()
    world.give("V-1.open", 0.0, for_s=60.0)
    world.clock.advance(120.0)
    again = world.again()
    assert again.tick() == ["V-1.open: Anna Larsen's value by hand ended while the world was away"]
    assert (again.shows(0), again.shows(1)) == ((4.0, SUBSTITUTED | MANUAL), (1.0, GOOD))
    again.clock.advance(HOUR_S - 120.0)
    assert "is over" in again.tick()[0]
    again.audit.close()


def test_a_tag_can_be_blocked_at_what_it_shows(world: World) -> None:
    world.give(value=None)
    world.tick()
    assert world.shows() == (2.5, SUBSTITUTED | MANUAL)
    assert world.written()[0][1] == "value.block"
    world.table.value[1], world.table.quality[1] = math.nan, BAD
    with pytest.raises(OrderFault, match="no value to be blocked at"):
        world.give("V-1.open", None)


def test_an_operator_gives_eight_hours_at_most_and_an_engineer_more(world: World) -> None:
    world.give(for_s=8 * HOUR_S)
    with pytest.raises(OrderFault, match="at most 8 h"):
        world.give(for_s=8 * HOUR_S + 1)
    world.give(for_s=48 * HOUR_S, who=RAVI)
    assert "until 2025-06-17 17:06" in world.tick()[-1]


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"reason": "  "}, "Say why"),
        ({"value": 11.0}, "outside the plausible range"),
        ({"value": math.nan}, "outside the plausible range"),
        ({"for_s": 0.0}, "at most"),
        ({"for_s": math.nan}, "at most"),
        ({"tag": "V-1.open", "value": 2.0}, "no state of V-1.open"),
        ({"tag": "recipe", "value": 1.0}, "holds no number"),
        ({"tag": "T-9"}, "no tag 'T-9'"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    world: World, wish: dict[str, object], why: str
) -> None:
    with pytest.raises(OrderFault, match=why):
        world.give(**wish)  # type: ignore[arg-type]
    assert world.tick() == []
    assert not world.written()


def test_what_cannot_be_written_down_is_not_given(world: World) -> None:
    (world.folder / FILE).mkdir()  # a folder stands where the file would
    with pytest.raises(OrderFault, match="could not be written down"):
        world.give()
    world.tick()
    assert world.shows() == (2.5, GOOD)


def test_a_file_that_cannot_be_read_is_told_and_holds_nothing(world: World) -> None:
    (world.folder / FILE).write_text("{")
    again = world.again()
    assert [p.what for p in again.hand.problems] == [
        "What was given by hand cannot be read: those tags show what the plant says."
    ]
    again.audit.close()


def test_ending_what_nobody_gave_is_refused_by_whom_it_is_substituted(world: World) -> None:
    with pytest.raises(OrderFault, match="by nobody here"):
        world.hand.end(EndSubstitution(tag="T-1.level"), ANNA)
    world.table.quality[0] = np.uint16(SUBSTITUTED | MANUAL)
    with pytest.raises(OrderFault, match="by the plant itself"):
        world.hand.end(EndSubstitution(tag="T-1.level"), ANNA)


def test_a_clock_that_is_set_makes_it_neither_longer_nor_shorter(world: World) -> None:
    world.give(for_s=60.0)
    world.tick()
    world.clock.advance(30.0)
    world.clock.jump(-3_600.0)
    assert world.tick() == []
    world.clock.advance(30.0)
    assert "is over" in world.tick()[0]
