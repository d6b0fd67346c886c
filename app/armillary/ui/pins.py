"""Short words at parts of the picture: what was sent to them and what became of it, what is proposed."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRect, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from armillary.model.clock import NS, Clock
from armillary.model.frame import WorldKind
from armillary.model.order import OrderState, Receipt
from armillary.model.tags import TagSpec
from armillary.session.orders import value_text
from armillary.session.workspace import Workspace
from armillary.ui.canvas import Canvas
from armillary.ui.theme import Colours
from armillary.ui.when import time_text

SHOWN_NS = 12 * NS  # a result stands at its part for so long
TICK_MS = 100
_WORDS = {
    OrderState.ACCEPTED: "accepted",
    OrderState.SENT: "sent",
    OrderState.VERIFIED: "verified",
    OrderState.REFUSED: "refused",
    OrderState.EXPIRED: "expired",
    OrderState.FAILED: "failed",
    OrderState.UNVERIFIED: "NOT CONFIRMED",
}
_PAD, _ABOVE = 6, 26


@dataclass(frozen=True, slots=True)
class Pin:
    """Words at a prim; `urgent` ones are framed loudly."""

    prim: int
    text: str
    urgent: bool = False


def receipt_words(receipt: Receipt, spec: TagSpec | None = None) -> str:
    """Return what became of an order, short: `61 % · sent 10:31:07`."""
    word = _WORDS.get(receipt.state, receipt.state.value.lower())
    return f"{_shown(receipt.value, receipt.unit, spec)} · {word} {time_text(receipt.t_ns)}"


def _shown(value: float, unit: str, spec: TagSpec | None) -> str:
    return (dict(spec.states).get(value) if spec is not None else None) or value_text(value, unit)


class Pins(QWidget):
    """Lies over the picture and takes no mouse."""

    def __init__(self, workspace: Workspace, clock: Clock, canvas: Canvas, colours: Colours) -> None:
        super().__init__(canvas)
        self._at, self._clock, self._canvas, self._colours = workspace, clock, canvas, colours
        self._seen: dict[str, tuple[Receipt, int]] = {}  # order → newest receipt, when it came (monotonic)
        self.pins: tuple[Pin, ...] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setAccessibleName("Results of commands at their parts")
        canvas.installEventFilter(self)
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self.refresh)
        workspace.order_changed.connect(self._orders)
        workspace.proposals.changed.connect(self.refresh)
        workspace.visited.connect(self._visited)
        self.hide()

    def _visited(self) -> None:
        self._seen.clear()
        now = self._clock.now_mono_ns()
        for order, receipt in self._at.receipts.items():
            self._seen[order] = (receipt, now - SHOWN_NS)  # known before: no news
        self.refresh()

    def _orders(self) -> None:
        now, t_ns = self._clock.now_mono_ns(), self._at.picture_ns()
        for order, receipt in self._at.receipts.items():
            known = self._seen.get(order)
            if known is None or known[0] != receipt:
                is_old = known is None and abs(t_ns - receipt.t_ns) > SHOWN_NS  # told to a joiner
                self._seen[order] = (receipt, now - SHOWN_NS if is_old else now)
        self.refresh()

    def wanted(self) -> tuple[Pin, ...]:
        """Return what stands at parts now: one each, results before proposals."""
        now = self._clock.now_mono_ns()
        spec_of = {spec.name: spec for spec in self._at.specs}
        found: dict[int, Pin] = {}
        if self._at.kind is WorldKind.LIVE:
            for proposal in self._at.proposals.items.values():
                if not proposal.is_over and (spec := spec_of.get(proposal.tag)) is not None:
                    value = _shown(proposal.value, proposal.unit, spec)
                    self._put(found, spec.slot, f"loop: {value} · {proposal.state}", urgent=False)
        for receipt, at in self._seen.values():
            closed = bool(receipt.closed)
            stays = receipt.state is OrderState.UNVERIFIED and not closed
            written = spec_of.get(receipt.tag)
            if (stays or now - at < SHOWN_NS) and written is not None:
                self._put(found, written.slot, receipt_words(receipt, written), urgent=stays)
        return tuple(found.values())

    def _put(self, found: dict[int, Pin], slot: int, text: str, *, urgent: bool) -> None:
        prim = self._at.prim_of_tag(slot)
        if prim is not None:
            found[prim] = Pin(prim, text, urgent)

    def refresh(self) -> None:
        """Show what is to be told now; follow the camera while something is."""
        pins = self.wanted() if self._at.scene is not None else ()
        if pins or self.pins:
            self.pins = pins
            self.setVisible(bool(pins))
            self.update()
        if pins and not self._tick.isActive():
            self._tick.start()
        elif not pins:
            self._tick.stop()

    def place(self, pin: Pin) -> QRect | None:
        """Return where a pin stands, None when its part is not in the picture."""
        x, y, depth = self._canvas.view.project(pin.prim)
        ratio = self._canvas.devicePixelRatioF()
        if not depth > 0:
            return None
        at_x, at_y = round(x / ratio), round(y / ratio)
        if not self.rect().contains(at_x, at_y):
            return None
        metrics = self.fontMetrics()
        width, height = metrics.horizontalAdvance(pin.text) + 2 * _PAD, metrics.height() + 4
        left = min(max(at_x - width // 2, 2), max(2, self.width() - width - 2))
        return QRect(left, max(2, at_y - _ABOVE - height), width, height)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for pin in self.pins:
            plate = self.place(pin)
            if plate is None:
                continue
            loud = self._colours.priority3 if pin.urgent else self._colours.raised
            painter.setPen(QPen(QColor(self._colours.text if pin.urgent else self._colours.edge), 1))
            painter.drawLine(
                plate.center().x(), plate.bottom(), plate.center().x(), plate.bottom() + _ABOVE - 6
            )
            painter.setBrush(QColor(loud))
            painter.drawRoundedRect(plate, 3, 3)
            painter.setPen(QColor("#1B1F24" if pin.urgent else self._colours.text))
            painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter), pin.text)
        painter.end()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  Qt's name
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return False

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.update()
