from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from armillary.model.binding import Binding, MapSpec
from armillary.model.tags import TagSpec
from armillary.project import folder, lint
from armillary.project.record import Project

SAMPLE = Path(__file__).parents[2] / "projects" / "v1"


@pytest.fixture
def project() -> Project:
    return folder.read(SAMPLE)


def _binding(**more: Any) -> Binding:
    return Binding(**{"name": "b", "prim": "/Plant/Tank", "signal": "tank1.level", **more})


def _codes(project: Project, *bindings: Binding, prims: tuple[str, ...] = ()) -> list[str]:
    return [p.code for p in lint.findings(project, bindings, prims) if p.code != "P25"]


def test_the_sample_project_has_nothing_wrong(project: Project) -> None:
    prims = ("/Plant", "/Plant/Tank", "/Plant/Pump", "/Plant/Camera")
    assert lint.findings(project, (), prims) == []
    assert _codes(project, _binding(), prims=prims) == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"signal": ""}, "B05"),
        ({"signal": "", "address": "sit!a"}, "B05"),
        ({"signal": "", "address": "no mark"}, "B06"),
        ({"unit": "bar"}, "B13"),
        ({"unit": "furlongz"}, "B13"),
        ({"unit": "cm", "colormap": "level"}, "B13"),
        ({"map": MapSpec(kind="expr", expr="x + nothing.here")}, "B14"),
        ({"map": MapSpec(kind="expr", expr="x +")}, "B14"),
        ({"map": MapSpec(kind="steps", state_keys=("2", "1"), state_values=("a", "b"))}, "B11"),
        ({"map": MapSpec(kind="steps", state_keys=("low",), state_values=("a",))}, "B11"),
        (
            {
                "signal": "P-101A.state",
                "map": MapSpec(kind="states", state_keys=("7", "*"), state_values=("a", "b")),
            },
            "B11",
        ),
    ],
)
def test_a_binding_that_contradicts_the_project_is_found(
    project: Project, more: dict[str, Any], code: str
) -> None:
    assert _codes(project, _binding(**more)) == [code]


@pytest.mark.parametrize(
    "more",
    [
        {"unit": "cm"},
        {"unit": "m", "colormap": "level"},
        {"signal": "", "address": "site!plant/x#$.v"},
        {"signal": "", "address": "expr!tank1.level / 2"},
        {"map": MapSpec(kind="expr", expr="where(q > 2, 0, x * sin(t) + P-101A.speed)")},
        {"signal": "P-101A.state", "map": MapSpec(kind="states", state_keys=("true", "0", "*"))},
        {"enabled": False, "signal": "", "unit": "furlongz"},
    ],
)
def test_a_binding_that_fits_is_not_reported(project: Project, more: dict[str, Any]) -> None:
    assert _codes(project, _binding(**more)) == []


def test_a_source_without_tags_is_named(project: Project) -> None:
    specs = tuple(spec for spec in project.specs if spec.link != "plc")
    (found,) = lint.findings(replace(project, specs=specs))
    assert (found.code, found.severity) == ("P20", "info")
    assert "'plc'" in found.what


def test_secrets_in_plain_text_are_found_wherever_they_stand(project: Project) -> None:
    site, plc = project.links
    site = replace(site, settings={"password": "x", "secret": "mqtt-site", "tls": {"key": "-----BEGIN X"}})
    plc = replace(plc, url="opc.tcp://user:pass@plc.example:4840")
    found = lint.findings(replace(project, links=(site, plc)))
    assert [p.code for p in found] == ["P21"] * 3
    assert "pass@" not in "".join(p.what for p in found)


def test_derived_tags_that_cannot_be_evaluated_are_found(project: Project) -> None:
    def with_expressions(**texts: str) -> Project:
        specs = tuple(
            TagSpec(slot=i, name=name, expression=text, origin=f"twins.json:{name}")
            for i, (name, text) in enumerate(texts.items())
        )
        return replace(project, specs=(*project.specs, *specs))

    assert _codes(with_expressions(a="tank1.levl")) == ["B14"]
    (circle,) = lint.findings(with_expressions(a="b + 1", b="a"))
    assert circle.code == "P22"
    assert "→" in circle.what


def test_twins_and_cameras_that_left_the_scene_are_found_with_where_they_went(project: Project) -> None:
    prims = ("/Plant", "/Plant/Tank", "/Plant/Hall/Pump", "/Plant/Eye")
    found = lint.findings(project, (), prims)
    assert [p.code for p in found] == ["P23", "P24"]
    assert "/Plant/Hall/Pump" in found[0].remedy


def test_tags_that_drive_nothing_are_told_in_one_finding(project: Project) -> None:
    (found,) = lint.findings(project, (_binding(map=MapSpec(kind="expr", expr="x + P-101A.speed")),))
    assert found.code == "P25"
    assert found.what.startswith("3 of 5 tags")
    assert "P-101A.speed" not in found.what
