"""Procedure files: every mistake is named with its line; what is edited keeps its comments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.model.procedure import Look, Procedure, ProcedureStep
from armillary.model.tags import TagSpec
from armillary.project import procedures
from armillary.project.procedures_edit import save, written

SPECS = {
    name: TagSpec(slot=slot, name=name, unit=unit)
    for slot, (name, unit) in enumerate([("V-101.position", "%"), ("FT-101.flow", "m³/h"), ("P.run", "")])
}
TEXT = """\
# how it is done
schema = 1
id = "change-bearing"   # never change this
title = "Change the bearing"
role = "operator"

# the valve first
[[step]]
id = "isolate"
text = "Close V-101 and lock it."   # a red lock
prim = "/Station/V101"
camera = "/Station/Cameras/V101"
until = "V-101.position < 2"
held_s = 5
confirm = true

[[step]]
id = "done"
text = "Tell the control room."
"""


def parsed(text: str = TEXT) -> Procedure:
    return procedures.parse(text, "a.toml", SPECS)


def codes(text: str, prims: list[str] | None = None, folder: Path | None = None) -> list[str]:
    assert folder is not None
    (folder / "procedures").mkdir(exist_ok=True)
    (folder / "procedures" / "a.toml").write_text(text, "utf-8")
    return [p.code for p in procedures.examine(folder, SPECS, prims)[1]]


def test_the_procedure_of_the_card_is_read() -> None:
    found = parsed()
    first, last = found.steps
    assert (found.id, found.role, found.origin) == ("change-bearing", "operator", "a.toml")
    assert (first.prims, first.until, first.held_s, first.confirm, first.skip) == (
        ("/Station/V101",),
        "V-101.position < 2",
        5.0,
        True,
        "engineer",
    )
    assert first.origin == "a.toml:8"
    assert last.needs_person, "without a condition only a person ends it"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('prim = "/Station/V101"', 'prim = "Station/V101"', "P90"),
        ('prim = "/Station/V101"', "prim = [1]", "P90"),
        ("V-101.position < 2", "V-102.position < 2", "P91"),
        ("V-101.position < 2", "1 < 2", "P91"),
        ("V-101.position < 2", "V-101.position < FT-101.flow", "P92"),
        ("held_s = 5", 'held_s = 5\nunit = "m"', "P92"),
        ('camera = "/Station/Cameras/V101"', "view = { position = [0,0,0], focus = [0,0,0] }", "P93"),
        ("held_s = 5", "held_s = -1", "P94"),
        ('until = "V-101.position < 2"', "", "P94"),
        ('id = "done"', 'id = "isolate"', "P94"),
        ('id = "done"', 'id = "Done!"', "P94"),
        ("Tell the control room.", "x" * 601, "P94"),
        ("confirm = true", "confirms = true", "P04"),
        ("schema = 1", "", "P03"),
        ("schema = 1", "schema = 1 1", "P01"),
    ],
)
def test_a_mistake_is_named_by_its_code(tmp_path: Path, old: str, new: str, code: str) -> None:
    assert codes(TEXT.replace(old, new), folder=tmp_path) == [code]


def test_the_unit_of_a_condition_may_be_said(tmp_path: Path) -> None:
    assert codes(TEXT.replace("held_s = 5", 'held_s = 5\nunit = "%"'), folder=tmp_path) == []


def test_all_mistakes_of_a_file_are_told_at_once_with_their_lines() -> None:
    text = TEXT.replace("V-101.position", "V-9").replace("held_s", "helds")
    with pytest.raises(ProjectFault, match=r"(?s)a.toml:13: 'V-9' is not known.*a.toml:14: The key 'helds'"):
        parsed(text)


def test_prims_and_cameras_that_the_scene_has_not_are_told(tmp_path: Path) -> None:
    assert codes(TEXT, ["/Station/V101", "/Station/Cameras/V101"], tmp_path) == []
    assert codes(TEXT, ["/Station/V_101"], tmp_path) == ["P90", "P93"]


def test_two_files_may_not_have_one_id(tmp_path: Path) -> None:
    assert codes(TEXT, folder=tmp_path) == []
    (tmp_path / "procedures" / "b.toml").write_text(TEXT, "utf-8")
    assert [p.code for p in procedures.examine(tmp_path, SPECS)[1]] == ["P94"]


def test_a_newer_file_is_read_and_never_written(tmp_path: Path) -> None:
    newer = TEXT.replace("schema = 1", "schema = 2") + 'sound = "bell"\n'
    assert codes(newer, folder=tmp_path) == ["P11"]
    with pytest.raises(ProjectFault, match="newer Armillary"):
        written(parsed(newer), newer)


def test_what_is_not_changed_is_not_touched() -> None:
    assert written(parsed(), TEXT) == TEXT


def test_a_changed_step_keeps_the_comments_of_all() -> None:
    was = parsed()
    now = replace(was, steps=(replace(was.steps[0], held_s=7.5, camera=""), was.steps[1]))
    text = written(now, TEXT)
    assert "# the valve first" in text
    assert "# a red lock" in text
    assert "camera" not in text
    assert parsed(text).steps[0].held_s == 7.5


def test_steps_are_added_moved_and_taken_out() -> None:
    was = parsed()
    view = Look(position=(1.0, 2.0, 3.0), focus=(0.0, 0.0, 0.5))
    new = ProcedureStep(id="open", text="Open it.", prims=("/A", "/B"), look=view, skip="nobody")
    text = written(replace(was, steps=(was.steps[1], new)), TEXT)
    assert "# how it is done" in text
    assert "# never change this" in text
    again = parsed(text)
    assert [step.id for step in again.steps] == ["done", "open"]
    assert (again.steps[1].prims, again.steps[1].look, again.steps[1].skip) == (("/A", "/B"), view, "nobody")


def test_a_new_procedure_reads_back_as_it_was() -> None:
    made = Procedure(id="new", title="New", steps=(ProcedureStep(id="one", text="Do it."),))
    again = parsed(written(made))
    assert (again.id, again.title, [s.text for s in again.steps]) == ("new", "New", ["Do it."])


def test_a_text_with_a_mistake_is_not_saved(tmp_path: Path) -> None:
    assert save(tmp_path, "a.toml", TEXT, SPECS).id == "change-bearing"
    with pytest.raises(ProjectFault, match="not known"):
        save(tmp_path, "a.toml", TEXT.replace("V-101", "V-9"), SPECS)
    assert (tmp_path / "procedures" / "a.toml").read_text("utf-8") == TEXT
    save(tmp_path, "a.toml", "", SPECS)
    assert procedures.procedures(tmp_path) == ()


def test_a_procedure_is_found_by_id_and_by_file(tmp_path: Path) -> None:
    save(tmp_path, "a.toml", TEXT, SPECS)
    assert procedures.find(tmp_path, "change-bearing") == procedures.find(tmp_path, "a.toml")
    with pytest.raises(ProjectFault, match="change-baering") as told:
        procedures.find(tmp_path, "change-baering")
    assert "change-bearing" in told.value.remedy
