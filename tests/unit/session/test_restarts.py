from armillary.model.clock import NS
from armillary.session.restarts import Restarts


def test_a_process_that_died_is_due_half_a_second_later_once() -> None:
    restarts = Restarts()
    assert restarts.due_s(0) is None
    assert restarts.died("world", 10 * NS) == 0.5
    assert restarts.is_due("world")
    assert restarts.due_s(10 * NS) == 0.5
    assert restarts.take_due(10 * NS) == []
    assert restarts.take_due(11 * NS) == ["world"]
    assert restarts.take_due(12 * NS) == []
    assert not restarts.is_due("world")


def test_one_that_dies_at_once_each_time_is_started_less_and_less_often_but_always() -> None:
    restarts = Restarts()
    assert [restarts.died("world", t * NS) for t in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert restarts.died("recorder", 9 * NS) == 0.5  # each for itself


def test_rare_deaths_are_followed_at_once() -> None:
    restarts = Restarts()
    assert [restarts.died("world", t * 61 * NS) for t in range(10)] == [0.5] * 10


def test_what_a_person_started_is_not_started_again() -> None:
    restarts = Restarts()
    restarts.died("world", 0)
    restarts.cancel("world")
    assert restarts.take_due(10 * NS) == []


def test_what_need_not_be_started_yet_is_looked_at_again() -> None:
    restarts = Restarts()
    restarts.again("recorder", 2 * NS)
    assert restarts.take_due(NS) == []
    assert restarts.take_due(2 * NS) == ["recorder"]
