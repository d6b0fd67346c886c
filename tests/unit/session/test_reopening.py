"""What a desk leaves for the one after it: taken up after an end that was none, gone after an orderly one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from armillary.model.clock import NS
from armillary.model.frame import Kept, WorldKind
from armillary.session.boarding import WorldState
from armillary.session.reopening import Reopening, missed_text
from armillary.session.signal import Signal

NOW = 1_800_000_000 * NS
NOBODY = 2**22 + 1  # above the largest process id of Linux
PROJECT = Path("/plant")


class Bar:
    span_s, following = 600.0, False

    def __init__(self) -> None:
        self.shown: tuple[int, int] | None = None

    def view_ns(self) -> tuple[int, int]:
        return NOW - 900 * NS, NOW - 300 * NS

    def show(self, from_ns: int, to_ns: int) -> None:
        self.shown = (from_ns, to_ns)

    def follow(self, span_s: float = 0.0) -> None:
        self.shown = (0, int(span_s))


class FakeDesk:
    """As much of a workspace as a reopening sees."""

    def __init__(self) -> None:
        self.scene_changed: Signal[()] = Signal()
        self.reopened: Signal[str] = Signal()
        self.timebar: Any = Bar()
        self.selection: tuple[int, ...] = (1,)
        self.world_state = WorldState.LIVE
        self.mirror: Any = SimpleNamespace(kind=WorldKind.REPLAY, t_ns=NOW - 50 * NS)
        self.recording, self.history = "", Kept()
        self.is_trainee = False
        self.scene: Any = SimpleNamespace(prim_path=("/A", "/A/B", "/A/C"))
        self.away = True
        self.chosen: list[int] = []
        self.replayed: list[int] = []
        self.told: list[str] = []
        self.reopened.connect(self.told.append)

    def prim_named(self, path: str) -> int | None:
        return {"/A": 0, "/A/B": 1}.get(path)

    def select(self, prims: Any) -> None:
        self.chosen = list(prims)

    def start_replay(self, t_ns: int) -> None:
        self.replayed.append(t_ns)

    def tell_event(self, event: Any) -> None: ...


def killed(folder: Path, *, owned: bool = False) -> None:
    """Let a desk run for a second and be gone."""
    before = Reopening(FakeDesk(), folder, NOBODY)
    before.begin(PROJECT, starts_world=owned)
    before.look(NOW, 10 * NS)


def test_the_next_desk_goes_on_where_a_killed_one_was(tmp_path: Path) -> None:
    killed(tmp_path)
    desk = FakeDesk()
    after = Reopening(desk, tmp_path)
    after.begin(PROJECT, starts_world=False)
    assert desk.timebar.shown == (NOW - 900 * NS, NOW - 300 * NS)
    desk.scene_changed.emit()
    assert desk.chosen == [1]
    after.look(NOW + 42 * NS, 20 * NS)
    assert desk.told == ["Reopened after unexpected end: 42 s missed on screen, nothing missed in history."]
    assert desk.replayed == [NOW - 50 * NS]
    after.look(NOW + 43 * NS, 21 * NS)
    assert len(desk.told) == 1


def test_after_an_orderly_end_nothing_is_taken_up(tmp_path: Path) -> None:
    first = Reopening(FakeDesk(), tmp_path, NOBODY)
    first.begin(PROJECT, starts_world=True)
    first.look(NOW, 10 * NS)
    assert list(tmp_path.glob("desk-*.json"))
    first.end()
    assert not list(tmp_path.iterdir())
    desk = FakeDesk()
    Reopening(desk, tmp_path).begin(PROJECT, starts_world=True)
    assert desk.timebar.shown is None


def test_a_gap_in_history_is_said_where_the_world_was_the_desks_own(tmp_path: Path) -> None:
    killed(tmp_path, owned=True)
    desk = FakeDesk()
    after = Reopening(desk, tmp_path)
    after.begin(PROJECT, starts_world=True)
    after.look(NOW + 300 * NS, 20 * NS)
    assert "5 min missed on screen, and in history" in desk.told[0]
    assert "armillary world PROJECT" in missed_text(1.0, in_history=True)


def test_a_world_that_is_still_ending_is_waited_for(tmp_path: Path) -> None:
    killed(tmp_path, owned=True)
    desk = FakeDesk()
    after = Reopening(desk, tmp_path)
    after.begin(PROJECT, starts_world=False)
    assert after.inherits
    after.look(NOW + 2 * NS, 20 * NS)
    assert desk.told == []
    after.took_over()
    after.look(NOW + 3 * NS, 21 * NS)
    assert "and in history" in desk.told[0]


def test_while_the_other_desk_runs_nothing_is_taken_from_it(tmp_path: Path) -> None:
    running = Reopening(FakeDesk(), tmp_path, os.getppid())
    running.begin(PROJECT, starts_world=True)
    running.look(NOW, 10 * NS)
    desk = FakeDesk()
    second = Reopening(desk, tmp_path)
    second.begin(PROJECT, starts_world=False)
    second.look(NOW, 10 * NS)
    assert desk.told == []
    [path] = tmp_path.glob("desk-*.json")
    assert json.loads(path.read_text())["pid"] == os.getppid()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema": 1}', '{"schema": 1, "pid": "x"}', '{"schema": 9, "pid": 1}']
)
def test_a_file_that_cannot_be_read_is_as_if_there_were_none(tmp_path: Path, text: str) -> None:
    killed(tmp_path)
    [path] = tmp_path.glob("desk-*.json")
    path.write_text(text)
    desk = FakeDesk()
    after = Reopening(desk, tmp_path)
    after.begin(PROJECT, starts_world=True)
    after.look(NOW, 10 * NS)
    assert desk.told == []
