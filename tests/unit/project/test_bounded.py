"""Thousands of mistakes of one kind are told as a hundred and a number."""

from __future__ import annotations

import json
from pathlib import Path

from armillary.model.scene import SceneProblem
from armillary.project import folder
from armillary.project.bounded import MOST, bounded
from armillary.project.locate import json_line
from armillary.project.table import Findings

HEAD = '[project]\nschema = 1\nid = "m"\nname = "M"\n\n[scene]\nentry = "scene.usda"\n'


def found(code: str, where: str, severity: str = "error") -> SceneProblem:
    return SceneProblem(
        code=code, severity=severity, where=where, what=f"{where} is wrong.", remedy="Mend it."
    )


def test_a_hundred_of_a_code_and_file_are_told_and_the_rest_counted() -> None:
    many = [found("B04", f"bindings.usda:/P#{i}") for i in range(250)]
    other = [found("B04", "plant/a.usda:/P#0"), found("B05", "bindings.usda:/P#1")]
    told = bounded([*many, *other])
    assert told[:MOST] == many[:MOST]
    assert told[MOST : MOST + 2] == other
    assert [(p.where, p.what) for p in told[MOST + 2 :]] == [
        ("bindings.usda", "and 150 more of this kind, the last: bindings.usda:/P#249 is wrong.")
    ]


def test_few_are_told_as_they_are_and_an_error_is_not_lost_among_warnings() -> None:
    warnings = [found("P23", f"twins.json:x{i}", "warning") for i in range(MOST + 1)]
    error = found("P23", "twins.json:last")
    assert bounded([*warnings, error]) == [*warnings[:MOST], error, warnings[MOST]]


def test_findings_are_counted_where_they_are_found() -> None:
    findings = Findings()
    for i in range(5_000):
        findings.add("P04", f"twins.json:{i}", f"{i}?", "")
    findings.add("P03", "twins.json:7", "No id.", "")
    assert len(findings.problems) == MOST + 2
    assert findings.problems[MOST].what == f"and {5_000 - MOST:,} more of this kind, the last: 4999?"
    assert findings.is_full("P04", "twins.json")
    assert not findings.is_full("P03", "twins.json")
    assert bounded(findings.problems) == [
        *findings.problems[:MOST],
        findings.problems[-1],
        findings.problems[MOST],
    ]


def test_a_project_of_mistakes_is_read_once_and_its_lines_are_told(tmp_path: Path) -> None:
    tags = {f"t{i}": {"address": "m!x#$", "rnage": [0, 1]} for i in range(400)}
    text = json.dumps({"schema": 1, "twins": [{"id": "a", "tags": tags}]}, indent=1)
    (tmp_path / "twins.json").write_text(text)
    (tmp_path / "scene.usda").write_text("#usda 1.0\n")
    (tmp_path / "project.toml").write_text(
        f'{HEAD}\n[[source]]\nname = "m"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1883"\n'
    )
    _, problems = folder.examine(tmp_path)
    unknown = [p for p in problems if p.code == "P04"]
    assert len(unknown) == MOST + 1
    line = int(unknown[99].where.rpartition(":")[2])
    assert "rnage" in text.splitlines()[line - 1]
    assert line > 400
    assert unknown[99].remedy == "Did you mean 'range'?"
    assert unknown[100].what.startswith("and 300 more of this kind")


def test_the_line_of_a_value_is_found_or_that_of_what_holds_it() -> None:
    text = '{\n "a": [\n  {"b": 1},\n  {\n   "b": 2\n  }\n ]\n}'
    assert json_line(text, ("a", 0, "b")) == 3
    assert json_line(text, ("a", 1, "b")) == 5
    assert json_line(text, ("a", 1, "c")) == 4
    assert json_line(text, ("nothing",)) == 1
