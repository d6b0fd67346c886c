"""The sheet of rules on streams: a form by kind, the preview on history, what is saved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from armillary.model.clock import NS
from armillary.model.message import AskAt, AskSpan, Enroll, Enrolled, Samples
from armillary.model.sample import batch_of, empty_batch
from armillary.project import folder as projects
from armillary.session.actions import action
from armillary.session.boarding import boarding
from armillary.ui import rule_sheet
from armillary.ui.rule_sheet import RuleSheet
from armillary.ui.window import DeskWindow

RULES = """schema = 1

[[rule]]
id = "high"  # for the night shift
of = "T-101.level"
seconds = 5
above = 3.0
"""


@pytest.fixture
def sheet(desk: DeskWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RuleSheet]:
    """The sheet on a project with one rule, and five minutes of history: three times above 3 m."""
    monkeypatch.setattr(rule_sheet, "SPANS", ((300.0, "Last 5 min"),))
    monkeypatch.setattr(rule_sheet, "PAUSE_MS", 10)
    folder = tmp_path / "plant"
    projects.new(folder, "Plant")
    toml = folder / "project.toml"
    source = '\n[[source]]\nname = "ua"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:4840"\n'
    toml.write_text(toml.read_text() + source)
    tags = {"level": {"address": "ua!s=Level", "unit": "m", "range": [0, 4]}}
    (folder / "twins.json").write_text(json.dumps({"schema": 1, "twins": [{"id": "T-101", "tags": tags}]}))
    (folder / "rules.toml").write_text(RULES)
    ws = desk.workspace
    ws._plan = replace(boarding(str(folder)), starts_world=False)
    ws.role = "engineer"
    now = ws.now_ns()

    def recorded(message: object, answer: Callable[[object], None], _limit_s: float) -> None:
        match message:
            case Enroll():
                answer(Enrolled(ids=np.array([1], np.uint32)))
            case AskAt():
                answer(Samples(batch=empty_batch()))
            case AskSpan():
                t = np.arange(message.from_ns // NS, now // NS, dtype=np.int64) * NS
                value = np.where((now - t) // (20 * NS) % 5 == 2, 3.8, 2.0)  # for 20 s, three times
                rows = batch_of(np.ones(len(t), np.uint32), value, t, t, t)
                answer(Samples(batch=rows, to_ns=message.to_ns))

    ws.ask_recorder = recorded  # type: ignore[method-assign]
    ws._work = lambda job, done: done(job())
    action("edit.rules").run(desk)
    made = desk.findChild(RuleSheet)
    assert made is not None
    yield made
    if (still := desk.findChild(RuleSheet)) is not None:
        still.reject()


def type_(sheet: RuleSheet, key: str, text: str) -> None:
    field = sheet.fields[key]
    if isinstance(field, QComboBox):
        field.setCurrentText(text)
    else:
        assert isinstance(field, QLineEdit)
        field.setText(text)


def take(box: QComboBox, data: str) -> None:
    box.setCurrentIndex(box.findData(data))
    box.activated.emit(box.currentIndex())


def test_a_rule_is_tried_on_the_last_hour_while_it_is_typed_and_saved_with_its_comment(
    desk: DeskWindow, sheet: RuleSheet, qtbot: QtBot
) -> None:
    take(sheet.rule, "high")
    assert sheet.texts()["above"] == "3"
    qtbot.waitUntil(lambda: "3 times" in sheet.words.text(), timeout=30_000)
    assert sheet.words.text() == "In 5 min this rule would have fired 3 times."
    assert sheet.strip.trial is not None
    type_(sheet, "above", "3.9")
    assert not sheet.save.isEnabled()
    qtbot.waitUntil(lambda: "not once" in sheet.words.text(), timeout=30_000)
    type_(sheet, "above", "a lot")
    qtbot.waitUntil(lambda: "no number" in sheet.why.text(), timeout=30_000)
    assert not sheet.save.isEnabled()
    type_(sheet, "above", "3.5")
    qtbot.waitUntil(lambda: sheet.save.isEnabled() and "3 times" in sheet.words.text(), timeout=30_000)
    folder = desk.workspace.project.folder if desk.workspace.project is not None else Path()
    sheet.save.click()
    text = (folder / "rules.toml").read_text()
    assert "above = 3.5" in text
    assert "# for the night shift" in text
    action("edit.undo").run(desk)
    assert (folder / "rules.toml").read_text() == RULES


def test_a_new_rule_of_another_kind_asks_other_things_and_tells_what_is_missing(
    sheet: RuleSheet, qtbot: QtBot
) -> None:
    take(sheet.kind, "sequence")
    assert {"first", "then", "within_s"} <= set(sheet.fields)
    assert "above" not in sheet.fields
    qtbot.waitUntil(lambda: "missing" in sheet.why.text(), timeout=30_000)
    type_(sheet, "first", "T-101.level > 3")
    type_(sheet, "then", "T-101.level < 3")
    type_(sheet, "within_s", "25")
    qtbot.waitUntil(lambda: "3 times" in sheet.words.text(), timeout=30_000)
    type_(sheet, "then", "T-101.level.__class__")
    qtbot.waitUntil(lambda: bool(sheet.why.text()) and not sheet.save.isEnabled(), timeout=30_000)
