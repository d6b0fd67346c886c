"""The form of a binding in hand: its rows, what stands in them, and what is typed into them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isfinite

from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QWidget

from armillary.model.tags import TagSpec
from armillary.session.binding_check import Known, unit_words
from armillary.session.binding_form import seen_states
from armillary.session.browsing import renamed, spec_of
from armillary.session.draft import (
    AS_IT_IS,
    AXIAL,
    COLOURED,
    FORMS,
    OFFERED,
    SIMPLE,
    Draft,
    in_form,
)
from armillary.session.draft_fields import MORE, OF_MAP, as_binding, judged, keys, texts, typed, whys
from armillary.session.ranges import Range
from armillary.session.workspace import Workspace
from armillary.ui.binding_fields import BindingFields
from armillary.ui.draft_card import DraftCard, number, show_numbers
from armillary.ui.pieces import Section, label
from armillary.ui.range_menu import RangeMenu
from armillary.ui.regularity import Regularity
from armillary.ui.trial import Trial

_AXES = ("x", "y", "z", "xyz")
_RANGES = ("low", "high", "first", "last")


class BindForm(DraftCard):
    """Shows one draft and changes it; who begins and ends drafts is the card."""

    def __init__(self, workspace: Workspace, say: Callable[[str], None]) -> None:
        super().__init__(workspace)
        self._filling = False
        self.setProperty("role", "card")
        self.setAccessibleName("Bind a tag to a part")
        self.title = label("", "value", wrap=True)
        self.where = label("", "muted", wrap=True)
        self.now = label("", wrap=True)
        self.new = QLineEdit()
        self.trial = Trial(workspace.authoring, lambda: self._draft)
        self.channel, self.colormap, self.axis = QComboBox(), QComboBox(), QComboBox()
        self.form = QComboBox()
        for key, words in FORMS.items():
            self.form.addItem(words, key)
        self.map_fields = BindingFields(OF_MAP, self._typed_field)
        self.more_fields = BindingFields(MORE, self._typed_field)
        self.more = Section("More", self.more_fields, is_open=False)
        self.fill = QPushButton("Fill the table from the tag")
        self.fill.setToolTip("One line for each state of the tag, or for each value that was seen")
        self.span = RangeMenu(workspace, self._recorded_tag, self._take_range)
        self.units = label("", "muted", wrap=True)
        self.errors = {key: label("", "bad", wrap=True) for key in ("range", "result")}
        self._known: tuple[tuple[object, ...], Known] | None = None
        for key, (words, _) in OFFERED.items():
            self.channel.addItem(words, key)
        self.axis.addItems(_AXES)
        self.low, self.high, self.first, self.last = (QLineEdit() for _ in range(4))
        self.hint = label("", "muted", wrap=True)
        self.regularity = Regularity(workspace, say)
        self.save = QPushButton("Save")
        self.save.setProperty("primary", True)
        self.cancel = QPushButton("Cancel")
        self._lay_out()
        for box in (self.channel, self.colormap, self.axis):
            box.currentIndexChanged.connect(self._edited)
        self.form.currentIndexChanged.connect(self._other_form)
        self.fill.clicked.connect(self._fill_states)
        for field in (self.new, self.low, self.high, self.first, self.last):
            field.textEdited.connect(self._edited)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 10, 12, 10)
        grid.addWidget(self.title, 0, 0, 1, 3)
        grid.addWidget(self.where, 1, 0, 1, 3)
        grid.addWidget(self.now, 2, 0, 1, 3)
        self._rows = {
            "new": self._row(grid, 3, "New tag", self.new),
            "channel": self._row(grid, 4, "Drives", self.channel),
            "form": self._row(grid, 5, "Map", self.form),
            "colormap": self._row(grid, 6, "Colours", self.colormap),
            "axis": self._row(grid, 7, "Axis", self.axis),
            "range": self._row(grid, 8, "From … to", self.low, self.high),
            "result": self._row(grid, 10, "Becomes", self.first, self.last),
            "trial": self._row(grid, 15, "Test", self.trial),
        }
        for row, widget in (
            (9, self.errors["range"]),
            (11, self.errors["result"]),
            (12, self.map_fields),
            (13, self.fill),
            (14, self.span),
            (16, self.units),
            (17, self.more),
            (18, self.hint),
        ):
            grid.addWidget(widget, row, 0, 1, 3)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        grid.addWidget(self.regularity, 19, 0, 1, 3)
        grid.addLayout(buttons, 21, 0, 1, 3)

    def _row(self, grid: QGridLayout, row: int, words: str, *widgets: QWidget) -> tuple[QWidget, ...]:
        name = label(words, "muted")
        grid.addWidget(name, row, 0)
        for column, widget in enumerate(widgets, 1):
            end = " low" if len(widgets) > 1 and column == 1 else " high" if len(widgets) > 1 else ""
            widget.setAccessibleName(words + end)
            grid.addWidget(widget, row, column, 1, 1 if len(widgets) > 1 else 2)
        return (name, *widgets)

    @property
    def _draft(self) -> Draft | None:
        """The draft in hand, as far as it is ours: a field has a card of its own."""
        draft = self._workspace.authoring.draft
        return draft if isinstance(draft, Draft) else None

    def _at(self) -> Known:
        """Return what drafts are judged against, made anew when tags, scene or colour maps are others."""
        ws = self._workspace
        now = (ws.specs, ws.scene, ws.colormaps)
        if self._known is None or any(a is not b for a, b in zip(now, self._known[0], strict=True)):
            prims = ws.scene.prim_path if ws.scene is not None else ()
            metres = ws.scene.meters_per_unit if ws.scene is not None else 1.0
            self._known = (now, Known.of(ws.specs, ws.colormaps, prims, metres))
            names = [spec.name for spec in ws.specs]
            self.map_fields.set_names(names)
            self.more_fields.set_names(names)
        return self._known[1]

    def _typed_field(self, key: str, text: str) -> None:
        """Take what was typed in a field of the map or behind *More*."""
        draft = self._draft
        if draft is not None and not self._filling:
            self._workspace.authoring.change(typed(draft, key, text, self._at()))

    def _other_form(self, _index: int) -> None:
        draft = self._draft
        if draft is None or self._filling:
            return
        made = in_form(draft, str(self.form.currentData()))
        if made.form in ("states", "steps"):
            self.span.ask()  # the values that were seen, for the table
        kept = tuple((key, why) for key, why in made.refused if key not in OF_MAP and key not in _RANGES)
        self._workspace.authoring.change(judged(replace(made, refused=kept), self._at()))

    def _recorded_tag(self) -> TagSpec | None:
        draft = self._draft
        return draft.tag if draft is not None and not draft.new else None

    def _take_range(self, found: Range) -> None:
        """Take a range of the tag; what it becomes stays."""
        draft = self._draft
        if draft is None:
            return
        refused = tuple((key, why) for key, why in draft.refused if key not in ("low", "high"))
        made = replace(draft, low=found.low, high=found.high, hint=f"{found.words}.", refused=refused)
        if draft.form != SIMPLE and draft.extra is not None:
            made = replace(made, extra=replace(draft.extra, ends=(found.low, found.high)))
        self._workspace.authoring.change(judged(made, self._at()))
        for field, value in ((self.low, found.low), (self.high, found.high)):
            field.setText(f"{value:g}")

    def _fill_states(self, _checked: bool = False) -> None:
        draft = self._draft
        if draft is None:
            return
        table = self._workspace.mirror.table
        seen = [float(table.value[draft.tag.slot])] if draft.tag.slot < len(table) and not draft.new else []
        seen += self.span.seen(draft.tag)
        text = seen_states(
            draft.tag.states, [v for v in seen if isfinite(v)], colours=draft.channel in COLOURED
        )
        self.map_fields.type_in("states", text)

    def _typing(self) -> bool:
        fields = (self.new, self.low, self.high, self.first, self.last)
        return any(field.hasFocus() for field in fields)

    def _fill(self, draft: Draft) -> None:
        self._filling = True
        self.title.setText(draft.tag.title or draft.new[0].key if draft.new else draft.tag.name)
        self.new.setText(draft.new[0].name if draft.new else "")
        self.where.setText(draft.prim)
        self.channel.setCurrentIndex(self.channel.findData(draft.channel))
        self.form.setCurrentIndex(self.form.findData(draft.form))
        self._offer(self.colormap, draft.colormap)
        self.axis.setCurrentText(draft.axis)
        show_numbers(
            (
                (self.low, draft.low),
                (self.high, draft.high),
                (self.first, draft.first),
                (self.last, draft.last),
            )
        )
        self._filling = False

    def _show_rows(self, draft: Draft) -> None:
        coloured, plain = draft.channel in COLOURED, draft.channel in AS_IT_IS
        simple = draft.form == SIMPLE
        for key, shown in (
            ("new", bool(draft.new)),
            ("form", draft.channel not in ("transform", "primvar")),
            ("colormap", coloured),
            ("axis", draft.channel in AXIAL),
            ("range", simple and not plain),
            ("trial", True),
            ("result", simple and not plain and not coloured),
        ):
            for widget in self._rows[key]:
                widget.setVisible(shown)
        found, refused = whys(draft), dict(draft.refused)
        for key, pair in (("range", ("low", "high")), ("result", ("first", "last"))):
            why = next((refused[end] for end in pair if end in refused), "")
            why = why or (draft.why_not() if key == "range" and simple and not found else "")
            self.errors[key].setText(why)
            self.errors[key].setVisible(bool(why) and simple)
        of_map, more = keys(draft)
        shown_texts = texts(draft)
        self.map_fields.show_fields(of_map, shown_texts, found, refused)
        self.more_fields.show_fields(more, shown_texts, found, refused)
        self.more.setVisible(bool(more))
        if any(key in found for key in more) and not self.more.button.isChecked():
            self.more.button.setChecked(True)
        self.fill.setVisible("states" in of_map)
        self.span.setVisible(not draft.new and ((simple and not plain) or "rangeLow" in of_map))
        words = unit_words(as_binding(draft), self._at()) if not draft.new else ""
        self.units.setText(f"Unit: {words}." if words else "")
        self.units.setVisible(bool(words))

    def _edited(self, _value: object = None) -> None:
        draft = self._draft
        if self._filling or draft is None:
            return
        channel = str(self.channel.currentData())
        refused = {key: why for key, why in draft.refused if key not in _RANGES}
        ends = dict(zip(_RANGES, map(number, (self.low, self.high, self.first, self.last)), strict=True))
        if channel != draft.channel:
            ends["first"], ends["last"] = OFFERED.get(channel, ("", (0.0, 1.0)))[1]
        refused |= {
            key: f"'{field.text().strip()}' is no number." if field.text().strip() else "Give a number."
            for key, field in zip(_RANGES, (self.low, self.high, self.first, self.last), strict=True)
            if not isfinite(ends[key]) and draft.form == SIMPLE
        }
        if draft.new and self.new.text() != draft.new[0].name:
            first_new = renamed(draft.new[0], self.new.text())
            draft = replace(draft, new=(first_new, *draft.new[1:]), tag=spec_of(first_new))
        made = replace(
            draft,
            channel=channel,
            colormap=self.colormap.currentText(),
            axis=self.axis.currentText(),
            refused=tuple(refused.items()),
            low=ends["low"],
            high=ends["high"],
            first=ends["first"],
            last=ends["last"],
        )
        self._workspace.authoring.change(judged(made, self._at()))
