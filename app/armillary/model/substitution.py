"""Values that a person gives in place of the plant's, for a time (operations 2.1: SUBSTITUTED)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitution:
    """One tag's value by hand, while it holds."""

    tag: str
    value: float  # in the tag's unit
    since_ns: int
    until_ns: int  # it ends by itself
    user: str  # account name, or `local:<uid>`
    name: str  # for people
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitute:
    """Ask a LIVE world to show a value in place of the plant's. Nothing is written to the plant."""

    tag: str
    value: float | None  # in the tag's unit; None: blocked, at the value that it shows now
    for_s: float  # how long
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSubstitution:
    """Ask a LIVE world to show again what the plant says."""

    tag: str
    reason: str = ""
