"""Alarms on real servers: a broker dies, one desk acknowledges, all see it, and a kill forgets nothing."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from stations import Station, until

from armillary.cli import run
from armillary.model.alarm import AlarmAct, AlarmActed, AlarmState, Presentation, ProcessState
from armillary.model.message import AskAt, Enroll, Enrolled, Hello, Samples, Welcome
from armillary.security import chain
from armillary.wire import child, marks
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

pytestmark = pytest.mark.system

ONE, OTHER = "link:cond-mqtt", "link:skid-mqtt"


def states(line: Line) -> dict[str, AlarmState]:
    welcome = line.ask(Hello(actor=f"local:{os.getuid()}", desk="test"))
    assert isinstance(welcome, Welcome)
    return {state.id: state for state in welcome.frame.alarms}


def recorded(station: Station, name: str) -> AlarmState | None:
    """The newest mark of an alarm in the historian."""
    line = Line(recorder_address(station.plant.project))
    try:
        ids = line.ask(Enroll(tags=(marks.ALARM + name,), create=False), timeout_s=20)
        assert isinstance(ids, Enrolled)
        got = line.ask(AskAt(ids=ids.ids, t_ns=2**62), timeout_s=20)
    finally:
        line.close()
    assert isinstance(got, Samples)
    return marks.record_of(got.batch.text[0], AlarmState) if got.batch.text else None


def test_a_dead_broker_is_one_alarm_a_link_and_its_acknowledge_outlives_the_world(
    station: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    until(lambda: all(r == 0 for r in station.ranks().values()), 15, "all tags GOOD")
    ours = [s for s in states(station.line).values() if not s.id.startswith("system:")]  # of a slow machine
    assert not [s for s in ours if s.process is not ProcessState.NORM]
    os.kill(station.plant.parts["broker"].pid, signal.SIGKILL)
    until(lambda: {ONE, OTHER} <= {s.id for s in states(station.line).values() if s.active}, 30, "raised")
    assert "tags stale" in states(station.line)[ONE].text

    second = Line(station.line.address)
    try:
        states(second)  # it joins, and is told of changes from now on
        occurrence = states(station.line)[ONE].occurrence
        acted = station.line.ask(AlarmAct(action="ack", occurrences=(occurrence,), comment="seen"))
        assert acted == AlarmActed(results=("",))
        until(lambda: states(second)[ONE].process is ProcessState.ACKED, 20, "the other desk sees it")
        assert states(second)[ONE].actor == f"local:{os.getuid()}"
        said = second.ask(AlarmAct(action="comment", occurrences=(occurrence,), comment="cable is out"))
        assert said == AlarmActed(results=("",))
        until(lambda: states(station.line)[ONE].comment == "cable is out", 20, "the first desk reads it")
        assert states(station.line)[ONE].process is ProcessState.ACKED
        again = second.ask(AlarmAct(action="ack", occurrences=(occurrence,)))
        assert again == AlarmActed(results=(f"already acknowledged by local:{os.getuid()}",))
    finally:
        second.close()
    shelve = AlarmAct(action="shelve", occurrences=(OTHER,), comment="known fault", duration_s=900.0)
    assert station.line.ask(shelve) == AlarmActed(results=("",))
    trail = next((station.plant.project / ".armillary" / "audit").glob("*.jsonl"))
    until(lambda: "alarm.ack" in trail.read_text("utf-8"), 20, "the audit has it")

    until((station.plant.project / ".armillary" / "counting.json").is_file, 20, "what is counted is kept")

    def in_history() -> bool:
        mark, hidden = recorded(station, ONE), recorded(station, OTHER)
        if mark is None or hidden is None or mark.process is not ProcessState.ACKED:
            return False
        return hidden.presentation is Presentation.SHELVED

    until(in_history, 10, "the historian has the state", every_s=0.5)

    before = states(station.line)
    os.kill(station.world.pid, signal.SIGKILL)
    station.world.stop()
    station.line.close()
    station.world = child.start(
        "world.live", {"project": str(station.plant.project)}, tmp_path / "world-again.log"
    )
    station.line = Line(str(station.world.ready()["address"]))
    until(lambda: ONE in states(station.line), 20, "the first tick told them")
    after = states(station.line)
    for name, process in ((ONE, ProcessState.ACKED), (OTHER, ProcessState.UNACK)):
        assert (after[name].process, after[name].occurrence) == (process, before[name].occurrence)
    assert after[OTHER].presentation is Presentation.SHELVED
    assert chain.verify(station.plant.project / ".armillary" / "journal", pattern="live-*.jsonl").holds

    capsys.readouterr()
    assert run(["alarms", "--json"]) == 0
    listed = {a["id"]: a for a in json.loads(capsys.readouterr().out)["alarms"]}
    assert listed[ONE]["state"] == "ACKED"
    assert listed[OTHER]["priority"] == 2
    assert listed[OTHER]["hidden"].endswith(": known fault")
    assert run(["alarms", "unshelve", str(station.plant.project), OTHER, "--yes"]) == 0
    until(lambda: states(station.line)[OTHER].presentation is Presentation.SHOWN, 20, "off the shelf")
    assert run(["alarms", "remove", str(station.plant.project), OTHER, "--ticket", "W-1", "--yes"]) == 2
    assert run(["alarms", "ack", str(station.plant.project), OTHER, "--yes"]) == 0
    until(lambda: states(station.line)[OTHER].process is ProcessState.ACKED, 20, "acknowledged")
    assert run(["alarms", "reset", str(station.plant.project), OTHER, "--yes"]) == 1
    assert "Still active: the cause is present" in capsys.readouterr().out
    assert run(["alarms", "ack", str(station.plant.project), "nobody", "--yes"]) == 2
