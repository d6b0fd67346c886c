"""Twins that are not what their types say, and a project's model that is wrong itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from armillary.model.dtdl import Model
from armillary.model.twin import Component, Relationship, TwinInstance
from armillary.project import folder as projects
from armillary.session import twin_model
from armillary.session.twin_check import mismatches
from armillary.twin import dtdl

Json = Any  # a JSON document is of no one type
TANK: Json = {
    "@context": "dtmi:dtdl:context;3",
    "@id": "dtmi:t:Tank;1",
    "@type": "Interface",
    "contents": [
        {"@type": "Property", "name": "area", "schema": "double"},
        {"@type": "Property", "name": "bays", "schema": "integer"},
        {"@type": "Component", "name": "inlet", "schema": "dtmi:t:Nozzle;1"},
        {"@type": "Relationship", "name": "feeds", "target": "dtmi:t:Pump;1", "maxMultiplicity": 1},
        {"@type": "Relationship", "name": "near"},
    ],
}
PUMP: Json = {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:Pump;1", "@type": "Interface"}
BIG: Json = {**PUMP, "@id": "dtmi:t:BigPump;1", "extends": "dtmi:t:Pump;1"}
NOZZLE: Json = {**PUMP, "@id": "dtmi:t:Nozzle;1"}


def model(*more: Json) -> Model:
    documents = [TANK, PUMP, BIG, NOZZLE, *more]
    given = [dtdl.Document(where="m", data=json.dumps(d).encode()) for d in documents]
    found = dtdl.judge("m", given).model
    assert found is not None
    return found


def tank(name: str = "t1", **more: Any) -> TwinInstance:
    parts = more.pop("components", (Component(path="inlet", model="dtmi:t:Nozzle;1"),))
    return TwinInstance(id=name, model="dtmi:t:Tank;1", components=parts, **more)


def pump(name: str = "p1", kind: str = "Pump") -> TwinInstance:
    return TwinInstance(id=name, model=f"dtmi:t:{kind};1")


def told(*twins: TwinInstance, edges: tuple[Relationship, ...] = ()) -> list[tuple[str, str, str]]:
    return [(p.code, p.severity, p.where) for p in mismatches(model(), twins, edges)]


def edge(name: str = "feeds", source: str = "t1", target: str = "p1") -> Relationship:
    return Relationship(source=source, name=name, target=target)


def test_a_twin_that_is_as_its_type_says_is_not_mentioned() -> None:
    assert told(tank(properties={"area": 19.6, "bays": 2}), pump(), edges=(edge(),)) == []


def test_a_twin_without_a_type_is_as_it_likes() -> None:
    assert told(TwinInstance(id="x", properties={"colour": "red"}), edges=(edge(source="x"),)) == []


def test_an_unknown_type_is_named_with_the_nearest_one() -> None:
    (found,) = mismatches(model(), [TwinInstance(id="t1", model="dtmi:t:Tnak;1")], ())
    assert (found.code, found.severity) == ("P82", "error")
    assert "dtmi:t:Tank;1" in found.remedy


def test_a_property_of_another_kind_or_unknown_is_told() -> None:
    assert told(tank(properties={"bays": 2.5})) == [("P83", "error", "twins.json:t1")]
    assert told(tank(properties={"area": "wide"})) == [("P83", "error", "twins.json:t1")]
    assert told(tank(properties={"areas": 2.5})) == [("P83", "warning", "twins.json:t1")]


def test_components_that_are_missing_too_many_or_of_another_type_are_told() -> None:
    assert told(tank(components=())) == [("P83", "warning", "twins.json:t1")]
    both = (Component(path="inlet"), Component(path="lid"))
    assert told(tank(components=both)) == [("P83", "warning", "twins.json:t1")]
    wrong = (Component(path="inlet", model="dtmi:t:Pump;1"),)
    assert told(tank(components=wrong)) == [("P83", "error", "twins.json:t1")]


def test_a_relation_must_be_of_the_type_and_lead_to_its_target() -> None:
    assert told(tank(), pump(), edges=(edge("fills"),)) == [("P84", "warning", "twins.json:t1 fills p1")]
    assert told(tank(), tank("t2"), edges=(edge(target="t2"),)) == [
        ("P84", "error", "twins.json:t1 feeds t2")
    ]
    assert told(tank(), tank("t2"), edges=(edge("near", target="t2"),)) == []


def test_a_relation_may_lead_to_what_inherits_from_its_target() -> None:
    assert told(tank(), pump(kind="BigPump"), edges=(edge(),)) == []


def test_more_relations_than_allowed_are_told_once() -> None:
    twins = (tank(), pump(), pump("p2"), pump("p3"))
    edges = tuple(edge(target=p) for p in ("p1", "p2", "p3"))
    assert told(*twins, edges=edges) == [("P84", "error", "twins.json:t1 feeds p2")]


def project(folder: Path, *documents: Json, files: str = "model/*.json", kind: str = "Tank") -> Path:
    (folder / "model").mkdir()
    for index, document in enumerate(documents):
        (folder / "model" / f"{index}.json").write_text(json.dumps(document, indent=1), "utf-8")
    twins = {"schema": 1, "twins": [{"id": "t1", "model": f"dtmi:t:{kind};1"}]}
    (folder / "twins.json").write_text(json.dumps(twins), "utf-8")
    text = f'[project]\nschema = 1\nid = "a"\nname = "A"\n\n[model]\nfiles = ["{files}"]\n'
    (folder / "project.toml").write_text(text, "utf-8")
    return folder


def codes(folder: Path) -> list[tuple[str, str]]:
    read, _ = projects.examine(folder)
    assert read is not None
    return [(p.code, p.where) for p in twin_model.findings(read)]


def test_a_project_is_judged_with_the_model_files_that_it_names(tmp_path: Path) -> None:
    assert codes(project(tmp_path, PUMP, kind="Pump")) == []


def test_a_wrong_document_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    folder = project(tmp_path, {**PUMP, "colour": "red"}, kind="Pump")
    assert codes(folder) == [("P81", "model/0.json:5 /colour")]


def test_a_pattern_that_names_no_file_is_told_and_none_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    folder = project(tmp_path / "a", PUMP, files="types/*.json")
    assert codes(folder) == [("P81", "project.toml:[model] files")]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "secret.json").write_text(json.dumps(PUMP), "utf-8")
    out = project(
        tmp_path / "b" / "c" if (tmp_path / "b" / "c").mkdir() is None else tmp_path, PUMP, files="../*.json"
    )
    assert codes(out) == [("P81", "project.toml:[model] files")]


def test_the_twins_of_a_project_are_held_against_its_model(tmp_path: Path) -> None:
    assert codes(project(tmp_path, PUMP, kind="Pmup")) == [("P82", "twins.json:t1")]
