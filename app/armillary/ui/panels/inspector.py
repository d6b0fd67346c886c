"""Inspector dock: the selected part, its twin, live values, bindings, attributes, and writing a setpoint."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from armillary.model.arrays import U4
from armillary.model.clock import Clock
from armillary.model.command import Template
from armillary.model.fault import FaultRecord
from armillary.model.frame import WorldKind
from armillary.model.message import Attributes
from armillary.model.scene import SceneArrays
from armillary.session.rows import BindingRow
from armillary.session.workspace import Workspace
from armillary.ui import icons, theme, timers
from armillary.ui.command_parts import template_button, templates_of
from armillary.ui.hand_card import HandBar, HandCard
from armillary.ui.limits_card import LimitsCard, LimitsList
from armillary.ui.pieces import IconButton, Section, empty, label
from armillary.ui.row_model import Row, RowModel, double_rows, fit_height, short_table, stretch
from armillary.ui.scene_choices import SceneChoices
from armillary.ui.scene_facts import SceneFacts
from armillary.ui.tag_model import AGE, LINK, NAME, QUALITY, VALUE, TagModel
from armillary.ui.tag_view import table
from armillary.ui.theme import Colours
from armillary.ui.write_card import WriteCard

REFRESH_MS = 250
_NOTHING = "Nothing selected.\nClick a part in the picture or in the tree to see its values."
_MOST_VALUES = 200  # tags listed for one part
_MANY = 14  # rows shown before a table scrolls


class InspectorPanel(QWidget):
    """Everything known of the part selected last."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        colours: Colours,
        *,
        trend: Callable[[tuple[int, ...]], None],
        copy: Callable[[str], None],
        say: Callable[[str], None],
        run: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._workspace, self._clock, self._colours = workspace, clock, colours
        self._trend = trend
        self._prim = -1
        self._icon, self.name = label(), label("", "title", copyable=True)
        self.kind = label("", "muted", wrap=True)
        self.path = label("", "muted", wrap=True, copyable=True)
        self.path.setFont(theme.mono())
        self.twin = label("", wrap=True)
        self.copy = IconButton("copy", "Copy the path", lambda: copy(self.path.text()))
        self.trend = IconButton("trend", "Show these values in trends", self._show_trend)
        self.tags = TagModel(workspace, colours, compact=True, parent=self)
        self.values = table(self.tags, "Live values of the part")
        for column in (AGE, LINK):
            self.values.setColumnHidden(column, True)
        self.values.doubleClicked.connect(self._value_clicked)
        self.bindings = RowModel(("Drives", "By"), colours, mark_column=1, parent=self)
        self.binding_table = short_table(self.bindings, "Bindings of the part")
        self.on_binding: Callable[[str, str], object] = lambda _prim, _name: None  # one is to be edited
        self.binding_table.doubleClicked.connect(self._binding_clicked)
        self.attributes = RowModel(("Attribute", "Value"), colours, parent=self)
        self.attribute_table = short_table(self.attributes, "Attributes of the part")
        self.card = WriteCard(workspace, clock)
        self.choices = SceneChoices(workspace)
        self.limits = LimitsCard(workspace, say)
        self.alarms = LimitsList(workspace, self.limits, self._chosen_tag)
        self.hand = HandCard(workspace)
        self.by_hand = HandBar(workspace, self.hand, self._chosen_tag, say)
        self._lay_out(run)
        self.values.selectionModel().selectionChanged.connect(lambda *_: self.alarms.name_tag())
        self.values.selectionModel().selectionChanged.connect(lambda *_: self.by_hand.refresh())
        workspace.people.changed.connect(self.by_hand.refresh)
        self.limits.closed.connect(self._show_alarms)
        workspace.people.changed.connect(self._show_alarms)
        workspace.alarms.changed.connect(lambda _ids: self._show_alarms())
        self._late = timers.once(self, REFRESH_MS, self.refresh)
        workspace.selection_changed.connect(self.follow)
        workspace.scene_changed.connect(lambda: self.follow(workspace.selection))
        workspace.world_changed.connect(lambda: self.follow(workspace.selection))
        workspace.tags_compiled.connect(lambda: self.follow(workspace.selection))  # other tags, other twins
        workspace.frame_arrived.connect(self._arrived)
        self.set_colours(colours)
        self.follow(workspace.selection)

    def _lay_out(self, run: Callable[[str], None]) -> None:
        head = QHBoxLayout()
        head.addWidget(self._icon)
        head.addWidget(self.name, 1)
        head.addWidget(self.trend)
        head.addWidget(self.copy)
        self._setpoints = QVBoxLayout()
        self._setpoints.setSpacing(4)
        points = QWidget()
        points.setLayout(self._setpoints)
        self._setpoints.setContentsMargins(0, 0, 0, 0)
        self.value_section = Section("Values", self.values)
        self.write_section = Section("Commands", points)
        self.alarm_section = Section("Alarms", self.alarms)
        self.binding_section = Section("Bindings", self.binding_table)
        self.attribute_section = Section("Attributes", self.attribute_table, is_open=False)
        double_rows(self.binding_table)
        stretch(self.binding_table, 1, {0: 160})
        stretch(self.attribute_table, 1, {0: 150})
        stretch(self.values, NAME, {VALUE: 150, QUALITY: 28})
        self.sheet = QWidget()
        self.sheet.setObjectName("sheet")
        rows = self._rows = QVBoxLayout(self.sheet)
        rows.setContentsMargins(8, 8, 8, 8)
        rows.setSpacing(4)
        rows.addLayout(head)
        for widget in (
            self.path,
            self.kind,
            self.twin,
            self.card,
            self.limits,
            self.hand,
            self.value_section,
        ):
            rows.addWidget(widget)
        rows.addWidget(self.by_hand)
        rows.insertWidget(rows.indexOf(self.card), self.choices)
        rows.addWidget(self.alarm_section)
        rows.addWidget(self.write_section)
        rows.addWidget(self.binding_section)
        rows.addWidget(self.attribute_section)
        rows.addStretch(1)
        self.empty = empty(_NOTHING)
        self.facts = SceneFacts(self._workspace, self._colours, run)
        self.area = QScrollArea()
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setAccessibleName("Details of the selected part")
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(self.sheet)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self.facts)
        around.addWidget(self.empty)
        around.addWidget(self.area)

    def hold(self, card: QWidget) -> None:
        """Put a card on top of the details."""
        self._rows.insertWidget(self._rows.indexOf(self.card), card)

    # ------------------------------------------------------------ which part
    def follow(self, prims: tuple[int, ...]) -> None:
        """Show the part selected last; leaving a part disarms what was armed for it."""
        scene = self._workspace.scene
        prim = prims[-1] if prims and scene is not None and prims[-1] < len(scene) else -1
        if prim != self._prim and self.card.is_open:
            self.card.close_card()
        if prim != self._prim:
            self.limits.close_card()
            self.hand.close_card()
        self._prim = prim
        self.empty.setVisible(prim < 0)
        self.facts.setVisible(prim < 0 and scene is not None and bool(scene.facts))
        self.area.setVisible(prim >= 0)
        if scene is None or prim < 0:
            return
        self._head(scene, prim, len(prims))
        slots = self._workspace.tags_of_prim(prim)[:_MOST_VALUES]
        self.tags.set_slots(slots)
        self.value_section.set_title(f"Values ({len(slots)})")
        self.value_section.setVisible(bool(slots))
        fit_height(self.values, _MANY)
        self._offer_writes(slots)
        self.choices.show_prim(scene, prim)
        self._show_alarms()
        self.attributes.replace(())
        self.attribute_section.set_title("Attributes")
        path = scene.prim_path[prim]
        self._workspace.attributes(path, lambda answer: self._attributes(path, answer))
        self.refresh()

    def _head(self, scene: SceneArrays, prim: int, chosen: int) -> None:
        path = scene.prim_path[prim]
        kind = scene.type_names[int(scene.prim_type[prim])] or "no type"
        self._icon.setPixmap(icons.pixmap(icons.prim_icon(kind), self._colours.muted, 16))
        self.name.setText(path.rsplit("/", 1)[-1])
        self.path.setText(path)
        more = dict(scene.kind).get(prim, "")
        others = f" · {chosen} parts selected, the last one is shown" if chosen > 1 else ""
        self.kind.setText(f"{kind}{f' · {more}' if more else ''}{others}")
        twin = self._workspace.twin_of_prim(prim)
        self.twin.setVisible(twin is not None)
        if twin is not None:
            model = f" · {twin.model}" if twin.model else ""
            self.twin.setText(f"Twin {twin.id}{f', {twin.title}' if twin.title else ''}{model}")

    def _show_alarms(self) -> None:
        """Show the alarms of the part's tags; an engineer edits them and the tags."""
        slots = tuple(self.tags.slot(row) for row in range(self.tags.rowCount()))
        count = self.alarms.show_tags(slots)
        self.alarm_section.set_title(f"Alarms ({count})" if count else "No alarms")
        self.alarm_section.setVisible(bool(slots))

    def _chosen_tag(self) -> int:
        """Return the tag selected in the values, else the first; -1 where there is none."""
        chosen = self.values.selectionModel().selectedRows()
        row = chosen[0].row() if chosen else 0
        return self.tags.slot(row) if row < self.tags.rowCount() else -1

    def _offer_writes(self, slots: tuple[int, ...]) -> None:
        while (item := self._setpoints.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()  # it is gone for people now, and only later for Qt
                widget.deleteLater()
        writable = [slot for slot in slots if self._workspace.specs[slot].writable]
        kind = self._workspace.kind
        templates = templates_of(self._workspace, slots)
        if writable and kind in (WorldKind.REPLAY, WorldKind.WHATIF):  # replaced, not greyed
            self._offer(label(f"A {kind.value} world takes no commands.", "muted", wrap=True))
            self.write_section.setVisible(True)
            return
        is_simulated = kind is WorldKind.TRAINING
        for template in templates:
            self._offer(template_button(template, self.open_template))
        for slot in writable:
            spec = self._workspace.specs[slot]
            why = self._workspace.orders.why_not(slot)
            verb = "Simulate: write" if is_simulated else "Write"
            button = QPushButton(f"{verb} {spec.name}…")
            button.setProperty("simulate", is_simulated)
            button.setAccessibleName(f"{verb} {spec.name}")
            button.setEnabled(not why)
            button.setToolTip(why or spec.title)
            button.clicked.connect(lambda _checked=False, slot=slot: self.open_write(slot))
            self._offer(button)
            if why:
                self._offer(label(why, "muted", wrap=True))
        self.write_section.setVisible(bool(writable) or bool(templates))

    def _offer(self, widget: QWidget) -> None:
        self._setpoints.addWidget(widget)
        widget.show()  # at once: by itself Qt shows it only when its loop turns

    def open_template(self, template: Template) -> None:
        """Show the card that carries out a template."""
        self.card.open_template(template)
        self.area.ensureWidgetVisible(self.card)

    def open_write(self, slot: int, value: float = math.nan, source: str = "") -> None:
        """Show the card that writes a tag, filled in with a value and where it came from."""
        self.card.open(slot, value, source)
        self.area.ensureWidgetVisible(self.card)

    def give_by_hand(self) -> None:
        """Show the card that gives the chosen tag a value by hand."""
        self.by_hand.begin()
        self.area.ensureWidgetVisible(self.hand)

    # ------------------------------------------------------------ live
    def _arrived(self, _slots: U4) -> None:
        if self._prim >= 0 and self.isVisible() and not self._late.isActive():
            self._late.start()

    def refresh(self) -> None:
        """Show values and bindings as they are now."""
        if self._prim < 0:
            return
        self.tags.refresh(self._clock.now_mono_ns(), 0, self.tags.rowCount() - 1)
        self.by_hand.refresh()
        found = self._workspace.bindings_of_prim(self._prim)
        self.bindings.replace([binding_text(row, self._template_of(row)) for row in found])
        fit_height(self.binding_table)
        self.binding_section.set_title(f"Bindings ({len(found)})" if found else "No bindings of its own")
        self.binding_table.setVisible(bool(found) and self.binding_section.button.isChecked())

    def _attributes(self, path: str, answer: Attributes | FaultRecord) -> None:
        scene = self._workspace.scene
        if scene is None or self._prim < 0 or scene.prim_path[self._prim] != path:
            return  # another part was selected meanwhile
        if isinstance(answer, FaultRecord):
            self.attributes.replace([Row(("not known", answer.what), answer.remedy)])
            rows = 0
        else:
            rows = len(answer.rows)
            self.choices.show_payload(answer.payload)
            self.attributes.replace(
                [
                    Row((name, value), f"{kind} {name}\n{value}\n{layer}")
                    for name, kind, value, layer in answer.rows
                ]
            )
        self.attribute_section.set_title(f"Attributes ({rows})")
        fit_height(self.attribute_table)

    def _value_clicked(self, index: QModelIndex) -> None:
        slot = self.tags.slot(index.row())
        if self._workspace.specs[slot].writable and not self._workspace.orders.why_not(slot):
            self.open_write(slot)
        else:
            self._trend((slot,))

    def _template_of(self, row: BindingRow) -> str:
        """Return in words which template a binding follows, "" for none."""
        at = self._workspace
        if f"{row.prim}#{row.name}" not in at.binding_templates.made:
            return ""
        found = next((b for b in at.bindings if (b.prim, b.name) == (row.prim, row.name)), None)
        return at.binding_templates.mark(found) if found is not None else ""

    def _binding_clicked(self, index: QModelIndex) -> None:
        found = self._workspace.bindings_of_prim(self._prim)
        if index.row() < len(found):
            self.on_binding(found[index.row()].prim, found[index.row()].name)

    def _show_trend(self) -> None:
        chosen = tuple(self.tags.slot(i.row()) for i in self.values.selectionModel().selectedRows())
        self._trend(chosen or tuple(self.tags.slot(row) for row in range(min(self.tags.rowCount(), 6))))

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.tags.set_colours(colours)
        self.bindings.colours = self.attributes.colours = colours
        self.facts.set_colours(colours)
        for button in (self.copy, self.trend):
            button.set_colours(colours)
        if self._prim >= 0 and (scene := self._workspace.scene) is not None:
            self._head(scene, self._prim, len(self._workspace.selection))


def binding_text(row: BindingRow, template: str = "") -> Row:
    """Return one binding as a line; `template`: which one it follows, in words."""
    off = " (off)" if not row.enabled else " ⧉" if template else ""
    more = f"\n{template}" if template else ""
    return Row(
        (f"{row.channel}{off}\n{row.map}", f"{row.signal}\n{row.value}"),
        f"{row.prim}#{row.name}\n{row.map}\n{row.origin}{more}",
        row.quality,
    )
