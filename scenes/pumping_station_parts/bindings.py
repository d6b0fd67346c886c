"""What the scene shows of the plant: every target and every kind of map, on prims that carry the meaning."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from authoring.binding import bound

from armillary.model.binding import Binding
from armillary_plugins.demo_plant.signals import PUMPS, TANKS, VALVES
from pumping_station_parts.layout import HALL, INLET, PIPING, STORAGE
from pumping_station_parts.pumps import LAMPS, SIGNS
from pumping_station_parts.storage import WATER_H

_IDS = uuid.UUID("5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a11")
_SLOW = 0.02  # of the true speed: one sees a shaft at 1,480 rpm turn, not flicker
_FULL_KW = {"P-101A": 9.0, "P-101B": 9.0, "P-102A": 22.0, "P-102B": 22.0}
_FULL_BAR = 6.0


def bind(prim: str, name: str, signal: str, channel: str, kind: str = "linear", **more: Any) -> Binding:
    """Return one binding; keywords are fields of Binding or MapSpec."""
    return bound(_IDS, prim, name, signal, channel, kind, **more)


def all_bindings() -> list[Binding]:
    """Return the bindings of the whole station, by prim."""
    out = [*_pumps(), *_valves(), *_tanks(), *_pipes(), *_instruments(), *_skid(), *_cabinet()]
    return sorted(out, key=lambda b: (b.prim, b.name))


def _prim(tag: str) -> str:
    return tag.replace("-", "_")


def _pumps() -> Iterator[Binding]:
    for i, tag in enumerate(PUMPS, 1):
        path = f"{HALL}/{_prim(tag)}"
        hot = {"unit": "°C", "ends": (15.0, 85.0), "colormap": "temperature"}
        yield bind(f"{path}/BearingDE", "temperature", f"TT-1{i}1.value", "displayColor", **hot)
        yield bind(f"{path}/BearingNDE", "temperature", f"TT-1{i}2.value", "displayColor", **hot)
        yield bind(f"{path}/Motor/WindingProbe", "temperature", f"TT-1{i}3.value", "displayColor", **hot)
        shaken = {"unit": "mm/s", "ends": (0.0, 10.0), "colormap": "vibration"}
        yield bind(f"{path}/VibrationDE", "vibration", f"{tag}.vibration_de", "displayColor", **shaken)
        yield bind(f"{path}/VibrationNDE", "vibration", f"{tag}.vibration_nde", "displayColor", **shaken)
        for prim, name in ((f"{path}/Motor/Fan", "spin"), (f"{path}/Shaft", "spin")):
            yield bind(prim, name, f"{tag}.speed", "spin", axis="x", unit="rpm", scale=_SLOW)
        yield bind(
            f"{path}/Motor/Body",
            "running",
            f"{tag}.state",
            "highlight",
            "states",
            state_keys=("running", "changing speed", "*"),
            state_values=("0.35", "0.15", "0"),
        )
        yield bind(
            f"{path}/PowerBar/Bar",
            "power",
            f"{tag}.power",
            "scale",
            axis="z",
            unit="kW",
            scale=1.0 / _FULL_KW[tag],
            clamp=(0.01, 1.0),
        )
        yield bind(
            f"{path}/StateLamp",
            "state",
            f"{tag}.state",
            "variant",
            "states",
            property_name="state",
            state_keys=("stopped", "running", "tripped", "changing speed"),
            state_values=tuple(LAMPS),
        )


def _valves() -> Iterator[Binding]:
    for tag in VALVES:
        path = f"{INLET if tag in ('V-100', 'V-105') else HALL + '/Valves'}/{_prim(tag)}"
        position = f"{tag}.position"
        yield bind(
            f"{path}/Handwheel",
            "turn",
            position,
            "rotate",
            axis="z",
            unit="%",
            scale=10.8,
            clamp=(0.0, 1080.0),
        )
        yield bind(
            f"{path}/Pointer",
            "angle",
            position,
            "rotate",
            axis="z",
            unit="%",
            scale=-0.9,
            offset=90.0,
            clamp=(0.0, 90.0),
        )
        yield bind(
            f"{path}/Stem", "rise", position, "translate", axis="z", unit="%", scale=0.0006, clamp=(0.0, 0.06)
        )
        yield bind(
            f"{path}/Sign",
            "position",
            f"{tag}.state",
            "variant",
            "states",
            property_name="position",
            state_keys=("closed", "open", "moving"),
            state_values=tuple(SIGNS),
        )


def _tanks() -> Iterator[Binding]:
    for tag, sensor, valve in zip(TANKS, ("AT-101", "AT-101"), ("V-100", "V-102"), strict=True):
        path = f"{STORAGE}/{_prim(tag)}"
        level = f"{tag}.level"
        yield bind(f"{path}/Water", "level", level, "level", "none", axis="z", unit="%", clamp=(0.0, 100.0))
        yield bind(
            f"{path}/Water",
            "turbidity",
            f"{sensor}.value",
            "displayOpacity",
            unit="NTU",
            scale=0.1,
            offset=0.72,
            clamp=(0.72, 0.97),
        )
        yield bind(
            f"{path}/LevelBoard/Target",
            "level",
            level,
            "translate",
            axis="z",
            unit="%",
            scale=WATER_H / 100.0,
        )
        yield bind(path, "level", level, "label", "none", property_name=tag, unit="%")
        yield bind(
            f"{path}/InflowJet",
            "falls",
            f"{tag}.inflow",
            "visibility",
            "expr",
            expr=f"x > 1 and {valve}.position > 1",
        )
        yield bind(f"{path}/OverflowJet", "runs", f"{tag}.overflow", "visibility", "none")


def _pipes() -> Iterator[Binding]:
    ways = {
        "FT-101": [f"{INLET}/{n}" for n in ("Main", "Middle", "Riser")],
        "FT-102": [
            f"{PIPING}/{n}" for n in ("Suction101", "Transfer1", "Transfer2", "Transfer3", "Transfer4")
        ],
        "FT-103": [f"{PIPING}/{n}" for n in ("Suction102", "Network1", "Network2", "Network3", "Network4")],
    }
    for meter, paths in ways.items():
        for path in paths:
            yield bind(
                f"{path}/Tube",
                "flow",
                f"{meter}.flow",
                "displayColor",
                unit="m³/h",
                ends=(0.0, 120.0),
                colormap="flow",
            )
            yield bind(f"{path}/Tube", "way", f"{meter}.flow", "flow", "none", unit="m³/h")


def _instruments() -> Iterator[Binding]:
    for meter in ("FT-101", "FT-102", "FT-103"):
        path = f"{INLET if meter == 'FT-101' else HALL + '/Instruments'}/{_prim(meter)}"
        yield bind(path, "flow", f"{meter}.flow", "label", "none", property_name=meter, unit="m³/h")
    for gauge in ("PT-101", "PT-102", "PT-103", "PT-104"):
        path = f"{INLET if gauge == 'PT-104' else HALL + '/Instruments'}/{_prim(gauge)}"
        yield bind(
            f"{path}/Needle",
            "pressure",
            f"{gauge}.value",
            "rotate",
            axis="y",
            unit="bar",
            scale=270.0 / _FULL_BAR,
            offset=-135.0,
            clamp=(-140.0, 140.0),
        )


def _skid() -> Iterator[Binding]:
    path = f"{HALL}/DS_201"
    yield bind(
        f"{path}/Drum/Liquid",
        "level",
        "DS-201.level",
        "level",
        "none",
        axis="z",
        unit="%",
        clamp=(0.0, 100.0),
    )
    yield bind(
        f"{path}/DosingHose",
        "flow",
        "DS-201.dose_flow",
        "displayOpacity",
        "expr",
        expr="0.35 + 0.65 * min(x / 0.5, 1)",
    )
    yield bind(
        f"{path}/Controller",
        "chlorine",
        "DS-201.chlorine",
        "displayColor",
        "steps",
        unit="mg/l",
        state_keys=("0", "0.2", "0.4", "0.9"),
        state_values=("#6b7278", "#8fa3b0", "#c6cacc", "#d8cdb4"),
    )
    for name, letter in (("P_201A", "a"), ("P_201B", "b")):
        yield bind(
            f"{path}/{name}/Knob",
            "turn",
            f"DS-201.pump_{letter}.speed",
            "spin",
            axis="y",
            unit="%",
            scale=0.3,
        )
    yield bind(
        f"{path}/Drum", "chlorine", "DS-201.chlorine", "label", "none", property_name="Chlorine", unit="mg/l"
    )


def _cabinet() -> Iterator[Binding]:
    path = f"{HALL}/Cabinet_E_101"
    for i, tag in enumerate(PUMPS, 1):
        yield bind(f"{path}/Lamp{i}", "state", f"{tag}.state", "emissiveColor", "none", colormap="pump_state")
    yield bind(
        f"{path}/Screen",
        "efficiency",
        "Station.specific_energy",
        "emissiveColor",
        "steps",
        unit="kWh/m³",
        state_keys=("0", "0.25", "0.35"),
        state_values=("#2f4a5e", "#6f97b3", "#b9cfdc"),
    )
