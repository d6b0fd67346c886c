"""A field for expressions: it completes names of tags and functions where the cursor stands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import QStringListModel, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCompleter, QLineEdit, QListView

_WORD = re.compile(r"`?[^\s`'\"()\[\]{},<>=+*/%&|^~@;!\\]+$")
_PLAIN = re.compile(r"[^\W\d][\w.\-:]*$")
_SHORTEST = 1  # characters after which names are proposed
_MOST_SHOWN = 12


class ExpressionField(QLineEdit):
    """Ctrl+Space proposes all names; typing proposes those that begin like the word at the cursor."""

    def __init__(self, functions: Sequence[str] = ()) -> None:
        super().__init__()
        self._functions = tuple(functions)
        self._model = QStringListModel(self)
        self.completer_ = QCompleter(self._model, self)
        self.completer_.setWidget(self)
        self.completer_.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.completer_.setModelSorting(QCompleter.ModelSorting.CaseInsensitivelySortedModel)
        self.completer_.setMaxVisibleItems(_MOST_SHOWN)
        self.names = QListView()
        self.names.setAccessibleName("Proposed names")
        self.completer_.setPopup(self.names)
        self.completer_.activated.connect(self.take)
        self.textEdited.connect(lambda _text: self._propose(_SHORTEST))

    def set_names(self, tags: Sequence[str], variables: Sequence[str] = ()) -> None:
        """Give the names that can stand in an expression."""
        calls = (f"{name}(" for name in self._functions)
        self._model.setStringList(sorted({*tags, *variables, *calls}, key=str.casefold))

    @property
    def word(self) -> str:
        """The word that ends at the cursor."""
        found = _WORD.search(self.text()[: self.cursorPosition()])
        return found.group() if found else ""

    def proposals(self) -> list[str]:
        """Return what is proposed for the word at the cursor, at most a dozen."""
        self.completer_.setCompletionPrefix(self.word.lstrip("`"))
        shown = self.completer_.completionModel()
        rows = min(shown.rowCount(), _MOST_SHOWN)
        return [str(shown.index(row, 0).data()) for row in range(rows)]

    def _propose(self, least: int) -> None:
        word = self.word
        popup = self.names
        if len(word) < least or word[:1].isdigit():
            popup.hide()
            return
        names = self.proposals()
        if not names or names == [word]:
            popup.hide()
        elif self.hasFocus():
            self.completer_.complete()

    def take(self, name: str) -> None:
        """Put a name in the place of the word at the cursor; one that Python could misread, in backticks."""
        at = self.cursorPosition()
        begin = at - len(self.word)
        plain = name if name.endswith("(") or _PLAIN.fullmatch(name) else f"`{name}`"
        self.setText(self.text()[:begin] + plain + self.text()[at:])
        self.setCursorPosition(begin + len(plain))
        self.textEdited.emit(self.text())
        self.names.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        is_open = self.names.isVisible()
        if is_open and event.key() in (
            Qt.Key.Key_Return,
            Qt.Key.Key_Enter,
            Qt.Key.Key_Escape,
            Qt.Key.Key_Tab,
        ):
            event.ignore()  # the list of names takes these
            return
        if event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self._propose(0)
            return
        super().keyPressEvent(event)
