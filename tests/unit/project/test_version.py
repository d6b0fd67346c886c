from dataclasses import replace
from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.project import version

TWINS = '{"schema": 1, "twins": [{"id": "t", "tags": {"a": {"address": "s!a#$.v"}}}]}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "plant"
    made.mkdir()
    (made / "project.toml").write_text(
        '[project]\nschema = 1\nid = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a12"\nname = "Plant"\n'
        '[scene]\nentry = "scene.usda"\nbindings = "bindings.usda"\n'
        '[[source]]\nname = "s"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1"\n[model]\ntwins = "twins.json"\n'
    )
    (made / "scene.usda").write_text("#usda 1.0\n")
    (made / "twins.json").write_text(TWINS)
    (made / "bindings.usda").write_text("#usda 1.0\n")
    (made / "users.toml").write_text("schema = 1\n")
    (made / "bindings").mkdir()
    (made / "bindings" / "hall.usda").write_text("#usda 1.0\n")
    return made


def _kept(folder: Path) -> dict[str, str]:
    project = projects.read(folder)
    return {**version.world_part(project), **version.scene_part(project)}


def test_a_version_holds_what_a_replay_needs_and_neither_scene_nor_accounts(folder: Path) -> None:
    assert sorted(_kept(folder)) == ["bindings.usda", "bindings/hall.usda", "project.toml", "twins.json"]


def test_equal_texts_have_one_key_and_any_change_gives_another(folder: Path) -> None:
    before = version.key_of(_kept(folder))
    assert version.key_of(dict(reversed(_kept(folder).items()))) == before
    (folder / "bindings" / "hall.usda").write_text("#usda 1.0\n# moved\n")
    assert version.key_of(_kept(folder)) != before


def test_an_older_version_is_read_in_the_place_of_todays_project(folder: Path, tmp_path: Path) -> None:
    files = _kept(folder)
    (folder / "twins.json").write_text(TWINS.replace('"a":', '"b":'))
    now = projects.read(folder)
    laid = version.unfolded(version.packed(files), version.key_of(files), tmp_path / "cache")
    then = version.project_of(laid, now)
    assert [spec.name for spec in then.specs] == ["t.a"]
    assert [spec.name for spec in now.specs] == ["t.b"]
    assert (then.folder, then.entry, then.history_file) == (now.folder, now.entry, now.history_file)
    again = version.unfolded(version.packed(files), version.key_of(files), tmp_path / "cache")
    assert again == laid
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [laid.name], "nothing is left beside it"


@pytest.mark.parametrize(
    "files", [{"../out": "x"}, {"/etc/x": "x"}, {"a\\..\\b": "x"}], ids=["up", "absolute", "backslash"]
)
def test_a_document_never_writes_outside_its_folder(files: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ProjectFault, match="not ours"):
        version.unfolded(version.packed(files), version.key_of(files), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_damaged_document_is_told_in_words(tmp_path: Path) -> None:
    good = version.packed({"project.toml": "x"})
    for data in (b"", b"\0" * 20, good[:10]):
        with pytest.raises(ProjectFault, match="cannot be read") as refused:
            version.unfolded(data, "k", tmp_path)
        assert "as the project is now" in refused.value.remedy
    with pytest.raises(ProjectFault, match="not what it was"):
        version.unfolded(good, "another", tmp_path)


def test_a_project_with_too_much_text_keeps_no_version() -> None:
    with pytest.raises(ProjectFault, match="is not kept"):
        version.packed({"bindings.usda": "x" * (version.MAX_BYTES + 1)})


def test_a_project_without_a_scene_has_no_files_of_one(folder: Path) -> None:
    bare = replace(projects.read(folder), bindings=None)
    assert version.scene_files(bare) == []
