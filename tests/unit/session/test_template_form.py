"""The form of a command template: what a field makes of the file, and whose signatures a change breaks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from armillary.cli.policy import sign_stops
from armillary.model.clock import WallClock
from armillary.model.fault import ProjectFault
from armillary.model.places import data
from armillary.project.command_edit import template_facts, template_ids, with_template
from armillary.session.template_form import changes_of, judged, texts_of


@pytest.fixture
def line(tmp_path: Path) -> Path:
    folder = tmp_path / "line"
    shutil.copytree(data("scenes/packaging-line"), folder, ignore=shutil.ignore_patterns(".armillary"))
    return folder


@pytest.mark.parametrize("scene", ["pumping-station", "packaging-line"])
def test_a_form_that_nobody_touched_changes_nothing(scene: str) -> None:
    text = (data("scenes") / scene / "commands.toml").read_text("utf-8")
    for id_ in template_ids(text):
        facts = template_facts(text, id_)
        assert with_template(text, id_, changes_of(texts_of(facts), facts)) == text


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ProjectFault, match="'much' is no number"):
        changes_of({**texts_of({}), "low": "much"})
    assert changes_of({**texts_of({}), "value": "0,5"})["value"] == 0.5


def test_signatures_that_a_change_breaks_are_said_before_it_is_saved(line: Path) -> None:
    people = (("ravi", "engineer"), ("anna", "operator"))
    assert sign_stops(line, people, WallClock().now_ns()) == ("halt_line_2",)
    text = (line / "commands.toml").read_text("utf-8")
    texts = texts_of(template_facts(text, "halt_c201"))
    fine = judged(line, text, "halt_c201", {**texts, "effect": "It stops."})
    assert (fine.why_not, fine.voided) == ("", ())
    for change in ({"preconditions": ""}, {"expression": "C-201.speed < 0.5"}, {"value": "0"}):
        (told,) = judged(line, text, "halt_c201", {**texts, **change}).voided
        assert "ravi and anna" in told
        assert "halt_line_2" in told


def test_a_template_that_a_loop_needs_is_not_lost_unseen(line: Path) -> None:
    text = (line / "commands.toml").read_text("utf-8")
    assert judged(line, text, "speed_c201", None).why_not == ""
    found = judged(line, text, "start_c201", None)
    assert "start_c201" in found.why_not, "an interlock names it"


def test_an_id_is_not_changed_and_not_given_twice(line: Path) -> None:
    text = (line / "commands.toml").read_text("utf-8")
    texts = texts_of(template_facts(text, "speed_c201"))
    assert "is not changed" in judged(line, text, "speed_c201", {**texts, "id": "other"}).why_not
    assert "already" in judged(line, text, "", texts).why_not
