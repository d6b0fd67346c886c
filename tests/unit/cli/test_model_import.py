"""`armillary model import` writes twins into a project, and overwrites nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from armillary.cli.model import model
from armillary.model.fault import ProjectFault
from armillary.project import folder as projects

THING = {
    "id": "urn:dev:p",
    "title": "Pump",
    "properties": {
        "speed": {"type": "number", "readOnly": True, "unit": "rpm", "forms": [{"href": "mqtt://b.example:1883/p/speed"}]},
        "lost": {"type": "number", "readOnly": True, "forms": [{"href": "modbus+tcp://x:502/1"}]},
    },
    "links": [{"rel": "feeds", "href": "urn:x:T-1"}],
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "plant"
    projects.new(folder, "My plant")
    twins = {"schema": 1, "twins": [{"id": "T-1", "properties": {"height": 4}}], "relationships": []}
    (folder / "twins.json").write_text(json.dumps(twins), "utf-8")
    return folder


def run(project: Path, document: object, *args: str) -> dict[str, Any]:
    file = project.parent / "in.json"
    file.write_text(json.dumps(document), "utf-8")
    result = CliRunner().invoke(
        model, ["import", str(project), str(file), "--json", *args], catch_exceptions=False
    )
    assert result.exit_code == 0
    answer: dict[str, Any] = json.loads(result.output)
    return answer


def test_twins_sources_and_relationships_are_written_and_losses_listed(project: Path) -> None:
    answer = run(project, THING)
    assert answer["format"] == "wot"
    assert answer["added"] == ["Pump"]
    assert answer["sources"] == ["b-example"]
    assert [one["kind"] for one in answer["left"]] == ["address"]
    found = projects.read(project)
    assert {link.name: (link.kind, link.url) for link in found.links} == {
        "b-example": ("mqtt", "mqtt://b.example:1883")
    }
    speed = next(spec for spec in found.specs if spec.name == "Pump.speed")
    assert (speed.link, speed.address, speed.unit) == ("b-example", "p/speed#", "rpm")
    assert [(one.source, one.name, one.target) for one in found.relationships] == [("Pump", "feeds", "T-1")]


def test_the_same_file_again_changes_nothing(project: Path) -> None:
    run(project, THING)
    before = {file.name: file.read_bytes() for file in project.iterdir() if file.is_file()}
    answer = run(project, THING)
    assert answer["there"] == ["Pump"]
    assert answer["sources"] == []
    assert answer["relationships"] == 0
    assert {file.name: file.read_bytes() for file in project.iterdir() if file.is_file()} == before


def test_a_dry_run_writes_nothing(project: Path) -> None:
    before = {file.name: file.read_bytes() for file in project.iterdir() if file.is_file()}
    assert run(project, THING, "--dry-run")["added"] == ["Pump"]
    assert {file.name: file.read_bytes() for file in project.iterdir() if file.is_file()} == before


def test_a_twin_that_is_there_is_left_or_gets_what_it_lacks_but_loses_nothing(project: Path) -> None:
    tank = {"id": "urn:x:T-1", "type": "Tank", "height": 9, "area": 3}
    assert run(project, tank)["there"] == ["T-1"]
    assert projects.read(project).twins[0].properties == {"height": 4}
    answer = run(project, tank, "--existing", "merge")
    assert answer["kept"] == ["T-1.height"]
    assert set(answer["merged"]) == {"T-1.model", "T-1.area"}
    twin = projects.read(project).twins[0]
    assert twin.properties == {"height": 4, "area": 3}
    assert twin.model == "Tank"


def test_interfaces_of_instances_go_into_the_model(project: Path) -> None:
    graph = {
        "digitalTwinsModels": [{"@id": "dtmi:x:Tank;1", "@type": "Interface"}],
        "digitalTwinsGraph": {"digitalTwins": [{"$dtId": "T-2", "$metadata": {"$model": "dtmi:x:Tank;1"}}]},
    }
    answer = run(project, graph)
    assert [Path(file).name for file in answer["files"]] == ["x_tank_1.json"]
    assert projects.read(project).model_files == ("model/*.json",)


@pytest.mark.parametrize("text", ["", "no", "[1,", "{}", '"x"', "[" * 5000])
def test_what_is_no_description_is_refused_and_nothing_is_written(project: Path, text: str) -> None:
    file = project.parent / "in.json"
    file.write_text(text, "utf-8")
    before = (project / "twins.json").read_bytes()
    with pytest.raises(ProjectFault):
        CliRunner().invoke(model, ["import", str(project), str(file)], catch_exceptions=False)
    assert (project / "twins.json").read_bytes() == before
