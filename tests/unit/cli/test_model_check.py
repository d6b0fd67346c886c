"""`armillary model check`: one verdict for each path, by the contract of the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from armillary.cli.model_check import check

Json = Any  # a JSON document is of no one type
PUMP: Json = {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:Pump;1", "@type": "Interface"}
BIG: Json = {**PUMP, "@id": "dtmi:t:Big;1", "extends": "dtmi:t:Pump;1"}
WRONG: Json = {**PUMP, "colour": "red"}


def written(path: Path, document: Json) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = document if isinstance(document, bytes) else json.dumps(document, indent=1).encode()
    path.write_bytes(text)
    return str(path)


def asked(*arguments: str) -> tuple[int, list[Json]]:
    found = CliRunner().invoke(check, [*arguments, "--json"], standalone_mode=False)
    assert found.exception is None, found.exception
    answer = json.loads(found.stdout)
    assert answer["schema"] == 1
    assert [v["path"] for v in answer["verdicts"]] == list(arguments)
    return int(found.return_value), answer["verdicts"]


def test_each_path_has_a_verdict_and_is_judged_alone(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{n}.json", d) for n, d in enumerate((PUMP, BIG, WRONG, PUMP))]
    status, verdicts = asked(*paths)
    assert status == 1
    assert [(v["valid"], v["complete"]) for v in verdicts] == [
        (True, True),
        (True, False),
        (False, True),
        (True, True),
    ]
    (finding,) = verdicts[2]["findings"]
    assert finding["rule"] == "propertyUndefinedTerm"
    assert finding["where"] == f"{paths[2]}:5 /colour"
    assert "colour" in finding["message"]
    assert [f["rule"] for f in verdicts[1]["findings"]] == ["unresolved"]


def test_a_folder_is_one_model_of_all_its_documents(tmp_path: Path) -> None:
    written(tmp_path / "m" / "a.json", BIG)
    written(tmp_path / "m" / "deep" / "b.json", PUMP)
    written(tmp_path / "m" / "notes.txt", b"no model")
    assert asked(str(tmp_path / "m"))[0] == 0
    written(tmp_path / "m" / "c.json", PUMP)
    status, (verdict,) = asked(str(tmp_path / "m"))
    assert status == 1
    assert [f["rule"] for f in verdict["findings"]] == ["duplicateDefinition"]


def test_ids_found_nowhere_are_no_error_and_are_looked_for_in_the_folders_given(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", BIG)
    written(tmp_path / "lib" / "pump.json", [PUMP])
    written(tmp_path / "lib" / "broken.json", b"{")
    assert asked(path)[0] == 0
    found = CliRunner().invoke(
        check, [path, "--json", "--resolve", str(tmp_path / "lib")], standalone_mode=False
    )
    (verdict,) = json.loads(found.stdout)["verdicts"]
    assert (verdict["valid"], verdict["complete"], verdict["findings"]) == (True, True, [])


@pytest.mark.parametrize(
    ("text", "rule"), [(b"", "empty"), (b"{", "notJson"), (b"\xff", "notUtf8"), (b"7", "notJsonObject")]
)
def test_what_is_no_document_is_told_in_words(tmp_path: Path, text: bytes, rule: str) -> None:
    status, (verdict,) = asked(written(tmp_path / "a.json", text))
    assert status == 1
    assert [f["rule"] for f in verdict["findings"]] == [rule]


def test_a_path_that_cannot_be_read_is_told_beside_the_others(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    paths = [str(tmp_path / "gone.json"), str(tmp_path / "none"), written(tmp_path / "a.json", PUMP)]
    status, verdicts = asked(*paths)
    assert status == 2
    assert [[f["rule"] for f in v["findings"]] for v in verdicts] == [["unreadable"], ["noDocuments"], []]


def test_options_of_the_language_are_honoured(tmp_path: Path) -> None:
    open_ = written(tmp_path / "a.json", {**PUMP, "@context": [PUMP["@context"], "dtmi:x:y;1"]})

    def status(*options: str) -> int:
        found = CliRunner().invoke(check, [open_, *options], standalone_mode=False)
        return int(found.return_value)

    assert status() == 1
    assert status("--allow-undefined-extensions") == 0
    assert status("--allow-undefined-extensions", "--max-version", "2") == 1


def test_a_person_is_told_place_rule_and_what_to_do(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", WRONG)
    out = CliRunner().invoke(check, [path], standalone_mode=False).stdout
    assert f"{path}: not valid" in out
    assert "propertyUndefinedTerm" in out
    assert f"{path}:5 /colour" in out


def test_halves_of_characters_are_told_as_well_as_can_be(tmp_path: Path) -> None:
    made = {**PUMP, "\ud800": "\ud800", "displayName": {"\ud800": "x"}}
    path = written(tmp_path / "a.json", json.dumps(made).encode())
    status, (verdict,) = asked(path)
    assert status == 1
    assert {f["rule"] for f in verdict["findings"]} == {"propertyUndefinedTerm", "langStringInvalidCode"}
    assert CliRunner().invoke(check, [path], standalone_mode=False).exception is None
