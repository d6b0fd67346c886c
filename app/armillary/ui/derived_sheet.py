"""The sheet of derived tags: an expression with completion, its unit worked out, its last hour drawn."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from armillary.model.expression import WORDS
from armillary.model.fault import Fault
from armillary.session import derived_form as form
from armillary.session import limits
from armillary.session.derived_form import Derived, PastHour
from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.ui.edit_sheet import EditSheet
from armillary.ui.expression_field import ExpressionField
from armillary.ui.pieces import label
from armillary.ui.rule_sheet import Strip
from armillary.ui.tables import button
from armillary.ui.theme import Colours

WIDTH, HEIGHT = 680, 520
PAUSE_MS = 500
_NEW = "New derived tag"
_TITLES = {
    "name": "Tag",
    "expression": "Expression",
    "unit": "Unit",
    "title": "Title",
    "low": "From",
    "high": "To",
}
_HINTS = {
    "name": "<twin>.<tag>, e.g. P-101.specific_energy",
    "expression": "P-101.power / P-101.flow",
    "unit": "blank: none",
    "low": "least plausible value; blank: no limit",
    "high": "greatest plausible value",
}


class DerivedSheet(EditSheet):
    """Nothing is written before *Save*."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        say: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._at, self._say = workspace, say
        self._since = ""
        self._name = ""  # of the tag in hand
        self.setWindowTitle("Derived tags")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self.tag = QComboBox()
        self.tag.setAccessibleName("Derived tag")
        self.fields: dict[str, QLineEdit] = {
            key: ExpressionField(sorted(WORDS)) if key == "expression" else QLineEdit() for key in form.FIELDS
        }
        self.errors = {key: label("", "bad", wrap=True) for key in form.FIELDS}
        self.unit_words = label("", "muted", wrap=True)
        self.take_unit = button("Take it", "Take the unit that the expression gives", self._take_unit)
        self.past = PastHour(workspace, self._previewed)
        self.strip = Strip(colours)
        self.strip.setAccessibleName("What the tag would have been in the last hour")
        self.words = label("", wrap=True)
        self.why = label("", "bad", wrap=True)
        self.save = button("Save", "Save the derived tag to the project", self._save, primary=True)
        self.shut = button("Close", "Close without saving", self.reject)
        self._pause = timers.once(self, PAUSE_MS, self._ask)
        self._lay_out()
        expression = self.fields["expression"]
        assert isinstance(expression, ExpressionField)  # noqa: S101 - made above
        expression.set_names([spec.name for spec in workspace.specs])
        for field in self.fields.values():
            field.textChanged.connect(lambda _t: self._typed())
        self.tag.activated.connect(lambda _i: self._switch())
        workspace.visited.connect(self.drop)
        self.tag.addItem(_NEW, "")
        for spec in workspace.specs:
            if spec.expression and not spec.link:
                self.tag.addItem(spec.name, spec.name)
        self._take("")

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.addWidget(label("Derived tag", "muted"), 0, 0)
        grid.addWidget(self.tag, 0, 1)
        for row, (key, field) in enumerate(self.fields.items(), 1):
            field.setAccessibleName(_TITLES[key])
            field.setPlaceholderText(_HINTS.get(key, ""))
            grid.addWidget(label(_TITLES[key], "muted"), 2 * row, 0)
            grid.addWidget(field, 2 * row, 1)
            grid.addWidget(self.errors[key], 2 * row + 1, 1)
        grid.setColumnStretch(1, 1)
        unit = QHBoxLayout()
        unit.addWidget(self.unit_words, 1)
        unit.addWidget(self.take_unit)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.shut)
        foot.addWidget(self.save)
        column = QVBoxLayout(self)
        column.addLayout(grid)
        column.addLayout(unit)
        for widget in (self.strip, self.words, self.why):
            column.addWidget(widget)
        column.addStretch(1)
        column.addLayout(foot)

    # ------------------------------------------------------------ what is in hand

    def _take(self, name: str) -> None:
        project = self._at.project
        spec = next((spec for spec in self._at.specs if spec.name == name), None)
        held = form.taken(spec) if spec is not None else Derived()
        try:
            self._since = limits.text_of(project.folder, "twins.json") if project is not None else ""
        except Fault as fault:
            self.why.setText(f"{fault.what} {fault.remedy}")
        for key, field in self.fields.items():
            field.setText(getattr(held, key))
        self.fields["name"].setReadOnly(spec is not None)
        self._name = name
        self._typed()
        self.mark()

    def edited(self) -> object:
        """Return what stands in the fields."""
        return tuple(field.text() for field in self.fields.values())

    def _switch(self) -> None:
        """Take another tag in hand; asks first where this one is changed."""
        wanted = self.tag.currentIndex()

        def go() -> None:
            self.tag.setCurrentIndex(wanted)
            self._take(str(self.tag.itemData(wanted) or ""))

        if not self.ask_first(go):
            self.tag.setCurrentIndex(self.tag.findData(self._name))

    @property
    def held(self) -> Derived:
        """What stands in the fields."""
        return Derived(**{key: field.text().strip() for key, field in self.fields.items()})

    @property
    def _before(self) -> str:
        return str(self.tag.currentData() or "")

    def _typed(self) -> None:
        held = self.held
        found = form.judged(held, self._at.specs, before=self._before)
        is_blank = not held.name and not held.expression
        for key, why in self.errors.items():
            text = "" if is_blank else found.whys.get(key, "")
            why.setText(text)
            why.setVisible(bool(text))
        given = found.unit
        told = f"The expression gives {given or 'a plain number'}." if given is not None else ""
        told = told or (" ".join(found.notes) if not is_blank else "")
        self.unit_words.setText(told)
        self.take_unit.setVisible(bool(given) and given != held.unit)
        self.save.setEnabled(not found.whys)
        self.why.hide()
        self.past.clear()
        self.strip.show_trial(None)
        self.words.setText("")
        if "expression" not in found.whys:
            self._pause.start()

    def _take_unit(self) -> None:
        self.fields["unit"].setText(form.judged(self.held, self._at.specs, before=self._before).unit or "")

    def _ask(self) -> None:
        self.past.ask(self.held)

    def _previewed(self) -> None:
        self.strip.show_trial(self.past.trial)
        self.words.setText(self.past.words)

    def _save(self) -> None:
        if self.save_or_say(lambda: form.save(self._at, self.held, self._since), self._say):
            self.accept()

    def done(self, result: int) -> None:
        """Close; what is being worked out is given up."""
        self._pause.stop()
        self.past.clear()
        super().done(result)
