"""A foreign file dropped on the desk: it asks where to, units and up axis, imports it and opens it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import windows
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from pytestqt.qtbot import QtBot

from armillary.cli import run
from armillary.ui.import_sheet import ImportSheet
from armillary.ui.window import DeskWindow

pytestmark = pytest.mark.system
LIMIT_MS = 30_000
# a sheet 1 wide and 3 high along z, in numbers of its own
OBJ = "o Sheet\nv 0 0 0\nv 1 0 0\nv 1 0 3\nv 0 0 3\nf 1 2 3 4\n"


@pytest.fixture
def desk(qtbot: QtBot, own_places: Path, tmp_path: Path) -> Iterator[DeskWindow]:
    with windows.shown(tmp_path) as window:
        yield window


def dropped(desk: DeskWindow, file: Path) -> ImportSheet:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    buttons = (Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPointF(5, 5).toPoint(), Qt.DropAction.CopyAction, data, *buttons)
    desk.dragEnterEvent(enter)
    assert enter.isAccepted()
    desk.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, *buttons))
    assert desk.files.import_sheet is not None
    return desk.files.import_sheet


def test_a_dropped_obj_is_imported_with_the_unit_and_axis_that_were_chosen(
    desk: DeskWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    file = tmp_path / "sheet.obj"
    file.write_text(OBJ)
    (tmp_path / "sheet.usdc").write_bytes(b"another file")
    sheet = dropped(desk, file)
    assert sheet.output.text() == str(tmp_path / "sheet-2.usdc")  # nothing is written over
    assert (sheet.units.currentData(), sheet.up_axis.currentData()) == ("m", "Y")  # OBJ says neither
    sheet.output.setText(str(tmp_path / "sheet.usdc"))
    sheet.start()
    assert "there already" in sheet.why.text()
    sheet.output.setText(str(tmp_path / "new.usdc"))
    sheet.units.setCurrentIndex(sheet.units.findData("cm"))
    sheet.up_axis.setCurrentIndex(sheet.up_axis.findData("Z"))
    sheet.start()
    assert not sheet.go.isEnabled()
    at = desk.workspace
    qtbot.waitUntil(lambda: at.scene is not None and not at.progress[0], timeout=LIMIT_MS)
    assert at.path == tmp_path / "new.usdc"
    scene = at.scene
    assert scene is not None
    box = scene.box[0]
    assert (box[3:] - box[:3]).tolist() == pytest.approx([0.01, 0.0, 0.03])  # metres, Z up
    notices = [card.notice for card in desk.cards.cards]
    assert any(n.level == "info" and "2 triangles" in n.what and n.where == str(file) for n in notices), (
        notices
    )
    assert (tmp_path / "sheet.usdc").read_bytes() == b"another file"


def test_a_damaged_file_is_said_in_the_sheet_and_the_desk_goes_on(
    desk: DeskWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    file = tmp_path / "bad.glb"
    file.write_bytes(b"glTF but no more")
    sheet = dropped(desk, file)
    assert sheet.units.currentData() == ""  # glTF is in metres, Y up, by its own rules
    sheet.start()
    qtbot.waitUntil(lambda: bool(sheet.why.text()), timeout=LIMIT_MS)
    assert sheet.go.isEnabled()
    assert not (tmp_path / "bad.usdc").exists()
    sheet.reject()
    good = tmp_path / "good.usda"
    good.write_text('#usda 1.0\ndef Cube "Good"\n{\n}\n')
    desk.files.open(str(good))
    qtbot.waitUntil(lambda: desk.workspace.scene is not None, timeout=LIMIT_MS)


def test_without_a_display_open_says_how_to_import(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "sheet.obj"
    file.write_text(OBJ)
    assert run(["open", str(file), "--screenshot", str(tmp_path / "a.png")]) == 2
    assert "armillary import sheet.obj" in capsys.readouterr().err
