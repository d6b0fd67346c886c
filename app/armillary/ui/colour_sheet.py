"""The sheet of colour maps: stops, hex fields, ready sets, checks in words, ranges, shown at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QColorDialog,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from armillary.model.binding import ColourMap
from armillary.model.fault import Fault, ProjectFault
from armillary.model.tags import TagSpec
from armillary.session import colour_edit as edit
from armillary.session import ranges
from armillary.session.binding_edit import count
from armillary.session.colour_edit import ColourDesk
from armillary.session.limits_trial import Past
from armillary.session.workspace import Workspace
from armillary.ui.colour_strip import ColourStrip
from armillary.ui.pieces import label
from armillary.ui.sheet import Sheet
from armillary.ui.tables import button
from armillary.ui.theme import Colours

WIDTH, HEIGHT = 640, 560


class ColourSheet(Sheet):
    """Nothing is written before *Save*; closing shows the maps as they are saved."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        say: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._at, self._say = workspace, say
        self.desk = ColourDesk(workspace)
        self.stop = 0
        self._filling = False
        self._past: Past | None = None
        self._span = (0.0, 1.0)
        self.setWindowTitle("Colour maps")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        self.map = QComboBox()
        self.map.setAccessibleName("Colour map")
        self.name, self.title, self.unit = QLineEdit(), QLineEdit(), QLineEdit()
        self.kind = QComboBox()
        for key, words in edit.KINDS.items():
            self.kind.addItem(words, key)
        self.strip = ColourStrip(colours, move=self._moved, add=self._added, chosen=self._choose)
        self.place, self.hex, self.text = QLineEdit(), QLineEdit(), QLineEdit()
        self.pick = button("Choose…", "Choose the colour of the stop", self._picked)
        self.add = button("Add a stop", "Add a stop behind the chosen one", self._add_behind)
        self.remove = button("Remove", "Remove the chosen stop", lambda: self._change(edit.removed))
        self.turn = button("Turn round", "Turn the map round", lambda: self._whole(edit.turned))
        self.soften = button("Softer", "Take chroma away, from the hues of alarms", self._soften)
        self.why = label("", "bad", wrap=True)
        self.checks = label("", wrap=True)
        self.behind = label("", "muted", wrap=True)
        self.tag = QComboBox()
        self.tag.setAccessibleName("Tag whose history is shown behind the colours")
        self.range = QComboBox()
        self.range.setAccessibleName("Range of the bindings")
        self.apply = button(
            "Give it to the bindings", "Give the range to all bindings of the map", self._apply
        )
        self.save = button("Save", "Save the colour map to the project", self._save, primary=True)
        self.shut = button("Close", "Close without saving", self.reject)
        self._lay_out()
        self.map.activated.connect(lambda _i: self._take(str(self.map.currentData())))
        self.kind.activated.connect(
            lambda _i: self._whole(lambda held: edit.of_kind(held, str(self.kind.currentData())))
        )
        for field in (self.name, self.title, self.unit):
            field.textEdited.connect(lambda _t: self._named())
        self.hex.textEdited.connect(self._typed_hex)
        self.place.textEdited.connect(self._typed_place)
        self.text.textEdited.connect(self._typed_label)
        self.tag.activated.connect(lambda _i: self._ask_past())
        workspace.visited.connect(self.reject)
        self._list("")

    def _lay_out(self) -> None:
        grid = QGridLayout()
        rows = (
            ("Colour map", self.map),
            ("Name", self.name),
            ("Title", self.title),
            ("Unit", self.unit),
            ("Kind", self.kind),
        )
        for row, (words, widget) in enumerate(rows):
            grid.addWidget(label(words, "muted"), row, 0)
            grid.addWidget(widget, row, 1)
            widget.setAccessibleName(words)
        grid.setColumnStretch(1, 1)
        stop = QHBoxLayout()
        for words, field in (("At", self.place), ("Colour", self.hex), ("Label", self.text)):
            stop.addWidget(label(words, "muted"))
            stop.addWidget(field)
            field.setAccessibleName(f"{words} of the stop")
        stop.addWidget(self.pick)
        does = QHBoxLayout()
        for widget in (self.add, self.remove, self.turn, self.soften):
            does.addWidget(widget)
        does.addStretch(1)
        range_row = QHBoxLayout()
        range_row.addWidget(label("Behind it", "muted"))
        range_row.addWidget(self.tag, 1)
        range_row.addWidget(self.range, 1)
        range_row.addWidget(self.apply)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.shut)
        foot.addWidget(self.save)
        column = QVBoxLayout(self)
        column.addLayout(grid)
        column.addWidget(self.strip)
        for layout in (stop, does):
            column.addLayout(layout)
        for widget in (self.why, self.checks):
            column.addWidget(widget)
        column.addLayout(range_row)
        column.addWidget(self.behind)
        column.addStretch(1)
        column.addLayout(foot)

    # ------------------------------------------------------------ which map

    def _list(self, name: str) -> None:
        own = self.desk.own
        self.map.clear()
        for each in self.desk.names:
            self.map.addItem(each if each in own else f"{each} (ready)", each)
        self.map.setCurrentIndex(max(0, self.map.findData(name or (own[0] if own else ""))))
        self._take(str(self.map.currentData()))

    def _take(self, name: str) -> None:
        self.desk.cancel()
        held = self.desk.take(name)
        self.map.setCurrentIndex(self.map.findData(name))
        self.stop = 0
        users = self.desk.users()
        specs = {spec.name: spec for spec in self._at.specs}
        self.tag.clear()
        for signal in dict.fromkeys(b.signal for b in users if b.signal in specs):
            self.tag.addItem(signal, signal)
        self._span = users[0].ends if users else (0.0, 1.0)
        self._fill(held)
        self._ask_past()

    def _fill(self, held: ColourMap) -> None:
        self._filling = True
        for field, text in ((self.name, held.name), (self.title, held.title), (self.unit, held.unit)):
            if not field.hasFocus():
                field.setText(text)
        self.kind.setCurrentIndex(self.kind.findData(held.kind))
        self._filling = False
        self._tell(held)

    def _tell(self, held: ColourMap) -> None:
        """Show a map, its stop, and what is to be said about it."""
        self.stop = min(self.stop, len(held.stops) - 1)
        self.strip.show_map(held, self.stop)
        at, colour = held.stops[self.stop]
        for field, text in ((self.place, f"{at:.6g}"), (self.hex, colour), (self.text, self._label(held))):
            if not field.hasFocus():
                field.setText(text)
        self.text.setEnabled(held.kind != "linear")
        self.place.setEnabled(not (held.kind == "linear" and self.stop in (0, len(held.stops) - 1)))
        found = edit.check(held)
        self.checks.setProperty("role", "bad" if any(f.wrong for f in found) else "muted")
        self.checks.setText("\n".join(f.text for f in found))
        self.checks.style().unpolish(self.checks)
        self.checks.style().polish(self.checks)
        self.why.hide()
        self.save.setEnabled(True)

    def _label(self, held: ColourMap) -> str:
        return held.labels[self.stop] if self.stop < len(held.labels) else ""

    @property
    def held(self) -> ColourMap:
        """The map in hand."""
        held = self.desk.held
        return held if held is not None else self.desk.take(str(self.map.currentData()))

    # ------------------------------------------------------------ changes

    def _show(self, held: ColourMap) -> None:
        self.desk.show(held)
        self._tell(held)

    def _whole(self, change: Callable[[ColourMap], ColourMap]) -> None:
        self._show(change(self.held))

    def _change(self, change: Callable[[ColourMap, int], ColourMap]) -> None:
        self._show(change(self.held, self.stop))

    def _choose(self, stop: int) -> None:
        self.stop = stop
        self._tell(self.held)

    def _moved(self, stop: int, to: float) -> None:
        self.stop = stop
        self._show(edit.moved(self.held, stop, to))

    def _added(self, at: float) -> None:
        held = edit.added(self.held, at)
        self.stop = min(range(len(held.stops)), key=lambda i: abs(held.stops[i][0] - at))
        self._show(held)

    def _add_behind(self) -> None:
        held = self.held
        here = held.stops[self.stop][0]
        after = held.stops[self.stop + 1][0] if self.stop + 1 < len(held.stops) else 1.0
        before = held.stops[self.stop - 1][0] if self.stop else 0.0
        self._added((here + after) / 2 if after > here else (before + here) / 2)

    def _soften(self) -> None:
        self._whole(edit.softened)

    def _picked(self) -> None:
        dialog = QColorDialog(self.held.stops[self.stop][1], self)
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.colorSelected.connect(lambda colour: self._recolour(colour.name()))
        dialog.open()

    def _recolour(self, text: str) -> None:
        self._show(edit.recoloured(self.held, self.stop, text))

    def _refuse(self, why: str) -> None:
        self.why.setText(why)
        self.why.show()
        self.save.setEnabled(False)

    def _typed_hex(self, text: str) -> None:
        try:
            self._recolour(text)
        except ProjectFault as fault:
            self._refuse(f"{fault.what} {fault.remedy}")

    def _typed_place(self, text: str) -> None:
        try:
            to = float(text.replace(",", "."))
        except ValueError:
            self._refuse(f"'{text}' is no place: give a number{'' if self._states else ' from 0 to 1'}.")
            return
        self._moved(self.stop, to)

    @property
    def _states(self) -> bool:
        return self.held.kind == "states"

    def _typed_label(self, text: str) -> None:
        held = self.held
        labels = list(held.labels) or [f"{at:g}" for at, _ in held.stops]
        labels[self.stop] = text.strip()
        self._show(replace(held, labels=tuple(labels)))

    def _named(self) -> None:
        if not self._filling:
            name = self.name.text().strip()
            held = replace(
                self.held, name=name, title=self.title.text().strip(), unit=self.unit.text().strip()
            )
            if not name:
                self._refuse("Give the map a name.")
                return
            self._show(held)

    # ------------------------------------------------------------ what was recorded

    def _spec(self) -> TagSpec | None:
        name = str(self.tag.currentData() or "")
        return next((spec for spec in self._at.specs if spec.name == name), None)

    def _ask_past(self) -> None:
        spec = self._spec()
        self._past = None
        self.strip.show_shares(np.zeros(0))
        self._offer()
        if spec is not None:
            self._past = Past(self._at.ask_recorder, spec.name, self._at.now_ns(), self._known)

    def _known(self, past: Past) -> None:
        if past is self._past or self._past is None:
            self._past = past
            self.strip.show_shares(ranges.shares(past.value, past.quality, *self._span))
            self._offer()

    def found(self) -> tuple[ranges.Range, ...]:
        """Return where a range can come from, for the tag that is chosen."""
        spec = self._spec()
        if spec is None:
            return ()
        past = self._past
        known = past is not None and past.is_known
        of_past = (
            ranges.of_past(past.value, past.quality)
            if past is not None and known
            else ranges.Range("history", why_not="Nothing of its last 24 h is known.")
        )
        return ranges.of_tag(spec), ranges.of_source(self._at.browsing, spec), of_past

    def _offer(self) -> None:
        found, chosen = self.found(), self.range.currentIndex()
        self.range.clear()
        for each in found:
            self.range.addItem(each.words)
        self.range.setCurrentIndex(min(max(chosen, 0), max(len(found) - 1, 0)))
        users = self.desk.users()
        low, high = self._span
        told = (
            f"{count(len(users))} use it; drawn from {low:.4g} to {high:.4g}."
            if users
            else "Nothing uses it."
        )
        self.behind.setText(told)
        self.apply.setEnabled(any(not each.why_not for each in found) and bool(users))

    def _apply(self) -> None:
        """Give the chosen range to the bindings of the map, as one step of undo."""
        found, row = self.found(), self.range.currentIndex()
        if not 0 <= row < len(found) or found[row].why_not:
            self._refuse(found[row].why_not if 0 <= row < len(found) else "Choose a range.")
            return
        low, high = found[row].low, found[row].high
        users = tuple(replace(b, ends=(low, high)) for b in self.desk.users())
        title = f"Range {low:.4g} … {high:.4g} of {count(len(users))}"
        if self._at.authoring.commit(title, users):
            self._span = (low, high)
            if self._past is not None:
                self.strip.show_shares(ranges.shares(self._past.value, self._past.quality, low, high))
            self._offer()

    def _save(self) -> None:
        try:
            told = self.desk.save()
        except Fault as fault:
            self._refuse(f"Not saved: {fault.what} {fault.remedy}")
            return
        self._say(told)
        self.accept()

    def done(self, result: int) -> None:
        """Close; what is not saved is shown no more."""
        if self.desk.held is not None:
            self.desk.cancel()
        super().done(result)
