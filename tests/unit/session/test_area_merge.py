"""What is one area's own of a frame that tells of all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from armillary.model.frame import WorldKind, empty_frame, frame_of
from armillary.model.tags import TagTable
from armillary.session.area_merge import own_rows


def test_of_a_frame_with_all_rows_only_the_own_are_kept_with_their_arrays_and_words() -> None:
    table = TagTable(4)
    table.value[:] = [0.0, 1.0, 2.0, 3.0]
    table.text.update({0: "a", 2: "c"})
    for slot, size in ((0, 2), (1, 3), (3, 1)):
        table.array[slot] = np.full(size, slot, np.float32)
    slots = np.arange(4, dtype=np.uint32)
    whole = replace(frame_of(table, slots, empty_frame("w", WorldKind.LIVE)), why=((1, "x"), (3, "y")))
    found = own_rows(whole, np.array([False, True, True, False]))
    assert found.slot.tolist() == [1, 2]
    assert found.value.tolist() == [1.0, 2.0]
    assert found.text == ((2, "c"),)
    assert found.why == ((1, "x"),)
    assert (found.array_slot.tolist(), found.array_size.tolist()) == ([1], [3])
    assert found.array.tolist() == [1.0, 1.0, 1.0]
    assert own_rows(whole, np.ones(4, np.bool_)) is whole
