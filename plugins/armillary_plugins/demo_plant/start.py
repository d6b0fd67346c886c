"""Put a model where the plant is: from values by tag to the whole state, without a jump afterwards. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from armillary.api import F8
from armillary_plugins.demo_plant import machines
from armillary_plugins.demo_plant.outputs import FACTORS, GROUPS, NOW, TAGS
from armillary_plugins.demo_plant.physics import LOW, MORNING_S, STEP_S, Physics
from armillary_plugins.demo_plant.signals import CONTROLLERS, PUMPS, VALVES

_HEARTBEAT, _DEMAND = "Station.heartbeat", "Station.demand"
# of one level three tags tell; the one without noise decides, so it comes last
_ORDER = {"level": 0, "depth": 1, "volume": 2}
_NEEDED = (_HEARTBEAT, _DEMAND, "T-101.level", "T-102.level", *(f"{v}.position" for v in VALVES))


def take(physics: Physics, given: Mapping[str, F8]) -> bool:
    """Put m stations where these values (m,) say they are; names are tags, in the tags' units.

    What is not given is where the model would be at rest. Returns whether anything had to be guessed: wear
    always is, from vibration. Integrators are set so that no controller moves its actuator at the start.
    """
    s = physics.s
    if not given:
        return False
    if _HEARTBEAT in given:
        physics.elapsed_s = float(given[_HEARTBEAT][0]) * STEP_S
        physics.day_s = MORNING_S  # the plant's day begins with its heartbeat
    guessed = any(name not in given for name in _NEEDED)
    _fields(physics, given)
    _follow(physics, given)
    s.gust[:] = 0.0
    physics.outside()
    if _DEMAND in given:
        s.gust[:] = given[_DEMAND] / np.maximum(s.demand, 1e-9) - 1.0
    if "Station.ambient" in given:
        s.ambient_bias += given["Station.ambient"] - s.ambient
    physics.outside()
    physics.operate()
    np.add(s.flow[0], s.flow[1], out=s.transfer)
    np.add(s.flow[2], s.flow[3], out=s.delivery)
    shaft, off = physics.loads()
    shaken = [f"{pump}.vibration_de" for pump in PUMPS]
    for i, name in enumerate(shaken):
        if name in given:
            seen = np.broadcast_to(given[name], s.wear.shape)
            s.wear[i] = machines.wear_from(s, off, seen)[i]
            guessed = True
    machines.settle(s, shaft, off)
    _fields(physics, {k: v for k, v in given.items() if _group_of(k) in {"vibration", "bearing", "winding"}})
    for i, pump in enumerate(PUMPS):
        if f"{pump}.vibration_nde" not in given and shaken[i] in given:
            s.vibration[1, i] = 0.82 * s.vibration[0, i]
    physics.dose(0.0)
    s.pv[:] = physics.measured()
    s.error[:] = s.sp - s.pv
    return guessed


def inverse(values: F8) -> F8:
    """Return (k, m) values of the nodes as tags show them."""
    out: F8 = values * FACTORS
    return out


def known(name: str) -> str:
    """Return the tag that a variable's or tag's name means here; "" when there is none."""
    tag = name.removesuffix(NOW)
    return tag if tag in _ROWS else ""


def _fields(physics: Physics, given: Mapping[str, F8]) -> None:
    """Write what is a field of the state."""
    s = physics.s
    for group in sorted(GROUPS, key=lambda g: _ORDER.get(g.key, -1)):
        if not group.field:
            continue
        rows = getattr(s, group.field).reshape(-1, s.members)
        for i, tag in enumerate(group.tags):
            if tag in given:
                rows[i] = given[tag] / (group.factor * group.scale)


def _follow(physics: Physics, given: Mapping[str, F8]) -> None:
    """Fill in what follows from what was given: trips, targets, outputs of controllers."""
    s = physics.s
    for i, tag in enumerate(PUMPS):
        if f"{tag}.run" not in given and f"{tag}.speed" in given:
            s.run[i] = s.turning[i]
        if f"{tag}.speed_sp" not in given and f"{tag}.speed" in given:
            np.copyto(s.target[i], s.speed[i], where=s.turning[i])
        if f"{tag}.state" in given:
            s.tripped[i] = (given[f"{tag}.state"] == machines.TRIPPED) & (s.run[i] > 0.0)
        if f"{tag}.speed" not in given:
            s.speed[i] = machines.wanted(s)[i]
    for i, tag in enumerate(VALVES):
        if f"{tag}.sp" not in given and f"{tag}.position" in given:
            s.setpoint[i] = s.position[i]
        elif f"{tag}.position" not in given:
            s.position[i] = s.setpoint[i]
    stands = (s.setpoint[0], s.setpoint[2], s.target[2] * (100.0 / float(machines.RPM[2, 0])))
    for i, tag in enumerate(CONTROLLERS):
        if f"{tag}.output" not in given:
            s.output[i] = np.maximum(stands[i], LOW[i])


def _group_of(tag: str) -> str:
    return _ROWS.get(tag, "")


_ROWS = {tag: group.key for group in GROUPS for tag in group.tags}
assert len(_ROWS) == len(TAGS)  # noqa: S101  no tag is measured twice
