"""What may be set on the model: setpoints by tag, what comes from outside, faults, parameters. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

from armillary.api import Variable
from armillary_plugins.demo_plant.outputs import GROUPS, unit_of
from armillary_plugins.demo_plant.signals import CONTROLLERS, PUMPS, SETPOINTS, TANKS, VALVES

_EDGE = 0.5  # of a fault that is there or not


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An input or parameter and the row of the state that it is; `node` for setpoints of the plant."""

    variable: Variable
    field: str = ""
    index: tuple[int, ...] = ()
    node: str = ""


def _setpoints() -> list[Input]:
    out = []
    for group in GROUPS:
        if not group.is_setpoint:
            continue
        for i, tag in enumerate(group.tags):
            node = group.nodes[i] if group.nodes else "DS-201.DoseSP"
            signal = SETPOINTS[node]
            out.append(
                Input(
                    variable=Variable(
                        name=tag,
                        causality="input",
                        unit=unit_of(group, tag),
                        low=signal.low,
                        high=signal.high,
                        title=f"{signal.unit_of} {signal.title.lower()}",
                        tag=tag,
                    ),
                    node=node,
                )
            )
    return out


def _fault(name: str, kind: str, title: str, field: str, *index: int, low: float = 0.0) -> Input:
    variable = Variable(name=name, causality="input", low=low, high=1.0, title=title, fault=kind)
    return Input(variable=variable, field=field, index=index)


def _faults() -> list[Input]:
    out = []
    for i, tag in enumerate(PUMPS):
        out += [
            _fault(f"{tag}.trip", "equipment.trip", f"{tag} trips, from {_EDGE} on", "f_trip", i),
            _fault(f"{tag}.wear", "equipment.wear", f"{tag} bearings worn: hot and shaking", "f_wear", i),
            _fault(f"{tag}.degraded", "equipment.efficiency", f"{tag} loses to 50 % of efficiency",
                   "f_degraded", i),
            _fault(f"{tag}.fouling", "equipment.fouling", f"{tag} fouled: loses to 40 % of head, 30 % of "
                   "efficiency", "f_fouling", i),
            _fault(f"{tag}.cooling", "equipment.cooling", f"{tag} motor loses its cooling", "f_cooling", i),
        ]  # fmt: skip
    for i, tag in enumerate(VALVES):
        out += [
            _fault(f"{tag}.stuck", "actuator.stuck", f"{tag} stays where it is, from {_EDGE} on",
                   "f_stuck", i),
            _fault(f"{tag}.slow", "actuator.slow", f"{tag} takes up to ten times its stroke", "f_slow", i),
            _fault(f"{tag}.leak", "actuator.leak", f"{tag} passes up to a fifth of its stroke when shut",
                   "f_leak", i),
            _fault(f"{tag}.hunting", "actuator.hunting", f"{tag} swings by up to 20 % to each side",
                   "f_hunting", i),
        ]  # fmt: skip
    for i, tag in enumerate(TANKS):
        out.append(_fault(f"{tag}.leak", "equipment.leak", f"{tag} leaks out of up to DN 80", "f_tank", i))
    for i, (tag, title) in enumerate((("inlet", "T-101"), ("rising", "T-102"), ("outgoing", "the network"))):
        out.append(
            _fault(f"{tag}.blockage", "equipment.blockage", f"Pipe to {title} is blocked", "f_blockage", i)
        )
    for i, tag in enumerate(CONTROLLERS):
        out += [
            _fault(f"{tag}.pv_bias", "sensor.bias", f"{tag} sees this share of its span too much",
                   "f_bias", i, low=-1.0),
            _fault(f"{tag}.pv_stuck", "sensor.stuck", f"{tag} sees what it saw, from {_EDGE} on",
                   "f_frozen", i),
        ]  # fmt: skip
    return [
        *out,
        _fault("power", "equipment.power", f"Mains failure, from {_EDGE} on: drives trip, valves stay",
               "f_power"),
        _fault("main.pressure_loss", "equipment.supply", "Inlet main loses this share of its head",
               "f_supply"),
    ]  # fmt: skip


def _outside() -> list[Input]:
    return [
        Input(
            variable=Variable(name="demand_factor", causality="input", start=1.0, low=0.0, high=4.0,
                              title="Demand of the network over its usual"),
            field="demand_factor",
        ),
        Input(
            variable=Variable(name="ambient", causality="input", unit="K", low=-40.0, high=40.0,
                              title="Hall warmer than usual by"),
            field="ambient_offset",
        ),
    ]  # fmt: skip


def _parameter(name: str, start: float, low: float, high: float, title: str, unit: str = "") -> Input:
    variable = Variable(
        name=name, causality="parameter", unit=unit, start=start, low=low, high=high, title=title
    )
    return Input(variable=variable, field="" if name == TIME_OF_DAY else name)


TIME_OF_DAY = "time_of_day"
_PARAMETERS = [
    _parameter("head_scale", 1.0, 0.5, 1.5, "Pumps' head at no flow over their curve's"),
    _parameter("droop_scale", 1.0, 0.5, 2.0, "Pumps' loss of head with flow over their curve's"),
    _parameter("efficiency_scale", 1.0, 0.5, 1.2, "Pumps' efficiency over their curve's"),
    _parameter("friction_scale", 1.0, 0.3, 4.0, "Friction of pipes over that of new ones"),
    _parameter("kv_scale", 1.0, 0.5, 1.5, "Valves' flow coefficient over their data sheet's"),
    _parameter("area_scale", 1.0, 0.8, 1.2, "Tanks' area over their nominal one"),
    _parameter("demand_scale", 1.0, 0.2, 3.0, "Demand over its usual curve"),
    _parameter("demand_noise", 0.03, 0.0, 0.3, "Standard deviation of demand, share"),
    _parameter("heat_scale", 1.0, 0.3, 3.0, "Rise of bearings' and windings' temperature over usual"),
    _parameter("wear_scale", 1.0, 0.0, 100.0, "Speed of wear over usual"),
    _parameter("main_head", 24.0, 5.0, 60.0, "Head of the inlet main", "m"),
    _parameter("sensor_noise", 1.0, 0.0, 10.0, "Instruments' noise over usual; 0 = none"),
    _parameter(TIME_OF_DAY, 7.5, 0.0, 24.0, "Local time at the start, where no heartbeat tells it", "h"),
]
INPUTS: dict[str, Input] = {i.variable.name: i for i in (*_setpoints(), *_outside(), *_faults())}
PARAMETERS: dict[str, Input] = {i.variable.name: i for i in _PARAMETERS}
