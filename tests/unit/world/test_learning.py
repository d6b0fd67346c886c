"""What tags have taught outlives the world: it is written down, and read with the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.tags import TagSpec, stale_after_ms
from armillary.project import learnt
from armillary.telemetry.intervals import Learnt
from armillary.world.learning import EVERY_NS, Learning


def spec(slot: int = 0, **more: object) -> TagSpec:
    given: dict[str, object] = {"interval": "default", "stale_after_ms": 10_000, **more}
    return TagSpec(slot=slot, name=f"t{slot}", link="m", address="t#v", **given)  # type: ignore[arg-type]


def news(expected_s: float, usual_s: float, slot: int = 0) -> Learnt:
    return Learnt(
        slot=np.array([slot], np.uint32),
        expected_ns=np.array([int(expected_s * NS)]),
        usual_ns=np.array([int(usual_s * NS)]),
    )


def saved(tmp_path: Path, expected_s: float = 1.02, usual_s: float = 1.0) -> None:
    learning = Learning([spec()], tmp_path / "private")
    learning.put(news(expected_s, usual_s))
    assert learning.take() == ((0, round(expected_s * 1000), round(usual_s * 1000)),)
    assert learning.save(EVERY_NS) is None


def test_what_was_learnt_is_the_tags_interval_at_the_next_start(tmp_path: Path) -> None:
    saved(tmp_path)
    (again,) = learnt.applied([spec()], learnt.read(tmp_path / "private"))
    assert (again.expected_ms, again.interval, stale_after_ms(again)) == (1020, "learnt", 3060)


@pytest.mark.parametrize(
    "other",
    [
        {"interval": "engineer"},
        {"interval": "model"},
        {"liveness": "device"},
    ],
)
def test_what_somebody_says_goes_before_what_was_learnt(tmp_path: Path, other: dict[str, str]) -> None:
    saved(tmp_path)
    (again,) = learnt.applied([spec(**other)], learnt.read(tmp_path / "private"))
    assert again == spec(**other)


def test_a_tag_with_another_address_learns_anew(tmp_path: Path) -> None:
    saved(tmp_path)
    moved = TagSpec(slot=0, name="t0", link="m", address="other", interval="default", stale_after_ms=10_000)
    assert learnt.applied([moved], learnt.read(tmp_path / "private")) == [moved]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema": 2, "tags": {}}', '{"schema": 1, "tags": {"a": 5}}']
)
def test_a_broken_file_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / learnt.FILE).write_text(text)
    assert learnt.read(tmp_path) == {}


def test_the_file_is_written_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    learning = Learning([spec(0), spec(1)], tmp_path)
    for slot, at in ((0, EVERY_NS), (1, EVERY_NS + 1)):
        learning.put(news(1, 1, slot))
        learning.take()
        learning.save(at)
    assert list(learnt.read(tmp_path)) == ["t0"]
    learning.save(EVERY_NS + 2, ending=True)
    assert list(learnt.read(tmp_path)) == ["t0", "t1"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("a file in the way")
    learning = Learning([spec()], tmp_path / "private")
    learning.put(news(1, 1))
    learning.take()
    told = learning.save(EVERY_NS)
    assert told is not None
    assert "cannot be written down" in told.what


def test_irregular_arrivals_are_told_with_what_to_do(tmp_path: Path) -> None:
    learning = Learning([spec(0), spec(1)], tmp_path)
    learning.put(news(40.0, 2.0))
    learning.put(news(1.2, 1.0, slot=1))
    slots = [slot for slot, _, _ in learning.take()]
    told = learning.irregular(slots)
    assert told is not None
    assert told.what == "Arrivals of 1 tags are irregular: t0 (often 2 s, at times 40 s)."
    assert "liveness" in told.remedy
    assert learning.irregular([1]) is None
