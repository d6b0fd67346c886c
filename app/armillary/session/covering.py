"""The scene painted by what is bound: on demand, instead of the colours of the bindings."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from armillary.encoding.maps import Legend, Swatch
from armillary.model.arrays import U1
from armillary.model.binding import Binding
from armillary.model.look import Look
from armillary.model.scene import SceneArrays, index_of
from armillary.model.tags import TagSpec
from armillary.project import coverage
from armillary.project.record import Project
from armillary.session.mirror import Mirror
from armillary.session.showing import Showing
from armillary.session.signal import Signal

# told apart with any colour vision, and by lightness: what wants work is the lightest
COLOURS = {
    coverage.UNBOUND: (240, 228, 66),
    coverage.BOUND: (0, 114, 178),
    coverage.SEVERAL: (86, 180, 233),
    coverage.TEMPLATE: (0, 158, 115),
    coverage.DEAD: (213, 94, 0),
}
_NONE = np.zeros((0, 3), np.uint8)
_CLEAR = Swatch((0, 0, 0), "")


class Host(Protocol):
    """What painting needs of the workspace."""

    showing: Showing
    scene_changed: Signal[()]
    bindings_changed: Signal[()]
    world_changed: Signal[()]

    @property
    def scene(self) -> SceneArrays | None: ...
    @property
    def bindings(self) -> tuple[Binding, ...]: ...
    @property
    def project(self) -> Project | None: ...
    @property
    def plant_specs(self) -> tuple[TagSpec, ...]: ...
    @property
    def selection(self) -> tuple[int, ...]: ...

    def select(self, prims: tuple[int, ...]) -> None: ...
    def show_anew(self) -> None: ...


class Covering:
    """Shows coverage while it is on; follows the bindings as they change."""

    def __init__(self, host: Host) -> None:
        self.changed: Signal[()] = Signal()
        self.templated: tuple[str, ...] = ()  # `/prim#name` of bindings that a template made
        self.state: U1 | None = None  # of each prim, while it is shown
        self._host = host
        host.scene_changed.connect(self._follow)
        host.bindings_changed.connect(self._follow)

    @property
    def is_on(self) -> bool:
        """Whether the scene is painted so; another comparison may have taken its place."""
        return self.state is not None and self._host.showing.tint == self.tint

    def toggle(self) -> None:
        """Paint the scene by what is bound, or show it as it is."""
        showing = self._host.showing
        if self.is_on:
            self.state = None
            showing.tint, showing.tint_legends = None, ()
        elif self._host.scene is not None:
            self._measure()
            showing.tint = self.tint
        self._shown()

    def next_unbound(self) -> int | None:
        """Select the next part that nothing binds, after the one selected last; None: all are bound."""
        scene = self._host.scene
        if scene is None:
            return None
        state = self.state if self.state is not None else self._states(scene)
        chosen = self._host.selection
        found = coverage.next_unbound(scene, state, chosen[-1] if chosen else -1)
        if found is not None:
            self._host.select((found,))
        return found

    def _states(self, scene: SceneArrays) -> U1:
        project = self._host.project
        sources = [link.name for link in project.links] if project is not None else []
        bindings = self._host.bindings
        gone = coverage.dead(bindings, self._host.plant_specs, sources, index_of(scene.prim_path))
        return coverage.states(scene, bindings, gone, self.templated)

    def _measure(self) -> None:
        scene = self._host.scene
        if scene is None:
            self.state = None
            return
        self.state = self._states(scene)
        self._host.showing.tint_legends = (self._legend(self.state[scene.drawable]),)

    def _follow(self) -> None:
        if not self.is_on:
            self.state = None
            return
        self._measure()
        if self.state is None:
            self._host.showing.tint, self._host.showing.tint_legends = None, ()
        self._shown()

    def _shown(self) -> None:
        self._host.show_anew()
        self._host.world_changed.emit()  # legends differ
        self.changed.emit()

    def tint(self, look: Look, _mirror: Mirror) -> Look:
        """Return a look in the colours of coverage, without signs of quality; what draws nothing is grey."""
        if self.state is None or len(self.state) != len(look.rgba):
            return look
        table = np.tile(np.array(self._host.showing.grey, np.uint8), (len(coverage.STATES), 1))
        for state, colour in COLOURS.items():
            table[state] = colour
        rgba = look.rgba.copy()
        rgba[:, :3] = table[self.state]
        emissive, plain = np.zeros_like(look.emissive), np.zeros_like(look.state)
        for array in (rgba, emissive, plain):
            array.setflags(write=False)
        return replace(look, rgba=rgba, emissive=emissive, state=plain)

    def _legend(self, drawn: U1) -> Legend:
        counts = np.bincount(drawn, minlength=len(coverage.STATES))
        steps = tuple(
            Swatch(colour, f"{coverage.STATES[state]} {int(counts[state]):,}")
            for state, colour in COLOURS.items()
            if counts[state] or state != coverage.TEMPLATE
        )
        return Legend(
            name="coverage",
            title="Parts",
            unit="",
            low="",
            high="",
            bar=_NONE,
            steps=steps,
            under=_CLEAR,
            over=_CLEAR,
            marks=(),
        )
