"""The sheet of versions: what was published and by whom, what differs since, publish and restore."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from armillary.model.account import Login
from armillary.model.clock import iso
from armillary.model.fault import FaultRecord
from armillary.session.publishing import Wish
from armillary.session.versions import ADDED, CHANGED
from armillary.session.workspace import Workspace
from armillary.ui.pieces import EmptyOver, label
from armillary.ui.sheet import Sheet

WIDTH, HEIGHT = 860, 560
MOST_LINES = 5_000
_PRIM = Qt.ItemDataRole.UserRole
_NAME_PX, _WORD_PX, _WHEN_PX = 170, 90, 140
_MINUTES = 16  # characters of a time up to its minutes
_RGB = {"added": ADDED, "changed": CHANGED}


class VersionSheet(Sheet):
    """Beside the scene: a line of a difference chooses its part there. Nothing is written before a button."""

    def __init__(
        self,
        workspace: Workspace,
        say: Callable[[str], None],
        frame: Callable[[tuple[int, ...]], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._at, self._book, self._frame = workspace, workspace.version_book, frame
        self._shown: tuple[str, ...] | None = None  # versions in the list
        self.setWindowTitle("Versions of the project")
        self.resize(WIDTH, HEIGHT)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.words = label("", "heading", wrap=True)
        self.kept = _table(("Version", "When", "By", "What"), (_WORD_PX, _WHEN_PX, 110))
        self.kept.setAccessibleName("Versions that are kept")
        self.kept.currentItemChanged.connect(lambda _new, _old: self._chosen())
        self.none = EmptyOver(self.kept, "")
        self.differs = _table(("What", "Name", "How"), (_WORD_PX + 30, 250))
        self.differs.setAccessibleName("What differs since the chosen version")
        self.differs.itemClicked.connect(self._take)
        self.differs.itemActivated.connect(self._take)
        self.same = EmptyOver(self.differs, "")
        self.count = label("", "muted", wrap=True)
        self.paint = QPushButton("Colour the parts")
        self.paint.setToolTip("Show in the scene which parts the differences are about")
        self.paint.clicked.connect(lambda _checked=False: self._book.paint())
        self.restore = QPushButton("Restore this version…")
        self.restore.clicked.connect(lambda _checked=False: self._restore())
        self.form = _Form(workspace, self._done)
        self.why = label("", "bad", wrap=True)
        self._lay_out()
        self._parting = (
            self._book.changed.connect(self.refresh),
            self._book.told.connect(say),
            workspace.people.changed.connect(self.refresh),
        )
        self.finished.connect(lambda _result: self._leave())
        self._book.look(self._begin)
        self.refresh()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.count, 1)
        row.addWidget(self.paint)
        row.addWidget(self.restore)
        below = QWidget()
        lower = QVBoxLayout(below)
        lower.setContentsMargins(0, 0, 0, 0)
        lower.addWidget(self.differs, 1)
        lower.addLayout(row)
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(self.kept)
        parts.addWidget(below)
        parts.setStretchFactor(1, 1)
        rows = QVBoxLayout(self)
        rows.addWidget(self.words)
        rows.addWidget(parts, 1)
        rows.addWidget(self.why)
        rows.addWidget(self.form)

    def _leave(self) -> None:
        for part in self._parting:
            part()
        self._at.versions.clear()

    def _begin(self) -> None:
        """Compare with the newest version at once: that is what somebody wants to know first."""
        newest = next((record for record in self._book.kept if record.is_published), None)
        if newest is not None:
            self._book.compare(newest.version)

    # ------------------------------------------------------------ showing
    def refresh(self) -> None:
        """Show what is known now."""
        book = self._book
        self.words.setText(book.busy or book.words)
        self._fill_kept()
        self.differs.clear()
        for change in book.changes[:MOST_LINES]:
            how = change.verb if not change.fields else change.text.partition(": ")[2]
            item = QTreeWidgetItem([change.word, change.name, how])
            item.setData(0, _PRIM, change.prim)
            item.setToolTip(1, change.text)
            item.setToolTip(2, change.text)
            if change.verb in _RGB and change.prim:
                item.setForeground(0, QColor(*_RGB[change.verb]))
            self.differs.addTopLevelItem(item)
        left = len(book.changes) - MOST_LINES
        more = f" {left:,} more are not listed." if left > 0 else ""
        self.count.setText(f"Since {book.against}: {book.summary}.{more}" if book.against else "")
        nothing = bool(book.against) and not book.changes and not book.busy
        self.same.set(f"Nothing differs from {book.against}." if nothing else "")
        self.paint.setEnabled(any(change.prim for change in book.changes))
        why = book.why_no_publish()
        chosen = self._name()
        is_there = book.disk is not None and book.disk.version == chosen
        self.restore.setEnabled(bool(chosen) and not why and not is_there and not book.busy)
        self.restore.setToolTip(why or ("It is what is on disk." if is_there else "What is there is kept"))
        self.form.refresh()
        self.why.setText(f"{book.fault.what} {book.fault.remedy}" if book.fault is not None else "")
        self.why.setVisible(book.fault is not None)

    def _fill_kept(self) -> None:
        shown = tuple(record.version for record in self._book.kept)
        if shown == self._shown:
            return
        self._shown = shown
        chosen = self._name()
        self.kept.blockSignals(True)
        self.kept.clear()
        for record in self._book.kept:
            when = iso(record.t_ns)[:_MINUTES].replace("T", " ")
            item = QTreeWidgetItem(
                [record.version, when, " and ".join(record.by), record.note or record.words]
            )
            item.setToolTip(3, record.words)
            self.kept.addTopLevelItem(item)
            if record.version == chosen:
                self.kept.setCurrentItem(item)
        self.kept.blockSignals(False)
        self.none.set("" if self._book.kept else "Nothing was published yet. Publish what is on disk below.")

    def _name(self) -> str:
        item = self.kept.currentItem()
        return item.text(0) if item is not None else ""

    def _chosen(self) -> None:
        if self._name():
            self._book.compare(self._name())

    def _take(self, item: QTreeWidgetItem, _column: int = 0) -> None:
        """Choose the part that a difference is about, and look at it."""
        prim = self._at.prim_named(str(item.data(0, _PRIM) or ""))
        if prim is not None:
            self._at.select((prim,))
            self._frame((prim,))

    # ------------------------------------------------------------ acting
    def _restore(self) -> None:
        self._book.restore(self._name(), self.form.logins()[:1], self._done)

    def _done(self, fault: FaultRecord | None) -> None:
        if fault is None:
            self.form.clear()
        self.refresh()


class _Form(QWidget):
    """What a version is called, and who stands for it."""

    def __init__(self, workspace: Workspace, done: Callable[[FaultRecord | None], None]) -> None:
        super().__init__()
        self._at, self._book, self._done = workspace, workspace.version_book, done
        self.number = _field("Number of the version", "")
        self.note = _field("What the version is for", "What it is for")
        self.user, self.password = (
            _field("User name", "Your name"),
            _field("Password", "Password", secret=True),
        )
        self.second = _field("User name of the second person", "Second person")
        self.second_password = _field("Password of the second person", "Password", secret=True)
        self.go = QPushButton("Publish")
        self.go.setProperty("primary", True)
        self.go.clicked.connect(lambda _checked=False: self._publish())
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Version", _beside(self.number, self.note))
        self.people = _beside(self.user, self.password)
        self.others = _beside(self.second, self.second_password)
        form.addRow("By", self.people)
        form.addRow("With", self.others)
        form.addRow("", _beside(QWidget(), self.go))
        self._form = form

    def refresh(self) -> None:
        """Show what is asked for: names and passwords only where the project has accounts."""
        book, has_people = self._book, self._at.people.accounts
        why = book.why_no_publish()
        self.setVisible(not why)
        self._form.setRowVisible(self.people, has_people)
        self._form.setRowVisible(self.others, has_people)
        self.second.setPlaceholderText("Second person" if book.needs_two else "Second person, if you like")
        if has_people and not self.user.text() and self._at.people.is_logged_in:
            self.user.setText(self._at.people.user)
        if not self.number.isModified():
            self.number.setText(book.suggested)
        is_same = book.disk is not None
        self.go.setEnabled(not book.busy and not is_same)
        self.go.setToolTip("Nothing differs from what was published." if is_same else "Write down who did it")

    def logins(self) -> tuple[Login, ...]:
        """Return who was typed; the passwords are kept by nobody from here on."""
        pairs = ((self.user, self.password), (self.second, self.second_password))
        out = tuple(
            Login(user=u.text().strip(), password=p.text()) for u, p in pairs if u.text() and p.text()
        )
        self.password.clear()
        self.second_password.clear()
        return out

    def clear(self) -> None:
        """Begin anew."""
        for field in (self.note, self.second, self.number):
            field.clear()
            field.setModified(False)

    def _publish(self) -> None:
        wish = Wish(people=self.logins(), version=self.number.text().strip(), note=self.note.text().strip())
        self._book.publish(wish, self._done)


def _table(head: tuple[str, ...], widths: tuple[int, ...]) -> QTreeWidget:
    out = QTreeWidget()
    out.setHeaderLabels(list(head))
    out.setRootIsDecorated(False)
    out.setUniformRowHeights(True)
    for column, width in enumerate(widths):
        out.setColumnWidth(column, width)
    return out


def _field(name: str, hint: str, *, secret: bool = False) -> QLineEdit:
    out = QLineEdit()
    out.setAccessibleName(name)
    out.setPlaceholderText(hint)
    if secret:
        out.setEchoMode(QLineEdit.EchoMode.Password)
    return out


def _beside(*widgets: QWidget) -> QWidget:
    out = QWidget()
    row = QHBoxLayout(out)
    row.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        row.addWidget(widget, 1)
    return out
