"""Figures of the demo plant's model: one run against real time, and an ensemble of a hundred hours."""

from __future__ import annotations

import time

import numpy as np

from armillary.model.arrays import F8
from armillary.model.simulation import SimStart, SimStarted, SimStepped, Values
from armillary_bench.figure import absolute, plain
from armillary_plugins.demo_plant.model import Model

_NS = 1_000_000_000
_HOUR_S = 3600
_MEMBERS = 100
_RUN_BAR, _ENSEMBLE_BAR_S = 500.0, 60.0
_EVERY_S = 2  # of simulated time between two answers, as a what-if keeps them


def hour(model: Model, every_s: int = _EVERY_S, seconds: int = _HOUR_S) -> tuple[float, SimStepped]:
    """Step a model that was started at 0; return (seconds taken, where it stands)."""
    began = time.perf_counter()
    stepped = model.step(Values(), every_s * _NS)
    for t_s in range(2 * every_s, seconds + 1, every_s):
        stepped = model.step(Values(), t_s * _NS)
    return time.perf_counter() - began, stepped


def imbalance(model: Model, started: SimStarted, stepped: SimStepped) -> float:
    """Return the most water in m³ that any member made or lost."""
    names = model.describe().outputs

    def of(values: F8, name: str) -> F8:
        return values[:, names.index(name)]

    tanks = ("T-101.volume", "T-102.volume")
    stored = sum(of(stepped.values, tank) - of(started.values, tank) for tank in tanks)
    left = sum(of(stepped.values, f"water.{w}") for w in ("delivered", "spilled", "drained", "leaked"))
    return float(np.max(np.abs(of(stepped.values, "water.supplied") - left - stored)))


def benches() -> list[dict[str, object]]:
    """Return the figures of the demo plant's model against their bars."""
    one, many = Model(), Model()
    one.start(SimStart(t_ns=0))
    hour(one, seconds=60)  # warm
    begun = one.start(SimStart(t_ns=0))
    alone_s, single = hour(one)
    started = many.start(SimStart(t_ns=0, members=_MEMBERS))
    many_s, ensemble = hour(many)
    if not np.array_equal(ensemble.values[0], single.values[0]):
        raise AssertionError("member 0 of the ensemble is not the single run")
    if len(np.unique(ensemble.values, axis=0)) != _MEMBERS:
        raise AssertionError("members of the ensemble are equal")
    lost = max(imbalance(one, begun, single), imbalance(many, started, ensemble))
    if lost > 1e-6:
        raise AssertionError(f"{lost} m³ of water were made or lost")
    work = f"water balances within {lost:.1e} m³; member 0 of the ensemble equals the single run bit for bit"
    return [
        absolute("run_demo_x_realtime", _HOUR_S / alone_s, "x", _RUN_BAR, work, better="higher"),
        absolute("ensemble_100x1h", many_s, "s", _ENSEMBLE_BAR_S, work + "; one core"),
        plain("ensemble_per_run", many_s / alone_s, "x", "100 members over one", against="one run"),
    ]
