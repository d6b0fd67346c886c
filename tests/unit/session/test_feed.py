from pathlib import Path
from typing import Any

import pytest

from armillary.model.control import AskRunFrame
from armillary.model.fault import FaultRecord
from armillary.model.message import AskAttributes, Attributes, Bye, Credit, Hello, Retry, SceneProgress
from armillary.session.feed import FRAMES_AHEAD, SCENE, WORLD


def test_a_desk_says_hello_and_pays_for_each_frame_with_a_credit(stand: Any) -> None:
    stand.join(seq=7)
    stand.say(stand.frame(8, {0: 2.0}))
    assert [type(m) for m in stand.line.sent] == [Hello, Credit, Credit]
    assert [m.seq for m in stand.line.of(Credit)] == [7, 8]
    batch = stand.feed.take()
    assert batch.welcome is not None
    assert batch.live is True
    assert [f.seq for f in batch.frames] == [8]


def test_the_owner_is_woken_once_for_a_batch(stand: Any) -> None:
    stand.join()
    woken = stand.wakes
    stand.say(stand.frame(2, {0: 2.0}))
    stand.say(stand.frame(3, {0: 3.0}))
    assert (woken, stand.wakes) == (1, 1)
    stand.feed.take()
    stand.say(stand.frame(4, {0: 3.0}))
    assert stand.wakes == 2


def test_a_desk_that_does_not_take_its_frames_gets_no_more_and_the_world_is_not_called_silent(
    stand: Any,
) -> None:
    stand.join()
    for seq in range(2, 2 + FRAMES_AHEAD):
        stand.say(stand.frame(seq, {0: 2.0}))
    paid = len(stand.line.of(Credit))
    assert paid == FRAMES_AHEAD  # the last frame is not paid for
    stand.clock.advance(30)
    stand.feed.step()
    assert stand.feed.take().live is True
    stand.feed.step()
    assert len(stand.line.of(Credit)) == paid + 1


def test_a_world_that_is_silent_for_more_than_a_second_is_not_live(stand: Any) -> None:
    stand.join()
    stand.feed.take()
    stand.clock.advance(0.9)
    stand.feed.step()
    assert stand.feed.take().live is None
    stand.clock.advance(0.2)
    stand.feed.step()
    assert stand.feed.take().live is False


def test_a_world_that_was_silent_for_a_moment_is_greeted_on_the_same_line(stand: Any) -> None:
    stand.join()
    stand.clock.advance(1.5)
    stand.feed.step()
    stand.feed.take()
    stand.say(stand.welcome(20))
    assert stand.feed.take().live is True
    stand.clock.advance(0.5)
    stand.feed.step()
    assert len(stand.lines) == 1


def test_a_world_that_comes_back_is_greeted_anew_and_live_again(stand: Any) -> None:
    stand.join()
    stand.clock.advance(1.5)
    stand.feed.step()
    assert [len(stand.lines), len(stand.line.of(Hello))] == [1, 2], "first on the same line"
    for greetings in (3, 4):
        stand.clock.advance(2.5)
        stand.feed.step()
        assert [len(stand.lines), len(stand.line.of(Hello))] == [1, greetings], "who is logged in stays so"
    stand.clock.advance(2.5)
    stand.feed.step()  # knocks again, on a fresh line
    assert len(stand.lines) == 2
    assert stand.lines[0].closed
    assert isinstance(stand.line.sent[0], Hello)
    stand.feed.take()
    stand.say(stand.frame(9, {0: 1.0}))  # a frame before the welcome is of an old acquaintance
    stand.say(stand.welcome(20), 1)
    batch = stand.feed.take()
    assert batch.live is True
    assert batch.frames == []


def test_a_world_that_does_not_know_us_is_greeted_again(stand: Any) -> None:
    stand.join()
    stranger = FaultRecord(kind="WorldFault", what="not known", where="w", remedy="Hello")
    stand.say(stranger, answers=2)  # the credit was the second message
    assert [type(m) for m in stand.line.sent] == [Hello, Credit, Hello]


def test_a_world_that_refuses_us_is_said_with_its_reason(stand: Any) -> None:
    stand.feed.connect(WORLD, "ipc://w")
    stand.feed.step()
    refusal = FaultRecord(kind="WorldFault", what="Another protocol.", where="w", remedy="Update.")
    stand.say(refusal, answers=1)
    assert stand.feed.take().ended == [(WORLD, refusal)]


def test_an_answer_comes_back_under_the_number_of_its_request(stand: Any) -> None:
    stand.join()
    first = stand.feed.ask(WORLD, Retry(link="a"))
    second = stand.feed.ask(WORLD, Retry(link="b"))
    stand.feed.step()
    sent = stand.line.sent
    stand.say("for b", answers=len(sent))
    stand.say("for a", answers=len(sent) - 1)
    assert stand.feed.take().answers == [(second, "for b"), (first, "for a")]


def test_a_frame_that_was_asked_for_is_an_answer_and_not_what_the_world_shows(stand: Any) -> None:
    stand.join()
    number = stand.feed.ask(WORLD, AskRunFrame(id="baseline", t_ns=1))
    stand.feed.step()
    asked, paid = stand.frame(0, {0: 5.0}), len(stand.line.of(Credit))
    stand.say(asked, answers=len(stand.line.sent))
    batch = stand.feed.take()
    assert batch.answers == [(number, asked)]
    assert batch.frames == []
    stand.say(asked, answers=len(stand.line.sent))  # too late: nobody waits any more
    assert not stand.feed.take().frames
    assert len(stand.line.of(Credit)) == paid


def test_a_request_without_answer_fails_after_its_time_and_a_late_answer_is_dropped(stand: Any) -> None:
    stand.join()
    number = stand.feed.ask(WORLD, Retry(link="a"), timeout_s=0.5)
    stand.feed.step()
    line_id = len(stand.line.sent)
    stand.clock.advance(0.6)
    stand.feed.step()
    answers = stand.feed.take().answers
    assert [n for n, _ in answers] == [number]
    assert isinstance(answers[0][1], FaultRecord)
    stand.say("late", answers=line_id)
    assert stand.feed.take().answers == []


def test_nothing_is_kept_for_a_world_that_is_not_there(stand: Any) -> None:
    number = stand.feed.ask(WORLD, Retry(link="a"))
    stand.feed.step()
    ((got, fault),) = stand.feed.take().answers
    assert got == number
    assert "not connected" in fault.what
    stand.join()
    assert stand.line.of(Retry) == []


def test_requests_to_a_starting_child_wait_for_it(stand: Any) -> None:
    stand.feed.launch(SCENE, "scene.child", {"address": "ipc://s"}, Path("scene.log"))
    number = stand.feed.ask(SCENE, AskAttributes(path="/p"))
    stand.feed.step()
    assert stand.lines == []
    stand.children[0].answer = {}
    stand.feed.step()
    assert stand.line.address == "ipc://s"
    assert stand.line.of(AskAttributes) != []
    stand.say(Attributes(path="/p", type_name="Cube", rows=()), answers=1)
    assert stand.feed.take().answers[0][0] == number


def test_a_child_that_dies_fails_what_was_asked_and_names_its_log(stand: Any) -> None:
    stand.feed.launch(SCENE, "scene.child", {"address": "ipc://s"}, Path("scene.log"))
    stand.feed.step()
    stand.children[0].answer = {}
    number = stand.feed.ask(SCENE, AskAttributes(path="/p"))
    stand.feed.step()
    stand.children[0].alive = False
    stand.feed.step()
    batch = stand.feed.take()
    assert batch.answers[0][0] == number
    ((peer, why),) = batch.ended
    assert (peer, why.where) == (SCENE, "scene.log")
    assert "SIGSEGV" in why.what


@pytest.mark.parametrize("started", [False, True])
def test_a_reader_that_is_killed_fails_what_was_asked_and_is_not_called_dead(
    stand: Any, started: bool
) -> None:
    stand.feed.launch(SCENE, "scene.child", {"address": "ipc://s"}, Path("scene.log"))
    stand.feed.step()
    if started:
        stand.children[0].answer = {}
    number = stand.feed.ask(SCENE, AskAttributes(path="/p"))
    stand.feed.step()
    stand.feed.kill(SCENE, "Opening was cancelled.")
    stand.feed.step()
    assert not stand.children[0].alive
    stand.feed.step()
    batch = stand.feed.take()
    assert [(n, why.what) for n, why in batch.answers] == [(number, "Opening was cancelled.")]
    assert (batch.ended, batch.died) == ([], set())


def test_what_a_reader_tells_while_it_works_is_taken_as_it_comes(stand: Any) -> None:
    stand.feed.launch(SCENE, "scene.child", {"address": "ipc://s"}, Path("scene.log"))
    stand.feed.step()
    stand.children[0].answer = {}
    number = stand.feed.ask(SCENE, AskAttributes(path="/p"))
    stand.feed.step()
    stand.say(SceneProgress(what="reading", done=1, total=2))
    batch = stand.feed.take()
    assert [told.done for told in batch.told] == [1]
    assert batch.answers == []
    stand.say(Attributes(path="/p", type_name="Cube", rows=()), answers=1)
    assert stand.feed.take().answers[0][0] == number


def test_the_end_says_good_bye_and_stops_the_children(stand: Any) -> None:
    stand.feed.launch(WORLD, "world.live", {"project": "p"}, Path("w.log"))
    stand.feed.step()
    stand.children[0].answer = {"address": "ipc://w"}
    stand.feed.step()
    stand.say(stand.welcome(), 1)
    stand.feed.start()
    stand.feed.stop()
    assert isinstance(stand.line.sent[-1], Bye)
    assert stand.children[0].stopped
    assert stand.line.closed


def test_a_job_gives_its_result_or_its_fault(stand: Any, log_guard: Any) -> None:
    log_guard.announced.append("a job of the desk failed")
    numbers = [stand.feed.work(lambda: 42), stand.feed.work(lambda: 1 / 0)]
    answers: dict[int, object] = {}
    for _ in range(1000):
        answers |= dict(stand.feed.take().answers)
        if len(answers) == 2:
            break
        stand.feed._bell.wait(0.005)
    assert answers[numbers[0]] == 42
    assert isinstance(answers[numbers[1]], FaultRecord)
