"""A scene's files that change on disk are told once, with their names."""

from __future__ import annotations

from pathlib import Path

from armillary.model.clock import NS
from armillary.session.scene_files import SceneFiles


def test_a_file_that_was_written_is_named_once_and_a_reload_ends_it(tmp_path: Path) -> None:
    entry, part = tmp_path / "plant.usda", tmp_path / "pump.usda"
    entry.write_text("a")
    part.write_text("b")
    files = SceneFiles()
    told: list[tuple[str, ...]] = []
    files.changed.connect(lambda: told.append(files.names))
    files.opened((str(entry), str(part)))
    assert not files.look(NS)
    part.write_text("longer")
    assert not files.look(NS + 1)  # at most once a second
    assert files.look(2 * NS)
    assert files.names == ("pump.usda",)
    assert not files.look(3 * NS)
    files.reloading()
    assert files.names == ()
    assert told == [("pump.usda",), ()]


def test_a_file_that_is_being_replaced_is_told_when_it_is_there_again(tmp_path: Path) -> None:
    entry = tmp_path / "plant.usda"
    entry.write_text("a")
    files = SceneFiles()
    files.opened((str(entry),))
    entry.unlink()
    assert not files.look(NS)
    entry.write_text("other")
    assert files.look(2 * NS)
    files.forget()
    assert files.names == ()
    assert not files.look(9 * NS)
