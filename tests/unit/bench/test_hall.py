"""The hall of boxes that benches use is a good project, and its scene and bindings are what they say."""

from __future__ import annotations

from pathlib import Path

from pxr import Sdf

from armillary.model.message import OpenScene
from armillary.project import folder as projects
from armillary.scene.child import SceneServer
from armillary_bench import hall

BOXES = 120


def test_the_hall_is_a_project_without_a_problem_and_has_a_tag_for_each_box(tmp_path: Path) -> None:
    project = projects.read(hall.write_project(tmp_path / "hall", BOXES, 1883))
    assert project.problems == ()
    assert [spec.name for spec in project.specs] == [hall.tag_name(box) for box in range(BOXES)]
    assert [link.name for link in project.links] == [hall.LINK]


def test_a_hall_may_have_alarms_of_which_some_stand_at_any_value_and_times_in_its_payloads(
    tmp_path: Path,
) -> None:
    project = projects.read(hall.write_project(tmp_path / "hall", BOXES, 1883, alarms=BOXES, timed=True))
    assert project.problems == ()
    assert [spec.id for spec in project.alarms] == [hall.alarm_name(box) for box in range(BOXES)]
    assert sum(spec.limit < 0 for spec in project.alarms) == hall.RAISED
    assert all(spec.limit > 1 or spec.limit < 0 for spec in project.alarms)  # values are 0 … 1
    assert {spec.time_path for spec in project.specs} == {"$.t"}


def test_every_box_is_drawn_and_bound_to_its_own_tag(tmp_path: Path) -> None:
    project = projects.read(hall.write_project(tmp_path / "hall", BOXES, 1883))
    request = project.scene_request(str(tmp_path / "cache"))
    assert isinstance(request, OpenScene)
    opened = SceneServer().answer(request)
    assert opened.problems == ()
    assert sorted(b.signal for b in opened.bindings) == sorted(hall.tag_name(box) for box in range(BOXES))
    for binding in opened.bindings:
        assert binding.prim.rpartition("_")[2] == binding.signal.rpartition("box")[2]


def test_a_last_row_that_is_not_full_is_written_too() -> None:
    layer = Sdf.Layer.CreateAnonymous(".usda")
    assert layer.ImportFromString(hall.scene_text(51))
    assert layer.GetPrimAtPath("/Hall/Row_1/Box_50")
    assert not layer.GetPrimAtPath("/Hall/Row_1/Box_51")
