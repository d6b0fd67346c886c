"""What is shown of alarms: at once while they are few, a few times a second in a flood."""

from __future__ import annotations

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from armillary.ui.paced import Paced


def test_a_flood_is_shown_once_for_many_changes_and_a_calm_plant_at_once(qtbot: QtBot) -> None:
    owner, shown, many = QObject(), [], [False]
    paced = Paced(owner, lambda: shown.append(many[0]), lambda: many[0])
    paced()
    paced()
    assert len(shown) == 2
    many[0] = True
    for _ in range(50):
        paced()
    assert len(shown) == 2
    qtbot.waitUntil(lambda: len(shown) == 3, timeout=20_000)
    paced()
    many[0] = False
    paced()
    assert shown[3:] == [False], "when it is over, it is shown at once and not again"
