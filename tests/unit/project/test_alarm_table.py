"""Alarms go out as a table and come back: what is not touched stays, a mistake names its line."""

from __future__ import annotations

import csv
import shutil
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from armillary.cli.alarms import alarms
from armillary.model.cells import formula, unformula
from armillary.model.fault import ProjectFault
from armillary.project import alarm_table
from armillary.project.alarm_table import applied, changes, written

RULES = """# ours
schema = 1

[[alarm]]
id = "HI"             # the first
tag = "T-1"
limit = 90.0
deadband = 2.0
priority = 2
consequence = "=cmd|' /C calc'!A0"
operator_action = "Close, then look"

[[alarm]]
id = "TRIP"
tag = "P-1.state"
kind = "state"
values = [2, 3]
latching = true
consequence = "flow falls"
operator_action = "Start the other"
"""
STATION = Path(__file__).parents[3] / "scenes" / "pumping-station"
UNITS = {"T-1.value": "%", "P-1.state": ""}


def rows(table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(table.splitlines()))


def test_each_alarm_is_a_row_with_the_unit_of_its_limit_and_no_formula() -> None:
    high, trip = rows(written(RULES, UNITS))
    assert (high["id"], high["limit"], high["unit"], high["priority"]) == ("HI", "90", "%", "2")
    assert high["consequence"].startswith("'=")
    assert (trip["values"], trip["latching"], trip["limit"]) == ("2|3", "true", "")


def test_a_table_that_comes_back_as_it_was_changes_nothing() -> None:
    assert changes(RULES, written(RULES, UNITS), "a.csv", UNITS) == ()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_changed_cell_changes_its_key_and_nothing_else(separator: str) -> None:
    table = separator.join(("id", "limit", "latching")) + "\r\n" + separator.join(("HI", "85.5", "yes"))
    found = changes(RULES, "\ufeff" + table, "a.csv")
    assert [(change.id, change.line, dict(change.keys)) for change in found] == [
        ("HI", 2, {"limit": 85.5, "latching": True})
    ]
    after = applied(RULES, found)
    assert after == RULES.replace("limit = 90.0", "limit = 85.5").replace(
        'operator_action = "Close, then look"\n', 'operator_action = "Close, then look"\nlatching = true\n'
    )


def test_an_empty_cell_removes_its_key_and_a_new_id_is_a_new_alarm() -> None:
    found = changes(RULES, "id,tag,deadband\nHI,T-1,\nNEW,T-1,\n", "a.csv")
    assert [(c.id, c.before is None, dict(c.keys)) for c in found] == [
        ("HI", False, {"deadband": None}),
        ("NEW", True, {"tag": "T-1"}),
    ]
    held = tomllib.loads(applied(RULES, found))["alarm"]
    assert [(alarm["id"], alarm.get("deadband")) for alarm in held] == [
        ("HI", None),
        ("TRIP", None),
        ("NEW", None),
    ]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("id,limit\nHI,nan\n", "line 2: 'limit' is 'nan'"),
        ("id,limit\nHI,90\nTRIP,1e999\n", "line 3: 'limit' is '1e999'"),
        ('id,limit\nHI,"90,5"\n', "write a point"),
        ("id,priority\nHI,7\n", "line 2: 'priority' is '7'"),
        ("id,latching\nHI,perhaps\n", "neither true nor false"),
        ("id,limit\n,3\n", "has no id"),
        ("id,limit\nHI,1\nHI,2\n", "line 3: 'HI' is in line 2 already"),
        ("id,limit,unit\nHI,1,mbar\n", "the limit is in 'mbar', the tag T-1 in '%'"),
        ("id,limt\nHI,1\n", "no column 'limt'. Did you mean 'limit'?"),
        ("limit\n1\n", "no column 'id'"),
        ("id,id\nHI,HI\n", "twice"),
        ("id,limit\nHI,1,2\n", "3 cells under 2 columns"),
        ("", "no column 'id'"),
    ],
)
def test_a_mistake_names_its_line(table: str, told: str) -> None:
    with pytest.raises(ProjectFault, match=r".") as caught:
        changes(RULES, table, "a.csv", UNITS)
    assert told in caught.value.what


def test_a_table_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm_table, "MOST_ROWS", 3)
    with pytest.raises(ProjectFault, match="more than 3 rows"):
        changes(RULES, "id\n" + "\n".join(f"A{i}" for i in range(4)), "a.csv")


@given(st.text())
def test_a_cell_comes_back_as_it_was_and_is_no_formula(text: str) -> None:
    cell = unformula(text)
    assert formula(cell) == text or text[:1] == "'"
    if cell[:1] in ("=", "@"):
        pytest.fail(cell)


def test_the_command_shows_what_changes_and_writes_it_whole_or_not_at_all(tmp_path: Path) -> None:
    project = tmp_path / "station"
    shutil.copytree(STATION, project, ignore=shutil.ignore_patterns(".armillary", "parts"))
    rules = (project / "rules.toml").read_text("utf-8")
    table = tmp_path / "a.csv"
    run = CliRunner()
    told = run.invoke(alarms, ["export", str(project), str(table)], standalone_mode=False)
    assert told.return_value == 0, told.output
    assert "18 alarms" in told.output
    table.write_text(table.read_text("utf-8").replace(",85,°C,2,,,5,", ",80,°C,2,,,5,", 1), "utf-8")
    shown = run.invoke(alarms, ["import", str(project), str(table)], input="n\n", standalone_mode=False)
    assert "changed  TT-111-HH: limit 85.0 → 80" in shown.output
    assert (project / "rules.toml").read_text("utf-8") == rules
    done = run.invoke(alarms, ["import", str(project), str(table), "--yes"], standalone_mode=False)
    assert done.return_value == 0
    after = (project / "rules.toml").read_text("utf-8")
    assert after == rules.replace("limit = 85.0", "limit = 80.0", 1)
    table.write_text("id,tag\nTT-111-HH,T-9\n", "utf-8")
    wrong = run.invoke(alarms, ["import", str(project), str(table), "--yes"], standalone_mode=False)
    assert "There is no tag 'T-9'" in str(wrong.exception)
    assert (project / "rules.toml").read_text("utf-8") == after
