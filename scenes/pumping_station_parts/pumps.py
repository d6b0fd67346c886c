"""Pump sets, control valves, gauges: what moves is a prim of its own, with its origin on its axis."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from authoring.shapes import (
    Point,
    Shape,
    around,
    box,
    cylinder,
    extrude,
    grid,
    merged,
    revolve,
    rod,
)
from authoring.stage import Builder
from pxr import UsdGeom

from pumping_station_parts.layout import HALL, PIT_Z, PUMP_SIZE, PUMP_X
from pumping_station_parts.parts import (
    BEARING_DE_X,
    BEARING_NDE_X,
    COUPLING_X,
    FAN_X,
    PIPE_R,
    SHAFT_Z,
    handwheel_shape,
)

LAMPS = {"stopped": "Ink", "running": "White", "tripped": "Hypochlorite", "moving": "Machined"}
SIGNS = {"closed": 90.0, "open": 0.0, "moving": 45.0}
WHEEL_Z, POINTER_Z = PIPE_R * 4.9, PIPE_R * 4.0 + 0.225


def write_parts(folder: Path) -> None:
    """Write the files of a pump set, a control valve and a gauge; their parts are bound one by one."""
    for name, fill in (("pump_set", _pump), ("control_valve", _control_valve), ("pressure_gauge", _gauge)):
        b = Builder(folder / f"{name}.usda", "Part")
        b.stage.GetDefaultPrim().SetMetadata("kind", "component")
        fill(b, "/Part")
        b.save()


def build(b: Builder) -> None:
    """Write the four pump sets."""
    for name, x in PUMP_X.items():
        b.reference(
            f"{HALL}/{name}",
            "./parts/pump_set.usda",
            at=(x, 0.0, PIT_Z),
            turn=(0.0, 0.0, 90.0),
            size=PUMP_SIZE,
        )


def _housing() -> Shape:
    body = revolve(
        [(0.07, -0.07), (0.105, -0.07), (0.12, -0.045), (0.12, 0.045), (0.105, 0.07), (0.07, 0.07)], 18
    )
    caps = around(cylinder(0.01, 0.16, 5).moved(z=-0.08), 4, 0.095, 30)
    return merged(body, caps).turned("y", 90)


def _fan() -> Shape:
    """A fan about x: hub and seven blades."""
    blade = box(0.06, 0.01, 0.15).turned("z", 35).moved(z=0.05)
    blades = merged(*[blade.turned("x", 360.0 * k / 7) for k in range(7)])
    return merged(cylinder(0.055, 0.08, 14).turned("y", 90).moved(x=-0.04), blades)


def _coupling() -> Shape:
    """A jaw coupling about x: two hubs with bolts that show its turning."""
    hub = revolve(
        [(0.03, -0.05), (0.055, -0.05), (0.055, -0.015), (0.095, -0.01), (0.095, 0.012), (0.03, 0.012)], 14
    )
    bolts = around(box(0.03, 0.03, 0.05).moved(z=-0.03), 3, 0.072)
    one = merged(hub, bolts)
    return merged(one.turned("y", 90).moved(x=-0.03), one.turned("y", -90).moved(x=0.03))


def _pump(b: Builder, path: str) -> None:
    b.instance(f"{path}/Bedplate", "./bedplate.usda")
    b.instance(f"{path}/Volute", "./volute.usda")
    for name, at in (("BearingDE", BEARING_DE_X), ("BearingNDE", BEARING_NDE_X)):
        b.mesh(f"{path}/{name}", _housing(), "CastIron", at=(at, 0.0, SHAFT_Z))
        sensor = merged(cylinder(0.022, 0.05, 10), cylinder(0.014, 0.03, 6).moved(z=0.05))
        b.mesh(f"{path}/Vibration{name[7:]}", sensor, "Machined", at=(at, 0.0, SHAFT_Z + 0.115))
    b.xform(f"{path}/Shaft", at=(COUPLING_X, 0.0, SHAFT_Z))
    key = box(0.12, 0.012, 0.008).moved(x=-0.1, z=0.026)
    b.mesh(f"{path}/Shaft/Bar", merged(rod((-0.16, 0, 0), (0.2, 0, 0), 0.028, 12), key), "Machined")
    b.mesh(f"{path}/Shaft/Coupling", _coupling(), "DarkPaint")
    b.mesh(f"{path}/CouplingGuard", _guard(), "Glass", at=(COUPLING_X, 0.0, SHAFT_Z), two_sided=True)
    b.xform(f"{path}/Motor", kind="subcomponent")
    b.instance(f"{path}/Motor/Body", "./motor.usda")
    b.instance(f"{path}/Motor/Cowl", "./fan_cowl.usda")
    b.xform(f"{path}/Motor/Fan", at=(FAN_X, 0.0, SHAFT_Z))
    b.mesh(f"{path}/Motor/Fan/Blades", _fan(), "Galvanised")
    winding = b.cube(f"{path}/Motor/WindingProbe", (-1.37, -0.26, SHAFT_Z), (0.12, 0.05, 0.09), "Machined")
    UsdGeom.Imageable(winding).CreatePurposeAttr(UsdGeom.Tokens.render)
    b.xform(f"{path}/PowerBar", at=(-1.25, -0.52, 0.1))
    b.mesh(f"{path}/PowerBar/Back", box(0.012, 0.14, 0.8).moved(x=0.02), "White")
    b.mesh(f"{path}/PowerBar/Bar", box(0.02, 0.1, 0.78), "Ink")
    _lamp(b, f"{path}/StateLamp")
    zone = b.cube(f"{path}/MaintenanceZone", (-0.75, 0.0, 0.9), (3.2, 1.6, 1.8), "Glass")
    UsdGeom.Imageable(zone).CreatePurposeAttr(UsdGeom.Tokens.guide)
    simple = b.cube(f"{path}/Envelope", (-0.75, 0.0, 0.4), (2.4, 0.6, 0.7), "CastIron")
    UsdGeom.Imageable(simple).CreatePurposeAttr(UsdGeom.Tokens.proxy)


def _guard() -> Shape:
    """Return the half cylinder over the coupling, axis x, open below."""
    angle = np.linspace(-15.0, 195.0, 15)
    rows = []
    normals = []
    for x in (0.13, -0.13):
        rows.append([(x, 0.135 * math.cos(a), 0.135 * math.sin(a)) for a in np.radians(angle)])
        normals.append([(0.0, math.cos(a), math.sin(a)) for a in np.radians(angle)])
    return grid(np.array(rows), np.array(normals))


def _lamp(b: Builder, path: str) -> None:
    """A lamp on a post whose variant set says what the pump does."""
    b.xform(path, at=(-1.9, 0.52, 0.1))
    b.mesh(f"{path}/Post", rod((0, 0, 0), (0, 0, 0.95), 0.014), "Machined")
    b.looks(*LAMPS.values())
    dome = [(0.055 * math.cos(a), 0.05 + 0.055 * math.sin(a)) for a in np.radians(range(0, 91, 18))]
    lens = revolve([(0.0, 0.0), (0.055, 0.0), *dome], 14)
    sets = b.stage.GetPrimAtPath(path).GetVariantSets().AddVariantSet("state")
    for choice, look in LAMPS.items():
        sets.AddVariant(choice)
        sets.SetVariantSelection(choice)
        with sets.GetVariantEditContext():
            if choice == "tripped":  # never by colour alone: a trip is a square
                b.cube(f"{path}/Light", (0, 0, 1.0), (0.1, 0.1, 0.1), look)
            else:
                b.mesh(f"{path}/Light", lens, look, at=(0, 0, 0.95))
            if choice == "moving":
                b.round_(f"{path}/Ring", "Cylinder", (0, 0, 1.0), 0.075, 0.01, "Ink")
    sets.SetVariantSelection("stopped")


def control_valve(b: Builder, path: str, at: Point, turn: Point = (0.0, 0.0, 0.0)) -> None:
    """A control valve along its x: wheel and pointer turn, the stem rises, the sign has a variant."""
    b.reference(path, "./parts/control_valve.usda", at, turn)


def _control_valve(b: Builder, path: str) -> None:
    b.instance(f"{path}/Body", "./valve_body.usda")
    b.xform(f"{path}/Stem")
    b.mesh(f"{path}/Stem/Rod", rod((0, 0, PIPE_R * 2.5), (0, 0, PIPE_R * 5.2), 0.013), "Machined")
    b.mesh(f"{path}/Stem/Tip", cylinder(0.02, 0.02, 10).moved(z=PIPE_R * 5.2), "DarkPaint")
    b.xform(f"{path}/Handwheel", at=(0.0, 0.0, WHEEL_Z))
    b.mesh(f"{path}/Handwheel/Wheel", handwheel_shape(), "DarkPaint")
    b.xform(f"{path}/Pointer", at=(0.0, 0.24, POINTER_Z))
    head = extrude([(0.04, -0.04), (0.1, 0.0), (0.04, 0.04)], 0.01)
    bar = box(0.12, 0.028, 0.01).moved(x=-0.02)
    b.mesh(f"{path}/Pointer/Arrow", merged(head, bar).moved(z=0.012), "Ink")
    b.mesh(f"{path}/Dial", cylinder(0.11, 0.012, 16), "White", at=(0.0, 0.24, POINTER_Z - 0.004))
    _sign(b, f"{path}/Sign")


def _sign(b: Builder, path: str) -> None:
    b.xform(path, at=(0.0, -PIPE_R * 2.6, PIPE_R * 0.2))
    b.mesh(f"{path}/Plate", cylinder(0.085, 0.008, 16).turned("x", 90), "White")
    b.looks("Ink")
    sets = b.stage.GetPrimAtPath(path).GetVariantSets().AddVariantSet("position")
    for choice, angle in SIGNS.items():
        sets.AddVariant(choice)
        sets.SetVariantSelection(choice)
        with sets.GetVariantEditContext():
            b.cube(f"{path}/Bar", (0.0, -0.012, 0.0), (0.13, 0.008, 0.03), "Ink", turn=(0.0, angle, 0.0))
    sets.SetVariantSelection("open")


def gauge(b: Builder, path: str, at: Point) -> None:
    """A pressure gauge on a stem that reaches 0.25 m down; its needle turns about y."""
    b.reference(path, "./parts/pressure_gauge.usda", at)


def _gauge(b: Builder, path: str) -> None:
    b.instance(f"{path}/Dial", "./gauge.usda")
    b.xform(f"{path}/Needle", at=(0.0, -0.018, 0.0))
    needle = extrude([(-0.005, -0.015), (0.005, -0.015), (0.0015, 0.055), (-0.0015, 0.055)], 0.003)
    b.mesh(f"{path}/Needle/Hand", needle.turned("x", 90), "Ink")


def transmitter(b: Builder, path: str, at: Point) -> None:
    """A transmitter on a stem."""
    b.xform(path, at=at, kind="component")
    b.instance(f"{path}/Body", "./parts/transmitter.usda")


def flow_meter(b: Builder, path: str, at: Point, turn: Point = (0.0, 0.0, 0.0)) -> None:
    """A flow meter along its x."""
    b.xform(path, at=at, turn=turn, kind="component")
    b.instance(f"{path}/Body", "./parts/flow_meter.usda")
