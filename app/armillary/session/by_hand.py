"""Values by hand, asked for from a desk: who may, of which tags, for how long. The world decides."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from armillary.model.account import Right, may
from armillary.model.fault import FaultRecord
from armillary.model.frame import WorldKind
from armillary.model.message import Done
from armillary.model.quality import SUBSTITUTED
from armillary.model.substitution import EndSubstitution, Substitute
from armillary.model.tags import TagSpec
from armillary.session.action import Action, Desk
from armillary.session.workspace import Workspace, WorldState

ASK_S = 10.0
SPANS = (
    (900.0, "15 min"),
    (3_600.0, "1 h"),
    (14_400.0, "4 h"),
    (28_800.0, "8 h"),
    (86_400.0, "1 day"),
    (604_800.0, "7 days"),
)
USUAL_S, OPERATOR_S = 3_600.0, 28_800.0
_SINGLE = ("number", "bool", "enum")
Told = Callable[[str], None]  # "" = done, else why not


def spans(role: str) -> tuple[tuple[float, str], ...]:
    """Return (seconds, words) of the times that a role may choose from."""
    return tuple(each for each in SPANS if role != "operator" or each[0] <= OPERATOR_S)


def why_not(at: Workspace, slot: int) -> str:
    """Return why a tag cannot be given a value by hand here and now, "" when it can."""
    if at.world_state is not WorldState.LIVE:
        return "Not connected to a world."
    if at.kind is not WorldKind.LIVE:
        return f"A {at.kind.value} world takes no values by hand."
    if not may(at.role, Right.SUBSTITUTE):
        return f"The role {at.role or 'viewer'} may not give values by hand."
    if not 0 <= slot < len(at.specs):
        return "No tag is chosen."
    spec = at.specs[slot]
    return "" if spec.kind in _SINGLE else f"{spec.name} holds no number."


def held(at: Workspace, slots: Sequence[int]) -> tuple[int, ...]:
    """Return of some tags those whose value somebody gave by hand here; the plant may substitute others."""
    table = at.mirror.table
    known = (slot for slot in slots if slot < len(table))
    return tuple(s for s in known if int(table.quality[s]) & 0xFF == SUBSTITUTED and s in table.why)


def words(at: Workspace, slot: int) -> str:
    """Return who gave a held tag its value, until when and why."""
    return at.mirror.table.why.get(slot, "")


def number(spec: TagSpec, text: str) -> tuple[float, str]:
    """Return (value, "") of what was typed, or (NaN, why it cannot be taken)."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return math.nan, "Type a number." if text.strip() else ""
    if not math.isfinite(value):
        return math.nan, "Type a finite number."
    if not spec.low <= value <= spec.high:
        return math.nan, f"{text.strip()} is outside the plausible range {spec.low:g} … {spec.high:g}."
    return value, ""


def give(at: Workspace, slot: int, value: float | None, for_s: float, reason: str, told: Told) -> None:
    """Ask the world to show a value in place of the plant's; None: blocked at what it shows."""
    wish = Substitute(tag=at.specs[slot].name, value=value, for_s=for_s, reason=reason)
    at.ask_world(wish, lambda answer: told(_why(answer)), ASK_S)


def end(at: Workspace, slot: int, told: Told) -> None:
    """Ask the world to show again what the plant says."""
    wish = EndSubstitution(tag=at.specs[slot].name)
    at.ask_world(wish, lambda answer: told(_why(answer)), ASK_S)


def _why(answer: object) -> str:
    if isinstance(answer, Done):
        return ""
    return f"{answer.what} {answer.remedy}" if isinstance(answer, FaultRecord) else "There was no answer."


# ---------------------------------------------------------------- commands


def _chosen(at: Workspace) -> tuple[int, ...]:
    return at.tags_of_selection() if at.scene is not None and at.selection else ()


def _needs_tag(at: Workspace) -> str:
    chosen = _chosen(at)
    if not chosen:
        return "What is selected shows no tag."
    reasons = [why_not(at, slot) for slot in chosen]
    return "" if "" in reasons else reasons[0]


def _needs_held(at: Workspace) -> str:
    if why := _needs_tag(at):
        return why
    return "" if held(at, _chosen(at)) else "No tag of the selection is given by hand."


def _end(desk: Desk) -> None:
    at = desk.workspace
    for slot in held(at, _chosen(at)):
        end(at, slot, lambda why: desk.say(f"Not ended: {why}") if why else None)


BY_HAND_ACTIONS: tuple[Action, ...] = (
    Action(
        id="value.substitute",
        title="Give a value by hand…",
        menu="Plant",
        role="operator",
        tip="Show a value in place of the plant's for a time, with your name; nothing is sent to the plant",
        why_not=_needs_tag,
        run=lambda desk: desk.give_by_hand(),
    ),
    Action(
        id="value.restore",
        title="End values by hand",
        menu="Plant",
        role="operator",
        tip="Show again what the plant says of the selected parts",
        why_not=_needs_held,
        run=_end,
    ),
)
