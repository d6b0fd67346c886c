"""Links dock: state with its reason, rate, delay, the two laws of each link, retry and disable."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from armillary.model.arrays import U4
from armillary.model.frame import Flow
from armillary.model.link import LinkState, LinkStatus
from armillary.session import trusting
from armillary.session.binding_states import BindingStates
from armillary.session.rows import LinkRow
from armillary.session.workspace import Workspace, WorldState
from armillary.ui import icons, timers
from armillary.ui.pieces import empty, label
from armillary.ui.quarantine import QuarantineView
from armillary.ui.theme import Colours
from armillary.ui.trust_box import TrustBox

REFRESH_MS = 500
_NONE = "No links. A project names its brokers and servers in project.toml, under [[source]]."


def law(title: str, done: str, flow: Flow) -> str:
    """Return one conservation law as a line: received = done + coalesced + queued + dropped."""
    parts = [f"{title}  {_n(flow.received)} received", f"{_n(flow.done)} {done}"]
    if flow.coalesced:
        late = f" ({_n(flow.late)} late)" if flow.late else ""
        parts.append(f"{_n(flow.coalesced)} coalesced{late}")
    if flow.conflict:
        parts.append(f"{_n(flow.conflict)} corrected")
    if flow.queued:
        parts.append(f"{_n(flow.queued)} queued")
    dropped = {reason: n for reason, n in flow.dropped.items() if n}
    why = ", ".join(f"{reason.replace('_', ' ')} {_n(n)}" for reason, n in dropped.items())
    parts.append(f"{_n(sum(dropped.values()))} dropped ({why})" if dropped else "0 dropped")
    if not flow.balanced:
        parts.append("does not add up")
    return " · ".join(parts)


def _n(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


class LinkCard(QFrame):
    """One link."""

    def __init__(self, name: str, workspace: Workspace) -> None:
        super().__init__()
        self.name, self._workspace = name, workspace
        self.setProperty("role", "card")
        self._mark = label()
        self.padlock = label()
        self._title = label(name, "title")
        self._state = label()
        self._url = label("", "muted", copyable=True)
        self._detail = label("", wrap=True)
        self.trust = TrustBox(name, workspace)
        self._clock = label("", wrap=True)
        self._bindings = label("", "muted", wrap=True)
        self._flow = label("", "muted", wrap=True)
        self._messages = label("", "muted", wrap=True)
        self._samples = label("", "muted", wrap=True)
        self.retry = QPushButton("Retry now")
        self.retry.setAccessibleName(f"Retry link {name} now")
        self.retry.clicked.connect(lambda: workspace.retry_link(name, "retry"))
        self.switch = QPushButton("Disable")
        self.switch.clicked.connect(self._switch)
        self.unreadable = QPushButton()
        self.unreadable.setCheckable(True)
        self.unreadable.toggled.connect(self._open_quarantine)
        self.quarantine: QuarantineView | None = None  # made when it is first asked for
        self._asked = -1  # how many unreadable messages there were when it was asked for
        self._is_off = False
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._mark)
        head.addWidget(self._title)
        head.addWidget(self.padlock)
        head.addWidget(self._state, 1)
        head.addWidget(self.retry)
        head.addWidget(self.switch)
        grid = QGridLayout(self)
        grid.setContentsMargins(10, 8, 10, 8)
        grid.setVerticalSpacing(3)
        grid.addLayout(head, 0, 0)
        lines = (
            self._url,
            self._detail,
            self.trust,
            self._clock,
            self._bindings,
            self._flow,
            self._messages,
            self._samples,
        )
        for row, widget in enumerate(lines, 1):
            grid.addWidget(widget, row, 0)
        foot = QHBoxLayout()
        foot.addWidget(self.unreadable)
        foot.addStretch(1)
        grid.addLayout(foot, grid.rowCount(), 0)
        self.unreadable.hide()

    def show_link(self, status: LinkStatus, row: LinkRow, colours: Colours) -> None:
        """Show a link's state and counters."""
        if self._workspace.world_state != WorldState.LIVE:
            self._last_known(row, colours)
            return
        name, _ = icons.link_icon(status.state)
        self._mark.setPixmap(icons.pixmap(name, icons.link_colour(status.state, colours)))
        self._state.setText(f"{row.state} for {row.since}" if row.since else row.state)
        self._show_padlock(status, colours)
        self.trust.show_asked(status.asked)
        self._url.setText(f"{row.kind} · {row.url}")
        self._detail.setText(row.detail.replace(":", ":\u200b"))  # a fingerprint may break at its colons
        self._detail.setVisible(bool(self._detail.text()))
        self._clock.setText(row.clock)
        self._clock.setVisible(bool(row.clock))
        is_up = status.state in (LinkState.UP, LinkState.DEGRADED)
        pace = f"{row.rate} · {row.delay} behind the source · " if is_up else ""
        self._flow.setText(f"{pace}{row.flow}")
        self.switch.setEnabled(True)
        self._is_off = status.state in (LinkState.OFF, LinkState.STOPPING)
        self.switch.setText("Enable" if self._is_off else "Disable")
        self.switch.setAccessibleName(f"{self.switch.text()} link {self.name}")
        self.retry.setText("Reconnect" if is_up else "Retry now")
        self.retry.setAccessibleName(f"{self.retry.text()}: link {self.name}")
        self.retry.setVisible(is_up or status.state in (LinkState.BACKOFF, LinkState.REFUSED))
        tally = self._workspace.tally.get(self.name)
        if tally is not None:
            self._messages.setText(law("Messages", "decoded", tally.messages))
            self._samples.setText(law("Samples", "applied", tally.samples))
        for line in (self._messages, self._samples):
            line.setVisible(tally is not None)
        self._show_unreadable(tally.messages.dropped.get("undecodable", 0) if tally is not None else 0)

    def _show_padlock(self, status: LinkStatus, colours: Colours) -> None:
        found = trusting.padlock(status)
        self.padlock.setVisible(found is not None)
        if found is not None:
            is_closed, words = found
            drawing, colour = ("lock", colours.edge) if is_closed else ("lock-open", colours.text)
            self.padlock.setPixmap(icons.pixmap(drawing, colour))
            self.padlock.setToolTip(words)
            self.padlock.setAccessibleName(f"{'Closed' if is_closed else 'Open'} padlock: {words}")

    def show_bindings(self, line: str) -> None:
        """Show what this link's bindings are doing."""
        self._bindings.setText(line)
        self._bindings.setVisible(bool(line))

    def _show_unreadable(self, count: int) -> None:
        """Offer the payloads that could not be read, where there are any; keep an open list new."""
        self.unreadable.setVisible(bool(count) or self.unreadable.isChecked())
        self.unreadable.setText(f"{_n(count)} unreadable")
        self.unreadable.setAccessibleName(f"{count} unreadable messages of link {self.name}: show them")
        if self.unreadable.isChecked() and count != self._asked and self.quarantine is not None:
            self._asked = count
            self._workspace.ask_quarantine(self.name, self.quarantine.show_items)

    def _reveal(self) -> None:
        around: QWidget | None = self
        while around is not None and not isinstance(around, QScrollArea):
            around = around.parentWidget()
        if isinstance(around, QScrollArea) and (sheet := around.widget()) is not None:
            top = self.unreadable.mapTo(sheet, QPoint(0, 0)).y()
            around.verticalScrollBar().setValue(top - 8)

    def _open_quarantine(self, is_open: bool) -> None:
        if self.quarantine is None:
            self.quarantine = QuarantineView(self.name)
            grid = self.layout()
            if isinstance(grid, QGridLayout):
                grid.addWidget(self.quarantine, grid.rowCount(), 0)
        self.quarantine.setVisible(is_open)
        if is_open:  # the dock is low: what was asked for would be below its edge
            QTimer.singleShot(0, self.quarantine, self._reveal)
        self._asked = -1
        tally = self._workspace.tally.get(self.name)
        self._show_unreadable(tally.messages.dropped.get("undecodable", 0) if tally is not None else 0)

    def _last_known(self, row: LinkRow, colours: Colours) -> None:
        """Say what was known last, as such; nothing can be asked of a silent world."""
        self._mark.setPixmap(icons.pixmap("link-off", colours.edge))
        self._state.setText("not known")
        self._url.setText(f"{row.kind} · {row.url}")
        self._detail.setText(f"The world that watches this link is silent. Last known: {row.state}.")
        self._detail.show()
        self._flow.setText("")
        self._clock.hide()
        self.padlock.hide()
        self.trust.show_asked(None)
        self.retry.hide()
        self.switch.setEnabled(False)

    def _switch(self) -> None:
        self._workspace.retry_link(self.name, "on" if self._is_off else "off")


class LinksPanel(QWidget):
    """All links of the world."""

    def __init__(self, workspace: Workspace, colours: Colours) -> None:
        super().__init__()
        self._workspace, self._colours = workspace, colours
        self.cards: dict[str, LinkCard] = {}
        self._states = BindingStates()
        sheet = QWidget()
        sheet.setObjectName("sheet")
        self._rows = QVBoxLayout(sheet)
        self._rows.setContentsMargins(8, 8, 8, 8)
        self._rows.setSpacing(8)
        self.empty = empty(_NONE)
        self._rows.addWidget(self.empty)
        self._rows.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setAccessibleName("Links")
        scroll.setWidget(sheet)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(scroll)
        self._late = timers.once(self, REFRESH_MS, self.reload)
        workspace.links_changed.connect(self.reload)
        workspace.world_changed.connect(self.reload)
        workspace.frame_arrived.connect(self._arrived)
        self.reload()

    def _arrived(self, _slots: U4) -> None:
        if self.isVisible() and not self._late.isActive():
            self._late.start()

    def reload(self) -> None:
        """Show the links as they are now."""
        links = self._workspace.links
        for name in [name for name in self.cards if name not in {link.name for link in links}]:
            self.cards.pop(name).deleteLater()
        for link, row in zip(links, self._workspace.link_rows(), strict=True):
            card = self.cards.get(link.name)
            if card is None:
                card = self.cards[link.name] = LinkCard(link.name, self._workspace)
                self._rows.insertWidget(self._rows.count() - 1, card)
            card.show_link(link, row, self._colours)
            if self.isVisible():  # counted anew for another scenery: not for a panel that nobody sees
                at = self._workspace
                card.show_bindings(self._states.line(at.scenery, at.mirror.table.quality, link.name))
        self.empty.setVisible(not links)

    def showEvent(self, event: object) -> None:  # noqa: N802  Qt's name
        self.reload()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.reload()
