"""`armillary check` reads what worlds of the future are made from: loops, lessons, what-if scenarios."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from armillary.api.ports import SimulatorContext
from armillary.cli import futures
from armillary.model.fault import ProjectFault
from armillary.model.places import data
from armillary.model.simulation import ModelInfo, OpenModel
from armillary.project import folder as projects
from armillary_plugins.demo_plant.model import make

INFO = make(SimulatorContext(project=Path())).describe()
LESSON, WHATIF = "leak-and-stuck-valve.toml", "pump-p101a-trips.toml"


def models(model: OpenModel) -> ModelInfo:
    if model.kind != "pumping-station":
        raise ProjectFault(f"There is no simulator named '{model.kind}'.", where="", remedy="There are: fmu.")
    return INFO


@pytest.fixture
def station(tmp_path: Path) -> Path:
    folder = tmp_path / "station"
    shutil.copytree(data("scenes/pumping-station"), folder, ignore=shutil.ignore_patterns(".armillary"))
    return folder


Change = Callable[[str], str]


def swap(old: str, new: str) -> Change:
    def change(text: str) -> str:
        assert old in text, old
        return text.replace(old, new, 1)

    return change


def add(more: str) -> Change:
    return lambda text: f"{text}\n{more}\n"


def test_the_demonstration_has_nothing_wrong(station: Path) -> None:
    assert futures.findings(projects.read(station), models) == []


@pytest.mark.parametrize(
    ("file", "change", "code", "words", "remedy"),
    [
        ("loops.toml", swap('detect = "', 'detect = "X'), "P35", "no alarm", "mean"),
        ("loops.toml", swap('tag = "', 'tag = "X'), "P34", "can be written", "mean"),
        ("loops.toml", swap('variant = "', 'variant = "X'), "P37", "no variant", "mean"),
        ("loops.toml", swap('scenario = "', 'scenario = "X'), "P38", "no what-if scenario", "mean"),
        ("loops.toml", swap('holds = "', 'holds = "__import__(1) or '), "P36", "", ""),
        ("loops.toml", add('[loop.policy]\nexpires = "tomorrow"'), "P39", "expires", "2026"),
        ("loops.toml", swap("schema = 1", "schema = 1\ncolour = 2"), "P04", "colour", ""),
        ("loops.toml", add("[[["), "P01", "cannot be read", ""),
        (LESSON, add('[inputs]\n"V-101.spp" = 1.0'), "P34", "no input 'V-101.spp'", "V-101.sp"),
        (LESSON, add('[map]\n"T-101.level" = "nothing"'), "P34", "no variable 'nothing'", ""),
        (LESSON, swap('target = "twin:', 'target = "twin:X'), "P34", "aims at", "The model offers"),
        (LESSON, swap('action = "command:', 'action = "command:X'), "P34", "no tag", "mean"),
        (LESSON, add('[[expect]]\nid = "a"\naction = "ack:X-HI"'), "P35", "no alarm 'X-HI'", ""),
        (LESSON, add('[[expect]]\nid = "m"\nmust_not = "open(1) > 0"'), "P36", "open", ""),
        (LESSON, add('[[expect]]\nid = "l"\naction = "ack:any"\nafter = "expect:x"'), "P37", "nothing", ""),
        (LESSON, swap('steady_state = "15:00"', 'snapshot = "x.snapshot"'), "P38", "no snapshot", "inside"),
        (LESSON, swap('steady_state = "15:00"', 'recording = "noon"'), "P39", "no time", "2026"),
        (LESSON, swap('kind = "pumping-station"', 'kind = "pump"'), "P38", "no simulator", "There are"),
        (LESSON, swap('kind = "training"', 'kind = "trainning"'), "P38", "what it is for", "training"),
        (WHATIF, add('[inputs]\n"P-101A.tripp" = 1.0'), "P34", "P-101A.tripp", "P-101A.trip"),
        (WHATIF, swap("demand_scale = 0.05", "demand_scael = 0.05"), "P34", "demand_scael", "demand_scale"),
        (WHATIF, swap('set = { "P-101A.trip"', 'set = { "P-101A.tirp"'), "P34", "P-101A.tirp", "mean"),
        (WHATIF, swap("set = { demand_factor", "set = { demand_fctor"), "P34", "demand_fctor", "mean"),
        (WHATIF, add('[map]\n"T-999.level" = "h"'), "P34", "no tag 'T-999.level'", ""),
        (WHATIF, swap('of = "Station.power"', 'of = "Station.powr"'), "P36", "Station.powr", "mean"),
        (WHATIF, swap("low_time + 10", "low_tme + 10"), "P36", "low_tme", ""),
        (WHATIF, swap('"T-102.level > 20"', '"T-102.level.__class__ > 20"'), "P36", "", ""),
        (WHATIF, swap("set = { demand_factor", "set = { demand_scale"), "P37", "cannot be set", ""),
        (WHATIF, swap('from = "live"', 'from = "snapshot"\nsnapshot = "../x"'), "P38", "outside", ""),
        (WHATIF, swap('from = "live"', 'from = "snapshot"\nsnapshot = "x"'), "P38", "no file", ""),
        (WHATIF, swap('from = "live"', 'from = "time"\ntime = "noon"'), "P39", "no time", "2026"),
        (WHATIF, swap("seed = 1", "sead = 1"), "P04", "sead", "seed"),
        (WHATIF, add("[[["), "P01", "cannot be read", ""),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_line_and_what_to_do(
    station: Path, file: str, change: Change, code: str, words: str, remedy: str
) -> None:
    path = next(p for p in (station / file, station / "scenarios" / file) if p.is_file())
    before = path.read_text("utf-8")
    path.write_text(change(before), "utf-8")
    found = futures.findings(projects.read(station), models)
    first = next((p for p in found if p.code == code), None)
    assert first is not None, found
    assert file in first.where
    if code != "P01":
        name, line = first.where.rsplit(":", 1)
        assert 1 <= int(line) <= len(path.read_text("utf-8").splitlines()), name
    assert words in first.what
    assert remedy in first.remedy


def test_the_line_is_that_of_the_entry(station: Path) -> None:
    path = station / "scenarios" / WHATIF
    path.write_text(path.read_text("utf-8").replace('of = "Station.power"', 'of = "Station.powr"'), "utf-8")
    (found,) = futures.findings(projects.read(station), models)
    line = int(found.where.rsplit(":", 1)[1])
    assert "Station.powr" in path.read_text("utf-8").splitlines()[line - 1]


def test_a_model_is_asked_once_however_many_files_name_it(station: Path) -> None:
    asked: list[OpenModel] = []

    def counted(model: OpenModel) -> ModelInfo:
        asked.append(model)
        return models(model)

    futures.findings(projects.read(station), counted)
    assert len(asked) == len(set(asked)) <= 2
