"""Words of the trainer's station: durations, malfunctions, speeds, verdicts. Pure."""

from __future__ import annotations

import math

from armillary.model.control import Cursor, ExerciseView, MalfunctionSpec

_KEEPS_UP = 0.05  # of the speed asked for: less behind than that is that speed
_MINUTE, _HOUR = 60, 3600
_KINDS = {
    "sensor.bias": "reads too much",
    "sensor.drift": "drifts",
    "sensor.noise": "is noisy",
    "sensor.stuck": "is stuck",
    "sensor.frozen": "is stuck",
    "sensor.spike": "spikes",
    "sensor.fail_high": "fails high",
    "sensor.fail_low": "fails low",
    "sensor.open_circuit": "has an open circuit",
    "sensor.stale": "sends nothing",
    "equipment.trip": "trips",
    "equipment.leak": "leaks",
    "equipment.wear": "wears",
    "equipment.fouling": "fouls",
    "equipment.efficiency": "loses efficiency",
    "equipment.blockage": "is blocked",
    "equipment.power": "has no power",
    "equipment.air": "has no air",
    "equipment.cooling": "has no cooling",
    "equipment.supply": "has no supply",
    "actuator.stuck": "is stuck",
    "actuator.slow": "is slow",
    "actuator.leak": "does not close",
    "actuator.reversed": "is reversed",
    "actuator.hunting": "hunts",
    "link.loss": "is lost",
}


def passed_text(seconds: float) -> str:
    """Return a duration: `12 s`, `4 min 12 s`, `1 h 5 min`."""
    whole = round(max(0.0, seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def clock_text(seconds: float) -> str:
    """Return a time of an exercise: `0:07`, `12:30`, `1:02:03`."""
    whole = int(max(0.0, seconds))
    hours, rest = divmod(whole, _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def malfunction_title(spec: MalfunctionSpec) -> str:
    """Return a malfunction as a sentence without its full stop: `P-101A trips`, `TT-111 drifts`."""
    kind, _, name = spec.target.partition(":")
    what = f"link {name}" if kind == "link" else name
    return f"{what} {_KINDS.get(spec.kind, spec.kind)}"


def when_text(spec: MalfunctionSpec) -> str:
    """Return when a planned malfunction begins: `at 2:00`, `when TT-111.value > 50 for 5 s`, `by hand`."""
    parts = []
    if math.isfinite(spec.at_s):
        parts.append(f"at {clock_text(spec.at_s)}")
    if spec.after:
        parts.append(f"after {spec.after.partition(':')[2]}")
    if spec.when:
        held = f" for {spec.held_s:g} s" if spec.held_s else ""
        parts.append(f"when {spec.when}{held}")
    return ", ".join(parts) or "by hand"


def speed_text(cursor: Cursor | None) -> str:
    """Return how fast an exercise runs: `10 ×`, `asked 10 ×, running 6.4 ×`, "" while it stands."""
    if cursor is None or not cursor.asked:
        return ""
    asked, real = cursor.asked, cursor.speed
    if not real or abs(real) >= (1 - _KEEPS_UP) * abs(asked):
        return f"{asked:g} ×"
    return f"asked {asked:g} ×, running {real:.2g} ×"


def score_text(view: ExerciseView) -> str:
    """Return the score so far, or the verdict: `72 of 100, pass mark 70`, `92 of 100: passed`."""
    total = f"{view.total:.0f} of {view.most:.0f}"
    if view.passed is None:
        return f"{total}, pass mark {view.pass_mark:.0f} %"
    return f"{total}: {'passed' if view.passed else 'not passed'}"


def reaction_text(seconds: float) -> str:
    """Return a reaction time, "" for none."""
    return passed_text(seconds) if math.isfinite(seconds) else ""
