"""Generated plants for benches and tests of matching: tags by one convention of names, parts by another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from armillary.encoding.matching import Leaf, Match, Part

KINDS = (  # letter, word, its parts: (word of the part, quantity, short, unit, low, high)
    ("P", "Pump", (
        ("", "speed", "SPD", "rpm", 0.0, 3000.0),
        ("Bearing", "bearing temperature", "BRG_TMP", "°C", 0.0, 120.0),
        ("Motor", "motor current", "MTR_CUR", "A", 0.0, 60.0),
        ("Discharge", "discharge pressure", "DISCH_PRS", "bar", 0.0, 16.0),
    )),
    ("T", "Tank", (
        ("Water", "level", "LVL", "%", 0.0, 100.0),
        ("Wall", "wall temperature", "WALL_TMP", "°C", 0.0, 90.0),
        ("Inlet", "inlet flow", "INLET_FLW", "m³/h", 0.0, 200.0),
    )),
    ("XV", "Valve", (
        ("", "position", "POS", "%", 0.0, 100.0),
        ("Actuator", "actuator pressure", "ACTUATOR_PRS", "bar", 0.0, 8.0),
    )),
    ("C", "Conveyor", (
        ("Belt", "belt speed", "BELT_SPD", "m/s", 0.0, 3.0),
        ("Drive", "drive current", "DRIVE_CUR", "A", 0.0, 40.0),
        ("Guard", "guard state", "GUARD_STS", "", 0.0, 1.0),
    )),
    ("E", "Exchanger", (
        ("Shell", "shell temperature", "SHELL_TMP", "°C", 0.0, 180.0),
        ("Tubes", "tubes pressure", "TUBES_PRS", "bar", 0.0, 25.0),
    )),
)  # fmt: skip
Convention = Callable[[int, str, str, str, tuple[str, str]], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """Tags, parts, and which part each tag is of; strays are -1."""

    leaves: tuple[Leaf, ...]
    parts: tuple[Part, ...]
    truth: tuple[int, ...]
    whole: tuple[int, ...]  # the object that each tag is of: right where its part is missing


def _camel(text: str) -> str:
    return "".join(word.capitalize() for word in text.split())


def _short(text: str) -> str:
    """Return words as somebody in a hurry writes them: no vowels but the first letter, at most five."""
    return "_".join((w[0] + "".join(c for c in w[1:] if c not in "aeiou"))[:5] for w in text.split())


# (area, letter, word, number, (quantity, short)) -> path of the tag
TAGS: dict[str, Convention] = {
    "isa": lambda a, le, _w, n, q: (f"Area{a}", f"{le}-{n}", q[0].replace(" ", "_")),
    "flat": lambda a, le, _w, n, q: (f"A{a}_{le}{n}_{q[1]}",),
    "camel": lambda a, _le, w, n, q: (f"Area{a}", f"{w}{n}", _camel(q[0])),
    "topics": lambda a, _le, w, n, q: ("site", f"area_{a}", w.lower(), n.lower(), *q[0].split()),
    "hurried": lambda a, le, _w, n, q: (f"A{a}", f"{le}{n}_{_short(q[0])}"),
    "opcua": lambda a, le, w, n, q: (f"Area_{a:02d}", f"{w}s", f"{le}{n}", f"{_camel(q[0])}.PV"),
}
# (area, letter, word, number) -> path of the object in the scene
PRIMS: dict[str, Callable[[int, str, str, str], tuple[str, ...]]] = {
    "letters": lambda a, le, _w, n: ("Plant", f"Area_{a}", f"{le}_{n}"),
    "words": lambda a, _le, w, n: ("Site", f"Area{a:02d}", f"{w}_{n}"),
    "cad": lambda a, le, w, n: ("World", f"A{a}", f"{w}s", f"{le}{n}_ASM"),
}


def plant(
    equipment: int, tags: str = "isa", prims: str = "letters", seed: int = 1, strays: float = 0.05
) -> Plant:
    """Return a plant of so many objects; a share of tags has no part, and of parts no tag."""
    rng = np.random.default_rng(seed)
    leaves: list[Leaf] = []
    parts: list[Part] = []
    truth: list[int] = []
    of: list[int] = []
    at: dict[tuple[str, ...], int] = {}

    def part(path: tuple[str, ...]) -> int:
        for depth in range(1, len(path) + 1):
            if path[:depth] not in at:
                above = at.get(path[: depth - 1], -1)
                at[path[:depth]] = len(parts)
                parts.append(Part(path=path[:depth], prim="/" + "/".join(path[:depth]), above=above))
        return at[path]

    for i in range(equipment):
        letter, word, members = KINDS[i % len(KINDS)]
        twice = "AB"[i // len(KINDS) % 2] if letter == "P" else ""  # pumps stand in pairs
        area, number = 1 + i // 60, f"{100 + i // len(KINDS)}{twice}"
        whole = PRIMS[prims](area, letter, word, number)
        for name, quantity, short, unit, low, high in members:
            has_tag, has_part = rng.random() >= strays, rng.random() >= strays
            where = part((*whole, name) if name else whole) if has_part or not name else part(whole)
            if not has_tag:
                continue
            path = TAGS[tags](area, letter, word, number, (quantity, short))
            leaves.append(Leaf(path=path, unit=unit, low=low, high=high))
            of.append(part(whole))
            truth.append(where if has_part or not name else -1)
        if rng.random() < strays:
            part((*whole, "Nameplate"))
    order = rng.permutation(len(leaves)).tolist()
    return Plant(
        leaves=tuple(leaves[i] for i in order),
        parts=tuple(parts),
        truth=tuple(truth[i] for i in order),
        whole=tuple(of[i] for i in order),
    )


def judged(made: Plant, found: Match) -> tuple[float, float]:
    """Return (precision, recall): how many of the pairs are right, how many of the right ones were found."""
    right = sum(1 for pair in found.pairs if made.truth[pair.leaf] == pair.part)
    fair = sum(1 for p in found.pairs if made.truth[p.leaf] < 0 and made.whole[p.leaf] == p.part)
    wanted = sum(1 for part in made.truth if part >= 0)
    return (right + fair) / max(1, len(found.pairs)), right / max(1, wanted)
