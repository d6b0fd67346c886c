from armillary.model.clock import NS
from armillary.session.restarts import Restarts


def test_a_process_that_died_is_due_at_once_and_once() -> None:
    restarts = Restarts()
    assert restarts.due_s(0) is None
    assert restarts.died("world", 10 * NS) == 0.2
    assert restarts.is_due("world")
    assert restarts.due_s(10 * NS) == 0.2
    assert restarts.take_due(10 * NS) == []
    assert restarts.take_due(11 * NS) == ["world"]
    assert restarts.take_due(12 * NS) == []
    assert not restarts.is_due("world")


def test_one_that_dies_at_once_each_time_is_started_less_and_less_often_but_always() -> None:
    restarts = Restarts()
    assert [restarts.died("world", t * NS) for t in range(10)] == [
        *(0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30)
    ]
    assert restarts.died("recorder", 10 * NS) == 0.2  # each for itself


def test_rare_deaths_are_followed_at_once() -> None:
    restarts = Restarts()
    assert [restarts.died("world", t * 61 * NS) for t in range(10)] == [0.2] * 10


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
