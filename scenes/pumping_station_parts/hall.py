"""The hall: floor with the pump pit, frames, half a roof, north wall, stairs, handrails, cabinets."""

from __future__ import annotations

import itertools

from authoring.shapes import bars, beam, box, corrugated, merged, rectangle, revolve
from authoring.stage import Builder

from pumping_station_parts.layout import CABINET, EAVES, FRAMES_X, HALL, HALL_X, HALL_Y, PIT_X, PIT_Y, PIT_Z

RAIL_M, POST_M = 1.1, 1.5


def build(b: Builder) -> None:
    """Write the hall."""
    b.group(HALL)
    b.group(f"{HALL}/Structure")
    _floor(b, f"{HALL}/Structure")
    _frames(b, f"{HALL}/Structure")
    _cladding(b, f"{HALL}/Structure")
    _stairs(b, f"{HALL}/Structure/Stairs")
    _handrails(b, f"{HALL}/Structure/Handrails")
    _cabinets(b, f"{HALL}/Cabinet_E_101")


def _floor(b: Builder, path: str) -> None:
    (x0, x1), (y0, y1) = HALL_X, HALL_Y
    (px0, px1), (py0, py1) = PIT_X, PIT_Y
    b.xform(f"{path}/Floor")
    slabs = {
        "South": (x0 - 0.5, x1 + 0.5, y0 - 0.5, py0),
        "North": (x0 - 0.5, x1 + 0.5, py1, y1 + 0.5),
        "West": (x0 - 0.5, px0, py0, py1),
        "East": (px1, x1 + 0.5, py0, py1),
    }
    for name, (xa, xb, ya, yb) in slabs.items():
        b.cube(
            f"{path}/Floor/{name}", ((xa + xb) / 2, (ya + yb) / 2, -0.15), (xb - xa, yb - ya, 0.3), "Concrete"
        )
    centre, length, width = ((px0 + px1) / 2, (py0 + py1) / 2), px1 - px0, py1 - py0
    b.xform(f"{path}/Pit")
    b.cube(f"{path}/Pit/Bottom", (*centre, PIT_Z - 0.1), (length + 0.4, width + 0.4, 0.2), "ConcreteDark")
    depth = -PIT_Z - 0.3
    z = PIT_Z + depth / 2
    for name, at, size in (
        ("South", (centre[0], py0 - 0.1, z), (length + 0.4, 0.2, depth)),
        ("North", (centre[0], py1 + 0.1, z), (length + 0.4, 0.2, depth)),
        ("West", (px0 - 0.1, centre[1], z), (0.2, width, depth)),
        ("East", (px1 + 0.1, centre[1], z), (0.2, width, depth)),
    ):
        b.cube(f"{path}/Pit/{name}", at, size, "ConcreteDark")
    b.cube(
        f"{path}/Pit/Gutter", (centre[0], py0 + 0.25, PIT_Z + 0.002), (length - 0.4, 0.16, 0.01), "DarkPaint"
    )


def _frames(b: Builder, path: str) -> None:
    b.xform(f"{path}/Columns")
    b.xform(f"{path}/Trusses")
    for i, x in enumerate(FRAMES_X, 1):
        for side, y in zip(("South", "North"), HALL_Y, strict=True):
            b.instance(f"{path}/Columns/{side}{i}", "./parts/column.usda", at=(x, y, 0.0))
        b.instance(f"{path}/Trusses/Truss{i}", "./parts/truss.usda", at=(x, 0.0, EAVES))
    x0, x1 = HALL_X
    lines = []
    for side in (-1, 1):
        for share in (0.02, 0.5, 0.98) if side > 0 else (0.02, 0.98):  # the view stays open
            y = side * 5.0 * (1.0 - share)
            z = EAVES + 0.15 + 1.3 * share + 0.09
            lines.append(beam((x0 - 0.4, y, z), (x1 + 0.4, y, z), rectangle(0.07, 0.14)))
    lines += [beam((x0, y, EAVES - 0.15), (x1, y, EAVES - 0.15), rectangle(0.1, 0.16)) for y in HALL_Y]
    b.mesh(f"{path}/Purlins", merged(*lines), "SteelFrame")
    west, second = FRAMES_X[0], FRAMES_X[1]
    brace = [((west, y, 0.2), (second, y, 4.9)) for y in HALL_Y[1:]] + [
        ((second, y, 0.2), (west, y, 4.9)) for y in HALL_Y[1:]
    ]
    b.mesh(f"{path}/Bracing", bars(brace, 0.02), "SteelFrame")
    # the crane's runway that every pump hall has, with its hook over the pit
    rail = beam((x0 + 0.3, 0.0, EAVES - 0.2), (x1 - 0.3, 0.0, EAVES - 0.2), rectangle(0.12, 0.22))
    hoist = merged(
        box(0.5, 0.3, 0.3).moved(x=-6.0, z=EAVES - 0.68), box(0.1, 0.1, 0.18).moved(x=-6.0, z=EAVES - 0.4)
    )
    chain = bars([((-6.0, 0.0, EAVES - 0.68), (-6.0, 0.0, EAVES - 2.2))], 0.015)
    b.mesh(f"{path}/HoistRail", rail, "SteelFrame")
    b.mesh(f"{path}/Hoist", merged(hoist, chain), "DarkPaint")


def _cladding(b: Builder, path: str) -> None:
    (x0, x1), (_, y1) = HALL_X, HALL_Y
    length = x1 - x0
    wall = corrugated(length + 0.2, 4.0, 38, 0.05).moved(x=(x0 + x1) / 2, y=y1 + 0.14, z=1.2)
    b.mesh(f"{path}/NorthWall", wall, "Sheet", two_sided=True)
    b.cube(f"{path}/NorthDado", ((x0 + x1) / 2, y1 + 0.17, 0.6), (length + 0.2, 0.12, 1.2), "Concrete")
    sheet = corrugated(length + 0.8, 5.35, 40, 0.05)
    lying = sheet.turned("x", -90.0 + 14.6)
    b.mesh(f"{path}/RoofNorth", lying.moved(x=(x0 + x1) / 2, y=0.0, z=EAVES + 1.66), "Sheet", two_sided=True)
    for i, x in enumerate((-2.0, 5.0), 1):
        b.xform(f"{path}/Ventilator{i}", at=(x, 1.3, EAVES + 1.1))
        b.round_(f"{path}/Ventilator{i}/Pipe", "Cylinder", (0.0, 0.0, 0.4), 0.2, 0.8, "Galvanised")
        b.round_(f"{path}/Ventilator{i}/Cap", "Cone", (0.0, 0.0, 0.95), 0.36, 0.22, "Galvanised")
    b.xform(f"{path}/Windows")
    for i, (a, c) in enumerate(itertools.pairwise(FRAMES_X), 1):
        b.cube(f"{path}/Windows/Window{i}", ((a + c) / 2, y1 + 0.05, 3.6), (2.4, 0.06, 0.9), "Glass")


def _stairs(b: Builder, path: str) -> None:
    """Steps down into the pit along its west wall."""
    x, steps = PIT_X[0] + 0.5, 4
    b.xform(path)
    rise, run = -PIT_Z / (steps + 1), 0.28
    top = PIT_Y[0] + 0.05
    treads = [
        box(0.9, run, 0.04).moved(x=x, y=top + run * (k + 0.5), z=-rise * (k + 1) - 0.04)
        for k in range(steps)
    ]
    b.mesh(f"{path}/Treads", merged(*treads), "Galvanised")
    ends = (top, 0.0), (top + run * steps, -rise * steps - 0.1)
    sides = [
        beam(
            (x + s * 0.46, ends[0][0], ends[0][1] - 0.1),
            (x + s * 0.46, ends[1][0], ends[1][1]),
            rectangle(0.03, 0.2),
        )
        for s in (-1, 1)
    ]
    b.mesh(f"{path}/Stringers", merged(*sides), "SteelFrame")
    rail = [((x + 0.46, top, 1.0), (x + 0.46, ends[1][0], ends[1][1] + 1.0))]
    posts = [
        ((x + 0.46, top + d, -d * rise / run), (x + 0.46, top + d, 1.0 - d * rise / run))
        for d in (0.1, 0.55, 1.0)
    ]
    b.mesh(f"{path}/Rail", bars([*rail, *posts], 0.02), "Galvanised")


def fence(
    corners: list[tuple[float, float, float]], height: float = RAIL_M
) -> list[tuple[tuple[float, float, float], tuple[float, float, float]]]:
    """Return posts, knee rail and hand rail along corners, as bars."""
    out = []
    for a, c in itertools.pairwise(corners):
        length = max(abs(c[0] - a[0]), abs(c[1] - a[1]), 0.01)
        n = max(1, round(length / POST_M))
        for k in range(n + 1):
            x, y = a[0] + (c[0] - a[0]) * k / n, a[1] + (c[1] - a[1]) * k / n
            out.append(((x, y, a[2]), (x, y, a[2] + height)))
        out += [((a[0], a[1], a[2] + h), (c[0], c[1], c[2] + h)) for h in (0.55 * height, height)]
    return out


def _handrails(b: Builder, path: str) -> None:
    (x0, x1), (y0, y1) = PIT_X, PIT_Y
    b.xform(path)
    runs = {
        "South": [(x0 + 1.1, y0 - 0.08, 0.0), (x1 + 0.08, y0 - 0.08, 0.0)],
        "East": [(x1 + 0.08, y0 - 0.08, 0.0), (x1 + 0.08, 1.6, 0.0)],
        "West": [(x0 - 0.08, y0, 0.0), (x0 - 0.08, 1.6, 0.0)],
    }
    for name, corners in runs.items():
        b.mesh(f"{path}/{name}", bars(fence(corners), 0.021), "Galvanised")
    toe = merged(
        box(x1 - x0 - 1.1, 0.01, 0.12).moved(x=(x0 + 1.1 + x1) / 2, y=y0 - 0.06),
        box(0.01, y1 - y0 - 1.4, 0.12).moved(x=x1 + 0.06, y=(y0 + 1.6) / 2),
    )
    b.mesh(f"{path}/ToeBoards", toe, "Galvanised")


def _cabinets(b: Builder, path: str) -> None:
    """A row of switchgear with doors, a screen and a lamp for each pump."""
    x, y, _ = CABINET
    b.xform(path, at=(x, y, 0.0), kind="component")
    b.mesh(f"{path}/Base", box(0.6, 2.9, 0.1), "DarkPaint")
    for i in range(4):
        yy = -1.08 + 0.72 * i
        b.mesh(f"{path}/Bay{i + 1}", box(0.6, 0.71, 2.0).moved(y=yy, z=0.1), "Cabinet")
        b.cube(f"{path}/Door{i + 1}", (0.305, yy, 1.1), (0.012, 0.64, 1.86), "Cabinet")
        b.cube(f"{path}/Handle{i + 1}", (0.325, yy + 0.26, 1.1), (0.03, 0.03, 0.16), "DarkPaint")
        lamp = revolve([(0.0, 0.0), (0.04, 0.0), (0.04, 0.02), (0.03, 0.04), (0.0, 0.048)], 12).turned(
            "y", 90
        )
        b.mesh(f"{path}/Lamp{i + 1}", lamp, "Lamp", at=(0.31, yy - 0.2, 1.85))
        b.round_(f"{path}/Button{i + 1}", "Cylinder", (0.32, yy - 0.2, 1.55), 0.025, 0.03, "Ink", axis="X")
    b.cube(f"{path}/Screen", (0.315, 0.36, 1.6), (0.02, 0.36, 0.24), "Screen")
    b.mesh(
        f"{path}/CableTray",
        merged(
            box(0.3, 0.02, 0.08).moved(y=0.0), *[box(0.3, 0.06, 0.01).moved(y=0.3 * k) for k in range(1, 26)]
        ).moved(z=2.6, y=0.0),
        "Galvanised",
    )
