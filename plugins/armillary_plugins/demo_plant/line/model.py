"""The packaging line as a simulator (entry point `armillary.simulators`): one line a run.

It imports no network module: worlds that are not LIVE load it.
"""

from __future__ import annotations

import numpy as np

from armillary.api import (
    F8,
    Fault,
    ModelInfo,
    SimStart,
    SimStarted,
    SimStepped,
    SimulatorContext,
    Values,
    Variable,
)
from armillary_plugins.demo_plant.line import layout as at
from armillary_plugins.demo_plant.line.line import FAULTS, Line
from armillary_plugins.demo_plant.line.oven import BURNER
from armillary_plugins.demo_plant.line.signals import LINE, PACKING, UNITS
from armillary_plugins.demo_plant.line.telling import NODE_OF, told

NAME, VERSION = "packaging-line", "1"
NOW = "_now"  # ends the output that tells where a setpoint stands
STEP_S, LONGEST_S = 0.2, 0.5
HOTTEST_K = 60.0  # that a zone runs hot by at severity 1
_NS = 1_000_000_000
_LIMITS = {"C-201.run": (0.0, 1.0, ""), "C-201.speed_sp": (0.0, 0.4, "m/s")} | {
    one.tag: (one.low, one.high, one.unit) for one in LINE if one.writable
}
_TEXTS = {one.tag for one in (*LINE, *PACKING) if one.kind == "text"}
_KINDS = {"hot": "equipment.heating", "stuck": "actuator.stuck", "jam": "equipment.blockage",
          "trip": "equipment.trip", "guard": "equipment.guard", "low": "equipment.leak",
          "chatter": "equipment.hunting"}  # fmt: skip
_FAULTS = [name for name in FAULTS if not name.endswith(".forced")]  # what an instrument tells is no physics


class Model:
    """A run of one line. Steps are `step_s` long; the last one of a call may be shorter."""

    def __init__(self, step_s: float = 0.0) -> None:
        self._step_s = min(LONGEST_S, step_s if step_s > 0.0 else STEP_S)
        self._line = Line(1)
        self._tags = tuple(tag for tag in told(self._line) if tag not in _TEXTS)
        self._t_ns = 0

    def describe(self) -> ModelInfo:
        """Return what the model offers: outputs named as the tags, `…_now` where setpoints stand."""
        outputs = [
            Variable(name=tag + NOW if tag in _LIMITS else tag, causality="output", tag=tag)
            for tag in self._tags
        ]
        inputs = [
            Variable(name=tag, causality="input", unit=unit, low=low, high=high, tag=tag)
            for tag, (low, high, unit) in _LIMITS.items()
        ]
        faults = [
            Variable(
                name=name,
                causality="input",
                low=0.0,
                high=1.0,
                title=FAULTS[name],
                fault=_KINDS[name.rpartition(".")[2]],
            )
            for name in _FAULTS
        ]
        return ModelInfo(
            name=NAME,
            kind=NAME,
            version=VERSION,
            step_s=self._step_s,
            variables=(*outputs, *inputs, *faults),
            needs=("Its state cannot be saved: a fork runs again from its start.",),
        )

    def start(self, start: SimStart) -> SimStarted:
        """Begin where `initial` says the plant is. Raises Fault for what cannot be set."""
        self._line = line = Line(start.seed)
        self._t_ns = start.t_ns
        given = {
            name.removesuffix(NOW): float(row[0])
            for name, row in zip(start.initial.names, start.initial.data, strict=True)
            if np.isfinite(row[0])
        }
        _take(line, given)
        self._set(start.parameters)
        self._set(start.inputs)
        values = self._values()
        residual = {
            tag: abs(float(values[0, i]) - given[tag]) for i, tag in enumerate(self._tags) if tag in given
        }
        unmapped = tuple(n for n in start.initial.names if n.removesuffix(NOW) not in self._tags)
        return SimStarted(
            values=values, residual=residual, unmapped=unmapped, is_estimated="TT-212.value" not in given
        )

    def step(self, inputs: Values, to_ns: int) -> SimStepped:
        """Step to a time with these inputs. Raises Fault for one unknown, no number, or back in time."""
        if to_ns < self._t_ns:
            raise _refused("A model steps forwards only.", "time")
        self._set(inputs)
        span = to_ns - self._t_ns
        count = -(-span // round(self._step_s * _NS))
        for _ in range(count):
            self._line.step(span / count / _NS)
        self._t_ns = to_ns
        return SimStepped(t_ns=to_ns, values=self._values())

    def _values(self) -> F8:
        now = told(self._line)
        return np.array([[float(now[tag]) for tag in self._tags]])

    def _set(self, values: Values) -> None:
        """Hold inputs from now on."""
        for name, row in zip(values.names, values.data, strict=True):
            value = float(row[0])
            if not np.isfinite(value):
                raise _refused(f"'{name}' is no number.", name)
            if name in _LIMITS:
                self._line.set(NODE_OF.get(name, name), value)
            elif name in _FAULTS:
                amount = min(max(value, 0.0), 1.0)
                self._line.fail(name, HOTTEST_K * amount if name.endswith(".hot") else amount)
            else:
                raise _refused(f"The model has no input '{name}'.", name)


def _take(line: Line, given: dict[str, float]) -> None:
    """Put a line where these values by tag say it is; what is not given stays as the line has it."""
    oven, belt = line.oven, line.belt
    for i, tag in enumerate(at.ZONES):
        zone = f"O-210.zone{i + 1}"
        oven.temperature[i] = given.get(f"{tag}.value", oven.temperature[i])
        oven.sp[i] = given.get(f"{zone}.sp", oven.sp[i])
        oven.settle(i, given.get(f"{zone}.output", oven.output[i]))
    oven.valve = given.get("BV-212.position", float(oven.output[BURNER]))
    oven.damper = given.get("D-210.position", oven.damper)
    oven.damper_sp = given.get("D-210.sp", oven.damper)
    belt.sp, belt.run = given.get("C-201.speed_sp", belt.sp), given.get("C-201.run", belt.run)
    belt.speed = given.get("C-201.speed", belt.goal)
    belt.is_guarded = given.get("C-201.guard_closed", 1.0) > 0.0
    belt.is_tripped = given.get("C-201.state", 0.0) == 2.0  # noqa: PLR2004  as its states say
    oven.fires = bool(belt.run)
    belt.travel, belt.made = given.get("C-201.travel", belt.travel), int(given.get("C-201.made", belt.made))
    for k, tag in enumerate(UNITS):
        belt.position[k] = given.get(f"{tag}.position", belt.position[k])
        belt.warmth[k] = given.get(f"{tag}.temperature", belt.warmth[k])
        belt.serial[k] = given.get(f"{tag}.serial", belt.serial[k])
    belt.count_on()
    line.flow = given.get("FT-231.flow", line.flow)
    line.filled = int(given.get("CS-301.filled", line.filled))
    line.cartons = int(given.get("CS-301.cartons", line.cartons))
    line.gantry.stacked = int(given.get("PL-301.stacked", line.gantry.stacked))
    line.gantry.pallets = int(given.get("PL-301.pallets", line.gantry.pallets))
    line.good, line.scorched = int(given.get("Line2.good", line.good)), int(given.get("Line2.scorched", 0.0))
    line.number = int(given.get("Line2.batch_number", line.number))
    line.run_s = given.get("Line2.run_s", line.run_s)
    line.planned_s = given.get("Line2.planned_s", line.planned_s)


def _refused(what: str, where: str) -> Fault:
    return Fault(what, where=f"{NAME}: {where}", remedy="See what the model offers: armillary simulate.")


def make(context: SimulatorContext) -> Model:
    """Return the simulator (entry point `armillary.simulators`)."""
    return Model(context.step_s)
