"""Hostile scenes opened in a real desk: it says what is wrong where the picture would be, and goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import hostile_scenes
import pytest
import windows
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from armillary.session import boarding
from armillary.session.workspace import Workspace
from armillary.ui.placards import LOST, empty_texts
from armillary.ui.window import DeskWindow

pytestmark = pytest.mark.system

LIMIT_MS = 25_000  # 20 s are the product's own
SLOW = """[project]
schema = 1
id = "7c1f6a52-0001-4a55-9d8e-2f4f6f1c0b31"
name = "Slow"
[scene]
entry = "scene.usda"
[scene.limits]
seconds = 1
"""
GOOD = hostile_scenes.HEAD + 'def Cube "Good"\n{\n}\n'


@pytest.fixture
def desk(qtbot: QtBot, own_places: Path, tmp_path: Path) -> Iterator[DeskWindow]:
    """A window that opens real scenes with real children."""
    with windows.shown(tmp_path) as window:
        yield window


@pytest.fixture
def opened(desk: DeskWindow, qtbot: QtBot) -> Callable[[Path], Workspace]:
    """Return a function that opens a scene as a person does, and waits until it is there or refused."""

    def run(path: Path) -> Workspace:
        desk.files.open(str(path))
        at = desk.workspace
        qtbot.waitUntil(
            lambda: not at.progress[0] and (at.scene is not None or at.scene_problem is not None),
            timeout=LIMIT_MS,
        )
        return at

    return run


def good(folder: Path) -> Path:
    path = folder / "good.usda"
    path.write_text(GOOD)
    return path


def sees_ground_only(desk: DeskWindow) -> bool:
    """Tell whether the viewport is one colour and letters: no picture of an earlier scene is left."""
    picture = desk.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    corners = {picture.pixelColor(x, y).name() for x in (2, picture.width() - 3) for y in (2, 60)}
    return corners == {desk.colours.ground.lower()}


def test_each_hostile_scene_is_named_its_rest_is_shown_and_the_desk_goes_on(
    desk: DeskWindow, opened: Callable[[Path], Workspace], tmp_path: Path
) -> None:
    told: dict[str, str] = {}
    for name, (write, shows_rest, words) in hostile_scenes.SCENES.items():
        folder = tmp_path / name.replace(" ", "-").replace("/", "-")
        folder.mkdir()
        at = opened(write(folder))
        said = "\n".join(f"{p.where}: {p.what} {p.remedy}" for p in at.problems)
        assert words in said, f"{name}: {said}"
        assert all(p.where and p.remedy for p in at.problems), name
        assert "Traceback" not in said
        if shows_rest:
            assert at.scene is not None, f"{name}: {said}"
            assert at.prim_named(hostile_scenes.REST.get(name, "/Fine")) is not None, name
        else:
            title, why = empty_texts(at)
            assert title == LOST, name
            assert words in why, name
            assert sees_ground_only(desk), name
        told[name] = said
    at = opened(good(tmp_path))
    assert at.prim_named("/Good") is not None
    assert at.problems == ()


def test_a_reader_past_its_limits_is_told_from_one_that_crashed(
    desk: DeskWindow,
    opened: Callable[[Path], Workspace],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "project.toml").write_text(SLOW)
    (slow / "scene.usda").write_text(
        hostile_scenes.bomb("references", levels=6, more="instanceable = true\n", leaf='def Cube "X"\n{\n}\n')
    )
    at = opened(slow / "project.toml")
    assert at.scene_problem is not None
    assert at.scene_problem.what == "The scene was refused: reading it took longer than it may."
    assert at.scene_problem.where == str(slow / "scene.usda")

    big = tmp_path / "big.usda"
    big.write_text(
        hostile_scenes.HEAD + 'def Points "P"\n{\n    point3f[] points = ['
        + ", ".join(["(1, 2, 3)"] * 6_000_000) + "]\n}\n"
    )  # fmt: skip
    monkeypatch.setattr(boarding, "SCENE_MEMORY", 1400 * 2**20)
    at = opened(big)
    assert at.scene_problem is not None
    assert "memory" in at.scene_problem.what
    assert at.scene_problem.where == str(big)
    monkeypatch.undo()
    assert opened(good(tmp_path)).problems == ()
