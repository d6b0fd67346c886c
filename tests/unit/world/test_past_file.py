from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.fault import StoreFault
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state
from armillary.twin.derive import Derived
from armillary.world import past_file

T0 = 1_790_000_000 * NS
SPECS = [
    TagSpec(slot=0, name="x", link="l"),
    TagSpec(slot=1, name="h", expression="hours_run(x)", origin="t"),
    TagSpec(slot=2, name="m", expression="mean(x, 10)", origin="t"),
]


def _derived(seconds: int = 0) -> Derived:
    derived, table = Derived(SPECS), TagTable(3)
    for second in range(seconds):
        now = T0 + second * NS
        samples = batch_of(np.zeros(1, np.uint32), np.ones(1), np.array([now]), now, now)
        state.apply(table, samples)
        derived.evaluate(table, table.dirty, now, now, samples)
        table.take_dirty()
    return derived


def test_what_was_written_is_read_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "new" / past_file.FILE
    before, after = _derived(31).past, _derived().past
    assert before is not None
    assert after is not None
    past_file.write(path, before.saved(), T0)
    saved, t_ns = past_file.read(path)
    after.restore(saved)
    assert t_ns == T0
    assert [calls.value.tolist() for calls in after.all] == [calls.value.tolist() for calls in before.all]
    assert after.all[0].value[0] * 3600 == pytest.approx(30)


def test_state_of_functions_that_are_no_more_is_passed_over(tmp_path: Path) -> None:
    before = _derived(5).past
    assert before is not None
    past_file.write(tmp_path / past_file.FILE, before.saved(), T0)
    specs = [SPECS[0], TagSpec(slot=1, name="h", expression="hours_run(x > 2)", origin="t")]
    other = Derived(specs).past
    assert other is not None
    other.restore(past_file.read(tmp_path / past_file.FILE)[0])
    assert np.isnan(other.all[0].value).all()


def test_without_a_file_everything_begins_anew(tmp_path: Path) -> None:
    assert past_file.read(tmp_path / past_file.FILE) == ([], 0)


@pytest.mark.parametrize("damage", ["cut", "other", "newer"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, damage: str) -> None:
    path = tmp_path / past_file.FILE
    before = _derived(5).past
    assert before is not None
    past_file.write(path, before.saved(), T0)
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "other":
        path.write_bytes(b"nothing of ours")
    else:
        path.write_bytes(whole.replace(b'"schema": 1', b'"schema": 2'))
    with pytest.raises(StoreFault, match="cannot be read") as fault:
        past_file.read(path)
    assert fault.value.where == str(path)
    assert "begin anew" in fault.value.remedy
