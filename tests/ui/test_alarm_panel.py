"""The alarm panel, its journal and the health page, each alone in a window of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from armillary.history.store import Store
from armillary.model.alarm import SHELF_ENDS, AlarmAct, AlarmEvent, AlarmSpec, AlarmState, Hiding
from armillary.model.alarm import ProcessState as State
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord
from armillary.model.sample import batch_of
from armillary.recorder.keeper import answer
from armillary.session.alarm_list import ListView
from armillary.session.alarm_row import AlarmRow
from armillary.session.settings import Settings
from armillary.session.voice import NO_PLAYER
from armillary.ui import theme
from armillary.ui.alarm_filter import AlarmFilter
from armillary.ui.alarm_model import STATE, TEXT
from armillary.ui.alarmbar import AlarmBar
from armillary.ui.comment_sheet import CommentSheet
from armillary.ui.login import ReasonSheet
from armillary.ui.panels.alarms import JOURNAL, AlarmsPanel
from armillary.ui.panels.health import HealthPanel
from armillary.ui.shelf import ShelfSheet
from armillary.ui.toasts import SETTING, Toasts
from armillary.ui.tones import Tones
from armillary.wire import marks

LINES = 5_000
SPECS = (
    AlarmSpec(id="level", slot=0, tag="T-101.level", limit=3.5, priority=2, title="Tank is nearly full"),
    AlarmSpec(
        id="hot",
        slot=4,
        tag="P-101.bearing.temp",
        limit=85.0,
        priority=1,
        title="Bearing is hot",
        consequence="It seizes.",
        operator_action="Reduce speed.",
        time_to_respond_s=120.0,
        procedure="swap",
    ),
    *(AlarmSpec(id=f"x{i}", slot=i, tag=f"x{i}", priority=3 + i % 2, title=f"Stage {i}") for i in range(10)),
)


class Heard:
    """The window's side of the panel."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def say(self, text: str) -> None:
        self.calls.append(("say", text))

    def copy(self, text: str) -> None:
        self.calls.append(("copy", text))

    def hide_alarms(self, how: str) -> None:
        self.calls.append(("hide", how))

    def go_to_alarm(self, row: AlarmRow | None) -> None:
        self.calls.append(("go", row.id if row else ""))

    def trend_at(self, slots: Sequence[int], t_ns: int) -> None:
        self.calls.append(("trend", tuple(slots), t_ns))

    def replay_at(self, t_ns: int) -> None:
        self.calls.append(("replay", t_ns))

    def show_limits(self, name: str) -> None:
        self.calls.append(("limits", name))

    def show_alarm(self, name: str) -> None:
        self.calls.append(("alarm", name))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def acts(bench: Any) -> list[AlarmAct]:
    bench.begin()
    out: list[AlarmAct] = []
    book = bench.workspace.alarms
    book._ask = lambda message, _done, _limit: out.append(message)
    book.welcome(SPECS)
    for of in (bench.workspace.journal, bench.workspace.event_journal):
        of._ask = lambda _m, done, _s: done(
            FaultRecord(kind="", what="No recorder runs.", where="", remedy="")
        )
    return out


@pytest.fixture
def panel(qtbot: QtBot, bench: Any, acts: list[AlarmAct], heard: Heard, settings: Settings) -> AlarmsPanel:
    made = AlarmsPanel(bench.workspace, bench.clock, theme.THEMES["dark"], settings, heard)
    qtbot.addWidget(made)
    made.resize(900, 400)
    made.show()
    qtbot.waitExposed(made)
    return made


def raise_(bench: Any, *names: str, process: State = State.UNACK, seq: int = 1) -> None:
    """Let alarms be raised, the first of them first."""
    now = bench.clock.now_ns()
    book = bench.workspace.alarms
    bench.send(
        alarms=tuple(
            AlarmState(id=n, process=process, occurrence=f"{n}-{seq}", raised_ns=now - 10 * NS, value=1.0)
            for n in names
        ),
        alarm_events=tuple(
            AlarmEvent(
                id=n,
                occurrence=f"{n}-{seq}",
                event="RAISE",
                before=State.NORM,
                after=State.UNACK,
                t_ns=now + i,
                priority=book.specs[n].priority,
                source_ns=now + i,
                text=f"{n} was raised",
            )
            for i, n in enumerate(names)
        ),
    )


def texts(panel: AlarmsPanel) -> list[str]:
    return [panel.model.index(line, TEXT).data() for line in range(panel.model.rowCount())]


def test_a_click_on_a_heading_sorts_and_a_third_one_gives_the_usual_order_back(
    panel: AlarmsPanel, bench: Any
) -> None:
    raise_(bench, "level", "hot", "x0")
    panel.refresh()
    usual = texts(panel)
    assert usual == ["Bearing is hot", "① Tank is nearly full", "Stage 0"]
    panel.view.sortByColumn(TEXT, Qt.SortOrder.DescendingOrder)
    assert texts(panel) == ["① Tank is nearly full", "Stage 0", "Bearing is hot"]
    panel.view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
    assert texts(panel) == usual


def test_shift_a_acknowledges_what_is_on_the_screen_and_not_what_is_scrolled_away(
    panel: AlarmsPanel, bench: Any, acts: list[AlarmAct], qtbot: QtBot
) -> None:
    raise_(bench, "level", "hot", *(f"x{i}" for i in range(8)))
    panel.filter_bar.show_view(ListView(group="priority"))
    panel.resize(900, 220)
    seen = [row.occurrence for line in panel.view.seen() if (row := panel.model.alarm(line))]
    assert 0 < len(seen) < 10
    raise_(bench, "hot", seq=2)  # came after what is on the screen
    qtbot.keyClick(panel.view, Qt.Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    [act] = acts
    assert act.action == "ack"
    assert set(act.occurrences) <= {*seen, "hot-2"}
    assert len(act.occurrences) == len(seen)


def test_heads_count_fold_and_are_never_chosen(panel: AlarmsPanel, bench: Any, qtbot: QtBot) -> None:
    raise_(bench, "level", "hot", "x0", "x1", "x2")
    panel.filter_bar.show_view(ListView(group="priority"))
    assert texts(panel)[0] == "▾ Priority 1, critical"
    three = texts(panel).index("▾ Priority 3, medium")
    assert panel.model.index(three, STATE).data() == "2, 2 to acknowledge"
    at = panel.view.visualRect(panel.model.index(three, TEXT)).center()
    qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert panel.model.index(three, STATE).data() == "2, 2 to acknowledge, 2 folded"
    panel.view.selectAll()
    assert len(panel.chosen()) == 3


def test_a_flood_has_a_banner_and_folds_until_somebody_unfolds(panel: AlarmsPanel, bench: Any) -> None:
    raise_(bench, "level", "hot", *(f"x{i}" for i in range(10)))
    panel.refresh()
    assert panel.flood.isVisible()
    assert panel.flood_text.text().startswith("Alarm flood: 12 in 10 min")
    folded = sum(head.folded for head in panel.model.listing.heads)
    assert folded
    assert "Bearing is hot" in " ".join(texts(panel))
    panel.unfold.click()
    assert sum(head.folded for head in panel.model.listing.heads) == 0


def test_the_strip_says_what_to_do_and_how_long_is_left(panel: AlarmsPanel, bench: Any, heard: Heard) -> None:
    raise_(bench, "hot")
    panel.refresh()
    panel.view.selectRow(0)
    assert "What to do: Reduce speed.\nIf ignored: It seizes." in panel.detail.text()
    assert panel.strip.left.text() == "Respond within 1:50 of 2 min."
    bench.clock.advance(115)
    bench.send()
    panel._tick()
    assert panel.strip.left.text() == "Time to respond is over since 0:05."
    opened: list[str] = []
    bench.workspace.guide.open = lambda name, _told: opened.append(name)
    panel.strip.buttons["procedure"].click()
    assert opened == ["swap"]
    for name in ("trend", "limits", "go"):
        panel.strip.buttons[name].click()
    kinds = [call[:2] for call in heard.calls]
    assert ("trend", (4,)) in kinds
    assert ("limits", "hot") in kinds


@pytest.mark.parametrize("action", ["ack", "comment"])
def test_a_comment_is_said_alone_or_goes_with_the_acknowledge(
    panel: AlarmsPanel, bench: Any, acts: list[AlarmAct], qtbot: QtBot, action: Literal["ack", "comment"]
) -> None:
    raise_(bench, "hot")
    panel.refresh()
    panel.view.selectRow(0)
    qtbot.keyClick(panel.view, Qt.Key.Key_C)
    sheet = panel.findChild(CommentSheet)
    assert sheet is not None
    button = sheet.both if action == "ack" else sheet.only
    assert not button.isEnabled(), "a comment has words"
    sheet.words.setText("fitter is on the way")
    button.click()
    assert acts == [AlarmAct(action=action, occurrences=("hot-1",), comment="fitter is on the way")]


def test_a_kept_view_is_there_at_the_next_start(
    panel: AlarmsPanel, bench: Any, settings: Settings, qtbot: QtBot
) -> None:
    mine = ListView(text="stage", group="asset", priority=3)
    panel.filter_bar.show_view(mine)
    assert panel.filter_bar.more.text() == "View (2)"
    panel.filter_bar._keep("stages")
    again = AlarmFilter(bench.workspace, Settings(settings.path), lambda: None)
    qtbot.addWidget(again)
    again._fill()
    assert "stages" in [action.text() for action in again.menu.actions()]
    assert again.views.held == {"stages": mine}


# ---------------------------------------------------------------- the journal


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A record of five thousand transitions, a second apart."""
    made = Store(tmp_path_factory.mktemp("journal") / "h.duckdb")
    id_ = int(made.names([marks.ALARM_EVENTS])[0])
    put(made, id_, range(LINES))
    yield made
    made.close()


def put(store: Store, id_: int, numbers: range) -> None:
    events = [event_of(n) for n in numbers]
    store.append(
        batch_of(
            np.full(len(events), id_, np.uint32),
            np.array([float(event.priority) for event in events]),
            np.array([event.t_ns for event in events], np.int64),
            0,
            0,
            text={n: marks.text_of(event) for n, event in enumerate(events)},
        )
    )


def event_of(number: int) -> AlarmEvent:
    word = ("RAISE", "ACK", "CLEAR")[number % 3]
    return AlarmEvent(
        id="hot" if number % 4 else "level",
        occurrence=f"o{number // 3}",
        event=word,
        before=State.NORM,
        after=State.UNACK,
        t_ns=1_790_000_000 * NS + number * NS,
        priority=1 if number % 4 else 2,
        text=f"number {number}",
        actor="anna" if word == "ACK" else "",
    )


@pytest.fixture
def recorded(panel: AlarmsPanel, bench: Any, store: Store) -> AlarmsPanel:
    """The panel with a recorder that answers at once."""
    bench.workspace.journal._ask = lambda m, done, _s: done(answer(store, m))
    panel.tabs.setCurrentIndex(JOURNAL)
    return panel


def cell(panel: AlarmsPanel, row: int, column: int) -> str:
    return str(panel.journal.index(row, column).data())


def test_the_journal_has_all_that_was_recorded_and_texts_only_of_what_is_seen(
    recorded: AlarmsPanel, qtbot: QtBot
) -> None:
    page = recorded.history
    assert page.model.rowCount() == LINES
    assert cell(recorded, 0, 2) == f"number {LINES - 1}"
    page.view.scrollToBottom()
    qtbot.waitUntil(lambda: cell(recorded, LINES - 1, 2) == "number 0", timeout=20_000)
    assert len(page.journal._pages) <= 3


def test_a_search_by_text_alarm_or_actor_narrows_the_journal(recorded: AlarmsPanel) -> None:
    page = recorded.history
    for text, found in (("anna", LINES // 3), ("tank", LINES // 4), ("number 4999", 1), ("nobody", 0)):
        page.search.setText(text)
        page.look_for()
        assert abs(page.model.rowCount() - found) <= 1, text
    assert page.empty.text == "Nothing fits the search."
    page.search.setText("")
    page.level.setCurrentIndex(1)
    assert page.model.rowCount() == LINES * 3 // 4


def test_a_line_leads_to_its_trend_and_its_replay_at_the_moment(recorded: AlarmsPanel, heard: Heard) -> None:
    page = recorded.history
    page.view.selectRow(2)
    page.trend.click()
    page.replay.click()
    t_ns = event_of(LINES - 3).t_ns
    assert heard.calls[-2:] == [("trend", (4,), t_ns), ("replay", t_ns)]


def test_the_journal_follows_the_time_that_is_shown_and_what_is_seen_is_exported(
    recorded: AlarmsPanel, heard: Heard, store: Store, tmp_path: Path, qtbot: QtBot
) -> None:
    page = recorded.history
    shown = [event_of(9).t_ns]
    page._until = lambda: shown[0]
    page.follow()
    assert page.model.rowCount() == 10
    assert "up to" in page.count.text()
    qtbot.waitUntil(lambda: cell(recorded, 0, 2) == "number 9", timeout=20_000)
    shown[0] = event_of(12).t_ns
    page.follow()
    qtbot.waitUntil(lambda: cell(recorded, 0, 2) == "number 12", timeout=20_000)
    made = page.export._export
    made._ask = lambda m, done, _s: done(answer(store, m))
    made._work = lambda job, done: done(job())
    page.export.write(tmp_path / "journal.csv")
    assert len((tmp_path / "journal.csv").read_text("utf-8").splitlines()) == 1 + 13
    page.export.write(tmp_path / "journal.doc")
    assert [call[1] for call in heard.calls if call[0] == "say"] == [
        f"13 lines of the journal are in {tmp_path / 'journal.csv'}.",
        "A file '.doc' is not written. Name it .csv, .parquet or .jsonl.",
    ]


def test_what_comes_does_not_move_the_lines_that_are_read(
    qtbot: QtBot, panel: AlarmsPanel, bench: Any, tmp_path: Path
) -> None:
    store = Store(tmp_path / "h.duckdb")
    try:
        id_ = int(store.names([marks.ALARM_EVENTS])[0])
        put(store, id_, range(1000))
        bench.workspace.journal._ask = lambda m, done, _s: done(answer(store, m))
        panel.tabs.setCurrentIndex(JOURNAL)
        page = panel.history
        bar = page.view.verticalScrollBar()
        qtbot.waitUntil(lambda: bar.maximum() > 900, timeout=20_000)  # it is laid out
        bar.setValue(300)
        qtbot.waitUntil(lambda: cell(panel, page.view.rowAt(0), 2) == "number 699", timeout=20_000)
        top = cell(panel, page.view.rowAt(0), 2)
        put(store, id_, range(1000, 1007))
        page._looked()
        assert page.model.rowCount() == 1007
        assert cell(panel, page.view.rowAt(0), 2) == top
        qtbot.waitUntil(lambda: cell(panel, 0, 2) == "number 1006", timeout=20_000)
    finally:
        store.close()


def test_without_a_recorder_the_journal_says_so_and_shows_this_session(
    panel: AlarmsPanel, bench: Any
) -> None:
    raise_(bench, "hot")
    panel.show_journal()
    assert cell(panel, 0, 2) == "hot was raised"
    assert panel.history.count.text() == "this session only"
    assert panel.history.count.toolTip() == "No recorder runs."


# ---------------------------------------------------------------- health, sound, toasts


def test_the_health_page_judges_the_record_and_a_bad_actor_leads_to_its_row(
    qtbot: QtBot, bench: Any, acts: list[AlarmAct], heard: Heard, store: Store
) -> None:
    health = bench.workspace.alarm_health
    health._ask = lambda m, done, _s: done(answer(store, m))
    health._work = lambda job, done: done(job())
    bench.clock.advance((event_of(LINES).t_ns - bench.clock.now_ns()) / NS)
    page = HealthPanel(bench.workspace, bench.clock, theme.THEMES["light"], heard)
    qtbot.addWidget(page)
    page.resize(900, 500)
    page.show()
    qtbot.waitExposed(page)
    raises = sum(event_of(n).event == "RAISE" for n in range(LINES))
    figures = {page.figures.item(r, 0).text(): r for r in range(page.figures.rowCount())}
    assert page.figures.item(figures["annunciated"], 1).text().replace("\u202f", "") == str(raises)
    assert page.figures.item(figures["per 10 min, mean"], 4).text() == "▲ over most"
    assert page.actors_view.item(0, 0).text() == "Bearing is hot"
    assert "priority 1: 75 %" in page.shares.accessibleName()
    assert "most" in page.plot.accessibleName()
    page.actors_view.selectRow(0)
    page.open_row.click()
    page.open_limits.click()
    assert heard.calls == [("alarm", "hot"), ("limits", "hot")]


def test_the_bar_says_that_there_is_no_sound_and_flashes_instead(
    bench: Any, acts: list[AlarmAct], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("armillary.ui.tones.has_module", lambda: False)
    bar = AlarmBar(bench.workspace, theme.THEMES["dark"], lambda _row: None)
    qtbot.addWidget(bar)
    bar.show()
    bar._bell._timer.setInterval(5)
    assert bar.no_sound.isVisible()
    assert bar.no_sound.toolTip() == f"No sound: {NO_PLAYER}. This bar flashes instead."
    assert not bar._bell.is_on
    raise_(bench, "hot")
    assert bar._bell.is_on
    qtbot.waitUntil(lambda: not bar._bell._timer.isActive(), timeout=20_000)
    assert not bar._bell.is_on
    bar.still = True
    bar.silence()
    raise_(bench, "level")
    assert not bar._bell.is_on, "reduced motion: nothing flashes"


def test_three_beeps_stand_for_priority_1_where_there_is_no_sound_module(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    beeps: list[int] = []
    monkeypatch.setenv("PATH", "")  # nor a player
    tones = Tones()
    assert tones.trouble == NO_PLAYER
    monkeypatch.setattr(tones, "_played", lambda _priority: False)
    monkeypatch.setattr("armillary.ui.tones.QApplication", type("App", (), {"beep": lambda: beeps.append(1)}))
    tones.play(1)
    qtbot.waitUntil(lambda: not tones._beeps.isActive(), timeout=20_000)
    assert len(beeps) == 3
    tones.muted = True
    tones.play(1)
    assert len(beeps) == 3


@pytest.mark.parametrize(("setting", "toasted"), [("", ["hot"]), ("2", ["level", "hot"])])
def test_only_the_highest_priority_makes_a_toast_until_somebody_answers(
    bench: Any, acts: list[AlarmAct], settings: Settings, setting: str, toasted: list[str]
) -> None:
    shown: list[str] = []
    settings.set(SETTING, setting)
    kept = Toasts(
        bench.workspace,
        settings,
        lambda notice: shown.append(notice.code.split()[1]),
        lambda notice: shown.remove(notice.code.split()[1]),
    )
    raise_(bench, "x0", "level", "hot")
    assert shown == toasted
    state = bench.workspace.alarms.states["hot"]
    bench.send(alarms=(dataclasses.replace(state, process=State.ACKED),))
    assert "hot" not in shown
    assert kept.lowest == (2 if setting else 1)


def test_the_server_that_owns_an_alarm_is_asked_from_its_row(
    panel: AlarmsPanel, bench: Any, acts: list[AlarmAct]
) -> None:
    owned = AlarmSpec(
        id="opcua:plc:T1.High", slot=-1, tag="", kind="link", title="T1 High", offers=("suppress",)
    )
    bench.workspace.alarms.welcome((*SPECS, owned))
    raise_(bench, "level", owned.id)
    panel.refresh()
    button = panel.strip.buttons["server"]
    bench.workspace.alarms.choose(("level",))
    assert not button.isVisible()
    bench.workspace.alarms.choose((owned.id,))
    assert button.isVisible()
    panel.server.menu.aboutToShow.emit()
    said = {action.text(): action for action in panel.server.menu.actions()}
    assert "Add a comment…" in said
    said["Add a comment…"].trigger()
    sheet = panel.findChild(ReasonSheet)
    assert sheet is not None
    sheet.reason.setText("valve changed")
    sheet.go.click()
    assert acts == [
        AlarmAct(action="comment", occurrences=(f"{owned.id}-1",), comment="valve changed"),
    ]


def test_a_position_lists_its_own_and_says_how_many_stand_outside(
    panel: AlarmsPanel, bench: Any, acts: list[AlarmAct], settings: Settings
) -> None:
    book = bench.workspace.alarms
    book.stand.members = lambda: {"tanks": frozenset({"level"})}
    raise_(bench, "level", "x0", "x1")
    panel.refresh()
    outside = panel.filter_bar.outside
    assert not outside.isVisible()
    panel.filter_bar.menu.aboutToShow.emit()
    chosen = {
        a.text(): a for menu in panel.filter_bar.menu.actions() if menu.menu() for a in menu.menu().actions()
    }
    chosen["tanks"].trigger()
    assert texts(panel) == ["① Tank is nearly full"]
    assert (outside.isVisible(), outside.text()) == (True, "Outside tanks: 2")
    assert settings.get("position") == "tanks"
    outside.click()
    assert len(texts(panel)) == 3


def test_a_shelf_that_ends_soon_is_told_by_a_card_until_it_ended_or_was_made_longer(
    bench: Any, acts: list[AlarmAct], settings: Settings
) -> None:
    shown: list[str] = []
    kept = Toasts(
        bench.workspace,
        settings,
        lambda notice: shown.append(notice.what),
        lambda notice: shown.remove(notice.what),
    )
    until = bench.clock.now_ns() + 300 * NS

    def shelved(until_ns: int, event: str = "") -> None:
        hiding = Hiding(until_ns=until_ns, shelved_ns=5, shelf_reason="known fault", shelf_actor="anna")
        told = AlarmEvent(
            id="hot", occurrence="", event=event, before=State.NORM, after=State.NORM, t_ns=9, priority=1
        )
        bench.send(alarms=(AlarmState(id="hot", hiding=hiding),), alarm_events=(told,) if event else ())

    shelved(until)
    assert shown == []
    shelved(until, SHELF_ENDS)
    (card,) = shown
    assert card.startswith("Its shelf ends at ")
    shelved(until + 3_600 * NS)
    assert shown == [], "it was made longer"
    shelved(until + 3_600 * NS, SHELF_ENDS)
    assert len(shown) == 1
    bench.send(alarms=(AlarmState(id="hot"),))
    assert shown == [], "it came off the shelf"
    assert kept.lowest == 1


def test_an_alarm_is_shelved_until_the_shift_ends_where_that_is_not_too_long(qtbot: QtBot) -> None:
    left, done = [7_000.0], []
    offered = {}
    for priority in (1, 2):
        sheet = ShelfSheet(
            "Bearing", priority, lambda *said: done.append(said), None, lambda: ("late", left[0])
        )
        qtbot.addWidget(sheet)
        offered[priority] = [sheet.time.itemText(i) for i in range(sheet.time.count())]
    assert not any("shift" in text for text in offered[1]), "an hour is the longest of priority 1"
    at = next(i for i, text in enumerate(offered[2]) if text.startswith("end of shift late"))
    sheet.time.setCurrentIndex(at)
    left[0] = 6_900.0
    sheet.go.click()
    assert done == [("chattering", 6_900.0)], "as long as it lasts when it is asked for"
