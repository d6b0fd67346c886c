"""What is wrong with a binding as it is typed, field by field, and what its units do, in words."""

from __future__ import annotations

import difflib
from collections import ChainMap
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from armillary.encoding import channels
from armillary.encoding.maps import named
from armillary.encoding.rows import colour, literal
from armillary.model import expression, expression_units, units
from armillary.model.binding import Binding, ColourMap
from armillary.model.fault import Fault, ProjectFault
from armillary.model.tags import TagSpec
from armillary.session.binding_form import AXIAL, COLOURED, NAMED, needed

OWN_NAMES = ("x", "t", "q")
_NATURAL = {"translate": "m", "rotate": "degrees", "spin": "rad/s"}
_SINGLE = ("number", "bool", "enum")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a binding is judged against."""

    specs: Mapping[str, TagSpec]
    colormaps: tuple[ColourMap, ...] = ()
    prims: Collection[str] = ()  # paths; empty: no scene is known, parts are not judged
    metres: float = 1.0  # of a unit of the stage
    unit_of: Mapping[str, str] = field(default_factory=dict)  # tag → unit, with those of `OWN_NAMES`

    @classmethod
    def of(
        cls,
        specs: Collection[TagSpec],
        colormaps: tuple[ColourMap, ...] = (),
        prims: Collection[str] = (),
        metres: float = 1.0,
    ) -> Known:
        """Return what is known of a project and its scene; made once for many bindings."""
        return cls(
            specs={spec.name: spec for spec in specs},
            colormaps=colormaps,
            prims=frozenset(prims),
            metres=metres,
            unit_of={spec.name: spec.unit for spec in specs} | dict.fromkeys(OWN_NAMES, ""),
        )


def wrong(binding: Binding, at: Known) -> dict[str, str]:
    """Return field → why it cannot be so; empty when the binding can be saved."""
    out: dict[str, str] = {}
    spec = at.specs.get(binding.signal)
    if not binding.signal and not binding.address and binding.channel != "field":
        out["signal"] = "Give the tag that drives it."
    elif spec is None and binding.signal:
        near = difflib.get_close_matches(binding.signal, at.specs, 1) if len(at.specs) <= NEAR else []
        out["signal"] = f"There is no tag '{binding.signal}'." + (
            f" Did you mean '{near[0]}'?" if near else ""
        )
    if binding.channel not in channels.CHANNELS:
        out["channel"] = f"{binding.channel} is not drawn: choose another."
    if at.prims and (gone := next((p for p in binding.targets if p not in at.prims), "")):
        out["targets"] = f"There is no part '{gone}'."
    _channel(binding, spec, at, out)
    _map(binding, spec, at, out)
    _units(binding, spec, at, out)
    _ages(binding, out)
    shown = needed(binding)
    return {key: why for key, why in out.items() if key in shown or key in ("signal", "channel", "fallback")}


NEAR = 5_000  # names above which no likely spelling is looked for


def _channel(b: Binding, spec: TagSpec | None, at: Known, out: dict[str, str]) -> None:
    if spec is not None and spec.kind == "array" and b.channel not in ("primvar", "transform", "label"):
        out["channel"] = f"{spec.name} is a list: it gives each point its colour, or a pose, or a label."
    if spec is not None and spec.kind in _SINGLE and b.channel in ("primvar", "transform"):
        out["channel"] = f"{spec.name} is one number: a list is needed for {b.channel}."
    if b.channel in AXIAL:
        try:
            channels.axis_of(b)
        except ProjectFault as fault:
            out["axis"] = fault.remedy
    if b.channel == "variant" and not b.property_name:
        out["property"] = "Name the variant set."
    elif b.channel in NAMED and b.property_name and " " in b.property_name:
        out["property"] = "A name has no spaces."
    if b.channel in COLOURED:
        if b.colormap and b.colormap not in named(at.colormaps):
            out["colormap"] = f"There is no colour map '{b.colormap}'."
        if b.ends[0] == b.ends[1]:
            out["rangeHigh"] = "The two ends must differ."
    if b.map.clamp[0] > b.map.clamp[1]:
        out["clampHigh"] = "It must not be less than the low limit."


def _map(b: Binding, spec: TagSpec | None, at: Known, out: dict[str, str]) -> None:
    kind = b.map.kind
    if kind == "expr":
        if not b.map.expr:
            out["expr"] = "Give an expression, e.g. x * 2."
            return
        try:
            expression.compile(b.map.expr, at.unit_of, b.where)
        except ProjectFault as fault:
            out["expr"] = f"{fault.what} {fault.remedy}"
        return
    if kind not in ("steps", "states"):
        if kind in ("linear", "range") and b.map.scale == 0.0:
            out["scale"] = "With 0 the value would do nothing."
        return
    try:
        channels.check_map(b)
    except ProjectFault as fault:
        out["states"] = f"{fault.what} {fault.remedy}"
        return
    words = channels.CHANNELS.get(b.channel) == "words"
    for key, value in zip(b.map.state_keys, b.map.state_values, strict=True):
        if words:
            continue
        is_colour = colour(value) is not None
        if b.channel in COLOURED and not is_colour and literal(value) != literal(value):
            out["states"] = f"'{value}' (for {key}) is neither a colour like #2b5c8a nor a number."
        elif b.channel not in COLOURED and literal(value) != literal(value):
            out["states"] = f"'{value}' (for {key}) is no number."
    if spec is not None and spec.states and kind == "states" and "states" not in out:
        names = {name for _, name in spec.states}
        strange = [k for k in b.map.state_keys if k != "*" and k not in names and literal(k) != literal(k)]
        if strange:
            out["states"] = f"{spec.name} has no state '{strange[0]}': it has {', '.join(sorted(names))}."


def _units(b: Binding, spec: TagSpec | None, at: Known, out: dict[str, str]) -> None:
    if spec is None:
        return
    try:
        units.conversion(spec.unit, b.unit, b.where)
    except ProjectFault as fault:
        out["unit"] = fault.what
        return
    try:
        if b.map.kind == "expr" and "expr" not in out and (why := _expr_unit(b, spec, at)[1]):
            out["targetUnit"] = why
        channels.natural(b, b.unit or spec.unit, at.metres, b.where)
    except Fault as fault:
        out["targetUnit"] = fault.what


def _expr_unit(b: Binding, spec: TagSpec, at: Known) -> tuple[str | None, str]:
    """Return (unit of the result, why `target_unit` cannot be it)."""
    own = {"x": b.unit or spec.unit, "t": "s"}
    known: Mapping[str, str] = ChainMap(own, cast("dict[str, str]", at.unit_of))  # only read
    found, why = expression_units.check(b.map.expr, known, b.target_unit, b.where)
    return found.unit, why


def _ages(b: Binding, out: dict[str, str]) -> None:
    if b.interval_s < 0:
        out["interval"] = "Seconds are 0 or more."
    if b.stale_after_s < 0:
        out["staleAfter"] = "Seconds are 0 or more."
    if "fallback" in (b.on_bad, b.on_stale):
        number = literal(b.fallback) == literal(b.fallback)
        if not b.fallback:
            out["fallback"] = "Say what is shown instead."
        elif b.channel in COLOURED and colour(b.fallback) is None and not number:
            out["fallback"] = f"'{b.fallback}' is neither a colour nor a number."
        elif b.channel not in COLOURED and channels.CHANNELS.get(b.channel) != "words" and not number:
            out["fallback"] = f"'{b.fallback}' is no number."


def unit_words(binding: Binding, at: Known) -> str:
    """Return what happens to the unit on the way, in words: `°C; read as K`. "" = no unit."""
    spec = at.specs.get(binding.signal)
    if spec is None:
        return ""
    x = binding.unit or spec.unit
    parts = [spec.unit] if spec.unit else []
    if binding.unit and not units.same(binding.unit, spec.unit):
        try:
            factor, offset = units.conversion(spec.unit, binding.unit, binding.where)
        except ProjectFault:
            return ""
        sum_ = f" {'−' if offset < 0 else '+'} {abs(offset):g}" if offset else ""
        parts.append(f"read as {binding.unit} (× {factor:.6g}{sum_})")
    y = binding.target_unit or (x if channels.keeps_unit(binding) else "")
    if binding.map.kind == "expr":
        try:
            found, _ = _expr_unit(binding, spec, at)
        except Fault:
            found = None
        if found is not None:
            parts.append(f"the expression gives {found or 'a plain number'}")
        elif not y:
            parts.append("what unit the expression gives cannot be said")
    elif y and y != x:
        parts.append(f"gives {y}")
    if natural := _NATURAL.get(binding.channel, ""):
        parts.append(f"drawn in {natural}")
    return "; ".join(parts)


def y_of(binding: Binding, spec: TagSpec, value: float) -> float:
    """Return what a linear map makes of a value of the tag; NaN for other maps."""
    if binding.map.kind not in ("none", "linear", "range"):
        return float("nan")
    try:
        factor, offset = units.conversion(spec.unit, binding.unit, binding.where)
    except ProjectFault:
        return float("nan")
    a, b, low, high = channels.straight(binding, is_result=False)
    return min(max(a * (value * factor + offset) + b, low), high)


def y_words(binding: Binding, at: Known, value: float, read: Callable[[str], float], t_s: float = 0.0) -> str:
    """Return what a binding makes of a value of its tag now, in words; "" where that cannot be said.

    read: what another tag shows now, for expressions.
    """
    spec = at.specs.get(binding.signal)
    if spec is None or value != value:
        return ""
    kind = binding.map.kind
    if kind == "expr":
        y = _expression_now(binding, spec, at, value, read, t_s)
    elif kind in ("steps", "states"):
        return _picked(binding, spec, value)
    else:
        y = y_of(binding, spec, value)
    return "" if y != y else f"{y:.4g} {binding.target_unit}".rstrip()


def _expression_now(
    b: Binding, spec: TagSpec, at: Known, value: float, read: Callable[[str], float], t_s: float
) -> float:
    try:
        made = expression.compile(b.map.expr, at.unit_of, b.where)
        factor, offset = units.conversion(spec.unit, b.unit, b.where)
    except ProjectFault:
        return float("nan")
    own = {"x": value * factor + offset, "t": t_s, "q": 0.0}
    inputs = {name: np.array(own[name] if name in own else read(name)) for name in made.names}
    y = float(made.evaluate(inputs)[0])
    low, high = b.map.clamp
    return min(max(y, low), high)


def _picked(b: Binding, spec: TagSpec, value: float) -> str:
    rows = list(zip(b.map.state_keys, b.map.state_values, strict=False))
    otherwise = next((v for k, v in rows if k == "*"), "")
    keyed = [(channels.key_number(k, spec, i), v) for i, (k, v) in enumerate(rows) if k != "*"]
    if b.map.kind == "steps":
        return next((v for limit, v in reversed(keyed) if limit <= value), otherwise)
    return next((v for key, v in keyed if key == value), otherwise)
