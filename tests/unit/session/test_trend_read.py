from collections.abc import Callable

import numpy as np

from armillary.model.clock import NS
from armillary.model.fault import FaultRecord
from armillary.model.message import AskAt, Samples
from armillary.model.sample import batch_of
from armillary.model.series import Series, SeriesAnswer, SeriesQuery
from armillary.model.tags import TagSpec
from armillary.session.trend_read import MOST_EXACT, Stretches, followed, settled, span_text

T0 = 1_750_000_000 * NS
SPECS = (
    TagSpec(slot=0, name="a", expected_ms=1000),
    TagSpec(slot=1, name="b"),  # reports changes only
    TagSpec(slot=2, name="c", history=False),
)


class Recorder:
    def __init__(self) -> None:
        self.asked: list[tuple[object, Callable[[object], None]]] = []

    def ask(self, message: object, callback: Callable[[object], None], _limit_s: float) -> None:
        self.asked.append((message, callback))

    def next(self, answer: object) -> object:
        message, callback = self.asked.pop(0)
        callback(answer)
        return message


def series(id_: int, n: int, level_s: float = 0.0, per_bucket: int = 1) -> Series:
    t = T0 + (np.arange(n) * (level_s or 1.0) * NS).astype(np.int64)
    v = np.arange(n, dtype=np.float64)
    return Series(
        id=id_,
        t_ns=t,
        low=v,
        high=v,
        mean=v,
        quality=np.zeros(n, np.uint16),
        level_s=level_s,
        count=np.full(n, per_bucket, np.int64),
    )


def held(id_: int = 12, t_ns: int = T0 - 3600 * NS, value: float = 7.0) -> Samples:
    return Samples(
        batch=batch_of(np.array([id_], np.uint32), np.array([value]), np.array([t_ns]), np.array([t_ns]), 0)
    )


def reader(recorder: Recorder) -> Stretches:
    return Stretches(recorder.ask, lambda: SPECS, lambda slot: (11, 12, 0)[slot])


def test_few_samples_come_with_one_question_and_a_held_value_leads_them() -> None:
    recorder = Recorder()
    at = reader(recorder)
    at.want((0, 1, 2), T0, T0 + 100 * NS)
    assert isinstance(recorder.next(held()), AskAt)
    query = recorder.next(SeriesAnswer(series=(series(11, 5), series(12, 0)), request=0))
    assert isinstance(query, SeriesQuery)
    assert query.ids == (11, 12)
    assert query.from_ns < T0  # a sample just before the range leads into it
    assert not at.is_reading
    assert len(at.have[0].t_ns) == 5
    assert at.have[1].mean.tolist() == [7.0]
    assert set(at.have) == {0, 1}


def test_many_samples_are_read_whole_and_too_many_stay_buckets() -> None:
    recorder = Recorder()
    at = reader(recorder)
    at.want((0, 1), T0, T0 + 100 * NS)
    recorder.next(Samples(batch=held().batch))
    big = series(12, 10, 10.0, per_bucket=MOST_EXACT)
    recorder.next(SeriesAnswer(series=(series(11, 10, 10.0, per_bucket=100), big), request=0))
    assert at.is_reading
    query = recorder.next(SeriesAnswer(series=(series(11, 1000),), request=0))
    assert isinstance(query, SeriesQuery)
    assert (query.agg, query.ids) == ("raw", (11,))
    assert not at.is_reading
    assert (at.have[0].is_exact, at.have[1].is_exact) == (True, False)


def test_what_was_wanted_before_does_not_come_any_more() -> None:
    recorder = Recorder()
    at = reader(recorder)
    at.want((0,), T0, T0 + NS)
    at.want((0,), T0, T0 + NS)
    assert len(recorder.asked) == 1
    at.want((0,), T0, T0 + 2 * NS)
    recorder.next(held())
    assert len(recorder.asked) == 1
    assert at.have == {}


def test_a_recorder_that_is_away_is_said() -> None:
    recorder = Recorder()
    at = reader(recorder)
    at.want((0,), T0, T0 + NS)
    for _ in range(2):
        recorder.next(FaultRecord(kind="StoreFault", what="The recorder is away.", where="", remedy=""))
    assert at.trouble == "The recorder is away."
    assert not at.is_reading


def test_the_live_tail_follows_what_was_read() -> None:
    recorder = Recorder()
    at = reader(recorder)
    at.want((0,), T0, T0 + 10 * NS)
    recorder.next(held())
    recorder.next(SeriesAnswer(series=(series(11, 5),), request=0))
    t = T0 + np.array([3, 4, 5, 6, 99]) * NS
    got = followed(at.have[0], t, np.arange(5.0), np.zeros(5, np.uint16), T0 + 10 * NS)
    assert ((got.t_ns - T0) / NS).tolist() == [0, 1, 2, 3, 4, 5, 6]


def test_a_sliding_range_is_settled_and_spans_read_well() -> None:
    assert settled((T0 + 1, T0 + 5 * NS + 1), 2.0) == (T0, T0 + 4 * NS)
    assert [span_text(s) for s in (2.5e-3, 12, 600, 7_200, 864_000)] == [
        "2.5 ms",
        "12 s",
        "10 min",
        "2 h",
        "10 d",
    ]
