"""Proposals for whole branches: 5,000 tags × 5,000 parts, and how many of them are right.

The floor is rapidfuzz alone: every name with every name, no structure, no reasons. The plants are generated,
so that the right answer is known; their conventions of names are those of `plants`, five for tags and three
for parts. They say how conventions meet, and nothing of the names of a plant that nobody here has seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rapidfuzz import fuzz, process

from armillary.encoding.branches import proposed
from armillary.encoding.matching import match
from armillary_bench.authoring_recall import recalled
from armillary_bench.figure import absolute, figure, plain
from armillary_bench.plants import PRIMS, TAGS, judged, plant

EQUIPMENT = 1_880  # objects: about 5,000 tags, and more parts
SMALL = 300
BEST_OF = 3
BAR_S, RIGHT = 2.0, 0.95


def benches() -> list[dict[str, object]]:
    """Return the figures; about half a minute."""
    made = plant(EQUIPMENT, "isa", "words")
    names = [".".join(leaf.path) for leaf in made.leaves]
    prims = [part.prim for part in made.parts]
    seconds = _best(lambda: proposed(made.leaves, names, made.parts, ()))
    floor = _best(lambda: process.cdist(names, prims, scorer=fuzz.ratio))
    precision, recall = judged(made, match(made.leaves, made.parts))
    if min(precision, recall) < RIGHT:
        raise AssertionError(f"only {precision:.0%} of the proposals are right, {recall:.0%} were found")
    work = f"{len(names)} tags × {len(prims)} parts with channel, map and reasons; {recall:.1%} found"
    out = [
        absolute("proposal_5000x5000", seconds, "s", BAR_S, work),
        figure(
            "proposal_floor",
            seconds,
            "s",
            against="floor: rapidfuzz cdist of the same names, nothing else",
            against_value=floor,
            bar=None,
            work=work,
        ),
    ]
    for tags in TAGS:
        right = [judged(one := plant(SMALL, tags, prims), match(one.leaves, one.parts)) for prims in PRIMS]
        said = f"{len(PRIMS)} conventions of parts, {SMALL} objects each; the worst is told"
        out.append(plain(f"proposal_precision_{tags}", 100 * min(p for p, _ in right), "%", said))
        out.append(plain(f"proposal_recall_{tags}", 100 * min(r for _, r in right), "%", said))
    out += recalled()
    return out


def _best(work: Callable[[], object]) -> float:
    """Return the seconds of the quickest of a few."""
    spent = []
    for _ in range(BEST_OF):
        begin = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begin)
    return min(spent)
