"""The sheets that ask a person something: name and password, or a reason. Nothing typed is logged or kept."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from armillary.model.fault import FaultRecord
from armillary.session.people import People
from armillary.ui.pieces import label
from armillary.ui.sheet import Sheet

WIDTH = 340


class LoginSheet(Sheet):
    """Name and password; closes when the world knows who this is."""

    def __init__(self, people: People, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._people = people
        self.setWindowTitle("Log in")
        self.setMinimumWidth(WIDTH)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.user = QLineEdit()
        self.user.setAccessibleName("User name")
        self.user.setPlaceholderText("User name")
        self.password = QLineEdit()
        self.password.setAccessibleName("Password")
        self.password.setPlaceholderText("Password")
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.why = label("", "bad", wrap=True)
        self.why.hide()
        self.go = QPushButton("Log in")
        self.go.setProperty("primary", True)
        self.go.setDefault(True)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        self.go.clicked.connect(lambda _checked=False: self._go())
        cancel.clicked.connect(lambda _checked=False: self.reject())
        rows = QVBoxLayout(self)
        now = f"Now: {people.name}" if people.is_logged_in else "Nobody is logged in."
        rows.addWidget(label(now, "muted", wrap=True))
        for widget in (self.user, self.password, self.why):
            rows.addWidget(widget)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.go)
        rows.addLayout(buttons)
        self.user.setFocus()

    def _go(self) -> None:
        user, password = self.user.text().strip(), self.password.text()
        if not user or not password:
            self._tell("Type your name and your password.")
            return
        self.password.clear()  # kept by nobody from here on
        self.go.setEnabled(False)
        self.go.setText("Logging in …")
        self._people.login(user, password, self._done)

    def _done(self, fault: FaultRecord | None) -> None:
        self.go.setEnabled(True)
        self.go.setText("Log in")
        if fault is None:
            self.accept()
        else:
            self._tell(f"{fault.what} {fault.remedy}".strip())
            self.password.setFocus()

    def _tell(self, text: str) -> None:
        self.why.setText(text)
        self.why.setVisible(bool(text))


class ReasonSheet(Sheet):
    """Asks a reason before something that is audited."""

    def __init__(
        self, title: str, text: str, button: str, done: Callable[[str], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._done = done
        self.setWindowTitle(title)
        self.setMinimumWidth(WIDTH)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.reason = QLineEdit()
        self.reason.setAccessibleName("Reason")
        self.reason.setPlaceholderText("Reason (kept in the audit)")
        self.go = QPushButton(button)
        self.go.setProperty("primary", True)
        self.go.setEnabled(False)
        self.reason.textChanged.connect(lambda typed: self.go.setEnabled(bool(typed.strip())))
        self.go.clicked.connect(lambda _checked=False: self._go())
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(lambda _checked=False: self.reject())
        rows = QVBoxLayout(self)
        rows.addWidget(label(text, wrap=True))
        rows.addWidget(self.reason)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.go)
        rows.addLayout(buttons)

    def _go(self) -> None:
        self._done(self.reason.text().strip())
        self.accept()
