"""XY plot, spectrum and histogram of the range that is shown, or between the cursors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from armillary.model.clock import NS
from armillary.session.trend_maths import Stretch, histogram, pairs
from armillary.session.trend_read import span_text
from armillary.session.trend_spectrum import FEWEST, WINDOWS, Method, Spectrum, even, spectrum
from armillary.ui import theme
from armillary.ui.pieces import label
from armillary.ui.theme import Colours

KINDS = (("trend", "Trend"), ("xy", "XY"), ("spectrum", "Spectrum"), ("histogram", "Histogram"))
MOST_POINTS = 20_000
CLASSES = (10, 20, 50, 100)
_METHODS: tuple[tuple[Method, str], ...] = (("amplitude", "Amplitude (FFT)"), ("density", "Density (Welch)"))
_UNEVEN = 0.05  # spread of the gaps beyond which it is said that samples were made even
_FLOOR = 1e-12  # of the greatest value, where a scale is logarithmic
_SHADES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One pen as the analysis takes it."""

    slot: int
    name: str
    unit: str
    colour: str
    stretch: Stretch | None  # None: being read


class Analysis(QWidget):
    """One of the three, with its choices above and its findings below."""

    def __init__(self, colours: Colours, changed: Callable[[], None]) -> None:
        super().__init__()
        self._changed = changed
        self.kind = "xy"
        self.first, self.second = _choice("Pen along X"), _choice("Pen along Y")
        self.method, self.window_shape = _choice("Method of the spectrum"), _choice("Window of the spectrum")
        self.classes = _choice("Classes of the histogram")
        self.log = QCheckBox("log")
        self.log.setAccessibleName("Logarithmic scale")
        for method, title in _METHODS:
            self.method.addItem(title, method)
        for window in WINDOWS:
            self.window_shape.addItem(window.capitalize(), window)
        for count in CLASSES:
            self.classes.addItem(f"{count} classes", count)
        self.classes.setCurrentIndex(2)
        self.plot = pg.PlotWidget()
        self.plot.setAccessibleName("Analysis plot")
        self.plot.viewport().setAccessibleName("Analysis plot")
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.words = label("", "muted", wrap=True, copyable=True)
        self.words.setContentsMargins(6, 0, 6, 4)
        bar = QHBoxLayout()
        bar.setContentsMargins(6, 0, 6, 0)
        for widget in (self.first, self.second, self.method, self.window_shape, self.classes, self.log):
            bar.addWidget(widget)
        bar.addStretch(1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(2)
        rows.addLayout(bar)
        rows.addWidget(self.plot, 1)
        rows.addWidget(self.words)
        for box in (self.first, self.second, self.method, self.window_shape, self.classes):
            box.activated.connect(lambda _index: self._changed())
        self.log.toggled.connect(lambda _on: self._changed())
        self.set_colours(colours)
        self.choose(self.kind)

    def choose(self, kind: str) -> None:
        """Show `xy`, `spectrum` or `histogram`."""
        self.kind = kind
        self.first.setVisible(True)
        self.first.setAccessibleName("Pen along X" if kind == "xy" else "Pen that is analysed")
        self.second.setVisible(kind == "xy")
        for box in (self.method, self.window_shape, self.log):
            box.setVisible(kind == "spectrum")
        self.classes.setVisible(kind == "histogram")

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.plot.setBackground(colours.panel)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(pg.mkPen(colours.edge))
            axis.setTextPen(pg.mkPen(colours.muted))
            axis.setTickFont(theme.font(0.9))
            axis.enableAutoSIPrefix(False)
        self.plot.showGrid(x=True, y=True, alpha=0.14)

    # ------------------------------------------------------------ drawing
    def draw(self, pens: Sequence[Shown], range_ns: tuple[int, int], trouble: str) -> None:
        """Draw what is chosen of these pens in a range."""
        _offer(self.first, pens, 0)
        _offer(self.second, pens, 1)
        self.plot.clear()
        self.plot.setLogMode(False, False)
        one = next((p for p in pens if p.slot == self.first.currentData()), None)
        if one is None:
            self.words.setText("No pen.")
            return
        if trouble or one.stretch is None:
            self.words.setText(trouble or "Reading …")
            return
        if self.kind == "xy":
            other = next((p for p in pens if p.slot == self.second.currentData()), None)
            self._xy(one, other, range_ns)
        elif self.kind == "spectrum":
            self._spectrum(one, one.stretch, range_ns)
        else:
            self._histogram(one, one.stretch, range_ns)

    def _axes(self, x: str, y: str) -> None:
        self.plot.setLabel("bottom", x, color=self._colours.muted)
        self.plot.setLabel("left", y, color=self._colours.muted)

    def _xy(self, x: Shown, y: Shown | None, range_ns: tuple[int, int]) -> None:
        if y is None or y.stretch is None or x.stretch is None:
            self.words.setText("An XY plot needs two pens: add another one." if y is None else "Reading …")
            return
        got = pairs(x.stretch, y.stretch, *range_ns, MOST_POINTS)
        self._axes(_titled(x), _titled(y))
        if not len(got.t_ns):
            self.words.setText("These pens have no values at the same times in this range.")
            return
        ends = np.linspace(0, len(got.t_ns), _SHADES + 1).astype(int).tolist()
        for i, (begin, end) in enumerate(pairwise(ends)):  # older points are fainter
            colour = pg.mkColor(y.colour)
            colour.setAlpha(60 + 195 * (i + 1) // _SHADES)
            dots = pg.ScatterPlotItem(
                x=got.x[begin:end], y=got.y[begin:end], size=4, pen=None, brush=pg.mkBrush(colour)
            )
            self.plot.addItem(dots)
        self.plot.autoRange()
        text = f"{len(got.t_ns)} points; older ones are fainter."
        if np.isfinite(got.slope):
            ends_x = np.array([got.x.min(), got.x.max()])
            self.plot.plot(ends_x, got.slope * ends_x + got.offset, pen=pg.mkPen(self._colours.edge, width=1))
            text += f" Line y = {got.slope:.4g} · x {got.offset:+.4g}; r = {got.correlation:.3f}."
        if not (x.stretch.is_exact and y.stretch.is_exact):
            text += f" Means of {span_text(max(x.stretch.level_s, y.stretch.level_s))}, not samples."
        self.words.setText(text)

    def _spectrum(self, pen: Shown, stretch: Stretch, range_ns: tuple[int, int]) -> None:
        method: Method = self.method.currentData()
        is_density = method == "density"
        self._axes("Hz", f"{pen.unit}²/Hz" if is_density and pen.unit else "1/Hz" if is_density else pen.unit)
        if not stretch.is_exact:
            self.words.setText("The range holds too many samples for a spectrum: zoom in.")
            return
        made = even(stretch, *range_ns)
        if made is None:
            self.words.setText(f"A spectrum needs {FEWEST} samples without a gap: there are fewer.")
            return
        got = spectrum(made, method, self.window_shape.currentData())
        value = got.value
        if self.log.isChecked():
            value = np.maximum(value, max(float(value.max()), 1e-300) * _FLOOR)
            self.plot.setLogMode(False, True)
        self.plot.plot(got.hz, value, pen=pg.mkPen(pen.colour, width=1.2))
        self.plot.autoRange()
        self.words.setText(spectrum_text(got, pen.unit, range_ns))

    def _histogram(self, pen: Shown, stretch: Stretch, range_ns: tuple[int, int]) -> None:
        got = histogram(stretch, *range_ns, int(self.classes.currentData()))
        self._axes(_titled(pen), "% of the time")
        if got is None:
            self.words.setText("This pen has no value in this range.")
            return
        fill = pg.mkColor(pen.colour)
        fill.setAlpha(150)
        bars = pg.BarGraphItem(
            x0=got.edges[:-1], x1=got.edges[1:], height=got.share * 100, brush=fill, pen=pg.mkPen(pen.colour)
        )
        self.plot.addItem(bars)
        self.plot.autoRange()
        top = int(np.argmax(got.share))
        about = "" if stretch.is_exact else f" Means of {span_text(stretch.level_s)}, not samples."
        self.words.setText(
            f"Time by value, of {span_text(got.known_s)} with a value. Most often "
            f"{got.edges[top]:.4g} … {got.edges[top + 1]:.4g} {pen.unit}: {got.share[top]:.1%}.{about}"
        )


def spectrum_text(got: Spectrum, unit: str, range_ns: tuple[int, int]) -> str:
    """Return peaks, and what the spectrum is made of: nothing that was made even goes unsaid."""
    own = f" {unit}" if unit else ""
    if got.method == "density":
        own = f" {unit}²/Hz" if unit else " 1/Hz"
    peaks = " · ".join(f"{hz:.4g} Hz ({value:.3g}{own})" for hz, value in got.peaks) or "none"
    used_s, whole_s = (got.used_ns[1] - got.used_ns[0]) / NS, (range_ns[1] - range_ns[0]) / NS
    text = f"Peaks: {peaks}. From {got.points} values every {span_text(got.step_s)}, {got.window} window"
    if used_s < 0.98 * whole_s:
        text += f", of the longest {span_text(used_s)} without a gap"
    if got.spread > _UNEVEN:
        text += "; samples were uneven and were put on even times"
    return f"{text}."


def _titled(pen: Shown) -> str:
    return f"{pen.name} [{pen.unit}]" if pen.unit else pen.name


def _choice(name: str) -> QComboBox:
    out = QComboBox()
    out.setAccessibleName(name)
    out.setMinimumContentsLength(13)
    out.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return out


def _offer(box: QComboBox, pens: Sequence[Shown], first: int) -> None:
    """Offer the pens; the choice stays while its pen is there."""
    if [box.itemData(i) for i in range(box.count())] == [pen.slot for pen in pens]:
        return
    chosen = box.currentData()
    box.clear()
    for pen in pens:
        box.addItem(pen.name, pen.slot)
    at = box.findData(chosen)
    box.setCurrentIndex(at if at >= 0 else min(first, len(pens) - 1))
