"""What the line's controls offer: nodes of the conveyor's OPC UA server, tags of the MQTT links. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from armillary_plugins.demo_plant.line import layout as at
from armillary_plugins.demo_plant.signals import Method, Signal, Tree

NAMESPACE = "urn:armillary:demo:line"
UNITS = tuple(f"U-{k + 1:02d}" for k in range(at.TRACKED))
DRIVE_STATES = {"0": "stopped", "1": "running", "2": "tripped", "3": "changing speed"}
CELL_STATES = {"0": "idle", "1": "picking", "2": "placing", "3": "waiting"}
_CONVEYOR, _MOTOR = "C-201", "M-201"


def _unit(tag: str) -> list[Signal]:
    return [
        Signal(name=f"{tag}.Position", title="Position on the belt, -1: none", unit="m", low=-1.0, high=14.0),
        Signal(name=f"{tag}.Temperature", title="Temperature of the product", unit="°C", high=150.0),
        Signal(name=f"{tag}.Serial", title="Serial number", high=1e9),
    ]


SIGNALS: tuple[Signal, ...] = (
    Signal(name="C-201.Speed", title="Speed, measured", unit="m/s", low=-0.1, high=0.5),
    Signal(name="C-201.SpeedSP", title="Speed setpoint", unit="m/s", high=0.4, writable=True),
    Signal(name="C-201.Run", title="Run command", kind="bool", writable=True),
    Signal(name="C-201.State", title="State", kind="enum", high=3.0, states=DRIVE_STATES),
    Signal(name="C-201.GuardClosed", title="Guard closed", kind="bool"),
    Signal(name="C-201.Travel", title="Travel of the belt", unit="m", high=1e9),
    Signal(name="C-201.Units", title="Units on the belt", high=float(at.TRACKED)),
    Signal(name="C-201.Made", title="Units delivered", high=1e9),
    Signal(name="C-201.EyeBlocked", title="Photo-eye at the robot blocked", kind="bool"),
    Signal(name="M-201.Current", title="Motor current", unit="A", high=20.0),
    Signal(name="M-201.Speed", title="Speed", unit="rpm", high=2000.0),
    Signal(name="M-201.Power", title="Electrical power", unit="kW", high=10.0),
    Signal(name="M-201.Winding", title="Winding", unit="°C", low=-20.0, high=200.0),
    Signal(name="M-201.Hours", title="Running hours", unit="h", high=1e6),
    Signal(name="FT-231.Flow", title="Cooling water", unit="l/min", high=40.0),
    *[signal for tag in UNITS for signal in _unit(tag)],
    Signal(name="Line.Heartbeat", title="Steps of the line's control", high=1e12),
)
TREE = Tree(
    namespace=NAMESPACE,
    root="Line",
    title="Armillary demonstration line",
    signals=SIGNALS,
    areas={"Drives": (_CONVEYOR, _MOTOR), "Tracking": UNITS},
    heartbeat="Line.Heartbeat",
    methods=(
        Method(name="C-201.Halt", title="Halt the line: the belt runs down", writes="C-201.Run", value=0.0),
        Method(name="C-201.Start", title="Start the line, after a trip too", writes="C-201.Run", value=1.0),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One tag that comes by MQTT."""

    tag: str
    topic: str
    path: str
    title: str
    every: str  # a key of EVERY
    unit: str = ""
    low: float = 0.0
    high: float = 0.0  # both 0: no range
    kind: str = "number"
    writable: bool = False
    states: dict[str, str] = field(default_factory=dict)


EVERY = {"second": 10, "joints": 1, "axes": 2}  # steps of the simulator


def _oven() -> list[Told]:
    out = []
    for i, tag in enumerate(at.ZONES, 1):
        topic = f"line2/oven/zone{i}"
        zone = f"O-210.zone{i}"
        out += [
            Told(tag=f"{tag}.value", topic=topic, path="c", title=f"Oven zone {i}", every="second", unit="°C",
                 high=150.0),
            Told(tag=f"{zone}.sp", topic=topic, path="sp", title="Setpoint", every="second", unit="°C",
                 low=20.0, high=79.0, writable=True),
            Told(tag=f"{zone}.output", topic=topic, path="out", title="Fire", every="second", unit="%",
                 low=-1.0, high=101.0),
        ]  # fmt: skip
    return [
        *out,
        Told(tag="BV-212.position", topic="line2/burner", path="position", title="Position", unit="%",
             low=-1.0, high=101.0, every="second"),
        Told(tag="BV-212.flame", topic="line2/burner", path="flame", title="Flame", kind="bool",
             every="second"),
        Told(tag="D-210.position", topic="line2/damper", path="position", title="Position", unit="%",
             low=-1.0, high=101.0, every="second"),
        Told(tag="D-210.sp", topic="line2/damper", path="sp", title="Position setpoint", unit="%",
             high=100.0, every="second", writable=True),
        Told(tag="Line2.batch", topic="line2/batch", path="id", title="Batch", every="second",
             kind="text"),
        Told(tag="Line2.recipe", topic="line2/batch", path="recipe", title="Recipe", every="second",
             kind="text"),
        Told(tag="Line2.batch_number", topic="line2/batch", path="number", title="Number of the batch",
             every="second"),
        Told(tag="Line2.batch_done", topic="line2/batch", path="done", title="Units of the batch",
             every="second"),
        Told(tag="Line2.batch_size", topic="line2/batch", path="size", title="Units planned", every="second"),
        Told(tag="Line2.good", topic="line2/batch", path="good", title="Good units", every="second"),
        Told(tag="Line2.scorched", topic="line2/batch", path="scorched", title="Scorched units",
             every="second"),
        Told(tag="Line2.gas", topic="line2/energy", path="gas", title="Gas burnt", unit="kW", every="second"),
        Told(tag="Line2.run_s", topic="line2/energy", path="run_s", title="Time that the line ran", unit="s",
             every="second"),
        Told(tag="Line2.planned_s", topic="line2/energy", path="planned_s", title="Time planned", unit="s",
             every="second"),
    ]  # fmt: skip


def _robot() -> list[Told]:
    out = []
    for key, title, unit in (("angle", "Angle", "°"), ("speed", "Speed", "degree/s")):
        out += [
            Told(tag=f"R-301.joint{k}_{key}", topic="pack/R-301/joints", path=f"{key[0]}{k}",
                 title=f"Joint {k}, {title.lower()}", unit=unit, every="joints")
            for k in range(1, 7)
        ]  # fmt: skip
    for key, title, unit in (("torque", "torque", "N*m"), ("temperature", "motor", "°C")):
        out += [
            Told(tag=f"R-301.joint{k}_{key}", topic="pack/R-301/drives", path=f"{key}.j{k}",
                 title=f"Joint {k}, {title}", unit=unit, every="second")
            for k in range(1, 7)
        ]  # fmt: skip
    return out


def _cell() -> list[Told]:
    """Everything else of the packing cell: unit, key, title, unit of measure, kind."""
    rows = (
        ("R-301", "state", "State", "", "enum"),
        ("R-301", "holds", "Holds a unit", "", "bool"),
        ("R-301", "placed", "Units placed", "", ""),
        ("R-301", "cycle", "Cycle", "s", ""),
        ("R-301", "vacuum", "Vacuum", "kPa", ""),
        ("R-301", "power", "Electrical power", "kW", ""),
        ("R-301", "hours", "Running hours", "h", ""),
        ("R-301", "load", "Load on the grip", "kg", ""),
        ("PL-301", "state", "State", "", "enum"),
        ("PL-301", "holds", "Holds a carton", "", "bool"),
        ("PL-301", "stacked", "Cartons on the pallet", "", ""),
        ("PL-301", "layer", "Layer", "", ""),
        ("PL-301", "pallets", "Pallets made", "", ""),
        ("PL-301", "vacuum", "Vacuum", "kPa", ""),
        ("PL-301", "current_x", "Current of axis x", "A", ""),
        ("PL-301", "current_y", "Current of axis y", "A", ""),
        ("PL-301", "current_z", "Current of axis z", "A", ""),
        ("PL-301", "temperature", "Drive", "°C", ""),
        ("PL-301", "power", "Electrical power", "kW", ""),
        ("PL-301", "hours", "Running hours", "h", ""),
        ("CS-301", "filled", "Units in the carton", "", ""),
        ("CS-301", "cartons", "Cartons made", "", ""),
        ("CS-301", "magazine", "Blanks in the magazine", "%", ""),
        ("CS-301", "glue_temperature", "Glue", "°C", ""),
        ("CS-301", "glue_pressure", "Pressure of the glue", "bar", ""),
        ("CS-301", "glue_level", "Glue left", "%", ""),
        ("CS-301", "rejects", "Cartons rejected", "", ""),
        ("CS-301", "power", "Electrical power", "kW", ""),
        ("CW-301", "weight", "Weight", "kg", ""),
        ("CW-301", "mean", "Mean weight", "kg", ""),
        ("CW-301", "deviation", "Standard deviation", "kg", ""),
        ("CW-301", "rate", "Cartons an hour", "1/h", ""),
        ("CW-301", "rejects", "Weight rejects", "", ""),
        ("CW-301", "zero", "Drift of zero", "kg", ""),
        ("LB-301", "labels", "Labels left", "", ""),
        ("LB-301", "printed", "Labels printed", "", ""),
        ("LB-301", "ribbon", "Ribbon left", "%", ""),
        ("LB-301", "verified", "Labels read back", "%", ""),
        ("LB-301", "head", "Print head", "°C", ""),
        ("MD-301", "signal", "Signal of metal", "%", ""),
        ("MD-301", "rejects", "Metal rejects", "", ""),
        ("MD-301", "sensitivity", "Sensitivity", "mm", ""),
        ("MD-301", "balance", "Balance", "%", ""),
        ("CELL-301", "air", "Compressed air", "bar", ""),
        ("CELL-301", "vacuum", "Vacuum of the pump", "kPa", ""),
        ("CELL-301", "temperature", "Air of the cell", "°C", ""),
        ("CELL-301", "humidity", "Humidity", "%", ""),
        ("CELL-301", "fence_closed", "Fence closed", "", "bool"),
        ("CELL-301", "curtain_clear", "Light curtain clear", "", "bool"),
        ("CELL-301", "stop_released", "Emergency stop released", "", "bool"),
        ("CELL-301", "vibration", "Vibration of the frame", "mm/s", ""),
        ("CELL-301", "power", "Electrical power", "kW", ""),
        ("CELL-301", "energy", "Electrical energy", "kWh", ""),
        ("CELL-301", "availability", "Availability", "%", ""),
        ("CELL-301", "performance", "Performance", "%", ""),
        ("CELL-301", "quality", "Quality", "%", ""),
        ("CELL-301", "pallet_label", "Label of the pallet", "", "text"),
    )
    out = [
        Told(
            tag=f"{unit}.{key}",
            topic=f"pack/{unit}/status",
            path=key,
            title=title,
            unit=measure,
            kind=kind or "number",
            every="second",
            states=CELL_STATES if kind == "enum" else {},
        )
        for unit, key, title, measure, kind in rows
    ]
    axes = [
        Told(
            tag=f"PL-301.{axis}{'' if key == 'at' else '_speed'}",
            topic="pack/PL-301/axes",
            path=f"{axis}.{key}",
            title=f"Axis {axis}" if key == "at" else f"Axis {axis}, speed",
            unit="m" if key == "at" else "m/s",
            every="axes",
        )
        for axis in "xyz"
        for key in ("at", "v")
    ]
    axes += [
        Told(tag=f"R-301.{axis}", topic="pack/R-301/tool", path=axis, title=f"Grip, {axis}", unit="m",
             every="axes")
        for axis in "xyz"
    ]  # fmt: skip
    beats = [
        Told(tag=f"{unit}.beat", topic=f"pack/{unit}/status", path="beat", title="Heartbeat", every="second")
        for unit in ("R-301", "PL-301", "CS-301", "CW-301", "LB-301", "CELL-301")
    ]
    return [*out, *axes, *beats]


LINE: tuple[Told, ...] = tuple(_oven())
PACKING: tuple[Told, ...] = (*_robot(), *_cell())
