"""Working on a scene from the command line: compare two versions, a turntable, a section."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from armillary.cli import run
from armillary.model.clock import NS, WallClock
from armillary.model.message import Matches
from armillary.session.exporting import export
from armillary.session.seeking import query_of, question
from armillary.session.workspace import Workspace

OLD = """#usda 1.0
(
    defaultPrim = "Plant"
    metersPerUnit = 1
    upAxis = "Z"
)
def Xform "Plant"
{
    def Cube "Tank"
    {
        color3f[] primvars:displayColor = [(1, 1, 0)]
    }
    def Cube "Gone"
    {
        double3 xformOp:translate = (6, 0, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }
    def Cube "Pump"
    {
        double3 xformOp:translate = (3, 0, 0)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }
}
"""


def yellow(picture: np.ndarray) -> int:
    """Count the pixels of the tank; the triad has no such colour."""
    return int((picture[..., :2] > picture[..., 2:] + 60).all(axis=2).sum())


@pytest.fixture
def versions(tmp_path: Path) -> tuple[str, str]:
    """Two files: in the new one a part is gone, one moved and one is new."""
    old, new = tmp_path / "old.usda", tmp_path / "new.usda"
    old.write_text(OLD)
    new.write_text(OLD.replace('"Gone"', '"New"').replace("(3, 0, 0)", "(3, 2, 0)"))
    return str(old), str(new)


def test_two_versions_of_a_scene_are_compared(
    versions: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = versions
    assert run(["info", new, "--against", old, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["added"], told["removed"]) == (["/Plant/New"], ["/Plant/Gone"])
    assert (told["moved"], told["changed"]) == (["/Plant/Pump"], [])
    assert run(["info", old, "--against", old]) == 0
    assert "moved: none" in capsys.readouterr().out


def test_a_turntable_goes_all_around_and_a_section_takes_half(
    versions: tuple[str, str], tmp_path: Path
) -> None:
    folder, cut = tmp_path / "film", tmp_path / "cut.png"
    base = ["render", versions[0], "--size", "200x150", "--parallel"]
    assert run([*base, "-o", str(folder), "--turntable", "4", "--view", "front"]) == 0
    files = sorted(folder.iterdir())
    assert [f.name for f in files] == ["0000.png", "0001.png", "0002.png", "0003.png"]
    frames = [np.asarray(Image.open(f).convert("RGB")).astype(int) for f in files]
    assert all((frames[i] != frames[i + 1]).any() for i in range(3))
    assert run([*base, "-o", str(cut), "--view", "front", "--section", "x+"]) == 0
    picture = np.asarray(Image.open(cut).convert("RGB")).astype(int)
    assert yellow(picture) == 0  # the tank is on the side that is cut away
    assert yellow(frames[0]) > 100


def test_a_scene_is_exported_flattened_and_never_over_itself(
    versions: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, _ = versions
    out = tmp_path / "flat.usda"
    assert run(["export", old, "-o", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["prims"] == 4
    assert "Tank" in out.read_text()
    assert run(["export", old, "-o", old, "--force"]) == 2
    assert "never written over" in capsys.readouterr().err
    assert Path(old).read_text() == OLD


def test_a_scene_that_changed_on_disk_is_read_again_and_the_selection_stays(
    versions: tuple[str, str],
) -> None:
    clock = WallClock()
    at = Workspace(clock, actor="anna")

    def until(reached: Callable[[], bool]) -> None:
        end = clock.now_mono_ns() + 60 * NS
        while not reached():
            assert clock.now_mono_ns() < end
            at.pump(clock.now_ns(), clock.now_mono_ns())
            time.sleep(0.02)

    try:
        at.open(versions[0])
        until(lambda: at.scene is not None and not at.progress[0])
        pump = at.prim_named("/Plant/Pump")
        assert pump is not None
        at.select((pump,))
        # a part comes before the selected one, so that its number is another
        text = OLD.replace('    def Cube "Tank"', '    def Sphere "First"\n    {\n    }\n    def Cube "Tank"')
        Path(versions[0]).write_text(text)
        until(lambda: bool(at.scene_files.names))
        assert at.prim_named("/Plant/First") is None  # nothing is read by itself
        assert at.scene_files.names == ("old.usda",)
        at.reload_scene()
        until(lambda: at.prim_named("/Plant/First") is not None)
        assert at.selection == (at.prim_named("/Plant/Pump"),) != (pump,)
        assert at.scene_files.names == ()
        out = Path(versions[0]).with_name("shown.usda")
        told: list[object] = []
        export(at, out, force=False, done=told.append)
        until(lambda: bool(told))
        assert told == [str(out)]
        assert "First" in out.read_text()
    finally:
        at.close()


def test_parts_are_asked_for_by_their_attributes(versions: tuple[str, str]) -> None:
    clock = WallClock()
    at = Workspace(clock, actor="anna")
    told: list[object] = []
    try:
        at.open(versions[0])
        end = clock.now_mono_ns() + 60 * NS
        questions = (
            "attr:xformOp:translate=(3,0,0)",
            "attr:size>=2",
            "attr:primvars:displayColor",
            "attr:s*=1e9",
        )
        asked = False
        while len(told) < len(questions):
            assert clock.now_mono_ns() < end
            at.pump(clock.now_ns(), clock.now_mono_ns())
            if at.scene is not None and not asked:
                asked = True
                for text in questions:
                    query = query_of(text)
                    assert query is not None
                    ask = question(query, 2)
                    at.ask_about_scene(ask, told.append, 30.0)
            time.sleep(0.02)
    finally:
        at.close()
    paths = [(m.paths, m.more) if isinstance(m, Matches) else m for m in told]
    assert paths[0] == (("/Plant/Pump",), False)
    assert paths[1] == (("/Plant/Tank", "/Plant/Gone"), True)  # a third is not told
    assert paths[2] == (("/Plant/Tank",), False)
    assert paths[3] == ((), False)


@pytest.mark.parametrize("kind", ["gif", "webp", "apng"])
def test_a_turntable_becomes_a_film_that_shows_the_scene_turning(
    versions: tuple[str, str], tmp_path: Path, kind: str
) -> None:
    film = tmp_path / f"turn.{kind}"
    base = ["render", versions[0], "--size", "161x101", "--view", "front"]
    assert run([*base, "-o", str(film), "--turntable", "4"]) == 0
    with Image.open(film) as made:
        assert getattr(made, "n_frames", 1) == 4
        assert made.size == (161, 101)
        pictures = []
        for i in range(4):
            made.seek(i)
            pictures.append(np.asarray(made.convert("RGB")).astype(int))
    assert yellow(pictures[0]) > 50
    assert (pictures[0] != pictures[1]).any()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_turntable_becomes_a_video(versions: tuple[str, str], tmp_path: Path) -> None:
    film = tmp_path / "turn.ogv"
    base = ["render", versions[0], "--size", "161x101", "--view", "front"]
    assert run([*base, "-o", str(film), "--turntable", "6"]) == 0
    data = film.read_bytes()
    assert data[:4] == b"OggS"
    assert b"theora" in data[:200]
    packets = data.count(b"OggS")
    assert packets >= 3  # headers and pictures
    assert run([*base, "-o", str(tmp_path / "no" / "turn.ogv"), "--turntable", "2"]) == 2
