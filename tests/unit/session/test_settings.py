import json
import os
from pathlib import Path

import pytest

from armillary.session.settings import Settings


def test_settings_come_back_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "desk.json"
    first = Settings(file)
    first.theme = "light"
    first.save_window("main", b"\x00\xff state")
    first.set("folder", "/somewhere")
    first.opened(tmp_path)
    again = Settings(file)
    assert again.theme == "light"
    assert again.window("main") == b"\x00\xff state"
    assert again.get("folder") == "/somewhere"
    assert again.recent == (str(tmp_path),)
    assert json.loads(file.read_text())["schema"] == 1


def test_the_place_of_settings_is_the_users_config_folder(own_places: Path) -> None:
    settings = Settings()
    settings.theme = "light"
    assert settings.path.is_relative_to(os.environ["XDG_CONFIG_HOME"])
    assert settings.path.exists()


def test_recent_projects_are_newest_first_each_once_and_only_those_that_exist(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "desk.json")
    folders = [tmp_path / str(i) for i in range(20)]
    for folder in folders:
        folder.mkdir()
        settings.opened(folder)
    settings.opened(folders[15])
    assert settings.recent[:2] == (str(folders[15]), str(folders[19]))
    assert len(settings.recent) == 12
    folders[19].rmdir()
    assert str(folders[19]) not in settings.recent


@pytest.mark.parametrize("text", ["{", "[1, 2]", "\x00", '"x"'])
def test_a_broken_file_is_put_aside_and_said_once(tmp_path: Path, text: str) -> None:
    file = tmp_path / "desk.json"
    file.write_text(text)
    settings = Settings(file)
    assert "could not be read" in settings.problem
    assert settings.theme == "dark"
    assert (tmp_path / "desk.broken.json").read_text() == text
    settings.theme = "light"
    assert Settings(file).problem == ""


def test_values_of_a_wrong_kind_fall_back(tmp_path: Path) -> None:
    file = tmp_path / "desk.json"
    file.write_text(json.dumps({"theme": 7, "recent": "x", "window": [1], "text": {"a": 1}}))
    settings = Settings(file)
    assert (settings.theme, settings.recent, settings.window("main"), settings.get("a", "b")) == (
        "dark",
        (),
        b"",
        "b",
    )


def test_a_folder_that_cannot_be_written_is_said_and_nothing_breaks(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    settings = Settings(blocked / "desk.json")
    settings.theme = "light"
    assert "cannot be saved" in settings.problem
    assert settings.theme == "light"
