"""Asks a person for a file, without standing still meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget


def to_read(parent: QWidget, title: str, kinds: str, folder: str, take: Callable[[Path], None]) -> None:
    """Ask for a file that is there."""
    dialog = QFileDialog(parent, title, folder or str(Path.home()), kinds)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    _show(parent, dialog, take)


def to_write(
    parent: QWidget, title: str, kinds: str, folder: str, take: Callable[[Path], None], *, suffix: str
) -> None:
    """Ask for a file to write; Qt asks before one is replaced. A name without an ending gets `suffix`."""
    dialog = QFileDialog(parent, title, folder or str(Path.home()), kinds)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(suffix)
    _show(parent, dialog, take)


def to_write_into(parent: QWidget, title: str, folder: str, take: Callable[[Path], None]) -> None:
    """Ask for a folder that files are written into."""
    dialog = QFileDialog(parent, title, folder or str(Path.home()))
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    _show(parent, dialog, take)


def _show(parent: QWidget, dialog: QFileDialog, take: Callable[[Path], None]) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda name: take(Path(name)))
    dialog.finished.connect(lambda _result: parent.window().activateWindow())  # see ui.sheet
    dialog.open()  # not exec: nothing stands still while it is open
