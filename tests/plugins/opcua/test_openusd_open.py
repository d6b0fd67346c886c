"""A server that publishes its scene and bindings: connect, and see the twin with no authoring at all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.plugins.opcua.plant import PlantServer
from tests.system.byhand import Desk

from armillary.cli import run
from armillary.model.arrays import U1
from armillary.model.binding import Binding
from armillary.model.quality import GOOD
from armillary.project import folder as projects
from armillary.session import offers
from armillary.session.offers import Wanted
from armillary.viewport.view import View

pytestmark = pytest.mark.system
TAG, PRIM = "P101.Temperature", "/Skid/P101/Body"


@pytest.fixture
def project(own_places: Path, skid: PlantServer, tmp_path: Path) -> Path:
    wanted = Wanted(url=skid.url)
    with offers.read(wanted) as (offer, delivered):
        report = offers.make_project(tmp_path / "project", offer, delivered, wanted)
    assert report.bindings >= 11
    assert report.parts >= 2
    return tmp_path / "project"


def picture(view: View, desk: Desk) -> U1:
    """Return what the desk shows now, drawn."""
    look = desk.workspace.look
    assert look is not None
    view.apply(look)
    return view.render(rest=True).copy()


def test_a_server_is_opened_and_its_pump_shows_its_temperature_with_no_authoring(
    project: Path, skid: PlantServer
) -> None:
    desk = Desk()
    at = desk.workspace
    try:
        at.open(str(project))
        desk.until(lambda: at.scenery is not None, 60, "the scene is there")
        slot = next(spec.slot for spec in at.specs if spec.name == TAG)
        desk.until(lambda: desk.value(TAG) == 60.0, 60, "the value is there")
        assert int(at.mirror.table.quality[slot]) == GOOD
        assert at.scenery is not None
        body = list(at.scenery.scene.prim_path).index(PRIM)
        view = View(at.scenery.scene, 320, 240)
        try:
            colours, pictures = [], []
            for value in (20.0, 100.0):
                before = None if at.look is None else at.look.rgba[body].tolist()
                skid.tell(write=[TAG, value, 0])
                desk.until(lambda value=value: desk.value(TAG) == value, 60, "it changes")  # type: ignore[misc]
                desk.until(
                    lambda before=before: at.look is not None and at.look.rgba[body].tolist() != before,  # type: ignore[misc]
                    20,
                    "it is shown",
                )
                assert at.look is not None
                colours.append(at.look.rgba[body, :3].astype(int))
                pictures.append(picture(view, desk).astype(int))
        finally:
            view.close()
        assert np.abs(colours[0] - colours[1]).sum() > 150, colours
        changed = np.abs(pictures[0] - pictures[1])[..., :3].sum(axis=2) > 60
        assert changed.sum() > 300, changed.sum()
    finally:
        at.close()
    assert projects.read(project).links[0].settings["server_uri"] == "urn:armillary:openusd-skid:server"


def bound(project: Path) -> list[Binding]:
    """Return the bindings, without what their parts looked like when they were saved."""
    return [replace(b, part="") for b in offers.bindings_of(projects.read(project))]


@pytest.mark.scale
def test_bindings_go_out_and_come_in_again_as_they_were(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = bound(project)
    for name in ("b.json", "b.xml"):
        assert run(["bindings", "export", str(project), "-o", str(tmp_path / name), "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["bindings"] == len(before)
        offers.save(projects.read(project), (), [(b.prim, b.name) for b in before])
        assert run(["bindings", "import", str(project), str(tmp_path / name), "--json"]) == 0
        capsys.readouterr()
        assert bound(project) == before
    assert run(["bindings", "export", str(project), "--twin", "-o", str(project / "twin.usda")]) == 0
    assert "metersPerUnit = 1" in (project / "twin.usda").read_text()
