"""The early shift on the packaging line (operations 9.1), all steps in their order, with pictures."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from desk import CLOCK, Place, Wire, armillary, place
from PySide6.QtCore import QEvent, QItemSelectionModel, QPoint, Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from armillary.cli.cast import SIGNERS
from armillary.cli.plant import RunningPlant
from armillary.cli.policy import sign_stops
from armillary.cli.prelude import shelve
from armillary.model.alarm import ProcessState
from armillary.model.clock import NS
from armillary.model.quality import GOOD, STALE
from armillary.session.workspace import Workspace
from armillary.ui.panels.alarms import TEXT
from armillary.ui.pulse import Pulse
from armillary.ui.shelf import OTHER, ShelfSheet
from armillary.ui.shift import ShiftSheet
from armillary.ui.tree_model import ALARM
from armillary.wire import child, runs

pytestmark = [pytest.mark.system, pytest.mark.scale]
HOT, ZONE, TEMPERATURE = "O210-Z2-HTT", "/Line/Oven/Zone2", "TT-212.value"
CASING = f"{ZONE}/Casing"
WATER, METER = "FT-231-LO", "/Line/Cooling/FT_231/Body"
PACKING = "/Line/Packing"
RED = (0xFF, 0x32, 0x58)  # priority 1


def unsigned(_project: Path) -> None:
    """Leave the halt to a person, as the steps of the script want it."""


def signed(project: Path) -> None:
    sign_stops(project, SIGNERS, CLOCK.now_ns())


@pytest.fixture
def by_hand(own_places: Path, qtbot: QtBot, tmp_path: Path) -> Iterator[tuple[Place, RunningPlant, Wire]]:
    begun_ns = CLOCK.now_ns()
    with place(qtbot, tmp_path, unsigned, "packaging-line") as made:
        anna, plant, _ = made
        anna.until_live()
        assert shelve(plant.project, "packaging-line", anna.password, CLOCK), "as the demonstration does"
        given = {"project": str(plant.project), "plant": "packaging-line", "seed": 1, "before_ns": begun_ns}
        prelude = child.start("world.prelude", {**given, "days": 1}, tmp_path / "prelude.log")
        anna.until(lambda: prelude.poll_ready() is not None, 60, "it has a day of history")
        prelude.stop(1.0)
        yield made


@pytest.fixture
def by_policy(own_places: Path, qtbot: QtBot, tmp_path: Path) -> Iterator[tuple[Place, RunningPlant, Wire]]:
    with place(qtbot, tmp_path, signed, "packaging-line") as made:
        made[0].until_live()
        yield made


@pytest.fixture
def second(by_hand: tuple[Place, RunningPlant, Wire]) -> Iterator[Workspace]:
    """Another desk on the same world, without a window."""
    [run] = runs.all_runs()
    workspace = Workspace(CLOCK, desk="second")
    pulse = Pulse(workspace, CLOCK)
    workspace.open(run.address)
    pulse.pump()
    yield workspace
    pulse.stop()
    workspace.close()


def test_an_early_shift_on_the_line(by_hand: tuple[Place, RunningPlant, Wire], second: Workspace) -> None:
    anna, plant, wire = by_hand
    begins(anna)
    reads_the_last_shift(anna)
    looks(anna)
    then = is_warned(anna, wire)
    goes_there(anna)
    acknowledges(anna, second)
    lets_an_armed_halt_run_out(anna, plant)
    halts(anna, plant)
    sees_it_return(anna, wire)
    sees_the_packing_broker_fall_silent(anna, plant)
    shelves_what_chatters(anna, wire)
    looks_back(anna, wire, then)
    hands_over(anna, plant)


def test_a_signed_policy_halts_the_line_and_the_desk_says_why(
    by_policy: tuple[Place, RunningPlant, Wire],
) -> None:
    anna, plant, wire = by_policy
    logs_in(anna)
    wire.fault(json.dumps({"TT-212.forced": 85.4}))
    anna.until(lambda: anna.value("C-201.speed") < 0.02, 30, "the belt stands")
    at = anna.at
    anna.until(lambda: any(p.is_over for p in at.proposals.items.values()), 15, "the stop is verified")
    [proposal] = at.proposals.items.values()
    assert (proposal.state, proposal.policy) == ("verified", "halt_line_2")
    assert "85" in proposal.reason
    assert calls(plant) == 1
    anna.picture("10-halted-by-policy")


def calls(plant: RunningPlant) -> int:
    """How often somebody called the halt."""
    return len(re.findall("call C-201.Halt", plant.parts["opcua"].log.read_text("utf-8")))


# ---------------------------------------------------------------- steps 1 to 4


def logs_in(anna: Place) -> None:
    anna.log_in("anna")
    anna.until(lambda: all(r == GOOD for r in anna.at.mirror.table.quality & 0xFF), 30, "all tags are good")
    anna.until(lambda: "3 of 3 links up" in anna.texts(anna.window.bars.topbar), 15, "all links are up")


def begins(anna: Place) -> None:
    """Step 1: no frame, three links, nothing stands, one is shelved."""
    logs_in(anna)
    bar = anna.window.alarmbar
    anna.until(lambda: bar.hidden.text() == "Shelved 1", 20, "the known fault is shelved")
    seen = anna.picture("01-begins")
    assert bar.newest.text() == "No active alarms."
    assert not anna.window.mode.ribbon.isVisible()
    for colour in (anna.theme.replay, anna.theme.whatif, anna.theme.training):
        assert anna.frame_share(seen, colour) == 0.0, "live has no frame"


def reads_the_last_shift(anna: Place) -> None:
    """Step 2: the card of the last shift, and its pages: what is hidden and why."""
    window, at = anna.window, anna.at
    card = window.shift.card
    anna.until(lambda: card.isVisible() and at.logbook.last is not None, 20, "the card of the last shift")
    anna.picture("02-card")
    assert card.told.text().startswith("Last shift, ")
    for _ in range(5):  # a busy machine may answer too late for the desk, which says so
        window.shift.show("now")
        with suppress(AssertionError):
            anna.until(lambda: isinstance(window.shift.sheet, ShiftSheet), 4, "the report")
            break
    sheet = window.shift.sheet
    assert isinstance(sheet, ShiftSheet)
    said = json.dumps([str(block) for block in sheet._answer.paper.blocks])
    for words in ("10 min", "WO-1182", "ravi", "UNVERIFIED", "Gaps"):
        assert words.lower() in said.lower(), words
    sheet.grab().save(str(anna.pictures / "02-report.png"))
    sheet.reject()
    at.logbook.put_away()
    anna.until(lambda: not card.isVisible(), 5, "it is put away")


def looks(anna: Place) -> None:
    """Steps 3 and 4: the oven in the colours of its temperatures; what the pointer tells of TT-212."""
    at, window = anna.at, anna.window
    zone = anna.look_at(CASING)
    assert anna.has_its_colour(zone), "the zone has the colour of its temperature"
    [legend] = [one for one in at.legends if one.name == "temperature"]
    assert legend.unit == "°C"
    assert {mark.text for mark in legend.marks} >= {"stale", "bad", "no data yet"}
    at.select((anna.prim("/Line/Oven"),))
    took_s = flies(anna)
    assert took_s <= 0.8 * 6, "the camera is there"
    anna.picture("03-oven")
    at.select(())
    zone = anna.look_at(CASING)
    x, y = anna.found(zone)
    anna.qtbot.mouseMove(window.canvas, QPoint(x + 2, y))
    anna.qtbot.mouseMove(window.canvas, QPoint(x, y))
    hover = window.canvas.hover
    anna.until(lambda: TEMPERATURE in hover.text, 20, "the pointer tells the value")
    anna.until(lambda: "°C · good · 0." in hover.text, 20, "good, and younger than a second")
    shown = re.search(r"TT-212\.value +([\d.]+) °C", hover.text)
    assert shown is not None
    assert abs(float(shown[1]) - anna.value(TEMPERATURE)) < 1.5
    band = hover.band
    assert band is not None
    assert band.normal_high == 80.0
    assert band.limits == ((80.0, 4), (85.0, 1))
    assert band.low < band.value < band.normal_high
    seen = anna.picture("04-hovers")
    corner = window.canvas.mapTo(window, QPoint(0, 0))
    low = corner.y() + window.canvas.height() - 76
    box = seen[low : low + 68, corner.x() + 8 : corner.x() + 240].astype(int)
    grey = np.frombuffer(bytes.fromhex(anna.theme.equipment[1:]), np.uint8).astype(int)
    assert (np.abs(box - grey).max(axis=2) < 8).sum() > 600, "the normal band is drawn in grey"
    QApplication.sendEvent(window.canvas, QEvent(QEvent.Type.Leave))


def flies(anna: Place) -> float:
    """Frame the selection; return after how long the camera stands."""
    anna.do("view.frame")
    return anna.until(lambda: not anna.window.canvas.flight.is_flying, 10, "the camera stands")


# ---------------------------------------------------------------- steps 5 to 7


def is_warned(anna: Place, wire: Wire) -> tuple[int, np.ndarray]:
    """Step 5. Return when it was raised, and the colour that the zone had then."""
    at, window = anna.at, anna.window
    beeps: list[int] = []
    window.alarmbar.beep = lambda: beeps.append(1)
    wire.fault(json.dumps({"TT-212.forced": 85.4}))
    anna.until(lambda: at.alarms.row(HOT) is not None, 15, "the alarm of zone 2")
    [event] = [e for e in at.alarms.events if e.id == HOT]
    assert (event.event, event.after, event.priority) == ("RAISE", ProcessState.UNACK, 1)
    assert event.value == pytest.approx(85.4)
    assert "5 readings" in event.text, event.text
    assert beeps, "it sounds"
    window.show_panel("alarms")
    zone = anna.prim(ZONE)
    part = at.alarms.prims[HOT]
    assert at.scene is not None
    assert at.scene.prim_path[part].startswith(ZONE)
    anna.until(lambda: anna.badges_at(part) == [1], 20, "a badge stands at the zone")
    anna.until(lambda: _blinks_red(anna, part), 20, "the badge is the red square")
    tree = window.tree.model
    for prim in (zone, anna.prim("/Line/Oven"), anna.prim("/Line")):
        at_prim = tree.index_of(prim).siblingAtColumn(ALARM)
        said = partial(tree.data, at_prim, Qt.ItemDataRole.AccessibleTextRole)
        anna.until(lambda said=said: "worst that waits: priority 1" in (said() or ""), 20, "it is rolled up")
    assert "zone 2" in window.alarms.model.rows[0].text
    assert window.alarmbar.newest.text().startswith(window.alarms.model.rows[0].text)
    anna.picture("05-warned")
    assert at.look is not None
    return event.t_ns, at.look.rgba[anna.prim(CASING), :3].copy()


def _blinks_red(anna: Place, prim: int) -> bool:
    anna.qtbot.wait(137)  # no multiple of the blink: pictures that take long must not all meet its dark half
    return anna.badge_colour(prim, anna.picture("05-warned"), RED) > 0.3


def goes_there(anna: Place) -> None:
    """Step 6: the sound is off and nothing acknowledged; the zone, its trend with the limit, what to do."""
    at, window = anna.at, anna.window
    anna.do("alarm.silence")
    assert not window.alarmbar.silence_button.isEnabled(), "nothing sounds any more"
    row = at.alarms.row(HOT)
    assert row is not None
    assert row.unacknowledged, "a silence acknowledges nothing"
    assert window.canvas.view.blinks
    choose(anna, HOT)
    anna.qtbot.keyClick(window.alarms.view, Qt.Key.Key_Return)
    anna.until(lambda: at.selection == (at.alarms.prims[HOT],), 10, "its part is selected")
    assert anna.slot(TEMPERATURE) in at.timeline.slots, "its trend is drawn"
    detail = window.alarms.detail.text()
    assert "What to do: Halt line 2, open the damper, check burner BV-212" in detail
    anna.frames(20)
    anna.picture("06-goes-there")


def stays(anna: Place) -> None:
    """Log in again where a busy machine let the desk fall silent: the world then knows nobody there."""
    if anna.at.people.user != "anna":
        anna.log_in("anna")


def choose(anna: Place, alarm: str) -> None:
    """Choose an alarm's line in the list, and let keys go there."""
    window = anna.window
    view, model = window.alarms.view, window.alarms.model

    def line() -> int:
        return next((i for i, row in enumerate(model.rows) if row.id == alarm), -1)

    anna.until(lambda: line() >= 0, 20, f"{alarm} is listed")
    view.setFocus()
    flag = QItemSelectionModel.SelectionFlag
    view.selectionModel().select(model.index(line(), TEXT), flag.ClearAndSelect | flag.Rows)


def acknowledges(anna: Place, second: Workspace) -> None:
    """Step 7: the blink stops, an outline stays; the same on the second desk; the journal has it."""
    stays(anna)
    at, window = anna.at, anna.window
    anna.until(window.alarms.acknowledge.isEnabled, 20, "it may be acknowledged")
    row = at.alarms.row(HOT)
    assert row is not None
    raised_ns = row.raised_ns  # `looks_back` meets it not acknowledged, as near as a pixel of the time bar
    anna.until(lambda: at.home_ns() > raised_ns + 4 * NS, 10, "it was read")
    while any(row.unacknowledged for row in at.alarms.rows()):
        waits = next(row.id for row in at.alarms.rows() if row.unacknowledged)
        choose(anna, waits)
        anna.qtbot.keyClick(window.alarms.view, Qt.Key.Key_A)
        anna.until(partial(_answered, at, waits), 20, f"{waits} is acknowledged")
    row = at.alarms.row(HOT)
    assert row is not None
    assert (row.state, row.who) == ("active, acknowledged", "anna")
    anna.until(lambda: second.alarms.states[HOT].process is ProcessState.ACKED, 20, "at the second desk too")
    assert second.alarms.states[HOT].actor == "anna"
    anna.until(lambda: not window.canvas.view.blinks, 20, "nothing blinks")
    at.select(())
    seen = anna.picture("07-acknowledged")
    corner, canvas = window.canvas.mapTo(window, QPoint(0, 0)), window.canvas
    x, y, right, below = corner.x(), corner.y(), corner.x() + canvas.width(), corner.y() + canvas.height()
    thin = (np.abs(seen[y:below, x:right].astype(int) - RED).max(axis=2) < 40).sum()
    assert 50 < thin < 5000, "its outline stays, and nothing else of it is red"
    assert [e.actor for e in at.alarms.events if (e.id, e.event) == (HOT, "ACK")] == ["anna"]
    window.alarms.tabs.setCurrentIndex(1)
    anna.until(lambda: window.alarms.journal.index(0, 4).data() == "anna", 20, "the journal has it")
    anna.picture("07-journal")
    window.alarms.tabs.setCurrentIndex(0)


def _answered(at: Workspace, alarm: str) -> bool:
    row = at.alarms.row(alarm)
    return row is None or not row.unacknowledged


# ---------------------------------------------------------------- steps 8 to 10


def button(anna: Place, text: str) -> QPushButton:
    def shown() -> list[QPushButton]:
        buttons = anna.window.inspector.findChildren(QPushButton)
        return [b for b in buttons if b.text() == text and b.isVisible()]

    anna.until(lambda: len(shown()) == 1, 15, f"the inspector shows the button {text}")
    return shown()[0]


def _is_answered(anna: Place) -> bool:
    card = anna.at.orders.card(CLOCK.now_mono_ns())
    return card is not None and card.tone in ("armed", "bad")


def prepares(anna: Place) -> None:
    """Step 8: open the card; what must hold is listed with its value."""
    stays(anna)
    anna.at.select((anna.prim("/Line/Conveyor"),))
    anna.click(button(anna, "Halt line 2…"))
    card = anna.window.inspector.card
    anna.until(lambda: len(card.findings.checks) >= 3, 15, "the gate says what must hold")
    said = anna.texts(card.findings)
    assert "✗" not in said, said
    for words in ("✓  Link 'line-ua' is up", "C-201.state", "C-201.guard_closed"):
        assert words in said, said


def arms(anna: Place) -> None:
    """Prepare and arm; again where a busy machine shows what is too old for the gate."""
    stays(anna)
    card = anna.window.inspector.card
    for _ in range(4):
        prepares(anna)
        anna.click(card.arm)
        anna.until(partial(_is_answered, anna), 15, "an answer")
        if card.execute.isVisible():
            return
        card.close_card()
    raise AssertionError(f"it cannot be armed: {card.state.text()} {card.remedy.text()}")


def lets_an_armed_halt_run_out(anna: Place, plant: RunningPlant) -> None:
    """Step 9: after its time it is disarmed, and nothing reached the plant."""
    card = anna.window.inspector.card
    prepares(anna)
    anna.picture("08-prepares")
    card.close_card()
    arms(anna)
    anna.picture("09-armed")
    anna.until(lambda: card.state.text().startswith("Expired"), 30, "its time runs out")
    assert not card.execute.isVisible()
    assert anna.value("C-201.speed") > 0.1
    assert calls(plant) == 0, "no policy is signed, nothing was executed: nothing was sent"
    anna.picture("09-run-out")
    card.close_card()


def halts(anna: Place, plant: RunningPlant) -> None:
    """Step 10: executed once, verified by the measured speed."""
    card = anna.window.inspector.card
    arms(anna)
    anna.until(lambda: card.execute.isVisible() and card.execute.isEnabled(), 15, "it can be executed")
    anna.click(card.execute)
    anna.until(lambda: card.state.text().startswith("Verified"), 20, f"the plant did it: {card.state.text()}")
    assert calls(plant) == 1, "exactly one call"
    anna.until(lambda: anna.value("C-201.speed") < 0.02, 10, "the belt stands")
    unit = anna.prim("/Line/Units/U_01")
    anna.frames(10)
    still = anna.stands(unit)
    anna.frames(10)
    assert np.array_equal(anna.stands(unit), still), "product stands where it is"
    anna.picture("10-halted")
    card.close_card()
    status, said = armillary("audit", "verify", str(plant.project))
    assert status == 0, said
    _, said = armillary("audit", "show", str(plant.project), "--json", "--last", "100")
    mine = [r for r in json.loads(said)["records"] if r["actor"] == "anna" and "C-201.Halt" in json.dumps(r)]
    did = [r["action"] for r in mine]
    assert did[-1] == "command.verified", did
    assert {"command.arm", "command.intent", "command.sent"} <= set(did), did


# ---------------------------------------------------------------- steps 11 to 13


def sees_it_return(anna: Place, wire: Wire) -> None:
    """Step 11: refused while the cause is there; five readings below it is latched until a reset."""
    stays(anna)
    at, window = anna.at, anna.window
    choose(anna, HOT)
    anna.qtbot.keyClick(window.alarms.view, Qt.Key.Key_R)
    anna.until(lambda: "Still active" in window.status.currentMessage(), 20, "it cannot be reset yet")
    wire.fault(json.dumps({"TT-212.forced": 79.0}))
    anna.until(lambda: at.alarms.states[HOT].process is ProcessState.LACKD, 30, "it is latched")
    row = at.alarms.row(HOT)
    assert row is not None
    assert row.state == "latched, waits for reset"
    anna.picture("11-latched")
    choose(anna, HOT)
    anna.until(window.alarms.reset.isEnabled, 20, "it may be reset")
    anna.click(window.alarms.reset)
    anna.until(lambda: at.alarms.row(HOT) is None, 20, "it is gone")


def sees_the_packing_broker_fall_silent(anna: Place, plant: RunningPlant) -> None:
    """Step 12: packing is hatched, one alarm and not 96, the oven goes on."""
    os.kill(plant.parts["packing-broker"].pid, signal.SIGSTOP)
    try:
        anna.until(lambda: anna.rank("R-301.joint1_angle") == STALE, 10, "packing is stale")
        rows = anna.window.alarms.model
        anna.until(lambda: any("pack-spb" in row.text for row in rows.rows), 20, "an alarm")
        assert sum("pack-spb" in row.text for row in rows.rows) == 1, "one, not 96"
        anna.until(
            lambda: any("96 tags stale" in row.text for row in rows.rows),
            20,
            "it says how many tags are stale",
        )
        anna.at.select(())
        hatched = anna.look_at("/Line/Packing/CW_301/Screen")
        anna.until(lambda: anna.is_hatched(hatched), 20, "the robot is hatched")
        assert anna.rank(TEMPERATURE) == GOOD, "the oven is live"
        anna.window.frame((anna.prim("/Line/Packing"),))
        anna.picture("12-silent")
    finally:
        os.kill(plant.parts["packing-broker"].pid, signal.SIGCONT)
    anna.until(lambda: anna.rank("R-301.joint1_angle") == GOOD, 40, "the broker is back")


def shelves_what_chatters(anna: Place, wire: Wire) -> None:
    """Step 13: refused without a reason; then hidden, with the time left in the list of what is hidden."""
    stays(anna)
    at, window = anna.at, anna.window
    wire.fault(json.dumps({"FT-231.chatter": 1.0}))
    anna.until(lambda: _raises(at, WATER) >= 3, 60, "it chatters")
    anna.until(lambda: at.alarms.row(WATER) is not None, 30, "it stands or waits")
    anna.look_at(METER)
    meter = at.alarms.prims[WATER]
    anna.until(lambda: anna.badges_at(meter) == [4], 20, "its badge")
    choose(anna, WATER)
    anna.qtbot.keyClick(window.alarms.view, Qt.Key.Key_S)
    sheet = window.findChild(ShelfSheet)
    assert sheet is not None
    sheet.reason.setCurrentText(OTHER)
    sheet.words.setText("")
    assert not sheet.go.isEnabled(), "not without a reason"
    sheet.words.setText("known fault WO-1187")
    sheet.time.setCurrentText("1 hour")
    anna.until(sheet.isActiveWindow, 10, "it has the keys, which it gives back")
    sheet.grab().save(str(anna.pictures / "13-shelf.png"))
    sheet.go.click()
    anna.until(window.isActiveWindow, 10, "the window has them again")
    anna.until(lambda: window.alarmbar.hidden.text() == "Shelved 2", 20, "two are shelved")
    anna.until(lambda: not anna.badges_at(meter), 20, "its badge is gone")
    tree = window.tree.model
    over = tree.index_of(anna.prim("/Line/Cooling")).siblingAtColumn(ALARM)
    role = Qt.ItemDataRole.AccessibleTextRole
    anna.until(lambda: "1 hidden inside" in (tree.data(over, role) or ""), 20, "what holds it says so")
    window.alarms.show_hidden()
    anna.until(lambda: any(row.id == WATER for row in window.alarms.model.rows), 20, "it is listed as hidden")
    [row] = [row for row in window.alarms.model.rows if row.id == WATER]
    assert "shelved until " in row.note, row
    assert "by anna: known fault WO-1187" in row.note
    anna.picture("13-shelved")
    window.alarms.filter.setCurrentIndex(0)
    wire.fault(json.dumps({"FT-231.chatter": 0.0}))


def _raises(at: Workspace, alarm: str) -> int:
    return sum((event.id, event.event) == (alarm, "RAISE") for event in at.alarms.events)


# ---------------------------------------------------------------- steps 14 and 15


def looks_back(anna: Place, wire: Wire, then: tuple[int, np.ndarray]) -> None:
    """Step 14: the scene, the list and the trend of then; what becomes urgent now is told; home by `L`."""
    at, window = anna.at, anna.window
    raised_ns, colour_then = then
    at.select(())
    zone = anna.look_at(CASING)
    anna.into_the_past(raised_ns, HOT)
    assert anna.value(TEMPERATURE) > 85.0
    assert anna.value("C-201.speed") > 0.1, "the belt ran then"
    seen = anna.picture("14-looks-back")
    assert anna.ribbon_share(seen, anna.theme.replay) > 0.8
    assert anna.frame_share(seen, anna.theme.replay) > 0.5
    assert window.mode.ribbon.text().startswith("REPLAY · ")
    assert at.look is not None
    assert np.array_equal(at.look.rgba[zone, :3], colour_then), "the zone has the colour of then"
    assert anna.has_its_colour(zone)
    at.select((anna.prim("/Line/Conveyor"),))
    anna.qtbot.wait(1)
    offered = [b.text() for b in window.inspector.findChildren(QPushButton) if b.isVisible()]
    assert not [text for text in offered if text.endswith("…") and "line 2" in text], "no commands"
    assert "A REPLAY world takes no commands." in anna.texts(window.inspector)
    assert window.bars.topbar.home.text().startswith("Live: ")
    waited = _waiting(window.bars.topbar.home.text())
    wire.fault(json.dumps({"TT-212.forced": 86.2}))
    anna.until(lambda: any("Live, priority 1" in c.notice.what for c in window.cards.cards), 30, "it is told")
    anna.until(lambda: _waiting(window.bars.topbar.home.text()) > waited, 10, "and counted")
    anna.picture("14-live-alarm")
    offers = [card for card in window.decisions.offers.cards if card.isVisible()]
    assert not any(card.approve.isEnabled() for card in offers), "nobody decides on the plant from its past"
    wire.fault(json.dumps({"TT-212.forced": 0.0}))
    window.canvas.setFocus()
    anna.qtbot.keyClick(window.canvas, Qt.Key.Key_L)
    anna.until(lambda: not at.away, 10, "live again")
    assert not window.mode.ribbon.isVisible()
    seen = anna.picture("14-back")
    assert anna.frame_share(seen, anna.theme.replay) == 0.0


def _waiting(chip: str) -> int:
    """Return how many alarms of the live world wait, as its chip says."""
    found = re.match(r"Live: (?:(\d+) unacknowledged)?", chip)
    assert found, chip
    return int(found[1] or 0)


def hands_over(anna: Place, plant: RunningPlant) -> None:
    """Step 15: what was armed is gone, layout and selection stay; the report has the shift; chains hold."""
    at, window = anna.at, anna.window
    at.select((anna.prim("/Line/Conveyor"),))
    anna.click(button(anna, "Speed of line 2…"))
    card = window.inspector.card
    anna.until(card.entry.isVisible, 10, "the card asks for a speed")
    kept, docks = at.selection, window.docks.save()
    anna.log_in("bo")
    anna.until(lambda: at.orders.armed is None, 20, "nothing is armed")
    assert at.selection == kept
    assert window.docks.save() == docks
    anna.until(lambda: "Bo · operator" in anna.texts(window.bars.topbar), 20, "bo is here")
    anna.picture("15-hands-over")
    _, said = armillary("report", "shift", str(plant.project), "--shift", "now", "--json")
    told = json.dumps(json.loads(said), ensure_ascii=False)
    for words in ("O-210 zone 2", "acknowledged", "reset", "Halt line 2", "pack-spb", "WO-1187", "anna"):
        assert words.lower() in told.lower(), words
    status, said = armillary("audit", "verify", str(plant.project))
    assert status == 0, said
