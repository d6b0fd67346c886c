"""Training scenarios: what is read, and every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.project import lessons

TAGS = {"T-101.level", "TT-111.value", "P-101B.run", "V-101.position"}
GOOD = """schema = 1
kind = "training"
id = "pump-trip"
title = "Feed pump trip during sensor drift"
minutes = 25
seed = 4711
[simulator]
kind = "pumping-station"
[start]
steady_state = "day"
[[malfunction]]
id = "drift"
target = "tag:TT-111"
kind = "sensor.drift"
rate = 0.5
at_s = 120
[[malfunction]]
id = "trip"
target = "twin:P-101A"
kind = "equipment.trip"
when = "T-101.level < 40"
held_s = 5
[[expect]]
id = "start-b"
action = "command:P-101B.start"
after = "malfunction:trip"
ideal_s = 45
latest_s = 120
points = 45
[[expect]]
id = "valve"
must_not = "V-101.position > 80"
fail = true
[[limit]]
band = { tag = "T-101.level", low = 35, high = 75 }
points = 30
loss_per_s = 1.0
abort_below = 10
[score]
pass = 70
"""


def read(tmp_path: Path, text: str) -> lessons.Lesson:
    path = tmp_path / "scenarios" / "pump-trip.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return lessons.read(path, TAGS, {"hot"})


def test_the_example_of_the_specification_is_read_whole(tmp_path: Path) -> None:
    lesson = read(tmp_path, GOOD)
    assert [m.id for m in lesson.malfunctions] == ["drift", "trip"]
    assert lesson.malfunctions[0].target == "tag:TT-111.value", "a tag number means its value"
    assert lesson.malfunctions[1].held_s == 5
    assert lesson.expects[0].latest_s == 120
    assert lesson.expects[1].fail
    assert lesson.bands[0].abort_below == 10
    assert lesson.pass_mark == 70
    assert lesson.start.value == "day"


@pytest.mark.parametrize(
    ("wrong", "right", "line", "words"),
    [
        ("seed = 4711", "sead = 4711", 6, "Did you mean 'seed'?"),
        ('target = "tag:TT-111"', 'target = "tag:TT-112"', 13, "TT-111.value"),
        ('kind = "sensor.drift"', 'kind = "sensor.drifft"', 14, "sensor.drift"),
        ('when = "T-101.level < 40"', 'when = "T-101.level <"', 21, "cannot be read"),
        ('when = "T-101.level < 40"', 'when = "__import__(1)"', 21, "__import__"),
        ('after = "malfunction:trip"', 'after = "malfunction:trop"', 26, "malfunction:trip"),
        ('id = "trip"', 'id = "drift"', 18, "twice"),
        ('action = "command:P-101B.start"', 'action = "command:P-101C.start"', 25, "P-101B.run"),
        ("latest_s = 120", "latest_s = 12", 28, "Give a number"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, wrong: str, right: str, line: int, words: str
) -> None:
    with pytest.raises(ProjectFault) as caught:
        read(tmp_path, GOOD.replace(wrong, right, 1))
    said = f"{caught.value.where} {caught.value.what} {caught.value.remedy}"
    assert f"pump-trip.toml:{line}" in said
    assert words in said


def test_a_model_outside_the_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectFault, match="outside the project"):
        read(tmp_path, GOOD.replace('kind = "pumping-station"', 'kind = "fmu"\nfile = "../../x.fmu"'))


def test_lessons_are_found_by_id_and_named_when_not(tmp_path: Path) -> None:
    read(tmp_path, GOOD)
    (tmp_path / "scenarios" / "other.toml").write_text('schema = 1\nkind = "whatif"\n', "utf-8")
    assert lessons.find(tmp_path, "pump-trip").name == "pump-trip.toml"
    with pytest.raises(ProjectFault, match="pump-trip"):
        lessons.find(tmp_path, "pump-tripp")


@pytest.mark.parametrize(
    ("text", "tag", "value"),
    [
        ("P-101B.start", "P-101B.run", 1.0),
        ("P-101B.stop", "P-101B.run", 0.0),
        ("a.sp=2.5", "a.sp", 2.5),
        ("a.sp", "a.sp", None),
    ],
)
def test_a_command_names_its_tag_and_value(text: str, tag: str, value: float | None) -> None:
    assert lessons.command_of(text) == (tag, value)
