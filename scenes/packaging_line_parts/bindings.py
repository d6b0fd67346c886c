"""What the scene shows of the line: zones by temperature, product where it is, every joint as it stands."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from typing import Any

from authoring.binding import bound

from armillary.model.binding import Binding
from armillary_plugins.demo_plant.line import layout as at
from armillary_plugins.demo_plant.line.signals import UNITS
from packaging_line_parts.places import (
    CONVEYOR,
    GANTRY,
    LINE,
    OVEN,
    PACKING,
    PALLET,
    ROBOT,
    SLAT_M,
    unit,
    zone,
)

_IDS = uuid.UUID("9c53a7d0-53b4-4d7e-8f0e-2f7f7f5a2b10")
_DRUM_M = 0.095
_HOT = {"unit": "°C", "ends": (20.0, 90.0), "colormap": "temperature"}
_FIRE = {"state_keys": ("-1", "15", "35", "60"), "state_values": ("#000000", "#4a2f1c", "#8a5730", "#d98a4a")}
_DRIVE = {"stopped": "#565e66", "running": "#e2e5e8", "tripped": "#b08f6c", "changing speed": "#8fa9bd"}
_JOINTS = (("J1", "z"), ("J1/J2", "y"), ("J1/J2/J3", "y"), ("J1/J2/J3/J4", "z"), ("J1/J2/J3/J4/J5", "y"),
           ("J1/J2/J3/J4/J5/J6", "z"))  # fmt: skip


def bind(prim: str, name: str, signal: str, channel: str, kind: str = "linear", **more: Any) -> Binding:
    """Return one binding; keywords are fields of Binding or MapSpec."""
    return bound(_IDS, prim, name, signal, channel, kind, **more)


def all_bindings() -> list[Binding]:
    """Return the bindings of the whole line, by prim."""
    out = [*_oven(), *_conveyor(), *_units(), *_robot(), *_packing()]
    return sorted(out, key=lambda b: (b.prim, b.name))


def _oven() -> Iterator[Binding]:
    for i, tag in enumerate(at.ZONES, 1):
        path = zone(i)
        yield bind(f"{path}/Casing", "temperature", f"{tag}.value", "displayColor", **_HOT)
        yield bind(
            f"{path}/Heaters", "fire", f"O-210.zone{i}.output", "emissiveColor", "steps", unit="%", **_FIRE
        )
        yield bind(f"{path}/Fan", "spin", f"O-210.zone{i}.output", "spin", axis="z", unit="%", scale=0.5,
                   offset=12.0, target_unit="rpm")  # fmt: skip
        yield bind(path, "temperature", f"{tag}.value", "label", "none", property_name=tag, unit="°C")
    burner, damper = f"{OVEN}/BV_212", f"{OVEN}/D_210"
    yield bind(f"{burner}/Pointer", "angle", "BV-212.position", "rotate", axis="y", unit="%", scale=0.9,
               clamp=(0.0, 90.0))  # fmt: skip
    yield bind(f"{burner}/Flame", "burns", "BV-212.flame", "visibility", "none")
    yield bind(f"{burner}/Flame", "height", "BV-212.position", "scale", axis="z", unit="%", scale=0.012,
               offset=0.3, clamp=(0.2, 1.5))  # fmt: skip
    yield bind(f"{burner}/Flame", "glow", "BV-212.position", "emissiveColor", "steps", unit="%", **_FIRE)
    yield bind(f"{damper}/Lever", "angle", "D-210.position", "rotate", axis="y", unit="%", scale=-0.9,
               offset=90.0, clamp=(0.0, 90.0))  # fmt: skip


def _conveyor() -> Iterator[Binding]:
    yield bind(f"{CONVEYOR}/Slats", "travel", "C-201.travel", "translate", "expr", axis="x", unit="m",
               expr=f"x % {SLAT_M}")  # fmt: skip
    turns = 60.0 / (2.0 * math.pi * _DRUM_M)
    for drum in ("TailDrum", "HeadDrum"):
        yield bind(f"{CONVEYOR}/{drum}", "spin", "C-201.speed", "spin", axis="y", unit="m/s",
                   scale=round(turns, 3), target_unit="rpm")  # fmt: skip
    yield bind(f"{CONVEYOR}/Belt", "speed", "C-201.speed", "displayColor", "steps", unit="m/s",
               state_keys=("-1", "0.05"), state_values=("#34383c", "#5c666d"))  # fmt: skip
    yield bind(CONVEYOR, "speed", "C-201.speed", "label", "none", property_name="C-201", unit="m/s")
    yield bind(f"{CONVEYOR}/M_201/Body", "state", "C-201.state", "displayColor", "states",
               state_keys=tuple(_DRIVE), state_values=tuple(_DRIVE.values()))  # fmt: skip
    yield bind(f"{CONVEYOR}/Guard", "open", "C-201.guard_closed", "rotate", "expr", axis="x",
               expr="70 * (x < 0.5)")  # fmt: skip
    for name, state, colour in (("Green", "running", "#8fc79b"), ("Amber", "changing speed", "#d9b978"),
                                ("Red", "tripped", "#c79a86")):  # fmt: skip
        yield bind(f"{CONVEYOR}/Tower/{name}", "lamp", "C-201.state", "emissiveColor", "states",
                   state_keys=(state, "*"), state_values=(colour, "#000000"))  # fmt: skip
    yield bind(f"{CONVEYOR}/Tower/Screen", "oee", "Line2.oee", "emissiveColor", "steps", unit="%",
               state_keys=("0", "60", "85"), state_values=("#2f4a5e", "#6f97b3", "#b9cfdc"))  # fmt: skip
    yield bind(f"{LINE}/Cooling/FT_231", "flow", "FT-231.flow", "label", "none", property_name="FT-231",
               unit="l/min")  # fmt: skip
    yield bind(f"{LINE}/Cooling/Supply", "way", "FT-231.flow", "flow", "none", unit="l/min")


def _units() -> Iterator[Binding]:
    for tag in UNITS:
        path = unit(tag)
        yield bind(path, "place", f"{tag}.position", "translate", axis="x", unit="m")
        yield bind(path, "there", f"{tag}.position", "visibility", "expr", expr="x >= 0")
        yield bind(f"{path}/Product", "temperature", f"{tag}.temperature", "displayColor", **_HOT)


def _robot() -> Iterator[Binding]:
    for k, (joint, axis) in enumerate(_JOINTS, 1):
        yield bind(f"{ROBOT}/{joint}", "angle", f"R-301.joint{k}_angle", "rotate", axis=axis, unit="°")
    tool = f"{ROBOT}/{_JOINTS[-1][0]}"
    yield bind(f"{tool}/Load", "held", "R-301.holds", "visibility", "none")
    yield bind(ROBOT, "placed", "R-301.placed", "label", "none", property_name="R-301 placed")


def _packing() -> Iterator[Binding]:
    station = f"{PACKING}/CS_301"
    for k in range(at.PER_CARTON):
        yield bind(
            f"{station}/Inside{k + 1}", "there", "CS-301.filled", "visibility", "expr", expr=f"x > {k}"
        )
    ways = (("Bridge", "x", at.CARTON_AT[0]), ("Bridge/Trolley", "y", at.CARTON_AT[1]),
            ("Bridge/Trolley/Mast", "z", at.GANTRY_Z))  # fmt: skip
    for part, axis, rest in ways:
        yield bind(f"{GANTRY}/{part}", "place", f"PL-301.{axis}", "translate", axis=axis, unit="m",
                   offset=-rest)  # fmt: skip
    yield bind(f"{GANTRY}/Bridge/Trolley/Mast/Load", "held", "PL-301.holds", "visibility", "none")
    for k in range(at.PER_PALLET):
        yield bind(f"{PALLET}/Carton{k + 1:02d}", "there", "PL-301.stacked", "visibility", "expr",
                   expr=f"x > {k}")  # fmt: skip
    yield bind(PALLET, "batch", "Line2.batch", "label", "none", property_name="Batch")
    yield bind(f"{PACKING}/CW_301", "weight", "CW-301.weight", "label", "none", property_name="CW-301",
               unit="kg")  # fmt: skip
    for name, tag in (("CW_301", "CW-301.beat"), ("LB_301", "LB-301.beat"), ("CELL_301", "CELL-301.beat")):
        part = "Lamp" if name == "CELL_301" else "Screen"
        yield bind(f"{PACKING}/{name}/{part}", "alive", tag, "highlight", "expr", expr="0.3 * (x % 2)")
