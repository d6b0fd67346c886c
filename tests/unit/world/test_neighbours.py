"""An area without a world is told by the first area that has one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from armillary.alarms.system import area_alarm
from armillary.model.area import AreaSpec
from armillary.model.clock import NS
from armillary.world.neighbours import Neighbours

BEGAN = 100 * NS


class Plant:
    """Three areas; those in `alive` beat every second."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.alive = folder, {"a", "b", "c"}
        areas = [AreaSpec(name=n, title=n.upper(), sources=(), slots=np.zeros(0, np.uint32)) for n in "abc"]
        self.now, self.beats = BEGAN, 0
        self.seen = {name: Neighbours(folder, areas, name, BEGAN) for name in "abc"}

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += NS
            self.beats += 1
            for name in self.alive:
                path = self.folder / f"{name}.lease"
                path.touch()
                os.utime(path, ns=(self.beats * NS, self.beats * NS))
            for neighbours in self.seen.values():
                neighbours.troubles(self.now)

    def told(self, by: str) -> list[str]:
        return sorted(self.seen[by].troubles(self.now))


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def test_areas_that_live_are_not_told(plant: Plant) -> None:
    plant.wait(60)
    assert [plant.told(by) for by in "abc"] == [[], [], []]


def test_a_dead_area_is_told_once_by_the_first_that_lives_and_no_more_when_it_is_back(plant: Plant) -> None:
    plant.wait(60)
    plant.alive = {"a", "c"}
    plant.wait(4)
    assert plant.told("a") == []
    plant.wait(3)
    assert [plant.told(by) for by in "ac"] == [[area_alarm("b")], []]
    assert plant.seen["a"].troubles(plant.now)[area_alarm("b")] == "Area B has no world: its tags are stale"
    plant.alive = {"c"}
    plant.wait(7)
    assert plant.told("c") == [area_alarm("a"), area_alarm("b")]
    plant.alive = {"a", "b", "c"}
    plant.wait(2)
    assert plant.told("c") == []


def test_worlds_have_time_to_start_and_one_that_never_does_is_told(plant: Plant) -> None:
    (plant.folder / "b.lease").touch()  # of another day
    plant.alive = {"a", "c"}
    plant.wait(19)
    assert plant.told("a") == []
    plant.wait(8)
    assert plant.told("a") == [area_alarm("b")]


def test_a_project_without_areas_is_told_nothing(tmp_path: Path) -> None:
    assert Neighbours(tmp_path, (), "", BEGAN).troubles(BEGAN + 60 * NS) == {}
