"""The fields of the sheet of procedures and how they are laid out; `ui.procedure_sheet` does what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from armillary.session.procedure_form import ROLES, SKIPS
from armillary.ui.edit_sheet import EditSheet
from armillary.ui.expression_field import ExpressionField
from armillary.ui.pieces import label
from armillary.ui.tables import button

WIDTH, HEIGHT = 860, 640
_LINES_PX = 72
_STEPS_PX = 300
_BUTTON_PX = 62
_FUNCTIONS = ("abs", "min", "max", "good", "age")


class ProcedureFields(EditSheet):
    """Widgets only."""

    def __init__(
        self,
        cameras: Sequence[str],
        names: Sequence[str],
        acts: Mapping[str, Callable[[], object]],
        parent: QWidget | None = None,
    ) -> None:
        """acts: what the buttons do, by a word each. names: that a condition may read."""
        super().__init__(parent)
        self._acts = acts
        self.setWindowTitle("Procedures")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self.choice = QComboBox()
        self.id, self.title, self.about = QLineEdit(), QLineEdit(), QLineEdit()
        self.role, self.skip, self.camera = QComboBox(), QComboBox(), QComboBox()
        self.steps = QListWidget()
        self.step_id, self.step_title, self.prims = QLineEdit(), QLineEdit(), QLineEdit()
        self.text = QPlainTextEdit()
        self.until = ExpressionField(_FUNCTIONS)
        self.unit, self.held = QLineEdit(), QLineEdit()
        self.confirm = QCheckBox("A person confirms")
        self.now = label("", wrap=True)
        self.view_text = label("", "muted")
        self.findings, self.why = label("", wrap=True), label("", "bad", wrap=True)
        self.save = button("Save", "Save the procedure", self._acts["save"], primary=True)
        self.delete = button("Delete", "Delete the procedure", self._acts["delete"])
        self.walk = button(
            "Walk through", "Show the steps in the scene, from this one on", self._acts["walk"]
        )
        self.export = button(
            "Export …", "Write the saved procedure as a USDZ and a page", self._acts["export"]
        )
        self._lay_out(cameras, names)

    def _lay_out(self, cameras: Sequence[str], names: Sequence[str]) -> None:
        self.role.addItems(list(ROLES))
        self.skip.addItems(list(SKIPS))
        self.camera.addItems(["", *cameras])
        self.camera.setEditable(True)
        self.until.set_names(names)
        self.text.setFixedHeight(_LINES_PX)
        self.text.setTabChangesFocus(True)
        named: tuple[tuple[QWidget, str], ...] = (
            (self.choice, "Procedure"),
            (self.id, "Id"),
            (self.title, "Title"),
            (self.about, "What it is for"),
            (self.role, "Who carries it out"),
            (self.steps, "Steps"),
            (self.step_id, "Id of the step"),
            (self.step_title, "Title of the step"),
            (self.text, "What is to be done"),
            (self.prims, "Parts"),
            (self.camera, "Camera"),
            (self.until, "Done when"),
            (self.unit, "Unit of the condition"),
            (self.held, "Held for, s"),
            (self.skip, "Who may skip it"),
        )
        for widget, name in named:
            widget.setAccessibleName(name)
        head = QGridLayout()
        for column, (title, field) in enumerate((("Id", self.id), ("Title", self.title), ("Who", self.role))):
            head.addWidget(label(title), 0, column)
            head.addWidget(field, 1, column)
        head.addWidget(self.about, 2, 0, 1, 3)
        head.setColumnStretch(1, 1)
        self.about.setPlaceholderText("What it is for, and what to mind")
        middle = QHBoxLayout()
        middle.addLayout(self._list_side())
        middle.addLayout(self._step_side(), 1)
        foot = QHBoxLayout()
        foot.addWidget(self.delete)
        foot.addWidget(self.walk)
        foot.addWidget(self.export)
        foot.addStretch(1)
        foot.addWidget(button("Close", "Close without saving", self.reject))
        foot.addWidget(self.save)
        rows = QVBoxLayout(self)
        rows.addWidget(self.choice)
        rows.addLayout(head)
        rows.addLayout(middle, 1)
        rows.addWidget(self.findings)
        rows.addWidget(self.why)
        rows.addLayout(foot)

    def _list_side(self) -> QVBoxLayout:
        self.steps.setMinimumWidth(_STEPS_PX)
        side, row = QVBoxLayout(), QHBoxLayout()
        side.addWidget(self.steps, 1)
        for word, tip, run in (
            ("Add", "Add a step behind this one", self._acts["add"]),
            ("Twice", "The same step again", self._acts["twice"]),
            ("Up", "This step earlier", self._acts["up"]),
            ("Down", "This step later", self._acts["down"]),
            ("Out", "Take this step out", self._acts["out"]),
        ):
            small = button(word, tip, run)
            small.setFixedWidth(_BUTTON_PX)
            row.addWidget(small)
        side.addLayout(row)
        return side

    def _step_side(self) -> QGridLayout:
        grid = QGridLayout()
        parts = QHBoxLayout()
        parts.addWidget(self.prims, 1)
        parts.addWidget(
            button("Take selected", "The parts that are selected in the scene", self._acts["take"])
        )
        view = QHBoxLayout()
        view.addWidget(self.camera, 1)
        view.addWidget(button("Keep this view", "The present view of the scene", self._acts["keep"]))
        view.addWidget(button("No view", "Forget the view that was kept", self._acts["forget"]))
        held = QHBoxLayout()
        beside: tuple[tuple[QWidget, str], ...] = (
            (self.unit, "in"),
            (self.held, "for, s"),
            (self.skip, "skipped by"),
        )
        for widget, title in beside:
            held.addWidget(label(title))
            held.addWidget(widget)
        fields: tuple[tuple[str, QWidget | QHBoxLayout], ...] = (
            ("Step", self.step_id),
            ("Title", self.step_title),
            ("Text", self.text),
            ("Parts", parts),
            ("Seen from", view),
            ("", self.view_text),
            ("Done when", self.until),
            ("", self.now),
            ("", held),
            ("", self.confirm),
        )
        for row, (title, what) in enumerate(fields):
            grid.addWidget(label(title), row, 0, Qt.AlignmentFlag.AlignTop)
            if isinstance(what, QHBoxLayout):
                grid.addLayout(what, row, 1)
            else:
                grid.addWidget(what, row, 1)
        grid.setRowStretch(grid.rowCount(), 1)
        return grid
