"""What is measured at m stations: a group of rows for each kind of signal, named for nodes and tags. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from armillary.api import F8
from armillary_plugins.demo_plant import machines
from armillary_plugins.demo_plant.hydraulics import BAR_M
from armillary_plugins.demo_plant.machines import AMPERES, POWER_FACTOR
from armillary_plugins.demo_plant.physics import (
    AREA_M2,
    BRANCH,
    INLET,
    PERCENT,
    STEP_S,
    UPPER_BASE_M,
    Physics,
)
from armillary_plugins.demo_plant.signals import BEARINGS, CONTROLLERS, PUMPS, TANKS, VALVES, WINDINGS
from armillary_plugins.demo_plant.skid import DRUM_L

_OFFICE_W = 1800.0  # what the site takes beside its pumps
_L = 3.6  # a tag shows m³/h where a node has l/s
NOW = "_now"  # ends the output that tells where a setpoint stands; the setpoint itself is the input


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that are measured together. A tag's value is the node's times `factor`."""

    key: str
    tags: tuple[str, ...]
    nodes: tuple[str, ...] = ()  # of the control system, in the same order; () = it has none of them
    unit: str = ""  # as tags show it
    title: str = ""
    factor: float = 1.0
    field: str = ""  # of State, when the value is that field of the state and nothing else
    scale: float = 1.0  # node = field × scale
    is_setpoint: bool = False


def _of(
    units: Sequence[str],
    tag: str,
    node: str = "",
    unit: str = "",
    title: str = "",
    factor: float = 1.0,
    field: str = "",
    scale: float = 1.0,
    key: str = "",
    is_setpoint: bool = False,
) -> Group:
    return Group(
        key=key or f"{units[0]}.{tag}",
        tags=tuple(f"{u}.{tag}" for u in units),
        nodes=tuple(f"{u}.{node}" for u in units) if node else (),
        unit=unit,
        title=title,
        factor=factor,
        field=field,
        scale=scale,
        is_setpoint=is_setpoint,
    )


_FT, _PT, _AT = (
    ("FT-101", "FT-102", "FT-103"),
    ("PT-101", "PT-102", "PT-103", "PT-104"),
    ("AT-101", "AT-102", "AT-103"),
)
_ENDS = tuple(BEARINGS[2 * i + end] for end in (0, 1) for i in range(len(PUMPS)))  # drive ends first
_SKID, _SITE, _BOOK = ("DS-201",), ("Station",), ("water",)
GROUPS: tuple[Group, ...] = (
    _of(PUMPS, "speed", "Speed", "rpm", "Speed", field="speed", key="speed"),
    _of(PUMPS, "speed_sp", "SpeedSP", "rpm", "Speed setpoint", field="target", key="target",
        is_setpoint=True),
    _of(PUMPS, "run", "Run", "", "Start command", field="run", key="run", is_setpoint=True),
    _of(PUMPS, "state", "State", "", "0 stopped, 1 running, 2 tripped, 3 changing speed", key="state"),
    _of(PUMPS, "flow", "Flow", "m³/h", "Flow", _L, key="flow"),
    _of(PUMPS, "head", "Head", "m", "Head", key="head"),
    _of(PUMPS, "current", "Current", "A", "Motor current", key="current"),
    _of(PUMPS, "suction_pressure", "SuctionPressure", "bar", "Suction pressure", key="suction"),
    _of(PUMPS, "discharge_pressure", "DischargePressure", "bar", "Discharge pressure", key="discharge"),
    _of(PUMPS, "hours", "Hours", "h", "Running hours", field="hours", key="hours"),
    Group(
        key="vibration",
        tags=tuple(f"{p}.{end}" for end in ("vibration_de", "vibration_nde") for p in PUMPS),
        unit="mm/s", title="Vibration of a bearing, RMS", field="vibration",
    ),
    _of(PUMPS, "sensor_temperature", "", "°C", "Temperature of the vibration sensor", key="sensor"),
    _of(PUMPS, "power", "", "kW", "Electrical power", key="kw"),
    _of(PUMPS, "energy", "", "kWh", "Electrical energy", field="energy", key="energy"),
    _of(PUMPS, "meter_current", "", "A", "Motor current by the energy meter", key="current"),
    _of(PUMPS, "power_factor", "", "", "Power factor", key="factor"),
    _of(PUMPS, "bearing_wear", "", "", "Wear of the bearings, not measured", field="wear", key="wear"),
    _of(VALVES, "position", "Position", "%", "Position", field="position", key="position"),
    _of(VALVES, "sp", "SP", "%", "Position setpoint", field="setpoint", key="setpoint", is_setpoint=True),
    _of(VALVES, "state", "State", "", "0 closed, 1 open, 2 moving", key="moving"),
    _of(TANKS, "level", "Level", "%", "Level", field="level", scale=PERCENT, key="level"),
    _of(TANKS, "depth", "Depth", "m", "Depth of water", field="level", key="depth"),
    _of(TANKS, "volume", "Volume", "m³", "Volume, by the nominal area", field="level", scale=AREA_M2,
        key="volume"),
    _of(TANKS, "inflow", "Inflow", "m³/h", "Inflow", _L, key="in"),
    _of(TANKS, "outflow", "Outflow", "m³/h", "Outflow", _L, key="out"),
    _of(TANKS, "overflow", "Overflow", "", "Water runs over", key="overflow"),
    _of(CONTROLLERS, "sp", "SP", "", "Setpoint", field="sp", key="sp", is_setpoint=True),
    _of(CONTROLLERS, "pv", "PV", "", "Measured value", key="pv"),
    _of(CONTROLLERS, "output", "Output", "%", "Output", field="output", key="output"),
    _of(CONTROLLERS, "auto", "Auto", "", "Automatic", field="auto", key="auto", is_setpoint=True),
    _of(_FT, "flow", "Flow", "m³/h", "Flow", _L, key="ft"),
    _of(_FT, "total", "Total", "m³", "Volume counted", field="total", key="total"),
    _of(_PT, "value", "Value", "bar", "Pressure", key="pt"),
    _of(("TT-001",), "value", "Value", "°C", "Pump hall", key="hall"),
    _of(("TT-100",), "value", "Value", "°C", "Water", field="water_c", key="water"),
    _of(_ENDS, "value", "Value", "°C", "Bearing", field="bearing", key="bearing"),
    _of(WINDINGS, "value", "Value", "°C", "Motor winding", field="winding", key="winding"),
    _of(_AT, "value", "Value", "", "Turbidity NTU, conductivity µS/cm, pH", field="quality", key="quality"),
    _of(_SITE, "demand", "Demand", "m³/h", "Demand of the network at its nominal pressure", key="demand"),
    _of(_SITE, "heartbeat", "Heartbeat", "", "Steps of the control system", key="heartbeat"),
    _of(_SITE, "power", "", "kW", "Electrical power of the site", key="site_kw"),
    _of(_SITE, "energy", "", "kWh", "Electrical energy of the pumps", key="site_kwh"),
    _of(_SITE, "ambient", "", "°C", "Pump hall", field="ambient", key="ambient"),
    _of(_SITE, "beat", "", "", "Seconds of the control system", key="beat"),
    _of(_SKID, "level", "", "%", "Level of the drum", field="drum", scale=100.0 / DRUM_L, key="drum"),
    _of(_SKID, "dose_flow", "", "l/h", "Dose flow", key="dose"),
    _of(_SKID, "pressure", "", "bar", "Pressure of dosing", key="line"),
    _of(_SKID, "chlorine", "", "mg/l", "Free chlorine", field="residual", key="residual"),
    _of(_SKID, "dosed", "", "l", "Solution dosed", field="dosed", key="dosed"),
    _of(_SKID, "dose_sp", "", "mg/l", "Dose setpoint", field="dose_sp", key="dose_sp", is_setpoint=True),
    _of(("DS-201.pump_a", "DS-201.pump_b"), "speed", "", "%", "Speed", key="dosing"),
    _of(("DS-201.pump_a", "DS-201.pump_b"), "run", "", "", "Runs", key="doses"),
    _of(_BOOK, "supplied", "", "m³", "From the main since the start", field="supplied", key="supplied"),
    _of(_BOOK, "delivered", "", "m³", "Into the network since the start", field="delivered", key="delivered"),
    _of(_BOOK, "spilled", "", "m³", "Run over since the start", field="spilled", key="spilled"),
    _of(_BOOK, "drained", "", "m³", "Drained since the start", field="drained", key="drained"),
    _of(_BOOK, "leaked", "", "m³", "Leaked since the start", field="leaked", key="leaked"),
)  # fmt: skip
_UNITS = {
    "LIC-101.sp": "%", "LIC-102.sp": "%", "PIC-103.sp": "bar", "LIC-101.pv": "%", "LIC-102.pv": "%",
    "PIC-103.pv": "bar", "AT-101.value": "NTU", "AT-102.value": "µS/cm",
}  # fmt: skip
UNMEASURED = frozenset(t for g in GROUPS if g.key == "wear" or g.tags[0].startswith("water.") for t in g.tags)
TAGS: tuple[str, ...] = tuple(tag for group in GROUPS for tag in group.tags)
NODES: tuple[str, ...] = tuple(
    node for group in GROUPS for node in (group.nodes or ("",) * len(group.tags))
)  # "" = none
FACTORS = np.array([group.factor for group in GROUPS for _ in group.tags])[:, None]


def unit_of(group: Group, tag: str) -> str:
    """Return the unit that a tag shows."""
    return _UNITS.get(tag, group.unit)


def measured(physics: Physics) -> F8:
    """Return (k, m) values in the units of the nodes, rows as TAGS and NODES, instruments' noise included."""
    s, m = physics.s, physics.s.members
    noise = s.noise * s.sensor_noise
    rows: dict[str, F8] = {
        group.key: getattr(s, group.field) * group.scale for group in GROUPS if group.field
    }
    levels = noise[:4].reshape(2, 2, m)
    rows["level"] = rows["level"] + 0.03 * levels[:, 0]
    rows["depth"] = rows["depth"] + 0.001 * levels[:, 1]
    turning = s.turning
    rows["state"] = machines.condition(s)
    rows["flow"] = 1000.0 * s.flow
    rows["head"] = s.head
    rows["current"] = s.power * AMPERES
    rows["kw"] = 1e-3 * s.power
    rows["factor"] = np.where(turning, POWER_FACTOR, 0.0)
    rows["sensor"] = 0.5 * (s.bearing[0] + s.bearing[1]) + 1.5
    surface = np.stack([s.level[0], s.level[0], s.level[1] + UPPER_BASE_M, s.level[1] + UPPER_BASE_M])
    rows["suction"] = (surface - (BRANCH * s.friction_scale) * (s.flow * s.flow)) * (1.0 / BAR_M)
    rows["discharge"] = rows["suction"] + s.head * (1.0 / BAR_M)
    still = np.abs(s.position - s.setpoint) < 0.5  # noqa: PLR2004
    rows["moving"] = np.where(still, s.position > 1.0, 2.0)
    rows["in"] = 1000.0 * np.stack([s.inflow, s.transfer])
    rows["out"] = 1000.0 * np.stack([s.transfer + s.drain + s.leak[0], s.delivery + s.leak[1]])
    rows["overflow"] = s.overflow
    rows["pv"] = physics.measured()
    flows = 1000.0 * np.stack([s.inflow, s.transfer, s.delivery])
    rows["ft"] = flows * (1.0 + 0.004 * noise[4:7])
    main = s.main_head * (1.0 - s.f_supply) - (INLET * s.friction_scale) * (s.inflow * s.inflow)
    heads = np.stack([s.level[0], s.header[0], s.network, main])
    rows["pt"] = heads * (1.0 / BAR_M) + 0.004 * noise[7:11]
    rows["hall"] = s.ambient + 0.03 * noise[11]
    rows["water"] = s.water_c + 0.02 * noise[12]
    ends = noise[13:21].reshape(4, 2, m)
    rows["bearing"] = s.bearing + 0.05 * ends.transpose(1, 0, 2)
    rows["winding"] = s.winding + 0.08 * noise[21:25]
    rows["demand"] = s.demand
    steps = float(round(physics.elapsed_s / STEP_S))
    rows["heartbeat"] = np.full(m, steps)
    rows["beat"] = np.full(m, float(steps // 10))
    rows["site_kw"] = 1e-3 * (s.power[0] + s.power[1] + s.power[2] + s.power[3] + _OFFICE_W)
    rows["site_kwh"] = s.energy[0] + s.energy[1] + s.energy[2] + s.energy[3]
    rows["dose"], rows["line"], rows["dosing"] = s.dose, s.line, s.dosing
    rows["doses"] = (s.dosing > 0.0).astype(np.float64)
    return np.concatenate([rows[group.key].reshape(-1, m) for group in GROUPS])
