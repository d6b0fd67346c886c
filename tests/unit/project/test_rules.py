"""rules.toml: what is read, what is refused and where, and how one alarm is edited."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.project.rules import with_alarm

PROJECT = """
[project]
schema = 1
id = "x"
name = "Plant"
[[source]]
name = "plc"
kind = "opcua"
url = "opc.tcp://127.0.0.1:4840"
"""
TWINS = """{"schema": 1, "twins": [
 {"id": "TT-212", "tags": {"value": {"address": "plc!ns=1;i=1", "unit": "°C", "range": [0, 150]}}},
 {"id": "P-1", "tags": {"state": {"address": "plc!ns=1;i=2", "states": {"0": "off", "2": "tripped"}}}}
]}"""
FOUNDING = """# what must not be lost
[[alarm]]
id = "O210-Z2-HTT"
tag = "TT-212"                # alone it means TT-212.value
kind = "count"
limit = 85.0
direction = "above"
count = 5                     # five readings in sequence
deadband = 1.0
priority = 1
latching = true
action = "halt_line_2"
consequence = "Product scorched; belt fire above 110 °C"
operator_action = "Halt line 2, open the damper, check burner BV-212"
time_to_respond_s = 120
"""
SAID = 'consequence = "c"\noperator_action = "o"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project.toml").write_text(PROJECT, "utf-8")
    (tmp_path / "twins.json").write_text(TWINS, "utf-8")
    return tmp_path


def rules(folder: Path, text: str) -> Path:
    (folder / "rules.toml").write_text("schema = 1\n" + text, "utf-8")
    return folder


def wrongs(folder: Path, text: str) -> list[tuple[str, str, str]]:
    _, problems = projects.examine(rules(folder, text))
    return [(p.code, p.where, f"{p.what} {p.remedy}") for p in problems]


def test_the_founding_rule_is_read_as_it_is_written(folder: Path) -> None:
    (alarm,) = projects.read(rules(folder, FOUNDING)).alarms
    assert (alarm.tag, alarm.slot, alarm.kind, alarm.limit, alarm.count) == (
        "TT-212.value",
        0,
        "count",
        85.0,
        5,
    )
    assert (alarm.deadband, alarm.priority, alarm.latching, alarm.action) == (1.0, 1, True, "halt_line_2")
    assert alarm.time_to_respond_s == 120


def test_a_project_without_rules_has_no_alarms(folder: Path) -> None:
    assert projects.read(folder).alarms == ()


def test_a_misspelt_key_is_named_with_its_line_and_the_nearest_one(folder: Path) -> None:
    text = '[[alarm]]\nid = "A"\ntag = "TT-212"\nlimit = 1\ndedband = 2\n' + SAID
    ((code, where, said),) = wrongs(folder, text)
    assert (code, where) == ("P04", "rules.toml:6")
    assert "'dedband' is not known" in said
    assert "Did you mean 'deadband'?" in said


def test_an_unknown_tag_is_named_with_the_nearest_one(folder: Path) -> None:
    ((code, where, said),) = wrongs(folder, '[[alarm]]\nid = "A"\ntag = "TT-213.value"\nlimit = 1\n' + SAID)
    assert (code, where) == ("P10", "rules.toml:4")
    assert "TT-212.value" in said


@pytest.mark.parametrize("missing", ["consequence", "operator_action"])
def test_an_alarm_must_say_what_it_costs_and_what_to_do(folder: Path, missing: str) -> None:
    kept = "".join(line + "\n" for line in SAID.splitlines() if not line.startswith(missing))
    text = '[[alarm]]\nid = "A"\ntag = "TT-212"\nlimit = 1\n' + kept
    ((code, _, said),) = wrongs(folder, text)
    assert code == "P30"
    assert missing in said
    assert wrongs(folder, text + "draft = true\n") == []


@pytest.mark.parametrize(("priority", "codes"), [(1, ["P31"]), (2, ["P31"]), (3, []), (4, [])])
def test_a_high_alarm_must_be_acknowledged(folder: Path, priority: int, codes: list[str]) -> None:
    text = (
        f'[[alarm]]\nid = "A"\ntag = "TT-212"\nlimit = 1\nack_required = false\npriority = {priority}\n{SAID}'
    )
    assert [code for code, _, _ in wrongs(folder, text)] == codes


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ('kind = "state"', "P03"),
        ('kind = "level"', "P03"),
        ('kind = "count"\nlimit = 1\non_delay_s = 5', "P32"),
        ('kind = "level"\nlimit = 1\ncount = 5', "P32"),
        ('kind = "quality"\nlimit = 1', "P32"),
        ('kind = "link"\nlimit = 1', "P02"),
        ("limit = 150", "P33"),
        ('limit = 1\nid = "link:plc"', "P01"),
        ("limit = 1\npriority = 5", "P02"),
        ('limit = 1\nprim = "Pump"', "P02"),
    ],
)
def test_what_would_never_do_what_it_says_is_found(folder: Path, keys: str, code: str) -> None:
    assert [c for c, _, _ in wrongs(folder, f'[[alarm]]\nid = "A"\ntag = "TT-212"\n{keys}\n{SAID}')] == [code]


def test_ids_are_unique_and_leave_room_for_those_of_links(folder: Path) -> None:
    one = '[[alarm]]\nid = "A"\ntag = "TT-212"\nlimit = 1\n' + SAID
    assert [c for c, _, _ in wrongs(folder, one + one)] == ["P08"]
    assert [c for c, _, _ in wrongs(folder, one.replace('"A"', '"link:plc"'))] == ["P02"]
    assert [c for c, _, _ in wrongs(folder, one.replace('"A"', '"a#1"'))] == ["P02"]


def test_a_newer_file_is_read_and_the_project_is_read_only(folder: Path) -> None:
    (folder / "rules.toml").write_text("schema = 2\nflood = 3\n" + FOUNDING, "utf-8")
    project = projects.read(folder)
    assert project.read_only
    assert len(project.alarms) == 1


def test_a_tag_cannot_take_the_name_of_a_mark(folder: Path) -> None:
    (folder / "twins.json").write_text(TWINS.replace('"P-1"', '"~orders"'), "utf-8")
    with pytest.raises(ProjectFault, match="cannot be the id of a twin"):
        projects.read(folder)


def test_a_changed_limit_keeps_comments_and_order(folder: Path) -> None:
    text = "schema = 1\n" + FOUNDING
    changed = with_alarm(text, "O210-Z2-HTT", {"limit": 90.0, "action": None, "on_bad": "skip"})
    assert changed == text.replace("limit = 85.0", "limit = 90.0").replace(
        'action = "halt_line_2"\n', ""
    ).replace("time_to_respond_s = 120\n", 'time_to_respond_s = 120\non_bad = "skip"\n')
    saved = projects.save_rules(folder, changed)
    assert saved.alarms[0].limit == 90.0


def test_a_new_alarm_goes_to_the_end_also_of_an_empty_file(folder: Path) -> None:
    said = {"tag": "TT-212", "limit": 5.0, "consequence": "c", "operator_action": "o"}
    text = with_alarm(with_alarm("", "A", said), "B", said)
    assert [alarm.id for alarm in projects.save_rules(folder, text).alarms] == ["A", "B"]


def test_rules_with_a_mistake_are_not_written(folder: Path) -> None:
    rules(folder, FOUNDING)
    before = (folder / "rules.toml").read_text("utf-8")
    with pytest.raises(ProjectFault, match="consequence"):
        projects.save_rules(folder, with_alarm(before, "B", {"tag": "TT-212", "limit": 1.0}))
    assert (folder / "rules.toml").read_text("utf-8") == before
    with pytest.raises(ProjectFault, match="cannot be edited"):
        with_alarm("[[alarm", "B", {})
