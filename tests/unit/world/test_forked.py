"""What was forked, in the model's names: what shows a tag, what sets one, what a job begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.control import RunRequest, StateAnswer
from armillary.model.scenario import Scenario
from armillary.model.simulation import ModelInfo, Trajectory, Variable
from armillary.model.tags import TagSpec
from armillary.world.forked import Forked

T = 1_760_000_000 * NS
INFO = ModelInfo(
    name="valves",
    kind="valves",
    variables=(
        Variable(name="V.sp_now", causality="output", unit="%", tag="V.sp"),
        Variable(name="V.sp", causality="input", unit="%", tag="V.sp"),
        Variable(name="Cd", causality="parameter", start=0.6),
        Variable(name="trim", causality="input"),
    ),
)
SPECS = (TagSpec(slot=0, name="V.sp", unit="%"),)


def forked(simulator: bytes = b"", **scenario: object) -> Forked:
    one = np.ones(1, np.int64)
    state = StateAnswer(
        world="training-1",
        kind="TRAINING",
        project_hash="",
        seq=1,
        t_ns=T,
        tags=("V.sp",),
        units=("%",),
        value=np.array([40.0]),
        source_ns=one * T,
        arrival_ns=one * T,
        quality=np.zeros(1, np.uint16),
        simulator=simulator,
        model={"Cd": 0.6, "V.sp": 55.0},
    )
    made = Scenario(id="s", title="", simulator="valves", **scenario)  # type: ignore[arg-type]  # a test's own
    return Forked(state, made, INFO, SPECS, str(Path("project")))


@pytest.mark.parametrize("names", [{}, {"V.sp": "V.sp"}])
def test_a_setpoint_is_shown_where_the_controller_stands_and_set_where_it_is_asked_for(
    names: dict[str, str],
) -> None:
    fork = forked(map=names)
    assert fork.columns["V.sp"][0] == "V.sp_now"
    assert fork.variable("V.sp", 12.0) == ("V.sp", 12.0)
    run = Trajectory(
        names=("V.sp_now", "V.sp"),
        t_ns=T + np.array([0, NS], np.int64),
        values=np.array([[[40.0, 60.0], [41.5, 60.0]]]),
    )
    assert fork.view().table(run, 1, 0).value.tolist() == [41.5]
    assert fork.signals(run).of("V.sp").tolist() == [[40.0, 41.5]]


def test_a_loaded_state_keeps_its_inputs_but_for_those_that_are_wished() -> None:
    job = forked(b"state").job(RunRequest(id="a", title="", horizon_s=60.0, parameters={"trim": 2.0}), "")
    assert job.state == b"state"
    assert job.events == ((T, "V.sp", 55.0), (T, "trim", 2.0)), "one set just then is not in the state yet"


def test_a_run_with_other_parameters_does_not_load_the_state_that_has_its_own() -> None:
    fork = forked(b"state")
    same, other = (
        fork.job(RunRequest(id="a", title="", horizon_s=60.0, parameters={"Cd": value}), "")
        for value in (0.6, 0.7)
    )
    assert same.state == b"state"
    assert other.state == b""


def test_functions_over_time_have_the_whole_run_behind_them_whichever_row_is_shown() -> None:
    specs = (
        SPECS[0],
        TagSpec(slot=1, name="m", expression="mean(V.sp, 10)", origin="t"),
        TagSpec(slot=2, name="h", expression="hours_run(V.sp > 50)", unit="h", origin="t"),
    )
    fork = forked()
    state = replace(
        fork.state,
        tags=("V.sp", "h"),
        units=("%", "h"),
        value=np.array([40.0, 7.0]),
        source_ns=np.full(2, T),
        arrival_ns=np.full(2, T),
        quality=np.zeros(2, np.uint16),
    )
    view = Forked(state, fork.scenario, INFO, specs, "project").view()
    run = Trajectory(
        names=("V.sp_now",),
        t_ns=T + np.arange(3601, dtype=np.int64) * NS,
        values=np.where(np.arange(3601) < 1800, 40.0, 60.0)[None, :, None],
    )
    for row in (3600, 1805, 3600):  # to the end, back, and to the end again
        table = view.table(run, row, row * NS)
        assert table.value[2] == pytest.approx(7.0 + (row - 1800) / 3600)
        assert table.value[1] == pytest.approx(60.0 if row == 3600 else 50.0, abs=0.5)
        assert (table.quality == 0).all()
