"""What a desk leaves for the one after it, in case it does not end in order: where it was, and until when.

A small file beside the logs, written every second while something is open and removed at an orderly end. It
holds nothing that the project does not have: parts by their path, and times.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from armillary.model import files, places
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.model.frame import Event, Kept, WorldKind
from armillary.model.scene import SceneArrays
from armillary.session.boarding import WorldState
from armillary.session.mirror import Mirror
from armillary.session.signal import Signal
from armillary.session.timebar import TimeBar
from armillary.wire import runs

SCHEMA = 1
WRITE_NS = NS
MOST_CHOSEN = 1_000  # parts of a selection that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """How a desk was when it was last heard of."""

    project: str
    t_ns: int  # when that was
    selection: tuple[str, ...] = ()  # paths of parts
    span_s: float = 0.0  # of the time bar
    to_ns: int = 0  # its right end; 0: it followed the present
    replay_ns: int = 0  # the time of the record that was shown; 0: none was
    owned: bool = False  # its world was its child, and ends with it


class Desk(Protocol):
    """What the workspace is for this."""

    scene_changed: Signal[()]
    reopened: Signal[str]
    timebar: TimeBar
    selection: tuple[int, ...]
    world_state: WorldState
    mirror: Mirror
    recording: str
    history: Kept

    @property
    def is_trainee(self) -> bool: ...
    @property
    def scene(self) -> SceneArrays | None: ...
    @property
    def away(self) -> bool: ...
    def prim_named(self, path: str) -> int | None: ...
    def select(self, prims: Sequence[int]) -> None: ...
    def start_replay(self, t_ns: int) -> None: ...
    def tell_event(self, event: Event) -> None: ...


class Reopening:
    """Keeps how a desk is, and takes up how the one before was. Faults of the disk are ignored."""

    def __init__(self, desk: Desk, folder: Path | None = None, pid: int = 0) -> None:
        self._desk, self._folder, self._pid = desk, folder, pid or os.getpid()
        self._path: Path | None = None
        self._project = ""
        self._written_mono_ns = 0
        self._left: Left | None = None  # of the desk before, until it was said
        self._choose: tuple[str, ...] = ()  # parts to be chosen once they are there
        self._owned = False
        self.inherits = False  # the world that was found belonged to a desk that was killed: it is ending
        desk.scene_changed.connect(self._scene_came)

    def begin(self, project: Path | None, *, starts_world: bool) -> None:
        """Begin with a project; go on where the desk before was, when it did not end in order.

        Where another desk that runs shows the same project, this one keeps nothing.
        """
        self.end()
        if project is None or self._desk.is_trainee:
            return
        try:
            folder = self._folder or places.logs()
        except Fault:
            return
        path = folder / f"desk-{hashlib.sha256(str(project).encode()).hexdigest()[:12]}.json"
        found = _read(path)
        pid = found["pid"] if found is not None else self._pid
        if pid != self._pid and runs.alive(pid):
            return
        self._path, self._project, self._written_mono_ns = path, str(project), 0
        self._owned = starts_world
        left = _left(found) if found is not None and pid != self._pid else None
        if left is not None and left.project == str(project):
            self._left, self._choose = left, left.selection
            self.inherits = left.owned and not starts_world
            bar = self._desk.timebar
            if left.to_ns:
                bar.show(left.to_ns - int(left.span_s * NS), left.to_ns)
            elif left.span_s:
                bar.follow(left.span_s)

    def end(self) -> None:
        """Forget: this is an orderly end."""
        path, self._path, self._left, self._choose = self._path, None, None, ()
        self.inherits = False
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def took_over(self) -> None:
        """Note that the world of the killed desk has ended, and ours is started."""
        self.inherits, self._owned = False, True

    def look(self, now_ns: int, now_mono_ns: int) -> None:
        """Say what is to be said, and write how the desk is, once a second while its world is heard."""
        if self._path is None or self._desk.world_state is not WorldState.LIVE:
            return
        if self._left is not None and not self.inherits:
            self._tell(self._left, now_ns)
        if now_mono_ns - self._written_mono_ns >= WRITE_NS:
            self._written_mono_ns = now_mono_ns
            self._keep(self._now(now_ns))

    def _tell(self, left: Left, now_ns: int) -> None:
        """Say what was missed: whether history has a gap is known only when the world is heard."""
        self._left, desk = None, self._desk
        has_gap = left.owned or self._owned or bool(desk.recording) or desk.history.dropped > 0
        text = missed_text((now_ns - left.t_ns) / NS, in_history=has_gap)
        desk.tell_event(Event(t_ns=now_ns, level="info", source="desk", text=text))
        desk.reopened.emit(text)
        if left.replay_ns:
            with contextlib.suppress(Fault):
                desk.start_replay(left.replay_ns)

    def _scene_came(self) -> None:
        desk, wanted = self._desk, self._choose
        if wanted and desk.scene is not None:
            self._choose = ()
            desk.select([prim for path in wanted if (prim := desk.prim_named(path)) is not None])

    def _now(self, now_ns: int) -> Left:
        desk, bar, scene = self._desk, self._desk.timebar, self._desk.scene
        chosen = desk.selection[:MOST_CHOSEN] if scene is not None else ()
        paths = tuple(scene.prim_path[prim] for prim in chosen) if scene is not None else ()
        return Left(
            project=self._project,
            t_ns=now_ns,
            selection=paths or self._choose,
            span_s=bar.span_s,
            to_ns=0 if bar.following else bar.view_ns()[1],
            owned=self._owned,
            replay_ns=desk.mirror.t_ns if desk.away and desk.mirror.kind is WorldKind.REPLAY else 0,
        )

    def _keep(self, left: Left) -> None:
        if self._path is None:
            return
        document = {"schema": SCHEMA, "pid": self._pid, **asdict(left)}
        with contextlib.suppress(OSError):
            files.replace(self._path, (json.dumps(document) + "\n").encode(), synced=False)


def missed_text(missed_s: float, *, in_history: bool) -> str:
    """Return what a person is told who opens the desk again."""
    away = f"{missed_s:.0f} s" if missed_s < 120 else f"{missed_s / 60:.0f} min"  # noqa: PLR2004  two minutes
    if in_history:
        return (
            f"Reopened after unexpected end: {away} missed on screen, and in history, as the world of this "
            "project ended with the desk. To go on without a desk, run: armillary world PROJECT."
        )
    return f"Reopened after unexpected end: {away} missed on screen, nothing missed in history."


def _read(path: Path) -> dict[str, Any] | None:  # Any: parsed JSON, of our own making
    try:
        document = json.loads(path.read_text("utf-8"))
        if document["schema"] != SCHEMA or not isinstance(document["pid"], int):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(document)


def _left(found: Mapping[str, Any]) -> Left | None:  # Any: as above
    try:
        return Left(
            project=str(found["project"]),
            t_ns=int(found["t_ns"]),
            selection=tuple(str(path) for path in found["selection"]),
            span_s=float(found["span_s"]),
            to_ns=int(found["to_ns"]),
            replay_ns=int(found["replay_ns"]),
            owned=bool(found["owned"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
