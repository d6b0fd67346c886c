"""The card that opens when a tag is dropped on a part: what it drives, how, with live preview.

It stands in the inspector, so that it never covers the part that is being bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isfinite

from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QWidget

from armillary.model.binding import Binding
from armillary.model.clock import NS
from armillary.session.author_actions import may_not_author
from armillary.session.binding_check import Known, unit_words, y_words
from armillary.session.binding_form import seen_states
from armillary.session.browsing import NOTHING, Node, proposed, renamed, spec_of, value_of
from armillary.session.draft import (
    AS_IT_IS,
    AXIAL,
    COLOURED,
    FORMS,
    OFFERED,
    SIMPLE,
    Draft,
    edited,
    in_form,
    proposal,
)
from armillary.session.draft_fields import MORE, OF_MAP, as_binding, judged, keys, texts, typed, whys
from armillary.session.workspace import Workspace
from armillary.ui.binding_fields import BindingFields
from armillary.ui.draft_card import DraftCard, number, show_numbers
from armillary.ui.mime import NODE_MIME, TAG_MIME, numbers
from armillary.ui.pieces import Section, label
from armillary.ui.regularity import Regularity
from armillary.ui.trial import Trial

_AXES = ("x", "y", "z", "xyz")
_RANGES = ("low", "high", "first", "last")


class BindCard(DraftCard):
    """One draft in hand. Escape gives it up."""

    def __init__(self, workspace: Workspace, say: Callable[[str], None], reveal: Callable[[], None]) -> None:
        super().__init__(workspace)
        self._say = say
        self._filling, self._reveal = False, reveal
        self._nodes: tuple[int, ...] = ()  # of the link browser, that a draft makes tags of
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
        self.save.clicked.connect(workspace.authoring.save)
        self.cancel.clicked.connect(workspace.authoring.cancel)
        workspace.authoring.changed.connect(self.refresh)
        workspace.authoring.told.connect(say)
        workspace.undo.told.connect(say)
        workspace.browsing.values.connect(self._read)
        workspace.frame_arrived.connect(lambda _slots: self._tell_now())
        workspace.people.changed.connect(self._person_changed)
        self.hide()

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
            "trial": self._row(grid, 14, "Test", self.trial),
        }
        for row, widget in (
            (9, self.errors["range"]),
            (11, self.errors["result"]),
            (12, self.map_fields),
            (13, self.fill),
            (15, self.units),
            (16, self.more),
            (17, self.hint),
        ):
            grid.addWidget(widget, row, 0, 1, 3)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.save)
        grid.addWidget(self.regularity, 18, 0, 1, 3)
        grid.addLayout(buttons, 19, 0, 1, 3)

    def _row(self, grid: QGridLayout, row: int, words: str, *widgets: QWidget) -> tuple[QWidget, ...]:
        name = label(words, "muted")
        grid.addWidget(name, row, 0)
        for column, widget in enumerate(widgets, 1):
            end = " low" if len(widgets) > 1 and column == 1 else " high" if len(widgets) > 1 else ""
            widget.setAccessibleName(words + end)
            grid.addWidget(widget, row, column, 1, 1 if len(widgets) > 1 else 2)
        return (name, *widgets)

    # ------------------------------------------------------------ drop → draft
    def drop(self, slots: tuple[int, ...], prim: int) -> bool:
        """Begin to bind the first of these tags to a prim; says why when that is not allowed."""
        ws = self._workspace
        if why := may_not_author(ws):
            self._say(f"Bind: {why}")
            return False
        if ws.scene is None or not slots or not 0 <= prim < len(ws.scene) or slots[0] >= len(ws.specs):
            return False
        path, value = ws.scene.prim_path[prim], float(ws.mirror.table.value[slots[0]])
        ws.select((prim,))
        self._reveal()
        ws.authoring.begin(proposal(ws.specs[slots[0]], path, value, ws.bindings))
        return True

    def edit(self, binding: Binding) -> bool:
        """Take a saved binding in hand; says why when that is not allowed."""
        ws = self._workspace
        spec = next((spec for spec in ws.specs if spec.name == binding.signal), None)
        if why := may_not_author(ws) or ("" if spec is not None else f"There is no tag '{binding.signal}'."):
            self._say(f"Edit: {why}")
            return False
        prim = ws.prim_named(binding.prim)
        if spec is None or binding.channel not in OFFERED:
            field = "A field of sensors has a card of its own: Edit ▸ Spread sensors."
            self._say(f"Edit: {field if binding.channel == 'field' else f'{binding.channel} is not drawn.'}")
            return False
        if prim is not None:
            ws.select((prim,))
        self._reveal()
        self.more.button.setChecked(False)
        ws.authoring.begin(judged(edited(binding, spec), self._at()))
        return True

    def edit_named(self, prim: str, name: str) -> bool:
        """Take the saved binding of a part in hand by its name."""
        saved = self._workspace.authoring.saved
        found = next((b for b in saved if (b.prim, b.name) == (prim, name)), None)
        return found is not None and self.edit(found)

    def take(self, data: QMimeData, prim: int) -> bool:
        """Begin to bind what was dropped on a prim: nodes of a link, or tags."""
        if nodes := numbers(data, NODE_MIME):
            return self.drop_nodes(nodes, prim)
        return self.drop(numbers(data, TAG_MIME), prim)

    def drop_nodes(self, numbers: tuple[int, ...], prim: int) -> bool:
        """Begin to bind nodes of a link to a prim: the first drives it, all that are none become tags."""
        ws = self._workspace
        browsing = ws.browsing
        if why := may_not_author(ws) or ("" if ws.project is not None else "No project is open."):
            self._say(f"Bind: {why}")
            return False
        if ws.scene is None or not 0 <= prim < len(ws.scene):
            return False
        nodes = [browsing.nodes[n] for n in numbers if 0 <= n < len(browsing.nodes)]
        fresh = [node for node in nodes if browsing.slot_of(node) == NOTHING and browsing.can_be_tag(node)]
        known = tuple(slot for node in nodes if (slot := browsing.slot_of(node)) != NOTHING)
        if not fresh:
            if not known:
                self._say("Bind: these nodes have no value that a tag can hold.")
            return self.drop(known, prim)
        ws.select((prim,))
        self._reveal()
        self._nodes = tuple(node.number for node in fresh)
        ws.authoring.begin(proposed(browsing, fresh, prim, ws.scene.prim_path[prim], ws.bindings))
        return True

    def _read(self, _number: int) -> None:
        """Take the newest value that a new tag's node showed into the preview."""
        draft = self._draft
        if draft is None or not draft.new or not self._nodes or self._nodes[0] >= len(self._browsed):
            return
        item = self._browsed[self._nodes[0]].item
        if item is not None and value_of(item) != draft.seen:
            self._workspace.authoring.change(replace(draft, seen=value_of(item)))

    @property
    def _draft(self) -> Draft | None:
        """The draft in hand, as far as it is ours: a field has a card of its own."""
        draft = self._workspace.authoring.draft
        return draft if isinstance(draft, Draft) else None

    @property
    def _browsed(self) -> list[Node]:
        return self._workspace.browsing.nodes

    def wanted_level(self) -> int:
        """Return the node of the link browser whose level the preview is fed by, NOTHING for none."""
        draft = self._draft
        if draft is None or not draft.new or not self._nodes or self._nodes[0] >= len(self._browsed):
            return NOTHING
        return self._browsed[self._nodes[0]].parent

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
        kept = tuple((key, why) for key, why in made.refused if key not in OF_MAP and key not in _RANGES)
        self._workspace.authoring.change(judged(replace(made, refused=kept), self._at()))

    def _fill_states(self, _checked: bool = False) -> None:
        draft = self._draft
        if draft is None:
            return
        table = self._workspace.mirror.table
        seen = [float(table.value[draft.tag.slot])] if draft.tag.slot < len(table) and not draft.new else []
        text = seen_states(
            draft.tag.states, [v for v in seen if isfinite(v)], colours=draft.channel in COLOURED
        )
        self.map_fields.type_in("states", text)

    def _person_changed(self) -> None:
        """Give the draft up when whoever is there now may not author."""
        if self._draft is not None and may_not_author(self._workspace):
            self._workspace.authoring.cancel()

    def _tell_now(self) -> None:
        """Tell the value that the part is drawn with."""
        ws, draft = self._workspace, self._draft
        if draft is None:
            return
        if draft.trial is not None:
            text = "Shown with the test value; nothing is sent to the plant."
        elif draft.new:
            unit = f" {draft.tag.unit}" if draft.tag.unit else ""
            text = (
                f"Now {draft.seen:.4g}{unit}, as read from the link"
                if isfinite(draft.seen)
                else "No value yet"
            )
        else:
            [row] = (
                ws.tag_rows((draft.tag.slot,), ws.now_mono_ns()) if draft.tag.slot < len(ws.specs) else [None]
            )
            text = f"Now {row.value}{self._now_drawn(draft)}" if row is not None else ""
        if text != self.now.text():
            self.now.setText(text)

    def _now_drawn(self, draft: Draft) -> str:
        """Return what the binding makes of the present value: ` → 0.64`."""
        ws, at = self._workspace, self._at()
        if draft.why_not():
            return ""

        def read(name: str) -> float:
            return float(ws.mirror.table.value[at.specs[name].slot])

        value, t_s = float(ws.mirror.table.value[draft.tag.slot]), ws.mirror.t_ns / NS
        made = y_words(as_binding(draft), at, value, read, t_s)
        return f" → {made}" if made else ""

    def _why_not(self, draft: Draft) -> str:
        """Return why a draft cannot be saved, "" when it can."""
        names = {spec.name for spec in self._workspace.specs} if draft.new else set()
        taken = next((new.name for new in draft.new if new.name in names), "")
        return draft.why_not() or (f"There is a tag '{taken}' already: give another name." if taken else "")

    def refresh(self) -> None:
        """Show the draft in hand, or nothing."""
        authoring = self._workspace.authoring
        draft = self._draft
        self.setVisible(draft is not None)
        if draft is None:
            return
        if not self._filling and not self._typing():
            self._fill(draft)
        self._show_rows(draft)
        self.regularity.show_tag(None if draft.new else draft.tag)
        gone = authoring.replaced()
        why = self._why_not(draft)
        more = [new.name for new in draft.new[1:]]
        others = (
            f"Makes {len(more)} more tag{'s' if len(more) > 1 else ''}: {', '.join(more)}." if more else ""
        )
        taken = f"Replaces the binding to {gone[0].signal or gone[0].address}." if gone else ""
        told = whys(draft)
        here = "A field above is not right yet." if told else why
        self.hint.setText(" ".join(part for part in (here or draft.hint, others, taken) if part))
        self.save.setEnabled(not why and not authoring.saving)
        self.cancel.setEnabled(not authoring.saving)
        self.trial.show_draft(draft)
        self._tell_now()

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
