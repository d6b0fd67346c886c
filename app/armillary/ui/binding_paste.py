"""The sheet before bindings are pasted: on which part, by which tag, what cannot be; words can be changed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from armillary.model.binding import Binding
from armillary.session import binding_clip as clip
from armillary.session.binding_desk import BindingDesk
from armillary.session.binding_edit import count
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.sheet import Sheet
from armillary.ui.tables import button, fill, table

WIDTH, HEIGHT = 860, 520
_SHOWN = 200
_ARROW = "→"


class PasteSheet(Sheet):
    """Nothing is bound before *Paste*."""

    def __init__(
        self,
        desk: BindingDesk,
        bindings: tuple[Binding, ...],
        source: str,
        targets: tuple[str, ...],
        say: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk, self._bindings, self._source, self._targets, self._say = (
            desk,
            bindings,
            source,
            targets,
            say,
        )
        self.setWindowTitle("Paste bindings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        where = targets[0] if len(targets) == 1 else f"{len(targets)} parts"
        self.title = label(f"{count(len(bindings))} of {source} on {where}", "title", wrap=True)
        self.words = QLineEdit()
        self.words.setAccessibleName("Words in tags and what they become")
        self.words.setPlaceholderText(f"P-101A {_ARROW} P-101B; one pair, or several with ; between")
        self.words.setToolTip("Words of the tags' names; written as  old → new  or  old > new")
        self.lines = table("What would be bound", ("Part", "Drives", "Tag", "Becomes", ""), 4)
        self.told = label("", "muted", wrap=True)
        self.go = button("Paste", "Bind what can be bound", self.paste, primary=True)
        self.shut = button("Cancel", "Bind nothing", self.reject)
        row = QHBoxLayout()
        row.addWidget(label("Tags", "muted"))
        row.addWidget(self.words, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.told, 1)
        foot.addWidget(self.shut)
        foot.addWidget(self.go)
        rows = QVBoxLayout(self)
        rows.addWidget(self.title)
        rows.addLayout(row)
        rows.addWidget(self.lines)
        rows.addStretch(1)
        rows.addLayout(foot)
        self._own = {target: desk.words(bindings, source, target) for target in targets}
        if len({tuple(words) for words in self._own.values()}) == 1:
            words = next(iter(self._own.values()))
            self.words.setText("; ".join(f"{a} {_ARROW} {b}" for a, b in words))
        else:
            self.words.setPlaceholderText("each part by its own twin or number")
        self.words.textChanged.connect(lambda _t: self.look())
        self.made: tuple[clip.Line, ...] = ()
        self.look()

    @classmethod
    def ask(
        cls, desk: BindingDesk, at: Workspace, say: Callable[[str], None], parent: QWidget | None
    ) -> PasteSheet | None:
        """Open the sheet for what is on the clipboard and the selected parts; says why where it cannot."""
        found = clip.pasted(QGuiApplication.clipboard().text())
        scene = at.scene
        if why := desk.may_not():
            say(f"Paste: {why}")
        elif isinstance(found, str):
            say(f"Paste: {found}")
        elif scene is None or not at.selection:
            say("Paste: select the parts that shall have the bindings.")
        else:
            targets = tuple(scene.prim_path[p] for p in at.selection)
            sheet = cls(desk, *found, targets, say, parent)
            sheet.open()
            return sheet
        return None

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the words that are typed."""
        out = []
        for part in self.words.text().replace(">", _ARROW).split(";"):
            old, sign, new = part.partition(_ARROW)
            if sign and old.strip():
                out.append((old.strip(), new.strip()))
        return tuple(out)

    def look(self) -> None:
        """Show what would be bound."""
        typed = self.pairs()
        words = {t: typed or own for t, own in self._own.items()} if typed else dict(self._own)
        if not self.words.text().strip() and len({tuple(w) for w in self._own.values()}) == 1:
            words = dict.fromkeys(self._targets, ())
        self.made = self._desk.preview(self._bindings, self._source, self._targets, words)
        shown = [
            (
                line.made.prim,
                line.made.channel,
                line.source.signal,
                line.made.signal,
                line.why_not or line.note,
            )
            for line in self.made[:_SHOWN]
        ]
        fill(self.lines, shown)
        self.lines.setMaximumHeight(HEIGHT - 170)
        self.lines.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        good = sum(not line.why_not for line in self.made)
        more = f" {len(self.made) - _SHOWN} more are not listed." if len(self.made) > _SHOWN else ""
        bad = len(self.made) - good
        self.told.setText(f"{count(good)} can be bound{f', {bad} cannot' if bad else ''}.{more}")
        self.go.setEnabled(good > 0)

    def paste(self) -> None:
        """Bind what can be, as one step of undo."""
        if why := self._desk.paste(self.made):
            self.told.setText(why)
            return
        self.accept()
