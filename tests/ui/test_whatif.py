"""What-if docks and the map of a simulator, on hand-made runs: what is said, folded and copied."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QLineEdit
from pytestqt.qtbot import QtBot

from armillary.model.control import (
    Cursor,
    Measure,
    ModelOffer,
    RunCard,
    RunRequest,
    Runs,
    RunSeries,
    RunSeriesOf,
)
from armillary.model.frame import RunState, WorldKind, empty_frame, frame_of
from armillary.model.simulation import ModelInfo, Variable
from armillary.session.modelmap import ModelMap
from armillary.session.side import Side
from armillary.ui.panels.modelmap import ModelSheet
from armillary.ui.window import DeskWindow

PICTURES = os.environ.get("ARMILLARY_PICTURES", "")
CRASH = "The FMU 'tank.fmu': it crashed at 60 s (SIGSEGV). Export it again, or ask its maker."


def run(name: str, state: str = "done", **more: Any) -> RunCard:
    request = RunRequest(id=name, title=name.title(), horizon_s=600.0)
    return RunCard(id=name, title=name.title(), state=state, request=request, **more)  # type: ignore[arg-type]  # a word of the test


def figures(energy: float, low: float, high: float, **more: Any) -> tuple[Measure, ...]:
    return (Measure(name="energy", value=energy, unit="kWh", low=low, high=high, **more),)


CARDS = (
    run("baseline", members=8, measures=figures(8.0, 7.0, 9.0), digest="ab" * 32),
    run("slower", members=8, measures=figures(6.0, 5.5, 6.5, is_best=True), rank=1, reason="lowest cost"),
    run("broken", "failed", progress=0.4, detail=CRASH),
    run("nan", "diverged", progress=0.7, detail="T-1.level is no finite number at 60 s after the fork."),
    run("late", "running", progress=0.25, remaining_s=12.0),
)


@pytest.fixture
def forked(desk: DeskWindow, bench: Any, monkeypatch: pytest.MonkeyPatch) -> DeskWindow:
    """A desk that shows a fork with one run of every kind."""
    at = desk.workspace
    monkeypatch.setattr(at, "_ask", lambda *_args, **_more: None)
    at._home = Side(at.specs)
    at.mirror.kind, at.mirror.run, at.mirror.world = WorldKind.WHATIF, RunState.PAUSED, "whatif-1"
    at.mirror.t_ns = bench.clock.now_ns()
    at.cursor, at.about = Cursor(), "'What if' · forked 14:03 UTC · not the plant"
    at.visited.emit()
    futures = at.futures
    futures._world = "whatif-1"
    futures.offer = ModelOffer(model="tank")
    futures._took_runs(
        Runs(cards=CARDS, shown="baseline", forked_from="live-1", forked_ns=bench.clock.now_ns())
    )
    desk.show_panel("whatif")
    return desk


def keep(window: Any, name: str) -> None:
    """Keep a picture where somebody wants to look at them."""
    if PICTURES:
        window.grab().save(str(Path(PICTURES) / f"{name}.png"))


def row(desk: DeskWindow, name: str) -> list[str]:
    view = desk.whatif.view
    at = next(i for i, card in enumerate(desk.workspace.futures.cards) if card.id == name)
    return [view.item(at, column).text() for column in range(view.columnCount())]


def test_run_that_fails_says_why_and_the_others_stay(forked: DeskWindow, qtbot: QtBot) -> None:
    panel = forked.whatif
    panel.fold.show_side(1)
    assert row(forked, "broken")[3] == "failed at 40%"
    assert row(forked, "nan")[3] == "diverged at 70%"
    assert row(forked, "late")[3] == "running 25%, 12 s left"
    assert row(forked, "slower")[3] == "done"
    assert panel.told.isVisible()
    assert "no finite number" in panel.told.words.text(), "the newest trouble is said unasked"
    panel.choose("broken")
    assert panel.told.title.text() == "Broken: failed at 40%"
    assert CRASH in panel.told.words.text()
    assert "The other runs go on" in panel.told.words.text()
    assert panel.again.isEnabled()
    assert not panel.stop.isEnabled()
    panel.choose("late")
    assert panel.stop.isEnabled()
    for theme in ("dark", "light"):
        forked.set_theme(theme)
        panel.choose("broken")
        keep(forked, f"runs-{theme}")


@pytest.mark.parametrize(("width", "is_narrow"), [(1280, True), (1920, False)])
def test_set_up_and_runs_fold_where_there_is_no_room_for_both(
    forked: DeskWindow, qtbot: QtBot, width: int, is_narrow: bool
) -> None:
    panel = forked.whatif
    forked.resize(width, 800)
    qtbot.waitUntil(lambda: panel.fold.is_narrow is is_narrow)
    assert panel.fold.switch.isVisible() is is_narrow
    panel.fold.switch.setCurrentIndex(1)
    assert panel.view.isVisible()
    assert panel.setup.isVisible() is not is_narrow
    for button in (panel.show_run, panel.stop, panel.again, panel.propose, panel.save):
        wide = button.sizeHint().width()  # else the button is cut off
        qtbot.waitUntil(lambda b=button, least=wide: b.width() >= least)  # type: ignore[misc]  # defaults bind early


def test_best_figure_is_marked_and_runs_are_told_apart(forked: DeskWindow, qtbot: QtBot) -> None:
    panel, futures = forked.compare, forked.workspace.futures
    futures.compare(("baseline", "slower"))
    forked.show_panel("compare")
    t = np.arange(3, dtype=np.int64) * 60_000_000_000 + futures.runs.forked_ns if futures.runs else None
    assert t is not None
    panel.show_tag(forked.workspace.specs[0].name)
    mid = np.array([1.0, 2.0, 3.0])
    series = tuple(
        RunSeriesOf(id=name, t_ns=t, low=mid * scale - 0.2, mid=mid * scale, high=mid * scale + 0.2)
        for name, scale in (("baseline", 1.0), ("slower", 0.5))
    )
    tag = panel.tag.currentText()
    futures.series[tag] = RunSeries(tag=tag, series=series)
    panel.draw()
    assert panel.table.item(0, 1).text().startswith("▲ 6 kWh")
    base, other = (panel.plot.lines[name].opts["pen"] for name in ("baseline", "slower"))
    assert base.color().name() == forked.colours.equipment.lower()
    assert base.style() == Qt.PenStyle.SolidLine
    assert other.style() == Qt.PenStyle.CustomDashLine
    assert panel.plot.bands["slower"].isVisible()
    for theme in ("dark", "light"):
        forked.set_theme(theme)
        panel.draw()
        keep(forked, f"compare-{theme}")


def test_second_picture_shows_another_run_from_the_same_place(
    forked: DeskWindow, bench: Any, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    at = forked.workspace
    base = replace(empty_frame("whatif-1", WorldKind.WHATIF), t_ns=at.mirror.t_ns)
    frame = frame_of(at.mirror.table, np.arange(len(at.specs), dtype=np.uint32), base)
    monkeypatch.setattr(at, "_ask", lambda _peer, _message, told, _limit: told(frame))
    at.futures._took_runs(Runs(cards=CARDS, shown="slower", forked_ns=at.mirror.t_ns))
    forked.show_panel("compare")
    forked.compare.fold.show_side(1)
    button = forked.compare.beside
    qtbot.waitUntil(lambda: button.width() >= button.sizeHint().width())
    assert button.isEnabled(), button.toolTip()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    second = forked.beside
    qtbot.waitUntil(lambda: second.isVisible() and second.view is not None)
    assert second.text.startswith("WHAT-IF · beside: 'Baseline'")
    forked.canvas.view.orbit(30.0, 10.0)
    second.follow()
    assert second.view is not None
    assert second.view.pose == forked.canvas.view.pose
    for theme in ("dark", "light"):
        forked.set_theme(theme)
        second.follow()
        keep(forked, f"beside-{theme}")
    assert abs(second.width() - forked.canvas.width()) < 60
    at.beside.off()
    assert not second.isVisible()


def test_tags_copied_out_of_a_fork_say_that_they_are_not_the_plants(forked: DeskWindow, qtbot: QtBot) -> None:
    forked.show_panel("tags")
    tags, name = forked.tags, forked.workspace.specs[0].name
    tags.reload()
    tags.reveal(0)
    tags.view.setFocus()
    qtbot.keyClick(tags.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    first = QGuiApplication.clipboard().text().split("\t")
    assert first[0] == f"whatif:{name}"
    assert len(first) == 3
    dragged = tags.model.mimeData([tags.model.index(0, 0)]).text()
    assert dragged.startswith("whatif:")


# ---------------------------------------------------------------- the map of a simulator

INFO = ModelInfo(
    name="Tank",
    kind="fmu",
    version="2",
    variables=(
        Variable(name="level_T1", causality="output", unit="%"),
        Variable(name="flow", causality="input", unit="m³/s", start=0.02, title="Inflow of the tank"),
        Variable(name="temperature", causality="output", unit="K"),
        Variable(name="leak", causality="parameter"),
    ),
)


@pytest.fixture
def sheet(desk: DeskWindow, qtbot: QtBot, tmp_path: Path) -> Callable[[], ModelSheet]:
    """Make the sheet of a project with one FMU, whose model is there at once."""
    (tmp_path / "tank.fmu").write_bytes(b"PK")
    specs = desk.workspace.specs

    def make() -> ModelSheet:
        mapping = ModelMap(lambda _job, told: told(INFO), lambda: tmp_path, lambda: specs)
        out = ModelSheet(mapping, desk.colours, lambda: [s.name for s in specs], lambda _name: None, desk)
        out.simulator.setCurrentIndex(out.simulator.findText("tank.fmu"))
        out.simulator.activated.emit(out.simulator.currentIndex())
        out.open()
        return out

    return make


def test_map_lists_variables_and_marks_what_is_not_mapped(
    desk: DeskWindow, sheet: Callable[[], ModelSheet], qtbot: QtBot, tmp_path: Path
) -> None:
    for theme in ("dark", "light"):
        desk.set_theme(theme)
        one = sheet()
        qtbot.waitUntil(one.isVisible)
        keep(one, f"map-{theme}")
    view = one.view
    names = [view.item(i, 0).text() for i in range(view.rowCount())]
    assert names == ["flow", "level_T1", "temperature", "leak"]
    assert view.item(0, 5).text().startswith("not mapped: stays 0.02")
    assert one.why.text() == "No variable stands for a tag."
    assert not one.save.isEnabled()
    tag = next(s for s in desk.workspace.specs if s.unit == "°C")
    view.item(2, 4).setText(tag.name)
    assert view.item(2, 5).text() == "K ↔ °C"
    view.item(0, 4).setText(tag.name)
    assert "measure different things" in one.why.text()
    assert view.item(0, 4).text() == "", "what does not fit is taken back"
    box = one.findChild(QCheckBox)
    assert box is not None
    box.setChecked(True)
    assert view.isRowHidden(2)
    assert not view.isRowHidden(3)
    qtbot.keyClicks(one.title, "Tank alone")
    qtbot.mouseClick(one.save, Qt.MouseButton.LeftButton)
    assert (tmp_path / "scenarios" / "tank-alone.toml").is_file()
    assert isinstance(one.title, QLineEdit)
