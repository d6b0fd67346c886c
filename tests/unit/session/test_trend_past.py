import numpy as np

from armillary.model.clock import NS
from armillary.model.series import Series
from armillary.session.trend_past import SETTLE_NS, Past

T0 = 1_750_000_000 * NS


def read(past: Past, from_s: int, to_s: int, level_s: float, value: float, asked_s: int = 10_000_000) -> None:
    step = level_s or 1.0
    t = T0 + (np.arange(from_s, to_s, step) * NS).astype(np.int64)
    v = np.full(len(t), value)
    q = np.zeros(len(t), np.uint16)
    series = Series(id=1, t_ns=t, low=v, high=v + 1, mean=v, quality=q, level_s=level_s)
    past.put(series, T0 + from_s * NS, T0 + to_s * NS, T0 + asked_s * NS)


def at(second: float) -> int:
    return T0 + int(second * NS)


def test_what_was_never_answered_is_unknown_and_not_a_gap() -> None:
    past = Past()
    assert past.unknown(at(0), at(10)) == ((at(0), at(10)),)
    read(past, 0, 100, 0.0, 1.0)
    assert past.unknown(at(-50), at(120)) == ((at(-50), at(0)), (at(100), at(120)))
    assert past.suffices(at(10), at(90), 1.0)
    assert not past.suffices(at(10), at(101), 1.0)


def test_a_fine_answer_replaces_the_middle_of_a_coarse_one_and_nothing_is_lost_at_the_seams() -> None:
    past = Past()
    read(past, 0, 1000, 60.0, 5.0)
    read(past, 330, 370, 1.0, 9.0)
    got = past.points(at(0), at(1000), 0)
    assert (np.diff(got.t_ns) > 0).all()
    inside = (got.t_ns >= at(330)) & (got.t_ns < at(370))
    assert set(got.low[inside].tolist()) == {9.0}
    assert set(got.low[~inside].tolist()) == {5.0}
    assert at(370) in got.t_ns.tolist()  # the minute that began before the seam goes on behind it
    assert not past.suffices(at(0), at(1000), 1.0)
    assert past.suffices(at(340), at(360), 1.0)


def test_a_newer_answer_of_the_same_range_replaces_the_old_one() -> None:
    past = Past()
    read(past, 0, 100, 1.0, 1.0)
    read(past, 0, 100, 1.0, 2.0)
    assert set(past.points(at(0), at(100), 0).low.tolist()) == {2.0}
    assert len(past.reads) == 1


def test_the_end_of_an_older_live_answer_is_not_trusted_it_may_lack_what_was_on_its_way() -> None:
    past = Past()
    read(past, 0, 100, 1.0, 1.0, asked_s=100)
    assert past.unknown(at(0), at(100)) == ()
    read(past, 200, 300, 1.0, 1.0, asked_s=300)
    assert past.unknown(at(0), at(100)) == ((at(100) - SETTLE_NS, at(100)),)


def test_a_gap_inside_an_answer_stays_a_gap() -> None:
    past = Past()
    t = T0 + np.array([0, 1, 2, 50, 51]) * NS
    v, q = np.ones(5), np.zeros(5, np.uint16)
    past.put(Series(id=1, t_ns=t, low=v, high=v, mean=v, quality=q, level_s=0.0), at(0), at(60), at(999))
    assert np.isnan(past.points(at(0), at(60), 3000).low).sum() == 1
    assert not np.isnan(past.points(at(0), at(60), 0).low).any()  # the tag only reports changes


def test_a_range_inside_one_answer_has_a_point_more_on_either_side() -> None:
    past = Past()
    read(past, 0, 100, 0.0, 1.0)
    got = past.points(at(10.5), at(20.5), 0)
    assert ((got.t_ns - T0) / NS).tolist() == list(range(10, 22))
