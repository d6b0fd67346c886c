"""What can be asked of the server that owns an alarm, as lines of a menu. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from armillary.model.alarm import AlarmAction, AlarmSpec, AlarmState, Presentation
from armillary.model.condition import REMOTE


@dataclass(frozen=True, slots=True)
class Choice:
    """One line: what it says, what is asked, and with which words; `asks`: the words are typed first."""

    text: str
    action: AlarmAction
    words: str = ""
    asks: str = ""


def is_servers(spec: AlarmSpec | None) -> bool:
    """Return whether a server owns an alarm."""
    return spec is not None and spec.id.startswith(REMOTE)


def choices(spec: AlarmSpec, state: AlarmState, *, may_author: bool) -> tuple[Choice, ...]:
    """Return what can be asked of this alarm as it stands; shelving has its own button."""
    out: list[Choice] = []
    if spec.responses and state.active:
        out += [Choice(f"Answer “{one}”", "respond", one) for one in spec.responses]
    if state.unconfirmed:
        out.append(Choice("Confirm…", "confirm", asks="What was found or done."))
    if state.occurrence:
        out.append(Choice("Add a comment…", "comment", asks="It stands at the server for everybody."))
    hiding = state.hiding
    if may_author and "suppress" in spec.offers:
        is_off = hiding is not None and bool(hiding.rule)
        out.append(
            Choice("Suppress no longer", "unsuppress")
            if is_off
            else Choice("Suppress…", "suppress", asks="Why nobody need see it; kept in the audit.")
        )
    if may_author and "remove" in spec.offers:
        is_out = state.presentation is Presentation.OUT_OF_SERVICE
        out.append(
            Choice("Put it back in service", "place")
            if is_out
            else Choice("Take it out of service…", "remove", asks="The number of the ticket.")
        )
    return tuple(out)
