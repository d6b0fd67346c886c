import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from armillary.model.clock import NS, ManualClock
from armillary.model.fault import FaultRecord
from armillary.model.frame import Frame, WorldKind, empty_frame
from armillary.model.message import Enroll, Enrolled
from armillary.model.quality import BAD, GOOD, STALE
from armillary.model.series import Series, SeriesAnswer, SeriesQuery
from armillary.model.tags import TagSpec
from armillary.session.tail import Ring
from armillary.session.timeline import Timeline, thinned

T = 1_790_000_000 * NS
SPECS = (
    TagSpec(slot=0, name="a", unit="°C", expected_ms=1000),
    TagSpec(slot=1, name="b", unit="m"),
    TagSpec(slot=2, name="c", history=False),
)


class Recorder:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, Callable[[object], None]]] = []

    def ask(self, message: object, callback: Callable[[object], None], _limit_s: float) -> None:
        self.asked.append((message, callback))

    def answer(self, answer: object) -> None:
        self.asked.pop(0)[1](answer)

    @property
    def question(self) -> object:
        return self.asked[0][0]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def timeline(clock: ManualClock, recorder: Recorder) -> Timeline:
    return Timeline(recorder.ask, lambda: SPECS, clock.now_ns)


def series(
    t_s: list[float], values: list[float], start_ns: int, level_s: float = 0.0, request: int = 0
) -> Series:
    v = np.array(values)
    return Series(
        id=11,
        t_ns=start_ns + (np.array(t_s) * NS).astype(np.int64),
        low=v,
        high=v + 0.5,
        mean=v,
        quality=np.zeros(len(v), np.uint16),
        level_s=level_s,
        request=request,
    )


def frame(clock: ManualClock, slot: int, value: float, quality: int = GOOD, source_ns: int = 0) -> Frame:
    base = empty_frame("w", WorldKind.LIVE)
    at = clock.now_ns()
    for name, array in {
        "slot": np.array([slot], np.uint32),
        "value": np.array([value]),
        "source_ns": np.array([source_ns or at]),
        "quality": np.array([quality], np.uint16),
    }.items():
        object.__setattr__(base, name, array)
    object.__setattr__(base, "t_ns", at)
    return base


def test_a_new_pen_asks_for_its_id_and_then_for_its_range_in_pixels(
    timeline: Timeline, recorder: Recorder, clock: ManualClock
) -> None:
    timeline.follow(60.0, 400)
    timeline.add((0,))
    assert recorder.question == Enroll(tags=("a",), create=False)
    recorder.answer(Enrolled(ids=np.array([11], np.uint32)))
    query = recorder.question
    assert isinstance(query, SeriesQuery)
    assert (query.ids, query.width, query.to_ns - query.from_ns) == ((11,), 400, 60 * NS)
    start = clock.now_ns() - 10 * NS
    recorder.answer(SeriesAnswer(series=(series([0, 1, 2], [1, 2, 3], start),), request=query.request))
    (pen,) = timeline.pens()
    assert (pen.name, pen.unit, pen.past, pen.low.tolist()) == ("a", "°C", "", [1, 2, 3])


def test_an_answer_for_an_older_range_is_discarded_and_counted(
    timeline: Timeline, recorder: Recorder
) -> None:
    timeline.add((1,))
    recorder.answer(Enrolled(ids=np.array([12], np.uint32)))
    old = recorder.asked.pop(0)
    timeline.set_range(0, 10 * NS, 300)
    old[1](SeriesAnswer(series=(series([0], [9.0], 0),), request=0))
    assert timeline.stale_answers == 1
    assert timeline.pens()[0].low.tolist() == []
    assert timeline.view_ns() == (0, 10 * NS)


def test_live_samples_follow_the_past_without_doubles(
    timeline: Timeline, recorder: Recorder, clock: ManualClock
) -> None:
    timeline.add((1,))
    timeline.take(frame(clock, 1, 5.0))
    recorder.answer(Enrolled(ids=np.array([12], np.uint32)))
    past = series([-2, -1, 0], [3.0, 4.0, 5.0], clock.now_ns())
    recorder.answer(SeriesAnswer(series=(past,), request=1))
    clock.advance(1)
    timeline.take(frame(clock, 1, 6.0))
    pen = timeline.pens()[0]
    assert pen.low.tolist() == [3.0, 4.0, 5.0, 6.0]
    assert (np.diff(pen.t_ns) > 0).all()


def test_a_gap_is_never_bridged(timeline: Timeline, recorder: Recorder, clock: ManualClock) -> None:
    timeline.add((0,))
    recorder.answer(Enrolled(ids=np.array([11], np.uint32)))
    past = series([-20, -19, -5, -4], [1.0, 1.0, 2.0, 2.0], clock.now_ns())
    recorder.answer(SeriesAnswer(series=(past,), request=1))
    low = timeline.pens()[0].low
    assert np.isnan(low).tolist() == [False, False, True, False, False]
    assert timeline.value_at(0, clock.now_ns() - 12 * NS) is None
    assert timeline.value_at(0, clock.now_ns() - 19 * NS) == (1.0, 1.5, GOOD)


def test_a_tag_that_turns_stale_or_bad_ends_its_line_there(timeline: Timeline, clock: ManualClock) -> None:
    timeline.add((1,))
    first = clock.now_ns()
    timeline.take(frame(clock, 1, 5.0))
    clock.advance(3)
    timeline.take(frame(clock, 1, 5.0, STALE, source_ns=first))
    clock.advance(3)
    timeline.take(frame(clock, 1, math.nan, BAD))
    pen = timeline.pens()[0]
    assert np.isnan(pen.low).tolist() == [False, True, True]
    assert pen.quality.tolist() == [GOOD, STALE, BAD]
    assert pen.t_ns[1] == first + 3 * NS


def test_a_pen_says_why_its_past_is_missing(timeline: Timeline, recorder: Recorder) -> None:
    timeline.add((1, 2))
    recorder.answer(
        FaultRecord(kind="WorldFault", what="The recorder is not connected.", where="", remedy="")
    )
    pens = timeline.pens()
    assert pens[0].past == "The recorder is not connected."
    assert pens[1].past == "This tag is not recorded."


def test_the_past_of_a_person_is_not_read_for_a_trend(recorder: Recorder, clock: ManualClock) -> None:
    specs = (*SPECS[:2], TagSpec(slot=2, name="badge", personal="direct", subject="anna"))
    timeline = Timeline(recorder.ask, lambda: specs, clock.now_ns)
    timeline.add((2,))
    assert recorder.asked == []
    assert timeline.pens()[0].past.startswith("This tag tells of a person")


def test_pens_keep_their_order_and_go_when_removed(timeline: Timeline, recorder: Recorder) -> None:
    timeline.add((1, 0, 1))
    assert timeline.slots == (1, 0)
    timeline.remove(1)
    assert [p.slot for p in timeline.pens()] == [0]
    assert timeline.value_at(1, 0) is None
    timeline.clear()
    assert timeline.pens() == ()


def test_the_past_is_read_again_when_half_the_span_has_slid_out(
    timeline: Timeline, recorder: Recorder, clock: ManualClock
) -> None:
    timeline.follow(10.0, 100)
    timeline.add((1,))
    recorder.answer(Enrolled(ids=np.array([12], np.uint32)))
    recorder.answer(SeriesAnswer(series=(series([], [], 0),), request=2))
    clock.advance(4)
    timeline.take(frame(clock, 1, 1.0))
    assert recorder.asked == []
    clock.advance(2)
    timeline.take(frame(clock, 1, 1.0))
    assert isinstance(recorder.question, SeriesQuery)


def test_thinning_keeps_extremes_and_gaps() -> None:
    t = np.arange(10_000, dtype=np.int64) * 1000
    value = np.sin(np.arange(10_000) / 50.0)
    value[5_000], value[7_000] = 9.0, np.nan
    quality = np.zeros(10_000, np.uint16)
    at, low, high, _ = thinned(t, value, quality, 200)
    assert len(at) <= 2 * 200 + 2
    assert np.nanmax(high) == 9.0
    assert np.nanmin(low) == np.nanmin(value)
    assert np.isnan(low).any()
    assert (np.diff(at) > 0).all()


def test_a_ring_keeps_the_newest_in_order() -> None:
    ring = Ring(4)
    for i in range(10):
        ring.put(i * 10, float(i), 0)
    ring.put(5, 99.0, 0)  # late: not the tail's business
    ring.put(90, 9.5, 2)  # same time: replaces
    t, value, quality = ring.arrays()
    assert (t.tolist(), value.tolist(), quality.tolist()) == ([60, 70, 80, 90], [6, 7, 8, 9.5], [0, 0, 0, 2])


def test_a_held_range_is_read_with_its_neighbours_so_that_panning_asks_nothing(
    timeline: Timeline, recorder: Recorder
) -> None:
    start, end = 1_000 * NS, 1_100 * NS
    timeline.add((1,))
    recorder.answer(Enrolled(ids=np.array([12], np.uint32)))
    recorder.asked.clear()
    timeline.set_range(start, end, 100)
    query = recorder.question
    assert isinstance(query, SeriesQuery)
    assert (query.from_ns, query.to_ns, query.width) == (900 * NS, 1_200 * NS, 300)
    recorder.answer(SeriesAnswer(series=(series([900, 1000, 1199], [1, 2, 3], 0),), request=query.request))
    timeline.set_range(start + 50 * NS, end + 50 * NS, 100)
    assert recorder.asked == []
    timeline.set_range(start + 90 * NS, end + 90 * NS, 100)
    assert isinstance(recorder.question, SeriesQuery)


def test_a_pen_says_what_was_not_answered_yet_and_moves_by_less_than_half_without_being_made_anew(
    timeline: Timeline, recorder: Recorder
) -> None:
    timeline.add((1,))
    recorder.answer(Enrolled(ids=np.array([12], np.uint32)))
    recorder.asked.clear()
    timeline.set_range(1_000 * NS, 1_100 * NS, 100)
    recorder.answer(SeriesAnswer(series=(series([950, 1000, 1199], [1, 2, 3], 0),), request=2))
    first = timeline.pens()[0]
    assert first.unknown == ()
    timeline.set_range(1_010 * NS, 1_110 * NS, 100)
    timeline.set_range(1_020 * NS, 1_120 * NS, 100)
    assert timeline.pens()[0] is timeline.pens()[0]
    timeline.set_range(3_000 * NS, 3_100 * NS, 100)
    assert timeline.pens()[0].unknown == ((2_900 * NS, 3_200 * NS),)


def replayed(t_ns: int) -> Frame:
    return replace(empty_frame("replay", WorldKind.REPLAY), t_ns=t_ns)


def test_a_held_range_turns_its_page_when_the_cursor_of_a_replay_leaves_it(recorder: Recorder) -> None:
    at = [T]
    timeline = Timeline(recorder.ask, lambda: SPECS, lambda: at[0])
    timeline.visit(WorldKind.REPLAY)
    timeline.add((0,))

    def shown(seconds: float) -> tuple[float, float]:
        at[0] = T + round(seconds * NS)
        timeline.take(replayed(at[0]))
        return tuple((end - T) / NS for end in timeline.view_ns())  # type: ignore[return-value]

    shown(0.0)
    timeline.set_range(T - 50 * NS, T + 50 * NS, 400)
    assert timeline.cursor_ns == T
    assert shown(50.0) == (-50.0, 50.0), "it is in there still"
    assert shown(52.0) == (27.0, 127.0), "most of what comes is seen"
    assert timeline.cursor_ns == T + 52 * NS
    assert shown(20.0) == (-55.0, 45.0), "backwards too"
    assert shown(900.0) == (850.0, 950.0), "a jump is shown in its middle"
    timeline.set_range(T, T + 10 * NS, 400)
    assert shown(2_000.0) == (0.0, 10.0), "who looks elsewhere is left there"
    timeline.follow(60.0, 400)
    assert shown(2_010.0) == (1950.0, 2010.0)
    assert timeline.cursor_ns == 0, "it is the edge"


def test_a_wheel_that_turns_has_two_questions_under_way_and_then_asks_for_the_last_range(
    timeline: Timeline, recorder: Recorder
) -> None:
    timeline.add((1,))
    recorder.answer(Enrolled(ids=np.array([12], np.uint32)))
    recorder.asked.clear()
    timeline._flying.clear()
    for i in range(8):
        timeline.set_range(0, (1_000 >> i) * NS, 100)
    assert len(recorder.asked) == 2
    first = recorder.asked[0][0]
    assert isinstance(first, SeriesQuery)
    recorder.answer(SeriesAnswer(series=(series([], [], 0, 60.0),), request=first.request))
    last = recorder.asked[-1][0]
    assert isinstance(last, SeriesQuery)
    assert last.from_ns == -(1_000 >> 7) * NS


def test_an_older_answer_that_comes_after_a_newer_one_is_discarded(
    timeline: Timeline, recorder: Recorder
) -> None:
    timeline.add((1,))
    recorder.answer(Enrolled(ids=np.array([12], np.uint32)))
    recorder.asked.clear()
    timeline._flying.clear()
    timeline.set_range(0, 100 * NS, 100)
    timeline.set_range(0, 10 * NS, 100)
    old, new = recorder.asked
    for asked, value in ((new, 2.0), (old, 1.0)):
        query = asked[0]
        assert isinstance(query, SeriesQuery)
        asked[1](SeriesAnswer(series=(series([0, 5], [value, value], 0),), request=query.request))
    assert timeline.stale_answers == 1
    assert timeline.pens()[0].low.tolist() == [2.0, 2.0]
