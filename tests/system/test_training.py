"""A TRAINING world as a process: two desks, one who may know and one who may not; the same score headless."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stations import until

from armillary.model import places
from armillary.model.control import (
    AskExercise,
    Exercise,
    ExerciseView,
    Inject,
    MalfunctionSpec,
    Restore,
    Seek,
)
from armillary.model.fault import OrderFault
from armillary.model.frame import Frame, RunState
from armillary.model.message import Credit, Hello, Welcome
from armillary.model.order import Arm, Armed, Order, OrderState, Receipt
from armillary.model.places import data
from armillary.security import accounts
from armillary.wire import child
from armillary.wire.bus import Line

SCENARIO = "pump-trip-with-drift"
GOOD = (
    {"t_s": 275, "kind": "ack", "what": "any", "actor": "anna"},
    {"t_s": 280, "kind": "command", "what": "P-101B.run", "value": 1, "actor": "anna"},
    {"t_s": 300, "kind": "command", "what": "P-101A.run", "value": 0, "actor": "anna"},
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "station"
    shutil.copytree(data("scenes/pumping-station"), folder, ignore=shutil.ignore_patterns(".armillary"))
    return folder


@pytest.fixture
def world(project: Path) -> Iterator[str]:
    process = child.start(
        "world.training", {"project": str(project), "scenario": SCENARIO}, places.logs() / "t.log"
    )
    try:
        yield str(process.ready(30.0)["address"])
    finally:
        process.stop(3.0)


class Desk:
    """One line to the world, as a trainee or as the instructor."""

    def __init__(self, address: str, desk: str) -> None:
        self.line = Line(address)
        answer = self.line.ask(Hello(actor=f"local:{os.getuid()}", desk=desk))
        assert isinstance(answer, Welcome)
        self.welcome = answer
        self.seq = answer.frame.seq
        self.value = {s.name: float(answer.frame.value[s.slot]) for s in answer.specs}

    def frame(self) -> Frame:
        """The next frame; the world sends one at least four times a second."""
        self.line.send(Credit(seq=self.seq))
        found: list[Frame] = []
        until(lambda: bool(found.extend(m for _, m in self.line.poll(0.2) if isinstance(m, Frame)) or found),
              5.0, "a frame", 0.0)  # fmt: skip
        answer = found[-1]
        self.seq = answer.seq
        for slot, value in zip(answer.slot.tolist(), answer.value.tolist(), strict=True):
            self.value[self.welcome.specs[slot].name] = value
        return answer

    def shown(self, tag: str) -> float:
        self.frame()
        return self.value[tag]

    def view(self) -> ExerciseView:
        answer = self.line.ask(AskExercise(), 5.0)
        assert isinstance(answer, ExerciseView)
        return answer


@pytest.fixture
def desks(world: str) -> Iterator[tuple[Desk, Desk]]:
    instructor, trainee = Desk(world, "desk"), Desk(world, "trainee")
    yield instructor, trainee
    instructor.line.close()
    trainee.line.close()


def test_an_exercise_is_run_frozen_injected_and_gone_back_in(desks: tuple[Desk, Desk]) -> None:
    instructor, trainee = desks
    assert trainee.frame().run is RunState.PAUSED
    instructor.line.ask(Exercise(action="run", value=20.0))
    until(lambda: instructor.view().t_s > 5.0, 20.0, "five simulated seconds")
    instructor.line.ask(Exercise(action="freeze"))
    frozen = instructor.view()
    assert frozen.state == "frozen"
    assert instructor.view().t_s == frozen.t_s
    frame = trainee.frame()
    assert frame.cursor is not None
    assert frame.cursor.note == "Frozen by instructor"

    moment = instructor.line.ask(Exercise(action="snapshot", text="before"))
    bias = MalfunctionSpec(id="b", target="tag:T-101.level", kind="sensor.bias", value=20.0)
    instructor.line.ask(Inject(malfunction=bias))
    instructor.line.ask(Exercise(action="step", value=4))
    until(lambda: bool(instructor.view().truth), 20, "the instrument shows something else")
    true = instructor.view().truth["T-101.level"]
    until(lambda: abs(trainee.shown("T-101.level") - true - 20.0) < 0.5, 20, "the instrument is seen")
    instructor.line.ask(Restore(path=moment.path))  # type: ignore[union-attr]
    back = instructor.view()
    assert (back.t_s, back.truth, back.branch) == (frozen.t_s, {}, "B")


def test_a_trainee_is_told_nothing_of_what_the_instructor_knows(desks: tuple[Desk, Desk]) -> None:
    _, trainee = desks
    loss = Inject(malfunction=MalfunctionSpec(id="x", target="link:ctl-ua", kind="link.loss"))
    for request in (AskExercise(), loss, Exercise(action="run", value=1.0), Restore(path="moment-1")):
        with pytest.raises(OrderFault, match="may not"):
            trainee.line.ask(request)
    with pytest.raises(OrderFault, match="instructor's"):
        trainee.line.ask(Seek(t_ns=0))


def test_a_trainees_click_moves_the_simulated_plant_only(desks: tuple[Desk, Desk]) -> None:
    instructor, trainee = desks
    armed = trainee.line.ask(Arm(tag="P-101B.run", value=1.0, unit="", actor="", seen_seq=trainee.seq))
    assert isinstance(armed, Armed)
    order = Order(
        id="o1",
        world=trainee.welcome.world,
        tag="P-101B.run",
        value=1.0,
        unit="",
        actor="",
        token=armed.token,
        not_after_ns=2**62,
        expect_seq=trainee.seq,
    )
    receipt = trainee.line.ask(order)
    assert isinstance(receipt, Receipt)
    assert receipt.state is OrderState.SENT
    again = trainee.line.ask(order)
    assert isinstance(again, Receipt)
    assert again.state is OrderState.REFUSED, "a token is good for one order"
    instructor.line.ask(Exercise(action="run", value=20.0))
    seen: list[Receipt] = []

    def verified() -> bool:
        seen.extend(r for r in trainee.frame().orders if r.order == "o1")
        return any(r.state is OrderState.VERIFIED for r in seen)

    until(verified, 20.0, "the order is verified")
    until(lambda: trainee.shown("P-101B.speed") > 300.0, 30.0, "the pump turns")


def test_the_same_inputs_give_the_same_score_and_stream_headless(project: Path, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs.jsonl"
    inputs.write_text("".join(json.dumps(line) + "\n" for line in GOOD), "utf-8")
    answers = [_train(project, "--inputs", str(inputs))]
    accounts.add_all(project, (("ines", "Ines", "instructor"),), accounts.hashed("a long password"), 0)
    (tmp_path / "password").write_text("a long password\n", "utf-8")
    refused = _run(project)
    assert refused.returncode == 2
    assert "Log in as somebody who may." in refused.stderr
    as_ines = ("--user", "ines", "--password-file", str(tmp_path / "password"))
    answers.append(_train(project, "--inputs", str(inputs), *as_ines))
    assert answers[0]["passed"] is True
    assert [a["total"] for a in answers] == [answers[0]["total"]] * 2
    assert answers[0]["digest"] == answers[1]["digest"]
    report = Path(str(answers[0]["report"]))
    page = report.read_text("utf-8")
    assert "passed" in page
    assert "Start the standby pump" in page
    again = _train(project, "--inputs", str(report.with_name("log.jsonl")), *as_ines)
    assert again["digest"] == answers[0]["digest"], "the log of a session is the inputs of the same one"


def test_inputs_that_are_none_are_named_with_their_line(project: Path, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs.jsonl"
    inputs.write_text('{"t_s": 1, "kind": "ack", "what": "any"}\n{"t_s": "soon"}\n', "utf-8")
    done = _run(project, "--inputs", str(inputs))
    assert done.returncode == 2
    assert f"{inputs}:2" in done.stderr
    assert "Traceback" not in done.stderr


def _train(project: Path, *more: str) -> dict[str, object]:
    done = _run(project, "--json", *more)
    assert done.returncode in (0, 1), done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def _run(project: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "armillary", "train", str(project), SCENARIO, "--headless", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
