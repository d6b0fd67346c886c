"""An engineer asks what if, after operations.md 7: fork, candidates, comparison, proposal, the day after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from desk import CLOCK, SIZE, Place, Wire, place, rgb
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from armillary.model.clock import NS
from armillary.model.control import RunCard
from armillary.model.frame import WorldKind
from armillary.model.quality import GOOD
from armillary.session.workspace import Workspace
from armillary.ui.pulse import Pulse
from armillary.ui.window import DeskWindow

pytestmark = pytest.mark.system
PUMP, TANK, LEVEL = "/Station/PumpHall/P_101A", "/Station/Storage/T_102/Shell", "T-102.level"
SLOWER, MORE = "P-101A.speed_sp", "demand_factor"
MINUTES, MEMBERS = 10, 4
OVER_S = 300.0  # for all runs, on a busy machine


@contextmanager
def another(qtbot: QtBot, project: Path, like: Place) -> Iterator[Place]:
    """A desk that is opened on the same project, after the first one was closed."""
    workspace = Workspace(CLOCK)
    window = DeskWindow(workspace, CLOCK)
    qtbot.addWidget(window)
    window.resize(*SIZE)
    pulse = Pulse(workspace, CLOCK)
    workspace.open(str(project))
    window.show()
    pulse.pump()
    try:
        yield Place(window, qtbot, like.pictures, like.password)
    finally:
        pulse.stop()
        window.close()
        window.shut_down()
        workspace.close()


def test_an_engineer_asks_what_if(own_places: Path, qtbot: QtBot, tmp_path: Path) -> None:
    with place(qtbot, tmp_path) as (ravi, plant, wire):
        ravi.until_live()
        ravi.log_in("ravi")
        ravi.until(lambda: ravi.rank(LEVEL) == GOOD, 60, "the level is good")
        fork = forks(ravi)
        asks_about_the_pump(ravi)
        tries(ravi, SLOWER, 1250.0)
        tries(ravi, MORE, 1.5)
        digests = waits(ravi)
        compares(ravi)
        looks_at_the_difference(ravi)
        looks_side_by_side(ravi)
        proposes(ravi, wire)
        forks_from_the_past(ravi)
        ravi.window.close()
        with another(qtbot, plant.project, ravi) as again:
            comes_back(again, fork, digests)
            assert wire.orders == [], "nothing was sent to the plant"


def cards(at: Place) -> dict[str, RunCard]:
    return {card.title: card for card in at.at.futures.cards}


def choose(menu: QMenu, words: str) -> None:
    """Choose an entry of a menu as it is when it opens."""
    menu.aboutToShow.emit()
    [entry] = [one for one in menu.actions() if words in one.text()]
    assert entry.isEnabled()
    entry.trigger()


def forks(ravi: Place) -> str:
    """Fork by the button; the ribbon and the frame say that this is not the plant. Return the fork's name."""
    window, at = ravi.window, ravi.at
    window.show_panel("whatif")
    live = ravi.value(LEVEL)
    ravi.click(window.whatif.fork)
    ravi.until(lambda: at.kind is WorldKind.WHATIF and at.futures.offer is not None, 90, "a fork is shown")
    assert ravi.value(LEVEL) == pytest.approx(live, abs=1.0)
    assert "not the plant" in window.mode.ribbon.text()
    assert at.people.user == "ravi"
    seen = ravi.picture("01-forked")
    assert ravi.ribbon_share(seen, ravi.theme.whatif) > 0.7
    assert ravi.frame_share(seen, ravi.theme.whatif) > 0.4
    [found] = sorted((at.project.private / "runs").iterdir()) if at.project is not None else []
    return found.name


def asks_about_the_pump(ravi: Place) -> None:
    """A ready-made question about the selected pump, with uncertainty."""
    window, card = ravi.window, ravi.window.whatif.setup
    ravi.at.select((ravi.prim(PUMP),))
    choose(card.menu, "What if P-101A trips?")
    assert set(card.rows) == {"P-101A.trip"}
    card.horizon.setValue(MINUTES)
    card.spread.setCurrentIndex(card.spread.findData(0.05))
    card.spread.activated.emit(card.spread.currentIndex())
    card.members.setValue(MEMBERS)
    ravi.picture("02-asked")
    if window.whatif.confirm.isVisible():  # a busy machine: something was not GOOD, and ravi has looked at it
        ravi.click(window.whatif.confirm)
    ravi.click(card.run)
    ravi.until(lambda: len(cards(ravi)) == 3, 60, "the run is queued, with a baseline as long")
    assert not card.isVisible() or not window.whatif.fold.is_narrow, "the list of runs is in front"


def tries(ravi: Place, name: str, value: float) -> None:
    """Another candidate: a setpoint, or the demand, typed."""
    panel = ravi.window.whatif
    panel.fold.show_side(0)
    card = panel.setup
    for old in tuple(card.rows):
        ravi.qtbot.mouseClick(card.rows[old].remove, Qt.MouseButton.LeftButton)
    ravi.type(card.title, f"{name} = {value:g}")
    card.add.activated.emit(card.add.findData(name))
    ravi.type(card.rows[name].value, f"{value:g}")
    assert card.run.isEnabled(), card.run.toolTip()
    ravi.picture(f"03-{name}")
    ravi.click(card.run)
    ravi.until(lambda: f"{name} = {value:g}" in cards(ravi), 60, "it is queued")


def waits(ravi: Place) -> dict[str, str]:
    """Progress with the time that is left, then three candidates side by side. Return each digest."""
    panel = ravi.window.whatif
    ravi.until(
        lambda: (
            any("%" in state(ravi, row) for row in range(panel.view.rowCount()))
            or not ravi.at.futures.running
        ),
        30,
        "progress is told",
    )
    ravi.picture("04-running")
    ravi.until(lambda: not ravi.at.futures.running, OVER_S, "all runs are over")
    ravi.picture("05-over")
    got = cards(ravi)
    assert {card.state for card in got.values()} == {"done"}
    assert all(card.digest for card in got.values())
    assert "single run, no uncertainty" in got["Do nothing"].note
    alike = [card for card in got.values() if card.request and card.request.horizon_s == MINUTES * 60]
    assert sorted(card.rank for card in alike) == [1, 2, 3, 4]
    return {title: card.digest for title, card in got.items()}


def state(ravi: Place, row: int) -> str:
    item = ravi.window.whatif.view.item(row, 3)
    return item.text() if item is not None else ""


def compares(ravi: Place) -> None:
    """Figures with intervals, and trends that colour and dashes tell apart, with shaded bands."""
    panel = ravi.window.compare
    ravi.window.show_panel("compare")
    ravi.until(lambda: panel.table.columnCount() == 4, 30, "four runs that last as long")
    titles = [panel.table.horizontalHeaderItem(i).text() for i in range(4)]
    assert titles[1:] == ["What if P-101A trips?", f"{SLOWER} = 1250", f"{MORE} = 1.5"]
    rows = {panel.table.verticalHeaderItem(i).text(): i for i in range(panel.table.rowCount())}
    energy = [panel.table.item(rows["energy"], i).text() for i in range(4)]
    assert all("kWh" in text and "…" in text for text in energy), energy
    assert sum(text.startswith("▲") for text in energy) == 1
    assert f"{MEMBERS} members" in panel.table.item(rows["uncertainty"], 0).text()
    ravi.picture("06-figures")
    panel.fold.show_side(1)
    assert panel.tag.currentText() == LEVEL, "what the scenario bounds comes first"
    ravi.until(lambda: len(panel.plot.lines) == 4, 60, "four lines")
    pens = [line.opts["pen"] for line in panel.plot.lines.values()]
    assert len({pen.color().name() for pen in pens}) == 4
    assert len({tuple(pen.dashPattern()) for pen in pens}) == 4, "told apart without colours too"
    assert all(band.isVisible() for band in panel.plot.bands.values())
    key = [title.text() for _, title in panel.key.pieces if title.isVisible()]
    assert key == titles, "and the key says which is which"
    ravi.picture("07-trends")
    seen = rgb(panel.plot.grab().toImage()).astype(int)
    for pen in pens[1:]:
        colour = QColor(pen.color())
        near = np.abs(seen - [colour.red(), colour.green(), colour.blue()]).max(axis=2) < 40
        assert near.sum() > 40, "each line is seen"


def looks_at_the_difference(ravi: Place) -> None:
    """The picture shows the run at the cursor, coloured by its difference to doing nothing."""
    at, window = ravi.at, ravi.window
    tank = ravi.look_at(TANK)
    panel = window.whatif
    window.show_panel("whatif")
    panel.fold.show_side(1)
    panel.choose(cards(ravi)["What if P-101A trips?"].id)
    ravi.click(panel.show_run)
    ravi.until(lambda: "P-101A trips" in window.mode.ribbon.text(), 60, "the ribbon names the run")
    runs = at.futures.runs
    assert runs is not None
    at.select(())
    at.seek(runs.forked_ns + MINUTES * 60 * NS)
    ravi.until(lambda: at.mirror.t_ns > runs.forked_ns + 9 * 60 * NS, 60, "the end of the run")
    window.show_panel("compare")
    window.compare.unit.setCurrentText("%")
    ravi.click(window.compare.difference)
    ravi.until(lambda: ravi.at.difference.span > 0 and known(ravi), 60, "the difference is known")
    ravi.picture("08-difference")
    legend = at.legends[0]
    assert legend.title.startswith("Difference to 'Do nothing, 10 min")
    assert legend.unit == "%"
    assert ravi.has_its_colour(tank)
    red, _, blue = ravi.at.look.rgba[tank, :3].tolist() if ravi.at.look is not None else (0, 0, 0)
    assert blue > red + 20, "the tank stands lower than it would: the blue end"
    ravi.click(window.compare.difference)
    assert not at.difference.is_on


def looks_side_by_side(ravi: Place) -> None:
    """Doing nothing in a second picture, at the same time and from the same place."""
    at, window = ravi.at, ravi.window
    ravi.click(window.compare.beside)
    ravi.until(lambda: not window.beside._image.isNull(), 60, "two pictures")
    ravi.until(lambda: abs(at.beside.t_ns - at.mirror.t_ns) < NS, 60, "at one time")
    assert "beside: 'Do nothing, 10 min" in window.beside.text
    before = window.canvas.view.pose
    window.canvas.view.orbit(20.0, 5.0)
    window.canvas.touch()
    second = window.beside.view
    assert second is not None
    ravi.until(lambda: second.pose == window.canvas.view.pose != before, 30, "both turn")
    ravi.picture("09-side-by-side")
    seen = rgb(window.beside.grab().toImage())
    assert seen[40:].std() > 5, "there is a picture"
    ravi.click(window.compare.beside)
    ravi.until(lambda: not window.beside.isVisible(), 30, "one picture again")


def known(ravi: Place) -> bool:
    slot = ravi.slot(LEVEL)
    values = ravi.at.difference.values(ravi.at.mirror)
    return bool(np.isfinite(values[slot]) and values[slot] < 0)


def proposes(ravi: Place, wire: Wire) -> None:
    """A setpoint goes into the form of a write at the plant, with where it comes from; nothing is sent."""
    at, window = ravi.at, ravi.window
    window.show_panel("whatif")
    panel = window.whatif
    panel.choose(cards(ravi)["What if P-101A trips?"].id)
    assert not panel.propose.isEnabled(), "a trip is no setpoint"
    panel.choose(cards(ravi)[f"{SLOWER} = 1250"].id)
    choose(panel.propose_menu, f"{SLOWER} = 1250")
    ravi.until(lambda: at.kind is WorldKind.LIVE, 30, "back at the plant")
    card = window.inspector.card
    ravi.until(card.isVisible, 30, "the form")
    assert card.entry.text() == "1250"
    assert "from what-if run" in card.source.text()
    assert "forked" in card.source.text()
    ravi.picture("10-proposed")
    assert wire.orders == []
    card.close_card()


def forks_from_the_past(ravi: Place) -> None:
    """Fork what is replayed; Stop keeps what there is."""
    at, window = ravi.at, ravi.window
    then = at.home_ns() - 8 * NS
    at.seek(then)
    ravi.until(lambda: at.kind is WorldKind.REPLAY, 90, "the past")
    window.show_panel("whatif")
    ravi.click(window.whatif.fork)
    ravi.until(lambda: at.kind is WorldKind.WHATIF and at.futures.offer is not None, 90, "a fork of it")
    runs = at.futures.runs
    assert runs is not None
    assert abs(runs.forked_ns - then) < 2 * NS
    assert runs.forked_from.startswith("replay")
    window.whatif.choose("baseline")
    if window.whatif.stop.isEnabled():
        ravi.click(window.whatif.stop)
    ravi.until(lambda: not at.futures.running, 60, "it is stopped")
    ravi.picture("11-from-the-past")
    assert cards(ravi)["Do nothing"].state in ("stopped", "done")


def comes_back(again: Place, fork: str, digests: dict[str, str]) -> None:
    """The desk was closed: the fork and its runs are there, and the same request gives the same result."""
    again.until_live()
    again.log_in("ravi")
    at, panel = again.at, again.window.whatif
    again.window.show_panel("whatif")
    panel.kept_menu.aboutToShow.emit()
    assert len([one for one in panel.kept_menu.actions() if one.isEnabled()]) == 2
    at.reopen_fork(fork)
    again.until(lambda: at.kind is WorldKind.WHATIF and at.people.user == "ravi", 90, "as the same person")
    again.until(lambda: len(at.futures.cards) == len(digests), 90, "the fork is shown again")
    assert {title: card.digest for title, card in cards(again).items()} == digests
    panel.fold.show_side(1)
    panel.choose(cards(again)[f"{MORE} = 1.5"].id)
    again.until(lambda: panel.again.width() >= panel.again.sizeHint().width(), 30, "it is laid out")
    again.click(panel.again)
    again.until(lambda: len(at.futures.cards) > len(digests) and not at.futures.running, OVER_S, "it is over")
    assert at.futures.cards[-1].digest == digests[f"{MORE} = 1.5"]
    again.picture("12-again")
