"""An FMU of the project, mapped on the desk, saved as a scenario, forked: in our units, faults told."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from test_simulators import MODES, fmus
from test_whatif import PROJECT, T, World, state, tag

from armillary.model.clock import NS
from armillary.model.control import Seek
from armillary.model.simulation import ModelInfo
from armillary.project import folder as projects
from armillary.session.modelmap import Choice, ModelMap
from armillary.world import snapshot

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc"),
    pytest.mark.skipif(importlib.util.find_spec("fmpy") is None, reason="needs fmpy"),
]
VARIANT = """
[[variant]]
id = "{mode}"
set = {{ mode = {number}, when = 5.0 }}
"""


@pytest.fixture
def project(own_places: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "reactor"
    (folder / "simulation").mkdir(parents=True)
    (folder / "project.toml").write_text(PROJECT, "utf-8")
    (folder / "scene.usda").write_text('#usda 1.0\n(\n    upAxis = "Z"\n)\n', "utf-8")
    tags = {"x": tag("x", "°C"), "jacket": tag("u", "°C"), "y": tag("y", "")}
    twins = {"schema": 1, "twins": [{"id": "R-1", "tags": tags}]}
    (folder / "twins.json").write_text(json.dumps(twins), "utf-8")
    fmus.fmu(folder / "simulation" / "lag.fmu", fmus.Wish())
    return folder


def mapping(folder: Path) -> ModelMap:
    specs = projects.read(folder).specs
    return ModelMap(lambda job, told: told(job()), lambda: folder, lambda: specs)


def test_mapped_fmu_is_forked_in_our_units_and_bad_runs_cost_only_themselves(project: Path) -> None:
    made = mapping(project)
    [choice] = [c for c in made.choices if c.kind == "fmu"]
    made.open(choice)
    assert made.trouble is None
    assert {row.variable.name for row in made.rows} >= {"x", "u", "tau", "mode", "y"}
    assert next(row.variable for row in made.rows if row.variable.name == "x").unit == "K"
    assert made.map("x", "R-1.x") == ""
    assert made.map("u", "R-1.jacket") == ""
    path = made.save("Lag")
    text = path.read_text().replace("horizon_s = 3600.0", "horizon_s = 10.0")
    modes = ("crash", "hang", "nan")
    variants = "".join(VARIANT.format(mode=mode, number=MODES[mode]) for mode in modes)
    path.write_text(text.replace("call_timeout_s = 5.0", "call_timeout_s = 1.0") + variants)
    at_fork = state(
        tags=("R-1.x", "R-1.jacket"),
        units=("°C", "°C"),
        value=np.array([20.0, 30.0]),
        source_ns=np.full(2, T, np.int64),
        arrival_ns=np.full(2, T, np.int64),
        quality=np.zeros(2, np.uint16),
    )
    taken = snapshot.write(at_fork, project.parent / "snaps", T)
    world = World(project, snapshot=taken.path, scenario="lag", fork="one")
    try:
        cards = {card.id: card for card in world.over().cards}
        assert {name: card.state for name, card in cards.items()} == {
            "baseline": "done",
            "crash": "failed",
            "hang": "failed",
            "nan": "diverged",
        }
        assert all("lag.fmu" in cards[mode].detail for mode in ("crash", "hang", "nan"))
        assert all(0 < cards[mode].progress < 1 for mode in ("crash", "nan"))
        world.line.ask(Seek(t_ns=T + 10 * NS))
        assert world.values()["R-1.x"] == pytest.approx(30 - 10 * math.exp(-10 / 2), abs=1e-6)
    finally:
        world.close()


def test_plugin_and_what_is_no_model_are_read_or_refused_in_words(project: Path) -> None:
    made = mapping(project)
    made.open(Choice(kind="pumping-station"))
    assert isinstance(made.info, ModelInfo)
    assert any(row.variable.fault == "equipment.trip" for row in made.rows)
    broken = project / "simulation" / "broken.fmu"
    broken.write_bytes(b"no zip")
    made.open(Choice(kind="fmu", file=str(broken)))
    assert made.info is None
    assert made.trouble is not None
    assert "no sound FMU" in made.trouble.what
    assert made.trouble.remedy
