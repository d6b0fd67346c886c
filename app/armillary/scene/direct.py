"""Values of prims that one layer alone speaks of: read from that layer, without resolving them.

Composition asks, for every value, which layer has the strongest opinion, and at which time. Most prims of an
exported scene have exactly one opinion and no time samples: the default in that layer is the answer, at half
of the cost. Whatever is not certain of that is asked of the composed prim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pxr import Sdf, Tf

from armillary.model.arrays import F4
from armillary.scene.samples import has_samples

_BY_ARCS = 2 | 4 | 8 | 32  # of PcpDependencyType: direct and ancestral ones, but those of roots
Read = Callable[[str], Any]
"""Name of an attribute → its value; None where it has none."""


class Direct:
    """Tells which prims can be read directly, of one stage. One thread."""

    def __init__(self, stage: Any) -> None:
        self.layer: Any = None  # of the spec that was returned last
        self._timeless = False
        self._known: dict[str, bool] = {}
        self._clips = False
        told = [layer for layer in stage.GetUsedLayers() if not layer.empty]
        self._is_one = len(told) == 1  # then there is no need to ask each spec for its layer
        if self._is_one:
            self.layer, self._timeless = told[0], self.is_timeless(told[0])
        self.is_plain = self._is_one and not _has_arcs(stage)
        """Whether each prim is what one layer says at its path, as nothing refers to anything."""

    def spec(self, prim: Any, path: Any) -> Any:
        """Return the one spec that says all of a prim, None where composition has to be asked.

        Prims are to be asked for from the root downwards: value clips hold for all that is below them.
        """
        stack = [self.layer.GetPrimAtPath(path)] if self.is_plain else prim.GetPrimStack()
        if self._clips or len(stack) != 1:
            self._clips = self._clips or any(each.HasInfo("clips") for each in stack)
            return None
        spec = stack[0]
        if not self._is_one:
            layer = spec.layer
            if layer is not self.layer:
                self.layer, self._timeless = layer, self.is_timeless(layer)
        if spec.HasInfo("clips"):
            self._clips = True
            return None
        return spec if self._timeless else None

    def is_timeless(self, layer: Any) -> bool:
        """Tell whether a layer holds no time samples; each layer is asked once."""
        known = self._known.get(layer.identifier)
        if known is None:
            known = self._known[layer.identifier] = not has_samples(layer)
        return known


def _has_arcs(stage: Any) -> bool:
    """Tell whether any prim composed so far has a reference, payload, variant, inherit or specialize."""
    pcp = stage._GetPcpCache()  # noqa: SLF001  OpenUSD has no other way to ask of all prims at once
    return bool(pcp.FindSiteDependencies(pcp.layerStack, Sdf.Path.absoluteRootPath, _BY_ARCS, True))


@dataclass(slots=True)
class Alike:
    """Prims of one layer that author the same properties, n of them: each property is read of all at once."""

    layer: Any
    source: list[int] = field(default_factory=list)
    prim: list[Any] = field(default_factory=list)
    path: list[Any] = field(default_factory=list)  # Sdf.Path in the layer

    def column(self, name: str) -> list[Any]:
        """Return the value of an attribute of each prim, None where it has none."""
        attribute = self.layer.GetAttributeAtPath
        try:
            values = [attribute(path.AppendProperty(name)).default for path in self.path]
        except AttributeError:  # a relationship of that name
            found = [attribute(path.AppendProperty(name)) for path in self.path]
            values = [None if each is None else each.default for each in found]
        if Sdf.ValueBlock in set(map(type, values)):
            values = [None if type(value) is Sdf.ValueBlock else value for value in values]
        return values

    def reader(self, k: int) -> Read:
        """Return what reads attributes of the k-th prim."""
        attribute, append = self.layer.GetAttributeAtPath, self.path[k].AppendProperty

        def read(name: str) -> Any:
            found = attribute(append(name))
            value = None if found is None else found.default
            return None if type(value) is Sdf.ValueBlock else value

        return read

    def transforms(self, local_of: Any) -> list[tuple[Any, bool] | None]:
        """Return each prim's transform and whether it resets those above; None where there is no telling."""
        out: list[tuple[Any, bool] | None] = []
        while len(out) < len(self.prim):
            try:
                for prim in self.prim[len(out) :]:
                    out.append(local_of(prim))  # noqa: PERF401 - what came before a fault is kept
            except Tf.ErrorException:  # operations that OpenUSD does not know; it says so only once
                out.append(None)
        return out


def transform(prim: Any, local_of: Any) -> tuple[Any, bool] | None:
    """Return a prim's transform and whether it resets those above; None where it cannot be worked out."""
    try:
        matrix, resets = local_of(prim)
    except Tf.ErrorException:
        return None
    return matrix, bool(resets)


def singles(values: list[Any], kind: type, width: int) -> F4 | None:
    """Return values that are all arrays of one element, shape (n, 1, width); None where they are others."""
    if set(map(type, values)) != {kind} or set(map(len, values)) != {1}:
        return None
    out: F4 = np.frombuffer(b"".join(values), np.float32).reshape(-1, 1, width)
    return out


def composed(prim: Any, time: Any) -> Read:
    """Return what reads the attributes of a composed prim at a time."""
    attribute = prim.GetAttribute

    def read(name: str) -> Any:
        return attribute(name).Get(time)

    return read
