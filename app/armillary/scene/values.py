"""One prim → its values at one time: typed as its schema has them, sizes of gprims, tubes of curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from armillary.model.arrays import F4
from armillary.scene import curves
from armillary.scene.direct import Read, composed
from armillary.scene.plan import COLOUR
from armillary.scene.problems import FARTHEST
from armillary.scene.shapes import GPRIMS, Gprim, Template

NO_POINTS = np.zeros((0, 3), np.float32)
NO_INDICES = np.zeros(0, np.int32)


@dataclass(frozen=True, slots=True)
class Values:
    """Reads attributes at one time. What is absent or of another shape than asked has its default."""

    time: Any  # Usd.TimeCode; pxr ships no type hints

    def primvar(
        self, prim: Any, name: str, names: frozenset[str] | None = None, read: Read | None = None
    ) -> tuple[F4 | None, str]:
        """Return a primvar's values, (n, …) with indices applied, and its interpolation.

        A lone value is constant; (None, "") where there is none, or none of numbers.
        """
        names = frozenset(prim.GetAuthoredPropertyNames()) if names is None else names
        read = read or composed(prim, self.time)
        value = read(name)
        if value is None:
            return None, ""
        values = np.asarray(value)
        if values.dtype.kind != "f":
            return None, ""
        if not type(value).__name__.endswith("Array"):  # one value instead of an array of one
            values = values[None]
        if len(values) == 1 and f"{name}:indices" not in names:
            return values, "constant"
        of = str(prim.GetAttribute(name).GetMetadata("interpolation") or "constant")
        if f"{name}:indices" in names:
            indices = read(f"{name}:indices")
            at = np.asarray(indices)
            if indices is not None and len(values) and at.dtype.kind in "iu":
                values = values[np.clip(at, 0, len(values) - 1)]
        return values, of

    def array(self, prim: Any, name: str, width: int, default: Any) -> Any:
        """Return an attribute as an array, the default where it is absent or of another shape."""
        value = prim.GetAttribute(name).Get(self.time)
        if value is None:
            return default
        array = np.asarray(value)
        return array if array.ndim == width and array.dtype.kind in "fiu" else default

    def number(self, read: Read, name: str, default: float) -> float:
        value = read(name)
        return float(value) if isinstance(value, int | float) else default

    def gprim(self, prim: Any, read: Read) -> Gprim | None:
        """Return the sizes of a gprim, None where one is not a number; `read` reads its attributes."""
        kind = prim.GetTypeName()
        if kind not in GPRIMS:  # an unknown type that falls back to a known one
            kind = str(prim.GetPrimTypeInfo().GetSchemaTypeName())
        axis = str(read("axis") or "Z") if kind not in {"Cube", "Sphere"} else "Z"
        axis = axis if axis in {"X", "Y", "Z"} else "Z"
        lift, ends = 0.0, (1.0, 1.0)
        if kind == "Cube":
            half = (self.number(read, "size", 2.0) / 2,) * 3
        elif kind == "Sphere":
            half = (self.number(read, "radius", 1.0),) * 3
        elif kind == "Plane":
            width, length = self.number(read, "width", 2.0) / 2, self.number(read, "length", 2.0) / 2
            half = (width, length, 1.0) if axis == "Z" else (length, width, 1.0)
        else:
            if kind.endswith("_1"):
                usual = 0.5 if kind.startswith("Capsule") else 1.0
                low, high = (self.number(read, f"radius{end}", usual) for end in ("Bottom", "Top"))
                radius = max(low, high)
                ends = (low / radius, high / radius) if radius > 0 else ends
            else:
                radius = self.number(read, "radius", 0.5 if kind == "Capsule" else 1.0)
            tall = self.number(read, "height", 1.0 if kind.startswith("Capsule") else 2.0) / 2
            is_capsule = kind.startswith("Capsule")
            half, lift = (radius, radius, radius if is_capsule else tall), tall if is_capsule else 0.0
            kind = kind.removesuffix("_1")
        if not all(abs(v) <= FARTHEST for v in (*half, lift, *ends)):  # NaN is not
            return None
        return Gprim(kind=kind, axis=axis, half=half, lift=lift, ends=ends)

    def tubes(self, prim: Any, names: frozenset[str]) -> Template | None:
        """Return the tubes of a BasisCurves prim, None where its counts do not add up to its points."""
        points = self.array(prim, "points", 2, NO_POINTS).astype(np.float64)
        counts = self.array(prim, "curveVertexCounts", 1, NO_INDICES).astype(np.int64)
        token = {n: str(prim.GetAttribute(n).Get(self.time) or "") for n in ("type", "basis", "wrap")}
        widths = self.array(prim, "widths", 1, np.zeros(0))
        colours, of = self.primvar(prim, COLOUR, names) if COLOUR in names else (None, "")
        return curves.shape(points, counts, token, widths, colours, of)
