"""Drift dock: how what the plant sends differs from the model, and what is decided of each difference."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from armillary.model.clock import iso
from armillary.model.drift import CODES, DriftItem, DriftReport
from armillary.model.frame import WorldKind
from armillary.session.drifting import DriftBook
from armillary.session.workspace import Workspace
from armillary.ui import icons
from armillary.ui.pieces import EmptyOver, label
from armillary.ui.tables import button, choices
from armillary.ui.theme import Colours

HEADINGS = ("Code", "What differs", "Model", "Plant", "Since")
CODE, WHAT, MODEL, PLANT, SINCE = range(5)
_WIDTHS = {CODE: 64, MODEL: 110, PLANT: 130, SINCE: 76}
ASK_MS = 10_000
MOST_SHOWN = 1_000
_ICONS = {"error": "warning", "warning": "warning", "note": "tag"}
_NOTHING = "Nothing differs between model and plant."
_NOT_YET = "Not judged yet: the first time is a minute after the world began."
_ELSEWHERE = "Drift is judged in the live world. Go back to live with L."


class DriftPanel(QWidget):
    """A list of differences, worst first; `show_tag` brings a tag to the front by its slot."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        say: Callable[[str], None],
        show_tag: Callable[[int], None],
    ) -> None:
        super().__init__()
        self._at, self._colours, self._show_tag = workspace, colours, show_tag
        self.book = DriftBook(workspace)
        self._rows: tuple[DriftItem, ...] = ()
        self.counts = label("", "muted", wrap=True)
        self.table = choices("Differences between model and plant", HEADINGS, WHAT, _WIDTHS)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setWordWrap(False)
        self.table.itemSelectionChanged.connect(self._chosen_changed)
        self.table.itemActivated.connect(lambda _item: self._show_chosen())
        self.accept = button("Accept", "Let the model say what the plant does", self._accept, primary=True)
        self.tag = QLineEdit()
        self.tag.setPlaceholderText("Tag to map to")
        self.tag.setAccessibleName("Tag that the new address is mapped to")
        self.map = button("Map", "Give the named tag this address", self._map)
        self.reason = QLineEdit()
        self.reason.setPlaceholderText("Why it is refused")
        self.reason.setAccessibleName("Why the difference is refused")
        self.refuse = button("Refuse", "Hear of the chosen differences no more", self._refuse)
        self.alarm = button("Raise alarm", "Add an alarm on the tag's quality", self._alarm)
        self.again = button("Judge now", "Compare model and plant now", lambda: self.book.ask(now=True))
        self.restore = button("Hear refused again", "Take all refusals back", self._restore)
        self._lay_out()
        self.empty = EmptyOver(self.table, "")
        self._timer = QTimer(self)
        self._timer.setInterval(ASK_MS)
        self._timer.timeout.connect(self._ask)
        self.book.changed.connect(self.refresh)
        self.book.told.connect(say)
        for signal in (workspace.world_changed, workspace.visited, workspace.project_changed):
            signal.connect(self.refresh)
        for field in (self.tag, self.reason):
            field.textChanged.connect(lambda _text: self._chosen_changed())
        self.refresh()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(8, 6, 8, 2)
        head.addWidget(self.counts, 1)
        head.addWidget(self.restore)
        head.addWidget(self.again)
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 4, 8, 6)
        foot.setSpacing(8)
        for widget in (self.accept, self.tag, self.map, self.reason, self.refuse, self.alarm):
            foot.addWidget(widget, 1 if isinstance(widget, QLineEdit) else 0)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addLayout(head)
        rows.addWidget(self.table, 1)
        rows.addLayout(foot)
        self.setFocusProxy(self.table)

    # ------------------------------------------------------------ showing

    def _ask(self) -> None:
        if self.isVisible():
            self.book.ask()

    def showEvent(self, _event: object) -> None:  # noqa: N802  Qt's name
        self._timer.start()
        self.book.ask()

    def refresh(self) -> None:
        """Show the report as it was read last; what is chosen stays chosen."""
        chosen = {item.key for item in self.chosen()}
        report = self.book.report
        self._rows = report.items[:MOST_SHOWN]
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._rows))
        for row, item in enumerate(self._rows):
            self._fill(row, item)
        self.table.clearSelection()
        for row, item in enumerate(self._rows):
            if item.key in chosen:
                for column in range(len(HEADINGS)):
                    if (cell := self.table.item(row, column)) is not None:
                        cell.setSelected(True)
        self.table.blockSignals(False)
        self.counts.setText(self.book.why or summary(report))
        self.restore.setVisible(bool(report.refused))
        self.restore.setToolTip("\n".join(f"{r.by}: {r.what} {r.why}".strip() for r in report.refused[:20]))
        is_live = self._at.kind is WorldKind.LIVE
        self.empty.set(
            _ELSEWHERE if not is_live else "" if self._rows else _NOTHING if report.judged_ns else _NOT_YET
        )
        self._chosen_changed()

    def _fill(self, row: int, item: DriftItem) -> None:
        waits = " (accepted: load the project's changes)" if item.key in self.book.accepted else ""
        since = iso(item.since_ns)[11:19] if item.since_ns else ""
        for column, text in enumerate((item.code, item.what + waits, item.model, item.plant, since)):
            cell = QTableWidgetItem(text)
            cell.setToolTip(f"{CODES.get(item.code, '')}\n{text}" if column == CODE else text)
            if column == CODE:
                colour = self._colours.bad_text if item.level == "error" else self._colours.muted
                cell.setIcon(icons.icon(_ICONS[item.level], colour))
            self.table.setItem(row, column, cell)

    def chosen(self) -> tuple[DriftItem, ...]:
        """Return the differences that are selected."""
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        return tuple(self._rows[row] for row in rows if row < len(self._rows))

    def _chosen_changed(self) -> None:
        chosen, why = self.chosen(), self.book.why_not()
        one = chosen[0] if len(chosen) == 1 else None
        fresh = [item for item in chosen if item.key not in self.book.accepted]
        if one is not None and one.code == "D01" and one.other and not self.tag.text():
            self.tag.setText(one.other)
        may = not why and bool(fresh)
        no = self.book.why_not(writes=False)
        self.accept.setEnabled(may and all(self.book.may_accept(item) for item in fresh))
        self.tag.setVisible(one is not None and one.code == "D01")
        self.map.setVisible(self.tag.isVisibleTo(self))
        self.map.setEnabled(may and bool(self.tag.text().strip()))
        self.refuse.setEnabled(not no and bool(chosen and self.reason.text().strip()))
        self.refuse.setToolTip(no or ("" if self.reason.text().strip() else "Say why first."))
        self.alarm.setEnabled(may and all(item.tag for item in fresh))
        self.accept.setToolTip(why)
        self.restore.setEnabled(not no)

    def _show_chosen(self) -> None:
        for item in self.chosen()[:1]:
            slot = next((s.slot for s in self._at.specs if s.name == item.tag), -1)
            if slot >= 0:
                self._show_tag(slot)

    # ------------------------------------------------------------ deciding

    def _accept(self) -> None:
        for item in self.chosen():
            self.book.accept(item)

    def _map(self) -> None:
        for item in self.chosen()[:1]:
            self.book.map(item, self.tag.text().strip())
        self.tag.clear()

    def _refuse(self) -> None:
        for item in self.chosen():
            self.book.refuse(item, self.reason.text().strip())
        self.reason.clear()

    def _alarm(self) -> None:
        for item in self.chosen():
            self.book.alarm(item)

    def _restore(self) -> None:
        for refusal in self.book.report.refused:
            self.book.restore(refusal.key)

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.refresh()


def summary(report: DriftReport) -> str:
    """Return the counts of a report in words."""
    if not report.judged_ns:
        return ""
    found = "  ".join(f"{code} {n}" for code, n in report.counts().items()) or "No differences"
    more = [f"{len(report.refused)} refused"] if report.refused else []
    more += [f"{report.topics} topics without a tag"] if report.topics else []
    more += [f"{report.left_out} left out: too many"] if report.left_out else []
    return " · ".join([found, *more, f"judged {iso(report.judged_ns)[11:19]} UTC"])
