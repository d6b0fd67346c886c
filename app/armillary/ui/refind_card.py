"""The card that finds bound parts again after a new export: lines to take, correct or refuse, then Accept."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from armillary.model.rematch import SURE, Match
from armillary.model.scene import index_of
from armillary.session.refinding import Line, tally
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.tables import button

WIDTH_PX, HEIGHT_PX, GAP_PX = 430, 320, 12
MOST_LINES = 2_000
_ROOM_PX = 4


class RefindCard(QFrame):
    """At the left of the picture while parts are sought; a line selects its part and goes there."""

    def __init__(
        self,
        over: QWidget,
        workspace: Workspace,
        fly: Callable[[tuple[int, ...]], None],
        say: Callable[[str], None],
        mark: Callable[[Match | None, int], None],
    ) -> None:
        """mark: shows where a part was and the prim that it is, -1 for none."""
        super().__init__(over)
        self._over, self._at, self._fly, self._mark = over, workspace, fly, mark
        self.setProperty("role", "card")
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text, self.why = label("", wrap=True), label("", "muted", wrap=True)
        self.list = QListWidget()
        self.list.setAccessibleName("Bound parts that are not as they were")
        self.list.setUniformItemSizes(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.itemChanged.connect(self._ticked)
        self.list.currentRowChanged.connect(self._chosen)
        finding = workspace.refinding
        self.sure = button("Take what is sure", "Take all lines of 90 % and more, no others", self._take_sure)
        self.use = button("Use the selected part", "It is the part that is selected", self._use)
        self.accept = button("Accept", "Save the lines that are taken, as one step of undo", finding.accept)
        self.accept.setProperty("primary", True)
        self.shut = button("Close", "Give up what was found; nothing is written", finding.close)
        aids, foot = QHBoxLayout(), QHBoxLayout()
        for row, pressed in ((aids, self.sure), (aids, self.use), (foot, self.shut), (foot, self.accept)):
            row.addWidget(pressed)
        aids.addStretch(1)
        foot.insertStretch(0, 1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(10, 8, 10, 8)
        rows.addWidget(self.text)
        rows.addWidget(self.list, 1)
        rows.addWidget(self.why)
        rows.addLayout(aids)
        rows.addLayout(foot)
        self._filling = False
        over.installEventFilter(self)
        finding.changed.connect(self.refresh)
        finding.told.connect(say)
        workspace.selection_changed.connect(lambda _prims: self._enable())
        self.refresh()

    def refresh(self) -> None:
        """Show the lines as they are, that they are being sought, or nothing."""
        finding = self._at.refinding
        self.setVisible(finding.is_open)
        row = self.list.currentRow()
        self._filling = True
        self.list.clear()
        for line in finding.lines[:MOST_LINES]:
            item = QListWidgetItem(_text(line), self.list)
            item.setToolTip(f"{line.match.old}\n{line.to or 'nowhere'}\n{line.match.why}")
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if line.is_taken else Qt.CheckState.Unchecked)
        self.list.setCurrentRow(row if row < self.list.count() else -1)
        self._filling = False
        if finding.is_seeking:
            self.text.setText("Looking for what is bound …")
        else:
            found = tally(finding.lines) if finding.lines else "All that is bound is where it was."
            more = len(finding.lines) - MOST_LINES
            self.text.setText(found + (f" {more:,} more are not listed." if more > 0 else ""))
        for part in (self.list, self.why, self.sure, self.use, self.accept):
            part.setVisible(bool(finding.lines))
        self._enable()
        self._explain()
        if finding.is_open:
            self.raise_()
            self._place()
        else:
            self._mark(None, -1)

    def _line(self) -> Line | None:
        row, lines = self.list.currentRow(), self._at.refinding.lines
        return lines[row] if 0 <= row < len(lines) else None

    def _enable(self) -> None:
        self.use.setEnabled(self._line() is not None and bool(self._at.selection))
        self.accept.setEnabled(any(line.is_taken for line in self._at.refinding.lines))

    def _explain(self) -> None:
        line = self._line()
        if line is None:
            self.why.setText("")
            return
        match = line.match
        far = f" {match.moved_m:.3g} m from where it was." if match.moved_m else ""
        others = f" It may be {' or '.join(match.others)}." if match.others else ""
        self.why.setText(f"{match.old} → {line.to or 'nothing'}: {match.why}.{far}{others}")
        self._place()

    def _chosen(self, _row: int) -> None:
        if self._filling:
            return
        line, scene = self._line(), self._at.scene
        self._explain()
        self._enable()
        path = "" if line is None else line.to or next(iter(line.match.others), "")
        prim = index_of(scene.prim_path).get(path, -1) if scene is not None and path else -1
        if prim >= 0:
            self._at.select((prim,))
            self._fly((prim,))
        self._mark(line.match if line is not None else None, prim)

    def _ticked(self, item: QListWidgetItem) -> None:
        if not self._filling:
            is_on = item.checkState() == Qt.CheckState.Checked
            self._at.refinding.take(self.list.row(item), taken=is_on)

    def _take_sure(self, _checked: bool = False) -> None:
        self._at.refinding.take_above(SURE)

    def _use(self, _checked: bool = False) -> None:
        scene, chosen = self._at.scene, self._at.selection
        if scene is not None and chosen and self._line() is not None:
            self._at.refinding.correct(self.list.currentRow(), scene.prim_path[chosen[-1]])

    def _place(self) -> None:
        lines = self.list.count() * max(self.list.sizeHintForRow(0), 0) + 2 * self.list.frameWidth()
        self.list.setFixedHeight(min(lines + _ROOM_PX, HEIGHT_PX))
        width = min(WIDTH_PX, self._over.width() - 2 * GAP_PX)
        arranged = self.layout()
        height = arranged.totalHeightForWidth(width) if arranged is not None else self.sizeHint().height()
        self.setGeometry(GAP_PX, GAP_PX, width, min(height, max(self._over.height() - 2 * GAP_PX, 60)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False


def _text(line: Line) -> str:
    old, new = line.match.old, line.to or "–"
    sure = (
        f"{line.match.confidence:.0%}"
        if line.to == line.match.new and line.to
        else "by hand"
        if line.to
        else ""
    )
    return f"{line.match.kind}  {sure}  {old} → {new}"
