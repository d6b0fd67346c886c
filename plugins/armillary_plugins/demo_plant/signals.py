"""What the station's control system offers: one row a node of its OPC UA server. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NAMESPACE = "urn:armillary:demo:station"
SIMULATOR = "simulator"  # as whom the simulator logs in to the OPC UA server
PUMPS = ("P-101A", "P-101B", "P-102A", "P-102B")
VALVES = ("V-100", "V-101", "V-102", "V-103", "V-104", "V-105")
TANKS = ("T-101", "T-102")
CONTROLLERS = ("LIC-101", "LIC-102", "PIC-103")
RATED_RPM = (1480.0, 1480.0, 2900.0, 2900.0)
PUMP_STATES = {"0": "stopped", "1": "running", "2": "tripped", "3": "changing speed"}
VALVE_STATES = {"0": "closed", "1": "open", "2": "moving"}
BEARINGS = tuple(f"TT-1{i + 1}{end}" for i in range(len(PUMPS)) for end in (1, 2))  # drive end, other end
WINDINGS = tuple(f"TT-1{i + 1}3" for i in range(len(PUMPS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One node: `s=<name>`. low and high are its EURange."""

    name: str  # <plant tag>.<Property>
    title: str
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    kind: str = "number"  # number | bool | enum
    writable: bool = False
    states: Mapping[str, str] = field(default_factory=dict)  # of kind enum

    @property
    def unit_of(self) -> str:
        """Plant tag of the unit it belongs to, `P-101A`."""
        return self.name.rpartition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method of a unit, `s=<unit>.<Name>`, without arguments: it writes one of the writable nodes."""

    name: str
    title: str
    writes: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What an OPC UA server of a demonstration offers."""

    namespace: str
    root: str
    title: str
    signals: tuple[Signal, ...]
    areas: Mapping[str, tuple[str, ...]]  # folder -> its units; what is in none is an instrument
    heartbeat: str  # of the simulator: while it stands still, no value is a new one
    methods: tuple[Method, ...] = ()


def _pump(tag: str, rpm: float) -> list[Signal]:
    top = 1.1 * rpm
    return [
        Signal(name=f"{tag}.Speed", title="Speed", unit="rpm", high=top),
        Signal(name=f"{tag}.SpeedSP", title="Speed setpoint", unit="rpm", high=rpm, writable=True),
        Signal(name=f"{tag}.Run", title="Start command", kind="bool", writable=True),
        Signal(name=f"{tag}.State", title="State", kind="enum", high=3.0, states=PUMP_STATES),
        Signal(name=f"{tag}.Flow", title="Flow", unit="l/s", high=60.0),
        Signal(name=f"{tag}.Head", title="Head", unit="m", high=80.0),
        Signal(name=f"{tag}.Current", title="Motor current", unit="A", high=60.0),
        Signal(name=f"{tag}.SuctionPressure", title="Suction pressure", unit="bar", low=-1.0, high=3.0),
        Signal(name=f"{tag}.DischargePressure", title="Discharge pressure", unit="bar", low=-1.0, high=10.0),
        Signal(name=f"{tag}.Hours", title="Running hours", unit="h", high=1e6),
    ]


def _valve(tag: str) -> list[Signal]:
    return [
        Signal(name=f"{tag}.Position", title="Position", unit="%", low=-1.0, high=101.0),
        Signal(name=f"{tag}.SP", title="Position setpoint", unit="%", high=100.0, writable=True),
        Signal(name=f"{tag}.State", title="State", kind="enum", high=2.0, states=VALVE_STATES),
    ]


def _tank(tag: str) -> list[Signal]:
    return [
        Signal(name=f"{tag}.Level", title="Level", unit="%", low=-1.0, high=105.0),
        Signal(name=f"{tag}.Depth", title="Depth of water", unit="m", low=-0.1, high=5.0),
        Signal(name=f"{tag}.Volume", title="Volume", unit="m³", low=-1.0, high=120.0),
        Signal(name=f"{tag}.Inflow", title="Inflow", unit="l/s", low=-1.0, high=100.0),
        Signal(name=f"{tag}.Outflow", title="Outflow", unit="l/s", low=-1.0, high=100.0),
        Signal(name=f"{tag}.Overflow", title="Overflow", kind="bool"),
    ]


def _controller(tag: str, unit: str, high: float) -> list[Signal]:
    return [
        Signal(name=f"{tag}.SP", title="Setpoint", unit=unit, high=high, writable=True),
        Signal(name=f"{tag}.PV", title="Measured value", unit=unit, low=-1.0, high=1.2 * high),
        Signal(name=f"{tag}.Output", title="Output", unit="%", low=-1.0, high=101.0),
        Signal(name=f"{tag}.Auto", title="Automatic", kind="bool", writable=True),
    ]


def _instruments() -> list[Signal]:
    out = []
    for tag, title in (
        ("FT-101", "Flow of the inlet main"),
        ("FT-102", "Flow of transfer"),
        ("FT-103", "Flow to the network"),
    ):
        out.append(Signal(name=f"{tag}.Flow", title=title, unit="l/s", low=-1.0, high=100.0))
        out.append(Signal(name=f"{tag}.Total", title="Volume counted", unit="m³", high=1e9))
    pressures = (
        ("PT-101", "Suction header", 3.0),
        ("PT-102", "Transfer header", 6.0),
        ("PT-103", "Network", 10.0),
        ("PT-104", "Inlet main", 6.0),
    )
    out += [
        Signal(name=f"{tag}.Value", title=f"{title}, pressure", unit="bar", low=-1.0, high=high)
        for tag, title, high in pressures
    ]
    out += [
        Signal(name=f"{tag}.Value", title=title, unit="°C", low=-20.0, high=150.0)
        for tag, title in _temperatures().items()
    ]
    return [
        *out,
        Signal(name="AT-101.Value", title="Turbidity", unit="NTU", high=20.0),
        Signal(name="AT-102.Value", title="Conductivity", unit="µS/cm", high=2000.0),
        Signal(name="AT-103.Value", title="pH", high=14.0),
        Signal(name="Station.Demand", title="Demand of the network", unit="m³/h", high=400.0),
        Signal(name="Station.Heartbeat", title="Steps of the control system", high=1e12),
    ]


def _temperatures() -> dict[str, str]:
    out = {"TT-001": "Pump hall", "TT-100": "Water"}
    for i, pump in enumerate(PUMPS):
        out[BEARINGS[2 * i]] = f"{pump} bearing, drive end"
        out[BEARINGS[2 * i + 1]] = f"{pump} bearing, non-drive end"
        out[WINDINGS[i]] = f"{pump} motor winding"
    return out


SIGNALS: tuple[Signal, ...] = tuple(
    [signal for tag, rpm in zip(PUMPS, RATED_RPM, strict=True) for signal in _pump(tag, rpm)]
    + [signal for tag in VALVES for signal in _valve(tag)]
    + [signal for tag in TANKS for signal in _tank(tag)]
    + _controller("LIC-101", "%", 100.0)
    + _controller("LIC-102", "%", 100.0)
    + _controller("PIC-103", "bar", 6.0)
    + _instruments()
)
SETPOINTS: dict[str, Signal] = {
    **{signal.name: signal for signal in SIGNALS if signal.writable},
    # not in the control system: the packaged skid listens on MQTT only
    "DS-201.DoseSP": Signal(
        name="DS-201.DoseSP", title="Dose setpoint", unit="mg/l", high=4.0, writable=True
    ),
}
TREE = Tree(
    namespace=NAMESPACE,
    root="Station",
    title="Armillary demonstration station",
    signals=SIGNALS,
    areas={"Pumps": PUMPS, "Valves": VALVES, "Tanks": TANKS, "Controllers": CONTROLLERS},
    heartbeat="Station.Heartbeat",
)
