from pathlib import Path

import pytest

from armillary.cli.replay_desk import Shots, is_film, times
from armillary.model.clock import NS
from armillary.model.fault import Fault

T0 = 1_750_000_000 * NS


def test_a_film_without_a_speed_lasts_twenty_seconds(tmp_path: Path) -> None:
    day = times(Shots(path=tmp_path / "day.ogv"), T0, T0 + 86_400 * NS)
    assert (len(day), day[0], day[-1]) == (481, T0, T0 + 86_400 * NS)
    short = times(Shots(path=tmp_path / "short.ogv"), T0, T0 + 2 * NS)
    assert len(short) == 49, "a span shorter than that is shown as it was"


def test_the_speed_says_how_many_recorded_seconds_go_into_one(tmp_path: Path) -> None:
    assert len(times(Shots(path=tmp_path / "x.ogv", speed=60.0), T0, T0 + 600 * NS)) == 241


@pytest.mark.parametrize(("name", "speed"), [("x.ogv", 0.1), ("x.gif", 1.0)])
def test_more_pictures_than_can_be_made_are_refused_with_a_remedy(
    tmp_path: Path, name: str, speed: float
) -> None:
    with pytest.raises(Fault, match="at most") as refused:
        times(Shots(path=tmp_path / name, speed=speed), T0, T0 + 600 * NS)
    assert refused.value.where == "--speed"


def test_a_folder_gets_about_sixty_pictures_unless_told_otherwise(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pictures"
    assert len(times(Shots(path=folder), T0, T0 + 3600 * NS)) == 61
    assert folder.is_dir()
    assert len(times(Shots(path=folder, every_s=600.0), T0, T0 + 3600 * NS)) == 7


def test_kinds_of_films_are_told_by_their_ending(tmp_path: Path) -> None:
    (tmp_path / "folder.gif").mkdir()
    (tmp_path / "notes.txt").write_text("kept")
    assert is_film(tmp_path / "a.OGV")
    assert not is_film(tmp_path / "folder.gif")
    assert not is_film(tmp_path / "new")
    for name in ("a.mp4", "notes.txt", "one.png"):
        with pytest.raises(Fault, match=r"cannot be written|neither a folder"):
            is_film(tmp_path / name)
