"""The sheet of rules on streams: a form by kind, and what the rule would have done on the history."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from armillary.model.clock import NS
from armillary.model.fault import Fault, ProjectFault
from armillary.session import limits, rule_form
from armillary.session.rule_form import KINDS, RULES_FILE, Key, Value, rule_facts
from armillary.session.rule_preview import Preview
from armillary.session.rule_trial import Trial, span_text
from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.ui.edit_sheet import EditSheet
from armillary.ui.pieces import label
from armillary.ui.theme import Colours

PAUSE_MS = 500
SPANS = ((3_600.0, "Last hour"), (86_400.0, "Last 24 h"))
_NEW = "New rule"
_WORDS = {
    "window": "Window of a signal",
    "expression": "Expression or condition",
    "sequence": "A, then B",
    "absence": "Nothing for so long",
    "geofence": "In or out of a zone",
    "energy": "Energy",
    "relation": "Over related twins",
    "correlation": "Two signals together",
    "anomaly": "Unlike its past",
}
WIDTH, HEIGHT, STRIP = 720, 560, 120


class Strip(QWidget):
    """What a rule would have measured, and when it would have fired."""

    def __init__(self, colours: Colours) -> None:
        super().__init__()
        self._colours = colours
        self.trial: Trial | None = None
        self.setMinimumHeight(STRIP)
        self.setAccessibleName("What the rule would have done")

    def sizeHint(self) -> QSize:  # noqa: N802  Qt's name
        return QSize(WIDTH, STRIP)

    def show_trial(self, trial: Trial | None) -> None:
        """Show another trial; None: nothing."""
        self.trial = trial
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(8, 8, -8, -20)
        painter.fillRect(self.rect(), QColor(self._colours.field))
        trial = self.trial
        if trial is None or not trial.t_ns:
            return
        span = max(1, trial.to_ns - trial.from_ns)

        def across(t_ns: int) -> float:
            return box.left() + box.width() * (t_ns - trial.from_ns) / span

        for firing in trial.firings:
            left, right = across(firing.begin_ns), across(firing.end_ns or trial.to_ns)
            band = QColor(self._colours.priority2)
            band.setAlpha(110)
            painter.fillRect(QRectF(left, box.top(), max(2.0, right - left), box.height()), band)
        t, value = trial.curve()
        known = np.isfinite(value)
        if known.any():
            low, high = float(value[known].min()), float(value[known].max())
            height = (high - low) or 1.0
            keep = np.flatnonzero(known)[:: max(1, int(known.sum()) // max(1, int(box.width())))]
            points = [
                QPointF(across(int(t[i])), box.bottom() - box.height() * (float(value[i]) - low) / height)
                for i in keep.tolist()  # one point a pixel at most
            ]
            painter.setPen(QPen(QColor(self._colours.pens[0]), 1.5))
            painter.drawPolyline(QPolygonF(points))
            painter.setPen(QColor(self._colours.muted))
            painter.drawText(box.topLeft() + QPointF(2, 10), f"{high:.4g}")
            painter.drawText(box.bottomLeft() + QPointF(2, -2), f"{low:.4g}")
        painter.setPen(QColor(self._colours.muted))
        painter.drawText(
            box.bottomLeft() + QPointF(0, 15), f"{span_text((trial.to_ns - trial.from_ns) / NS)} ago"
        )
        painter.drawText(
            QRectF(box.left(), box.bottom() + 2, box.width(), 16), Qt.AlignmentFlag.AlignRight, "now"
        )


class RuleSheet(EditSheet):
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
        self.setWindowTitle("Rules on streams")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self._since = ""
        self._rule = ""  # in hand
        self._facts: dict[str, Value] = {}
        self.fields: dict[str, QLineEdit | QComboBox] = {}
        self.preview = Preview(workspace, self._previewed)
        self.rule = QComboBox()
        self.rule.setAccessibleName("Rule")
        self.name = QLineEdit()
        self.name.setAccessibleName("Id of the rule")
        self.kind = QComboBox()
        self.kind.setAccessibleName("Kind of rule")
        for kind in KINDS:
            self.kind.addItem(_WORDS[kind], kind)
        self.span = QComboBox()
        self.span.setAccessibleName("Tried on")
        for seconds, words in SPANS:
            self.span.addItem(words, seconds)
        self.strip = Strip(colours)
        self.words, self.why = label("", wrap=True), label("", "bad", wrap=True)
        self.save = QPushButton("Save")
        self.save.setProperty("primary", True)
        self.save.setAccessibleName("Save the rule to the project")
        self.shut = QPushButton("Close")
        for pressed in (self.save, self.shut):
            pressed.setAutoDefault(False)
        self._pause = timers.once(self, PAUSE_MS, self._ask)
        self._rows = QWidget()
        self._lay_out()
        self.rule.activated.connect(lambda _i: self._switch())
        self.kind.activated.connect(lambda _i: self._other_kind())
        self.name.textChanged.connect(lambda _t: self._typed())
        self.span.activated.connect(lambda _i: self._typed())
        self.save.clicked.connect(lambda _c=False: self._save())
        self.shut.clicked.connect(lambda _c=False: self.reject())
        workspace.visited.connect(self.drop)
        self._list("")

    def _lay_out(self) -> None:
        head = QGridLayout()
        for row, (words, widget) in enumerate((("Rule", self.rule), ("Id", self.name), ("Kind", self.kind))):
            head.addWidget(label(words, "muted"), row, 0)
            head.addWidget(widget, row, 1)
        head.setColumnStretch(1, 1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        foot = QHBoxLayout()
        foot.addWidget(label("Tried on", "muted"))
        foot.addWidget(self.span)
        foot.addStretch(1)
        foot.addWidget(self.shut)
        foot.addWidget(self.save)
        column = QVBoxLayout(self)
        column.addLayout(head)
        column.addWidget(self._scroll, 1)
        for widget in (self.strip, self.words, self.why):
            column.addWidget(widget)
        column.addLayout(foot)

    # ------------------------------------------------------------ what is in hand

    def _list(self, rule: str) -> None:
        """List the rules of the project and take one in hand; "": a new one."""
        project = self._at.project
        self.rule.clear()
        self.rule.addItem(_NEW, "")
        for each in project.rules if project is not None else ():
            self.rule.addItem(each.title or each.id, each.id)
        self.rule.setCurrentIndex(max(0, self.rule.findData(rule)))
        self._chosen()

    def _chosen(self) -> None:
        project, rule = self._at.project, str(self.rule.currentData())
        if project is None:
            return
        try:
            self._since = limits.text_of(project.folder, RULES_FILE)
            self._facts = rule_facts(self._since, rule) if rule else {}
        except Fault as fault:
            self.why.setText(f"{fault.what} {fault.remedy}")
            return
        kind = str(self._facts.get("kind", "window"))
        self.kind.setCurrentIndex(max(0, self.kind.findData(kind)))
        tags = {spec.name: spec for spec in self._at.specs}
        self.name.setText(rule or rule_form.first_free(tags, "rule"))
        self.name.setReadOnly(bool(rule))
        self._form({key: rule_form.text_of(value) for key, value in self._facts.items()})
        self._rule = rule
        self.mark()

    def _switch(self) -> None:
        """Take another rule in hand; asks first where this one is changed."""
        wanted = self.rule.currentIndex()

        def go() -> None:
            self.rule.setCurrentIndex(wanted)
            self._chosen()

        if not self.ask_first(go):
            self.rule.setCurrentIndex(self.rule.findData(self._rule))

    def _other_kind(self) -> None:
        self._form(self.texts())

    def _form(self, texts: dict[str, str]) -> None:
        """Make the fields anew, with what is known of them."""
        self.fields = {}
        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        for row, key in enumerate(rule_form.keys(str(self.kind.currentData()))):
            field = self._field(key, texts.get(key.name, ""))
            self.fields[key.name] = field
            name = label(key.title, "muted")
            name.setToolTip(key.hint)
            grid.addWidget(name, row, 0)
            grid.addWidget(field, row, 1)
        grid.setRowStretch(grid.rowCount(), 1)
        self._scroll.setWidget(rows)
        self._typed()

    def _field(self, key: Key, text: str) -> QLineEdit | QComboBox:
        field: QLineEdit | QComboBox
        if key.choices:
            field = QComboBox()
            field.addItems(key.choices)
            field.setCurrentText(text or key.choices[0])
            field.currentIndexChanged.connect(lambda _i: self._typed())
        else:
            field = QLineEdit(text)
            field.setPlaceholderText(key.hint)
            field.textChanged.connect(lambda _t: self._typed())
        field.setAccessibleName(key.title)
        field.setToolTip(key.hint)
        return field

    def texts(self) -> dict[str, str]:
        """Return what stands in the fields, by key."""
        return {
            name: field.text() if isinstance(field, QLineEdit) else field.currentText()
            for name, field in self.fields.items()
        }

    def edited(self) -> object:
        """Return what stands in the fields."""
        return self.name.text(), self.kind.currentData(), self.texts()

    # ------------------------------------------------------------ preview and saving

    def _typed(self) -> None:
        self.preview.clear()
        self.save.setEnabled(False)
        self._pause.start()

    def _changes(self) -> dict[str, Value | None]:
        return rule_form.changes(str(self.kind.currentData()), self.texts(), self._facts)

    def _ask(self) -> None:
        project = self._at.project
        if project is None:
            return
        try:
            changes = self._changes()
        except ProjectFault as fault:
            self.preview.why_not = f"{fault.what} {fault.remedy}"
            self._previewed()
            return
        span = float(self.span.currentData())
        self.preview.ask(project.folder, self._since, self.name.text().strip(), changes, span)

    def _previewed(self) -> None:
        preview = self.preview
        self.strip.show_trial(preview.trial)
        self.words.setText(preview.words)
        self.why.setText(preview.why_not)
        self.why.setVisible(bool(preview.why_not))
        self.save.setEnabled(not preview.why_not)

    def _save(self) -> None:
        at, rule = self._at, self.name.text().strip()
        if at.project is None or not self.save.isEnabled():
            return
        folder = at.project.folder
        if self.save_or_say(
            lambda: limits.change_rule(folder, at.undo, rule, self._changes(), at.now_ns(), self._since),
            self._say,
        ):
            self.accept()

    def done(self, result: int) -> None:
        """Close; what is being tried is given up."""
        self._pause.stop()
        self.preview.clear()
        super().done(result)
