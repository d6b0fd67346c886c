"""The packaged dosing skid DS-201: drum on a bund, two dosing pumps, panel, hose to the network."""

from __future__ import annotations

from authoring.shapes import bars, box, cylinder, merged, pipe, revolve, rod, tube
from authoring.stage import Builder

from pumping_station_parts.layout import HALL, NETWORK_Z, SKID

PATH = f"{HALL}/DS_201"
DRUM_H = 0.86  # of the liquid in a full drum


def build(b: Builder) -> None:
    """Write the skid."""
    b.xform(PATH, at=SKID, kind="component")
    _bund(b)
    _drum(b)
    _panel(b)
    for name, x in (("P_201A", 0.18), ("P_201B", 0.45)):
        _dosing_pump(b, f"{PATH}/{name}", x)
    _hoses(b)


def _bund(b: Builder) -> None:
    b.mesh(
        f"{PATH}/Bund",
        merged(
            box(2.1, 1.4, 0.04),
            box(2.1, 0.03, 0.2).moved(y=0.68),
            box(2.1, 0.03, 0.2).moved(y=-0.68),
            box(0.03, 1.4, 0.2).moved(x=1.03),
            box(0.03, 1.4, 0.2).moved(x=-1.03),
        ),
        "Galvanised",
    )


def _drum(b: Builder) -> None:
    b.xform(f"{PATH}/Drum", at=(-0.5, 0.0, 0.06))
    skin = revolve(
        [
            (0.0, 0.0),
            (0.29, 0.0),
            (0.3, 0.02),
            (0.3, 0.28),
            (0.312, 0.3),
            (0.3, 0.32),
            (0.3, 0.6),
            (0.312, 0.62),
            (0.3, 0.64),
            (0.3, 0.9),
            (0.26, 0.94),
            (0.0, 0.94),
        ],
        28,
    )
    b.mesh(f"{PATH}/Drum/Shell", skin, "Plastic")
    b.mesh(f"{PATH}/Drum/Liquid", cylinder(0.285, DRUM_H, 24), "Hypochlorite", at=(0.0, 0.0, 0.02))
    b.mesh(
        f"{PATH}/Drum/Cap",
        merged(cylinder(0.08, 0.03, 16), cylinder(0.02, 0.25, 8)).moved(z=0.94),
        "DarkPaint",
    )


def _panel(b: Builder) -> None:
    frame = bars(
        [((x, 0.5, 0.04), (x, 0.5, 1.5)) for x in (0.0, 0.95)] + [((0.0, 0.5, 1.5), (0.95, 0.5, 1.5))], 0.025
    )
    b.mesh(f"{PATH}/Frame", frame, "Galvanised")
    b.cube(f"{PATH}/Panel", (0.475, 0.48, 1.05), (0.9, 0.02, 0.8), "White")
    b.cube(f"{PATH}/Controller", (0.75, 0.43, 1.2), (0.22, 0.08, 0.28), "Cabinet")
    b.cube(f"{PATH}/Controller_Screen", (0.75, 0.386, 1.24), (0.16, 0.01, 0.1), "Screen")


def _hoses(b: Builder) -> None:
    """The hoses to the pumps, and from them along two stands to the network."""
    b.mesh(
        f"{PATH}/SuctionHose",
        merged(
            *[
                pipe(
                    [(x, 0.36, 0.84), (x, 0.2, 0.7), (-0.3, 0.1, 1.15), (-0.5, 0.0, 1.2), (-0.5, 0.0, 1.1)],
                    0.012,
                    0.08,
                    8,
                )
                for x in (0.18, 0.45)
            ]
        ),
        "Plastic",
    )
    y = SKID[1]
    top = NETWORK_Z + 0.12
    up = [
        (0.18, 0.36, 1.02),
        (0.18, 0.36, 1.4),
        (0.18, 0.45, top),
        (0.18, -y - 0.25, top),
        (0.18, -y, top),
        (0.18, -y, NETWORK_Z),
    ]
    b.mesh(
        f"{PATH}/DosingHose",
        merged(
            pipe(up, 0.014, 0.08, 8),
            pipe([(0.45, 0.36, 1.02), (0.45, 0.36, 1.3), (0.18, 0.36, 1.3)], 0.014, 0.06, 8),
        ),
        "Hypochlorite",
    )
    stand = merged(rod((0.18, 1.6, 0), (0.18, 1.6, top), 0.02), rod((0.18, 0.8, 0), (0.18, 0.8, top), 0.02))
    b.mesh(f"{PATH}/HoseStands", stand, "Galvanised")


def _dosing_pump(b: Builder, path: str, x: float) -> None:
    b.xform(path, at=(x, 0.4, 0.9), kind="subcomponent")
    body = merged(
        box(0.16, 0.14, 0.18).moved(z=-0.06), cylinder(0.055, 0.08, 16).turned("x", 90).moved(y=-0.06, z=0.03)
    )
    b.mesh(f"{path}/Body", body, "MotorPaint")
    b.mesh(f"{path}/Head", tube(0.05, 0.02, 0.05, 16).turned("x", 90).moved(y=-0.13, z=0.03), "White")
    b.xform(f"{path}/Knob", at=(0.0, -0.142, 0.03))
    knob = merged(
        cylinder(0.026, 0.02, 14).turned("x", 90), box(0.008, 0.012, 0.045).moved(y=-0.024, z=-0.0225)
    )
    b.mesh(f"{path}/Knob/Dial", knob, "Ink")
