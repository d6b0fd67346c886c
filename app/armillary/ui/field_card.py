"""The card of a field in hand: which sensors are spread over the surface, how, with live preview.

It stands in the inspector, so that parts can be chosen in the picture while it is open.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from armillary.session import field_draft as fields
from armillary.session.author_actions import may_not_author
from armillary.session.field_draft import FieldDraft, Sensor
from armillary.session.workspace import Workspace
from armillary.ui.draft_card import DraftCard, number, show_numbers
from armillary.ui.pieces import label

_NAMED = 4  # sensors that are named, the rest is counted
_MOST_NEIGHBOURS = 64
_NARROW = 48  # px


class FieldCard(DraftCard):
    """One field in hand. Escape gives it up."""

    def __init__(self, workspace: Workspace, say: Callable[[str], None], reveal: Callable[[], None]) -> None:
        super().__init__(workspace)
        self._say, self._reveal = say, reveal
        self._filling = False
        self.setProperty("role", "card")
        self.setAccessibleName("Spread sensors over a part")
        self.title = label("Spread sensors over", "value", wrap=True)
        self.where = label("", "muted", wrap=True)
        self.sensors = label("", wrap=True)
        self.pattern = QLineEdit()
        self.pattern.setPlaceholderText("tags like *.strain")
        self.take = QPushButton("Add")
        self.chosen = QPushButton("Add selected parts")
        self.none = QPushButton("None")
        self.method, self.colormap = QComboBox(), QComboBox()
        for key, words in fields.METHODS.items():
            self.method.addItem(words, key)
        self.reach, self.farthest, self.low, self.high = (QLineEdit() for _ in range(4))
        self.neighbours, self.lines = QSpinBox(), QSpinBox()
        self.neighbours.setRange(1, _MOST_NEIGHBOURS)
        self.lines.setRange(0, fields.MOST_LINES)
        self.lines.setSpecialValueText("none")
        self.hint = label("", "muted", wrap=True)
        self.save, self.cancel = QPushButton("Save"), QPushButton("Cancel")
        self.save.setProperty("primary", True)
        for button in (self.take, self.chosen, self.none, self.save, self.cancel):
            button.setAutoDefault(False)
        narrow = (self.take, self.none, self.pattern, self.reach, self.farthest, self.low, self.high)
        for widget in (*narrow, self.chosen, self.neighbours, self.lines):
            widget.setMinimumWidth(_NARROW)  # the dock is narrow, and what does not fit is cut off
        for box in (self.method, self.colormap):
            box.setMinimumContentsLength(6)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._lay_out()
        for box in (self.method, self.colormap):
            box.currentIndexChanged.connect(self._edited)
        for field in (self.reach, self.farthest, self.low, self.high):
            field.textEdited.connect(self._edited)
        for spin in (self.neighbours, self.lines):
            spin.valueChanged.connect(self._edited)
        self.pattern.returnPressed.connect(self._take_pattern)
        self.take.clicked.connect(self._take_pattern)
        self.chosen.clicked.connect(self._take_selection)
        self.none.clicked.connect(lambda: self._hold(()))
        self.save.clicked.connect(workspace.authoring.save)
        self.cancel.clicked.connect(workspace.authoring.cancel)
        workspace.authoring.changed.connect(self.refresh)
        workspace.bindings_changed.connect(self._tell)
        workspace.selection_changed.connect(lambda _prims: self._tell())
        workspace.people.changed.connect(self._person_changed)
        self.hide()

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 10, 12, 10)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        grid.addWidget(self.title, 0, 0, 1, 3)
        grid.addWidget(self.where, 1, 0, 1, 3)
        grid.addWidget(self.sensors, 2, 0, 1, 3)
        grid.addWidget(self.pattern, 3, 0, 1, 2)
        grid.addWidget(self.take, 3, 2)
        grid.addWidget(self.chosen, 4, 0, 1, 2)
        grid.addWidget(self.none, 4, 2)
        self.pattern.setAccessibleName("Tags or parts of the sensors, with * and ?")
        self.none.setToolTip("Take all sensors out again")
        rows: tuple[tuple[str, str, tuple[QWidget, ...]], ...] = (
            ("method", "Values", (self.method,)),
            ("neighbours", "Nearest", (self.neighbours,)),
            ("reach", "Reach, m", (self.reach,)),
            ("farthest", "Farthest, m", (self.farthest,)),
            ("colormap", "Colours", (self.colormap,)),
            ("range", "From … to", (self.low, self.high)),
            ("lines", "Lines", (self.lines,)),
        )
        tips = {
            "neighbours": "How many sensors count at one place",
            "reach": "How far a sensor reaches; 0 = without limit",
            "farthest": "Farther from every sensor nothing is known and the surface is grey; 0 = never",
            "lines": "Lines of equal value between the two ends",
        }
        self._rows: dict[str, tuple[QWidget, ...]] = {}
        for row, (key, words, widgets) in enumerate(rows, 5):
            name = label(words, "muted")
            grid.addWidget(name, row, 0)
            for column, widget in enumerate(widgets, 1):
                end = (" low", " high")[column - 1] if len(widgets) > 1 else ""
                widget.setAccessibleName(words + end)
                widget.setToolTip(tips.get(key, ""))
                grid.addWidget(widget, row, column, 1, 1 if len(widgets) > 1 else 2)
            self._rows[key] = (name, *widgets)
        grid.addWidget(self.hint, 12, 0, 1, 3)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        grid.addLayout(buttons, 13, 0, 1, 3)

    # ------------------------------------------------------------ in hand
    @property
    def _draft(self) -> FieldDraft | None:
        draft = self._workspace.authoring.draft
        return draft if isinstance(draft, FieldDraft) else None

    def begin(self) -> bool:
        """Take the part selected last in hand; the parts selected before it are its sensors."""
        ws = self._workspace
        if why := may_not_author(ws) or ("" if ws.selection else "No part is selected."):
            self._say(f"Spread: {why}")
            return False
        scene = ws.scene
        if scene is None:
            return False
        *others, prim = (scene.prim_path[p] for p in ws.selection)
        found = fields.candidates(ws.bindings, ws.specs)
        table = ws.mirror.table
        readings = {s.tag.name: float(table.value[s.tag.slot]) for s in found if s.tag.slot < len(table)}
        self._reveal()
        ws.authoring.begin(
            fields.begun(
                prim,
                fields.at(found, others),
                ws.bindings,
                found,
                metres=scene.meters_per_unit,
                readings=readings,
            )
        )
        return True

    def _take_pattern(self) -> None:
        ws, draft = self._workspace, self._draft
        if draft is None:
            return
        more = fields.matching(fields.candidates(ws.bindings, ws.specs), self.pattern.text())
        if not more:
            self._say(f"Spread: no bound tag or part fits '{self.pattern.text()}'.")
            return
        self._hold(fields.together(draft.sensors, more))

    def _take_selection(self) -> None:
        ws, draft = self._workspace, self._draft
        if draft is None or ws.scene is None:
            return
        paths = [p for prim in ws.selection if (p := ws.scene.prim_path[prim]) != draft.prim]
        more = fields.at(fields.candidates(ws.bindings, ws.specs), paths)
        if not more:
            self._say("Spread: no selected part has a number bound to it.")
            return
        self._hold(fields.together(draft.sensors, more))

    def _hold(self, sensors: tuple[Sensor, ...]) -> None:
        """Take other sensors; a range that nobody has given yet comes from them."""
        draft = self._draft
        if draft is None:
            return
        ws, is_first = self._workspace, not draft.sensors
        draft = replace(draft, sensors=sensors)
        if is_first and draft.before is None:
            table = ws.mirror.table
            draft = fields.ranged(
                draft,
                {s.tag.name: float(table.value[s.tag.slot]) for s in sensors if s.tag.slot < len(table)},
            )
            self._filling = True
            self.low.setText(f"{draft.low:g}")
            self.high.setText(f"{draft.high:g}")
            self._filling = False
        ws.authoring.change(draft)

    def _person_changed(self) -> None:
        if self._draft is not None and may_not_author(self._workspace):
            self._workspace.authoring.cancel()

    # ------------------------------------------------------------ shown
    def refresh(self) -> None:
        """Show the field in hand, or nothing."""
        draft, authoring = self._draft, self._workspace.authoring
        self.setVisible(draft is not None)
        if draft is None:
            return
        if not self._filling and not self._typing():
            self._fill(draft)
        for key, shown in (("neighbours", draft.method == "idw"), ("reach", True), ("farthest", True)):
            for widget in self._rows[key]:
                widget.setVisible(shown)
        self.save.setEnabled(not draft.why_not() and not authoring.saving)
        self.cancel.setEnabled(not authoring.saving)
        self.none.setEnabled(bool(draft.sensors))
        self._tell()

    def _tell(self) -> None:
        """Tell the sensors, and what is in the way or still being worked out."""
        draft, ws = self._draft, self._workspace
        if draft is None:
            return
        names = [s.tag.name or s.prim for s in draft.sensors]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        count = f"{len(names)} sensor{'s' if len(names) != 1 else ''}"
        self.sensors.setText(f"{count}: {', '.join(names[:_NAMED])}{more}" if names else "No sensors yet")
        wrong = [p.what for p in ws.problems if p.where == draft.binding().origin]
        gone = ws.authoring.replaced()
        notes = (
            draft.why_not() or (wrong[0] if wrong else draft.hint),
            "Working it out…" if ws.is_rebinding else "",
            "Replaces the field that this part has." if gone and draft.before is None else "",
        )
        self.hint.setText(" ".join(note for note in notes if note))

    def _typing(self) -> bool:
        return any(field.hasFocus() for field in (self.reach, self.farthest, self.low, self.high))

    def _fill(self, draft: FieldDraft) -> None:
        self._filling = True
        self.where.setText(draft.prim)
        self.method.setCurrentIndex(self.method.findData(draft.method))
        self._offer(self.colormap, draft.colormap)
        self.neighbours.setValue(draft.neighbours)
        self.lines.setValue(draft.lines)
        show_numbers(
            (
                (self.reach, draft.reach),
                (self.farthest, draft.farthest),
                (self.low, draft.low),
                (self.high, draft.high),
            )
        )
        self._filling = False

    def _edited(self, _value: object = None) -> None:
        draft = self._draft
        if self._filling or draft is None:
            return
        self._workspace.authoring.change(
            replace(
                draft,
                method=str(self.method.currentData()),
                colormap=self.colormap.currentText(),
                neighbours=self.neighbours.value(),
                lines=self.lines.value(),
                reach=number(self.reach),
                farthest=number(self.farthest),
                low=number(self.low),
                high=number(self.high),
            )
        )
