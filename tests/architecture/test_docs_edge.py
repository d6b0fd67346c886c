"""docs/edge.md: its example is checked, and every key and figure of it is there."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from armillary.cli.sources import link_problems
from armillary.edge.health import OFFLINE, queue_row
from armillary.edge.ring import Counts
from armillary.project import folder as projects
from armillary.project.record import Forward
from armillary.telemetry.plan import plans

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "edge.md").read_text("utf-8")


def written(folder: Path) -> tuple[Path, Path]:
    """Write the page's two projects."""
    blocks = re.findall(r"```(toml|json)\n(.*?)```", PAGE, re.DOTALL)
    names = {"toml": "project.toml", "json": "twins.json"}
    assert [kind for kind, _ in blocks[:4]] == ["toml", "json"] * 2
    out = []
    for i, name in enumerate(("north", "centre")):
        at = folder / name
        at.mkdir()
        for kind, body in blocks[2 * i : 2 * i + 2]:
            (at / names[kind]).write_text(body, "utf-8")
        out.append(at)
    return out[0], out[1]


def test_the_example_of_the_page_passes_the_check_and_fits_together(tmp_path: Path) -> None:
    north, centre = (projects.read(at) for at in written(tmp_path))
    for project in (north, centre):
        assert [p for p in project.problems if p.severity != "info"] == []
        assert link_problems(project) == []
    assert north.forward is not None
    (plan,) = plans(centre.links, centre.specs)
    (route,) = plan.routes
    assert route.channel == f"{north.forward.topic}/data"
    assert route.decoder == "edge"
    assert (route.path or route.tag) in {spec.name for spec in north.specs}


def test_every_key_is_on_the_page_with_its_default() -> None:
    for field in fields(Forward):
        if field.name == "origin":
            continue
        row = re.search(rf"^\| `{field.name}` \| (\S+) \|", PAGE, re.MULTILINE)
        assert row is not None, field.name
        if row[1] != "needed":
            default = row[1].strip("`")
            assert str(field.default) == default or float(default) == field.default


def test_every_figure_of_the_law_is_on_the_page() -> None:
    law = re.search(r"`(found \+ taken = [^`]*)`", PAGE)
    assert law is not None
    row = queue_row(Counts(), 0, 0, 0, 0)
    assert set(re.findall(r"\w+", law[1])) <= set(row)
    assert f"`{OFFLINE['state']}`" in PAGE
