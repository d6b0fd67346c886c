"""Editing what a tag and its alarms are: unit, range, limits; checked, saved to the project, undone again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import isfinite

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from armillary.model.alarm import AlarmSpec
from armillary.model.fault import Fault
from armillary.session import limits
from armillary.session import limits_form as forms
from armillary.session.alarm_row import limit_text
from armillary.session.author_actions import may_not_author
from armillary.session.kind_trial import Trial
from armillary.session.limits_fields import HIGH, LOW, OFFERED, Entry
from armillary.session.limits_form import Form
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.tables import button

_LINES = 2  # of a long text
_KINDS = {
    "level": "Beyond a limit",
    "count": "Readings in sequence beyond a limit",
    "rate": "Changes too fast",
    "deviation": "Too far from a tag or a number",
    "state": "In an alarm state",
    "discrepancy": "Does not follow its command",
    "expression": "A condition over tags",
    "quality": "Stale or bad for too long",
    "predicted": "Will be beyond a limit",
}
Input = QLineEdit | QComboBox | QPlainTextEdit


class LimitsCard(QFrame):
    """One tag or alarm in hand. Nothing is written before *Save*."""

    closed = Signal()

    def __init__(self, workspace: Workspace, say: Callable[[str], None]) -> None:
        super().__init__()
        self._at, self._say = workspace, say
        self._form: Form | None = None
        self._alarm: AlarmSpec | None = None
        self._past: Trial | None = None
        self._rated: tuple[str, str] | None = None
        self.fields: dict[str, Input] = {}
        self.setProperty("role", "card")
        self.setAccessibleName("Edit a tag or an alarm")
        self.title = label("", "value", wrap=True)
        self.kind = QComboBox()
        self.kind.setAccessibleName("Kind of alarm")
        for key in OFFERED:
            self.kind.addItem(_KINDS[key], key)
        self.hint = label("", "muted", wrap=True)
        self.trial = label("", wrap=True)
        self.advice = label("", wrap=True)
        self.use = button("Use it", "Fill the suggestion in; nothing is saved yet", self._use)
        self._changes: Mapping[str, float] = {}
        self.save = QPushButton("Save")
        self.save.setAccessibleName("Save the change to the project")
        self.save.setProperty("primary", True)
        self.cancel = QPushButton("Cancel")
        self.cancel.setAccessibleName("Cancel the change")
        for pressed in (self.save, self.cancel):
            pressed.setAutoDefault(False)
        self._rows = QWidget()
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(10, 10, 10, 10)
        self._column.setSpacing(6)
        for widget in (self.title, self.kind, self._rows, self.trial, self.advice, self.use, self.hint):
            self._column.addWidget(widget)
        for widget in (self.advice, self.use):
            widget.hide()
        self._column.addLayout(buttons)
        self.kind.currentIndexChanged.connect(self._other_kind)
        self.save.clicked.connect(self._save)
        self.cancel.clicked.connect(self.close_card)
        workspace.visited.connect(self.close_card)
        workspace.project_changed.connect(self._project_changed)
        self.hide()

    # ------------------------------------------------------------ opening
    def edit_tag(self, slot: int) -> None:
        """Open the form of a tag."""
        spec = self._at.specs[slot]
        self._try(lambda project: self._open(forms.tag_form(project, spec), None))

    def edit_alarm(self, spec: AlarmSpec) -> None:
        """Open the form of an alarm."""
        tag = self._at.specs[spec.slot] if 0 <= spec.slot < len(self._at.specs) else None
        unit = tag.unit if tag is not None else ""
        self._try(lambda project: self._open(forms.alarm_form(project, spec, unit, tag), spec))

    def new_alarm(self, slot: int, kind: str = "level") -> None:
        """Open the form of an alarm that is not there yet."""
        spec, taken = self._at.specs[slot], tuple(self._at.alarms.specs)
        self._try(lambda project: self._open(forms.new_alarm_form(project, spec, taken, kind), None))

    def _try(self, make: Callable[..., None]) -> None:
        project = self._at.project
        if why := may_not_author(self._at) or ("" if project is not None else "No project is open."):
            self._say(f"Edit: {why}")
        elif project is not None:
            try:
                make(project.folder)
            except Fault as fault:
                self._say(f"{fault.what} {fault.remedy}")

    def _open(self, form: Form, alarm: AlarmSpec | None) -> None:
        is_same = self._form is not None and self._past is not None and self._past.tag == form.subject
        self._form, self._alarm, self._rated = form, alarm, None
        self.title.setText(form.title)
        self.kind.setVisible(form.is_new)
        self.kind.blockSignals(True)
        self.kind.setCurrentIndex(max(0, self.kind.findData(form.fixed.get("kind", "level"))))
        self.kind.blockSignals(False)
        self._lay_out(form)
        self.show()
        if form.alarm and not is_same:
            now_ns = self._at.now_ns()
            names = {spec.name: spec for spec in self._at.specs}
            self._past = Trial(self._at.ask_recorder, form.subject, names, now_ns, self._known)
        self._advise()
        self._typed()
        next(iter(self.fields.values())).setFocus()

    def _lay_out(self, form: Form) -> None:
        """Make the fields anew."""
        self.fields = {}
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(6)
        line = 0
        for entry in form.entries:
            field = self._field(entry, form)
            self.fields[entry.id] = field
            if entry.end == HIGH:
                grid.addWidget(field, line - 1, 2)
                continue
            name = label(self._name(entry, form), "muted")
            name.setToolTip(entry.hint)
            grid.addWidget(name, line, 0, Qt.AlignmentFlag.AlignTop if entry.is_long else Qt.AlignmentFlag(0))
            grid.addWidget(field, line, 1, 1, 1 if entry.end == LOW else 2)
            line += 1
        self._column.replaceWidget(self._rows, rows)
        self._rows.hide()
        self._rows.deleteLater()
        self._rows = rows
        rows.show()

    @staticmethod
    def _name(entry: Entry, form: Form) -> str:
        in_unit = entry.key in ("range", "write_range", "limit", "deadband") and form.unit
        unit = f"{form.unit}/s" if form.kind == "rate" else form.unit
        return f"{entry.title}, {unit}" if in_unit else entry.title

    def _field(self, entry: Entry, form: Form) -> Input:
        text, end = form.texts[entry.id], {LOW: " low", HIGH: " high"}.get(entry.end, "")
        field: Input
        if entry.choices:
            field = QComboBox()
            field.addItems(entry.choices)
            field.setCurrentText(text)
            field.currentIndexChanged.connect(self._typed)
            field.view().setAccessibleName(f"Choices: {entry.title}")
        elif entry.is_long:
            field = QPlainTextEdit(text)
            field.setTabChangesFocus(True)
            field.setFixedHeight(field.fontMetrics().lineSpacing() * _LINES + 14)
            field.textChanged.connect(self._typed)
        else:
            field = QLineEdit(text)
            field.setPlaceholderText(entry.usual)
            field.textChanged.connect(self._typed)
            field.returnPressed.connect(self._save)
        field.setAccessibleName(f"{entry.title}{end} of {form.alarm or form.subject}")
        field.setToolTip(entry.hint)
        return field

    def texts(self) -> Mapping[str, str]:
        """Return what stands in the fields, by name."""
        return {
            name: field.text()
            if isinstance(field, QLineEdit)
            else field.currentText()
            if isinstance(field, QComboBox)
            else field.toPlainText()
            for name, field in self.fields.items()
        }

    @property
    def is_open(self) -> bool:
        """Whether a tag or an alarm is in hand."""
        return self._form is not None

    def close_card(self, _checked: bool = False) -> None:
        """Give up what is in hand."""
        if self._form is not None:
            self._form = self._alarm = self._past = None
            self.hide()
            self.closed.emit()

    def _project_changed(self) -> None:
        if self._at.project is None:
            self.close_card()

    # ------------------------------------------------------------ typing and saving
    def _other_kind(self, _index: int) -> None:
        form = self._form
        if form is None or not form.is_new:
            return
        typed = self.texts()
        slot = next((s.slot for s in self._at.specs if s.name == form.subject), -1)
        if slot >= 0:
            self.new_alarm(slot, str(self.kind.currentData()))
            for name, text in typed.items():  # what both kinds ask for is kept, where somebody typed it
                if text == form.texts.get(name):
                    continue
                if isinstance(field := self.fields.get(name), QLineEdit):
                    field.setText(text)
                elif isinstance(field, QComboBox):
                    field.setCurrentText(text)
                elif field is not None:
                    field.setPlainText(text)

    def _typed(self, _value: object = None) -> None:
        form = self._form
        if form is None:
            return
        texts = self.texts()
        self._rate(texts)
        texts = self.texts()
        _, why = forms.changes(form, texts)
        self.hint.setText(why)
        self.hint.setVisible(bool(why))
        self.save.setEnabled(not why)
        self.save.setToolTip(why)
        told = ""
        if form.alarm and self._past is not None:
            told = self._past.told(forms.spec_of(form, self._alarm, texts), self._alarm)
        self.trial.setText(told)
        self.trial.setVisible(bool(told))

    def _rate(self, texts: Mapping[str, str]) -> None:
        """Choose the priority that severity and time to respond give, once when one of them changes."""
        said = (texts.get("severity", ""), texts.get("time_to_respond_s", ""))
        if said == self._rated:
            return
        is_first, self._rated = self._rated is None, said
        priority, field = self._suggested(texts), self.fields.get("priority")
        if not is_first and priority and isinstance(field, QComboBox):
            field.setCurrentText(str(priority))

    def _suggested(self, texts: Mapping[str, str]) -> int:
        return forms.suggested_priority(self._form.kind, texts) if self._form is not None else 0

    def _known(self) -> None:
        self._advise()
        self._typed()

    def _advise(self) -> None:
        """Say what would quieten the alarm as it is, proved on its past; an engineer decides."""
        words, self._changes = "", {}
        if self._past is not None and self._alarm is not None and self._form is not None:
            specs = self._at.specs
            tag = specs[self._alarm.slot] if 0 <= self._alarm.slot < len(specs) else None
            span = tag.high - tag.low if tag is not None and isfinite(tag.high - tag.low) else 0.0
            words, self._changes = self._past.suggestion(self._alarm, span, self._form.unit)
        self.advice.setText(f"Suggested: {words}." if words else "")
        for widget in (self.advice, self.use):
            widget.setVisible(bool(words))

    def _use(self) -> None:
        for key, value in self._changes.items():
            if isinstance(field := self.fields.get(key), QLineEdit):
                field.setText(f"{value:g}")

    def _save(self, _checked: bool = False) -> None:
        form, at = self._form, self._at
        if form is None or at.project is None or not self.save.isEnabled():
            return
        changed, _ = forms.changes(form, self.texts())
        change = limits.change_alarm if form.alarm else limits.change_tag
        subject = form.alarm or form.subject
        try:
            told = change(at.project.folder, at.undo, subject, changed, at.now_ns(), form.since)
        except Fault as fault:
            self.hint.setText(f"Not saved: {fault.what} {fault.remedy}")
            self.hint.show()
            return
        self.close_card()
        self._say(told)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self.close_card()
            return
        super().keyPressEvent(event)


class LimitsList(QWidget):
    """The alarms of a part in words, each with *Edit…*; *Edit…* of a tag, *New alarm…*."""

    def __init__(self, workspace: Workspace, card: LimitsCard, chosen: Callable[[], int]) -> None:
        super().__init__()
        self._at, self._card, self._chosen = workspace, card, chosen
        self._said: object = None
        self.edit = button("Edit tag…", "Edit the tag", lambda: self._with_tag(card.edit_tag))
        self.new = button("New alarm…", "New alarm of the tag", lambda: self._with_tag(card.new_alarm))
        self._bar = QWidget()
        bar = QHBoxLayout(self._bar)
        bar.setContentsMargins(0, 0, 0, 0)
        bar.addWidget(self.edit)
        bar.addWidget(self.new)
        bar.addStretch(1)
        self._grid = QGridLayout()
        self._grid.setColumnStretch(0, 1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addLayout(self._grid)
        rows.addWidget(self._bar)

    def _with_tag(self, run: Callable[[int], None]) -> None:
        if (slot := self._chosen()) >= 0:
            run(slot)

    def show_tags(self, slots: tuple[int, ...]) -> int:
        """Show the alarms of these tags; return how many there are."""
        at = self._at
        wanted = set(slots)
        found = [s for s in at.alarms.specs.values() if s.slot in wanted] if wanted else []
        found.sort(key=lambda spec: (spec.priority, spec.id))
        may = not may_not_author(at) and at.project is not None
        self._bar.setVisible(may and bool(slots))
        self.name_tag()
        said = (tuple(found), may, len(at.specs))
        if said == self._said:
            return len(found)
        self._said = said
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for row, spec in enumerate(found):
            words = f"{spec.priority}  {spec.title or spec.id}\n    {limit_text(spec, at.specs[spec.slot])}"
            told = label(words, wrap=True)
            told.setToolTip(f"{spec.id}\n{spec.consequence}\nWhat to do: {spec.operator_action}")
            self._grid.addWidget(told, row, 0)
            if may:
                edit = button("Edit…", f"Edit alarm {spec.id}", partial(self._card.edit_alarm, spec))
                self._grid.addWidget(edit, row, 1, Qt.AlignmentFlag.AlignTop)
        return len(found)

    def name_tag(self) -> None:
        """Say in the buttons which tag they are for: the line selected in the values, else the first."""
        slot = self._chosen()
        name = self._at.specs[slot].name if 0 <= slot < len(self._at.specs) else "tag"
        self.edit.setText(f"Edit {name}…")
        self.edit.setAccessibleName(f"Edit tag {name}")
        self.new.setAccessibleName(f"New alarm of {name}")
        self.new.setToolTip(f"New alarm of {name}")
