"""Malfunctions of instruments and links, laid over true values; of equipment, as inputs of the model.

All that changes is in `Malfunctions.active`, so a snapshot of it goes on exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from armillary.model.arrays import B1, F8, U2
from armillary.model.control import MalfunctionSpec
from armillary.model.fault import ProjectFault
from armillary.model.quality import BAD, SENSOR
from armillary.model.simulation import ModelInfo
from armillary.model.tags import TagSpec

_MINUTE_S = 60.0
_OPEN = np.uint16(BAD | SENSOR)
_SPIKE_EVERY_S, _SPIKE_FOR_S = 10.0, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """One malfunction that has begun. `held` is what a stuck instrument shows."""

    spec: MalfunctionSpec
    begun_s: float
    held: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What instruments show, N tags."""

    value: F8
    quality: U2
    silent: B1  # nothing comes from these


class Malfunctions:
    """The malfunctions of one exercise. Slots are the world's."""

    def __init__(self, specs: Sequence[TagSpec], info: ModelInfo, seed: int) -> None:
        self.active: dict[str, Active] = {}
        self._slot = {spec.name: spec.slot for spec in specs}
        self._specs = tuple(specs)
        self._links = {spec.link for spec in specs if spec.link}
        self._of_link = {
            link: np.array([s.slot for s in specs if s.link == link], np.uint32) for link in self._links
        }
        self._info, self._seed = info, seed

    # ------------------------------------------------------------ begin and end

    def check(self, spec: MalfunctionSpec) -> None:
        """Raise ProjectFault when a malfunction aims at nothing that is here."""
        kind, _, name = spec.target.partition(":")
        if spec.kind.startswith("sensor."):
            if kind != "tag" or name not in self._slot:
                raise _aims(spec, "an instrument is a tag", 'Write target = "tag:<name>".')
        elif spec.kind.startswith("link."):
            if kind != "link" or name not in self._links:
                raise _aims(spec, "there is no such link", f"Links are: {', '.join(sorted(self._links))}.")
        elif not self._inputs_of(spec):
            offered = sorted({f"{v.name} ({v.fault})" for v in self._info.variables if v.fault})
            remedy = f"The model offers: {', '.join(offered) or 'none'}."
            raise _aims(spec, "the model has no such input", remedy)

    def begin(self, spec: MalfunctionSpec, t_s: float, shown: F8) -> None:
        """Begin a malfunction at a simulated time; one of the same id is replaced. Raises ProjectFault."""
        self.check(spec)
        before = self.active.get(spec.id)
        slot = self._slot.get(spec.target.partition(":")[2])
        held = float(shown[slot]) if slot is not None else math.nan
        if before is not None:  # changed, not begun anew: a drift goes on from where it is
            self.active[spec.id] = Active(spec=spec, begun_s=before.begun_s, held=before.held)
        else:
            self.active[spec.id] = Active(spec=spec, begun_s=t_s, held=held)

    def clear(self, name: str) -> bool:
        """End a malfunction; return whether it was there."""
        return self.active.pop(name, None) is not None

    def over(self, t_s: float) -> tuple[str, ...]:
        """Return the malfunctions whose time is over."""
        return tuple(
            name
            for name, a in self.active.items()
            if math.isfinite(a.spec.end_s) and t_s >= a.begun_s + a.spec.end_s
        )

    # ------------------------------------------------------------ what they do

    def inputs(self, t_s: float) -> Mapping[str, float]:
        """Return the model's fault inputs as they are now; those of ended malfunctions are 0."""
        out = {v.name: 0.0 for v in self._info.variables if v.fault}
        for active in self.active.values():
            if active.spec.kind.startswith(("sensor.", "link.")):
                continue
            level = active.spec.severity * _ramp(active, t_s)
            for name in self._inputs_of(active.spec):
                is_input = active.spec.kind == "model.input" and math.isfinite(active.spec.value)
                out[name] = active.spec.value if is_input else max(level, out.get(name, 0.0))
        return out

    def shown(self, t_s: float, value: F8, quality: U2) -> Shown:
        """Return what the instruments show for true values (N,) at a simulated time."""
        out = Shown(value=value.copy(), quality=quality.copy(), silent=np.zeros(len(value), np.bool_))
        for active in self.active.values():
            kind, _, name = active.spec.target.partition(":")
            if kind == "link":
                out.silent[self._of_link[name]] = True
            elif active.spec.kind.startswith("sensor."):
                self._instrument(active, self._slot[name], t_s, out)
        return out

    def lost_links(self) -> frozenset[str]:
        """Return the links that are lost."""
        return frozenset(
            a.spec.target.partition(":")[2] for a in self.active.values() if a.spec.kind.startswith("link.")
        )

    def _instrument(self, active: Active, slot: int, t_s: float, out: Shown) -> None:
        spec, tag = active.spec, self._specs[slot]
        since, share = t_s - active.begun_s, _ramp(active, t_s) * active.spec.severity
        low, high = _range(tag)
        given = spec.value
        match spec.kind.removeprefix("sensor."):
            case "bias":
                out.value[slot] += share * (given if math.isfinite(given) else 0.1 * (high - low))
            case "drift":
                out.value[slot] += spec.rate * since / _MINUTE_S
            case "noise":
                size = given if math.isfinite(given) else 0.02 * (high - low)
                out.value[slot] += share * size * self._random(spec.id, t_s)
            case "stuck" | "frozen":
                out.value[slot] = active.held
            case "spike":
                if since % _SPIKE_EVERY_S < _SPIKE_FOR_S:
                    out.value[slot] = given if math.isfinite(given) else high
            case "fail_high":
                out.value[slot] = given if math.isfinite(given) else high
            case "fail_low":
                out.value[slot] = given if math.isfinite(given) else low
            case "open_circuit":
                out.quality[slot] = _OPEN
            case "stale":
                out.silent[slot] = True

    def _random(self, name: str, t_s: float) -> float:
        """Return a normal number that depends on seed, malfunction and time only: a restore repeats it."""
        words = [self._seed, *name.encode(), round(t_s * 1e3)]
        return float(np.random.default_rng(words).standard_normal())

    def _inputs_of(self, spec: MalfunctionSpec) -> tuple[str, ...]:
        kind, _, name = spec.target.partition(":")
        if kind == "model":
            variable = self._info.named(name)
            return (name,) if variable is not None and variable.causality == "input" else ()
        if kind not in ("twin", "tag"):
            return ()
        twin = name if kind == "twin" else name.rpartition(".")[0] or name
        return tuple(
            v.name
            for v in self._info.variables
            if v.fault == spec.kind and v.causality == "input" and v.name.startswith(f"{twin}.")
        )


def _range(tag: TagSpec) -> tuple[float, float]:
    low = tag.low if math.isfinite(tag.low) else 0.0
    return low, tag.high if math.isfinite(tag.high) else low + 100.0


def _ramp(active: Active, t_s: float) -> float:
    if active.spec.ramp_s <= 0.0:
        return 1.0
    return min(1.0, max(0.0, (t_s - active.begun_s) / active.spec.ramp_s))


def _aims(spec: MalfunctionSpec, why: str, remedy: str) -> ProjectFault:
    return ProjectFault(
        f"The malfunction '{spec.id}' ({spec.kind}) aims at '{spec.target}': {why}.",
        where=f"malfunction {spec.id}",
        remedy=remedy,
    )
