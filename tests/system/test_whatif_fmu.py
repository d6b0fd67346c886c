"""Runs of an FMU: each member in turn in its own process; one that crashes or hangs costs its run only."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
from test_simulators import MODES, fmus
from test_workers import card, drive, job, over

from armillary.model.clock import NS
from armillary.model.simulation import OpenModel, values_of
from armillary.simulate import results
from armillary.simulate.ensemble import Ensemble

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc"),
    pytest.mark.skipif(importlib.util.find_spec("fmpy") is None, reason="needs fmpy"),
]
T = 1_750_000_000 * NS


def fields(folder: Path, **parameters: float) -> dict[str, object]:
    file = fmus.fmu(folder / "lag.fmu", fmus.Wish())
    return {
        "model": OpenModel(kind="fmu", file=str(file), call_timeout_s=1.0),
        "sample_ns": results.sample_times(T, 10.0, 0.5, 10),
        "initial": values_of({"x": 1.0}),
        "inputs": values_of({"u": 3.0}),
        "parameters": values_of({"tau": 2.0, **parameters}),
        "recorded": ("u",),
    }


def test_fmu_follows_its_closed_form_for_every_member(own_places: Path, tmp_path: Path) -> None:
    async def work(made: Ensemble) -> None:
        for name in ("a", "b"):
            more = {"members": 3, "spread": {"tau": 0.1}}
            made.add(card(name), job(tmp_path, name, **fields(tmp_path), **more))
        await over(made, "a", "b")

    made = drive(tmp_path, work)
    done = made.entries["a"].card
    assert (done.state, done.detail) == ("done", "")
    run = made.result("a")
    assert run is not None
    t = np.arange(0, 10.5, 0.5)
    x = run.values[:, :, run.names.index("x")]
    assert np.allclose(x[0], 3 - 2 * np.exp(-t / 2), atol=1e-6)
    assert len(np.unique(x[:, 10])) == 3
    assert made.entries["b"].card.digest == done.digest


@pytest.mark.parametrize(
    ("mode", "state"), [("crash", "failed"), ("hang", "failed"), ("nan", "diverged"), ("error", "failed")]
)
def test_fmu_that_misbehaves_fails_its_run_in_words(
    own_places: Path, tmp_path: Path, mode: str, state: str
) -> None:
    async def work(made: Ensemble) -> None:
        made.add(card("bad"), job(tmp_path, "bad", **fields(tmp_path, mode=MODES[mode], when=5.0)))
        made.add(card("good"), job(tmp_path, "good", **fields(tmp_path)))
        await over(made, "bad", "good")

    made = drive(tmp_path, work)
    bad = made.entries["bad"].card
    assert bad.state == state
    assert "lag.fmu" in bad.detail
    assert made.entries["good"].card.state == "done"
    run = made.result("bad")
    assert run is not None  # what came before is kept
    assert np.isfinite(run.values).all()
