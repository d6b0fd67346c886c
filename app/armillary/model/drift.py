"""Drift: what the plant sends against what the model says, as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from armillary.model.link import BrowseItem

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")  # the worst first

CODES = {
    "D01": "new: it comes, and no tag names it",
    "D02": "missing: a tag that never comes while its source is up",
    "D03": "type: a value that is not of the tag's type",
    "D04": "state: a value that is none of the tag's states",
    "D05": "unit: the source says another one",
    "D06": "range: outside for more than 1 % of a day",
    "D07": "rate: it comes three times as often as it should, or as rarely",
    "D08": "right: the model and the server differ on who may write it",
    "D09": "relationship: its target is missing, of another type, or one too many",
    "D10": "definition: the server's type is another than it was",
    "D11": "twice: the same signal comes from two sources",
    "D12": "moved: the node of a tag is gone, and another is in its place",
}
"""code → what it means, as the rules of formats 6.5 number them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftItem:
    """One difference. What a person may do of it follows from its code and from what it proposes."""

    code: str  # one of CODES
    key: str  # what it is about, the same as long as it lasts: what is refused is told by it
    what: str  # one sentence
    level: Level = "warning"
    tag: str = ""  # "" = there is none yet
    link: str = ""
    address: str = ""  # in the link, where it comes from
    model: str = ""  # what the model says, in a few words
    plant: str = ""  # what the plant does
    other: str = ""  # the second tag of D11; for D01 a tag that might be meant
    since_ns: int = 0  # when it was found
    # what accepting would write of the tag
    item: BrowseItem | None = None  # of D01 and D12
    kind: str = ""
    unit: str = ""
    low: float = float("nan")
    high: float = float("nan")
    interval_s: float = 0.0
    states: tuple[tuple[float, str], ...] = ()
    writable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A difference that somebody does not want to hear of again, until it is taken back."""

    key: str
    by: str
    at_ns: int
    why: str = ""
    what: str = ""  # the sentence that was refused


@dataclass(frozen=True, slots=True, kw_only=True)
class AskDrift:
    """Ask a LIVE world how plant and model differ. `now`: judge anew, do not answer what was found last."""

    now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """The answer: what differs and is not refused, worst first."""

    items: tuple[DriftItem, ...] = ()
    refused: tuple[Refusal, ...] = ()
    judged_ns: int = 0  # when; 0 = not yet
    rounds: int = 0  # how often it was judged since the world began
    topics: int = 0  # topics seen that feed no tag
    left_out: int = 0  # differences and topics that were too many to be kept

    def counts(self) -> dict[str, int]:
        """Return how many there are of each code that has any."""
        out: dict[str, int] = {}
        for item in self.items:
            out[item.code] = out.get(item.code, 0) + 1
        return dict(sorted(out.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseDrift:
    """Refuse a difference, or hear of it again (`back`). Needs the right to author; answered by Done."""

    key: str
    why: str = ""
    back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptDefinition:
    """Take a server's present type definition of a tag as the one that is known (D10)."""

    tag: str
