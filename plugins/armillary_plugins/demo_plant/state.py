"""The whole state of m stations in one block of numbers, and views of it by name.

The last axis of every view is the members. Whatever decides how a station goes on is in the block (state,
held inputs, faults, parameters), so that a copy of it, with where its random stream stands, is a snapshot.
Views are written in place, never replaced.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from armillary.api import B1, F8

RUNNING_RPM = 30.0  # above it a pump counts as turning
SHAPES: dict[str, tuple[int, ...]] = {
    # water
    "level": (2,), "overflow": (2,), "inflow": (), "transfer": (), "delivery": (), "drain": (), "leak": (2,),
    "header": (2,), "network": (), "total": (3,), "quality": (3,), "water_c": (), "noise": (32,),
    "supplied": (), "delivered": (), "spilled": (), "drained": (), "leaked": (),
    # valves and controllers
    "position": (6,), "setpoint": (6,), "sp": (3,), "auto": (3,), "output": (3,), "error": (3,), "pv": (3,),
    # machines
    "target": (4,), "run": (4,), "tripped": (4,), "speed": (4,), "flow": (4,), "head": (4,), "power": (4,),
    "energy": (4,), "hours": (4,), "wear": (4,), "winding": (4,), "vibration": (2, 4), "bearing": (2, 4),
    # skid
    "drum": (), "dose_sp": (), "dose": (), "residual": (), "dosed": (), "dosing": (2,), "line": (),
    # from outside
    "gust": (), "demand": (), "ambient": (), "demand_factor": (), "ambient_offset": (), "ambient_bias": (),
    # faults, 0 healthy … 1
    "f_trip": (4,), "f_wear": (4,), "f_degraded": (4,), "f_fouling": (4,), "f_cooling": (4,),
    "f_stuck": (6,), "f_slow": (6,), "f_leak": (6,), "f_hunting": (6,), "f_tank": (2,), "f_blockage": (3,),
    "f_power": (), "f_supply": (), "f_bias": (3,), "f_frozen": (3,),
    # parameters
    "head_scale": (), "droop_scale": (), "efficiency_scale": (), "friction_scale": (), "kv_scale": (),
    "area_scale": (), "demand_scale": (), "demand_noise": (), "heat_scale": (), "wear_scale": (),
    "main_head": (), "sensor_noise": (),
}  # fmt: skip
ROWS = sum(math.prod(shape) for shape in SHAPES.values())
LAYOUT = hashlib.sha256(repr(SHAPES).encode()).digest()[:8]  # told in saved states


class State:
    """m stations.

    Levels m, flows m³/s, positions %, speeds rpm, temperatures °C, vibration mm/s, power W, energy kWh,
    volumes m³; `vibration` and `bearing` are (end, pump, m), drive end first; flags are 0 and 1.
    """

    level: F8
    overflow: F8
    inflow: F8
    transfer: F8
    delivery: F8
    drain: F8
    leak: F8
    header: F8
    network: F8
    total: F8
    quality: F8
    water_c: F8
    noise: F8
    supplied: F8
    delivered: F8
    spilled: F8
    drained: F8
    leaked: F8
    position: F8
    setpoint: F8
    sp: F8
    auto: F8
    output: F8
    error: F8
    pv: F8
    target: F8
    run: F8
    tripped: F8
    speed: F8
    flow: F8
    head: F8
    power: F8
    energy: F8
    hours: F8
    wear: F8
    winding: F8
    vibration: F8
    bearing: F8
    drum: F8
    dose_sp: F8
    dose: F8
    residual: F8
    dosed: F8
    dosing: F8
    line: F8
    gust: F8
    demand: F8
    ambient: F8
    demand_factor: F8
    ambient_offset: F8
    ambient_bias: F8
    f_trip: F8
    f_wear: F8
    f_degraded: F8
    f_fouling: F8
    f_cooling: F8
    f_stuck: F8
    f_slow: F8
    f_leak: F8
    f_hunting: F8
    f_tank: F8
    f_blockage: F8
    f_power: F8
    f_supply: F8
    f_bias: F8
    f_frozen: F8
    head_scale: F8
    droop_scale: F8
    efficiency_scale: F8
    friction_scale: F8
    kv_scale: F8
    area_scale: F8
    demand_scale: F8
    demand_noise: F8
    heat_scale: F8
    wear_scale: F8
    main_head: F8
    sensor_noise: F8

    def __init__(self, members: int) -> None:
        self.members = members
        self.block = np.zeros((ROWS, members))
        at = 0
        for name, shape in SHAPES.items():
            rows = math.prod(shape)
            setattr(self, name, self.block[at : at + rows].reshape(*shape, members))
            at += rows

    def view(self, name: str, *index: int) -> F8:
        """Return the row (m,) of a field."""
        field: F8 = getattr(self, name)
        row: F8 = field[index] if index else field
        return row

    @property
    def turning(self) -> B1:
        """Which pumps turn, (4, m)."""
        return self.speed > RUNNING_RPM


class Noise:
    """Standard normal numbers, `width` a step for each member, each member from a stream of its own."""

    _AHEAD = 64  # steps drawn at once: a call costs more than what it draws

    def __init__(self, seeds: list[int], width: int) -> None:
        self._streams = [np.random.Generator(np.random.PCG64(seed)) for seed in seeds]
        self._drawn = np.zeros((self._AHEAD, width, len(seeds)))
        self._begun: list[bytes] = []  # of the streams, before what is drawn was drawn
        self._at = self._AHEAD

    def first(self, width: int) -> F8:
        """Return (width, m) once, before any step."""
        return np.stack([stream.standard_normal(width) for stream in self._streams], axis=1)

    def next(self) -> F8:
        """Return (width, m), valid until the next call."""
        if self._at == self._AHEAD:
            self._begun = [_packed(stream) for stream in self._streams]
            self._draw()
            self._at = 0
        row: F8 = self._drawn[self._at]
        self._at += 1
        return row

    def save(self) -> bytes:
        """Return where all streams stand."""
        streams = [_packed(s) for s in self._streams] if self._at == self._AHEAD else self._begun
        return self._at.to_bytes(2, "little") + b"".join(streams)

    @classmethod
    def load(cls, data: bytes, width: int) -> Noise:
        """Return streams as they were saved."""
        streams = [data[i : i + _PACKED] for i in range(2, len(data), _PACKED)]
        out = cls([0] * len(streams), width)
        for stream, packed in zip(out._streams, streams, strict=True):
            _unpack(stream, packed)
        out._at = int.from_bytes(data[:2], "little")
        if out._at < cls._AHEAD:
            out._begun = streams
            out._draw()
        return out

    def _draw(self) -> None:
        for j, stream in enumerate(self._streams):
            self._drawn[:, :, j] = stream.standard_normal(self._drawn.shape[:2])


_PACKED = 32


def _packed(stream: np.random.Generator) -> bytes:
    state = stream.bit_generator.state["state"]
    return bytes(state["state"].to_bytes(16, "little") + state["inc"].to_bytes(16, "little"))


def _unpack(stream: np.random.Generator, packed: bytes) -> None:
    stream.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {
            "state": int.from_bytes(packed[:16], "little"),
            "inc": int.from_bytes(packed[16:], "little"),
        },
        "has_uint32": 0,
        "uinteger": 0,
    }
