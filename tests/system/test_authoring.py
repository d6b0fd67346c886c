"""Authoring on real processes: a server's node becomes a tag, drives a part, the world goes on with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import byhand
import pytest

from armillary.cli.cast import Cast
from armillary.cli.plant import RunningPlant, start_plant
from armillary.model.account import Login
from armillary.model.clock import WallClock
from armillary.model.fault import FaultRecord
from armillary.model.message import LoadProject
from armillary.project import folder as projects
from armillary.session import publishing
from armillary.session.publishing import Wish
from armillary.session.workspace import WorldState

PASSWORD: list[str] = []  # of the users of the plant, made with it
pytestmark = pytest.mark.system


class Desk(byhand.Desk):
    """One that may log in."""

    def open(self, project: Path | str, user: str = "") -> None:
        ws = self.workspace
        ws.open(str(project))
        self.until(lambda: ws.world_state is WorldState.LIVE and ws.scene is not None, 40, "scene and world")
        if user:
            told: list[FaultRecord | None] = []
            ws.people.login(user, PASSWORD[0], told.append)
            self.until(lambda: told, 20, "log-in")
            assert told == [None]


@pytest.fixture
def plant(own_places: Path, tmp_path: Path) -> Iterator[RunningPlant]:
    made = start_plant("pumping-station", tmp_path / "station")
    players = Cast()
    players.move_in(made.project, WallClock())
    PASSWORD[:] = [players.password]
    yield made
    made.stop()


@pytest.fixture
def desk(plant: RunningPlant) -> Iterator[Desk]:
    made = Desk()
    yield made
    made.workspace.close()


def test_the_world_loads_a_changed_project_on_the_same_line_and_who_is_logged_in_stays_so(
    plant: RunningPlant, desk: Desk
) -> None:
    ws = desk.workspace
    desk.open(plant.project, "ravi")
    assert ws.disk.why_not() == "The world runs the project as it is on disk."
    desk.until(lambda: desk.value("T-101.level") > 0, 20, "live values")
    ws.select((3,))
    twins = plant.project / "twins.json"
    text = twins.read_text("utf-8")
    twins.write_text(text.replace('"T-101"', '"T-101"', 1).replace('"schema": 1', '"schema":  1', 1), "utf-8")
    desk.until(lambda: ws.disk.differs, 20, "the change is seen")
    alarms = tuple(row.occurrence for row in ws.alarms.rows())
    seq = ws.mirror.seq
    ws.disk.load()
    desk.until(lambda: ws.mirror.seq < seq and ws.world_state is WorldState.LIVE, 10, "the world is back")
    desk.until(lambda: desk.value("T-101.level") > 0, 10, "live values again")
    assert ws.people.user == "ravi"
    assert ws.role == "engineer"
    assert ws.selection == (3,)
    assert set(alarms) <= {row.occurrence for row in ws.alarms.rows()}
    desk.until(lambda: not ws.disk.differs, 20, "the world runs what is on disk")


def test_an_operator_loads_for_all_what_was_published_and_nothing_else(
    plant: RunningPlant, desk: Desk
) -> None:
    ws = desk.workspace
    desk.open(plant.project, "ravi")
    other = Desk()
    try:
        other.open(ws.address, "anna")
        there, refused = other.workspace, list[object]()
        publishing.begin(projects.read(plant.project), WallClock(), "as it comes")
        rules = plant.project / "rules.toml"
        rules.write_text(rules.read_text("utf-8").replace("limit = 85.0", "limit = 84.0", 1), "utf-8")
        other.until(lambda: there.disk.differs, 20, "the change is seen on the connected desk")
        assert "may not load" in there.disk.why_not()
        there.ask_home(LoadProject(), refused.append, 20.0)  # past the desk: the world itself decides
        other.until(lambda: refused, 20, "the world's answer")
        assert isinstance(refused[0], FaultRecord)
        wish = Wish(people=(Login(user="ravi", password=PASSWORD[0]),), note="84 is enough")
        publishing.publish(projects.read(plant.project), wish, WallClock())
        other.until(lambda: there.disk.published is not None, 20, "the version is seen")
        assert there.disk.words == "New version 1.5.0, published by ravi: 84 is enough."
        level = other.value("T-101.level")
        there.disk.load()
        other.until(lambda: there.alarms.specs["TT-111-HH"].limit == 84.0, 20, "the new limit")
        desk.until(lambda: ws.alarms.specs["TT-111-HH"].limit == 84.0, 20, "on the first desk too")
        other.until(lambda: not there.disk.differs, 20, "the world runs what is on disk")
        other.until(lambda: other.value("T-101.level") > 0, 20, "live values again")
        assert level > 0
        assert there.project is not None
        assert there.project.version == "1.5.0"
    finally:
        other.workspace.close()


def test_a_project_with_a_mistake_is_refused_and_the_world_goes_on(plant: RunningPlant, desk: Desk) -> None:
    ws = desk.workspace
    desk.open(plant.project, "ravi")
    twins = plant.project / "twins.json"
    twins.write_text(twins.read_text("utf-8").replace('"unit"', '"umit"', 1), "utf-8")
    desk.until(lambda: ws.disk.differs, 20, "the change is seen")
    told: list[str] = []
    ws.disk.told.connect(told.append)
    ws.disk.load()
    desk.until(lambda: told, 10, "the refusal")
    assert "umit" in told[0]
    assert ws.world_state is WorldState.LIVE
