"""The card that opens when a tag is dropped on a part: what it drives, how, with live preview."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QWidget

from armillary.session.author_actions import may_not_author
from armillary.session.authoring import AXIAL, COLOURED, OFFERED, Draft, colour_maps, proposal
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label

WIDTH, GAP = 320, 12
_AXES = ("x", "y", "z")


class BindCard(QFrame):
    """One draft in hand, over the picture. Escape gives it up."""

    def __init__(self, workspace: Workspace, over: QWidget, say: Callable[[str], None]) -> None:
        super().__init__(over)
        self._workspace, self._say = workspace, say
        self._filling, self._over = False, over
        self.setProperty("role", "card")
        self.setAccessibleName("Bind a tag to a part")
        self.setFixedWidth(WIDTH)
        self.title = label("", "value", wrap=True)
        self.where = label("", "muted", wrap=True)
        self.channel, self.colormap, self.axis = QComboBox(), QComboBox(), QComboBox()
        for key, (words, _) in OFFERED.items():
            self.channel.addItem(words, key)
        self.axis.addItems(_AXES)
        self.low, self.high, self.first, self.last = (QLineEdit() for _ in range(4))
        self.hint = label("", "muted", wrap=True)
        self.save = QPushButton("Save")
        self.save.setProperty("primary", True)
        self.cancel = QPushButton("Cancel")
        self._lay_out()
        for box in (self.channel, self.colormap, self.axis):
            box.currentIndexChanged.connect(self._edited)
        for field in (self.low, self.high, self.first, self.last):
            field.textEdited.connect(self._edited)
        self.save.clicked.connect(workspace.authoring.save)
        self.cancel.clicked.connect(workspace.authoring.cancel)
        workspace.authoring.changed.connect(self.refresh)
        workspace.authoring.told.connect(say)
        workspace.undo.told.connect(say)
        self.hide()

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 10, 12, 10)
        grid.addWidget(self.title, 0, 0, 1, 3)
        grid.addWidget(self.where, 1, 0, 1, 3)
        self._rows = {
            "channel": self._row(grid, 2, "Drives", self.channel),
            "colormap": self._row(grid, 3, "Colours", self.colormap),
            "axis": self._row(grid, 4, "Axis", self.axis),
            "range": self._row(grid, 5, "From … to", self.low, self.high),
            "result": self._row(grid, 6, "Becomes", self.first, self.last),
        }
        grid.addWidget(self.hint, 7, 0, 1, 3)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        grid.addLayout(buttons, 8, 0, 1, 3)

    def _row(self, grid: QGridLayout, row: int, words: str, *widgets: QWidget) -> tuple[QWidget, ...]:
        name = label(words, "muted")
        grid.addWidget(name, row, 0)
        for column, widget in enumerate(widgets, 1):
            end = " low" if len(widgets) > 1 and column == 1 else " high" if len(widgets) > 1 else ""
            widget.setAccessibleName(words + end)
            grid.addWidget(widget, row, column, 1, 1 if len(widgets) > 1 else 2)
        return (name, *widgets)

    # ------------------------------------------------------------ drop → draft
    def drop(self, slots: tuple[int, ...], prim: int) -> bool:
        """Begin to bind the first of these tags to a prim; says why when that is not allowed."""
        ws = self._workspace
        if why := may_not_author(ws):
            self._say(f"Bind: {why}")
            return False
        if ws.scene is None or not slots or not 0 <= prim < len(ws.scene) or slots[0] >= len(ws.specs):
            return False
        path, value = ws.scene.prim_path[prim], float(ws.mirror.table.value[slots[0]])
        ws.select((prim,))
        ws.authoring.begin(proposal(ws.specs[slots[0]], path, value, ws.bindings))
        return True

    def refresh(self) -> None:
        """Show the draft in hand, or nothing."""
        authoring = self._workspace.authoring
        draft = authoring.draft
        self.setVisible(draft is not None)
        if draft is None:
            return
        if not self._filling and not self._typing():
            self._fill(draft)
        self._show_rows(draft)
        gone = authoring.replaced()
        why = draft.why_not()
        taken = f"Replaces the binding to {gone[0].signal or gone[0].address}." if gone else ""
        self.hint.setText(" ".join(part for part in (why or draft.hint, taken) if part))
        self.save.setEnabled(not why and not authoring.saving)
        self.cancel.setEnabled(not authoring.saving)
        self.adjustSize()
        self.move(max(self._over.width() - WIDTH - GAP, 0), GAP)
        self.raise_()

    def _typing(self) -> bool:
        return any(field.hasFocus() for field in (self.low, self.high, self.first, self.last))

    def _fill(self, draft: Draft) -> None:
        self._filling = True
        self.title.setText(draft.tag.name)
        self.where.setText(draft.prim)
        names = colour_maps(self._workspace.colormaps)
        if names != tuple(self.colormap.itemText(i) for i in range(self.colormap.count())):
            self.colormap.clear()
            self.colormap.addItems(names)
        self.channel.setCurrentIndex(self.channel.findData(draft.channel))
        self.colormap.setCurrentText(draft.colormap)
        self.axis.setCurrentText(draft.axis)
        for field, value in (
            (self.low, draft.low),
            (self.high, draft.high),
            (self.first, draft.first),
            (self.last, draft.last),
        ):
            field.setText(f"{value:g}")
        self._filling = False

    def _show_rows(self, draft: Draft) -> None:
        coloured, plain = draft.channel in COLOURED, draft.channel in ("visibility", "label")
        for key, shown in (
            ("colormap", coloured),
            ("axis", draft.channel in AXIAL),
            ("range", not plain),
            ("result", not plain and not coloured),
        ):
            for widget in self._rows[key]:
                widget.setVisible(shown)

    def _edited(self, _value: object = None) -> None:
        draft = self._workspace.authoring.draft
        if self._filling or draft is None:
            return
        channel = str(self.channel.currentData())
        first, last = _number(self.first), _number(self.last)
        if channel != draft.channel:
            first, last = OFFERED[channel][1]
        self._workspace.authoring.change(
            replace(
                draft,
                channel=channel,
                colormap=self.colormap.currentText(),
                axis=self.axis.currentText(),
                low=_number(self.low),
                high=_number(self.high),
                first=first,
                last=last,
            )
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self._workspace.authoring.cancel()
            return
        super().keyPressEvent(event)


def _number(field: QLineEdit) -> float:
    try:
        return float(field.text().strip().replace(",", "."))
    except ValueError:
        return float("nan")
