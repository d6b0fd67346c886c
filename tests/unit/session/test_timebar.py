from pathlib import Path

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.fault import Fault, FaultRecord
from armillary.model.message import AskDensity, Density
from armillary.session.bookmarks import Bookmarks
from armillary.session.timebar import TimeBar, behind_text

NOW = 1_000_000 * NS


class Asked:
    def __init__(self) -> None:
        self.now = NOW
        self.questions: list[tuple[AskDensity, object]] = []
        self.bar = TimeBar(self.ask, lambda: self.now)

    def ask(self, message: object, callback: object, _limit_s: float) -> None:
        assert isinstance(message, AskDensity)
        self.questions.append((message, callback))

    def answer(self, worst: list[int], gap: list[int], at: int = -1) -> None:
        question, callback = self.questions[at]
        callback(  # type: ignore[operator]  what the bar gave
            Density(
                from_ns=question.from_ns,
                to_ns=question.to_ns,
                worst=np.array(worst, np.uint8),
                gap=np.array(gap, np.bool_),
            )
        )


@pytest.fixture
def asked() -> Asked:
    return Asked()


def test_the_bar_follows_now_and_shows_the_last_hour(asked: Asked) -> None:
    start, end = asked.bar.view_ns()
    assert end - start == 3600 * NS
    assert start < NOW < end
    asked.now += 60 * NS
    assert asked.bar.view_ns()[1] == end + 60 * NS


def test_the_wheel_keeps_the_time_under_the_mouse(asked: Asked) -> None:
    asked.bar.show(NOW - 7200 * NS, NOW - 3600 * NS)
    before = asked.bar.time_at(0.25)
    asked.bar.zoom(0.5, 0.25)
    assert abs(asked.bar.time_at(0.25) - before) < NS
    assert asked.bar.span_s == 1800


def test_panning_never_goes_beyond_now(asked: Asked) -> None:
    asked.bar.pan(-0.5)
    assert not asked.bar.following
    asked.bar.pan(5.0)
    assert asked.bar.following
    assert asked.bar.time_at(1.0) == NOW


def test_one_question_at_a_time_and_the_newest_range_last(asked: Asked) -> None:
    asked.bar.pan(-0.5)
    asked.bar.pan(-0.5)
    asked.bar.pan(-0.5)
    assert len(asked.questions) == 1
    asked.answer([0, 0], [0, 0])
    assert len(asked.questions) == 2
    assert asked.questions[1][0].to_ns == asked.bar.view_ns()[1]


def test_an_alarm_column_never_vanishes_between_two_pixels(asked: Asked) -> None:
    asked.bar.set_width(1000)
    worst = [0] * 1000
    worst[501], worst[502] = 3, 1
    asked.bar.show(NOW - 7200 * NS, NOW - 3600 * NS)
    asked.answer(worst, [0] * 1000)
    asked.answer(worst, [0] * 1000)
    few = asked.bar.columns(10)
    assert few.worst.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert few.known.all()
    asked.bar.show(NOW - 2 * 7200 * NS, NOW - 7200 * NS)
    assert not asked.bar.columns(10).known[:4].any(), "nothing is known of what was not read"


def test_a_recorder_that_refuses_is_said(asked: Asked) -> None:
    asked.bar.pan(-0.5)
    callback = asked.questions[0][1]
    callback(FaultRecord(kind="StoreFault", what="No recorder.", where="r", remedy="Start it."))  # type: ignore[operator]
    assert asked.bar.trouble == "No recorder."


def test_how_far_behind_is_said_in_two_units_at_most() -> None:
    assert [behind_text(s) for s in (0.2, 59, 250, 11_100, 187_200)] == [
        "0 s",
        "59 s",
        "4 min 10 s",
        "3 h 5 min",
        "2 d 4 h",
    ]


def test_bookmarks_are_kept_per_project_and_found_in_order(tmp_path: Path) -> None:
    marks = Bookmarks(tmp_path / "a", tmp_path / "kept")
    for t_ns in (30, 10, 20):
        marks.add(t_ns * NS, f"m{t_ns}")
    again = Bookmarks(tmp_path / "a", tmp_path / "kept")
    assert [m.title for m in again.marks] == ["m10", "m20", "m30"]
    assert Bookmarks(tmp_path / "b", tmp_path / "kept").marks == ()
    found = again.next(20 * NS, 1), again.next(20 * NS, -1), again.next(30 * NS, 1)
    assert [m and m.title for m in found] == ["m30", "m10", None]
    again.remove(20 * NS)
    assert len(Bookmarks(tmp_path / "a", tmp_path / "kept").marks) == 2


def test_events_and_late_data_keep_their_columns_when_the_bar_is_zoomed_out(asked: Asked) -> None:
    asked.bar.show(NOW - 7200 * NS, NOW - 3600 * NS)
    question, callback = asked.questions[-1]
    event, late = np.zeros(100, np.uint8), np.zeros(100, np.bool_)
    event[33], event[34], late[70:72] = 3, 1, True
    answer = Density(
        from_ns=question.from_ns, to_ns=question.to_ns, worst=np.zeros(100, np.uint8),
        gap=np.zeros(100, np.bool_), event=event, late=late,
    )  # fmt: skip
    callback(answer)  # type: ignore[operator]  what the bar gave
    few = asked.bar.columns(10)
    assert few.event.tolist() == [0, 0, 0, 3, 0, 0, 0, 0, 0, 0]
    assert few.late.tolist() == [i == 7 for i in range(10)]


def test_a_range_is_marked_from_either_end_kept_by_name_and_forgotten(asked: Asked, tmp_path: Path) -> None:
    bar = asked.bar
    bar.bookmarks = Bookmarks(tmp_path / "a", tmp_path)
    with pytest.raises(Fault, match="No range is marked"):
        bar.keep_range("x")
    bar.begin_range(NOW - 600 * NS)
    assert bar.marked == (NOW - 600 * NS, NOW)
    bar.end_range(NOW - 300 * NS)
    assert bar.marked == (NOW - 600 * NS, NOW - 300 * NS)
    bar.begin_range(NOW - 100 * NS)
    assert bar.marked == (NOW - 100 * NS, NOW), "one that would end before it begins ends now"
    bar.mark(NOW - 10 * NS, NOW - 50 * NS)
    bar.bookmark(NOW - 50 * NS, "a time")
    kept = bar.keep_range("  pump trip ")
    assert (kept.title, kept.is_range) == ("pump trip", True)
    again = Bookmarks(tmp_path / "a", tmp_path)
    assert again.ranges == (kept,)
    assert len(again.marks) == 2, "a time and a range may begin together"
    bar.forget(kept.t_ns, kept.to_ns)
    assert [m.title for m in Bookmarks(tmp_path / "a", tmp_path).marks] == ["a time"]
    bar.mark(NOW, NOW)
    assert bar.marked is None


def test_bookmarks_of_the_version_before_are_read(tmp_path: Path) -> None:
    marks = Bookmarks(tmp_path / "a", tmp_path)
    assert marks.path is not None
    marks.path.write_text('{"schema": 1, "bookmarks": [{"t_ns": 5, "title": "old"}]}')
    assert [m.title for m in Bookmarks(tmp_path / "a", tmp_path).marks] == ["old"]


@pytest.mark.parametrize("text", ["{", '{"schema": 3, "bookmarks": []}', '{"schema": 1, "bookmarks": [1]}'])
def test_bookmarks_that_cannot_be_read_are_put_aside_and_said(tmp_path: Path, text: str) -> None:
    marks = Bookmarks(tmp_path / "a", tmp_path)
    assert marks.path is not None
    marks.path.write_text(text)
    broken = Bookmarks(tmp_path / "a", tmp_path)
    assert broken.problem
    assert broken.marks == ()
    broken.add(NS)
    assert marks.path.with_suffix(".broken.json").read_text() == text


def test_a_bookmark_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    marks = Bookmarks(tmp_path / "a", tmp_path / "file")
    with pytest.raises(Fault, match="could not be saved"):
        marks.add(NS)
