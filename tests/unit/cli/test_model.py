"""`armillary model query` and `model infer` on a project at rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from armillary.cli.model import model
from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.twin.query_text import QueryFault

TWINS = {
    "schema": 1,
    "twins": [
        {"id": "P-1", "title": "Feed pump A", "tags": {"flow": {"address": "s!a", "unit": "m³/h"}}},
        {
            "id": "S",
            "title": "Skid",
            "components": {"dose": {"tags": {"level": {"address": "s!c", "unit": "%"}}}},
        },
        {"id": "P-2", "title": "Feed pump B", "tags": {"flow": {"address": "s!b", "unit": "m³/h"}}},
        {"id": "T-1", "model": "dtmi:x:Tank;1", "title": "Tank", "properties": {"height": 4}},
    ],
    "relationships": [{"from": "P-1", "name": "feeds", "to": "T-1"}],
}


@pytest.fixture
def project(own_places: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "plant"
    projects.new(folder, "My plant")
    text = (folder / "project.toml").read_text("utf-8")
    source = '\n[[source]]\nname = "s"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1"\n'
    (folder / "project.toml").write_text(text + source, "utf-8")
    (folder / "twins.json").write_text(json.dumps(TWINS), "utf-8")
    return folder


def run(*args: object) -> Result:
    return CliRunner().invoke(model, [str(arg) for arg in args], catch_exceptions=False)


def test_without_a_world_structure_is_known_and_values_are_not(project: Path) -> None:
    answer = json.loads(run("query", project, "pumps feeding T-1 with flow > 1 l/s", "--json").output)
    assert answer["world"] is None
    assert answer["found"] == []
    assert [one["id"] for one in answer["unknown"]] == ["P-1"]
    assert answer["unknown"][0]["tags"] == [
        {"name": "P-1.flow", "value": None, "unit": "m³/h", "quality": "NEVER"}
    ]


def test_structure_alone_is_answered_and_said_to_be_alone(project: Path) -> None:
    result = run("query", project, "tanks fed by pumps")
    assert result.exit_code == 0
    assert "1 found" in result.output
    assert "No world" in result.stderr


def test_a_mistake_has_its_place(project: Path) -> None:
    with pytest.raises(QueryFault, match="letter 7"):
        run("query", project, "pumps feedng T-1")


def test_what_comes_next_can_be_asked(project: Path) -> None:
    answer = json.loads(run("query", project, "pumps feed", "--complete", "--json").output)
    assert answer["candidates"] == [{"text": "feeding", "kind": "relation"}]


def test_inferred_types_are_only_listed_unless_they_are_wanted(project: Path) -> None:
    before = {file: file.read_bytes() for file in project.rglob("*") if file.is_file()}
    answer = json.loads(run("infer", project, "--json").output)
    assert {one["id"]: one["of"] for one in answer["types"]} == {
        "dtmi:armillary:my_plant:Dose;1": ["S.dose"],
        "dtmi:armillary:my_plant:FeedPump;1": ["P-1", "P-2"],
        "dtmi:armillary:my_plant:Skid;1": ["S"],
    }
    assert {file: file.read_bytes() for file in project.rglob("*") if file.is_file()} == before


def test_applied_types_are_in_twins_json_and_everything_else_stays(project: Path) -> None:
    before = projects.read(project)
    assert run("infer", project, "--apply").exit_code == 0
    after = projects.read(project)
    models = {twin.id: twin.model for twin in after.twins}
    assert models == {
        "P-1": "dtmi:armillary:my_plant:FeedPump;1",
        "P-2": "dtmi:armillary:my_plant:FeedPump;1",
        "S": "dtmi:armillary:my_plant:Skid;1",
        "T-1": "dtmi:x:Tank;1",
    }
    assert next(t for t in after.twins if t.id == "S").components[0].model.endswith(":Dose;1")
    assert after.model_files == ("model/*.json",)
    assert {spec.name for spec in after.specs} == {spec.name for spec in before.specs}
    assert sorted(file.name for file in (project / "model").iterdir()) == [
        "Dose.json", "FeedPump.json", "Skid.json",
    ]  # fmt: skip
    text = (project / "twins.json").read_text("utf-8")
    assert run("infer", project, "--apply").exit_code == 0
    assert (project / "twins.json").read_text("utf-8") == text


def test_a_file_that_says_something_else_is_not_overwritten(project: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "Skid.json").write_text("{}", "utf-8")
    with pytest.raises(ProjectFault, match="already"):
        run("infer", project, "-o", tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["Skid.json"]
    assert run("infer", project, "-o", tmp_path / "out", "--overwrite").exit_code == 0
    assert json.loads((tmp_path / "out" / "Skid.json").read_text("utf-8"))["@type"] == "Interface"


def test_a_derived_type_is_found_by_the_name_of_its_ancestor(project: Path) -> None:
    (project / "model").mkdir()
    for name, more in (
        ("Tank", {"extends": "dtmi:x:Vessel;1"}),
        ("Vessel", {"displayName": "Pressure vessel"}),
    ):
        document = {
            "@context": "dtmi:dtdl:context;3",
            "@id": f"dtmi:x:{name};1",
            "@type": "Interface",
            **more,
        }
        (project / "model" / f"{name}.json").write_text(json.dumps(document), "utf-8")
    text = (project / "project.toml").read_text("utf-8")
    (project / "project.toml").write_text(text + '\n[model]\nfiles = ["model/*.json"]\n', "utf-8")
    answer = json.loads(run("query", project, "pressure vessels fed by pumps", "--json").output)
    assert [one["id"] for one in answer["found"]] == ["T-1"]
    assert answer["found"][0]["type"] == "dtmi:x:Tank;1"
