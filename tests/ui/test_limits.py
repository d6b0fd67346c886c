"""Editing units, ranges and alarms at a part; loading what was changed; less motion."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from armillary.model.clock import NS
from armillary.model.message import AskBetween, Done, Enroll, Enrolled, LoadProject, Samples
from armillary.model.sample import batch_of
from armillary.project import folder as projects
from armillary.session.actions import action
from armillary.session.boarding import boarding
from armillary.session.limits_fields import OFFERED
from armillary.session.settings import Settings
from armillary.ui.limits_card import LimitsCard
from armillary.ui.window import DeskWindow

T101, LEVEL = 2, 0
RULES = """# what the yard asks for
schema = 1

[[alarm]]
id = "full"
tag = "T-101.level"
title = "Tank nearly full"
limit = 3.5  # a hand below the brim
priority = 2
consequence = "The yard floods."
operator_action = "Start the second pump."
"""


@pytest.fixture
def folder(desk: DeskWindow, tmp_path: Path) -> Path:
    """A project with the tank's level and one alarm, in the hands of an engineer."""
    out = tmp_path / "plant"
    projects.new(out, "Plant")
    toml = out / "project.toml"
    toml.write_text(
        toml.read_text() + '\n[[source]]\nname = "ua"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:4840"\n'
    )
    tags = {
        "level": {"address": "ua!s=Level", "unit": "m", "range": [0, 4]},
        "setpoint": {"address": "ua!s=SP", "unit": "m", "writable": True, "write_range": [0, 4]},
    }
    twins = {"schema": 1, "twins": [{"id": "T-101", "prim": "/Plant/Water/T101", "tags": tags}]}
    (out / "twins.json").write_text(json.dumps(twins, indent=1) + "\n")
    (out / "rules.toml").write_text(RULES)
    ws = desk.workspace
    ws._plan = replace(boarding(str(out)), starts_world=False)
    ws.role = "engineer"
    ws.alarms.welcome([replace(a, slot=LEVEL) for a in projects.read(out).alarms])
    ws.select((T101,))
    desk.inspector.refresh()
    return out


def field(card: LimitsCard, name: str, text: str) -> None:
    found = card.fields[name]
    if isinstance(found, QLineEdit):
        found.setText(text)
    elif isinstance(found, QComboBox):
        found.setCurrentText(text)
    else:
        assert isinstance(found, QPlainTextEdit)
        found.setPlainText(text)


def press(desk: DeskWindow, name: str) -> None:
    [button] = [
        b
        for b in desk.inspector.findChildren(QPushButton)
        if b.accessibleName() == name and b.isVisibleTo(desk.inspector)
    ]
    button.click()


# ---------------------------------------------------------------- tags


def test_range_and_unit_are_saved_and_undone_byte_for_byte(desk: DeskWindow, folder: Path) -> None:
    before = (folder / "twins.json").read_bytes()
    press(desk, "Edit tag T-101.level")
    card = desk.inspector.limits
    assert card.isVisible()
    assert card.texts()["unit"] == "m"
    assert (card.texts()["range.low"], card.texts()["range.high"]) == ("0", "4")
    assert not card.save.isEnabled(), "nothing was changed yet"
    field(card, "range.high", "5")
    field(card, "expected_interval_s", "2")
    card.save.click()
    assert not card.isVisible()
    [spec] = [s for s in projects.read(folder).specs if s.name == "T-101.level"]
    assert (spec.high, spec.expected_ms) == (5.0, 2000)
    assert "loads the project's changes" in desk.status.currentMessage()
    after = (folder / "twins.json").read_bytes()
    action("edit.undo").run(desk)
    assert (folder / "twins.json").read_bytes() == before
    action("edit.redo").run(desk)
    assert (folder / "twins.json").read_bytes() == after


def test_what_may_be_set_is_edited_of_a_setpoint(desk: DeskWindow, folder: Path) -> None:
    desk.inspector.values.selectRow(desk.inspector.tags.row_of(1))
    press(desk, "Edit tag T-101.setpoint")
    card = desk.inspector.limits
    field(card, "write_range.low", "1")
    field(card, "write_range.high", "3")
    card.save.click()
    [spec] = [s for s in projects.read(folder).specs if s.name == "T-101.setpoint"]
    assert (spec.write_low, spec.write_high) == (1.0, 3.0)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("range.high", "-1", "low must be below high"),
        ("range.high", "", "both ends"),
        ("range.high", "a lot", "not a number"),
        ("expected_interval_s", "inf", "finite"),
    ],
)
def test_what_cannot_be_is_refused_in_words_before_saving(
    desk: DeskWindow, folder: Path, name: str, text: str, why: str
) -> None:
    press(desk, "Edit tag T-101.level")
    card = desk.inspector.limits
    field(card, name, text)
    assert why in card.hint.text()
    assert not card.save.isEnabled()


def test_a_unit_that_does_not_fit_is_refused_by_the_project_and_nothing_is_written(
    desk: DeskWindow, folder: Path
) -> None:
    before = (folder / "twins.json").read_bytes()
    press(desk, "Edit tag T-101.level")
    card = desk.inspector.limits
    field(card, "source_unit", "°C")
    card.save.click()
    assert card.isVisible()
    assert card.hint.text().startswith("Not saved: ")
    assert (folder / "twins.json").read_bytes() == before


def test_a_file_that_somebody_changed_meanwhile_is_not_overwritten(desk: DeskWindow, folder: Path) -> None:
    press(desk, "Edit tag T-101.level")
    twins = folder / "twins.json"
    twins.write_text(twins.read_text().replace('"m"', '"cm"', 1))
    theirs = twins.read_bytes()
    card = desk.inspector.limits
    field(card, "range.high", "6")
    card.save.click()
    assert "somebody else" in card.hint.text()
    assert twins.read_bytes() == theirs


# ---------------------------------------------------------------- alarms


def test_a_limit_is_edited_and_the_comments_of_the_file_stay(desk: DeskWindow, folder: Path) -> None:
    press(desk, "Edit alarm full")
    card = desk.inspector.limits
    assert card.texts()["limit"] == "3.5"
    field(card, "limit", "3.2")
    field(card, "deadband", "0.1")
    field(card, "priority", "1")
    card.save.click()
    [alarm] = projects.read(folder).alarms
    assert (alarm.limit, alarm.deadband, alarm.priority) == (3.2, 0.1, 1)
    assert "# what the yard asks for" in (folder / "rules.toml").read_text()
    action("edit.undo").run(desk)
    assert (folder / "rules.toml").read_text() == RULES


def test_a_new_alarm_is_refused_without_an_operator_action(desk: DeskWindow, folder: Path) -> None:
    press(desk, "New alarm of T-101.level")
    card = desk.inspector.limits
    assert "limit" in card.hint.text()
    field(card, "direction", "below")
    field(card, "limit", "0.2")
    assert "consequence" in card.hint.text()
    field(card, "consequence", "The pump runs dry.")
    assert "operator action" in card.hint.text()
    assert not card.save.isEnabled()
    card.kind.setCurrentIndex(card.kind.findData("count"))
    assert card.texts()["limit"] == "0.2", "what was typed stays"
    field(card, "operator_action", "Stop the pump.")
    field(card, "count", "4")
    card.save.click()
    [new] = [a for a in projects.read(folder).alarms if a.id != "full"]
    assert (new.id, new.kind, new.direction, new.limit, new.count) == (
        "T-101.level-A1",
        "count",
        "below",
        0.2,
        4,
    )
    assert new.operator_action == "Stop the pump."
    action("edit.undo").run(desk)
    assert (folder / "rules.toml").read_text() == RULES


def test_it_tells_how_often_the_record_would_have_raised_it(desk: DeskWindow, folder: Path) -> None:
    now = desk.workspace.now_ns()
    t_ns = now - 7200 * NS + np.arange(600, dtype=np.int64) * 10 * NS
    level = 2.0 + np.sin(np.arange(600) * 2 * np.pi / 60)  # ten times up to 3

    def recorder(message: object, callback: Callable[[Any], None], _limit_s: float) -> None:
        if isinstance(message, Enroll):
            callback(Enrolled(ids=np.array([7], np.uint32)))
        elif isinstance(message, AskBetween):
            ids = np.full(600, 7, np.uint32)
            callback(Samples(batch=batch_of(ids, level, t_ns, t_ns, t_ns), to_ns=message.to_ns))

    desk.workspace.ask_recorder = recorder  # type: ignore[method-assign]
    press(desk, "Edit alarm full")
    card = desk.inspector.limits
    assert card.trial.text() == "In the last 2 h it would have been raised not once, as it is now not once."
    field(card, "limit", "2.5")
    assert "would have been raised 10 times, as it is now not once" in card.trial.text()
    field(card, "on_delay_s", "3600")
    assert "raised not once" in card.trial.text()


def test_an_alarm_that_trembles_gets_a_suggestion_that_is_filled_in(desk: DeskWindow, folder: Path) -> None:
    """Its proof is the record; nothing is written before the engineer saves it."""
    now, n = desk.workspace.now_ns(), 7_200
    t_ns = now - np.arange(n, dtype=np.int64)[::-1] * NS
    level = 3.4 + 0.01 * np.random.default_rng(1).standard_normal(n)
    level[600:2_400] += 0.1  # it trembles at its limit
    level[5_000:5_300] = 3.9

    def recorder(message: object, callback: Callable[[Any], None], _limit_s: float) -> None:
        if isinstance(message, Enroll):
            callback(Enrolled(ids=np.array([7], np.uint32)))
        elif isinstance(message, AskBetween):
            ids = np.full(n, 7, np.uint32)
            callback(Samples(batch=batch_of(ids, level, t_ns, t_ns, t_ns), to_ns=message.to_ns))

    desk.workspace.ask_recorder = recorder  # type: ignore[method-assign]
    press(desk, "Edit alarm full")
    card = desk.inspector.limits
    assert card.advice.text().startswith("Suggested: deadband")
    assert "instead of" in card.advice.text()
    card.use.click()
    assert float(card.texts()["deadband"]) > 0
    assert (folder / "rules.toml").read_text() == RULES
    card.save.click()
    [alarm] = projects.read(folder).alarms
    assert alarm.deadband > 0


def test_an_operator_reads_the_limits_and_changes_none(desk: DeskWindow, folder: Path) -> None:
    desk.workspace.role = "operator"
    desk.workspace.people.changed.emit()
    desk.inspector.follow(desk.workspace.selection)
    assert desk.inspector.alarm_section.button.text() == "Alarms (1)"
    names = [b.accessibleName() for b in desk.inspector.findChildren(QPushButton) if b.isVisible()]
    assert not [n for n in names if n.startswith(("Edit", "New alarm"))]


def test_escape_and_another_part_give_the_form_up(desk: DeskWindow, folder: Path, qtbot: QtBot) -> None:
    card = desk.inspector.limits
    press(desk, "Edit tag T-101.level")
    qtbot.keyClick(card.fields["unit"], Qt.Key.Key_Escape)
    assert not card.isVisible()
    press(desk, "Edit tag T-101.level")
    desk.workspace.select((7,))
    assert not card.isVisible()


# ---------------------------------------------------------------- loading, motion


def test_a_changed_project_is_offered_to_be_loaded_by_who_may(desk: DeskWindow, folder: Path) -> None:
    ws, asked = desk.workspace, []
    ws.ask_home = lambda message, callback, _limit=0.0: asked.append((message, callback))  # type: ignore[method-assign,misc]
    assert not desk.changed.isVisible()
    ws.disk._runs, ws.disk.differs = "as before", True
    ws.disk.changed.emit()
    assert desk.changed.isVisible()
    desk.changed.load.click()
    [(message, answer)] = asked
    assert isinstance(message, LoadProject)
    answer(Done())
    assert "live data is back" in desk.status.currentMessage()
    ws.role = "operator"
    ws.people.changed.emit()
    assert not desk.changed.isVisible()


def test_less_motion_stops_the_blinking_and_is_remembered(desk: DeskWindow, settings: Settings) -> None:
    action("desk.reduce-motion").run(desk)
    assert desk.canvas.view._notes.still
    assert desk.alarmbar.still
    assert desk.workspace.still, "what turns or flows holds too"
    assert Settings(settings.path).reduce_motion
    action("desk.reduce-motion").run(desk)
    assert not desk.canvas.view._notes.still
    assert not desk.workspace.still
    assert not Settings(settings.path).reduce_motion


# ---------------------------------------------------------------- every kind

ANSWER = {"consequence": "It floods.", "operator_action": "Stop it."}
CASES: dict[str, tuple[dict[str, str], dict[str, object]]] = {
    "rate": (
        {"limit": "0.02", "direction": "both", "window_s": "30", "on_delay_s": "2"},
        {"limit": 0.02, "two_sided": True, "window_s": 30.0, "on_delay_s": 2.0},
    ),
    "deviation": (
        {"limit": "0.3", "reference": "T-101.setpoint"},
        {"limit": 0.3, "reference": "T-101.setpoint", "on_delay_s": 60.0},
    ),
    "state": (
        {"values": "2, 3", "normal": "0"},
        {"values": (2.0, 3.0), "normal": (0.0,), "on_delay_s": 1.0},
    ),
    "discrepancy": (
        {"command": "T-101.setpoint", "travel_time_s": "8", "limit": "0.1"},
        {"reference": "T-101.setpoint", "on_delay_s": 8.0, "limit": 0.1},
    ),
    "expression": (
        {"expression": "T-101.level > 3 and T-101.setpoint < 2"},
        {"expression": "T-101.level > 3 and T-101.setpoint < 2", "on_delay_s": 1.0},
    ),
    "quality": ({"on_delay_s": "20"}, {"on_delay_s": 20.0}),
    "level": ({"limit": "3"}, {"limit": 3.0, "on_delay_s": 60.0}),
    "predicted": (
        {"limit": "3", "horizon_s": "600", "confidence": "0.95"},
        {"limit": 3.0, "horizon_s": 600.0, "confidence": 0.95, "priority": 3},
    ),
}


def begun(desk: DeskWindow, kind: str) -> LimitsCard:
    press(desk, "New alarm of T-101.level")
    card = desk.inspector.limits
    card.kind.setCurrentIndex(card.kind.findData(kind))
    return card


def test_alarms_of_every_kind_go_through_the_form_to_the_file_and_back(
    desk: DeskWindow, folder: Path
) -> None:
    for number, kind in enumerate(kind for kind in CASES if kind in OFFERED):
        typed, wanted = CASES[kind]
        card = begun(desk, kind)
        for name, text in {**typed, **ANSWER}.items():
            field(card, name, text)
        assert card.save.isEnabled(), (kind, card.hint.text())
        card.save.click()
        new = projects.read(folder).alarms[-1]
        assert (new.kind, len(projects.read(folder).alarms)) == (kind, number + 2)
        assert {name: getattr(new, name) for name in wanted} == wanted, kind
        known = desk.workspace.alarms
        known.welcome([*known.specs.values(), new])
        card.edit_alarm(new)
        for name in typed:
            assert card.texts()[name].replace(" ", "") == typed[name].replace(" ", ""), (kind, name)
        card.close_card()


def test_what_a_kind_needs_is_asked_for_in_words_and_another_priority_needs_a_reason(
    desk: DeskWindow, folder: Path
) -> None:
    card = begun(desk, "deviation")
    for name, text in {"limit": "1", **ANSWER}.items():
        field(card, name, text)
    assert "a tag that it should be near, or a number" in card.hint.text()
    card.kind.setCurrentIndex(card.kind.findData("state"))
    assert "states that are an alarm" in card.hint.text()
    field(card, "values", "shut")
    assert "'shut' is neither a number nor a state" in card.hint.text()
    card.kind.setCurrentIndex(card.kind.findData("expression"))
    assert "Write a condition" in card.hint.text()

    card.close_card()
    card = begun(desk, "level")
    for name, text in {"limit": "3", **ANSWER}.items():
        field(card, name, text)
    field(card, "time_to_respond_s", "300")
    field(card, "severity", "severe")
    assert card.texts()["priority"] == "1"
    field(card, "priority", "3")
    assert card.hint.text() == "Severity and time to respond give priority 1: choose it, or say why not."
    assert not card.save.isEnabled()
    field(card, "priority_reason", "The tank has an overflow.")
    card.save.click()
    [new] = [a for a in projects.read(folder).alarms if a.id != "full"]
    assert (new.priority, new.severity, new.priority_reason, new.time_to_respond_s) == (
        3, "severe", "The tank has an overflow.", 300.0,
    )  # fmt: skip
