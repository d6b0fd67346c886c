"""A desk in a process of its own, offscreen, that opens one scene and says what that took; for `opening`.

As `python -m armillary_bench.opening_child SCENE` it prints one line of JSON and ends.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
from PySide6.QtCore import QTimer

from armillary.model.clock import NS, WallClock
from armillary.model.scene import SceneArrays
from armillary.session.workspace import Workspace
from armillary.ui.app import application
from armillary.ui.pulse import Pulse
from armillary.ui.window import DeskWindow

WIDTH, HEIGHT = 1280, 800
_LIMIT_S, _SETTLE_S, _LOOK_MS = 150.0, 30.0, 20
_AFTER_MS = 1_000  # for what a desk does once a scene is drawn
_KIB = 1024


def pss() -> int:
    """Return this process's share of memory in bytes: pages that others map too count in part."""
    text = Path("/proc/self/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * _KIB if found else 0


def bytes_of(scene: SceneArrays) -> int:
    """Return the bytes of a scene's arrays."""
    values = (getattr(scene, item.name) for item in fields(scene))
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


class Opened:
    """Opens a scene and notes when what was there."""

    def __init__(self, path: str) -> None:
        self._clock = WallClock()
        self._workspace = Workspace(self._clock)
        self._window = DeskWindow(self._workspace, self._clock)
        self._window.resize(WIDTH, HEIGHT)
        self._pulse = Pulse(self._workspace, self._clock)
        self._path = path
        self._boxes_ns = self._scene_ns = self._picture_ns = 0
        self._before = self._began_ns = 0
        self._out: dict[str, object] = {}
        self._timer = QTimer(self._window)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._window.canvas.on_frame = self._framed
        self._workspace.scene_changed.connect(self._shown)

    def run(self) -> dict[str, object]:
        """Open, wait until the picture has settled, and return what it took."""
        self._window.show()
        application(offscreen=True).processEvents()
        self._window.canvas.view.warm()  # as at any start of a desk
        self._before = pss()
        self._began_ns = self._clock.now_mono_ns()
        self._window.timer_lateness.start()
        self._workspace.open(self._path)
        self._timer.start()
        application(offscreen=True).exec()
        self._pulse.stop()
        self._window.shut_down()
        self._workspace.close()
        return self._out

    def _took(self) -> dict[str, object]:
        late = self._window.timer_lateness.stop()
        scene = self._workspace.scene
        return {
            "boxes_s": self._seconds(self._boxes_ns),
            "scene_s": self._seconds(self._scene_ns),
            "picture_s": self._seconds(self._picture_ns),
            "longest_ms": float(late.max()) if len(late) else 0.0,
            "prims": len(scene) if scene is not None else 0,
            "instances": len(scene.instance_prim) if scene is not None else 0,
            "coloured": self._coloured(),
            "arrays": bytes_of(scene) if scene is not None else 0,
            "growth": pss() - self._before,
            "problems": [p.what for p in self._workspace.problems if p.severity == "error"],
        }

    def _seconds(self, at_ns: int) -> float:
        return (at_ns - self._began_ns) / NS if at_ns else 0.0

    def _shown(self) -> None:
        if self._workspace.scene is not None and not self._scene_ns:
            self._scene_ns = self._clock.now_mono_ns()

    def _framed(self) -> None:
        now = self._clock.now_mono_ns()
        if self._workspace.scene is None:
            self._boxes_ns = self._boxes_ns or now
        else:
            self._picture_ns = self._picture_ns or now

    def _look(self) -> None:
        now = self._clock.now_mono_ns()
        waits_s = (now - self._scene_ns) / NS if self._scene_ns else 0.0
        settled = bool(self._picture_ns) and self._window.canvas.view.settled
        lost = bool(self._workspace.problems) and not self._workspace.progress[0]
        if settled or lost or waits_s > _SETTLE_S or now - self._began_ns > _LIMIT_S * NS:
            self._timer.stop()
            QTimer.singleShot(_AFTER_MS, self._end)

    def _end(self) -> None:
        self._out = self._took()
        application(offscreen=True).quit()

    def _coloured(self) -> float:
        """Return the share of pixels that the scene has: neither ground nor grey."""
        rgb = self._window.canvas.view.rgba[..., :3].astype(np.int16)
        return float((rgb.max(axis=2) - rgb.min(axis=2) > WIDTH // 64).mean())


def main() -> None:
    """Open the scene given and say what it took."""
    application(offscreen=True)
    print(json.dumps(Opened(sys.argv[1]).run()), flush=True)


if __name__ == "__main__":
    main()
