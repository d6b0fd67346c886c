"""What must hold before a value may leave for the plant. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from armillary.model.account import Right, may
from armillary.model.command import Check
from armillary.model.fault import OrderFault
from armillary.model.link import LinkSpec, LinkState, LinkStatus
from armillary.model.quality import UNCERTAIN, WORDS
from armillary.model.tags import TagSpec

NOT_SENT = "Not connected: the command was not sent."


def check_role(role: str, actor: str, tag: str, right: Right = Right.COMMAND) -> None:
    """Raise OrderFault unless a role may command the plant. Admins deliberately cannot."""
    if not may(role, right):
        who = "an operator or engineer" if right is Right.COMMAND else "an engineer"
        raise OrderFault(
            f"The role '{role or 'none'}' may not write.",
            where=f"{tag}, asked by {actor}",
            remedy=f"Ask {who}.",
        )


def check_value(spec: TagSpec, value: float, unit: str) -> None:
    """Raise OrderFault unless a value, in `unit`, may be written to a tag."""
    if not spec.writable:
        raise OrderFault(
            f"'{spec.name}' cannot be written.",
            where=spec.origin or spec.name,
            remedy="An engineer may set writable = true with limits on the tag.",
        )
    if not math.isfinite(value):
        raise OrderFault(f"{value} is not a number to write.", where=spec.name, remedy="Give a number.")
    if unit != spec.unit:
        raise OrderFault(
            f"The value is in '{unit}', the tag in '{spec.unit}'.",
            where=spec.name,
            remedy=f"Give the value in '{spec.unit}'.",
        )
    if spec.kind not in ("number", "bool", "enum"):
        raise OrderFault(
            f"A tag of kind '{spec.kind}' cannot be written.",
            where=spec.name,
            remedy="Write numbers, switches and choices only.",
        )
    known = [number for number, _ in spec.states] or ([0.0, 1.0] if spec.kind == "bool" else [])
    if spec.kind != "number":
        if value not in known:
            names = ", ".join(f"{number:g}" for number in known) or "none"
            raise OrderFault(
                f"{value:g} is no state of '{spec.name}'.", where=spec.name, remedy=f"States are {names}."
            )
    elif not (math.isfinite(spec.write_low) and math.isfinite(spec.write_high)):
        raise OrderFault(
            f"'{spec.name}' has no limits for writing.",
            where=spec.origin or spec.name,
            remedy="An engineer must set write_low and write_high on the tag.",
        )
    elif not spec.write_low <= value <= spec.write_high:
        raise OrderFault(
            f"{value:g} {spec.unit} is outside {spec.write_low:g} to {spec.write_high:g} {spec.unit}.",
            where=spec.name,
            remedy="Give a value inside the limits.",
        )


def check_link(spec: TagSpec, links: Mapping[str, LinkSpec], status: LinkStatus | None) -> None:
    """Raise OrderFault unless a tag's link takes commands and is up."""
    link = links.get(spec.link)
    if link is None or not link.commands:
        raise OrderFault(
            f"The link '{spec.link}' is read-only.",
            where=spec.name,
            remedy="An engineer may set commands = true on the link.",
        )
    if status is None or status.state is not LinkState.UP:
        state = "unknown" if status is None else status.state.value
        raise OrderFault(NOT_SENT, where=f"link {spec.link}: {state}", remedy="Order again once it is UP.")


def check_quality(spec: TagSpec, rank: int) -> None:
    """Raise OrderFault when what a person sees of a tag is worse than UNCERTAIN."""
    if rank > UNCERTAIN:
        raise OrderFault(
            f"'{spec.name}' is {WORDS[rank]}: its present value is not known well enough.",
            where=spec.name,
            remedy="Wait until its value is current again.",
        )


def finding(what: str, require: Callable[[], None], text: str = "") -> Check:
    """Return whether `require` raises nothing, to be shown; `text`: what is read where it holds."""
    try:
        require()
    except OrderFault as fault:
        return what, False, fault.what
    return what, True, text


def reading_text(spec: TagSpec, value: float, age_s: float) -> str:
    """Return a value with its age, short: `on, 0.3 s old`."""
    shown = dict(spec.states).get(value) or f"{value:.4g} {spec.unit}".strip()
    return f"{shown}, {age_s:.1f} s old" if math.isfinite(age_s) else shown


def raw_value(spec: TagSpec, value: float) -> float:
    """Return a value shown (in the tag's unit) as the plant's own number. Raises OrderFault."""
    raw = (value - spec.offset) / spec.factor if spec.factor else math.nan
    if not math.isfinite(raw):
        raise OrderFault(
            f"{value:g} {spec.unit} has no value in the plant's unit.",
            where=spec.origin or spec.name,
            remedy="Correct the tag's unit factor.",
        )
    # a switch or choice travels as a whole number, whatever the division left behind
    return float(round(raw)) if spec.kind != "number" else raw
