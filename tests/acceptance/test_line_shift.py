"""The early shift on the packaging line (operations 9.1), as far as the product has it, with pictures."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from desk import CLOCK, Place, Wire, armillary, place
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from armillary.cli.cast import SIGNERS
from armillary.cli.plant import RunningPlant
from armillary.cli.policy import sign_stops
from armillary.model.alarm import ProcessState
from armillary.model.quality import GOOD, STALE

pytestmark = [pytest.mark.system, pytest.mark.scale]
HOT, ZONE, TEMPERATURE = "O210-Z2-HTT", "/Line/Oven/Zone2", "TT-212.value"
CASING = f"{ZONE}/Casing"


def unsigned(_project: Path) -> None:
    """Leave the halt to a person, as the steps of the script want it."""


def signed(project: Path) -> None:
    sign_stops(project, SIGNERS, CLOCK.now_ns())


@pytest.fixture
def by_hand(own_places: Path, qtbot: QtBot, tmp_path: Path) -> Iterator[tuple[Place, RunningPlant, Wire]]:
    with place(qtbot, tmp_path, unsigned, "packaging-line") as made:
        made[0].until_live()
        yield made


@pytest.fixture
def by_policy(own_places: Path, qtbot: QtBot, tmp_path: Path) -> Iterator[tuple[Place, RunningPlant, Wire]]:
    with place(qtbot, tmp_path, signed, "packaging-line") as made:
        made[0].until_live()
        yield made


def calls(plant: RunningPlant) -> int:
    """How often somebody called the halt."""
    return len(re.findall("call C-201.Halt", plant.parts["opcua"].log.read_text("utf-8")))


def test_an_early_shift_on_the_line(by_hand: tuple[Place, RunningPlant, Wire]) -> None:
    anna, plant, wire = by_hand
    begins(anna)
    is_warned(anna, wire)
    halts(anna, plant)
    sees_it_return(anna, wire)
    sees_the_packing_broker_fall_silent(anna, plant)


def test_a_signed_policy_halts_the_line_and_the_desk_says_why(
    by_policy: tuple[Place, RunningPlant, Wire],
) -> None:
    anna, plant, wire = by_policy
    begins(anna)
    is_warned(anna, wire)
    anna.until(lambda: anna.value("C-201.speed") < 0.02, 15, "the belt stands")
    at = anna.at
    anna.until(lambda: any(p.is_over for p in at.proposals.items.values()), 15, "the stop is verified")
    [proposal] = at.proposals.items.values()
    assert (proposal.state, proposal.policy) == ("verified", "halt_line_2")
    assert "85" in proposal.reason
    assert calls(plant) == 1
    anna.picture("10-halted-by-policy")


def begins(anna: Place) -> None:
    anna.log_in("anna")
    anna.until(lambda: all(r == GOOD for r in anna.at.mirror.table.quality & 0xFF), 30, "all tags are good")
    anna.until(lambda: "3 of 3 links up" in anna.texts(anna.window.bars.topbar), 15, "all links are up")
    anna.picture("01-begins")
    zone = anna.look_at(CASING)
    assert anna.has_its_colour(zone), "the zone has the colour of its temperature"
    [legend] = [one for one in anna.at.legends if one.name == "temperature"]
    assert legend.unit == "°C"
    anna.at.select((zone,))
    anna.do("view.frame")
    anna.picture("03-oven")
    anna.at.select(())


def is_warned(anna: Place, wire: Wire) -> None:
    at = anna.at
    wire.fault(json.dumps({"TT-212.forced": 85.4}))
    anna.until(lambda: at.alarms.row(HOT) is not None, 15, "the alarm of zone 2")
    [event] = [e for e in at.alarms.events if e.id == HOT]
    assert (event.event, event.after, event.priority) == ("RAISE", ProcessState.UNACK, 1)
    assert event.value == pytest.approx(85.4)
    anna.window.show_panel("alarms")
    anna.picture("05-warned")
    assert "85" in anna.window.alarms.model.rows[0].text or "zone 2" in anna.window.alarms.model.rows[0].text


def button(anna: Place, text: str) -> QPushButton:
    def shown() -> list[QPushButton]:
        buttons = anna.window.inspector.findChildren(QPushButton)
        return [b for b in buttons if b.text() == text and b.isVisible()]

    anna.until(lambda: len(shown()) == 1, 15, f"the inspector shows the button {text}")
    return shown()[0]


def _is_answered(anna: Place) -> bool:
    card = anna.at.orders.card(CLOCK.now_mono_ns())
    return card is not None and card.tone in ("armed", "bad")


def halts(anna: Place, plant: RunningPlant) -> None:
    """Steps 8 to 10: what must hold, armed, executed once, verified by the measured speed."""
    at, card = anna.at, anna.window.inspector.card
    assert calls(plant) == 0, "no policy is signed: nothing was sent"
    for _ in range(4):
        at.select((anna.prim("/Line/Conveyor"),))
        anna.click(button(anna, "Halt line 2…"))
        anna.until(lambda: len(card.findings.checks) >= 3, 15, "the gate says what must hold")
        assert "✗" not in anna.texts(card.findings), anna.texts(card.findings)
        anna.picture("08-prepares")
        anna.click(card.arm)
        anna.until(lambda: _is_answered(anna), 15, "an answer")
        if card.execute.isVisible():
            break
        card.close_card()
    anna.until(lambda: card.execute.isVisible() and card.execute.isEnabled(), 15, "it can be executed")
    anna.picture("09-armed")
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


def sees_it_return(anna: Place, wire: Wire) -> None:
    """Step 11: five readings below, then latched until somebody resets it."""
    wire.fault(json.dumps({"TT-212.forced": 83.0}))
    states = anna.at.alarms.states
    anna.until(lambda: states[HOT].process in (ProcessState.LUNAK, ProcessState.LACKD), 15, "it is latched")
    anna.picture("11-latched")


def sees_the_packing_broker_fall_silent(anna: Place, plant: RunningPlant) -> None:
    """Step 12: packing is hatched, one alarm and not 96, the oven goes on."""
    os.kill(plant.parts["packing-broker"].pid, signal.SIGSTOP)
    try:
        anna.until(lambda: anna.rank("R-301.joint1_angle") == STALE, 10, "packing is stale")
        rows = anna.window.alarms.model
        anna.until(lambda: any("pack-spb" in row.text for row in rows.rows), 20, "an alarm")
        assert sum("pack-spb" in row.text for row in rows.rows) == 1, "one, not 96"
        assert anna.rank(TEMPERATURE) == GOOD, "the oven is live"
        anna.picture("12-silent")
    finally:
        os.kill(plant.parts["packing-broker"].pid, signal.SIGCONT)
