"""The shown scene against another version: what is added, moved and changed is coloured, all is listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from armillary.encoding.maps import Legend, Swatch
from armillary.model.arrays import I8, U1
from armillary.model.difference import Difference, difference
from armillary.model.fault import Fault, FaultRecord, SceneFault
from armillary.model.look import Look
from armillary.model.message import SceneOpened
from armillary.model.scene import SceneArrays, subtree_ends
from armillary.project import folder as projects
from armillary.scene import cache
from armillary.session.loading import fault_of
from armillary.session.mirror import Mirror
from armillary.session.reading import ask_child, scene_child
from armillary.session.showing import Showing
from armillary.session.signal import Signal

READ_S = 600.0
ADDED, MOVED, CHANGED = (0, 158, 115), (86, 180, 233), (204, 121, 167)  # told apart with any colour vision
_NONE = np.zeros((0, 3), np.uint8)
_CLEAR = Swatch((0, 0, 0), "")
_TITLE = "Against"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What differs from an older version. Prims of the shown scene ascending; removed ones by their path."""

    against: str  # path of the older version
    added: I8
    moved: I8
    changed: I8
    removed: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.added) + len(self.moved) + len(self.changed) + len(self.removed)


class Host(Protocol):
    """What a comparison needs of the workspace."""

    showing: Showing
    scene_changed: Signal[()]
    world_changed: Signal[()]

    @property
    def scene(self) -> SceneArrays | None: ...

    def show_anew(self) -> None: ...


Work = Callable[[Callable[[], object], Callable[[object], None]], None]


class Versions:
    """Compares on demand; the colours of the comparison stand instead of those of the bindings."""

    def __init__(self, host: Host, work: Work) -> None:
        self.changed: Signal[()] = Signal()
        self.found: Compared | None = None
        self.reading = ""  # the version that is being read
        self._host, self._work = host, work
        self._of: SceneArrays | None = None
        self._paint: tuple[I8, U1] = (np.zeros(0, np.int64), _NONE)
        host.scene_changed.connect(self._scene_changed)

    def compare(self, path: Path, done: Callable[[FaultRecord | None], None]) -> None:
        """Read another version in the background and show what differs. Raises Fault when it cannot be."""
        scene = self._host.scene
        if scene is None:
            raise Fault("No scene is shown.", where=str(path), remedy="Open the newer version first.")
        self.clear()
        self.reading = path.name
        self.changed.emit()

        def answered(answer: object) -> None:
            self.reading = ""
            if isinstance(answer, _Read) and self._host.scene is scene:
                self._show(answer, scene)
                done(None)
            elif not isinstance(answer, _Read):
                done(fault_of(answer))
            self.changed.emit()

        self._work(lambda: read(path, scene), answered)

    def show(self, found: Compared) -> None:
        """Show what was found to differ otherwise: between two versions of the project."""
        if self._host.scene is not None:
            self.clear()
            self._show(_Read(found), self._host.scene)
            self.changed.emit()

    def clear(self) -> None:
        """Show the colours of the bindings again."""
        self.found, self._of = None, None
        showing = self._host.showing
        if showing.tint == self.tint:
            showing.tint, showing.tint_legends = None, ()
            self._host.show_anew()
            self._host.world_changed.emit()  # legends differ
        self.changed.emit()

    def _show(self, answer: _Read, scene: SceneArrays) -> None:
        self.found, self._of = answer.found, scene
        prims: list[I8] = []
        colours: list[U1] = []
        ends = subtree_ends(scene.parent)
        # what is added wins over what is moved with it, which wins over what is changed in it
        for rows, rgb in (
            (answer.found.changed, CHANGED),
            (answer.found.moved, MOVED),
            (answer.found.added, ADDED),
        ):
            below = [np.arange(row, ends[row]) for row in rows.tolist()]
            whole = np.concatenate([np.zeros(0, np.int64), *below])
            prims.append(whole)
            colours.append(np.tile(np.array(rgb, np.uint8), (len(whole), 1)))
        self._paint = np.concatenate(prims), np.concatenate(colours)
        showing = self._host.showing
        showing.tint, showing.tint_legends = self.tint, (self._legend(answer.found),)
        self._host.show_anew()
        self._host.world_changed.emit()

    def _scene_changed(self) -> None:
        if self.found is not None and self._host.scene is not self._of:
            self.clear()

    def tint(self, look: Look, _mirror: Mirror) -> Look:
        """Return a look with the colours of the comparison; what is as it was is grey."""
        if self._of is None or len(self._of) != len(look.rgba):
            return look
        rgba = look.rgba.copy()
        rgba[:, :3] = self._host.showing.grey
        prims, colours = self._paint
        rgba[prims, :3] = colours
        rgba.setflags(write=False)
        emissive = np.zeros_like(look.emissive)
        emissive.setflags(write=False)
        return replace(look, rgba=rgba, emissive=emissive)

    def _legend(self, found: Compared) -> Legend:
        steps = tuple(
            Swatch(rgb, f"{name} {len(rows):,}")
            for name, rows, rgb in (
                ("added", found.added, ADDED),
                ("moved", found.moved, MOVED),
                ("changed", found.changed, CHANGED),
            )
        )
        return Legend(
            name="versions",
            title=f"{_TITLE} {Path(found.against).name}",
            unit="",
            low="",
            high="",
            bar=_NONE,
            steps=(*steps, Swatch(self._host.showing.grey, "as it was")),
            under=_CLEAR,
            over=_CLEAR,
            marks=(),
        )


@dataclass(frozen=True, slots=True)
class _Read:
    found: Compared


def read(path: Path, new: SceneArrays) -> _Read:
    """Read the older version by a child of its own and compare. Raises Fault. Takes as long as opening it."""
    request = projects.read(path).scene_request()
    if request is None:
        raise SceneFault("This project has no scene.", where=str(path), remedy="Choose another file.")
    with scene_child() as (line, process):
        answer = ask_child(line, process, request, READ_S, request.entry)
        if not isinstance(answer, SceneOpened):
            raise SceneFault(
                "The scene reader answered something else.", where=str(path), remedy="Update it."
            )
        old = cache.read(Path(answer.arrays))
    return _Read(compared(old, new, str(path)))


def compared(old: SceneArrays, new: SceneArrays, against: str) -> Compared:
    """Return what differs, for people: of what is added or removed as a whole only the top is told."""
    found: Difference = difference(old, new)
    return Compared(
        against=against,
        added=_tops(found.added, new),
        moved=found.moved,
        changed=found.changed,
        removed=tuple(old.prim_path[i] for i in _tops(found.removed, old).tolist()),
    )


def _tops(rows: I8, scene: SceneArrays) -> I8:
    """Return the rows whose parent is not among them."""
    among = np.zeros(len(scene) + 1, np.bool_)  # the last stands for no parent, -1
    among[rows] = True
    return rows[~among[scene.parent[rows]]]
