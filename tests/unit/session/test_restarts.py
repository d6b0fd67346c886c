from armillary.model.clock import NS
from armillary.session.restarts import Restarts


def test_a_process_that_died_is_due_a_second_later_once() -> None:
    restarts = Restarts()
    assert restarts.due_s(0) is None
    assert restarts.died("world", 10 * NS)
    assert restarts.due_s(10 * NS) == 1.0
    assert restarts.take_due(10 * NS) == []
    assert restarts.take_due(11 * NS) == ["world"]
    assert restarts.take_due(12 * NS) == []


def test_one_that_dies_at_once_each_time_is_given_up() -> None:
    restarts = Restarts()
    assert [restarts.died("world", t * NS) for t in (0, 2, 4, 6)] == [True, True, False, False]
    assert restarts.died("recorder", 6 * NS)  # each for itself


def test_rare_deaths_are_never_given_up() -> None:
    restarts = Restarts()
    assert all(restarts.died("world", t * 31 * NS) for t in range(10))


def test_what_a_person_started_is_not_started_again() -> None:
    restarts = Restarts()
    restarts.died("world", 0)
    restarts.cancel("world")
    assert restarts.take_due(10 * NS) == []
