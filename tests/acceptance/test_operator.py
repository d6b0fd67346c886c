"""An operator's shift on the pumping station, after operations.md 9.1: each step by what is seen."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from desk import CLOCK, Place, Wire, armillary, place, readings
from PySide6.QtCore import QEvent, QItemSelectionModel, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from armillary.cli.plant import RunningPlant
from armillary.model.alarm import ProcessState
from armillary.model.clock import NS
from armillary.model.frame import WorldKind
from armillary.model.quality import GOOD, STALE
from armillary.session.workspace import Workspace
from armillary.ui.app import Pulse
from armillary.ui.panels.alarms import TEXT
from armillary.ui.tree_model import ALARM
from armillary.wire import runs

pytestmark = pytest.mark.system
PUMP = "/Station/PumpHall/P_101A"
BEARING, VIBRATION, SHAFT = f"{PUMP}/BearingDE", f"{PUMP}/VibrationDE", f"{PUMP}/Shaft"
LAMP = "/Station/PumpHall/Cabinet_E_101/Lamp1"
HOT = "TT-111-HH"
TEMPERATURE = "TT-111.value"
RED = (0xFF, 0x32, 0x58)  # priority 1


@pytest.fixture
def shift(own_places: Path, qtbot: QtBot, tmp_path: Path) -> Iterator[tuple[Place, RunningPlant, Wire]]:
    with place(qtbot, tmp_path) as made:
        made[0].until_live()
        yield made


@pytest.fixture
def second(shift: tuple[Place, RunningPlant, Wire]) -> Iterator[Workspace]:
    """Another desk on the same world, without a window."""
    [run] = runs.all_runs()
    workspace = Workspace(CLOCK, desk="second")
    pulse = Pulse(workspace, CLOCK)
    workspace.open(run.address)
    pulse.pump()
    yield workspace
    pulse.stop()
    workspace.close()


def test_an_operators_shift(shift: tuple[Place, RunningPlant, Wire], second: Workspace) -> None:
    anna, plant, wire = shift
    begins(anna)
    looks(anna)
    then = is_warned(anna, plant, wire)
    answers(anna, second)
    lets_an_armed_order_run_out(anna, wire)
    stops_the_pump(anna, plant, wire)
    resets(anna, wire)
    sees_a_broker_fall_silent(anna, plant)
    looks_back(anna, wire, then)
    hands_over(anna, plant)


# ---------------------------------------------------------------- steps 1, 3, 4


def begins(anna: Place) -> None:
    at, window = anna.at, anna.window
    anna.log_in("anna")
    anna.until(lambda: anna.rank(TEMPERATURE) == GOOD, 20, "the temperature is good")
    anna.until(lambda: "3 of 3 links up" in anna.texts(window.bars.topbar), 15, "all links are up")
    seen = anna.picture("01-begins")
    assert "Anna · operator" in anna.texts(window.bars.topbar)
    assert window.alarmbar.newest.text() == "No active alarms."
    assert window.windowTitle() == "Pumping station – Armillary"
    assert at.kind is WorldKind.LIVE
    for colour in (anna.theme.replay, anna.theme.whatif, anna.theme.training):
        assert anna.frame_share(seen, colour) == 0.0, "live has no frame"
    assert not window.mode.ribbon.isVisible()


def looks(anna: Place) -> None:
    at, window = anna.at, anna.window
    at.select((anna.prim(PUMP),))
    anna.do("view.frame")
    anna.picture("03-looks")
    at.select(())
    bearing = anna.look_at(BEARING)
    assert anna.has_its_colour(bearing), "the bearing has the colour of its temperature"
    at.select((bearing,))
    [legend] = [one for one in at.legends if one.name == "temperature"]
    assert at.legends[0] is legend, "and its legend is the one that is surely seen"
    assert (legend.unit, legend.low, legend.high) == ("°C", "15", "85")
    assert {mark.text for mark in legend.marks} >= {"stale", "bad", "no data yet"}
    x, y = anna.found(bearing)
    anna.qtbot.mouseMove(window.canvas, QPoint(x + 2, y))
    anna.qtbot.mouseMove(window.canvas, QPoint(x, y))
    anna.until(lambda: TEMPERATURE in window.canvas.hover_text, 5, "the pointer tells the value")
    said = window.canvas.hover_text
    assert f"{anna.value(TEMPERATURE):.1f}"[:3] in said
    assert "°C · good · 0." in said, "good, and younger than a second"
    assert "alarm 1 above 85 °C" in said
    anna.picture("04-hovers")
    QApplication.sendEvent(window.canvas, QEvent(QEvent.Type.Leave))  # the pointer goes elsewhere


# ---------------------------------------------------------------- steps 5 to 7


def is_warned(anna: Place, plant: RunningPlant, wire: Wire) -> tuple[int, np.ndarray]:
    """Return when it was raised, and the colour that the bearing had then."""
    at, window = anna.at, anna.window
    beeps: list[int] = []
    window.alarmbar.beep = lambda: beeps.append(1)
    before_ns = at.home_ns()
    wire.fault(json.dumps({"TT-111": 86.0 - anna.value(TEMPERATURE)}))
    anna.until(lambda: at.alarms.row(HOT) is not None, 15, "the bearing's alarm")
    [event] = [e for e in at.alarms.events if e.id == HOT]
    assert (event.event, event.after, event.priority) == ("RAISE", ProcessState.UNACK, 1)
    assert "above 85 °C in 5 readings" in event.text
    anna.until(lambda: _recorded_until(plant, event.source_ns, before_ns), 15, "the readings are recorded")
    value, source_ns = readings(plant.project, TEMPERATURE, before_ns, at.home_ns())
    until_then = value[source_ns <= event.source_ns]
    assert (until_then[-5:] > 85.0).all(), "the fifth reading above its limit raised it"
    assert until_then[-6] <= 85.0, "and not a later one"

    row = at.alarms.row(HOT)
    assert row is not None
    assert (row.priority, row.state) == (1, "active, not acknowledged")
    assert beeps, "it sounds"
    window.show_panel("alarms")
    bearing, hall = anna.prim(BEARING), anna.prim("/Station/PumpHall")
    anna.until(lambda: anna.badges_at(bearing) == [1], 5, "a badge stands at the bearing")
    anna.until(lambda: _blinks_red(anna, bearing), 5, "the badge is the red square")
    tree = window.tree.model
    for prim in (anna.prim(PUMP), hall):
        index = tree.index_of(prim)
        said = tree.data(index.siblingAtColumn(ALARM), Qt.ItemDataRole.AccessibleTextRole)
        assert said == "1 alarm, worst that waits: priority 1", "rolled up to what holds it"
    anna.until(lambda: _tree_red(anna, hall) > 20, 5, "and seen there in red")
    assert window.alarms.model.rows[0].text == "P-101A bearing, drive end, hot"
    assert window.alarmbar.newest.text().startswith("P-101A bearing, drive end, hot")
    assert at.look is not None
    return event.t_ns, at.look.rgba[bearing, :3].copy()


def _recorded_until(plant: RunningPlant, source_ns: int, from_ns: int) -> bool:
    _, known_ns = readings(plant.project, TEMPERATURE, from_ns, from_ns + 600 * NS)
    return bool(len(known_ns) and known_ns.max() >= source_ns)


def _blinks_red(anna: Place, prim: int) -> bool:
    return anna.badge_colour(prim, anna.picture("05-warned"), RED) > 0.3


def _tree_red(anna: Place, prim: int) -> int:
    """Return how many pixels of a line of the tree are red."""
    view, model = anna.window.tree.view, anna.window.tree.model
    rect = view.visualRect(model.index_of(prim).siblingAtColumn(ALARM))
    corner = view.viewport().mapTo(anna.window, rect.topLeft())
    seen = anna.picture("05-warned")
    box = seen[corner.y() : corner.y() + rect.height(), corner.x() : corner.x() + rect.width()].astype(int)
    return int((np.abs(box - RED).max(axis=2) < 40).sum())


def answers(anna: Place, second: Workspace) -> None:
    at, window = anna.at, anna.window
    bearing = anna.prim(BEARING)
    anna.do("alarm.silence")
    assert not window.alarmbar.silence_button.isEnabled(), "nothing sounds any more"
    row = at.alarms.row(HOT)
    assert row is not None
    assert row.unacknowledged, "a silence acknowledges nothing"
    assert window.canvas.view.blinks
    view = window.alarms.view
    index = window.alarms.model.index(0, TEXT)
    view.setFocus()
    view.selectionModel().select(
        index, QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
    )
    anna.qtbot.keyClick(view, Qt.Key.Key_Return)
    assert at.selection == (bearing,)
    assert anna.slot(TEMPERATURE) in at.timeline.slots, "its trend is drawn"
    detail = window.alarms.detail.text()
    assert "What to do: Stop P-101A, start P-101B, look at the lubrication" in detail
    assert window.inspector.name.text() == "BearingDE"
    anna.picture("06-goes-there")

    anna.qtbot.keyClick(view, Qt.Key.Key_A)
    anna.until(lambda: _state(at) is ProcessState.ACKED, 5, "it is acknowledged")
    row = at.alarms.row(HOT)
    assert row is not None
    assert (row.state, row.who) == ("active, acknowledged", "anna")
    anna.until(lambda: _state(second) is ProcessState.ACKED, 5, "at the second desk too")
    assert second.alarms.states[HOT].actor == "anna"
    anna.until(lambda: not anna.badges_at(bearing), 5, "the badge is gone")
    assert not window.canvas.view.blinks
    at.select(())
    seen = anna.picture("07-acknowledged")
    x, y = anna.found(bearing)
    corner = window.canvas.mapTo(window, QPoint(0, 0))
    around = seen[corner.y() + y - 80 : corner.y() + y + 80, corner.x() + x - 80 : corner.x() + x + 80]
    thin = (np.abs(around.astype(int) - RED).max(axis=2) < 40).mean()
    assert 0.001 < thin < 0.2, "its outline stays"
    [acked] = [e for e in at.alarms.events if e.event == "ACK"]
    assert (acked.id, acked.actor) == (HOT, "anna")
    window.alarms.tabs.setCurrentIndex(1)
    first = window.alarms.journal.index(0, 4).data()
    window.alarms.tabs.setCurrentIndex(0)
    assert first == "anna", "the journal has it"


def _state(at: Workspace) -> ProcessState | None:
    state = at.alarms.states.get(HOT)
    return state.process if state is not None else None


# ---------------------------------------------------------------- steps 8 to 10


def prepare(anna: Place) -> None:
    """Open the card that stops the pump."""
    window = anna.window
    anna.at.select((anna.prim(PUMP),))
    anna.do("view.frame")
    [button] = [b for b in window.inspector.findChildren(QPushButton) if b.text() == "Write P-101A.run…"]
    anna.click(button)
    card = window.inspector.card
    card.choice.setCurrentIndex(card.choice.findText("off"))
    assert "now on" in card.now.text()


def lets_an_armed_order_run_out(anna: Place, wire: Wire) -> None:
    card = anna.window.inspector.card
    wire.mark()
    prepare(anna)
    anna.picture("08-prepares")
    anna.click(card.arm)
    anna.until(lambda: anna.at.orders.armed is not None, 10, "it is armed")
    anna.until(card.execute.isVisible, 5, "the second control is there")
    assert card.change.text() == "on → off"
    anna.picture("09-armed")
    anna.until(lambda: card.state.text().startswith("Expired"), 15, "its time runs out")
    assert not card.execute.isVisible()
    assert anna.value("P-101A.run") == 1.0
    assert wire.orders == [], "nothing reached the plant"
    anna.picture("09-run-out")
    card.close_card()


def stops_the_pump(anna: Place, plant: RunningPlant, wire: Wire) -> None:
    at, window = anna.at, anna.window
    card = window.inspector.card
    lamp, shaft = anna.prim(LAMP), anna.prim(SHAFT)
    assert at.look is not None
    lit = at.look.emissive[lamp].copy()
    assert anna.value("P-101A.speed") > 1000
    assert _turns(anna, shaft)
    wire.mark()
    prepare(anna)
    anna.click(card.arm)
    anna.until(
        lambda: card.execute.isVisible() and card.execute.isEnabled(), 10, "half a second after arming"
    )
    anna.click(card.execute)
    anna.until(lambda: card.state.text().startswith("Verified"), 20, "the plant did it")
    assert wire.orders == ["P-101A.Run = False: Good"], "one write, and no other"
    anna.until(lambda: anna.value("P-101A.speed") < 1.0, 30, "it runs down")
    anna.until(lambda: not np.array_equal(at.look.emissive[lamp], lit), 5, "its lamp is another colour")
    anna.until(lambda: not _turns(anna, shaft), 10, "the shaft stands still as the speed says")
    anna.picture("10-stopped")
    card.close_card()
    _, said = armillary("audit", "show", str(plant.project), "--json", "--last", "100")
    records = json.loads(said)["records"]
    mine = [r for r in records if r["actor"] == "anna" and r["action"].startswith("command")]
    assert [r["action"] for r in mine][-2:] == ["command.sent", "command.verified"] or [
        r["action"] for r in mine
    ][-1] == "command.verified", mine


def _turns(anna: Place, prim: int) -> bool:
    """Whether a part is at another angle a moment later."""
    before = anna.stands(prim)
    anna.qtbot.wait(400)
    return not np.array_equal(anna.stands(prim), before)


# ---------------------------------------------------------------- steps 11 and 12


def resets(anna: Place, wire: Wire) -> None:
    at, window = anna.at, anna.window
    view = window.alarms.view
    window.show_panel("alarms")
    at.alarms.choose((HOT,))
    view.setFocus()
    anna.qtbot.keyClick(view, Qt.Key.Key_R)
    anna.until(lambda: "Still active" in window.status.currentMessage(), 5, "it cannot be reset yet")
    wire.fault('{"TT-111": 0}')
    anna.until(lambda: _state(at) is ProcessState.LACKD, 15, "it is latched")
    row = at.alarms.row(HOT)
    assert row is not None
    assert row.state == "latched, waits for reset"
    anna.picture("11-latched")
    at.alarms.choose((HOT,))
    anna.until(window.alarms.reset.isEnabled, 5, "it may be reset")
    anna.click(window.alarms.reset)
    anna.until(lambda: at.alarms.row(HOT) is None, 5, "it is gone")


def sees_a_broker_fall_silent(anna: Place, plant: RunningPlant) -> None:
    at = anna.at
    at.select(())
    sensor = anna.look_at(VIBRATION)
    assert anna.has_its_colour(sensor)
    seen_before = set(at.alarms.states)
    broker = plant.parts["broker"].pid
    os.kill(broker, signal.SIGSTOP)
    try:
        took = anna.until(lambda: _rank(anna, sensor) == STALE, 12, "it is stale")
        assert took <= 8.0
        assert anna.is_hatched(sensor), "and hatched"
        links = {"link:cond-mqtt", "link:skid-mqtt"}
        anna.until(lambda: len(set(at.alarms.states) - seen_before) >= 2, 15, "the links have their alarms")
        anna.picture("12-silent")
        new = {at.alarms.row(name) for name in set(at.alarms.states) - seen_before}
        texts = sorted(state.text for name, state in at.alarms.states.items() if name not in seen_before)
        assert len(new) == len(links) == len(texts), "one for each link of that broker, not one for each tag"
        assert texts[0].startswith("cond-mqtt silent for")
        assert texts[0].endswith("tags stale")
        assert int(texts[0].split(" · ")[1].split()[0]) > 10
        assert anna.rank(TEMPERATURE) == GOOD, "what comes by OPC UA is still live"
        assert anna.rank("P-101A.speed") == GOOD
    finally:
        os.kill(broker, signal.SIGCONT)
    anna.until(lambda: anna.rank("P-101A.vibration_de") == GOOD, 40, "the broker is back")
    assert anna.has_its_colour(sensor)


def _rank(anna: Place, prim: int) -> int:
    look = anna.at.look
    assert look is not None
    return int(look.state[prim]) & 0x0F


# ---------------------------------------------------------------- step 14


def looks_back(anna: Place, wire: Wire, then: tuple[int, np.ndarray]) -> None:
    at, window = anna.at, anna.window
    raised_ns, colour_then = then
    strip, bearing = window.bars.timebar.strip, anna.prim(BEARING)
    at.select((anna.prim(PUMP),))
    anna.look_at(BEARING)
    while at.timebar.span_s > 300:
        spot = QPointF(strip.width() * 0.96, 20)
        wheel = QWheelEvent(
            spot, strip.mapToGlobal(spot), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(strip, wheel)
    x = round(at.timebar.share_of(raised_ns + NS) * strip.width()) + 1
    anna.qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(x, 20))
    anna.until(lambda: at.away and at.kind is WorldKind.REPLAY, 20, "the past is shown")
    anna.until(lambda: at.alarms.row(HOT) is not None, 10, "with the alarm as it stood")
    assert abs(at.picture_ns() - raised_ns) < 6 * NS
    assert anna.value(TEMPERATURE) > 85.0
    row = at.alarms.row(HOT)
    assert row is not None
    assert row.state == "active, not acknowledged"
    assert anna.value("P-101A.run") == 1.0, "the pump ran then"
    seen = anna.picture("14-looks-back")
    assert anna.ribbon_share(seen, anna.theme.replay) > 0.8
    assert anna.frame_share(seen, anna.theme.replay) > 0.5
    assert window.mode.ribbon.text().startswith("REPLAY · ")
    assert window.windowTitle().startswith("REPLAY")
    at.select(())
    assert at.look is not None
    assert np.array_equal(at.look.rgba[bearing, :3], colour_then), "the bearing has the colour of then"
    assert anna.has_its_colour(bearing)
    at.select((anna.prim(PUMP),))
    anna.qtbot.wait(1)
    offered = [b.text() for b in window.inspector.findChildren(QPushButton) if b.isVisible()]
    assert not [text for text in offered if "Write" in text], "the past takes no command"
    assert "A REPLAY world takes no commands." in anna.texts(window.inspector)
    assert window.bars.topbar.home.text().startswith("Live: ")
    assert window.alarms.model.rows[0].text == "P-101A bearing, drive end, hot"

    wire.fault('{"TT-111": 60}')
    anna.until(lambda: any("Live, priority 1" in c.notice.what for c in window.cards.cards), 15, "it is told")
    anna.until(lambda: "Live: 1 unack" in window.bars.topbar.home.text(), 5, "and counted")
    anna.picture("14-live-alarm")
    wire.fault('{"TT-111": 0}')
    anna.qtbot.keyClick(window, Qt.Key.Key_L)
    anna.until(lambda: not at.away, 2, "live again")
    assert not window.mode.ribbon.isVisible()
    seen = anna.picture("14-back")
    assert anna.frame_share(seen, anna.theme.replay) == 0.0


# ---------------------------------------------------------------- step 15


def hands_over(anna: Place, plant: RunningPlant) -> None:
    at, window = anna.at, anna.window
    card = window.inspector.card
    at.select((anna.prim(PUMP),))
    [button] = [b for b in window.inspector.findChildren(QPushButton) if b.text() == "Write P-101A.run…"]
    anna.click(button)
    card.choice.setCurrentIndex(card.choice.findText("on"))
    anna.click(card.arm)
    anna.until(lambda: at.orders.armed is not None, 10, "anna has armed something")
    kept, docks = at.selection, window.docks.save()
    anna.log_in("bo")
    anna.until(lambda: at.orders.armed is None, 5, "what anna armed is gone")
    assert at.selection == kept
    assert window.docks.save() == docks
    anna.until(lambda: "Bo · operator" in anna.texts(window.bars.topbar), 5, "bo is here")
    anna.picture("15-hands-over")
    status, said = armillary("audit", "verify", str(plant.project))
    assert status == 0, said
    _, said = armillary("audit", "show", str(plant.project), "--json", "--last", "200")
    did = {(r["actor"], r["action"]) for r in json.loads(said)["records"]}
    assert {("anna", "person.login"), ("anna", "command.verified"), ("bo", "person.login")} <= did, did
