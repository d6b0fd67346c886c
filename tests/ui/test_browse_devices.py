"""What devices told of themselves, in the Browse dock: below the link, with units, ranges and states."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QModelIndex
from tests.unit.telemetry.test_profiles import Z2M, made, wire

from armillary.model.link import BrowseItem
from armillary.telemetry.decode import Decoding
from armillary.ui.panels.browse import NAME
from armillary.ui.window import DeskWindow


@pytest.fixture
def devices(desk: DeskWindow) -> Iterator[Decoding]:
    """A world whose first link answers as one with a profile does."""
    heard = made("zigbee2mqtt")
    heard.decode([wire(("zigbee2mqtt/bridge/devices", Z2M))])

    def browse(link: str, under: str, callback: object, limit: int = 500) -> None:
        del link
        told = heard.devices.items(under, limit)
        topic = BrowseItem(
            address="zigbee2mqtt/lamp",
            name="zigbee2mqtt/lamp",
            has_children=True,
            kind="topic",
            data_type="object",
        )
        callback(told if told is not None else (*heard.devices.folders(), topic))  # type: ignore[operator]

    desk.workspace.browse = browse  # type: ignore[method-assign,assignment]
    desk.workspace.role = "engineer"
    desk.show_panel("browse")
    return heard


def row(desk: DeskWindow, above: QModelIndex, name: str) -> QModelIndex:
    shown = desk.browse.shown
    rows = [shown.index(r, NAME, above) for r in range(shown.rowCount(above))]
    return next(index for index in rows if index.data() == name)


def test_devices_are_listed_with_what_they_told(desk: DeskWindow, devices: Decoding) -> None:
    index = desk.browse.shown.index(0, NAME)
    desk.browse.view.expand(index)
    for name in ("Devices (1)", "lamp"):
        index = row(desk, index, name)
        desk.browse.view.expand(index)
    shown = desk.browse.shown
    names = [shown.index(r, NAME, index).data() for r in range(shown.rowCount(index))]
    assert names == ["state", "brightness", "Temperature", "mode"]
    temperature = row(desk, index, "Temperature")
    cells = [temperature.siblingAtColumn(c).data() for c in range(shown.columnCount())]
    assert "°C" in " ".join(str(cell) for cell in cells)
    if folder := os.environ.get("PICTURES"):
        desk.browse.grab().save(f"{folder}/devices.png")
