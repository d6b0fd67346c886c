"""The sheet that opens a server's own scene."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from armillary.ui.server_sheet import ServerSheet


@pytest.mark.parametrize(
    ("address", "folder", "why"),
    [
        ("http://plant", "new", "no address of a server"),
        ("opc.tcp://", "new", "no address of a server"),
        ("opc.tcp://127.0.0.1:1", ".", "not empty"),
        ("opc.tcp://127.0.0.1:1", "no/such/new", "no such folder"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_asked(
    qtbot: QtBot, tmp_path: Path, address: str, folder: str, why: str
) -> None:
    (tmp_path / "a file").write_text("x")
    sheet = ServerSheet(tmp_path, lambda _report: None)
    qtbot.addWidget(sheet)
    assert sheet.folder.text() == str(tmp_path / "server")
    sheet.address.setText(address)
    sheet.folder.setText(str(tmp_path / folder))
    sheet.start()
    assert why in sheet.why.text()
    assert sheet.go.isEnabled()
