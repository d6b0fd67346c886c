"""Small widgets that several panels are made of: headings, empty states, search fields, icon buttons."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt
from PySide6.QtWidgets import QAbstractItemView, QFrame, QLabel, QLineEdit, QToolButton, QVBoxLayout, QWidget

from armillary.ui import icons, timers
from armillary.ui.theme import Colours

TYPING_MS = 120  # a pause in typing after which a filter is applied


def label(text: str = "", role: str = "", *, wrap: bool = False, copyable: bool = False) -> QLabel:
    """Return a label; `role` picks its style: muted, heading, title, value, empty, bad."""
    out = QLabel(text)
    out.setTextFormat(Qt.TextFormat.PlainText)  # names and messages come from files: never markup
    out.setProperty("role", role)
    out.setWordWrap(wrap)
    if copyable:
        out.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        out.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return out


def empty(text: str) -> QLabel:
    """Return the text of an empty state: what it is, why it is empty, what to do."""
    out = label(text, "empty", wrap=True)
    out.setAlignment(Qt.AlignmentFlag.AlignCenter)
    out.setAccessibleName(text)
    return out


def rule() -> QFrame:
    """Return a thin horizontal line."""
    out = QFrame()
    out.setProperty("role", "rule")
    out.setFixedHeight(1)
    return out


def restyle(widget: QWidget) -> None:
    """Read the style sheet again after a property that it looks at has changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class IconButton(QToolButton):
    """A tool button with one of our drawings, which follows the theme."""

    def __init__(self, name: str, text: str, clicked: Callable[[], object] | None = None) -> None:
        super().__init__()
        self._name = name
        self.setToolTip(text)
        self.setAccessibleName(text)
        self.setIconSize(QSize(16, 16))
        self.setMinimumSize(26, 26)
        if clicked is not None:
            self.clicked.connect(lambda _checked=False: clicked())

    def set_drawing(self, name: str, colours: Colours) -> None:
        """Show another drawing."""
        self._name = name
        self.set_colours(colours)

    def set_colours(self, colours: Colours) -> None:
        """Draw in a theme."""
        self.setIcon(icons.icon(self._name, colours.muted, colours.line))


class Search(QLineEdit):
    """A search field that tells after a pause in typing; Escape empties it."""

    def __init__(self, hint: str, name: str, changed: Callable[[str], object]) -> None:
        super().__init__()
        self.setPlaceholderText(hint)
        self.setAccessibleName(name)
        self.setClearButtonEnabled(True)
        for button in self.findChildren(QToolButton):
            button.setAccessibleName("Clear the search")
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._pause = timers.once(self, TYPING_MS, lambda: changed(self.text()))
        self.textChanged.connect(lambda _text: self._pause.start())


class EmptyOver(QObject):
    """Keeps the text of an empty state over the middle of a view while the view has no rows."""

    def __init__(self, view: QAbstractItemView, text: str) -> None:
        super().__init__(view)
        self._view = view
        self._label = empty(text)
        self._label.setParent(view.viewport())
        self._label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        view.viewport().installEventFilter(self)
        self.set(text)

    def set(self, text: str) -> None:
        """Show `text`; "" hides it, as there are rows."""
        self._label.setText(text)
        self._label.setAccessibleName(text)
        self._label.setVisible(bool(text))
        self._place()

    @property
    def text(self) -> str:
        """What stands there now, "" for nothing."""
        return self._label.text()

    def _place(self) -> None:
        self._label.setGeometry(QRect(0, 0, self._view.viewport().width(), self._view.viewport().height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False


class Section(QWidget):
    """A heading that opens and closes what stands below it."""

    def __init__(self, title: str, content: QWidget, *, is_open: bool = True) -> None:
        super().__init__()
        self.content = content
        self.button = QToolButton()
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setCheckable(True)
        self.button.setChecked(is_open)
        self.button.setProperty("role", "section")
        self.button.toggled.connect(self._toggled)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 4, 0, 0)
        rows.setSpacing(2)
        rows.addWidget(self.button)
        rows.addWidget(content)
        self.set_title(title)
        self._toggled(is_open)

    def set_title(self, title: str) -> None:
        """Name the section, e.g. with a count."""
        self.button.setText(title)
        self.button.setAccessibleName(f"Section {title}")

    def _toggled(self, is_open: bool) -> None:
        self.content.setVisible(is_open)
        arrow = Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow
        self.button.setArrowType(arrow)
