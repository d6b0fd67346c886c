"""Edits that could not be saved are kept on disk until they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.model.binding import Binding
from armillary.model.message import SaveBindings
from armillary.session import autosave

PROJECT = Path("/plants/station")


def edit(name: str) -> SaveBindings:
    return SaveBindings(
        bindings=(Binding(prim="/A", name=name, signal="a.b", channel="displayColor"),),
        remove=(("/A", "old"),),
    )


def test_what_was_kept_comes_back_equal_and_in_order_until_it_is_saved(own_places: Path) -> None:
    assert autosave.file_of(PROJECT) is None
    first, second = edit("one"), edit("two")
    path = autosave.keep(PROJECT, first)
    assert path is not None
    assert autosave.keep(PROJECT, second) == path
    autosave.keep(PROJECT, second)  # tried once more
    assert autosave.kept(PROJECT) == [first, second]
    assert autosave.kept(Path("/plants/other")) == []
    autosave.saved(PROJECT, first)
    assert autosave.kept(PROJECT) == [second]
    autosave.saved(PROJECT, second)
    assert autosave.file_of(PROJECT) is None


def test_without_a_place_to_keep_it_nothing_is_claimed(
    own_places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert autosave.keep(PROJECT, edit("one")) is None
    assert autosave.file_of(PROJECT) is None
