"""Which parts get a sign of quality, with what age, and when what holds them looks stale itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from armillary.encoding.compile import compiled
from armillary.encoding.resolve import Options, resolve
from armillary.model.binding import Binding
from armillary.model.clock import NS
from armillary.model.look import BELOW_BAD, BELOW_STALE, Marks
from armillary.model.quality import BAD, GOOD, NEVER, STALE, SUBSTITUTED, UNCERTAIN
from armillary.model.tags import TagSpec
from armillary.session.mirror import Mirror
from armillary.session.qualities import marks, with_parents
from armillary_bench.synthetic import flat_scene

T0 = 1_000 * NS
SPECS = [TagSpec(slot=i, name=f"t{i}") for i in range(5)]


def looked(ranks: list[int], ages_s: list[float] | None = None, *, holder: bool = True):  # type: ignore[no-untyped-def]
    """(parts, look, marks) of four parts below /World's first part, bound to tags of these qualities."""
    scene = flat_scene(6)
    leaf = np.flatnonzero(scene.drawable)[:5]
    parent = scene.parent.copy()
    if holder:
        parent[leaf[1:]] = leaf[0]  # four parts inside the first one, which has no tag
        parent[leaf[-1] + 1 :] = scene.parent[leaf[0]]
    scene = replace(scene, parent=parent)
    bindings = [
        Binding(name="v", prim=scene.prim_path[p], signal=f"t{i}", channel="displayOpacity")
        for i, p in enumerate(leaf[1:].tolist())
    ]
    program, _ = compiled(bindings, scene, SPECS, ())
    mirror = Mirror(len(SPECS))
    mirror.frames, mirror.tick_mono_ns, mirror.taken_mono_ns, mirror.live = 1, T0, T0, True
    mirror.table.quality[: len(ranks)] = ranks
    mirror.table.value[:] = 1.0
    for slot, age in enumerate(ages_s or [0.0] * len(ranks)):
        mirror.table.arrival_mono_ns[slot] = T0 - int(age * NS)
    look = resolve(program, mirror.table, Options())
    shown = with_parents(program, look)
    return leaf.tolist(), shown, marks(program, shown, mirror, T0)


def told(found: Marks) -> dict[int, int]:
    return dict(zip(found.prim.tolist(), found.kind.tolist(), strict=True))


def test_substituted_doubtful_and_stale_parts_have_their_signs_and_good_bad_and_never_none() -> None:
    leaf, _, found = looked([SUBSTITUTED, UNCERTAIN, STALE, GOOD], [1, 2, 240, 0])
    assert {p: k for p, k in told(found).items() if p in leaf[1:]} == {
        leaf[1]: SUBSTITUTED,
        leaf[2]: UNCERTAIN,
        leaf[3]: STALE,
    }
    assert found.age_s[list(told(found)).index(leaf[3])] == pytest.approx(240)
    assert not {leaf[1], leaf[2]} & set(told(looked([BAD, NEVER, GOOD, GOOD])[2]))


def test_nothing_is_signed_while_all_is_good() -> None:
    assert len(looked([GOOD] * 4)[2]) == 0


@pytest.mark.parametrize(
    ("ranks", "dot", "state"),
    [
        ([GOOD] * 4, None, GOOD),
        ([SUBSTITUTED, UNCERTAIN, GOOD, GOOD], None, GOOD),
        ([STALE, GOOD, GOOD, GOOD], BELOW_STALE, GOOD),
        ([BAD, GOOD, GOOD, GOOD], BELOW_BAD, GOOD),
        ([STALE, NEVER, GOOD, GOOD], BELOW_BAD, STALE),
        ([STALE, STALE, STALE, STALE], BELOW_STALE, STALE),
    ],
)
def test_a_part_above_has_a_dot_and_from_half_on_looks_stale_itself(
    ranks: list[int], dot: int | None, state: int
) -> None:
    leaf, look, found = looked(ranks)
    assert told(found).get(leaf[0]) == dot
    assert look.state[leaf[0]] == state


def test_a_part_with_a_tag_of_its_own_says_how_that_is() -> None:
    leaf, look, _ = looked([GOOD, STALE, STALE, STALE], holder=False)
    assert look.state[leaf[1]] == GOOD
