"""Figures of the trend panel: 20 pens over 10 million stored samples, panned and zoomed, offscreen.

The real panel asks a real recorder in a process of its own, and takes answers when they are there. A picture
counts when the panel was painted at another range; the floor is as many bare curves of the same points,
panned in the same run.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QApplication, QWidget

from armillary.history.store import Store
from armillary.model.clock import NS, ManualClock
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec
from armillary.session.workspace import Workspace
from armillary.ui import theme
from armillary.ui.app import application
from armillary.ui.panels.trends import TrendsPanel
from armillary.wire import child
from armillary.wire.bus import Line
from armillary_bench.figure import absolute, figure, plain

PENS, SAMPLES = 20, 10_000_000
HZ = 10.0
LEAST_FPS = 30.0
SIZE = (1280, 560)
SECONDS = 4.0
UNITS = ("°C", "bar", "m³/h", "mm/s")
T0 = 1_750_000_000 * NS
_BATCH = 500_000
_SPAN_S = 3600.0
_MOST_FLOOR = 4.0  # times the bare curves
_FLOOR_FRAMES = 40


class Station:
    """A trends panel on a store of its own, without a world: what it asks is answered by the store."""

    def __init__(self, folder: Path, samples: int = SAMPLES, pens: int = PENS) -> None:
        self.app: QWidget | object = QApplication.instance() or application(offscreen=True)
        self.pens, self.each = pens, samples // pens
        self.end_ns = T0 + int(self.each / HZ * NS)
        self.clock = ManualClock(self.end_ns + 60 * NS)
        path = folder / "bench.duckdb"
        self.store = Store(path)
        self.names = [f"P-{101 + i}.value" for i in range(pens)]
        self.ids = self.store.names(self.names)
        self._fill()
        self.stored = self.store.extent().samples
        self.store.close()
        address = f"ipc://{folder}/recorder.sock"
        args = {"path": str(path), "address": address}
        self.recorder = child.start("recorder.service", args, folder / "recorder.log")
        self.recorder.ready()
        self._line = Line(address)
        self.waiting: dict[int, Callable[[object], None]] = {}
        self.asked = 0
        self.workspace = Workspace(self.clock, actor="bench")
        ws = self.workspace
        ws.specs = tuple(
            TagSpec(slot=i, name=name, unit=UNITS[i % len(UNITS)], expected_ms=100)
            for i, name in enumerate(self.names)
        )
        ws.mirror = type(ws.mirror)(pens)
        for asker in (ws.timeline, ws.trends.earlier, ws.trends.stretches, ws.trends.late):
            asker._ask = self._ask  # noqa: SLF001  the recorder is this process here
        ws.trends.ask = self._ask
        self.panel = TrendsPanel(ws, self.clock, theme.DARK)
        self.panel.resize(*SIZE)
        self.panel.show()
        self.panel.add(range(pens))
        ws.timeline.set_range(self.end_ns - int(_SPAN_S * NS), self.end_ns, self.panel.plot.width_px)
        self.settle()

    def _fill(self) -> None:
        rng = np.random.default_rng(11)
        step = int(NS / HZ)
        for i in range(self.pens):
            walk = np.round(np.cumsum(rng.normal(0, 0.05, self.each)) + 50 * (1 + i % 3), 3)
            for first in range(0, self.each, _BATCH):
                piece = walk[first : first + _BATCH]
                t = T0 + (first + np.arange(len(piece))) * step
                ids = np.full(len(piece), self.ids[i], np.uint32)
                self.store.append(batch_of(ids, piece, t, t + 1_000_000, 0))
        while self.store.tidy(self.end_ns + 3_600 * NS):
            pass

    def _ask(self, message: object, callback: Callable[[object], None], _limit_s: float) -> None:
        self.asked += 1
        self.waiting[self._line.send(message)] = callback

    def answer(self, wait_s: float = 0.0) -> None:
        """Hand over the answers that are there; wait for one."""
        for number, message in self._line.poll(wait_s):
            callback = self.waiting.pop(number, None)
            if callback is not None:
                callback(message)

    def settle(self) -> None:
        """Answer and draw until nothing is asked any more."""
        for _ in range(60):
            if self.waiting:
                self.answer(1.0)
            self.panel.draw()
            if not self.waiting:
                break
        QApplication.processEvents()

    def close(self) -> None:
        """Close panel and store."""
        self.panel.close()
        self.panel.deleteLater()
        QApplication.processEvents()
        self._line.close()
        self.recorder.stop()


def benches() -> list[dict[str, object]]:
    """Return the figures of the trend panel; about a minute."""
    with tempfile.TemporaryDirectory(prefix="armb-trends-") as name:
        station = Station(Path(name))
        try:
            return _figures(station)
        finally:
            station.close()


def _figures(station: Station) -> list[dict[str, object]]:
    pan_ms, panned, cpu_ms = _pan(station)
    zoom_ms = _zoom(station)
    whole_ms = _whole(station)
    floor_ms = _floor(station)
    total = station.stored
    work = (
        f"{station.pens} pens, {total:,} samples stored; {len(pan_ms)} pictures, each of another range and "
        f"different from the one before; {panned:.1f} spans panned; all data of the last range was there"
    )
    fps = 1000 / statistics.mean(pan_ms)
    return [
        absolute("trends_pan", fps, "frames/s", LEAST_FPS, work, better="higher"),
        figure(
            "trends_pan_frame",
            cpu_ms,
            "ms of CPU",
            against="the same points as bare curves, panned in the same run, CPU too",
            against_value=floor_ms,
            bar=_MOST_FLOOR,
            work=work,
        ),
        plain("trends_pan_p99", float(np.percentile(pan_ms, 99)), "ms", "the slowest pictures of the pan"),
        plain("trends_zoom_frame", statistics.mean(zoom_ms), "ms", "a wheel from hours to seconds and back"),
        plain("trends_whole", whole_ms, "ms", "one click from an hour to the whole record, drawn in full"),
    ]


def _pan(station: Station) -> tuple[list[float], float, float]:
    """Return (ms of each picture, spans panned, ms of CPU a picture) while a hand pans to and fro."""
    plot, timeline = station.panel.plot, station.workspace.timeline
    span = int(_SPAN_S * NS)
    times: list[float] = []
    before: object = None
    moved = 0.0
    start = station.end_ns - 2 * span
    cpu = time.process_time()
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        begin = time.perf_counter()
        step = int(0.04 * span)
        start -= step
        moved += 0.04
        if start < T0 + 2 * span:
            start = station.end_ns - 2 * span
        plot.show_ns(start, start + span)
        station.answer()
        if len(times) % 2:  # the panel draws anew at most every 30 ms
            station.panel.draw()
        shot = plot.grab()
        times.append((time.perf_counter() - begin) * 1e3)
        key = shot.cacheKey(), timeline.view_ns()
        _must(key != before, "each picture is another one")
        before = key
    cpu_ms = (time.process_time() - cpu) * 1e3 / len(times)
    station.settle()
    view = timeline.view_ns()
    for pen in timeline.pens():
        inside = (pen.t_ns >= view[0]) & (pen.t_ns <= view[1])
        _must(int(inside.sum()) > plot.width_px // 4, f"{pen.name} has points all over the range")
        _must(bool(np.isfinite(pen.low[inside]).all()), f"{pen.name} has no gap")
        _must(not pen.unknown, f"{pen.name} is read")
    return times, moved, cpu_ms


def _zoom(station: Station) -> list[float]:
    plot = station.panel.plot
    times = []
    middle = (T0 + station.end_ns) // 2
    for factor in (*[0.8] * 25, *[1.25] * 25):
        begin = time.perf_counter()
        start, end = plot.view_ns()
        span = round((end - start) * factor)
        plot.show_ns(middle - span // 2, middle + span // 2)
        station.answer()
        station.panel.draw()
        plot.grab()
        times.append((time.perf_counter() - begin) * 1e3)
    return times


def _whole(station: Station) -> float:
    plot = station.panel.plot
    begin = time.perf_counter()
    plot.show_ns(T0, station.end_ns)
    station.settle()
    plot.grab()
    spent = (time.perf_counter() - begin) * 1e3
    pens = station.workspace.timeline.pens()
    _must(all(len(pen.t_ns) > plot.width_px // 4 for pen in pens), "the whole record is drawn")
    return spent


def _floor(station: Station) -> float:
    """Return ms of CPU of a picture of bare curves with the pens' own points, panned as far."""
    station.panel.plot.show_ns(station.end_ns - int(_SPAN_S * NS), station.end_ns)
    station.settle()
    widget = pg.GraphicsLayoutWidget()
    widget.resize(station.panel.plot.size())
    box = widget.addViewBox(enableMenu=False)
    box.disableAutoRange()
    for pen in station.workspace.timeline.pens():
        curve = pg.PlotCurveItem(connect="finite", pen=pg.mkPen("#7FB2E5", width=1))
        x = np.repeat((pen.t_ns - T0) / NS, 2)
        curve.setData(x, np.stack([pen.low, pen.high], 1).ravel())
        box.addItem(curve)
    box.setYRange(0, 200)
    widget.show()
    QApplication.processEvents()
    at = (station.end_ns - T0) / NS - _SPAN_S
    begin = time.process_time()
    for i in range(_FLOOR_FRAMES):
        box.setXRange(at - i * 0.01 * _SPAN_S, at + _SPAN_S - i * 0.01 * _SPAN_S, padding=0)
        widget.grab()
    spent = (time.process_time() - begin) * 1e3 / _FLOOR_FRAMES
    widget.close()
    return spent


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(f"trends: not true that {what}")
