"""The sheet of command templates: a form, its conditions now, findings, a try on the simulator."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from armillary.model.fault import Fault, FaultRecord
from armillary.session import limits
from armillary.session.condition_now import Conditions
from armillary.session.template_form import (
    CHOICES,
    COMMANDS_FILE,
    FIELDS,
    LONG,
    Judged,
    judged,
    template_facts,
    template_ids,
    texts_of,
)
from armillary.session.test_fire import Fired, fire, note, usual_values
from armillary.session.workspace import Workspace
from armillary.ui import timers
from armillary.ui.edit_sheet import EditSheet
from armillary.ui.pieces import label
from armillary.ui.tables import button

PAUSE_MS = 400
WIDTH, HEIGHT = 720, 780
NEW = "New template"
_LINES_PX = 84


class TemplateSheet(EditSheet):
    """Nothing is written before *Save*; a try on the simulator takes what stands in the form."""

    def __init__(
        self, workspace: Workspace, say: Callable[[str], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._at, self._say = workspace, say
        self.setWindowTitle("Command templates")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self._since, self._id = "", ""
        self._turn = 0  # of what is judged: an answer to an older form is nobody's
        self._is_closed = False
        self._conditions = Conditions()
        self.judged = Judged(text="")
        self.fired: Fired | None = None
        self.choice = QComboBox()
        self.choice.setAccessibleName("Template")
        self.fields: dict[str, QLineEdit | QComboBox | QPlainTextEdit] = {}
        self.now = label("", wrap=True)
        self.findings = label("", wrap=True)
        self.voided = label("", "bad", wrap=True)
        self.why = label("", "bad", wrap=True)
        self.values = QLineEdit()
        self.values.setAccessibleName("Values to try")
        self.values.setPlaceholderText("250, 50")
        self.tried = label("", wrap=True)
        self.test_fire = button(
            "Test-fire", "Try it on the simulator; the plant is never reached", self._fire
        )
        self.save = button("Save", "Save the template", self._save, primary=True)
        self.delete = button("Delete", "Delete the template", self._delete)
        self._pause = timers.once(self, PAUSE_MS, self._ask)
        self._lay_out()
        self.choice.currentTextChanged.connect(lambda _text: self._switch())
        stop = workspace.frame_arrived.connect(lambda _slots: self._live())
        self.finished.connect(lambda _code: stop())
        self.destroyed.connect(lambda: stop())  # noqa: PLW0108  with the window, unasked
        self.load()

    def _lay_out(self) -> None:
        form = QWidget()
        grid = QGridLayout(form)
        for row, (key, (title, hint)) in enumerate(FIELDS.items()):
            grid.addWidget(label(title), row, 0, Qt.AlignmentFlag.AlignTop)
            made = self._field(key)
            made.setAccessibleName(title)
            made.setToolTip(hint)
            grid.addWidget(made, row, 1)
            self.fields[key] = made
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(form)
        fire_row = QHBoxLayout()
        fire_row.addWidget(label("On the simulator:"))
        fire_row.addWidget(self.values, 1)
        fire_row.addWidget(self.test_fire)
        foot = QHBoxLayout()
        foot.addWidget(self.delete)
        foot.addStretch(1)
        foot.addWidget(button("Close", "Close without saving", self.reject))
        foot.addWidget(self.save)
        rows = QVBoxLayout(self)
        rows.addWidget(self.choice)
        rows.addWidget(scroll, 1)
        for widget in (self.now, self.findings, self.voided, self.why):
            rows.addWidget(widget)
        rows.addLayout(fire_row)
        rows.addWidget(self.tried)
        rows.addLayout(foot)

    def _field(self, key: str) -> QLineEdit | QComboBox | QPlainTextEdit:
        if key in CHOICES:
            box = QComboBox()
            box.addItems(list(CHOICES[key]))
            box.currentTextChanged.connect(lambda _text: self._typed())
            return box
        if key in LONG:
            lines = QPlainTextEdit()
            lines.setFixedHeight(_LINES_PX)
            lines.setTabChangesFocus(True)
            lines.textChanged.connect(self._typed)
            return lines
        line = QLineEdit()
        line.setPlaceholderText(FIELDS[key][1])
        line.textChanged.connect(lambda _text: self._typed())
        return line

    # ------------------------------------------------------------ what is edited

    def load(self, chosen: str = "") -> None:
        """Read commands.toml as it is now and show one of its templates."""
        project = self._at.project
        if project is None:
            return
        try:
            self._since = limits.text_of(project.folder, COMMANDS_FILE)
            names = template_ids(self._since)
        except Fault as fault:
            self._refuse(f"{fault.what} {fault.remedy}")
            return
        self.choice.blockSignals(True)
        self.choice.clear()
        self.choice.addItems([*names, NEW])
        self.choice.setCurrentText(chosen if chosen in names else self.choice.itemText(0))
        self.choice.blockSignals(False)
        self._fill()

    def edited(self) -> object:
        """Return what stands in the fields."""
        return self.texts()

    def _switch(self) -> None:
        """Show another template; asks first where this one is changed."""
        wanted, here = self.choice.currentIndex(), self.choice.findText(self._id or NEW)

        def go() -> None:
            self._show_choice(wanted)
            self._fill()

        if not self.ask_first(go):
            self._show_choice(here)

    def _show_choice(self, index: int) -> None:
        self.choice.blockSignals(True)
        self.choice.setCurrentIndex(index)
        self.choice.blockSignals(False)

    def _fill(self) -> None:
        at_end = self.choice.currentIndex() == self.choice.count() - 1
        self._id = "" if at_end else self.choice.currentText()
        facts = template_facts(self._since, self._id) if self._id else {}
        for key, text in texts_of(facts).items():
            self._put(key, text)
        self.fields["id"].setEnabled(not self._id)
        self.delete.setEnabled(bool(self._id))
        self.tried.clear()
        self.fired = None
        self.mark()
        self._ask()

    def _put(self, key: str, text: str) -> None:
        made = self.fields[key]
        made.blockSignals(True)
        if isinstance(made, QComboBox):
            made.setCurrentText(text)
        elif isinstance(made, QPlainTextEdit):
            made.setPlainText(text)
        else:
            made.setText(text)
        made.blockSignals(False)

    def texts(self) -> dict[str, str]:
        """Return what stands in the fields."""
        out = {}
        for key, made in self.fields.items():
            if isinstance(made, QComboBox):
                out[key] = made.currentText()
            elif isinstance(made, QPlainTextEdit):
                out[key] = made.toPlainText()
            else:
                out[key] = made.text()
        return out

    # ------------------------------------------------------------ what it would mean

    def _typed(self) -> None:
        self.save.setEnabled(False)
        self.test_fire.setEnabled(False)
        self._live()
        self._pause.start()

    def _ask(self) -> None:
        project = self._at.project
        if project is None:
            return
        self._turn += 1
        turn, since, id_, texts = self._turn, self._since, self._id, self.texts()
        if not texts["id"].strip():
            self._refuse("Give the template an id.")
            return
        folder = project.folder
        self._at.work(lambda: judged(folder, since, id_, texts), lambda found: self._told(turn, found))

    def _told(self, turn: int, found: object) -> None:
        if self._is_closed or turn != self._turn:
            return
        if not isinstance(found, Judged):
            what = f"{found.what} {found.remedy}" if isinstance(found, FaultRecord) else "It cannot be read."
            self._refuse(what)
            return
        self.judged = found
        lines = [f"{p.code}: {p.what} {p.remedy}" for p in found.findings]
        self.findings.setText("\n".join(lines))
        self.findings.setVisible(bool(lines))
        self.voided.setText("\n".join(found.voided))
        self.voided.setVisible(bool(found.voided))
        self.why.setText(found.why_not)
        self.why.setVisible(bool(found.why_not))
        self.save.setEnabled(not found.why_not and found.text != self._since)
        self.test_fire.setEnabled(found.template is not None)
        self._live()

    def _refuse(self, why: str) -> None:
        self.judged = Judged(text=self._since, why_not=why)
        self.why.setText(why)
        self.why.show()
        for widget in (self.findings, self.voided):
            widget.hide()
        self.save.setEnabled(False)
        self.test_fire.setEnabled(False)

    def _live(self) -> None:
        """Show each condition on the values of now."""
        if self._is_closed:
            return
        at, texts = self._at, self.texts()
        asked = [line.strip() for line in texts["preconditions"].splitlines() if line.strip()]
        now_ns = at.now_mono_ns()
        lines = [self._conditions.now(text, at.specs, at.mirror, now_ns).words for text in asked]
        if proof := texts["expression"].strip():
            read = self._conditions.now(proof, at.specs, at.mirror, now_ns)
            lines.append(f"Read back now: {read.reading}")
        shown = "\n".join(lines)
        if shown != self.now.text():
            self.now.setText(shown)
        self.now.setVisible(bool(lines))

    # ------------------------------------------------------------ trying

    def _fire(self) -> None:
        project, template, text = self._at.project, self.judged.template, self.judged.text
        if project is None or template is None:
            return
        try:
            given = [float(part) for part in self.values.text().replace(";", ",").split(",") if part.strip()]
        except ValueError:
            self.tried.setText("Give numbers, with a comma between them.")
            return
        values = tuple(given) if template.parameter is not None and given else usual_values(template)
        folder = project.folder
        self.test_fire.setEnabled(False)
        self.tried.setText("The simulator is being started …")
        self._at.work(lambda: fire(folder, template, values, text), self._came)

    def _came(self, answer: object) -> None:
        if isinstance(answer, Fired):
            note(self._at.ask_home, answer)
        if self._is_closed:
            return
        self.test_fire.setEnabled(self.judged.template is not None)
        if isinstance(answer, FaultRecord):
            self.tried.setText(f"{answer.what} {answer.remedy}")
        elif isinstance(answer, Fired):
            self.fired = answer
            lines = [f"simulator: {_shown(shot.value)}{shot.text}" for shot in answer.shots]
            self.tried.setText("\n".join(lines))
        self.tried.setMinimumHeight(self.tried.heightForWidth(self.tried.width()))  # else the form takes it

    # ------------------------------------------------------------ saving

    def _save(self) -> None:
        found = self.judged
        if not found.why_not and self.save.isEnabled():
            self._write(
                f"Change template {self.texts()['id'].strip()}", found.text, self.texts()["id"].strip()
            )

    def _delete(self) -> None:
        project = self._at.project
        if project is not None and self._id:
            found = judged(project.folder, self._since, self._id, None)
            if found.why_not:
                self._refuse(found.why_not)
            else:
                self._write(f"Delete template {self._id}", found.text, "")

    def _write(self, title: str, text: str, chosen: str) -> None:
        at = self._at
        if at.project is None:
            return
        folder = at.project.folder
        if self.save_or_say(
            lambda: limits.change_commands(
                folder, at.undo, title, lambda _old: text, at.now_ns(), self._since
            ),
            self._say,
        ):
            self.load(chosen)
        else:
            self._refuse(self.why.text())

    def done(self, result: int) -> None:
        """Close; what is being judged or tried is nobody's then."""
        self._is_closed = True
        self._pause.stop()
        super().done(result)


def _shown(value: float) -> str:
    return f"{value:g} → " if value == value else ""
