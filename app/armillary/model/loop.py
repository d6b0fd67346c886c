"""Closed loops as data: what is detected, which actions are tried in simulation, who may let one be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from armillary.model.command import Template

Level = Literal["advise", "approve", "auto"]
ACTOR = "loop:"  # how a policy signs its commands; no person's name may begin so


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopAction:
    """One candidate: a variant of the scenario, and the one command that it stands for."""

    variant: str
    tag: str
    value: float
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Within what a loop may act without a person. Signed by two.

    `signed_by` are names in the file; of a protective stop only those whose `signatures` hold.
    """

    max_per_hour: int = 3
    max_change: float = float("inf")  # of one action, in the tag's unit
    expires_ns: int = 0
    signed_by: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()  # `user:proof`, see security.policies


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSpec:
    """One `[[loop]]` of loops.toml."""

    id: str
    title: str
    detect: str  # an alarm: it becomes active
    scenario: str = ""  # id of a what-if scenario: simulator, horizon, measures, score
    actions: tuple[LoopAction, ...] = ()
    stop: str = ""  # template of a protective stop: waits for no scenario
    level: Level = "approve"
    deadline_s: float = 20.0  # for the runs
    valid_s: float = 60.0  # of an offer
    min_gain: float = 0.05  # of the score of doing nothing, relative
    holds: str = ""  # expression: what must be true after the action; "" = only its read-back is asked
    within_s: float = 300.0
    roll_back: bool = True
    policy: Policy = Policy()
    origin: str = ""


SIGNERS = 2


def terms(spec: LoopSpec, template: Template) -> dict[str, object]:
    """Return what people sign under a protective stop: whatever changes one of these voids the signatures."""
    return {
        "loop": spec.id,
        "detect": spec.detect,
        "holds": spec.holds,
        "within_s": spec.within_s,
        "max_per_hour": spec.policy.max_per_hour,
        "expires_ns": spec.policy.expires_ns,
        "template": template.id,
        "target": f"{template.link}!{template.address}",
        "value": template.value,
        "conditions": list(template.preconditions),
        "read_back": "" if template.read_back is None else template.read_back.expression,
    }


def may_act(spec: LoopSpec, now_ns: int) -> str:
    """Return why a loop may not act by its policy now; "" when it may."""
    if spec.level != "auto":
        return "a person approves"
    if len(set(spec.policy.signed_by)) < SIGNERS:
        return "its policy is not signed by two people"
    return "" if now_ns < spec.policy.expires_ns else "its policy has expired"
