"""Parts that stand in the station many times: each a file of its own, instanced."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from authoring.shapes import (
    Shape,
    around,
    beam,
    box,
    cylinder,
    extrude,
    merged,
    pipe,
    revolve,
    ring,
    rod,
    sweep,
    tube,
)
from authoring.stage import Builder

PIPE_R = 0.075  # outer radius of the large pipes, m
BRANCH_R = 0.06  # of one pump's pipes
# a pump set lies along x: pump at the origin, suction towards +x, motor towards -x, shaft at this height
SHAFT_Z = 0.45
DISCHARGE_Z = 0.95
SUCTION_X = 0.42
FAN_X, COUPLING_X = -1.82, -0.80
BEARING_DE_X, BEARING_NDE_X = -0.62, -0.27


def write_all(folder: Path) -> None:
    """Write every part's file."""
    for name, fill in (
        ("bolt", _bolt),  # first: others hold it
        ("volute", _volute),
        ("bedplate", _bedplate),
        ("motor", _motor),
        ("fan_cowl", _fan_cowl),
        ("flange", _flange),
        ("gate_valve", _gate_valve),
        ("valve_body", _valve_body),
        ("flow_meter", _flow_meter),
        ("gauge", _gauge),
        ("transmitter", _transmitter),
        ("column", _column),
        ("truss", _truss),
        ("support", _support),
    ):
        builder = Builder(folder / f"{name}.usda", "Part")
        builder.stage.GetDefaultPrim().SetMetadata("kind", "component")
        fill(builder)
        builder.save()


def flange_shape(radius: float, bolts: int = 6) -> Shape:
    """Return a flange pair with bolts, axis z, centred; open where the pipe is."""
    rim, hole = radius * 1.75, radius * 0.95
    disc = revolve([(hole, -0.025), (rim, -0.025), (rim, 0.025), (hole, 0.025)], 16)
    head = box(0.024, 0.024, 0.076)
    return merged(disc, around(head.moved(z=-0.038), bolts, radius * 1.42, 22.5))


def _volute(b: Builder) -> None:
    """A spiral casing: a tube round the shaft whose bore grows towards the discharge, and its nozzles."""
    turns = np.radians(np.linspace(-60.0, 300.0, 22))
    size = np.linspace(0.055, 0.1, 22)
    radius = 0.16 + 0.6 * size
    path = np.stack([np.zeros(22), radius * np.sin(turns), radius * np.cos(turns)], axis=-1)
    rise = np.array(
        [(0.0, -0.115, 0.2), (0.0, -0.05, 0.28), (0.0, -0.012, 0.35), (0.0, 0.0, 0.41), (0.0, 0.0, 0.47)]
    )
    spiral = sweep(np.concatenate([path, rise]), [*size.tolist(), 0.094, 0.086, 0.078, 0.072, 0.068], 12)
    centre = revolve(
        [(0.0, -0.11), (0.16, -0.11), (0.19, -0.085), (0.19, 0.085), (0.16, 0.11), (0.0, 0.11)], 20
    ).turned("y", 90)
    suction = revolve([(0.0, 0.08), (0.13, 0.08), (0.105, 0.16), (0.08, 0.24), (0.08, 0.4)], 14).turned(
        "y", 90
    )
    foot = box(0.1, 0.1, 0.26).moved(z=-0.3)
    b.mesh("/Part/Casing", merged(spiral, centre).moved(z=SHAFT_Z), "CastIron")
    b.mesh("/Part/SuctionNozzle", suction.moved(z=SHAFT_Z), "CastIron")
    b.mesh("/Part/Feet", merged(foot.moved(y=0.16), foot.moved(y=-0.16)).moved(z=SHAFT_Z), "CastIron")
    flange = flange_shape(0.075)
    b.mesh("/Part/SuctionFlange", flange.turned("y", 90), "Machined", at=(SUCTION_X - 0.025, 0, SHAFT_Z))
    b.mesh("/Part/DischargeFlange", flange_shape(0.065), "Machined", at=(0, 0, DISCHARGE_Z - 0.03))


def _bedplate(b: Builder) -> None:
    """A channel frame on a plinth, the bearing bracket and the guard's feet."""
    b.mesh("/Part/Plinth", box(2.5, 0.8, 0.1).moved(x=-0.75), "Concrete")
    rail = merged(
        box(2.3, 0.06, 0.05).moved(z=0.1),
        box(2.3, 0.02, 0.06).moved(z=0.12),
        box(2.3, 0.06, 0.02).moved(z=0.17),
    )
    cross = box(0.08, 0.5, 0.06)
    frame = [rail.moved(x=-0.75, y=y) for y in (-0.24, 0.24)]
    frame += [cross.moved(x=x, z=0.11) for x in (0.2, -0.45, -1.0, -1.8)]
    b.mesh("/Part/Frame", merged(*frame), "DarkPaint")
    neck = revolve([(0.15, 0.0), (0.15, 0.06), (0.085, 0.14), (0.075, 0.5), (0.0, 0.5)], 14)
    ribs = [box(0.012, 0.2, 0.16).moved(x=x, z=0.19) for x in (-0.35, -0.5)]
    bracket = merged(
        neck.turned("y", -90).moved(x=-0.1, z=SHAFT_Z), *ribs, box(0.26, 0.26, 0.03).moved(x=-0.43, z=0.18)
    )
    b.mesh("/Part/BearingBracket", bracket, "CastIron")
    for i, (x, y) in enumerate(((0.35, 0.33), (0.35, -0.33), (-1.85, 0.33), (-1.85, -0.33))):
        b.instance(f"/Part/AnchorBolt{i + 1}", "./bolt.usda", at=(x, y, 0.1))


def _motor(b: Builder) -> None:
    """A finned motor with end shields, feet, terminal box and lifting eye; its shaft ends at x = -0.9."""
    n, ribs = 26, []
    for k in range(n):
        a = 2.0 * math.pi * k / n
        for offset, r in ((-0.055, 0.192), (-0.045, 0.235), (0.045, 0.235), (0.055, 0.192)):
            ribs.append((r * math.cos(a + offset), r * math.sin(a + offset)))
    body = extrude(ribs, 0.62).turned("y", -90).moved(x=-1.06, z=SHAFT_Z)
    b.mesh("/Part/Frame", body, "MotorPaint")
    shield = revolve(
        [(0.0, -0.12), (0.07, -0.12), (0.09, -0.06), (0.21, -0.03), (0.225, 0.04), (0.0, 0.04)], 16
    )
    b.mesh(
        "/Part/EndShields",
        merged(
            shield.turned("y", -90).moved(x=-1.05, z=SHAFT_Z),
            shield.turned("y", 90).moved(x=-1.69, z=SHAFT_Z),
        ),
        "MotorPaint",
    )
    foot = merged(
        box(0.5, 0.09, 0.03), box(0.06, 0.05, 0.13).moved(x=0.2), box(0.06, 0.05, 0.13).moved(x=-0.2)
    )
    b.mesh("/Part/Feet", merged(foot.moved(y=0.2), foot.moved(y=-0.2)).moved(x=-1.37, z=0.19), "DarkPaint")
    terminal = merged(box(0.2, 0.16, 0.12), box(0.22, 0.18, 0.015).moved(z=0.12))
    b.mesh("/Part/TerminalBox", terminal.moved(x=-1.25, z=SHAFT_Z + 0.22), "MotorPaint")
    gland = pipe(
        [(-1.25, 0.07, SHAFT_Z + 0.27), (-1.25, 0.22, SHAFT_Z + 0.27), (-1.25, 0.34, 0.1)], 0.016, 0.1, 8
    )
    b.mesh("/Part/Cable", gland, "Rubber")
    b.mesh(
        "/Part/LiftingEye", ring(0.035, 0.009, 10, 4).turned("x", 90).moved(x=-1.5, z=SHAFT_Z + 0.265), "Bolt"
    )


def _fan_cowl(b: Builder) -> None:
    """The shroud over the motor's fan, open through a grille, so that one sees it turn."""
    shroud = tube(0.225, 0.215, 0.2, 24).turned("y", -90).moved(x=-1.69, z=SHAFT_Z)
    b.mesh("/Part/Shroud", shroud, "DarkPaint")
    grille = [ring(r, 0.004, 14, 3).turned("y", 90) for r in (0.08, 0.15, 0.215)]
    spokes = [
        rod((0, 0, 0), (0, 0.215 * math.cos(a), 0.215 * math.sin(a)), 0.004, 3)
        for a in np.radians(range(0, 360, 60))
    ]
    b.mesh("/Part/Grille", merged(*grille, *spokes).moved(x=-1.9, z=SHAFT_Z), "Bolt")


def _flange(b: Builder) -> None:
    b.mesh("/Part/Flange", flange_shape(PIPE_R), "Machined")


def _handwheel(radius: float) -> Shape:
    spokes = [
        rod((0, 0, 0), (radius * math.cos(a), radius * math.sin(a), 0.0), 0.009, 4)
        for a in np.radians(range(0, 360, 90))
    ]
    return merged(ring(radius, 0.013, 16, 5), cylinder(0.025, 0.04, 6).moved(z=-0.02), *spokes)


def handwheel_shape(radius: float = 0.15) -> Shape:
    """Return a handwheel in the xy plane, hub at the origin."""
    return _handwheel(radius)


def body_shape(radius: float) -> Shape:
    """Return the body of a valve along x, centred, with its bonnet upwards."""
    run = revolve(
        [
            (radius, -0.17),
            (radius * 1.1, -0.1),
            (radius * 1.55, -0.05),
            (radius * 1.55, 0.05),
            (radius * 1.1, 0.1),
            (radius, 0.17),
        ],
        14,
    ).turned("y", 90)
    bonnet = revolve(
        [
            (radius * 1.35, 0.0),
            (radius * 1.2, radius * 1.5),
            (radius * 1.7, radius * 1.5),
            (radius * 1.7, radius * 2.0),
            (radius * 0.6, radius * 2.0),
            (radius * 0.45, radius * 3.0),
            (0.0, radius * 3.0),
        ],
        10,
    )
    yoke = [
        rod((0, s * radius * 0.7, radius * 1.9), (0, s * radius * 0.5, radius * 4.2), 0.011, 4)
        for s in (-1, 1)
    ]
    nut = cylinder(radius * 0.62, 0.035, 6).moved(z=radius * 4.1)
    return merged(run, bonnet, *yoke, nut)


def _gate_valve(b: Builder) -> None:
    """A manual gate valve along x, fully open."""
    b.mesh("/Part/Body", body_shape(BRANCH_R), "CastIron")
    wheel = _handwheel(0.12).moved(z=BRANCH_R * 4.5)
    b.mesh("/Part/Handwheel", wheel, "DarkPaint")
    b.mesh("/Part/Stem", rod((0, 0, BRANCH_R * 3), (0, 0, BRANCH_R * 6.2), 0.012), "Machined")
    pair = flange_shape(BRANCH_R).turned("y", 90)
    b.mesh("/Part/Flanges", merged(pair.moved(x=-0.17), pair.moved(x=0.17)), "Machined")


def _valve_body(b: Builder) -> None:
    """The body of a control valve along x; wheel, stem and disc are separate, for they move."""
    b.mesh("/Part/Body", body_shape(PIPE_R), "CastIron")
    pair = flange_shape(PIPE_R).turned("y", 90)
    b.mesh("/Part/Flanges", merged(pair.moved(x=-0.17), pair.moved(x=0.17)), "Machined")
    actuator = merged(box(0.24, 0.2, 0.2), box(0.26, 0.22, 0.02).moved(z=0.2)).moved(y=0.24, z=PIPE_R * 4.0)
    b.mesh("/Part/Actuator", actuator, "MotorPaint")
    b.mesh("/Part/Bracket", box(0.05, 0.2, 0.02).moved(y=0.1, z=PIPE_R * 4.1), "DarkPaint")


def _flow_meter(b: Builder) -> None:
    """An electromagnetic flow meter along x with its transmitter above."""
    body = revolve([(PIPE_R, -0.16), (PIPE_R * 1.6, -0.12), (PIPE_R * 1.6, 0.12), (PIPE_R, 0.16)], 16).turned(
        "y", 90
    )
    b.mesh("/Part/Body", body, "MotorPaint")
    pair = flange_shape(PIPE_R).turned("y", 90)
    b.mesh("/Part/Flanges", merged(pair.moved(x=-0.17), pair.moved(x=0.17)), "Machined")
    b.mesh("/Part/Neck", cylinder(0.03, 0.12, 8).moved(z=PIPE_R * 1.5), "Machined")
    head = cylinder(0.085, 0.14, 14).turned("x", 90).moved(y=0.07, z=PIPE_R * 1.5 + 0.2)
    b.mesh("/Part/Head", head, "MotorPaint")
    b.mesh(
        "/Part/Display",
        cylinder(0.06, 0.01, 12).turned("x", 90).moved(y=-0.07, z=PIPE_R * 1.5 + 0.2),
        "Screen",
    )


def _gauge(b: Builder) -> None:
    """A dial gauge that looks towards -y; the needle is separate, for it moves."""
    case = revolve(
        [(0.0, -0.02), (0.075, -0.02), (0.08, -0.01), (0.08, 0.02), (0.07, 0.02), (0.07, 0.012)], 16
    )
    b.mesh("/Part/Case", case.turned("x", 90), "Machined")
    b.mesh("/Part/Face", cylinder(0.07, 0.002, 14).turned("x", 90).moved(y=-0.011), "White")
    marks = [box(0.006, 0.002, 0.014).moved(z=0.05).turned("y", a) for a in range(-135, 136, 27)]
    b.mesh("/Part/Scale", merged(*marks).moved(y=-0.0145), "Ink")
    b.mesh("/Part/Stem", rod((0, 0.0, -0.075), (0, 0.0, -0.25), 0.012), "Machined")


def _transmitter(b: Builder) -> None:
    """A process transmitter: head on a stem."""
    head = cylinder(0.06, 0.13, 12).turned("x", 90).moved(y=0.065, z=0.2)
    b.mesh("/Part/Head", head, "MotorPaint")
    b.mesh("/Part/Stem", rod((0, 0, 0), (0, 0, 0.16), 0.016), "Machined")
    b.mesh("/Part/Display", cylinder(0.04, 0.006, 10).turned("x", 90).moved(y=-0.065, z=0.2), "Screen")


def _column(b: Builder) -> None:
    """A steel column of the hall, 5.2 m, on its base plate."""
    section = extrude([(x, y) for x, y in _i(0.2, 0.22)], 5.18)
    b.mesh("/Part/Shaft", section.moved(z=0.02), "SteelFrame")
    b.mesh("/Part/BasePlate", box(0.36, 0.38, 0.03), "SteelFrame")
    for i, (x, y) in enumerate(((0.14, 0.15), (0.14, -0.15), (-0.14, 0.15), (-0.14, -0.15))):
        b.instance(f"/Part/Bolt{i + 1}", "./bolt.usda", at=(x, y, 0.03))


def _i(width: float, height: float) -> list[tuple[float, float]]:
    w, h, t, f = width / 2, height / 2, 0.006, height / 2 - 0.014
    return [
        (-w, -h),
        (w, -h),
        (w, -f),
        (t, -f),
        (t, f),
        (w, f),
        (w, h),
        (-w, h),
        (-w, f),
        (-t, f),
        (-t, -f),
        (-w, -f),
    ]


def _truss(b: Builder) -> None:
    """A roof truss in the yz plane, 10 m wide, eaves at z = 0, ridge at 1.3 m."""
    half, rise, n = 5.0, 1.3, 4

    def top(y: float) -> float:
        return 0.15 + rise * (1.0 - abs(y) / half)

    outline = [(-0.05, -0.06), (0.05, -0.06), (0.05, 0.06), (-0.05, 0.06)]
    chords = [
        beam((0, -half, 0), (0, half, 0), outline),
        beam((0, -half - 0.3, top(half) - 0.08), (0, 0, top(0)), outline),
        beam((0, half + 0.3, top(half) - 0.08), (0, 0, top(0)), outline),
    ]
    b.mesh("/Part/Chords", merged(*chords), "SteelFrame")
    thin = [(-0.03, -0.03), (0.03, -0.03), (0.03, 0.03), (-0.03, 0.03)]
    web = []
    for side in (-1, 1):
        for k in range(n):
            y0, y1 = side * half * (1 - k / n), side * half * (1 - (k + 1) / n)
            web.append(beam((0, y1, 0), (0, y1, top(y1)), thin))
            web.append(beam((0, y0, top(y0)), (0, y1, 0), thin))
    b.mesh("/Part/Web", merged(*web), "SteelFrame")


def _bolt(b: Builder) -> None:
    """An anchor bolt with its nut, on z = 0."""
    nut = extrude([(0.022 * math.cos(a), 0.022 * math.sin(a)) for a in np.radians(range(0, 360, 60))], 0.022)
    b.mesh("/Part/Bolt", merged(nut, box(0.016, 0.016, 0.05)), "Bolt")


def _support(b: Builder) -> None:
    """A pipe support of one metre: scale it along z."""
    b.mesh(
        "/Part/Post",
        merged(
            box(0.08, 0.08, 1.0).moved(z=-1.0),
            box(0.3, 0.26, 0.02).moved(z=-1.0),
            box(0.1, 0.2, 0.02).moved(z=-0.06),
        ),
        "SteelFrame",
    )
