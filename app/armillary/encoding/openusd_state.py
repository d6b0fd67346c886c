"""The run-time state of bindings in the words of the draft (2.4), from tags and from what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from armillary.model.binding import Binding
from armillary.model.openusd import STATES
from armillary.model.quality import BAD, NEVER, STALE, SUBSTITUTED, rank
from armillary.model.scene import SceneProblem
from armillary.model.tags import TagSpec, TagTable

NOTHING = -1  # no slot
DISABLED, UNRESOLVED, READY, ACTIVE, DEGRADED, ERROR = range(len(STATES))


@dataclass(frozen=True, slots=True)
class BindingState:
    """The state of one binding: a number of STATES, and why, in one sentence with its code."""

    binding: Binding
    state: int
    last_error: str = ""

    @property
    def name(self) -> str:
        """The state's name."""
        return STATES[self.state]


def states(
    bindings: Sequence[Binding],
    specs: Sequence[TagSpec],
    table: TagTable,
    problems: Sequence[SceneProblem] = (),
) -> list[BindingState]:
    """Return the state of each binding; of several tags (a pose) the worst one's. Reads no clock."""
    slots = {spec.name: spec.slot for spec in specs}
    slots |= {f"{spec.link}!{spec.address}": spec.slot for spec in specs if spec.link}
    refused = {problem.where: problem for problem in problems if problem.severity == "error"}
    ranks = rank(table.quality)
    return [_one(binding, slots, ranks.tolist(), refused) for binding in bindings]


def _one(
    binding: Binding, slots: dict[str, int], ranks: Sequence[int], refused: dict[str, SceneProblem]
) -> BindingState:
    if not binding.enabled:
        return BindingState(binding, DISABLED)
    if binding.intent == "command":
        return BindingState(binding, READY)
    wanted = [binding.signal or binding.address]
    if binding.channel == "transform" and binding.map.state_values:
        wanted = list(binding.map.state_values)
    found = [slots.get(name, NOTHING) for name in wanted]
    problem = refused.get(binding.origin or binding.where)
    if problem is not None:
        kind = UNRESOLVED if problem.code in _MISSING else ERROR
        return BindingState(binding, kind, f"{problem.code}: {problem.what}")
    if binding.channel != "field" and any(slot == NOTHING for slot in found):
        return BindingState(
            binding, UNRESOLVED, f"B05: The tag {wanted[found.index(NOTHING)] or '?'} is not known."
        )
    worst = max((ranks[slot] for slot in found if slot != NOTHING), default=NEVER)
    if worst == NEVER:
        return BindingState(binding, READY)
    if worst >= BAD:
        return BindingState(binding, ERROR, "The value is bad.")
    if worst > SUBSTITUTED:
        return BindingState(
            binding, DEGRADED, "The value is stale." if worst == STALE else "The value is uncertain."
        )
    return BindingState(binding, ACTIVE)


_MISSING = ("B04", "B05", "B06")
__all__ = ["ACTIVE", "DEGRADED", "DISABLED", "ERROR", "READY", "UNRESOLVED", "BindingState", "states"]
