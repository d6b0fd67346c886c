"""The drift dock: what differs, worst first, and what a person decides of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from armillary.model.drift import AskDrift, DriftItem, DriftReport, Refusal, RefuseDrift
from armillary.model.link import BrowseItem
from armillary.model.message import Done
from armillary.ui.panels.drift import CODE, WHAT
from armillary.ui.window import DeskWindow

FIELD = BrowseItem(address="p/x#v", name="v", has_children=False, data_type="number")
ITEMS = (
    DriftItem(code="D03", key="D03 T-101.level", what="T-101.level: text.", level="error", tag="T-101.level",
              model="number", plant="text", kind="text", since_ns=1_790_000_000_000_000_000),
    DriftItem(code="D01", key="D01 m!p/x#v", what="m!p/x#v comes.", level="note", link="m", address="p/x#v",
              item=FIELD, kind="number", other="T-101.level"),
    DriftItem(code="D02", key="D02 T-101.temp", what="T-101.temp never came.", tag="T-101.temp"),
)  # fmt: skip


def test_differences_are_shown_and_refused_with_a_reason(desk: DeskWindow, bench: Any) -> None:
    ws, asked = bench.workspace, list[object]()
    refused: list[Refusal] = []

    def ask(message: object, callback: Callable[[object], None], _limit: float = 0.0) -> None:
        asked.append(message)
        if isinstance(message, RefuseDrift):
            refused.append(Refusal(key=message.key, by="anna", at_ns=1, why=message.why))
            callback(Done())
        elif isinstance(message, AskDrift):
            keys = {r.key for r in refused}
            left = tuple(item for item in ITEMS if item.key not in keys)
            callback(DriftReport(items=left, refused=tuple(refused), judged_ns=1_790_000_000_000_000_000))

    ws.ask_world = ask
    ws.role = "engineer"
    desk.show_panel("drift")
    panel = desk.drift
    shown = [panel.table.item(row, CODE).text() for row in range(panel.table.rowCount())]
    assert shown == ["D03", "D01", "D02"]
    assert panel.counts.text().startswith("D01 1  D02 1  D03 1 · judged")
    assert not panel.accept.isEnabled()
    assert not panel.empty._label.text(), "rows say enough"
    panel.table.selectRow(2)
    assert [item.code for item in panel.chosen()] == ["D02"]
    assert not panel.accept.isEnabled(), "there is nothing to accept of what never comes"
    assert not panel.refuse.isEnabled(), "a reason is wanted"
    panel.reason.setText("is out for repair")
    panel.refuse.click()
    assert refused == [Refusal(key="D02 T-101.temp", by="anna", at_ns=1, why="is out for repair")]
    assert panel.table.rowCount() == 2
    assert "1 refused" in panel.counts.text()
    panel.table.selectRow(1)
    assert panel.tag.isVisible()
    assert panel.tag.text() == "T-101.level", "a tag of the same name is offered"
    panel.again.click()
    assert asked[-1] == AskDrift(now=True)
    assert [item.code for item in panel.chosen()] == ["D01"], "what is chosen stays chosen"
    assert panel.table.item(1, WHAT).toolTip() == "m!p/x#v comes."
    ws.role = "operator"
    panel.refresh()
    assert not panel.refuse.isEnabled()
    assert "may not" in panel.accept.toolTip()
