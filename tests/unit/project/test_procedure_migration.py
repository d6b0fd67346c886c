"""A procedure of an older schema is read as today's; its file is as it was until somebody saves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from armillary.project import migrate, procedures, procedures_edit

OLD = """# of the old days
schema = 1
id = "swap"
title = "Swap the pump"
who = "engineer"  # was called so

[[step]]
id = "one"
text = "Close V-1" # carefully
[[step]]
id = "two"
text = "Open V-2"
wait_s = 0.0
"""


def to_two(doc: dict[str, Any]) -> dict[str, Any]:  # Any: a TOML file
    """`who` became `role`, `wait_s` went."""
    doc["role"] = doc.pop("who")
    for step in doc["step"]:
        step.pop("wait_s", None)
    return doc


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procedures, "SCHEMA", 2)
    monkeypatch.setattr(procedures_edit, "SCHEMA", 2)
    monkeypatch.setattr(migrate, "PROCEDURE_STEPS", {1: to_two})


def test_an_older_procedure_is_read_as_todays_and_its_file_stays(newer: None, tmp_path: Path) -> None:
    file = tmp_path / "swap.toml"
    file.write_text(OLD)
    found = procedures.read(file, {})
    assert (found.id, found.role, [step.id for step in found.steps]) == ("swap", "engineer", ["one", "two"])
    assert file.read_text() == OLD


def test_saving_writes_todays_schema_and_keeps_the_comments(newer: None) -> None:
    procedure = procedures.parse(OLD, "swap.toml", {})
    text = procedures_edit.written(procedure, OLD)
    assert "schema = 2" in text
    assert 'role = "engineer"' in text
    assert "who" not in text
    assert "wait_s" not in text
    assert text.startswith("# of the old days")
    again = procedures.parse(text, "swap.toml", {})
    assert (again.role, again.steps[1].text) == (procedure.role, "Open V-2")
    assert procedures_edit.written(again, text) == text


def test_todays_schema_needs_no_step_and_every_older_one_has_one() -> None:
    assert set(migrate.PROCEDURE_STEPS) == set(range(1, procedures.SCHEMA))
    doc = {"schema": 1, "id": "x"}
    assert migrate.migrated(doc, procedures.SCHEMA, procedures.SCHEMA, migrate.PROCEDURE_STEPS) is doc
