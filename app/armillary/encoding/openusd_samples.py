"""History bindings → a layer of USD time samples, for tools that play a stage's own time.

Time codes are (t − epoch) · timeCodesPerSecond; the epoch stands in the layer (draft 5.9). Nothing of it is
composed into our own picture: there a REPLAY shows the past, with its quality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from armillary.encoding import maps
from armillary.encoding.openusd_channels import target_of
from armillary.model import units
from armillary.model.binding import Binding
from armillary.model.clock import NS, iso
from armillary.model.fault import ProjectFault
from armillary.model.openusd import Past, Trouble
from armillary.model.tags import TagSpec

RATE = 24.0  # time codes per second
_SCALARS = ("translate", "rotate", "displayOpacity")
_LAST = 255


def text_of(
    bindings: Sequence[Binding], specs: Sequence[TagSpec], pasts: Mapping[str, Past], rate: float = RATE
) -> tuple[str, tuple[Trouble, ...]]:
    """Return the layer and what could not be written. `pasts`: by `Binding.where`; "" when there is none."""
    by_name = {spec.name: spec for spec in specs}
    troubles: list[Trouble] = []
    lines: dict[str, list[str]] = {}
    times = [t for past in pasts.values() for t in (past.t_ns[:1] + past.t_ns[-1:])]
    if not times:
        return "", ()
    epoch = min(times)
    for binding in bindings:
        past = pasts.get(binding.where)
        if past is None or not past.t_ns:
            continue
        spec = by_name.get(binding.signal)
        try:
            values = _values(binding, spec, past)
        except ProjectFault as fault:
            troubles.append(Trouble(where=binding.where, what=fault.what, code="history"))
            continue
        if values is None:
            what = f"Its past is not written: {binding.channel} has no time samples here."
            troubles.append(Trouble(where=binding.where, what=what, code="history"))
            continue
        target = target_of(binding)
        codes = (np.array(past.t_ns, np.int64) - epoch) / NS * rate
        rows = ", ".join(f"{code:.9g}: {value}" for code, value in zip(codes.tolist(), values, strict=True))
        kind = "double" if binding.channel in ("translate", "rotate") else target.type
        lines.setdefault(binding.prim, []).append(f"{kind} {target.name}.timeSamples = {{ {rows} }}")
    end = (max(times) - epoch) / NS * rate
    head = [
        "#usda 1.0",
        "(",
        "    customLayerData = {",
        f'        string armillaryEpoch = "{iso(epoch)}"',
        "    }",
        f"    timeCodesPerSecond = {rate:g}",
        "    startTimeCode = 0",
        f"    endTimeCode = {end:.9g}",
        ")",
    ]
    return ("\n".join([*head, *_overs(lines)]) + "\n" if lines else ""), tuple(troubles)


def _values(binding: Binding, spec: TagSpec | None, past: Past) -> list[str] | None:
    """Return the values as USD text: units, then scale and offset, as in the picture."""
    factor, offset = units.conversion(spec.unit if spec is not None else "", binding.unit, binding.where)
    y = np.clip(
        (np.array(past.value) * factor + offset) * binding.map.scale + binding.map.offset, *binding.map.clamp
    )
    if binding.channel in _SCALARS:
        texts = [f"{value!r}" for value in y.tolist()]
        return [f"[{text}]" for text in texts] if binding.channel == "displayOpacity" else texts
    if binding.channel == "visibility":
        return ['"inherited"' if value else '"invisible"' for value in y.tolist()]
    if binding.channel == "displayColor" and not binding.colormap:
        low, high = binding.ends
        row = np.clip((y - low) / ((high - low) or 1.0) * _LAST, 0, _LAST).astype(np.int64)
        colours = maps.table(maps.FALLBACK)[row, :3] / _LAST
        return [f"[({r:.4f}, {g:.4f}, {b:.4f})]" for r, g, b in colours.tolist()]
    return None


def _overs(lines: Mapping[str, Sequence[str]]) -> list[str]:
    """Return nested overs with their attributes, in order of their paths."""
    out: list[str] = []
    open_now: list[str] = []
    for prim in sorted(lines):
        steps = prim.strip("/").split("/")
        shared = 0
        while shared < min(len(steps), len(open_now)) and steps[shared] == open_now[shared]:
            shared += 1
        while len(open_now) > shared:
            open_now.pop()
            out.append("    " * len(open_now) + "}")
        for step in steps[shared:]:
            pad = "    " * len(open_now)
            out.extend([f'{pad}over "{step}"', f"{pad}{{"])
            open_now.append(step)
        out.extend("    " * len(open_now) + line for line in lines[prim])
    while open_now:
        open_now.pop()
        out.append("    " * len(open_now) + "}")
    return out
