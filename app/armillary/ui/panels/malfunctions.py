"""The malfunctions of an exercise: those of its scenario, and a palette of others for what is selected."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from armillary.model.control import ExerciseView, MalfunctionSpec
from armillary.session.training import Station
from armillary.session.training_lessons import SENSOR_KINDS, sensor_malfunction
from armillary.session.training_texts import malfunction_title, when_text
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.tables import button

_PERCENT = 100
_MOST_TAGS = 12  # of a selection: the palette stays one that can be read


class MalfunctionRow(QFrame):
    """One malfunction: what, when, how bad, begin or end it."""

    def __init__(self, spec: MalfunctionSpec, station: Station) -> None:
        super().__init__()
        self._station, self.id = station, spec.id
        self.is_active = False
        self.title, self.when = label(malfunction_title(spec), wrap=True), label("", "muted", wrap=True)
        self.severity = QSlider(Qt.Orientation.Horizontal)
        self.severity.setRange(0, _PERCENT)
        self.severity.setPageStep(10)
        self.severity.setValue(round(spec.severity * _PERCENT))
        self.severity.setMaximumWidth(90)
        self.severity.setAccessibleName(f"Severity of {spec.id}")
        self.severity.valueChanged.connect(self._tip)
        self.severity.sliderReleased.connect(self._changed)
        self.go = button("Inject now", f"Begin {spec.id} now", self._pressed)
        grid = QGridLayout(self)
        grid.setContentsMargins(4, 4, 4, 4)
        grid.setVerticalSpacing(0)
        grid.addWidget(self.title, 0, 0)
        grid.addWidget(self.when, 1, 0)
        grid.addWidget(self.severity, 0, 1, 2, 1)
        grid.addWidget(self.go, 0, 2, 2, 1)
        grid.setColumnStretch(0, 1)
        self._tip(self.severity.value())

    def _tip(self, value: int) -> None:
        self.severity.setToolTip(f"Severity {value} %")

    def _changed(self) -> None:
        if self.is_active:
            self._station.begin(self.id, self.severity.value() / _PERCENT)

    def _pressed(self) -> None:
        if self.is_active:
            self._station.clear(self.id)
        else:
            self._station.begin(self.id, self.severity.value() / _PERCENT)

    def show_state(self, spec: MalfunctionSpec, *, active: bool, was: bool, why: str) -> None:
        """Show whether it is on, and whether something can be done."""
        self.is_active = active
        self.when.setText("active" if active else f"over · {when_text(spec)}" if was else when_text(spec))
        self.go.setText("Clear" if active else "Inject now")
        self.go.setAccessibleName(f"{'End' if active else 'Begin'} {spec.id} now")
        self.go.setEnabled(not why)
        self.go.setToolTip(why or self.go.accessibleName())
        self.severity.setEnabled(not why)
        if active and not self.severity.isSliderDown():
            self.severity.setValue(round(spec.severity * _PERCENT))


class Malfunctions(QWidget):
    """The scenario's malfunctions, and a palette of others for what is selected."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._at, self._station = workspace, workspace.training
        self.rows: dict[str, MalfunctionRow] = {}
        self._offered: tuple[MalfunctionSpec, ...] = ()
        self.palette_of = label("", "muted", wrap=True)
        self.others = QComboBox()
        self.others.setAccessibleName("Another malfunction")
        self.others.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.inject = button("Inject now", "Begin the chosen other malfunction now", self._inject)
        bar = QHBoxLayout()
        bar.addWidget(self.others, 1)
        bar.addWidget(self.inject)
        self._list = QVBoxLayout(self)
        self._list.setContentsMargins(6, 0, 6, 0)
        self._list.setSpacing(2)
        self._list.addWidget(self.palette_of)
        self._list.addLayout(bar)

    def refresh(self, view: ExerciseView, why: str) -> None:
        """Show how they stand."""
        active = {m.id: m for m in view.active}
        specs = {m.id: m for m in (*view.malfunctions, *view.active)}
        for name in set(self.rows) - set(specs):
            self.rows.pop(name).deleteLater()
        was = {row.id for row in view.rows if row.lane == "malfunction" and row.state == "over"}
        for name, spec in specs.items():
            row = self.rows.get(name)
            if row is None:
                row = self.rows[name] = MalfunctionRow(spec, self._station)
                self._list.insertWidget(len(self.rows) - 1, row)
            row.show_state(spec, active=name in active, was=name in was, why=why)
        self._palette(view, why)

    def _palette(self, view: ExerciseView, why: str) -> None:
        at = self._at
        tags = [
            at.specs[slot] for slot in at.tags_of_selection()[:_MOST_TAGS] if not at.specs[slot].expression
        ]
        twins = {t.id for prim in at.selection if (t := at.twin_of_prim(prim)) is not None}
        faults = [m for m in view.faults if not at.selection or m.target.partition(":")[2] in twins]
        taken = {m.id for m in (*view.malfunctions, *view.active)}
        sensors = [
            sensor_malfunction(kind, spec.name, spec.low, spec.high, taken)
            for spec in tags
            for kind in SENSOR_KINDS
        ]
        offered = tuple(m for m in (*faults, *sensors) if m.id not in taken)
        if [m.id for m in offered] != [m.id for m in self._offered]:
            self.others.clear()
            self.others.addItems([malfunction_title(m) for m in offered])
        self._offered = offered
        where = "Others, for what is selected" if at.selection else "Others, of the whole plant"
        self.palette_of.setText(f"{where}. Select a part for its instruments.")
        self.others.setEnabled(bool(offered))
        self.inject.setEnabled(bool(offered) and not why)
        self.inject.setToolTip(why or ("" if offered else "What is selected cannot be made to fail."))

    def _inject(self) -> None:
        at = self.others.currentIndex()
        if 0 <= at < len(self._offered):
            self._station.inject(self._offered[at])
