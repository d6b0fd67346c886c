"""Units, ranges and alarm limits: written when the project stays whole, undone to the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.session.limits import change_alarm, change_tag
from armillary.session.undo import Undo

NOW = 1_700_000_000_000_000_000
TAG = {"address": "site!plant/level", "unit": "m", "range": [0, 4]}
RULES = """schema = 1

[[alarm]]  # of the tank
id = "full"
tag = "T-101.level"
kind = "level"
direction = "above"
limit = 3.5
priority = 2
consequence = "The yard floods."
operator_action = "Start the second pump."
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    projects.new(tmp_path / "p", "p")
    out = tmp_path / "p"
    toml = out / "project.toml"
    toml.write_text(
        toml.read_text() + '\n[[source]]\nname = "site"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1883"\n'
    )
    twins = {"schema": 1, "twins": [{"id": "T-101", "tags": {"level": TAG}}]}
    (out / "twins.json").write_text(json.dumps(twins, indent=1) + "\n")
    (out / "rules.toml").write_text(RULES)
    return out


def test_a_range_is_saved_and_undone_to_the_same_bytes(folder: Path) -> None:
    undo, before = Undo(), (folder / "twins.json").read_bytes()
    told = change_tag(folder, undo, "T-101.level", {"range": (0.0, 5.0), "unit": "m"}, NOW)
    assert "until it loads" in told
    assert projects.read(folder).specs[0].high == 5.0
    after = (folder / "twins.json").read_bytes()
    undo.undo()
    assert (folder / "twins.json").read_bytes() == before
    undo.redo()
    assert (folder / "twins.json").read_bytes() == after


def test_a_change_that_breaks_the_project_is_not_kept(folder: Path) -> None:
    undo, before = Undo(), (folder / "twins.json").read_bytes()
    with pytest.raises(ProjectFault, match="range"):
        change_tag(folder, undo, "T-101.level", {"range": (5.0, 1.0)}, NOW)
    assert (folder / "twins.json").read_bytes() == before
    assert undo.undoes == ""


def test_an_alarm_limit_is_changed_and_the_comment_stays(folder: Path) -> None:
    undo = Undo()
    change_alarm(folder, undo, "full", {"limit": 3.2}, NOW)
    assert projects.read(folder).alarms[0].limit == 3.2
    assert "# of the tank" in (folder / "rules.toml").read_text()
    undo.undo()
    assert (folder / "rules.toml").read_text() == RULES


def test_a_file_that_somebody_else_changed_is_not_overwritten_by_an_undo(folder: Path) -> None:
    undo, told = Undo(), []
    undo.told.connect(told.append)
    change_alarm(folder, undo, "full", {"limit": 3.2}, NOW)
    (folder / "rules.toml").write_text(RULES.replace("3.5", "3.9"))
    undo.undo()
    assert "somebody else" in told[0]
    assert projects.read(folder).alarms[0].limit == 3.9


def test_an_unknown_tag_and_key_are_refused(folder: Path) -> None:
    for name, changes in (("T-9.level", {"unit": "m"}), ("T-101.level", {"adress": "x"})):
        with pytest.raises(ProjectFault):
            change_tag(folder, Undo(), name, changes, NOW)
