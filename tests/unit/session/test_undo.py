"""Undo: two hundred steps, one at a time, and a step that fails stays where it was."""

from __future__ import annotations

from armillary.session.undo import MOST, Done, Step, Undo


class Value:
    """A number that steps change; it can refuse."""

    def __init__(self) -> None:
        self.now, self.refuses, self.held = 0, "", False
        self.waiting: list[Done] = []

    def set(self, value: int, done: Done) -> None:
        if self.held:
            self.waiting.append(done)
            return
        if not self.refuses:
            self.now = value
        done(self.refuses)

    def step(self, old: int, new: int) -> Step:
        return Step(f"{old} to {new}", lambda d: self.set(old, d), lambda d: self.set(new, d))


def test_steps_go_back_and_forth_in_order() -> None:
    value, undo = Value(), Undo()
    for i in range(3):
        undo.push(value.step(i, i + 1))
    value.now = 3
    undo.undo()
    undo.undo()
    assert (value.now, undo.undoes, undo.redoes) == (1, "0 to 1", "1 to 2")
    undo.redo()
    assert value.now == 2
    undo.push(value.step(2, 9))
    assert undo.redoes == ""


def test_at_most_two_hundred_are_kept() -> None:
    value, undo = Value(), Undo()
    for i in range(MOST + 50):
        undo.push(value.step(i, i + 1))
    for _ in range(MOST + 50):
        undo.undo()
    assert value.now == 50


def test_a_step_that_fails_stays_and_says_why() -> None:
    value, undo = Value(), Undo()
    told: list[str] = []
    undo.told.connect(told.append)
    undo.push(value.step(0, 1))
    value.now, value.refuses = 1, "The folder is read-only."
    undo.undo()
    assert (value.now, undo.undoes) == (1, "0 to 1")
    assert told == ["The folder is read-only."]


def test_one_step_runs_at_a_time() -> None:
    value, undo = Value(), Undo()
    undo.push(value.step(0, 1))
    undo.push(value.step(1, 2))
    value.held = True
    undo.undo()
    undo.undo()
    assert len(value.waiting) == 1
    value.waiting[0]("")
    assert undo.undoes == "0 to 1"


def test_a_person_goes_back_to_a_line_of_the_list_and_forth_again() -> None:
    value, undo = Value(), Undo()
    for i in range(4):
        undo.push(value.step(i, i + 1))
    value.now = 4
    undo.go(3)
    assert (value.now, undo.done, undo.undone) == (1, ("0 to 1",), ("3 to 4", "2 to 3", "1 to 2"))
    undo.go(-2)
    assert (value.now, undo.done[-1]) == (3, "2 to 3")
    value.refuses = "Not now."
    undo.go(2)
    assert (value.now, len(undo.done)) == (3, 3)
