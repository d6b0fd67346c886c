"""The map between a simulator's variables and the project's tags: proposed, checked, saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from armillary.model.fault import FaultRecord, ProjectFault
from armillary.model.simulation import ModelInfo, Variable
from armillary.model.tags import TagSpec
from armillary.project import scenarios
from armillary.session.modelmap import Choice, ModelMap, choices, rows

SPECS = (
    TagSpec(slot=0, name="T-101.level", unit="%"),
    TagSpec(slot=1, name="T-101.inflow", unit="m³/h"),
    TagSpec(slot=2, name="V-7.opening", unit="%", writable=True),
    TagSpec(slot=3, name="TT-9.value", unit="°C"),
    TagSpec(slot=4, name="Plant.note", kind="text"),
    TagSpec(slot=5, name="T-101.twice", unit="%", expression="T-101.level * 2"),
)
INFO = ModelInfo(
    name="Tank",
    kind="fmu",
    variables=(
        Variable(name="tank_level_T101", causality="output", unit="%"),
        Variable(name="T101.inflow", causality="input", unit="m³/s", start=0.02),
        Variable(name="valve", causality="input", unit="%", start=50.0, tag="V-7.opening"),
        Variable(name="leak", causality="parameter", start=0.0),
        Variable(name="inner", causality="local"),
    ),
)
FMU = "simulation/tank.fmu"


class Bench:
    """A map whose model the test reads."""

    def __init__(self, folder: Path) -> None:
        self.jobs: list[Callable[[object], None]] = []
        (folder / "simulation").mkdir()
        (folder / FMU).write_bytes(b"PK")
        self.folder = folder
        self.map = ModelMap(lambda _job, told: self.jobs.append(told), lambda: folder, lambda: SPECS)
        self.changes = 0
        self.map.changed.connect(self._changed)

    def _changed(self) -> None:
        self.changes += 1

    def open(self, answer: object = INFO) -> None:
        self.map.open(Choice(kind="fmu", file=str(self.folder / FMU), title=FMU))
        assert self.map.is_reading
        self.jobs[-1](answer)

    def tag(self, variable: str) -> str:
        return next(row.tag for row in self.map.rows if row.variable.name == variable)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_rows_say_what_is_mapped_offered_and_left_out() -> None:
    found = {row.variable.name: row for row in rows(INFO, SPECS, {"T-101.inflow": "T101.inflow"})}
    assert [row.variable.causality for row in rows(INFO, SPECS, {})][:2] == ["input", "input"]
    assert found["T101.inflow"].says == "m³/s ↔ m³/h"
    assert found["valve"].tag == "V-7.opening"
    assert found["valve"].says == "offered by the model"
    assert found["leak"].says == "not mapped: stays 0"
    assert found["tank_level_T101"].says.startswith("not mapped: nothing shows it")


def test_proposals_are_named_alike_and_fit_in_unit() -> None:
    found = {row.variable.name: row.proposal for row in rows(INFO, SPECS, {})}
    assert found == {
        "tank_level_T101": "T-101.level",
        "T101.inflow": "T-101.inflow",
        "valve": "",
        "leak": "",
        "inner": "",
    }


@pytest.mark.parametrize(
    ("variable", "tag", "words"),
    [
        ("T101.inflow", "TT-9.value", "measure different things"),
        ("T101.inflow", "Plant.note", "no numbers"),
        ("valve", "T-101.twice", "derived"),
        ("valve", "T-101.levle", "no tag"),
        ("vlave", "T-101.level", "no variable"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(bench: Bench, variable: str, tag: str, words: str) -> None:
    bench.open()
    before = bench.map.rows
    assert words in bench.map.map(variable, tag)
    assert bench.map.rows == before


def test_tag_that_another_variable_had_goes_over(bench: Bench) -> None:
    bench.open()
    assert bench.map.map("leak", "T-101.level") == ""
    assert bench.map.map("tank_level_T101", "T-101.level") == ""
    assert bench.tag("leak") == ""
    assert bench.tag("tank_level_T101") == "T-101.level"
    assert bench.map.map("tank_level_T101", "") == ""
    assert bench.tag("tank_level_T101") == ""


def test_saved_scenario_reads_back_with_the_map(bench: Bench) -> None:
    bench.open()
    assert bench.map.why_not_save("") == "Give the scenario a title."
    assert bench.map.take_proposals() == 2
    path = bench.map.save("Tank alone")
    read = scenarios.read(path, bench.folder)
    assert path == bench.folder / "scenarios" / "tank-alone.toml"
    assert dict(read.map) == {"T-101.level": "tank_level_T101", "T-101.inflow": "T101.inflow"}
    assert (read.simulator, read.file, read.title) == ("fmu", str(bench.folder / FMU), "Tank alone")
    with pytest.raises(ProjectFault, match="already"):
        bench.map.save("Tank alone")


def test_map_of_a_scenario_changes_and_all_else_stays(bench: Bench) -> None:
    folder = bench.folder / "scenarios"
    folder.mkdir()
    text = (
        '# by hand\nschema = 1\nid = "a"\ntitle = "A"\nkind = "whatif"\n'
        f'[simulator]\nkind = "fmu"\nfile = "{FMU}"\n[map]\n"T-101.level" = "inner"\n'
        "[[event]] # later\nat_s = 60.0\nset = { leak = 0.5 }\n"
    )
    (folder / "a.toml").write_text(text)
    bench.map.edit(folder / "a.toml")
    bench.jobs[-1](INFO)
    assert bench.tag("inner") == "T-101.level"
    bench.map.map("tank_level_T101", "T-101.level")
    assert bench.map.save("") == folder / "a.toml"
    now = (folder / "a.toml").read_text()
    assert "# by hand" in now
    assert "[[event]] # later" in now
    read = scenarios.read(folder / "a.toml", bench.folder)
    assert dict(read.map) == {"T-101.level": "tank_level_T101"}
    assert read.events[0].set == {"leak": 0.5}


def test_model_that_cannot_be_read_says_why_and_an_older_answer_is_dropped(bench: Bench) -> None:
    why = FaultRecord(kind="WorldFault", what="It crashed.", where="tank.fmu", remedy="Export it again.")
    bench.open(why)
    assert bench.map.trouble == why
    assert bench.map.why_not_save("x") == "Choose a simulator."
    bench.map.open(Choice(kind="other"))
    bench.jobs[0](INFO)  # of the choice before
    assert bench.map.info is None
    assert bench.map.is_reading


def test_choices_are_plugins_and_the_fmus_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "simulation").mkdir()
    (tmp_path / ".armillary").mkdir()
    for name in ("simulation/a.fmu", ".armillary/b.fmu"):
        (tmp_path / name).write_bytes(b"PK")
    found = choices(tmp_path)
    assert [c.title for c in found if c.kind == "fmu"] == ["simulation/a.fmu"]
    assert "pumping-station" in [c.kind for c in found]
