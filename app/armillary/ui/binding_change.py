"""The row over the table of bindings that changes one field, or words in the tags, of all chosen ones."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLineEdit, QVBoxLayout

from armillary.model.binding import Binding
from armillary.session.binding_desk import BindingDesk
from armillary.session.binding_edit import Change, count
from armillary.session.binding_form import BY_KEY, ENTRIES
from armillary.session.draft import colour_maps
from armillary.ui import timers
from armillary.ui.pieces import label
from armillary.ui.tables import button

WORDS = "words"
_PAUSE_MS = 250
_LOOKED_AT = 2_000  # of those chosen, while somebody types; all are judged when it is done
Chosen = Callable[[], tuple[Binding, ...]]


class ChangeCard(QFrame):
    """Says what it would do before it does it."""

    def __init__(self, desk: BindingDesk, chosen: Chosen, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._desk, self._chosen, self._tell = desk, chosen, tell
        self.setProperty("role", "card")
        self.setAccessibleName("Change all chosen bindings")
        self.field = QComboBox()
        self.field.setAccessibleName("Field to change")
        for entry in ENTRIES:
            if entry.many and entry.kind != "states":
                self.field.addItem(entry.title, entry.key)
        self.field.addItem("Words in the tags", WORDS)
        self.words = QLineEdit()
        self.words.setPlaceholderText("replace")
        self.words.setAccessibleName("Words to replace")
        self.value = QComboBox()
        self.value.setEditable(True)
        self.value.setMinimumContentsLength(16)
        self.value.setAccessibleName("New value")
        self.preview = label("", "muted", wrap=True)
        self.apply = button("Apply", "Change all chosen bindings", self._apply, primary=True)
        row = QHBoxLayout()
        for widget in (self.field, self.words, self.value, self.apply):
            row.addWidget(widget)
        row.addStretch(1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 6, 8, 6)
        rows.addLayout(row)
        rows.addWidget(self.preview)
        self._late = timers.once(self, _PAUSE_MS, self.look)
        self.field.currentIndexChanged.connect(lambda _i: self._other_field())
        self.words.textEdited.connect(lambda _t: self._late.start())
        self.value.editTextChanged.connect(lambda _t: self._late.start())
        self._other_field()
        self.hide()

    @property
    def key(self) -> str:
        """The field that would be changed."""
        return str(self.field.currentData())

    def _other_field(self) -> None:
        key = self.key
        entry = BY_KEY.get(key)
        self.words.setVisible(key == WORDS)
        self.value.clear()
        names = entry.choices if entry is not None else ()
        if entry is not None and entry.kind == "colormap":
            names = colour_maps(self._desk.known.colormaps)
        self.value.addItems(names)
        field = self.value.lineEdit()
        if field is not None:
            field.setPlaceholderText("by" if entry is None else entry.hint)
        self.follow()

    def change(self, most: int | None = None) -> Change:
        """Return what would be done with what stands here, to the first `most` only where that is given."""
        chosen, text = self._chosen()[:most], self.value.currentText()
        if self.key == WORDS:
            return self._desk.replaced(chosen, self.words.text(), text)
        return self._desk.fields(chosen, {self.key: text})

    def follow(self) -> None:
        """Look again soon: other bindings are chosen, or another person is there."""
        if self.isVisible():
            self._late.start()

    def look(self) -> None:
        """Say what would be done."""
        self._late.stop()
        n = len(self._chosen())
        if why := self._desk.may_not() or ("" if n else "Choose bindings in the table."):
            self.preview.setText(why)
            self.apply.setEnabled(False)
            return
        change = self.change(_LOOKED_AT)
        part = f" Of the first {_LOOKED_AT}:" if n > _LOOKED_AT else ""
        self.preview.setText(f"{count(n)} chosen.{part} {change.words}")
        self.apply.setEnabled(bool(change.put or change.remove) and not change.why_not)

    def _apply(self) -> None:
        self.look()
        if self.apply.isEnabled():
            self._tell(self._desk.apply(self.change()))
