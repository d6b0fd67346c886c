"""A colour map in project.toml: comments stay, what is written is read again as the same map."""

from pathlib import Path

import pytest

from armillary.model.binding import ColourMap
from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.project.colormap_edit import with_colormap, without_colormap
from armillary.session import limits

HEAD = """# ours
[project]
schema = 1
id = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a11"
name = "Station"

[scene]
entry = "scene.usda"   # the plant

[colormap.level]  # of tanks
kind = "linear"
stops = [[0.0, "#2b5c8a"], [1.0, "#c9c06a"]]

[limits]
tick_hz = 20
"""
STATES = ColourMap(
    name="on-off",
    kind="states",
    stops=((0.0, "#5f676f"), (1.0, "#ced2d6")),
    labels=("off", "on"),
    title="Run",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project.toml").write_text(HEAD)
    (tmp_path / "scene.usda").write_text("#usda 1.0\n")
    (tmp_path / "twins.json").write_text('{"schema": 1,\n  "twins": [], "relationships": []}\n')
    return tmp_path


def test_a_map_is_changed_and_added_and_the_rest_stays_as_it_was(project: Path) -> None:
    level = ColourMap(
        name="level", kind="linear", stops=((0.0, "#000000"), (0.5, "#777777"), (1.0, "#ffffff"))
    )
    text = with_colormap(with_colormap(HEAD, level), STATES)
    for kept in ("# ours", "# the plant", "# of tanks", "tick_hz = 20"):
        assert kept in text
    (project / "project.toml").write_text(text)
    maps = {m.name: m for m in projects.read(project).colormaps}
    assert maps["level"].stops == level.stops
    assert (maps["on-off"].labels, maps["on-off"].title) == (("off", "on"), "Run")
    assert "on-off" not in without_colormap(text, "on-off")
    with pytest.raises(ProjectFault, match="no colour map"):
        without_colormap(text, "nosuch")


def test_a_project_without_maps_gets_its_first() -> None:
    text = with_colormap('[project]\nname = "x"\n', STATES)
    assert '[colormap.on-off]\nkind = "states"' in text


def test_a_name_that_toml_cannot_hold_is_refused() -> None:
    with pytest.raises(ProjectFault, match="cannot be the name"):
        with_colormap(HEAD, ColourMap(name="a b", kind="linear", stops=((0.0, "#000000"),)))


def test_only_project_toml_is_written_and_a_mistake_writes_nothing(project: Path) -> None:
    twins = (project / "twins.json").read_bytes()
    written = limits.edited(project, "project.toml", lambda t: with_colormap(t, STATES), 0, HEAD)
    assert (project / "twins.json").read_bytes() == twins
    assert "on-off" in (project / "project.toml").read_text()
    written.back(0)
    assert (project / "project.toml").read_text() == HEAD
    bad = ColourMap(name="bad", kind="linear", stops=((0.0, "#000000"), (0.0, "#ffffff")))
    with pytest.raises(ProjectFault, match="do not ascend"):
        limits.edited(project, "project.toml", lambda t: with_colormap(t, bad), 0, HEAD)
    assert (project / "project.toml").read_text() == HEAD
    (project / "project.toml").write_text(HEAD + "# by hand\n")
    with pytest.raises(ProjectFault, match="somebody else"):
        written.forth(0)
