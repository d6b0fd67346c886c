"""The time of a request: more for larger files, none where none runs."""

import signal

import pytest

from armillary.model.message import OpenScene, SaveBindings
from armillary.scene import child, deadline


@pytest.fixture(autouse=True)
def stopped() -> object:
    yield
    deadline.end()


def left() -> float:
    return signal.getitimer(signal.ITIMER_REAL)[0]


def test_large_files_get_more_time_and_the_end_stops_it(tmp_path) -> None:
    (tmp_path / "big.usdc").write_bytes(b"\0" * 5_000_000)
    deadline.begin(100)
    deadline.extend([str(tmp_path / "big.usdc"), str(tmp_path / "gone.usdc")])
    assert 104 < left() <= 105
    deadline.end()
    assert left() == 0


def test_without_a_request_no_time_runs(tmp_path) -> None:
    (tmp_path / "a.usda").write_bytes(b"\0" * 5_000_000)
    deadline.extend([str(tmp_path / "a.usda")])
    assert left() == 0


def test_a_project_may_give_a_scene_more_time_and_saving_is_not_cut_short() -> None:
    assert child._seconds(OpenScene(entry="/a.usda")) == deadline.SECONDS
    assert child._seconds(OpenScene(entry="/a.usda", limits={"seconds": 90})) == 90
    assert child._seconds(SaveBindings(bindings=())) == deadline.MOST_SECONDS
