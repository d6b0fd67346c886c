"""The pumping station as a simulator (entry point `armillary.simulators`): m members step as arrays.

It imports no network module: worlds that are not LIVE load it.
"""

from __future__ import annotations

import hashlib
import struct

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
from armillary_plugins.demo_plant import start as starting
from armillary_plugins.demo_plant.inputs import INPUTS, PARAMETERS, TIME_OF_DAY, Input
from armillary_plugins.demo_plant.outputs import GROUPS, NOW, TAGS, UNMEASURED, measured, unit_of
from armillary_plugins.demo_plant.physics import LONGEST_S, NOISES, Physics
from armillary_plugins.demo_plant.setpoints import apply
from armillary_plugins.demo_plant.state import LAYOUT, ROWS, Noise

NAME, VERSION = "pumping-station", "1"
RUN_STEP_S = 0.5  # of runs: a fifth of the running plant's steps; levels stay within 0.1 % of it
_MAGIC = b"ARMPS\x01"
_HEAD = struct.Struct("<6s8sIqddI")  # magic, layout, members, t_ns, elapsed, time of day, bytes of noise
_DIGEST = 32
_NS = 1_000_000_000


def member_seed(seed: int, member: int) -> int:
    """Return the seed of the single run that equals this member bit for bit; member 0 has the run's own."""
    if member == 0:
        return seed
    return int(np.random.SeedSequence((seed, member)).generate_state(1, np.uint64)[0] >> 1)


class Model:
    """A run of m stations. Steps are `step_s` long; the last one of a call may be shorter."""

    def __init__(self, step_s: float = 0.0) -> None:
        self._step_s = min(LONGEST_S, step_s if step_s > 0.0 else RUN_STEP_S)
        self._physics = Physics([1])
        self._t_ns = 0

    def describe(self) -> ModelInfo:
        """Return what the model offers: outputs named as the tags, `…_now` where setpoints stand."""
        return ModelInfo(
            name=NAME,
            kind=NAME,
            version=VERSION,
            step_s=self._step_s,
            variables=_VARIABLES,
            can_save=True,
            is_batched=True,
        )

    def start(self, start: SimStart) -> SimStarted:
        """Begin m members where `initial` says the plant is. Raises Fault for what cannot be set."""
        if start.members < 1:
            raise _refused("A run has at least one member.", "members")
        self._physics = physics = Physics([member_seed(start.seed, j) for j in range(start.members)])
        self._t_ns = start.t_ns
        for name, row in _rows(start.parameters, start.members):
            self._parameter(name, row)
        physics.arrange()
        given, unmapped = self._given(start.initial)
        if given:  # a setpoint that comes as an input alone is where the plant's stands, so nothing jumps
            held = _rows(start.inputs, start.members)
            given |= {n: row for n, row in held if n in INPUTS and INPUTS[n].node and n not in given}
        else:
            physics.rest()
        is_estimated = starting.take(physics, given)
        self._set(start.inputs)
        values = starting.inverse(measured(physics))
        residual = {
            name: float(np.max(np.abs(values[_ROW[tag]] - given[tag])))
            for name, tag in ((n, starting.known(n)) for n in start.initial.names)
            if tag in given
        }
        return SimStarted(
            values=np.ascontiguousarray(values.T),
            residual=residual,
            unmapped=tuple(unmapped),
            is_estimated=is_estimated,
        )

    def step(self, inputs: Values, to_ns: int) -> SimStepped:
        """Step to a time with these inputs. Raises Fault for one that is unknown, no number, or back in time.

        A call that is a whole number of steps long gives the same bits as many calls of a step each.
        """
        if to_ns < self._t_ns:
            raise _refused("A model steps forwards only.", "time")
        self._set(inputs)
        span = to_ns - self._t_ns
        count = -(-span // round(self._step_s * _NS))
        for _ in range(count):
            self._physics.step(span / count / _NS)
        self._t_ns = to_ns
        return self._stepped()

    def save(self) -> bytes:
        """Return the run's whole state."""
        physics = self._physics
        noise = physics.noise.save()
        head = _HEAD.pack(
            _MAGIC, LAYOUT, physics.s.members, self._t_ns, physics.elapsed_s, physics.day_s, len(noise)
        )
        body = head + noise + physics.s.block.tobytes()
        return body + hashlib.sha256(body).digest()

    def load(self, state: bytes) -> SimStepped:
        """Go on from a saved state, of any run. Raises Fault when it is broken or of another version."""
        body, digest = state[:-_DIGEST], state[-_DIGEST:]
        if len(state) < _HEAD.size + _DIGEST or body[: len(_MAGIC) - 1] != _MAGIC[:-1]:
            raise _refused("This is no state of the pumping station's model.", "state")
        magic, layout, members, t_ns, elapsed_s, day_s, size = _HEAD.unpack_from(body)
        if magic != _MAGIC or layout != LAYOUT:
            raise _refused("The state was saved by another version of the model.", "state")
        if hashlib.sha256(body).digest() != digest or len(body) != _HEAD.size + size + 8 * ROWS * members:
            raise _refused("The state is damaged or half written.", "state")
        physics = Physics([0] * members)
        physics.noise = Noise.load(body[_HEAD.size : _HEAD.size + size], NOISES)
        physics.elapsed_s, physics.day_s = elapsed_s, day_s
        physics.s.block[:] = np.frombuffer(body, np.float64, offset=_HEAD.size + size).reshape(ROWS, members)
        physics.arrange()
        self._physics, self._t_ns = physics, t_ns
        return self._stepped()

    def _stepped(self) -> SimStepped:
        values = starting.inverse(measured(self._physics))
        return SimStepped(t_ns=self._t_ns, values=np.ascontiguousarray(values.T))

    def _given(self, initial: Values) -> tuple[dict[str, F8], list[str]]:
        """Return what of `initial` can be taken, by tag; and the names that cannot."""
        given: dict[str, F8] = {}
        unmapped = []
        for name, row in zip(initial.names, initial.data, strict=True):
            tag = starting.known(name)
            if tag and tag not in UNMEASURED and bool(np.isfinite(row).all()):
                given[tag] = np.broadcast_to(row, (self._physics.s.members,))
            else:
                unmapped.append(name)
        return given, unmapped

    def _set(self, inputs: Values) -> None:
        """Hold inputs from now on."""
        if not inputs.names:
            return
        for name, row in _rows(inputs, self._physics.s.members):
            known = INPUTS.get(name)
            if known is None:
                raise _refused(f"The model has no input '{name}'.", name)
            if known.node:
                apply(self._physics, known.node, row)
            else:
                self._write(known, row)
        self._physics.arrange()

    def _parameter(self, name: str, row: F8) -> None:
        known = PARAMETERS.get(name)
        if known is None:
            raise _refused(f"The model has no parameter '{name}'.", name)
        if name == TIME_OF_DAY:
            self._physics.day_s = float(row[0]) * 3600.0
        else:
            self._write(known, row)

    def _write(self, known: Input, row: F8) -> None:
        v = known.variable
        self._physics.s.view(known.field, *known.index)[:] = np.minimum(np.maximum(row, v.low), v.high)


def _rows(values: Values, members: int) -> list[tuple[str, F8]]:
    """Return (name, (m,) values) of all; raises Fault for what is no number or not one for each member."""
    out = []
    for name, row in zip(values.names, values.data, strict=True):
        if len(row) not in {1, members}:
            raise _refused(f"'{name}' has {len(row)} values for {members} members.", name)
        if not np.isfinite(row).all():
            raise _refused(f"'{name}' is no number.", name)
        out.append((name, np.ascontiguousarray(np.broadcast_to(row, (members,)))))
    return out


def _refused(what: str, where: str) -> Fault:
    return Fault(
        what, where=f"{NAME}: {where}", remedy="See what the model offers: docs/reference/pumping-station.md."
    )


def _outputs() -> list[Variable]:
    return [
        Variable(
            name=tag + NOW if group.is_setpoint else tag,
            causality="output",
            unit=unit_of(group, tag),
            title=group.title,
            tag="" if tag in UNMEASURED else tag,
        )
        for group in GROUPS
        for tag in group.tags
    ]


_ROW = {tag: i for i, tag in enumerate(TAGS)}
_VARIABLES = (
    *_outputs(),
    *(known.variable for known in INPUTS.values()),
    *(known.variable for known in PARAMETERS.values()),
)


def make(context: SimulatorContext) -> Model:
    """Return the simulator (entry point `armillary.simulators`)."""
    return Model(context.step_s)
