"""The sheet of command templates: conditions on the values of now, findings, what is saved, what is tried."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QComboBox, QLineEdit, QPlainTextEdit
from pytestqt.qtbot import QtBot

from armillary.model.control import NoteTestFire
from armillary.model.fault import Fault, record
from armillary.model.order import OrderState
from armillary.project import folder as projects
from armillary.session.boarding import boarding
from armillary.session.test_fire import Fired, Shot
from armillary.ui import template_sheet
from armillary.ui.template_sheet import NEW, TemplateSheet

COMMANDS = """\
schema = 1

[[template]]
id = "fill"   # for the night shift
target = "T-101.sp"
parameter = { name = "level", unit = "m", low = 0.0, high = 3.0 }
preconditions = ["T-101.level > 1", "P-101.running > 0"]
read_back = { expression = "T-101.level", tolerance = 0.1, verify_timeout_s = 30.0 }
"""


@pytest.fixture
def sheet(bench: Any, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TemplateSheet:
    """The sheet on a project with one template; jobs run at once, the simulator is a stand-in."""
    monkeypatch.setattr(template_sheet, "PAUSE_MS", 10)
    folder = tmp_path / "plant"
    projects.new(folder, "Plant")
    toml = folder / "project.toml"
    source = '\n[[source]]\nname = "ua"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:4840"\ncommands = true\n'
    toml.write_text(toml.read_text() + source)
    tags = {
        "level": {"address": "ua!s=Level", "unit": "m"},
        "sp": {"address": "ua!s=Sp", "unit": "m", "writable": True, "write_range": [0, 4]},
    }
    pump = {"id": "P-101", "tags": {"running": {"address": "ua!s=Run"}}}
    twins = {"schema": 1, "twins": [{"id": "T-101", "tags": tags}, pump]}
    (folder / "twins.json").write_text(json.dumps(twins))
    (folder / "commands.toml").write_text(COMMANDS)
    ws = bench.workspace
    bench.begin()
    ws._plan = replace(boarding(str(folder)), starts_world=False)
    ws.role = "engineer"

    def work(job: Callable[[], object], then: Callable[[object], None]) -> None:
        try:
            then(job())
        except Fault as fault:
            then(record(fault))

    monkeypatch.setattr(ws, "work", work)
    made = TemplateSheet(ws, lambda _text: None)
    qtbot.addWidget(made)
    return made


def put(sheet: TemplateSheet, qtbot: QtBot, **texts: str) -> None:
    """Type into fields, and wait until what it means is told."""
    turn = sheet._turn
    for key, text in texts.items():
        made = sheet.fields[key]
        if isinstance(made, QComboBox):
            made.setCurrentText(text)
        elif isinstance(made, QPlainTextEdit):
            made.setPlainText(text)
        else:
            assert isinstance(made, QLineEdit)
            made.setText(text)
    qtbot.waitUntil(lambda: sheet._turn > turn, timeout=20_000)


def test_conditions_are_shown_on_the_values_of_now(sheet: TemplateSheet, bench: Any) -> None:
    bench.send(values={0: 2.5})
    assert "✓ T-101.level 2.5 m" in sheet.now.text()
    assert "Read back now: T-101.level 2.5 m" in sheet.now.text()
    bench.send(values={0: 0.5})
    assert "✗ T-101.level 0.5 m" in sheet.now.text()


def test_what_is_doubtful_or_wrong_is_told_while_it_is_typed(sheet: TemplateSheet, qtbot: QtBot) -> None:
    assert sheet.findings.isHidden()
    put(sheet, qtbot, verify_timeout_s="", high="250")
    assert {line[:3] for line in sheet.findings.text().splitlines()} == {"P95", "P96"}
    assert sheet.save.isEnabled(), "doubtful is not wrong"
    put(sheet, qtbot, preconditions="T-9.level > 1")
    assert "T-9.level" in sheet.why.text()
    assert not sheet.save.isEnabled()
    assert not sheet.test_fire.isEnabled()


def test_a_change_is_saved_with_its_comments_and_undone_byte_for_byte(
    sheet: TemplateSheet, qtbot: QtBot, bench: Any
) -> None:
    file = bench.workspace.project.folder / "commands.toml"
    put(sheet, qtbot, high="2.5", effect="It fills.")
    sheet.save.click()
    text = file.read_text()
    assert "# for the night shift" in text
    assert "high = 2.5" in text
    bench.workspace.undo.undo()
    assert file.read_text() == COMMANDS
    bench.workspace.undo.redo()
    assert file.read_text() == text


def test_a_template_is_added_and_deleted(sheet: TemplateSheet, qtbot: QtBot, bench: Any) -> None:
    file = bench.workspace.project.folder / "commands.toml"
    sheet.choice.setCurrentText(NEW)
    put(sheet, qtbot, id="empty", target="T-101.sp", value="0")
    sheet.save.click()
    assert [t.id for t in projects.read(file.parent).templates] == ["fill", "empty"]
    assert sheet.choice.currentText() == "empty"
    sheet.delete.click()
    assert file.read_text() == COMMANDS


def test_a_try_goes_to_the_simulator_with_what_stands_in_the_form(
    sheet: TemplateSheet, qtbot: QtBot, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fired: list[tuple[Any, ...]] = []
    told: list[object] = []
    monkeypatch.setattr(bench.workspace, "ask_home", lambda message, _then, _s=0: told.append(message))

    def fire(_folder: Path, template: Any, values: Any, text: str) -> Fired:
        fired.append((template.parameter.high, tuple(values), "high = 2.5" in text))
        shots = (
            Shot(value=250.0, state=OrderState.REFUSED, text="250 m is outside 0 to 2.5 m."),
            Shot(value=1.0, state=OrderState.VERIFIED, text="Verified: reads 1 m"),
        )
        return Fired(template=template.id, world="training-1", kind="TRAINING", shots=shots)

    monkeypatch.setattr(template_sheet, "fire", fire)
    put(sheet, qtbot, high="2.5")
    sheet.values.setText("250, 1")
    sheet.test_fire.click()
    assert fired == [(2.5, (250.0, 1.0), True)]
    assert "simulator: 250 → 250 m is outside" in sheet.tried.text()
    assert "simulator: 1 → Verified" in sheet.tried.text()
    assert [m.outcome.partition(":")[0] for m in told if isinstance(m, NoteTestFire)] == [
        "REFUSED",
        "VERIFIED",
    ]
    if os.environ.get("KEEP_PICTURES"):
        sheet.resize(720, 980)
        sheet.grab().save(str(Path(os.environ["KEEP_PICTURES"]) / "template.png"))
