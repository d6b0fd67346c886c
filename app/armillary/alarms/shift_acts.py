"""What people did in a shift, from the lines of an audit: commands, values by hand, log-ins. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from armillary.alarms.journal_lines import Line
from armillary.model.clock import parse_iso

_ORDER = "command."
_WORDS = {
    "disarm": "disarmed",
    "intent": "ordered; its end is not known",
    "sent": "sent; its end is not known",
}
_TOLD = {
    "person.login": "logged in",
    "commands.stopped": "all commands stopped",
    "commands.released": "commands released",
    "project.load": "changed project loaded",
    "loop.approve": "proposal approved",
    "loop.refuse": "proposal refused",
    "shift.handover": "shift handed over",
    "shift.taken": "shift taken over",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One command, from arming to its end."""

    t_ns: int
    actor: str
    tag: str
    value: object
    outcome: str  # verified, refused, expired, unverified …
    reason: str = ""
    is_open: bool = False  # UNVERIFIED, and nobody has looked after it


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """A value that a person gave in place of the plant's."""

    tag: str
    actor: str
    said: str  # 42.5 °C until 14:00
    reason: str
    from_ns: int
    to_ns: int = 0  # 0 = it holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One line of what happened."""

    t_ns: int
    what: str
    who: str = ""
    priority: int = 0


@dataclass(slots=True)
class Acted:
    """What one audit gave; commands by their order."""

    deeds: dict[str, Deed] = field(default_factory=dict)
    hands: list[ByHand] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)


def acts_of(lines: Iterable[Line], from_ns: int, to_ns: int, titles: Mapping[str, str]) -> Acted:
    """Return commands, values by hand and what else people did, of the lines of one audit up to a time."""
    out, holds = Acted(), dict[str, ByHand]()
    for line in lines:
        t_ns = parse_iso(str(line["t"]))
        if t_ns >= to_ns:
            break
        action, tag = str(line.get("action", "")), str(line.get("object", ""))
        who, reason = str(line.get("actor", "")), str(line.get("reason") or "")
        if action.startswith(_ORDER):
            _order(out, line, t_ns, titles)
        elif action in ("value.substitute", "value.block"):
            _ends(out, holds, tag, t_ns)
            said = str(line.get("after") or "")
            holds[tag] = ByHand(tag=tag, actor=who, said=said, reason=reason, from_ns=t_ns)
        elif action == "value.substitute.end":
            _ends(out, holds, tag, t_ns)
        elif t_ns >= from_ns and action in _TOLD:
            why = f" ({reason})" if reason else ""
            out.happened.append(Happened(t_ns=t_ns, what=f"{_TOLD[action]}{why}", who=who))
    out.hands += holds.values()
    for deed in out.deeds.values():
        if deed.t_ns >= from_ns:
            number = f"{deed.value:g}" if isinstance(deed.value, float) else deed.value
            value = f" {number}" if number is not None else ""
            why = f" ({deed.reason})" if deed.reason else ""
            what = f"command {deed.tag}{value}: {deed.outcome}{why}"
            out.happened.append(Happened(t_ns=deed.t_ns, what=what, who=deed.actor))
    return out


def _ends(out: Acted, holds: dict[str, ByHand], tag: str, t_ns: int) -> None:
    held = holds.pop(tag, None)
    if held is not None:
        out.hands.append(replace(held, to_ns=t_ns))


def _order(out: Acted, line: Line, t_ns: int, titles: Mapping[str, str]) -> None:
    """Follow one command: what was last said of it is how it ended."""
    tag, _, order = str(line.get("object", "")).partition(" ")
    outcome = str(line["action"]).removeprefix(_ORDER)
    outcome = _WORDS.get(outcome, outcome)
    key = order or f"{tag} {line.get('seq')}"
    is_called, tag = tag in titles, titles.get(tag, tag)  # people know a method by the command's title
    if outcome == "arm":
        return  # what came of it is told: intent, expired, disarmed
    before = out.deeds.get(key)
    if outcome == "closed" and before is not None:
        told = f"unverified; closed by {line.get('actor')}: {line.get('reason')}"
        out.deeds[key] = Deed(t_ns=before.t_ns, actor=before.actor, tag=tag, value=before.value, outcome=told)
        return
    value = None if is_called else line.get("after")  # a method has none
    if before is not None and outcome in ("verified", "unverified"):
        value = before.value  # of these lines it is what was read back
    out.deeds[key] = Deed(
        t_ns=before.t_ns if before is not None else t_ns,
        actor=before.actor if before is not None else str(line.get("actor", "")),
        tag=tag,
        value=value,
        outcome=outcome,
        reason=str(line.get("reason") or ""),
        is_open=outcome == "unverified",
    )
