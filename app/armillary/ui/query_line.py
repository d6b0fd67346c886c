"""A line for queries: completes words of the plant, asks on Enter, forgets on Escape."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QStringListModel, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCompleter, QLineEdit, QToolButton

Offers = Callable[[str], Sequence[str]]


class _Words(QCompleter):
    """Completes the last word; what stands before it stays."""

    def __init__(self, line: QLineEdit) -> None:
        self._list = QStringListModel()
        super().__init__(self._list, line)
        self._list.setParent(self)
        self._line = line
        self.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setMaxVisibleItems(12)
        if (popup := self.popup()) is not None:
            popup.setAccessibleName("Words that can come next")

    def offer(self, words: Sequence[str]) -> None:
        """Offer these words."""
        self._list.setStringList(list(words))

    @property
    def offered(self) -> list[str]:
        """What is offered now."""
        return list(self._list.stringList())

    @property
    def is_open(self) -> bool:
        """Whether the list is shown."""
        popup = self.popup()
        return popup is not None and popup.isVisible()

    def pathFromIndex(self, index: QModelIndex | QPersistentModelIndex) -> str:  # noqa: N802  Qt's name
        """Return the whole line with its last word completed."""
        return completed(self._line.text(), str(index.data()))

    def splitPath(self, _path: str) -> list[str]:  # noqa: N802  Qt's name
        """Return nothing to filter by: what is offered fits already."""
        return [""]


class QueryLine(QLineEdit):
    """One query being written."""

    def __init__(self, offers: Offers, ask: Callable[[str], None], forget: Callable[[], None]) -> None:
        super().__init__()
        self._offers, self._ask, self._forget = offers, ask, forget
        self.setPlaceholderText("pumps feeding T-102 with vibration > 4 mm/s")
        self.setAccessibleName("Query over twins")
        self.setClearButtonEnabled(True)
        for button in self.findChildren(QToolButton):
            button.setAccessibleName("Clear the query")
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.words = _Words(self)
        self.setCompleter(self.words)
        self.textEdited.connect(self._offer)
        self.textChanged.connect(lambda text: None if text else forget())
        self.returnPressed.connect(lambda: ask(self.text()))

    def _offer(self, text: str) -> None:
        self.words.offer(self._offers(text))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  Qt's name
        """Escape empties the line; Down offers what can come next."""
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
            self._forget()
            event.accept()
            return
        if event.key() == Qt.Key.Key_Down and not self.words.is_open:
            self._offer(self.text())
            self.words.complete()
            return
        super().keyPressEvent(event)


def completed(text: str, word: str) -> str:
    """Return a text with its last word replaced, an opening bracket before it kept."""
    before, _, last = text.rpartition(" ")
    brackets = last[: len(last) - len(last.lstrip("("))]
    return f"{before} {brackets}{word}".lstrip() if before else f"{brackets}{word}"
