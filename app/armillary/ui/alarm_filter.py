"""What is listed of the alarms: search, which, grouped by what, and the views that a person keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QPushButton, QWidget

from armillary.session.alarm_list import EVERYTHING, GroupBy, ListView, SortBy, Views, Which, views_of
from armillary.session.settings import Settings
from armillary.session.workspace import Workspace
from armillary.ui.login import ReasonSheet
from armillary.ui.pieces import Search

KEPT, POSITION = "alarm-views", "position"  # in the settings
WHICH: tuple[Which, ...] = ("all", "waiting", "active", "urgent", "hidden")
FILTERS = ("All", "Not acknowledged", "Active", "Priority 1 and 2", "Hidden")
HIDDEN = WHICH.index("hidden")
GROUPS: tuple[GroupBy, ...] = ("", "asset", "priority", "area", "link", "category")
GROUPED = ("Not grouped", "By asset", "By priority", "By area", "By link", "By class")
_PRIORITIES = ("1 critical", "2 high", "3 medium", "4 low")


class AlarmFilter(QWidget):
    """A line of fields; `changed` is called with every other view."""

    def __init__(self, workspace: Workspace, settings: Settings, changed: Callable[[], None]) -> None:
        super().__init__()
        self._at, self._changed = workspace, changed
        self._view = EVERYTHING
        self._is_filling = False
        self.views = Views(lambda text: settings.set(KEPT, text), views_of(settings.get(KEPT)))
        self.search = Search("Search alarms", "Search alarms", lambda _text: self._typed())
        self.search.setMinimumWidth(48)
        self.search.setMaximumWidth(180)
        self.which = _box("Which alarms are listed", FILTERS, 130, self._picked)
        self.more = QPushButton("View")
        self.more.setAccessibleName("Grouping, priority, kind, area and kept views")
        self.more.setToolTip("Group; narrow to a priority, kind or area; keep this view under a name")
        self.menu = QMenu(self)
        self.menu.aboutToShow.connect(self._fill)
        self.more.setMenu(self.menu)
        self._settings = settings
        self.outside = QPushButton()
        self.outside.setCheckable(True)
        self.outside.setAccessibleName("List the alarms outside this position, too")
        self.outside.toggled.connect(lambda on: self._put(replace(self._view, everywhere=on)))
        self.outside.hide()
        if not workspace.alarms.stand.name:
            workspace.alarms.stand.at(settings.get(POSITION))
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(6)
        for widget in (self.outside, self.search, self.which, self.more):
            line.addWidget(widget)

    @property
    def view(self) -> ListView:
        """What is shown now."""
        return self._view

    def show_view(self, view: ListView) -> None:
        """Show a view."""
        self._is_filling = True
        self._view = view
        self.search.setText(view.text)
        self.which.setCurrentIndex(WHICH.index(view.which))
        self.outside.setChecked(view.everywhere)
        self._is_filling = False
        self._tell()

    def sort(self, column: SortBy, descending: bool) -> None:
        """Sort by a column, "" for the usual order."""
        self._put(replace(self._view, sort=column, descending=descending and bool(column)))

    def _typed(self) -> None:
        if not self._is_filling:
            self._put(replace(self._view, text=self.search.text()))

    def _picked(self) -> None:
        if not self._is_filling:
            self._put(replace(self._view, which=WHICH[self.which.currentIndex()]))

    def _put(self, view: ListView) -> None:
        if view != self._view:
            self._view = view
            self._tell()

    def _tell(self) -> None:
        view = self._view
        n = sum(bool(part) for part in (view.priority, view.kind, view.area, view.group))
        self.more.setText(f"View ({n})" if n else "View")
        self._changed()

    def name_outside(self, n: int) -> None:
        """Say how many alarms stand outside the position; without a position nothing."""
        stand = self._at.alarms.stand
        self.outside.setVisible(stand.is_narrow)
        self.outside.setText(f"Outside {stand.name}: {n}")
        self.outside.setToolTip("Show all" if not self._view.everywhere else "Show this position's only")

    def name_hidden(self, n: int) -> None:
        """Say how many are hidden."""
        self.which.setItemText(HIDDEN, f"{FILTERS[HIDDEN]} ({n})" if n else FILTERS[HIDDEN])

    # ------------------------------------------------------------ the menu
    def _fill(self) -> None:
        menu, view, book = self.menu, self._view, self._at.alarms
        menu.clear()
        groups = list(zip(GROUPED, GROUPS, strict=True))
        self._choices("Group", groups, view.group, "group")
        priorities = [(word, number) for number, word in enumerate(_PRIORITIES, 1)]
        self._choices("Priority", [("Every priority", 0), *priorities], view.priority, "priority")
        kinds = sorted({str(spec.kind) for spec in book.table.specs})
        self._choices("Kind", [("Every kind", ""), *((kind, kind) for kind in kinds)], view.kind, "kind")
        areas = [name for name in book.codes("area")[0] if name]
        if areas:
            self._choices("Area", [("Every area", ""), *((a, a) for a in areas)], view.area, "area")
        if positions := self._at.alarms.stand.names:
            found = [("All positions", ""), *((name, name) for name in positions)]
            self._choices("Position", found, self._at.alarms.stand.name, "position")
        menu.addSeparator()
        for name, kept in sorted(self.views.held.items()):
            action = menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(kept == view)
            action.triggered.connect(lambda _on=False, kept=kept: self.show_view(kept))
        menu.addAction("Keep this view…").triggered.connect(lambda _on=False: self._ask_name())
        if self.views.held:
            forget = menu.addMenu("Forget")
            for name in sorted(self.views.held):
                forget.addAction(name).triggered.connect(lambda _on=False, name=name: self.views.forget(name))
        everything = menu.addAction("Show everything")
        everything.setEnabled(view != EVERYTHING)
        everything.triggered.connect(lambda _on=False: self.show_view(EVERYTHING))

    def _choices(
        self, title: str, choices: Sequence[tuple[str, int | str]], now: int | str, field: str
    ) -> None:
        menu = self.menu.addMenu(title)
        for text, value in choices:
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(value == now)
            action.triggered.connect(lambda _on=False, value=value: self._narrow(field, value))

    def _narrow(self, field: str, value: int | str) -> None:
        match field:
            case "priority":
                self._put(replace(self._view, priority=int(value)))
            case "group":
                found = next(group for group in GROUPS if group == value)
                self._put(replace(self._view, group=found))
            case "position":
                self._settings.set(POSITION, str(value))
                self._at.alarms.stand_at(str(value))
                self._changed()
            case "kind":
                self._put(replace(self._view, kind=str(value)))
            case _:
                self._put(replace(self._view, area=str(value)))

    def _ask_name(self) -> None:
        sheet = ReasonSheet(
            "Keep this view",
            "Search, filter, grouping and order are kept under this name, at this desk.",
            "Keep",
            self._keep,
            self,
        )
        sheet.reason.setPlaceholderText("Name of the view")
        sheet.reason.setAccessibleName("Name of the view")
        sheet.open()

    def _keep(self, name: str) -> None:
        self.views.keep(name, self._view)


def _box(name: str, texts: tuple[str, ...], width: int, picked: Callable[[], None]) -> QComboBox:
    out = QComboBox()
    out.setAccessibleName(name)
    out.addItems(texts)
    out.setMaximumWidth(width)
    out.currentIndexChanged.connect(lambda _i: picked())
    return out
