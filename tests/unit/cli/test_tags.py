"""`armillary tags`: lists out of a project and into it; what cannot be taken goes into a file of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from armillary.cli.tags import tags
from armillary.model.fault import ProjectFault
from armillary.project import folder as projects


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "plant"
    projects.new(folder, "Plant")
    toml = folder / "project.toml"
    toml.write_text(
        toml.read_text() + '\n[[source]]\nname = "site"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1"\n'
    )
    return folder


def run(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(tags, list(words), standalone_mode=False, input=answer)


LIST = "Name,Topic,Unit\nP-1.speed,pump/1#speed,rpm\nP-1.temp,pump/1#temp,°C\nP-1.temp,pump/1#again,°C\n"


def test_a_list_is_taken_in_and_written_out_again(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(LIST)
    told = run("import", str(project), str(file), "--source", "site", "--yes", "--json")
    answer = json.loads(told.stdout)
    assert told.return_value == 1  # a row was left out
    assert answer["written"]
    assert (answer["new"], answer["columns"]) == (2, {"tag": "Name", "address": "Topic", "unit": "Unit"})
    assert answer["bad"] == [{"line": 4, "why": "'P-1.temp' is in line 3 already"}]
    assert "is in line 3 already" in Path(answer["bad_file"]).read_text()
    specs = projects.read(project).specs
    assert [(s.name, s.link, s.address, s.unit) for s in specs] == [
        ("P-1.speed", "site", "pump/1#speed", "rpm"),
        ("P-1.temp", "site", "pump/1#temp", "°C"),
    ]
    out = tmp_path / "out.xlsx"
    assert "2 tags" in run("export", str(project), str(out)).stdout
    told = run("import", str(project), str(out), "--yes")
    assert "0 new, 0 changed, 2 as they are, 0 not taken" in told.stdout
    assert told.return_value == 0


def test_nothing_is_written_before_a_person_says_so(project: Path, tmp_path: Path) -> None:
    file, before = tmp_path / "list.csv", (project / "twins.json").read_bytes()
    file.write_text(LIST)
    told = run("import", str(project), str(file), "--source", "site", answer="n\n")
    assert "2 new, 0 changed" in told.stdout
    assert told.return_value == 1
    assert (project / "twins.json").read_bytes() == before


def test_a_map_is_given_by_words_or_by_a_file(project: Path, tmp_path: Path) -> None:
    file, toml = tmp_path / "list.csv", tmp_path / "map.toml"
    file.write_text("Kenner,Wo\nA.b,site!x\n")
    toml.write_text('address = "Wo"\n')
    told = run("import", str(project), str(file), "--map", "tag=Kenner", "--map", str(toml), "--yes")
    assert told.return_value == 0
    assert [s.name for s in projects.read(project).specs] == ["A.b"]
    assert isinstance(run("import", str(project), str(file), "--map", "nowhere").exception, ProjectFault)


def test_a_list_that_would_break_the_project_changes_nothing(project: Path, tmp_path: Path) -> None:
    file, before = tmp_path / "list.csv", (project / "twins.json").read_bytes()
    file.write_text("tag,address,kind\n" + "".join(f"A.x{i},site!x,array\n" for i in range(70)))
    told = run("import", str(project), str(file), "--yes")
    assert isinstance(told.exception, ProjectFault)
    assert "arrays" in str(told.exception)
    assert (project / "twins.json").read_bytes() == before
