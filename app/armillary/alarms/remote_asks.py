"""What people may ask of an alarm that a server owns, and how its next event shows that it was done. Pure."""

from __future__ import annotations

from armillary.model.alarm import AlarmAct
from armillary.model.condition import Condition, ConditionAsk

PENDING = {
    "ack": "acknowledging…",
    "confirm": "confirming…",
    "comment": "commenting…",
    "respond": "answering…",
    "reset": "resetting…",
    "shelve": "shelving…",
    "unshelve": "unshelving…",
    "suppress": "suppressing…",
    "unsuppress": "unsuppressing…",
    "remove": "taking out of service…",
    "place": "putting back in service…",
}
# what a server's type has to have for it; a comment can always be asked for
NEEDS = {
    "confirm": "confirm",
    "respond": "respond",
    "reset": "reset",
    "shelve": "shelve",
    "unshelve": "shelve",
    "suppress": "suppress",
    "unsuppress": "suppress",
    "remove": "remove",
    "place": "remove",
}
_NOUN = {
    "confirm": "confirming",
    "respond": "answering",
    "reset": "resetting",
    "shelve": "shelving",
    "suppress": "suppressing",
    "remove": "taking out of service",
}
ALREADY = "Already so"
NO_COMMENT = "Give a comment"


def refused(act: AlarmAct, condition: Condition) -> str:
    """Return why a condition as it is cannot be asked for something, "" when it can."""
    need = NEEDS.get(act.action, "")
    if need and need not in condition.offers:
        return f"Its server offers no {_NOUN[need]} of this alarm"
    if act.action == "confirm" and not condition.acked:
        return "Acknowledge it first"
    if act.action == "comment" and not act.comment.strip():
        return NO_COMMENT
    if act.action == "respond" and _answer(act, condition) < 0:
        return f"Its server takes one of: {', '.join(condition.responses)}"
    longest = condition.max_shelved_ms
    if act.action == "shelve" and longest > 0 and act.duration_s * 1_000 > longest:
        return f"Longest shelf at its server is {longest / 60_000:.0f} min"
    if act.action not in ("ack", "comment", "respond", "shelve") and is_done(
        ask_of(act, condition), condition
    ):
        return "Not latched" if act.action == "reset" else ALREADY
    return ""


def ask_of(act: AlarmAct, condition: Condition) -> ConditionAsk:
    """Return what the server is asked."""
    return ConditionAsk(
        condition=condition.id,
        event_id=condition.event_id,
        action=act.action,
        comment=act.comment,
        duration_ms=act.duration_s * 1_000 if act.action == "shelve" else 0.0,
        answer=_answer(act, condition) if act.action == "respond" else -1,
    )


def is_done(ask: ConditionAsk, condition: Condition) -> bool:
    """Return whether an event of the server says what was asked for."""
    match ask.action:
        case "ack":
            return condition.acked
        case "confirm":
            return condition.confirmed
        case "comment":
            return condition.comment == ask.comment
        case "respond":
            return not condition.active
        case "reset":
            return not condition.latched
        case "shelve":
            return condition.shelved_ms > 0 if ask.duration_ms else condition.shelved_ms == 0
        case "unshelve":
            return condition.shelved_ms < 0
        case "suppress" | "unsuppress":
            return condition.suppressed == (ask.action == "suppress")
        case _:
            return condition.out_of_service == (ask.action == "remove")


def _answer(act: AlarmAct, condition: Condition) -> int:
    """Return the number of the answer that a person chose, -1 for none of them."""
    wanted = act.comment.strip().casefold()
    return next((i for i, one in enumerate(condition.responses) if one.casefold() == wanted), -1)
