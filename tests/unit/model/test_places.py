from __future__ import annotations

import os
from pathlib import Path

import pytest

from armillary.model import places
from armillary.model.fault import ProjectFault


@pytest.fixture
def blocked(tmp_path: Path) -> str:
    """A path where no folder can be, also for root: below a regular file."""
    (tmp_path / "file").write_text("")
    return str(tmp_path / "file" / "below")


def test_a_cache_that_cannot_be_written_is_named_with_its_variable(
    blocked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", blocked)
    with pytest.raises(ProjectFault, match="cache cannot be used: Not a directory") as caught:
        places.cache()
    assert caught.value.where == f"{blocked}/armillary"
    assert "XDG_CACHE_HOME" in caught.value.remedy


def test_logs_go_to_the_runtime_folder_where_their_own_cannot_be_written(
    blocked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", blocked)
    assert places.logs() == places.runtime() / "log"


def test_sockets_go_to_the_temporary_folder_where_the_users_own_is_missing(
    blocked: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", blocked)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert places.runtime() == tmp_path / f"armillary-{os.getuid()}"


def test_a_runtime_folder_that_cannot_be_made_is_named(blocked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", blocked)
    monkeypatch.setattr("tempfile.tempdir", blocked)
    with pytest.raises(ProjectFault, match="sockets and run files cannot be used"):
        places.runtime()


def test_the_settings_folder_is_only_named(blocked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", blocked)
    assert places.config() == Path(blocked) / "armillary"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", staticmethod(homeless))
    with pytest.raises(ProjectFault, match="no home folder") as caught:
        places.cache()
    assert "HOME" in caught.value.remedy
