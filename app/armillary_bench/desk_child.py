"""A desk in a process of its own, offscreen, driven by lines of JSON on stdin; what `desk` measures.

Requests: `state`, `begin` (timer lateness from now), `end` (what it was), `script` (change prims hz times a
second without any link, 0 stops it), `values` (what the desk knows of every tag), `watch` (the pixel of the
prim that shows a signal, from now), `seen` (when it changed), `panel` (bring one to the front), `record` (ask
the recorder how many alarms were raised; `state` tells it). Each is answered by one line. The end of stdin
ends the desk.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtCore import QSocketNotifier, Qt, QTimer
from PySide6.QtGui import QImage

from armillary.model.arrays import U1
from armillary.model.clock import NS, WallClock
from armillary.model.journal import AskJournal, JournalIndex, JournalWord
from armillary.model.look import base_look
from armillary.session.workspace import Workspace
from armillary.ui.app import application
from armillary.ui.pulse import Pulse
from armillary.ui.window import DeskWindow
from armillary_bench.held import Held
from armillary_bench.marks import Marks

WIDTH, HEIGHT = 1280, 800
_PERCENTILES = (50.0, 99.0, 100.0)


class Driven:
    """The desk, and the answers to what is asked of it."""

    def __init__(self, path: str) -> None:
        self._clock = WallClock()
        self._workspace = Workspace(self._clock)
        self._window = DeskWindow(self._workspace, self._clock)
        self._window.resize(WIDTH, HEIGHT)
        self._pulse = Pulse(self._workspace, self._clock)
        self._script = QTimer(self._window)
        self._script.setTimerType(Qt.TimerType.PreciseTimer)
        self._script.timeout.connect(self._change)
        self._per_change, self._at = 0, 0
        self._rng = np.random.default_rng(1)
        self._rest: bytes = b""
        self._held = Held(self._window)
        self._began_ns = self._frames = 0
        self._picture: U1 = np.zeros((0, 0, 4), np.uint8)
        self._asked: dict[str, Callable[[dict[str, Any]], dict[str, object]]] = {
            "state": self._state,
            "begin": self._begin,
            "end": self._end,
            "script": self._start_script,
            "values": self._values,
            "watch": self._watch,
            "seen": self._changes,
            "panel": self._panel,
            "record": self._record,
        }
        self._marks: Marks | None = None
        self._raised = 0
        self._stdin = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read, self._window)
        self._stdin.activated.connect(self._read)
        self._workspace.open(path)
        self._window.show()
        self._pulse.pump()

    def run(self, app: Any) -> None:
        """Run until stdin ends."""
        self._window.on_closed = app.quit
        app.exec()
        self._pulse.stop()
        self._window.shut_down()
        self._workspace.close()

    # ------------------------------------------------------------ lines

    def _read(self) -> None:
        chunk = os.read(sys.stdin.fileno(), 65536)
        if not chunk:
            self._stdin.setEnabled(False)
            self._window.close()
            return
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            request = json.loads(line)
            print(json.dumps(self._asked[request["do"]](request)), flush=True)

    # ------------------------------------------------------------ answers

    def _state(self, _request: dict[str, Any]) -> dict[str, object]:
        ws, canvas = self._workspace, self._window.canvas
        return {
            "scene": len(ws.scene) if ws.scene is not None else 0,
            "bound": len(ws.bindings),
            "world": str(ws.world_state),
            "links": {link.name: f"{link.state} {link.detail}".strip() for link in ws.links},
            "frames": canvas.frames,
            "settled": canvas.view.settled and not canvas.view.dirty,
            "raised": self._raised,
            "alarms": ws.alarms.counts().total,
            "size": [self._window.width(), self._window.height()],
            "tally": {
                name: {
                    "received": tally.messages.received,
                    "queued": tally.messages.queued + tally.samples.queued,
                    "lost": sum(tally.messages.dropped.values()) + sum(tally.samples.dropped.values()),
                    "samples": tally.samples.received,
                    "balanced": tally.messages.balanced and tally.samples.balanced,
                }
                for name, tally in ws.tally.items()
            },
            "problems": [p.what for p in ws.problems if p.severity == "error"],
        }

    def _values(self, _request: dict[str, Any]) -> dict[str, object]:
        table = self._workspace.mirror.table
        return {"names": [s.name for s in self._workspace.specs], "values": table.value.tolist()}

    def _panel(self, request: dict[str, Any]) -> dict[str, object]:
        self._window.show_panel(request["name"])
        return {}

    def _record(self, _request: dict[str, Any]) -> dict[str, object]:
        """Ask the recorder how many raises it has; `state` says it when it has answered."""

        def answered(answer: object) -> None:
            self._raised = len(answer.t_ns) if isinstance(answer, JournalIndex) else self._raised

        word = JournalWord(text="\0", events=("RAISE",))
        ask = AskJournal(of="alarms", from_ns=0, to_ns=2**62, words=(word,))
        self._workspace.ask_recorder(ask, answered, 10.0)
        return {}

    def _watch(self, request: dict[str, Any]) -> dict[str, object]:
        self._marks = Marks(self._window.canvas, self._workspace, self._clock, request["signal"])
        return {}

    def _changes(self, _request: dict[str, Any]) -> dict[str, object]:
        return {"changed_mono_ns": self._marks.changed_mono_ns if self._marks is not None else []}

    def _begin(self, _request: dict[str, Any]) -> dict[str, object]:
        self._picture = self._seen()
        self._frames = self._window.canvas.frames
        self._began_ns = self._clock.now_mono_ns()
        self._window.timer_lateness.start()
        self._held.start()
        return {}

    def _end(self, _request: dict[str, Any]) -> dict[str, object]:
        late = self._window.timer_lateness.stop()
        held = self._held.stop()
        seconds = (self._clock.now_mono_ns() - self._began_ns) / NS
        median, p99, worst = np.percentile(late, _PERCENTILES).tolist() if len(late) else (0.0, 0.0, 0.0)
        seen = self._seen()
        is_like = seen.shape == self._picture.shape  # else a bar came or went, so the picture changed
        changed = float((seen != self._picture).any(axis=2).mean()) if is_like else 1.0
        return {
            "ticks": len(late),
            "seconds": seconds,
            "median_ms": median,
            "p99_ms": p99,
            "worst_ms": worst,
            "held_p99_ms": float(np.percentile(held, 99.0)) if len(held) else 0.0,
            "held_worst_ms": max(held, default=0.0),
            "cpu_s": sum(held) / 1e3,
            "frames": self._window.canvas.frames - self._frames,
            "frame_ms": self._window.canvas.frame_ms,
            "changed": changed,
        }

    def _seen(self) -> U1:
        """Return what the canvas shows, (height, width, 4); it is painted, not rendered anew."""
        image = self._window.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGBX8888)
        flat = np.frombuffer(bytes(image.constBits()), np.uint8)
        return flat.reshape(image.height(), image.bytesPerLine() // 4, 4).copy()

    # ------------------------------------------------------------ the script

    def _start_script(self, request: dict[str, Any]) -> dict[str, object]:
        scene = self._workspace.scene
        if scene is None or not request["hz"]:
            self._script.stop()
            return {"changing": 0}
        self._per_change = max(1, round(request["changes_per_s"] / request["hz"]))
        self._drawable = np.flatnonzero(scene.drawable)
        self._look = base_look(scene)
        self._script.start(round(1000 / request["hz"]))
        return {"changing": len(self._drawable)}

    def _change(self) -> None:
        """Give the next prims other colours, as a frame would."""
        prims = self._drawable[(self._at + np.arange(self._per_change)) % len(self._drawable)]
        self._at += self._per_change
        rgba = self._look.rgba.copy()
        rgba[prims, :3] = self._rng.integers(0, 255, (len(prims), 3), np.uint8)
        old, self._look = self._look, replace(self._look, rgba=rgba, seq=self._look.seq + 1)
        self._workspace.look_changed.emit(old, self._look)


def main() -> None:
    """Open the path given and serve."""
    app = application(offscreen=True)
    Driven(sys.argv[1]).run(app)


if __name__ == "__main__":
    main()
