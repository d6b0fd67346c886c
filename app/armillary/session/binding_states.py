"""What the bindings of each link are doing, counted by the states of the draft, and a last error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from armillary.encoding.openusd_state import ACTIVE, DEGRADED, DISABLED, ERROR, READY, UNRESOLVED
from armillary.model.arrays import I8, U1, U2, frozen
from armillary.model.openusd import STATES
from armillary.model.quality import BAD, NEVER, rank
from armillary.session.scenery import Scenery

# state by the rank of the tag: GOOD, SUBSTITUTED, UNCERTAIN, STALE, BAD, NEVER
_BY_RANK: U1 = frozen(np.array([ACTIVE, ACTIVE, DEGRADED, DEGRADED, ERROR, READY], np.uint8))
_ORDER = (ACTIVE, READY, DEGRADED, ERROR, UNRESOLVED, DISABLED)


@dataclass(frozen=True, slots=True)
class _Link:
    """The bindings of one link that run, and those that do not."""

    slot: I8  # (b,) of the tag of each that runs
    where: tuple[str, ...]  # (b,)
    fixed: tuple[int, ...]  # how many in each state whatever their tags say
    last: str  # why one of those does not run


class BindingStates:
    """Counts for the links panel; the lists are made once for a scenery."""

    def __init__(self) -> None:
        self._of: Scenery | None = None
        self._links: dict[str, _Link] = {}

    def line(self, scenery: Scenery | None, quality: U2, link: str) -> str:
        """Return one line on a link's bindings, "" where it has none. quality: (N,) of the tags."""
        if scenery is None:
            return ""
        if self._of is not scenery:
            self._of, self._links = scenery, _listed(scenery)
        found = self._links.get(link)
        if found is None or len(quality) < len(scenery.specs):
            return ""
        ranks = np.minimum(rank(quality[found.slot]), NEVER)
        counts = np.bincount(_BY_RANK[ranks], minlength=len(STATES)) + np.array(found.fixed)
        parts = [f"{counts[state]:,} {STATES[state].lower()}" for state in _ORDER if counts[state]]
        bad = np.flatnonzero(ranks == BAD)
        last = found.last or (f"the value of {found.where[int(bad[0])]} is bad" if len(bad) else "")
        return f"Bindings: {', '.join(parts)}" + (f" · last error: {last}" if last else "")


def _listed(scenery: Scenery) -> dict[str, _Link]:
    by_name = {spec.name: spec for spec in scenery.specs}
    errors = {p.where: p for p in scenery.compile_problems if p.severity == "error"}
    links = sorted({spec.link for spec in scenery.specs if spec.link})
    slots: dict[str, list[int]] = {link: [] for link in links}
    names: dict[str, list[str]] = {link: [] for link in links}
    fixed = {link: [0] * len(STATES) for link in links}
    last = dict.fromkeys(links, "")
    for binding in scenery.bindings:
        spec = by_name.get(binding.signal or next(iter(binding.map.state_values), ""))
        link = spec.link if spec is not None else binding.address.partition("!")[0]
        link = link or (links[0] if len(links) == 1 else "")
        if link not in slots:
            continue
        slot = scenery.slot_of.get(binding.where)
        if not binding.enabled:
            fixed[link][DISABLED] += 1
        elif slot is not None:
            slots[link].append(slot)
            names[link].append(binding.where)
        elif binding.intent == "command":
            fixed[link][READY] += 1
        else:
            problem = errors.get(binding.origin or binding.where)
            fixed[link][UNRESOLVED] += 1
            last[link] = last[link] or (f"{problem.code} {problem.what}" if problem is not None else "")
    return {
        link: _Link(np.array(slots[link], np.int64), tuple(names[link]), tuple(fixed[link]), last[link])
        for link in links
        if slots[link] or any(fixed[link])
    }
