"""Parts by the values of their attributes, asked of an open stage."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from pxr import Tf, Usd

import armillary.scene.schema  # noqa: F401 - registers the schema before pxr builds its registry
from armillary.scene.survey import SHOWN, start_time

_NEAR = 1e-6  # relative: a file's 0.3 is not exactly the 0.3 that is typed
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: math.isclose(a, b, rel_tol=_NEAR, abs_tol=1e-12),
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def matching(stage: Any, wanted: Sequence[tuple[str, str, str]], most: int) -> tuple[list[str], bool]:
    """Return the paths of parts whose attributes fit all of `wanted`, and whether there are more.

    wanted: (name, which may have * and ?; "", "=", "<", …; value as typed). Without a comparison the
    attribute must have a value that somebody wrote. Values are those of the stage's start.
    """
    time = start_time(stage)
    out: list[str] = []
    for prim in Usd.PrimRange(stage.GetPseudoRoot(), Usd.TraverseInstanceProxies(SHOWN)):
        if prim.IsPseudoRoot() or not all(_fits(prim, *each, time) for each in wanted):
            continue
        if len(out) == most:
            return out, True
        out.append(prim.GetPath().pathString)
    return out, False


def _fits(prim: Any, name: str, comparison: str, value: str, time: Any) -> bool:
    if any(c in name for c in "*?["):
        names = [n for n in prim.GetAuthoredPropertyNames() if fnmatchcase(n, name)]
    else:
        names = [name] if prim.HasAttribute(name) else []
    return any(_compared(prim.GetAttribute(each), comparison, value, time) for each in names)


def _compared(attribute: Any, comparison: str, typed: str, time: Any) -> bool:
    if not attribute:
        return False
    if not comparison:
        return bool(attribute.HasAuthoredValue())
    try:
        value = attribute.Get(time)
    except Tf.ErrorException:
        return False
    if value is None:
        return False
    numbers = _numbers(value)
    if numbers is not None:
        parts = typed.strip("()[] ").replace(",", " ").split()
        try:
            right = [float(part) for part in parts]
        except ValueError:
            return False
        if len(right) == 1 and len(numbers) >= 1:
            return any(_COMPARED[comparison](float(n), right[0]) for n in numbers)
        if len(right) != len(numbers) or comparison != "=":
            return False
        return all(_COMPARED["="](float(n), r) for n, r in zip(numbers, right, strict=True))
    if comparison != "=":
        return False
    text = str(getattr(value, "path", value)).casefold()
    return fnmatchcase(text, typed.casefold())


def _numbers(value: Any) -> Any:
    """Return a value's numbers, flat; None for text. True and False are 1 and 0."""
    if isinstance(value, str):
        return None
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return None
    return array.reshape(-1) if array.dtype.kind in "fiub" else None
