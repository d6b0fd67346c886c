"""A plant whose names are spelt another way is still the same plant."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.encoding.matching import Leaf, Part, match

EQUIPMENT = st.lists(
    st.tuples(st.sampled_from("PTECV"), st.integers(1, 999), st.sampled_from(["", "A", "B"])),
    min_size=1,
    max_size=25,
    unique_by=lambda x: (x[1], x[2]) if x[2] else (x[1], ""),
).filter(lambda found: len({n for _, n, suffix in found if not suffix} & {n for _, n, s in found if s}) == 0)
LEAVES = ("Bearing Temperature", "Discharge Pressure", "Level", "Casing Vibration")


def spelt(words: str, case: str, separator: str) -> str:
    if case == "camel":
        return separator.join(word.capitalize() for word in words.split())
    joined = separator.join(words.split())
    return {"lower": joined.lower(), "upper": joined.upper(), "as it is": joined}[case]


@given(
    equipment=EQUIPMENT,
    case=st.sampled_from(["lower", "upper", "as it is", "camel"]),
    separator=st.sampled_from(["_", "-", " ", "."]),
    prefix=st.sampled_from(["", "SITE1_", "plant.", "X "]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_a_renamed_plant_matches_whole(
    equipment: list[tuple[str, int, str]], case: str, separator: str, prefix: str, seed: int
) -> None:
    """Case, separators and a prefix change, order too; every tag finds the very part."""
    parts = [Part(path=("Plant",), prim="/Plant")]
    leaves: list[tuple[Leaf, str]] = []
    for letter, number, suffix in equipment:
        above = len(parts)
        parts.append(
            Part(
                path=("Plant", f"{letter}_{number}{suffix}"),
                prim=f"/Plant/{letter}_{number}{suffix}",
                above=0,
            )
        )
        for words in LEAVES:
            name = words.replace(" ", "")
            prim = f"{parts[above].prim}/{name}"
            parts.append(Part(path=(*parts[above].path, name), prim=prim, above=above))
            thing = prefix + spelt(f"{letter} {number}{suffix}", case, separator)
            leaves.append((Leaf(path=(thing, spelt(words, case, separator))), prim))
    leaves = [leaves[i] for i in np.random.default_rng(seed).permutation(len(leaves))]
    found = match([leaf for leaf, _ in leaves], parts)
    got = {pair.leaf: parts[pair.part].prim for pair in found.pairs}
    assert got == {i: prim for i, (_, prim) in enumerate(leaves)}
