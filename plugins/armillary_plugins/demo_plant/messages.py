"""What the station says and hears by MQTT: JSON texts of its state, and setpoints out of texts. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping

from armillary_plugins.demo_plant.machines import POWER_FACTOR
from armillary_plugins.demo_plant.signals import CONTROLLERS, PUMPS, SETPOINTS, VALVES
from armillary_plugins.demo_plant.station import Station

SKID = "DS-201"
COMMANDS = ("station/+/set", "skid/+/set")
PERIOD_STEPS = {"vibration": 5, "energy": 10, "skid": 10, "ambient": 20, "heartbeat": 10, "setpoint": 10}
# short words for the setpoints of a unit, beside the names of the control system
_WORDS = {"speed": "SpeedSP", "run": "Run", "position": "SP", "level": "SP", "pressure": "SP", "auto": "Auto",
          "dose": "DoseSP"}  # fmt: skip
_MAIN = {**dict.fromkeys(PUMPS, "SpeedSP"), **dict.fromkeys((*VALVES, *CONTROLLERS), "SP"), SKID: "DoseSP"}


def _text(t_ms: int, **values: object) -> bytes:
    return json.dumps({"t": t_ms, **values}, separators=(",", ":")).encode()


def due(station: Station, t_ms: int) -> Iterator[tuple[str, bytes]]:
    """Yield (topic, payload) of everything that is published at this step of the station."""
    step = station.steps
    machines = station.machines
    current = machines.current
    for i, tag in enumerate(PUMPS):
        if (step + i) % PERIOD_STEPS["vibration"] == 0:
            de, nde = machines.vibration[i].tolist()
            temp = float(machines.bearing[i].mean()) + 1.5
            yield (
                f"station/{tag}/vibration",
                _text(t_ms, de=round(de, 3), nde=round(nde, 3), temp=round(temp, 2)),
            )
        if (step + i) % PERIOD_STEPS["energy"] == 0:
            payload = _text(
                t_ms,
                kw=round(float(machines.power[i]) / 1e3, 3),
                kwh=round(float(machines.energy[i]), 3),
                a=round(float(current[i]), 2),
                pf=POWER_FACTOR if machines.turning[i] else 0.0,
            )
            yield f"station/energy/{tag}", payload
    if step % PERIOD_STEPS["energy"] == 0:
        kw, kwh = float(machines.power.sum()) / 1e3 + 1.8, float(machines.energy.sum())
        yield "station/energy/site", _text(t_ms, kw=round(kw, 3), kwh=round(kwh, 3))
    if step % PERIOD_STEPS["skid"] == 0:
        yield f"skid/{SKID}/status", _skid(station, t_ms)
    if step % PERIOD_STEPS["ambient"] == 0:
        yield "station/site/ambient", f"{station.ambient_c:.2f}".encode()
    if step % PERIOD_STEPS["heartbeat"] == 0:
        yield "station/site/heartbeat", _text(t_ms, seq=step // PERIOD_STEPS["heartbeat"])
    if step % PERIOD_STEPS["setpoint"] == 0:
        yield f"station/{SKID}", _text(t_ms, dose=round(station.skid.dose_sp, 3))


def _skid(station: Station, t_ms: int) -> bytes:
    skid = station.skid
    pumps = {
        name: {"speed": round(speed, 2), "run": speed > 0.0}
        for name, speed in (("a", skid.speed_a), ("b", skid.speed_b))
    }
    return _text(
        t_ms,
        level=round(skid.drum_l / 2.0, 3),  # % of 200 l
        flow=round(skid.dose_l_h, 4),
        pressure=round(skid.pressure_bar, 3),
        chlorine=round(skid.residual, 4),
        dosed=round(skid.dosed_l, 5),
        pump=pumps,
    )


def setpoints(topic: str, payload: bytes) -> Mapping[str, float]:
    """Return the setpoints in a message to `station/<tag>/set`: by name, or one bare number.

    `{"speed": 1200}`, `{"SpeedSP": 1200, "Run": true}`, `{"v": 1200}` and `1200` are understood. Raises
    ValueError, in words for the log, for anything else; nothing of such a message is used.
    """
    parts = topic.split("/")
    tag = parts[1] if len(parts) > 2 else ""  # noqa: PLR2004  <area>/<tag>/set
    if tag not in _MAIN:
        raise ValueError(f"{topic}: there is no unit {tag!r}")
    try:
        said = json.loads(payload)
    except ValueError as error:
        raise ValueError(f"{topic}: the payload is neither JSON nor a number") from error
    pairs = said if isinstance(said, dict) else {"v": said}
    out: dict[str, float] = {}
    for key, value in pairs.items():
        if key in {"t", "id", "not_after", "command_id", "unit"}:
            continue  # who asks, and until when
        name = f"{tag}.{_MAIN[tag] if key in {'v', 'value'} else _WORDS.get(key, key)}"
        if name not in SETPOINTS:
            raise ValueError(f"{topic}: {tag} has no setpoint {key!r}")
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"{topic}: {key} is no number")
        out[name] = float(value)
    if not out:
        raise ValueError(f"{topic}: there is no setpoint in it")
    return out
