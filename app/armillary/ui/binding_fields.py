"""Fields of a binding in a form: each with its name, its editor, and under it why it cannot be so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QPlainTextEdit, QWidget

from armillary.model.expression import WORDS
from armillary.session.binding_form import BY_KEY, Entry
from armillary.ui.expression_field import ExpressionField
from armillary.ui.pieces import label

_TABLE_PX = 84
Editor = QLineEdit | QComboBox | QPlainTextEdit


class BindingFields(QWidget):
    """Shows the fields it is told to. What is typed goes to `typed(key, text)`; it changes nothing itself."""

    def __init__(self, keys: Sequence[str], typed: Callable[[str, str], None]) -> None:
        super().__init__()
        self._typed = typed
        self._filling = False
        self.editors: dict[str, Editor] = {}
        self.errors = {key: label("", "bad", wrap=True) for key in keys}
        self._names = {key: label(BY_KEY[key].title, "muted") for key in keys}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        for row, key in enumerate(keys):
            self.editors[key] = editor = self._editor(BY_KEY[key])
            editor.setAccessibleName(BY_KEY[key].title)
            editor.setToolTip(BY_KEY[key].hint)
            grid.addWidget(self._names[key], 2 * row, 0)
            grid.addWidget(editor, 2 * row, 1)
            grid.addWidget(self.errors[key], 2 * row + 1, 0, 1, 2)

    def _editor(self, entry: Entry) -> Editor:
        if entry.choices:
            box = QComboBox()
            box.addItems(entry.choices)
            box.currentTextChanged.connect(lambda text: self._edited(entry.key, text))
            return box
        if entry.kind == "states":
            table = QPlainTextEdit()
            table.setFixedHeight(_TABLE_PX)
            table.setTabChangesFocus(True)
            table.setPlaceholderText(entry.hint)
            table.textChanged.connect(lambda: self._edited(entry.key, table.toPlainText()))
            return table
        expressed = entry.kind in ("expr", "signal")
        field = ExpressionField(sorted(WORDS) if entry.kind == "expr" else ()) if expressed else QLineEdit()
        field.setPlaceholderText(entry.hint)
        field.textEdited.connect(lambda text: self._edited(entry.key, text))
        return field

    def _edited(self, key: str, text: str) -> None:
        if not self._filling:
            self._typed(key, text)

    def set_names(self, tags: Sequence[str]) -> None:
        """Give the tags that can be completed."""
        for key, editor in self.editors.items():
            if isinstance(editor, ExpressionField):
                editor.set_names(tags, ("x", "t", "q") if key == "expr" else ())

    def show_fields(
        self,
        keys: Sequence[str],
        texts: Mapping[str, str],
        whys: Mapping[str, str],
        refused: Collection[str] = (),
    ) -> None:
        """Show these fields with these texts; what is being typed, and what was refused, stays as it is."""
        self._filling = True
        for key, editor in self.editors.items():
            shown = key in keys
            why = whys.get(key, "") if shown else ""
            for widget in (self._names[key], editor):
                widget.setVisible(shown)
            self.errors[key].setText(why)
            self.errors[key].setVisible(bool(why))
            if not editor.hasFocus() and key not in refused:
                self._fill(editor, texts.get(key, ""))
        self._filling = False
        self.setVisible(bool(keys))

    @staticmethod
    def _fill(editor: Editor, text: str) -> None:
        if isinstance(editor, QComboBox):
            editor.setCurrentText(text)
        elif isinstance(editor, QPlainTextEdit):
            if editor.toPlainText() != text:
                editor.setPlainText(text)
        elif editor.text() != text:
            editor.setText(text)

    def text(self, key: str) -> str:
        """Return what stands in a field."""
        editor = self.editors[key]
        if isinstance(editor, QComboBox):
            return editor.currentText()
        return editor.toPlainText() if isinstance(editor, QPlainTextEdit) else editor.text()

    def type_in(self, key: str, text: str) -> None:
        """Put a text in a field as if it were typed."""
        self._fill(self.editors[key], text)
        if not isinstance(self.editors[key], QComboBox | QPlainTextEdit):
            self._edited(key, text)
