"""Oven O-210: four zones with a glass front, chimneys, burner BV-212 and damper D-210."""

from __future__ import annotations

from authoring.shapes import box, cylinder, extrude, merged, pipe, revolve
from authoring.stage import Builder

from armillary_plugins.demo_plant.line import layout as at
from packaging_line_parts.places import OVEN, zone

_BACK, _FRONT = 0.85, -0.62
_LOW, _TOP = 0.62, 2.05
_GLASS = (1.0, 1.62)  # heights of the window


def build(b: Builder) -> None:
    """Write the oven."""
    b.group(OVEN)
    _frame(b)
    for i in range(len(at.ZONES)):
        _zone(b, i)
    _burner(b)
    _damper(b)


def _frame(b: Builder) -> None:
    x0, x1 = at.OVEN_M - 0.05, at.OVEN_END_M + 0.05
    middle, length = (x0 + x1) / 2, x1 - x0
    legs = [box(0.1, 0.1, _LOW).moved(x=x, y=y) for x in (x0 + 0.1, middle, x1 - 0.1) for y in (-0.55, 0.78)]
    base = box(length, 1.5, 0.1).moved(x=middle, y=0.115, z=_LOW - 0.1)
    b.mesh(f"{OVEN}/Frame", merged(*legs, base), "DarkPaint")
    plate = box(2.2, 0.03, 0.34).moved(x=middle, y=_FRONT - 0.02, z=0.2)
    b.mesh(f"{OVEN}/NamePlate", plate, "Ink")


def _hood(width: float) -> list[tuple[float, float]]:
    """Return the outline of the casing over the belt, y and z, open to the front at the window."""
    wall = 0.07
    return [
        (_FRONT, _GLASS[1]), (_FRONT, 1.85), (-0.4, _TOP), (0.6, _TOP), (_BACK, 1.85), (_BACK, _LOW),
        (_BACK - wall, _LOW), (_BACK - wall, 1.82), (0.57, _TOP - wall), (-0.37, _TOP - wall),
        (_FRONT + wall, 1.82), (_FRONT + wall, _GLASS[1]),
    ]  # fmt: skip


def _zone(b: Builder, i: int) -> None:
    """A zone: casing (coloured by its temperature), window, fan on top, transmitter in front."""
    path, width = zone(i + 1), at.ZONE_M - 0.04
    x = at.OVEN_M + (i + 0.5) * at.ZONE_M
    b.xform(path, at=(x, 0.0, 0.0), kind="component")
    hw = width / 2
    back = box(width, 0.07, _TOP - _LOW - 0.2).moved(y=_BACK, z=_LOW)
    roof = extrude([(-0.45, _TOP - 0.08), (0.62, _TOP - 0.08), (0.62, _TOP), (-0.45, _TOP)], width)
    del roof
    top = box(width, 1.12, 0.08).moved(y=0.1, z=_TOP - 0.08)
    slope_f = box(width, 0.07, 0.36).moved(y=_FRONT, z=_GLASS[1])
    corner = box(width, 0.24, 0.08).moved(y=_FRONT + 0.08, z=_TOP - 0.1)
    corner_b = box(width, 0.3, 0.08).moved(y=_BACK - 0.1, z=_TOP - 0.1)
    skirt = box(width, 0.07, _GLASS[0] - _LOW).moved(y=_FRONT, z=_LOW)
    posts = [
        box(0.07, 0.07, _GLASS[1] - _GLASS[0]).moved(x=s * (hw - 0.035), y=_FRONT, z=_GLASS[0])
        for s in (-1, 1)
    ]
    b.mesh(f"{path}/Casing", merged(back, top, slope_f, corner, corner_b, skirt, *posts), "Sheet")
    b.cube(
        f"{path}/Window",
        (0.0, _FRONT, sum(_GLASS) / 2),
        (width - 0.14, 0.015, _GLASS[1] - _GLASS[0]),
        "Glass",
    )
    bed = box(width, 1.2, 0.04).moved(y=0.1, z=_LOW + 0.06)
    rods = [
        cylinder(0.022, 1.1, 8).turned("x", 90).moved(x=-hw + 0.12 + 0.2 * k, y=0.65, z=0.78)
        for k in range(7)
    ]
    b.mesh(f"{path}/Heaters", merged(bed, *rods), "DarkPaint")
    fan = f"{path}/Fan"
    b.mesh(
        f"{path}/FanHousing",
        revolve([(0.34, 0.0), (0.34, 0.16), (0.3, 0.2), (0.24, 0.2), (0.24, 0.02)], 20).moved(z=_TOP),
        "Galvanised",
    )
    b.xform(fan, at=(0.0, 0.0, _TOP + 0.1))
    blades = [box(0.2, 0.055, 0.012).moved(x=0.13).turned("x", 24).turned("z", 90.0 * k) for k in range(4)]
    b.mesh(f"{fan}/Blades", merged(cylinder(0.05, 0.09, 12).moved(z=-0.03), *blades), "DarkPaint")
    b.mesh(
        f"{path}/Transmitter",
        merged(
            box(0.13, 0.09, 0.16).moved(y=-0.06),
            cylinder(0.02, 0.24, 8).turned("x", -90).moved(y=0.0, z=0.06),
        ),
        "Cabinet",
        at=(hw - 0.3, _FRONT - 0.02, _GLASS[1] + 0.08),
    )
    b.cube(f"{path}/Number", (-hw + 0.22, _FRONT - 0.045, _GLASS[1] + 0.18), (0.16, 0.012, 0.16), "White")
    for k in range(i + 1):  # as many strokes as its number: to be read without a label
        dx = (k - i / 2) * 0.035
        b.cube(
            f"{path}/Stroke{k + 1}",
            (-hw + 0.22 + dx, _FRONT - 0.053, _GLASS[1] + 0.18),
            (0.016, 0.008, 0.1),
            "Ink",
        )


def _burner(b: Builder) -> None:
    """The gas train behind zone 2: pipe, valve body with a pointer, burner with its flame."""
    path = f"{OVEN}/BV_212"
    x = at.OVEN_M + 1.5 * at.ZONE_M
    b.xform(path, at=(x, _BACK + 0.1, 0.0), kind="component")
    run = pipe(
        [(-2.6, 0.45, 0.35), (-0.2, 0.45, 0.35), (-0.2, 0.45, 1.0), (0.0, 0.25, 1.0), (0.0, 0.0, 1.0)], 0.05
    )
    b.mesh(f"{path}/Pipe", run, "Pipe")
    b.mesh(
        f"{path}/Body",
        revolve([(0.0, -0.14), (0.1, -0.14), (0.12, 0.0), (0.1, 0.14), (0.0, 0.14)], 16),
        "CastIron",
        at=(-0.2, 0.45, 0.7),
    )
    b.mesh(
        f"{path}/Actuator",
        merged(cylinder(0.02, 0.24, 8).turned("x", -90), box(0.2, 0.16, 0.2).moved(y=0.3, z=-0.1)),
        "MotorPaint",
        at=(-0.2, 0.45, 0.7),
    )
    b.mesh(
        f"{path}/Pointer",
        merged(box(0.03, 0.02, 0.18).moved(z=0.0), cylinder(0.03, 0.03, 10).turned("x", 90)),
        "White",
        at=(-0.2, 0.86, 0.7),
    )
    b.mesh(
        f"{path}/Burner",
        revolve([(0.0, 0.0), (0.16, 0.0), (0.2, 0.12), (0.2, 0.3), (0.0, 0.3)], 18).turned("x", 90),
        "DarkPaint",
        at=(0.0, 0.3, 1.0),
    )
    flame = revolve([(0.0, 0.0), (0.09, 0.05), (0.1, 0.14), (0.05, 0.27), (0.0, 0.36)], 14)
    b.mesh(f"{path}/Flame", flame, "Lamp", at=(0.0, -0.42, 0.72))


def _damper(b: Builder) -> None:
    """The stack over zone 3 with its flap."""
    path = f"{OVEN}/D_210"
    x = at.OVEN_M + 2.0 * at.ZONE_M
    b.xform(path, at=(x, 0.45, _TOP - 0.02), kind="component")
    b.mesh(
        f"{path}/Stack",
        revolve([(0.2, 0.0), (0.2, 1.0), (0.24, 1.02), (0.24, 1.06), (0.17, 1.06), (0.17, 0.0)], 22),
        "Galvanised",
    )
    b.mesh(
        f"{path}/Cap", revolve([(0.0, 0.42), (0.3, 0.24), (0.0, 0.24)][::-1], 18).moved(z=1.1), "Galvanised"
    )
    b.mesh(f"{path}/Shaft", cylinder(0.018, 0.7, 8).turned("x", 90).moved(y=0.05, z=0.6), "Machined")
    flap = merged(
        box(0.035, 0.02, 0.34).moved(y=-0.64, z=-0.17), box(0.07, 0.03, 0.07).moved(y=-0.64, z=0.15)
    )
    b.mesh(f"{path}/Lever", flap, "White", at=(0.0, 0.0, 0.6))
