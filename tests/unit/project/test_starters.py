"""New projects: each opens at once, the scene stays where it is, nothing half made is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.project import starters
from armillary.project.starters import Link, make

SCENE = '#usda 1.0\n(\n    defaultPrim = "P"\n)\ndef Xform "P"\n{\n}\n'


def test_an_empty_project_opens_and_is_ready_for_git(tmp_path: Path) -> None:
    project = make(tmp_path / "a", name="Mine")
    assert (project.name, project.version, project.problems) == ("Mine", "0.1.0", ())
    assert project.entry == tmp_path / "a" / "scene.usda"
    assert "twins.json merge=armillary" in (tmp_path / "a" / ".gitattributes").read_text()


def test_a_scene_outside_stays_where_it_is_and_may_be_reached(tmp_path: Path) -> None:
    scene = tmp_path / "cad" / "plant.usda"
    scene.parent.mkdir()
    scene.write_text(SCENE)
    project = make(tmp_path / "twin", scene=scene)
    assert project.entry == scene
    assert project.problems == ()
    assert scene.read_text() == SCENE
    assert not (tmp_path / "twin" / "scene.usda").exists()


def test_links_are_named_and_ask_for_what_was_said(tmp_path: Path) -> None:
    links = [Link(url="mqtt://h:1883", topics="plant/#"), Link(url="opc.tcp://h:4840"), Link(url="mqtts://b")]
    project = make(tmp_path / "a", links=links)
    assert [(link.name, link.kind) for link in project.links] == [
        ("broker", "mqtt"), ("server", "opcua"), ("broker-2", "mqtt"),
    ]  # fmt: skip
    assert project.links[0].settings["subscribe"] == [{"filter": "plant/#", "qos": 0}]
    assert not any(link.commands for link in project.links)


@pytest.mark.parametrize("name", starters.DEMOS)
def test_a_demonstration_is_a_template_with_an_id_of_its_own(tmp_path: Path, name: str) -> None:
    project = make(tmp_path / "a", template=name, name="Ours")
    assert project.specs
    assert project.name == "Ours"
    assert project.entry is not None
    assert project.entry.is_file()
    again = make(tmp_path / "b", template=name)
    assert again.id != project.id


def test_any_project_is_a_template_but_for_its_accounts_and_its_past(tmp_path: Path) -> None:
    base = make(tmp_path / "base", name="Base", links=[Link(url="mqtt://h")]).folder
    for private in ("users.toml", ".armillary/history.duckdb", "pki/own/site.key"):
        (base / private).parent.mkdir(parents=True, exist_ok=True)
        (base / private).write_text("secret")
    project = make(tmp_path / "next", template=str(base))
    assert [link.name for link in project.links] == ["broker"]
    names = {path.name for path in project.folder.rglob("*")}
    assert names.isdisjoint({"users.toml", "history.duckdb", "site.key"})


def test_what_is_not_there_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    wrong: list[dict[str, object]] = [
        {"template": "pumping"},
        {"scene": tmp_path / "none.usda"},
        {"links": [Link(url="http://h")]},
    ]
    for given in wrong:
        with pytest.raises(ProjectFault):
            make(tmp_path / "a", **given)  # type: ignore[arg-type]
        assert not (tmp_path / "a").exists()
    with pytest.raises(ProjectFault, match="already"):
        make(projects.new(tmp_path / "b", "B").folder)
