"""What the model of a fork lets a person set, said in the project's names and units."""

from __future__ import annotations

import math

from armillary.model.control import ModelOffer, Settable
from armillary.model.simulation import Variable
from armillary.model.tags import TagSpec
from armillary.world.forked import Forked


def offer(fork: Forked) -> ModelOffer:
    """Return inputs and parameters of a fork's model, with where they stood at the fork."""
    tag_of = {variable: tag for tag, (variable, _, _) in fork.settable.items()}
    specs = {spec.name: spec for spec in fork.specs}
    scenario = fork.scenario
    return ModelOffer(
        model=fork.info.name,
        version=fork.info.version,
        settable=tuple(
            _settable(fork, variable, specs.get(tag_of.get(variable.name, "")))
            for variable in fork.info.variables
            if variable.causality in ("input", "parameter")
        ),
        begins_from=len(fork.columns),
        watched=_watched(fork),
        horizon_s=scenario.horizon_s,
        members=scenario.members,
        spread=dict(scenario.spread),
        seed=scenario.seed,
    )


def _watched(fork: Forked) -> tuple[str, ...]:
    """Return the tags that measures and constraints speak of, constraints first."""
    score = fork.scenario.score
    texts = " ".join((*score.constraint, *(measure.of for measure in fork.scenario.measures)))
    found = [(texts.find(spec.name), -len(spec.name), spec.name) for spec in fork.specs]
    out: list[str] = []
    for _at, _, name in sorted(row for row in found if row[0] >= 0):
        if not any(name in longer for longer in out):  # `T-1.level` is in `T-1.level_raw` too
            out.append(name)
    return tuple(out)


def _settable(fork: Forked, variable: Variable, spec: TagSpec | None) -> Settable:
    now = fork.state.model.get(variable.name, variable.start)
    now = fork.scenario.inputs.get(variable.name, now)
    if spec is None:
        return Settable(
            name=variable.name,
            variable=variable.name,
            causality=variable.causality,
            unit=variable.unit,
            low=variable.low,
            high=variable.high,
            now=now,
            title=variable.title,
            fault=variable.fault,
        )
    _, factor, offset = fork.settable[spec.name]
    low, high = sorted((variable.low * factor + offset, variable.high * factor + offset))
    at_fork = float(fork.value[spec.slot])
    return Settable(
        name=spec.name,
        variable=variable.name,
        causality=variable.causality,
        unit=spec.unit or variable.unit,
        low=low,
        high=high,
        now=at_fork if math.isfinite(at_fork) else now * factor + offset,
        title=variable.title or spec.title,
        tag=spec.name,
        fault=variable.fault,
    )
