"""The two tanks: shells with a window on the water, ladders, walkways, level boards; the tower of T-102."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

from authoring.shapes import (
    bars,
    beam,
    box,
    cylinder,
    i_section,
    merged,
    pipe,
    rectangle,
    revolve,
    rod,
)
from authoring.stage import Builder
from pxr import UsdGeom

from pumping_station_parts.layout import STORAGE, T_101, T_102, TANK_H, TANK_R

FLOOR = 0.3  # of the water above the tank's base
WATER_H = TANK_H  # of the water in a full tank
WINDOW = (247.0, 293.0)  # degrees: it looks south
INSIDE = TANK_R - 0.03
FLOAT_X, FLOAT_A = TANK_R + 0.1, 305.0


def write_parts(folder: Path) -> None:
    """Write the file of a tank; its parts are bound one by one."""
    b = Builder(folder / "tank.usda", "Part")
    b.stage.GetDefaultPrim().SetMetadata("kind", "component")
    _tank(b, "/Part")
    b.save()


def build(b: Builder) -> None:
    """Write both tanks."""
    b.group(STORAGE)
    for name, at, angle in (("T_101", T_101, 200.0), ("T_102", T_102, 215.0)):
        b.reference(f"{STORAGE}/{name}", "./parts/tank.usda", at)
        _ladder(b, f"{STORAGE}/{name}/Ladder", angle, -at[2], TANK_H + 0.25 + FLOOR)
    _tower(b, f"{STORAGE}/T_102/Tower")


def _tank(b: Builder, path: str) -> None:
    b.mesh(f"{path}/Base", cylinder(TANK_R + 0.2, FLOOR, 36, 0.03), "Concrete")
    height = TANK_H + 0.25
    first, last = WINDOW[1], WINDOW[0] + 360.0
    sheet = [(TANK_R, 0.0), (TANK_R, height), (INSIDE, height), (INSIDE, 0.0)]
    b.mesh(f"{path}/Shell", revolve(sheet, 42, first, last).moved(z=FLOOR), "TankShell", two_sided=True)
    pane = revolve([(TANK_R - 0.01, 0.0), (TANK_R - 0.01, height)], 8, *WINDOW).moved(z=FLOOR)
    b.mesh(f"{path}/SightGlass", pane, "Glass", two_sided=True)
    hoops = [
        revolve([(TANK_R, 0.0), (TANK_R + 0.035, 0.0), (TANK_R + 0.035, 0.08), (TANK_R, 0.08)], 36).moved(
            z=FLOOR + z
        )
        for z in (0.02, 1.5, 3.0, height - 0.08)
    ]
    posts = [rod((0, 0, 0), (0, 0, height), 0.05, 8).moved(x=TANK_R).turned("z", a) for a in WINDOW]
    b.mesh(f"{path}/Hoops", merged(*hoops, *[p.moved(z=FLOOR) for p in posts]), "Galvanised")
    # full; a binding scales it along z from its base
    b.mesh(f"{path}/Water", cylinder(INSIDE - 0.02, WATER_H, 36), "Water", at=(0.0, 0.0, FLOOR))
    _walkway(b, f"{path}/Walkway", height + FLOOR)
    _level_board(b, f"{path}/LevelBoard")
    _jets(b, path, height)


def _ladder(b: Builder, path: str, angle: float, low: float, high: float) -> None:
    b.xform(path, turn=(0.0, 0.0, angle))
    x = TANK_R + 0.22
    rungs = [
        ((x, -0.2, z), (x, 0.2, z)) for z in [low + 0.3 + 0.3 * k for k in range(int((high - low) / 0.3))]
    ]
    rails = [((x, s * 0.2, low), (x, s * 0.2, high + 1.0)) for s in (-1, 1)]
    b.mesh(f"{path}/Rungs", bars(rungs, 0.014, 5), "Galvanised")
    b.mesh(f"{path}/Rails", bars(rails, 0.024), "Galvanised")
    hoops = []
    for k in range(int((high - low - 2.2) / 0.9) + 1):
        arc = revolve([(0.36, 0.0), (0.36, 0.05)], 10, -100, 100).moved(x=x + 0.05, z=low + 2.3 + 0.9 * k)
        hoops.append(arc)
    straps = [
        box(0.008, 0.04, high + 0.6 - low - 2.2).moved(x=0.36).turned("z", a).moved(x=x + 0.05, z=low + 2.2)
        for a in (-80, -27, 27, 80)
    ]
    b.mesh(f"{path}/Cage", merged(*hoops, *straps), "Galvanised", two_sided=True)


def _walkway(b: Builder, path: str, z: float) -> None:
    """A gangway over the rim with rails, on the north half."""
    b.xform(path)
    deck = revolve(
        [(TANK_R - 0.1, 0.0), (TANK_R + 0.75, 0.0), (TANK_R + 0.75, 0.05), (TANK_R - 0.1, 0.05)], 26, 10, 220
    )
    b.mesh(f"{path}/Deck", deck.moved(z=z), "Galvanised", two_sided=True)
    rails, r = [], TANK_R + 0.72
    angles = [math.radians(10 + 7.5 * k) for k in range(27)]
    for h in (0.55, 1.1):
        points = [(r * math.cos(a), r * math.sin(a), z + h) for a in angles]
        rails += list(itertools.pairwise(points))
    posts = [
        ((r * math.cos(a), r * math.sin(a), z), (r * math.cos(a), r * math.sin(a), z + 1.1))
        for a in angles[::3]
    ]
    b.mesh(f"{path}/Rails", bars([*rails, *posts], 0.02, 5), "Galvanised")
    arms = [beam((TANK_R, 0, z - 0.5), (TANK_R + 0.7, 0, z - 0.02), rectangle(0.05, 0.06)) for _ in range(1)]
    brackets = merged(*[arms[0].turned("z", 25.0 + 30.0 * k) for k in range(7)])
    b.mesh(f"{path}/Brackets", brackets, "SteelFrame")


def _level_board(b: Builder, path: str) -> None:
    """A board with marks every tenth and a target on a wire that follows the float."""
    b.xform(path, turn=(0.0, 0.0, FLOAT_A))
    b.mesh(f"{path}/Board", box(0.03, 0.22, TANK_H + 0.1).moved(x=FLOAT_X, z=FLOOR - 0.05), "White")
    marks = [
        box(0.008, 0.2 if k % 5 == 0 else 0.1, 0.022).moved(x=FLOAT_X + 0.018, z=FLOOR + TANK_H * k / 10)
        for k in range(11)
    ]
    b.mesh(f"{path}/Marks", merged(*marks), "Ink")
    b.xform(f"{path}/Target")
    target = merged(box(0.03, 0.3, 0.07).moved(z=-0.035), rod((0, 0.17, 0), (0, -0.17, 0), 0.02, 8))
    b.mesh(f"{path}/Target/Pointer", target.moved(x=FLOAT_X + 0.045, z=FLOOR), "Ink")


def _jets(b: Builder, path: str, height: float) -> None:
    """What falls in, and what runs over: shown while it does."""
    b.mesh(
        f"{path}/InflowJet",
        pipe([(0, -1.75, height + FLOOR - 0.25), (0, -1.72, height - 0.4), (0, -1.7, 0.5)], 0.06, 0.3, 10),
        "Water",
    )
    over = pipe(
        [(0.0, 0, height + 0.15), (0.35, 0, height), (0.5, 0, height - 0.8), (0.55, 0, 0.3)], 0.07, 0.3, 8
    )
    jet = b.mesh(f"{path}/OverflowJet", over.moved(x=TANK_R).turned("z", 318.0), "Water")
    UsdGeom.Imageable(jet).CreateVisibilityAttr(UsdGeom.Tokens.invisible)
    spout = merged(
        box(0.5, 0.3, 0.03), box(0.5, 0.02, 0.16).moved(y=0.15), box(0.5, 0.02, 0.16).moved(y=-0.15)
    )
    b.mesh(
        f"{path}/OverflowSpout",
        spout.moved(x=TANK_R + 0.15, z=height + 0.05).turned("z", 318.0),
        "Galvanised",
    )


def _tower(b: Builder, path: str) -> None:
    """Eight legs, two rings, braces: T-102 stands on it."""
    z0, n, r = -T_102[2], 8, TANK_R - 0.25
    b.xform(path)
    section = i_section(0.2, 0.2, 0.016, 0.012)

    def leg(k: int) -> tuple[float, float]:
        a = 2.0 * math.pi * (k + 0.5) / n
        return r * math.cos(a), r * math.sin(a)

    legs = [beam((*leg(k), z0), (*leg(k), -0.2), section) for k in range(n)]
    b.mesh(f"{path}/Legs", merged(*legs), "SteelFrame")
    girders = [
        beam((*leg(k), z), (*leg(k + 1), z), rectangle(0.12, 0.2)) for k in range(n) for z in (-0.12, -2.5)
    ]
    b.mesh(f"{path}/Girders", merged(*girders), "SteelFrame")
    tie = []
    for k in range(n):
        for low, high in ((z0 + 0.2, -2.5), (-2.5, -0.2)):
            tie += [((*leg(k), low), (*leg(k + 1), high)), ((*leg(k + 1), low), (*leg(k), high))]
    b.mesh(f"{path}/Ties", bars(tie, 0.018, 5), "SteelFrame")
    pads = [box(0.6, 0.6, 0.25).moved(*leg(k), z0 - 0.02) for k in range(n)]
    b.mesh(f"{path}/Pads", merged(*pads), "Concrete")
    b.mesh(f"{path}/Plate", cylinder(TANK_R + 0.25, 0.12, 36).moved(z=-0.12), "SteelFrame")
    for k in range(n):
        x, y = leg(k)
        for i, (dx, dy) in enumerate(((0.18, 0.18), (-0.18, -0.18))):
            b.instance(f"{path}/Bolt{2 * k + i + 1}", "./parts/bolt.usda", at=(x + dx, y + dy, z0 + 0.23))
