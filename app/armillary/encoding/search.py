"""What a binding names, found: tag, prims, colour map; and how one that cannot run is refused."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import NoReturn

from armillary.encoding import channels
from armillary.encoding.field_rows import Surfaces
from armillary.encoding.spread import Reach, reach
from armillary.model.arrays import I8
from armillary.model.binding import Binding, ColourMap
from armillary.model.scene import SceneArrays, SceneProblem, index_of
from armillary.model.tags import TagSpec

_SUGGEST = 20  # unknown names that get a likely spelling; more would take seconds


class RefusedError(Exception):
    """One binding cannot run."""

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(what)
        self.code, self.what, self.remedy = code, what, remedy


class NothingToDriveError(Exception):
    """All targets are unknown; each has been reported."""


def refuse(code: str, what: str, remedy: str) -> NoReturn:
    raise RefusedError(code, what, remedy)


def where(binding: Binding) -> str:
    """Return what stands for a binding in messages."""
    return binding.origin or binding.where


class Search:
    """Looks names up for one compilation and keeps what is wrong with them."""

    def __init__(
        self,
        bindings: Sequence[Binding],
        scene: SceneArrays,
        specs: Sequence[TagSpec],
        colormaps: dict[str, ColourMap],
    ) -> None:
        self.scene, self.specs, self.colormaps = scene, specs, colormaps
        self.reach: Reach = reach(scene)
        self.slot_of = {s.name: s.slot for s in specs}
        self.prim_of = index_of(scene.prim_path)
        self.problems: list[SceneProblem] = []
        self._bindings = bindings
        self._surfaces: Surfaces | None = None
        self._by_prim: dict[str, list[Binding]] | None = None
        self._by_address: dict[str, int] | None = None
        self._driven: dict[tuple[int, str], str] = {}
        self._near: dict[tuple[str, int], str] = {}  # a name is often wrong in many places

    @property
    def by_prim(self) -> dict[str, list[Binding]]:
        """The bindings that are enabled, by the prim that carries them; made when first asked for."""
        if self._by_prim is None:
            self._by_prim = {}
            for b in self._bindings:
                if b.enabled:
                    self._by_prim.setdefault(b.prim, []).append(b)
        return self._by_prim

    def surface(self, prim: int) -> tuple[I8, I8]:
        """Return the points (v,) that a prim draws itself, and its triangles (t, 3) as rows of these."""
        if self._surfaces is None:
            self._surfaces = Surfaces(self.scene)
        return self._surfaces.of(prim)

    def slot(self, binding: Binding) -> int:
        """Return the slot of a binding's tag. Raises RefusedError for one that is not known."""
        slot = self.slot_of.get(binding.signal) if binding.signal else None
        if slot is None and not binding.signal and binding.address:
            if self._by_address is None:
                self._by_address = {f"{s.link}!{s.address}": s.slot for s in self.specs}
            slot = self._by_address.get(binding.address)
        return self.named(binding.signal or binding.address) if slot is None else slot

    def named(self, name: str) -> int:
        """Return the slot of a tag by its name. Raises RefusedError for one that is not known."""
        slot = self.slot_of.get(name)
        if slot is None:
            what = f"The tag '{name}' is not known." if name else "The binding names no signal."
            refuse("B05", what, self.near(name, list(self.slot_of)) or "Add the tag to twins.json.")
        return slot

    def prims(self, binding: Binding) -> list[int]:
        """Return the prims that a binding drives. Raises NothingToDriveError when the scene has none."""
        prims: list[int] = []
        for path in binding.targets or (binding.prim,):
            prim = self.prim_of.get(path)
            if prim is None:
                remedy = self.near(path, self.scene.prim_path) or "Bind another prim, or remove the binding."
                self.problem(binding, "B04", f"The scene has no prim '{path}'.", remedy)
                continue
            key = (prim, channels.channel_key(binding))
            if key in self._driven:
                what = f"'{self._driven[key]}' drives the same channel of {path}; the later one wins."
                self.problem(binding, "B10", what, "Disable one of the two.", "warning")
            self._driven[key] = binding.where
            prims.append(prim)
        if not prims:
            raise NothingToDriveError
        return prims

    def colourmap(self, name: str) -> ColourMap:
        """Return a colour map by its name. Raises RefusedError for one that is not known."""
        colourmap = self.colormaps.get(name)
        if colourmap is None:
            remedy = self.near(name, list(self.colormaps)) or f"Use one of {', '.join(self.colormaps)}."
            refuse("B12", f"The colour map '{name}' is not known.", remedy)
        return colourmap

    def near(self, name: str, among: Sequence[str]) -> str:
        """Return a likely spelling as a remedy, "" for none; of the first few names only, as it is slow."""
        asked = name, len(among)
        if asked not in self._near and len(self._near) < _SUGGEST:
            near = difflib.get_close_matches(name, among, 1)
            self._near[asked] = f"Did you mean '{near[0]}'?" if near else ""
        return self._near.get(asked, "")

    def problem(self, binding: Binding, code: str, what: str, remedy: str, severity: str = "error") -> None:
        """Note what is wrong with a binding."""
        self.problems.append(
            SceneProblem(code=code, severity=severity, where=where(binding), what=what, remedy=remedy)
        )
