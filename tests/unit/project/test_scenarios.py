"""What-if scenarios as files: read whole, every mistake named with its line, written to read back equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.project import scenarios

WHOLE = """\
schema = 1
id = "outlet-valve-stuck"
title = "Outlet valve stuck"
kind = "whatif"
horizon_s = 3600
seed = 4
[simulator]
kind = "fmu"
file = "simulation/tank.fmu"
step_s = 0.05
call_timeout_s = 2.5
[start]
from = "time"
time = 2026-01-01T00:00:00Z
warm_up_s = 30
[map]
"tank1.level" = "h"
"tank1.inflow" = "q_in"
[inputs]
valve_out = 0.5
[uncertainty]
members = 32
spread = { q_in = 0.1 }
[[event]]
at_s = 60.0
set = { valve_out = 0.0 }
[[variant]]
id = "bypass-5min"
title = "Open the bypass at 5 min"
set = { area = 2.0 }
event = [{ at_s = 300.0, set = { bypass = 1.0 } }]
[[measure]]
name = "above"
kind = "time_above"
of = "tank1.level"
limit = 4.5
unit = "s"
[score]
minimise = "max(tank1.level)"
constraint = ["tank1.level < 4.5"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "simulation").mkdir()
    (tmp_path / "simulation" / "tank.fmu").write_bytes(b"PK")
    (tmp_path / "scenarios").mkdir()
    return tmp_path


def put(project: Path, text: str, name: str = "s.toml") -> Path:
    path = project / "scenarios" / name
    path.write_text(text, "utf-8")
    return path


def test_whole_scenario_is_read(project: Path) -> None:
    s = scenarios.read(put(project, WHOLE), project)
    assert s.file == str((project / "simulation/tank.fmu").resolve())
    assert s.map == {"tank1.level": "h", "tank1.inflow": "q_in"}
    assert s.events[0].set == {"valve_out": 0.0}
    assert s.variants[0].events[0].at_s == 300.0
    assert s.variants[0].parameters == {"area": 2.0}
    assert (s.start, s.warm_up_s, s.members, s.spread) == ("time", 30.0, 32, {"q_in": 0.1})
    assert s.score.constraint == ("tank1.level < 4.5",)


def test_written_scenario_reads_back_equal(project: Path) -> None:
    first = scenarios.read(put(project, WHOLE), project)
    path = project / "scenarios" / "copy.toml"
    scenarios.write(first, path, project)
    again = scenarios.read(path, project)
    assert {n: getattr(again, n) for n in first.__dataclass_fields__ if n != "origin"} == {
        n: getattr(first, n) for n in first.__dataclass_fields__ if n != "origin"
    }


def test_unquoted_tag_names_with_dots_are_one_name(project: Path) -> None:
    text = WHOLE.replace('"tank1.level" = "h"', 'tank1.level = "h"')
    assert scenarios.read(put(project, text), project).map["tank1.level"] == "h"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("horizon_s = 3600", "horizont_s = 3600", "horizon_s"),
        ("step_s = 0.05", "step = 0.05", "step_s"),
        ("members = 32", "member = 32", "members"),
        ('kind = "time_above"', 'kind = "time_abov"', "time_above"),
        ("horizon_s = 3600", "horizon_s = -1", "between"),
        ("horizon_s = 3600", "horizon_s = nan", "finite"),
        ('file = "simulation/tank.fmu"', 'file = "../../etc/passwd"', "outside the project"),
        ('file = "simulation/tank.fmu"', 'file = "simulation/none.fmu"', "no file"),
        ("limit = 4.5\n", "", "limit"),
        ('name = "above"', 'name = "a-b c"', "no name for a measure"),
        ("time = 2026-01-01T00:00:00Z", 'time = "noon"', "no time"),
        ('"tank1.level" = "h"', '"tank1.level" = "q_in"', "several tags"),
    ],
)
def test_mistake_is_named_with_line_and_nearest_key(project: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ProjectFault) as caught:
        scenarios.read(put(project, WHOLE.replace(old, new, 1)), project)
    assert words in str(caught.value)
    line = (
        WHOLE[: WHOLE.index(old)].count("\n") + 1
        if new
        else WHOLE[: WHOLE.index("[[measure]]")].count("\n") + 1
    )
    assert f"s.toml:{line}" in str(caught.value)


def test_all_mistakes_are_named_at_once(project: Path) -> None:
    text = WHOLE.replace("seed = 4", 'seed = "four"').replace("members = 32", "memberz = 32")
    with pytest.raises(ProjectFault) as caught:
        scenarios.read(put(project, text), project)
    assert "seed" in str(caught.value)
    assert "memberz" in str(caught.value)


@pytest.mark.parametrize("text", ["schema = 1\ntitle = ", "\x00\x01", "schema = 2\nwhat = 1\n", ""])
def test_file_that_is_no_scenario_is_refused_in_words(project: Path, text: str) -> None:
    with pytest.raises(ProjectFault) as caught:
        scenarios.read(put(project, text), project)
    assert caught.value.remedy


def test_newer_scenario_is_refused(project: Path) -> None:
    with pytest.raises(ProjectFault, match="newer Armillary"):
        scenarios.read(put(project, WHOLE.replace("schema = 1", "schema = 2")), project)


def test_training_scenario_is_not_taken_for_a_what_if(project: Path) -> None:
    path = put(project, 'schema = 1\nkind = "training"\ntitle = "x"\n')
    assert scenarios.scenarios(project) == ()
    with pytest.raises(ProjectFault, match="training"):
        scenarios.read(path, project)


def test_scenario_is_found_by_id_stem_and_path(project: Path) -> None:
    path = put(project, WHOLE, "valve.toml")
    for name in ("valve", "valve.toml", "outlet-valve-stuck", str(path)):
        assert scenarios.find(project, name) == path
    with pytest.raises(ProjectFault, match="no what-if scenario") as caught:
        scenarios.find(project, "valv")
    assert "valve" in caught.value.remedy
