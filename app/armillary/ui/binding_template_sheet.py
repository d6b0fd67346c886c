"""The sheet of templates: made of what is bound, applied to twins, brought up to date; seen before saved."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from armillary.model.fault import Fault
from armillary.session.template_work import Stand, lines_of
from armillary.session.workspace import Workspace
from armillary.ui.pieces import label
from armillary.ui.row_model import Row, RowModel, dress_table
from armillary.ui.sheet import Sheet
from armillary.ui.theme import Colours

WIDTH, HEIGHT = 900, 600
MOST = 2_000  # changes that are shown
_LIST = 240


class TemplateSheet(Sheet):
    """Nothing is saved before *Apply and update*."""

    def __init__(
        self,
        workspace: Workspace,
        colours: Colours,
        say: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._at, self._work, self._say = workspace, workspace.binding_templates, say
        self.setWindowTitle("Templates of bindings")
        self.resize(WIDTH, HEIGHT)
        self.name = QLineEdit()
        self.name.setPlaceholderText("pump")
        self.name.setAccessibleName("Name of the new template")
        self.values = QLineEdit()
        self.values.setPlaceholderText("limit=90")
        self.values.setAccessibleName("Values of the new template that are parameters")
        self.values.setToolTip("Every such value of the bindings becomes a parameter")
        self.own = QLineEdit()
        self.own.setAccessibleName("Parameters of the chosen twin; Enter sets them")
        self.alarms, self.trend = QCheckBox("with its alarms"), QCheckBox("and the pens of the trend")
        self.alarms.setToolTip("The alarms of the twin's tags become part of the template")
        self.trend.setToolTip("The twin's tags that the trend shows now become a set of the template")
        self.tags = QLineEdit("{name}")
        self.tags.setAccessibleName(
            "What the tags of parts without a twin begin with; {name} is the part's name"
        )
        self.tags.setToolTip("What the tags of parts without a twin begin with; {name} is the part's name")
        self.add = QPushButton("Add selected parts")
        self.add.setToolTip("Parts that no twin stands for")
        self.make, self.unlink = QPushButton("Make of the selected part"), QPushButton("Make it independent")
        self.unlink.setToolTip("The selected part's bindings no longer follow their template")
        self.template = QComboBox()
        self.template.setAccessibleName("Template")
        self.stands = QListWidget()
        self.stands.setAccessibleName("Twins that the template stands at")
        self.stands.setMaximumWidth(_LIST)
        self.all = QPushButton("Tick those of its model")
        self.model = RowModel(("What", "Part", "Binding", "Change"), colours, parent=self)
        self.table = QTableView()
        self.table.setModel(self.model)
        dress_table(self.table, "What would be done")
        for column, width in ((0, 70), (1, 220), (2, 100)):
            self.table.setColumnWidth(column, width)
        self.counts, self.why = label("", "muted", wrap=True), label("", "bad", wrap=True)
        self.carry_out, self.shut = QPushButton("Apply and update"), QPushButton("Close")
        self.carry_out.setProperty("primary", True)
        for pressed in (self.make, self.unlink, self.all, self.add, self.carry_out, self.shut):
            pressed.setAutoDefault(False)
        self._filling = False
        self._known: tuple[Stand, ...] = ()
        self._added: dict[str, tuple[Stand, ...]] = {}  # parts that a person added, by template
        self._lay_out()
        self._off = [
            self._work.changed.connect(self._refresh),
            self._work.told.connect(self._told),
            workspace.selection_changed.connect(lambda _prims: self._selected()),
        ]
        self.make.clicked.connect(lambda _c=False: self._make())
        self.unlink.clicked.connect(lambda _c=False: self._unlink())
        self.template.activated.connect(lambda _i: self._chosen())
        self.stands.itemChanged.connect(lambda _item: self._preview())
        self.stands.currentRowChanged.connect(lambda _row: self._show_own())
        self.own.returnPressed.connect(self._set_own)
        self.all.clicked.connect(lambda _c=False: self._tick_model())
        self.carry_out.clicked.connect(lambda _c=False: self._work.carry_out(self._text()))
        self.add.clicked.connect(lambda _c=False: self._add_parts())
        self.shut.clicked.connect(lambda _c=False: self.reject())
        self._work.read()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(label("New", "muted"))
        head.addWidget(self.name)
        head.addWidget(label("Parameters", "muted"))
        head.addWidget(self.values)
        head.addWidget(self.alarms)
        head.addWidget(self.trend)
        head.addWidget(self.make)
        head.addStretch(1)
        head.addWidget(self.unlink)
        left = QVBoxLayout()
        left.addWidget(self.template)
        left.addWidget(self.stands, 1)
        left.addWidget(self.own)
        left.addWidget(self.all)
        parts = QHBoxLayout()
        parts.addWidget(self.tags, 1)
        parts.addWidget(self.add)
        left.addLayout(parts)
        middle = QHBoxLayout()
        middle.addLayout(left)
        middle.addWidget(self.table, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.counts, 1)
        foot.addWidget(self.shut)
        foot.addWidget(self.carry_out)
        column = QVBoxLayout(self)
        column.addLayout(head)
        column.addLayout(middle, 1)
        column.addWidget(self.why)
        column.addLayout(foot)

    # ------------------------------------------------------------ what is shown
    def _refresh(self) -> None:
        kept = str(self.template.currentData() or "")
        self.template.clear()
        for each in self._work.known.templates:
            count = sum(i.template == each.id for i in self._work.known.instances)
            has = [f"{len(each.lines)} bindings"]
            has += [f"{len(each.alarms)} alarms"] * bool(each.alarms)
            has += [f"{len(each.trends)} trends"] * bool(each.trends)
            words = f"{each.title or each.id} · {', '.join(has)} · {count} places"
            self.template.addItem(words, each.id)
        self.template.setCurrentIndex(max(0, self.template.findData(kept)))
        self.why.setText(self._work.why)
        self.why.setVisible(bool(self._work.why))
        self._chosen()
        self._selected()

    def _chosen(self) -> None:
        """Show the twins of the template in hand: those that have it are ticked and stay so."""
        self._filling = True
        self.stands.clear()
        id_ = str(self.template.currentData() or "")
        self._known = self._work.stands(id_) if id_ else ()
        there = {stand.prim for stand in self._known}
        self._known += tuple(stand for stand in self._added.get(id_, ()) if stand.prim not in there)
        for stand in self._known:
            item = QListWidgetItem(f"{stand.title} · {stand.prim.rpartition('/')[2]}")
            item.setToolTip(f"{stand.prim}\n{stand.model}".strip())
            is_ticked = stand.has or not stand.twin
            item.setCheckState(Qt.CheckState.Checked if is_ticked else Qt.CheckState.Unchecked)
            if stand.has:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsUserCheckable)
            self.stands.addItem(item)
        self._filling = False
        self._show_own()
        self._preview()

    def _stand(self) -> Stand | None:
        row = self.stands.currentRow()
        return self._known[row] if 0 <= row < len(self._known) else None

    def _show_own(self) -> None:
        """Show the parameters of the twin that is chosen; they can be set where the template stands."""
        stand, id_ = self._stand(), str(self.template.currentData() or "")
        text = self._work.parameters_at(id_, stand.prim) if stand is not None else ""
        self.own.setText(text)
        self.own.setEnabled(stand is not None and stand.has and bool(text))

    def _set_own(self) -> None:
        if (stand := self._stand()) is not None:
            id_ = str(self.template.currentData() or "")
            self._work.set_parameters(id_, stand.prim, self.own.text())

    def _ticked(self) -> list[Stand]:
        checked = Qt.CheckState.Checked
        return [s for i, s in enumerate(self._known) if self.stands.item(i).checkState() == checked]

    def _text(self) -> str:
        return self._work.text_with(str(self.template.currentData() or ""), self._ticked())

    def _preview(self) -> None:
        if self._filling:
            return
        try:
            text = self._text()
            found, alarms = self._work.plan_of(text), self._work.alarms_of(text)
        except Fault as fault:
            self.why.setText(f"{fault.what} {fault.remedy}")
            self.why.show()
            return
        changes = (*found.changes, *alarms.changes)
        self.model.replace([Row(line) for line in lines_of(changes[:MOST])])
        kinds = [change.kind for change in changes]
        said = ("new", "changed", "removed", "kept", "missing")
        words = [f"{kinds.count(kind)} {kind}" for kind in said if kind in kinds]
        self.counts.setText(", ".join(words) or "All places are as their templates.")
        done = ("new", "changed", "removed")
        self.carry_out.setEnabled(bool(found.new or found.old or any(k in done for k in kinds)))

    def _selected(self) -> None:
        """Say what can be made of the part that is selected."""
        scene, chosen = self._at.scene, self._at.selection
        path = scene.prim_path[chosen[-1]] if scene is not None and chosen else ""
        self.make.setEnabled(bool(path))
        self.make.setToolTip(path or "Select a part first")
        marked = [b for b in self._at.bindings if b.prim == path and self._work.mark(b)]
        self.unlink.setEnabled(bool(marked))

    # ------------------------------------------------------------ what is done
    def _make(self) -> None:
        if self._at.selection:
            at = self._at
            pens = [at.specs[slot].name for slot in at.timeline.slots] if self.trend.isChecked() else []
            self._work.make(
                self.name.text(),
                at.selection[-1],
                self.values.text(),
                with_alarms=self.alarms.isChecked(),
                trend=pens,
            )

    def _add_parts(self) -> None:
        """Offer the selected parts that have no twin as places of the template in hand."""
        id_ = str(self.template.currentData() or "")
        found = self._work.stands_of_selection(self.tags.text().strip())
        self.why.setText("" if found else "Select parts that no twin stands for.")
        self.why.setVisible(not found)
        if id_ and found:
            self._added[id_] = (*self._added.get(id_, ()), *found)
            self._chosen()

    def _unlink(self) -> None:
        scene, chosen = self._at.scene, self._at.selection
        if scene is not None and chosen:
            self._work.unlink([scene.prim_path[p] for p in chosen])

    def _tick_model(self) -> None:
        """Tick all twins of the model that the template is for; of any model where it names none."""
        id_ = str(self.template.currentData() or "")
        model = next((t.model for t in self._work.known.templates if t.id == id_), "")
        self._filling = True
        for i, stand in enumerate(self._known):
            if stand.model == model:
                self.stands.item(i).setCheckState(Qt.CheckState.Checked)
        self._filling = False
        self._preview()

    def _told(self, text: str) -> None:
        self._say(text)
        if not text.startswith("Saved"):
            self.why.setText(text)
            self.why.show()

    def done(self, result: int) -> None:
        """Close; nothing that was not saved stays."""
        for off in self._off:
            off()
        super().done(result)
