"""The sheet on which variables of a simulator get their tags: list, units, proposals, what is not mapped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QCompleter,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from armillary.model.fault import Fault
from armillary.session.modelmap import MapRow, ModelMap
from armillary.ui.pieces import EmptyOver, Search, label
from armillary.ui.sheet import Sheet
from armillary.ui.tables import choices
from armillary.ui.theme import Colours

_HEADINGS = ("Variable", "Kind", "Unit", "Start", "Tag: type or pick", "What it means")
_NAME, _KIND, _UNIT, _START, _TAG, _SAYS = range(6)
_SIZE = (900, 560)
_ID = Qt.ItemDataRole.UserRole
Told = Callable[[str], None]


class _TagEditor(QStyledItemDelegate):
    """A field with the project's tags to choose from."""

    def __init__(self, parent: QWidget, names: Callable[[], list[str]]) -> None:
        super().__init__(parent)
        self._names = names

    def createEditor(  # noqa: N802  Qt's name
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        """Return a line that completes names of tags."""
        line = QLineEdit(parent)
        line.setAccessibleName(f"Tag of {index.data(_ID)}")
        completer = QCompleter(self._names(), line)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        line.setCompleter(completer)
        return line

    def setModelData(  # noqa: N802  Qt's name
        self, editor: QWidget, model: QAbstractItemModel, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Hand over what was typed."""
        if isinstance(editor, QLineEdit):
            model.setData(index, editor.text().strip())


class ModelSheet(Sheet):
    """One simulator and its map. What is saved is a what-if scenario."""

    def __init__(
        self,
        mapping: ModelMap,
        colours: Colours,
        names: Callable[[], list[str]],
        saved: Told,
        parent: QWidget | None = None,
    ) -> None:
        """names: the tags of the plant. saved: learns the name of the scenario that was written."""
        super().__init__(parent)
        self._map, self._colours, self._saved = mapping, colours, saved
        self._filling = False
        self.setWindowTitle("Simulator and tags")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*_SIZE)
        self.scenario, self.simulator, self.title = QComboBox(), QComboBox(), QLineEdit()
        self.scenario.setAccessibleName("Scenario")
        self.simulator.setAccessibleName("Simulator")
        self.title.setAccessibleName("Title of the new scenario")
        self.title.setPlaceholderText("Title of the new scenario")
        self.search = Search(
            "Search variables and tags", "Search variables and tags", lambda _text: self._hide()
        )
        self.open_only = QCheckBox("Only what is not mapped")
        self.take = QPushButton("Take proposals")
        self.take.setAccessibleName("Map what is named alike")
        self.state = label("", "muted", wrap=True)
        self.why = label("", "bad", wrap=True)
        self.save = QPushButton("Save")
        self.save.setProperty("primary", True)
        self.save.setAccessibleName("Save the scenario")
        self.cancel = QPushButton("Cancel")
        for button in (self.take, self.save, self.cancel):
            button.setAutoDefault(False)
        self.view = self._table(names)
        self.empty = EmptyOver(self.view, "")
        self._lay_out()
        self._offer()
        self.scenario.activated.connect(lambda _index: self._scenario_chosen())
        self.simulator.activated.connect(lambda _index: self._simulator_chosen())
        self.open_only.toggled.connect(lambda _on: self._hide())
        self.take.clicked.connect(lambda _checked=False: self._take())
        self.title.textEdited.connect(lambda _text: self._buttons())
        self.save.clicked.connect(lambda _checked=False: self._save())
        self.cancel.clicked.connect(lambda _checked=False: self.reject())
        self.view.itemChanged.connect(self._edited)
        leave = mapping.changed.connect(self.refresh)
        self.finished.connect(lambda _result: leave())
        mapping.edit(None)
        self._simulator_chosen()

    def _table(self, names: Callable[[], list[str]]) -> QTableWidget:
        widths = {_NAME: 190, _KIND: 84, _UNIT: 64, _START: 64, _TAG: 190}
        view = choices("Variables of the simulator", _HEADINGS, _SAYS, widths)
        view.setItemDelegateForColumn(_TAG, _TagEditor(view, names))
        trigger = QAbstractItemView.EditTrigger
        view.setEditTriggers(
            trigger.DoubleClicked | trigger.SelectedClicked | trigger.AnyKeyPressed | trigger.EditKeyPressed
        )
        return view

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        for words, widget, stretch in (
            ("Scenario", self.scenario, 1),
            ("Simulator", self.simulator, 1),
            ("", self.title, 2),
        ):
            if words:
                top.addWidget(label(words, "muted"))
            top.addWidget(widget, stretch)
        second = QHBoxLayout()
        second.addWidget(self.search, 1)
        second.addWidget(self.open_only)
        second.addWidget(self.take)
        buttons = QHBoxLayout()
        buttons.addWidget(self.why, 1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        rows = QVBoxLayout(self)
        rows.addLayout(top)
        rows.addWidget(self.state)
        rows.addLayout(second)
        rows.addWidget(self.view, 1)
        rows.addLayout(buttons)

    def _offer(self) -> None:
        self.scenario.addItem("a new one", "")
        for path in self._map.scenarios:
            self.scenario.addItem(path.stem, str(path))
        for choice in self._map.choices:
            self.simulator.addItem(choice.title, choice)

    # ------------------------------------------------------------ showing

    def refresh(self) -> None:
        """Show the model and its map as they are now."""
        mapping = self._map
        info, trouble = mapping.info, mapping.trouble
        if mapping.is_reading:
            text = "Reading the model in a process of its own …"
        elif trouble is not None:
            text = f"{trouble.what} {trouble.remedy}".strip()
        elif info is None:
            text = "No simulator: install a package with one, or put an FMU into the project's folder."
        else:
            version = f" {info.version}" if info.version else ""
            text = " ".join((f"{info.name}{version}, steps of {info.step_s:g} s.", *info.needs))
        self.state.setText(text)
        self.state.setAccessibleName(text)
        self.title.setVisible(mapping.scenario is None)
        self._fill(mapping.rows)
        self.empty.set("" if mapping.rows else text)
        self._hide()
        self._buttons()

    def _fill(self, rows: tuple[MapRow, ...]) -> None:
        self._filling = True
        if self.view.rowCount() != len(rows):
            self.view.setRowCount(len(rows))
        for i, row in enumerate(rows):
            v = row.variable
            texts = (v.name, v.causality, v.unit, f"{v.start:g}", row.tag, row.says)
            for column, text in enumerate(texts):
                item = self.view.item(i, column)
                if item is None:
                    item = QTableWidgetItem()
                    if column != _TAG:
                        item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                    self.view.setItem(i, column, item)
                if item.text() != text:
                    item.setText(text)
                    item.setToolTip(v.title if column == _NAME and v.title else text)
                item.setData(_ID, v.name)
                tone = self._colours.bad_text if row.trouble and column in (_TAG, _SAYS) else ""
                muted = self._colours.muted if not row.tag and column == _SAYS else self._colours.text
                item.setForeground(QColor(tone or muted))
        self._filling = False

    def _hide(self) -> None:
        words = self.search.text().lower().split()
        for i, row in enumerate(self._map.rows):
            text = f"{row.variable.name} {row.variable.title} {row.tag} {row.proposal}".lower()
            is_away = self.open_only.isChecked() and bool(row.tag) and not row.trouble
            self.view.setRowHidden(i, is_away or not all(word in text for word in words))

    def _buttons(self) -> None:
        n = self._map.proposals
        self.take.setText(f"Take {n} proposal{'s' if n != 1 else ''}" if n else "No proposals")
        self.take.setEnabled(n > 0)
        why = self._map.why_not_save(self.title.text())
        self.save.setEnabled(not why)
        self.save.setToolTip(why)
        self.why.setText(why if self._map.rows else "")

    # ------------------------------------------------------------ acting

    def _scenario_chosen(self) -> None:
        path = str(self.scenario.currentData() or "")
        try:
            self._map.edit(Path(path) if path else None)
        except Fault as fault:
            self._tell(fault)
            return
        choice = self._map.choice
        known = [self.simulator.itemData(i) for i in range(self.simulator.count())]
        keys = [(one.kind, one.file) for one in known]
        if path and choice is not None and (choice.kind, choice.file) in keys:
            self.simulator.setCurrentIndex(keys.index((choice.kind, choice.file)))

    def _simulator_chosen(self) -> None:
        choice = self.simulator.currentData()
        if choice is not None:
            self._map.open(choice)

    def _edited(self, item: QTableWidgetItem) -> None:
        if self._filling or item.column() != _TAG:
            return
        why = self._map.map(str(item.data(_ID)), item.text().strip())
        if why:
            self.refresh()
            self.why.setText(why)

    def _take(self) -> None:
        self._map.take_proposals()

    def _save(self) -> None:
        try:
            path = self._map.save(self.title.text())
        except Fault as fault:
            self._tell(fault)
            return
        self._saved(path.stem)
        self.accept()

    def _tell(self, fault: Fault) -> None:
        self.why.setText(f"{fault.what} {fault.remedy}".strip())
