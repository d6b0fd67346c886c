"""`armillary rules check`: what rules are made of, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from armillary.cli.rules import rules
from armillary.model.fault import Fault
from armillary.project import folder as projects

TWINS = """{"schema": 1, "twins": [
 {"id": "TT-1", "tags": {"value": {"address": "plc!ns=1;i=1", "unit": "°C", "range": [0, 150]}}}]}"""
RULES = """schema = 1
[[rule]]
id = "odd"
kind = "anomaly"
of = "TT-1"
method = "novelty"
seconds = 30
event = "TT-1 is not as usual"
[[rule]]
id = "mean"
of = "TT-1"
[[rule]]
id = "hot"
of = "TT-1"
above = 80
for_s = 5
[[alarm]]
id = "HOT"
tag = "hot"
kind = "state"
values = [1]
consequence = "Scorched"
operator_action = "Open the damper"
"""


@pytest.fixture
def folder(own_places: Path, tmp_path: Path) -> Path:
    made = projects.new(tmp_path / "plant", "plant").folder
    with (made / "project.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[source]]\nname = "plc"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:4840"\n')
    (made / "twins.json").write_text(TWINS, "utf-8")
    (made / "rules.toml").write_text(RULES, "utf-8")
    return made


def check(folder: Path, *more: str) -> tuple[int, str, str]:
    """Return (status, standard output, standard error)."""
    done = CliRunner().invoke(rules, ["check", str(folder), *more], standalone_mode=False)
    if isinstance(done.exception, Exception):
        raise done.exception
    return int(done.return_value), done.stdout, done.stderr


def test_each_rule_is_listed_with_what_it_is_made_of_and_does(folder: Path) -> None:
    status, out, err = check(folder)
    assert (status, err) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert (
        "novelty(`TT-1.value`, 30, 86400); beyond(`odd.value`, 3); highest(`odd.now`, 30) > 0" in lines["odd"]
    )
    assert lines["odd"].endswith("event")
    assert lines["mean"].endswith("measures")
    assert "held(`hot.now`, 5)" in lines["hot"]
    assert lines["hot"].endswith("alarm HOT")


def test_as_json_it_says_units_and_tags(folder: Path) -> None:
    status, out, _ = check(folder, "--json")
    told = json.loads(out)
    assert status == 0
    assert told["findings"] == []
    odd, mean, hot = told["rules"]
    assert (odd["id"], odd["kind"], odd["fires"], odd["unit"]) == ("odd", "anomaly", True, "")
    assert [tag["name"] for tag in odd["tags"]] == ["odd.value", "odd.now", "odd"]
    assert (mean["unit"], mean["fires"], mean["alarm"]) == ("°C", False, "")
    assert (hot["alarm"], hot["event"]) == ("HOT", "")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('of = "TT-1"\nabove', 'of = "TT-9"\nabove', "TT-9"),
        ('method = "novelty"', 'method = "novel"', "novelty"),
        ("for_s = 5", "for_s = 5\nrest_s = -1", "rest_s"),
        ("above = 80", "abov = 80", "above"),
        ("seconds = 30", "seconds = 0.2", "seconds"),
    ],
)
def test_what_is_wrong_is_told_by_its_line_and_the_status_is_1(
    folder: Path, before: str, after: str, words: str
) -> None:
    text = RULES.replace(before, after)
    assert text != RULES
    (folder / "rules.toml").write_text(text, "utf-8")
    status, out, err = check(folder)
    assert status == 1
    assert err.startswith("rules.toml:")
    assert words in err
    assert "mean" in out  # the rules that are right are listed all the same
    found = json.loads(check(folder, "--json")[1])["findings"]
    assert found
    assert all(each["where"].startswith("rules.toml:") and each["remedy"] for each in found)


def test_a_folder_without_a_project_is_told_in_words(own_places: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="no project here"):
        check(tmp_path)
