"""Procedures as processes: desks see one run, a replay knows it too; a test-fire reaches no plant."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from stations import until

from armillary.model import places
from armillary.model.clock import NS
from armillary.model.control import Seek
from armillary.model.fault import OrderFault
from armillary.model.frame import Frame
from armillary.model.logbook import AskNotes, Notes
from armillary.model.message import Credit, Hello, Welcome
from armillary.model.order import Arm, Armed, Order, OrderState, Receipt
from armillary.model.places import data
from armillary.model.procedure import ActOnProcedure, AskProcedures, ProcedureRun, Procedures, StartProcedure
from armillary.model.substitution import Substitute
from armillary.project import folder as projects
from armillary.session.test_fire import fire
from armillary.wire import child
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

pytestmark = pytest.mark.system
PROCEDURE = """\
schema = 1
id = "swap"
title = "Swap the filter"
[[step]]
id = "stop"
text = "Stop the pump."
[[step]]
id = "swap"
text = "Swap the filter."
"""
LIMIT_S = 30.0
TEMPLATE = """
[[template]]
id = "open_v101"
kind = "setpoint"
target = "V-101.sp"
parameter = { name = "opening", unit = "%", low = 0.0, high = 100.0 }
preconditions = ["good(V-101.position)", "T-101.level > 5"]
read_back = { expression = "V-101.position", tolerance = 1.0, verify_timeout_s = 60.0 }
"""


class Desk:
    """A line to a world, and the runs as its frames told them."""

    def __init__(self, address: str) -> None:
        self.line = Line(address)
        answer = self.line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"), LIMIT_S)
        assert isinstance(answer, Welcome)
        self.runs = answer.frame.procedures or ()
        self.told = "not yet"
        self.line.send(Credit(seq=0))

    def steps(self) -> list[tuple[str, int]]:
        for _, message in self.line.poll(0.05):
            if isinstance(message, Frame):
                self.told = message.recording
                self.runs = self.runs if message.procedures is None else message.procedures
                self.line.send(Credit(seq=message.seq))
        return [(run.phase, run.index) for run in self.runs]

    def recording(self) -> str:
        self.steps()
        return self.told


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    folder = projects.new(tmp_path / "plant", "Plant").folder
    source = '\n[[source]]\nname = "ua"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:9"\n'
    (folder / "project.toml").write_text((folder / "project.toml").read_text("utf-8") + source, "utf-8")
    tags = {"level": {"address": "ua!s=Level", "unit": "m"}}
    twins = {"schema": 1, "twins": [{"id": "T-1", "tags": tags}]}
    (folder / "twins.json").write_text(json.dumps(twins), "utf-8")
    (folder / "procedures").mkdir()
    (folder / "procedures" / "swap.toml").write_text(PROCEDURE, "utf-8")
    return folder


def live(folder: Path) -> tuple[child.Child, str]:
    process = child.start("world.live", {"project": str(folder)}, places.logs() / "live.log")
    return process, str(process.ready(LIMIT_S)["address"])


def test_all_desks_see_one_run_and_each_step_is_in_the_logbook(plant: Path) -> None:
    process, address = live(plant)
    try:
        one, two = Desk(address), Desk(address)
        listed = one.line.ask(AskProcedures(), LIMIT_S)
        assert isinstance(listed, Procedures)
        assert [each.id for each in listed.items] == ["swap"]
        run = one.line.ask(StartProcedure(id="swap"), LIMIT_S)
        assert isinstance(run, ProcedureRun)
        with pytest.raises(OrderFault, match="already"):
            two.line.ask(StartProcedure(id="swap"), LIMIT_S)
        two.line.ask(ActOnProcedure(run=run.id, action="confirm", step="stop"), LIMIT_S)
        for desk in (one, two):
            until(lambda d=desk: d.steps() == [("running", 1)], LIMIT_S, "both see the second step")
        one.line.ask(ActOnProcedure(run=run.id, action="confirm", step="swap"), LIMIT_S)
        until(lambda: two.steps() == [("done", 2)], LIMIT_S, "it is done")
        notes = two.line.ask(AskNotes(kinds=("procedure",)), LIMIT_S)
        assert isinstance(notes, Notes)
        assert len(notes.notes) == 4
        assert {note.author for note in notes.notes} == {f"local:{os.getuid()}"}
        one.line.close()
        two.line.close()
    finally:
        process.stop()


@pytest.mark.scale
def test_a_world_that_starts_again_goes_on_and_a_replay_shows_the_step_of_each_time(plant: Path) -> None:
    recorder = child.start("recorder.service", {"project": str(plant)}, places.logs() / "recorder.log")
    recorder.ready()
    process, address = live(plant)
    try:
        desk = Desk(address)
        until(lambda: desk.recording() == "", LIMIT_S, "it is recorded")
        desk.line.ask(Substitute(tag="T-1.level", value=2.0, for_s=60.0, reason="a sample"), LIMIT_S)
        run = desk.line.ask(StartProcedure(id="swap"), LIMIT_S)
        assert isinstance(run, ProcedureRun)
        time.sleep(1.5)  # the record's own times are what a replay is asked for
        second = desk.line.ask(ActOnProcedure(run=run.id, action="confirm", step="stop"), LIMIT_S)
        assert isinstance(second, ProcedureRun)
        time.sleep(1.5)
        desk.line.close()
    finally:
        process.stop()
    process, address = live(plant)
    try:
        desk = Desk(address)
        until(lambda: desk.steps() == [("running", 1)], LIMIT_S, "it goes on")
        desk.line.ask(ActOnProcedure(run=run.id, action="abort", reason="no filter"), LIMIT_S)
        until(lambda: desk.steps() == [("aborted", 1)], LIMIT_S, "it is given up")
        desk.line.close()
    finally:
        process.stop()
    args = {"project": str(plant), "recorder": recorder_address(plant)}
    replay = child.start("world.replay", args, places.logs() / "replay.log")
    try:
        shown = Desk(str(replay.ready(LIMIT_S)["address"]))
        for t_ns, expected in (
            (run.started_ns - NS // 2, []),
            (run.started_ns + NS, [("running", 0)]),
            (second.t_ns + NS, [("running", 1)]),
            (run.started_ns + NS, [("running", 0)]),
        ):
            shown.line.ask(Seek(t_ns=t_ns), LIMIT_S)
            until(lambda e=expected: shown.steps() == e, LIMIT_S, f"{expected} at {t_ns}")
        with pytest.raises(OrderFault, match="carries no procedure out"):
            shown.line.ask(StartProcedure(id="swap"), LIMIT_S)
        shown.line.close()
    finally:
        replay.stop()
        recorder.stop()


@pytest.fixture
def wire() -> Iterator[tuple[int, list[bytes]]]:
    """The port of a server that writes down whoever comes, and what they say."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    peer, _ = server.accept()
                except TimeoutError:
                    continue
                with peer:
                    peer.settimeout(1.0)
                    seen.append(peer.recv(64))

        thread = threading.Thread(target=listen)
        thread.start()
        yield server.getsockname()[1], seen
        over.set()
        thread.join()


def test_a_template_is_tried_on_the_simulator_and_the_plant_hears_nothing(
    tmp_path: Path, wire: tuple[int, list[bytes]]
) -> None:
    port, seen = wire
    folder = tmp_path / "station"
    shutil.copytree(data("scenes/pumping-station"), folder, ignore=shutil.ignore_patterns(".armillary"))
    project = folder / "project.toml"
    links = [link.url for link in projects.read(folder).links]
    text = project.read_text("utf-8")
    for url in links:
        text = text.replace(url, f"{url.partition('://')[0]}://127.0.0.1:{port}")
    project.write_text(text, "utf-8")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    commands = (folder / "commands.toml").read_text("utf-8") + TEMPLATE
    template = projects.with_commands(folder, commands).templates[-1]
    fired = fire(folder, template, (250.0, 50.0), commands)
    refused, verified = fired.shots
    assert (fired.kind, refused.state, verified.state) == (
        "TRAINING",
        OrderState.REFUSED,
        OrderState.VERIFIED,
    )
    assert "outside 0 to 100 %" in refused.text
    assert verified.read_back == pytest.approx(50.0, abs=1.0)
    assert all(holds for _, holds, _ in verified.checks)
    assert seen == [], "0 writes: nobody even knocked"
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.scale
def test_a_step_goes_on_by_itself_when_the_simulated_plant_does_what_it_asks(tmp_path: Path) -> None:
    folder = tmp_path / "station"
    shutil.copytree(data("scenes/pumping-station"), folder, ignore=shutil.ignore_patterns(".armillary"))
    args = {"project": str(folder), "scenario": "", "bench": True}
    process = child.start("world.training", args, places.logs() / "bench.log")
    try:
        desk = Desk(str(process.ready(LIMIT_S)["address"]))
        run = desk.line.ask(StartProcedure(id="change-p101a-bearing"), LIMIT_S)
        assert isinstance(run, ProcedureRun)
        until(lambda: desk.steps() == [("running", 0)], LIMIT_S, "it waits for P-101B")
        armed = desk.line.ask(
            Arm(tag="P-101B.run", value=1.0, unit="", actor="", seen_seq=0, template="start_p101b"), LIMIT_S
        )
        assert isinstance(armed, Armed)
        order = Order(
            id="1",
            world="",
            tag=armed.tag,
            value=armed.new,
            unit="",
            actor="",
            token=armed.token,
            not_after_ns=2**62,
            expect_seq=0,
            template="start_p101b",
        )
        assert isinstance(desk.line.ask(order, LIMIT_S), Receipt)
        until(lambda: desk.steps() == [("running", 1)], LIMIT_S, "P-101B delivers, nobody confirms")
        (done,) = desk.runs[0].done
        assert (done.how, done.user) == ("condition", "")
        assert done.t_ns - run.started_ns >= 5 * NS, "in simulated time"
        desk.line.close()
    finally:
        process.stop()
