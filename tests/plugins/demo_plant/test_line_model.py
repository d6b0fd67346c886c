"""The packaging line as a simulator: begins where the plant is, forecasts, refuses what it does not know."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from armillary.api import Fault, SimStart, SimulatorContext, Values
from armillary.model.places import data
from armillary.project import folder, scenarios
from armillary_plugins.demo_plant.line.model import NOW, Model, make
from armillary_plugins.demo_plant.line.running import RunningLine
from armillary_plugins.demo_plant.line.telling import told

NS = 1_000_000_000


def values(**named: float) -> Values:
    return Values(names=tuple(named), data=np.array([[value] for value in named.values()]))


def as_the_plant_is(line: RunningLine) -> Values:
    numbers = {tag: float(v) for tag, v in told(line).items() if not isinstance(v, str)}
    return values(**numbers)


@pytest.fixture
def model() -> Model:
    return make(SimulatorContext(project=Path()))


def shown(model: Model, row: np.ndarray) -> dict[str, float]:
    return dict(zip(model.describe().outputs, row[0].tolist(), strict=True))


def test_it_begins_where_the_plant_is_and_goes_on_without_a_jump(model: Model) -> None:
    line = RunningLine(5)
    line.set("D-210.sp", 60.0)
    for _ in range(200):
        line.step()
    initial = as_the_plant_is(line)
    begun = model.start(SimStart(t_ns=0, seed=9, initial=initial))
    assert begun.unmapped == ()
    assert not begun.is_estimated
    still = ("TT-21", "C-201.", "U-", "BV-212.", "D-210.", "O-210.zone")
    off = {tag: gap for tag, gap in begun.residual.items() if tag.startswith(still) and gap > 0.6}
    assert off == {}
    then = shown(model, begun.values)
    later = shown(model, model.step(Values(), 5 * NS).values)
    for zone in ("TT-211", "TT-212", "TT-213", "TT-214"):
        assert later[f"{zone}.value"] == pytest.approx(then[f"{zone}.value"], abs=1.5)
    assert later["C-201.travel"] - then["C-201.travel"] == pytest.approx(1.0, abs=0.01)


def test_equal_runs_are_equal_bit_for_bit() -> None:
    def run() -> np.ndarray:
        model = Model()
        model.start(SimStart(t_ns=0, seed=3))
        return model.step(values(**{"BV-212.stuck": 1.0}), 30 * NS).values

    assert (run() == run()).all()


def test_a_stuck_burner_is_answered_by_the_damper(model: Model) -> None:
    def hottest(**inputs: float) -> float:
        model.start(SimStart(t_ns=0))
        return shown(model, model.step(values(**{"BV-212.stuck": 1.0, **inputs}), 180 * NS).values)[
            "TT-212.value"
        ]

    assert hottest() > 95.0
    assert hottest(**{"D-210.sp": 100.0}) < hottest() - 12.0


def test_a_halt_stands_and_its_setpoint_is_told_beside_it(model: Model) -> None:
    model.start(SimStart(t_ns=0))
    row = shown(model, model.step(values(**{"C-201.run": 0.0}), 6 * NS).values)
    assert (row["C-201.speed"], row["C-201.run" + NOW], row["C-201.state"]) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("inputs", "text"),
    [({"TT-999.hot": 1.0}, "no input 'TT-999.hot'"), ({"D-210.sp": float("nan")}, "no number")],
)
def test_what_it_does_not_know_is_refused(model: Model, inputs: dict[str, float], text: str) -> None:
    model.start(SimStart(t_ns=0))
    with pytest.raises(Fault, match=text):
        model.step(values(**inputs), NS)
    with pytest.raises(Fault, match="forwards"):
        model.step(Values(), -NS)


def test_every_output_is_a_tag_of_the_project_and_the_scenario_is_sound(model: Model) -> None:
    project = folder.read(data("scenes/packaging-line"))
    tags = {spec.name for spec in project.specs}
    info = model.describe()
    assert {v.tag for v in info.variables if v.tag} <= tags
    scenario = scenarios.read(scenarios.find(project.folder, "stuck-burner"), project.folder)
    assert [variant.id for variant in scenario.variants] == ["damper", "halt", "both"]


def test_it_imports_no_network_module() -> None:
    code = "import sys; import armillary_plugins.demo_plant.line.model; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"socket", "paho", "asyncua", "zmq"} & set(loaded.split())
