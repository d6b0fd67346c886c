"""What a person decides of a difference: written in one step of undo, byte for byte back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from armillary.model.drift import DriftItem, DriftReport, Refusal, RefuseDrift
from armillary.model.fault import ProjectFault
from armillary.model.frame import WorldKind
from armillary.model.link import NODE_MOVED, BrowseItem
from armillary.model.message import Done
from armillary.model.twin import TwinInstance
from armillary.project import drift as decided
from armillary.project import folder as projects
from armillary.project.drift_accept import extension, next_version
from armillary.project.edit import NewTag
from armillary.project.record import Project
from armillary.session.drifting import DriftBook
from armillary.session.undo import Undo

NOW = 1_790_000_000_000_000_000
TWINS = {
    "schema": 1,
    "twins": [
        {"id": "P-1", "model": "dtmi:plant:Pump;1",
         "tags": {
             "flow": {"address": "m!site/P-1#flow", "unit": "°C", "expected_interval_s": 1.0},
             "mode": {"address": "m!site/P-1#mode", "kind": "enum", "states": {"0": "off", "1": "on"}},
         }},
    ],
}  # fmt: skip


class Place:
    def __init__(self, folder: Path) -> None:
        self.undo, self.role, self.kind = Undo(), "engineer", WorldKind.LIVE
        self.twins: tuple[TwinInstance, ...] = (TwinInstance(id="P-1"),)
        self.folder = folder
        self.asked: list[object] = []

    @property
    def project(self) -> Project | None:
        return projects.read(self.folder)

    def now_ns(self) -> int:
        return NOW

    def ask_world(self, message: object, callback: Callable[[object], None], timeout_s: float = 0.0) -> None:
        self.asked.append(message)
        callback(Done() if isinstance(message, RefuseDrift) else DriftReport())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    projects.new(tmp_path / "plant", "Plant")
    folder = tmp_path / "plant"
    toml = folder / "project.toml"
    said = toml.read_text()
    patterns = '[model]\nfiles = ["model/*.json"]'
    said = said.replace("[model]", patterns, 1) if "[model]" in said else f"{said}\n{patterns}\n"
    toml.write_text(
        said + '\n[[source]]\nname = "m"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1"\n'
        "\n[drift]\nmissing_s = 120.0\n"
    )
    (folder / "twins.json").write_text(json.dumps(TWINS))
    (folder / "model").mkdir()
    return Place(folder)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def tag_of(place: Place, name: str) -> dict[str, object]:
    return dict(json.loads((place.folder / "twins.json").read_text())["twins"][0]["tags"][name])


def differs(code: str, tag: str = "P-1.flow", **more: Any) -> DriftItem:
    return DriftItem(code=code, key="k", what="", tag=tag, **more)


@pytest.mark.parametrize(
    ("item", "tag", "expected"),
    [
        (differs("D03", kind="text"), "flow", {"kind": "text"}),
        (
            differs("D04", "P-1.mode", plant="text instead of a known state: 'BOOST'"),
            "mode",
            {"states": {"0": "off", "1": "on", "2": "BOOST"}},
        ),
        (
            differs("D04", "P-1.mode", plant="the state 7 is not known"),
            "mode",
            {"states": {"0": "off", "1": "on", "7": "state 7"}},
        ),
        (differs("D05", unit="°F"), "flow", {"source_unit": "°F", "unit": "°C"}),
        (differs("D05", unit="bar"), "flow", {"unit": "bar"}),
        (differs("D06", low=0.0, high=9.0), "flow", {"range": [0.0, 9.0]}),
        (differs("D07", interval_s=5.0), "flow", {"expected_interval_s": 5.0}),
        (differs("D08", writable=False), "flow", {"writable": False}),
    ],
)
def test_accepting_makes_the_model_say_what_comes_and_undo_takes_it_back(
    place: Place, item: DriftItem, tag: str, expected: dict[str, object]
) -> None:
    before, book, said = files(place.folder), DriftBook(place), list[str]()
    book.told.connect(said.append)
    book.accept(item)
    assert said[0].startswith("Saved"), said
    assert {key: tag_of(place, tag)[key] for key in expected} == expected
    assert book.accepted == {"k"}
    place.undo.undo()
    assert files(place.folder) == before
    assert book.accepted == set()
    place.undo.redo()
    assert {key: tag_of(place, tag)[key] for key in expected} == expected


def new_field(address: str = "site/P-1#pressure_bar", unit: str = "bar") -> DriftItem:
    found = BrowseItem(
        address=address, name="pressure_bar", has_children=False, data_type="number", unit=unit
    )
    return DriftItem(
        code="D01", key="n", what="", link="m", address=address, item=found, kind="number", unit=unit
    )


def test_a_new_field_becomes_a_tag_and_telemetry_of_a_new_version_in_one_step(place: Place) -> None:
    before, book = files(place.folder), DriftBook(place)
    book.accept(new_field())
    assert tag_of(place, "pressure_bar")["address"] == "m!site/P-1#pressure_bar"
    made = json.loads((place.folder / "model" / "Pump-1.1.json").read_text())
    assert (made["@id"], made["extends"]) == ("dtmi:plant:Pump;1.1", "dtmi:plant:Pump;1")
    assert [c["name"] for c in made["contents"]] == ["pressure_bar"]
    assert json.loads((place.folder / "twins.json").read_text())["twins"][0]["model"] == "dtmi:plant:Pump;1.1"
    projects.read(place.folder)
    place.undo.undo()
    assert files(place.folder) == before


def test_a_new_topic_without_a_twin_makes_one_named_after_its_place(place: Place) -> None:
    DriftBook(place).accept(new_field("site/tank7/level", ""))
    twins = {t["id"]: t for t in json.loads((place.folder / "twins.json").read_text())["twins"]}
    assert next(iter(twins["tank7"]["tags"].values()))["address"] == "m!site/tank7/level"


def test_mapping_gives_a_tag_the_new_address(place: Place) -> None:
    DriftBook(place).map(new_field(), "P-1.flow")
    assert tag_of(place, "flow")["address"] == "m!site/P-1#pressure_bar"


def test_an_alarm_on_quality_is_added_and_undone(place: Place) -> None:
    before, book = files(place.folder), DriftBook(place)
    said: list[str] = []
    book.told.connect(said.append)
    book.alarm(differs("D02"))
    assert said[0].startswith("Saved"), said
    [alarm] = projects.read(place.folder).alarms
    assert (alarm.id, alarm.kind, alarm.tag) == ("drift-P-1.flow", "quality", "P-1.flow")
    place.undo.undo()
    assert {k: v for k, v in files(place.folder).items() if k != "rules.toml" or v} == before


def test_an_operator_may_not_decide(place: Place) -> None:
    place.role = "operator"
    before, book, said = files(place.folder), DriftBook(place), list[str]()
    book.told.connect(said.append)
    book.accept(new_field())
    assert files(place.folder) == before
    assert "may not" in said[0]


def test_a_unit_card_accepts_what_the_device_says(place: Place) -> None:
    spec = projects.read(place.folder).specs[0]
    DriftBook(place).accept_words(spec, "it says °F, °C is expected")
    assert tag_of(place, "flow")["source_unit"] == "°F"


def test_a_node_that_moved_is_taken_with_its_new_id_and_can_be_undone(place: Place) -> None:
    spec, before = projects.read(place.folder).specs[0], files(place.folder)
    DriftBook(place).accept_words(spec, f"{NODE_MOVED}nsu=urn:x;s=Flow2")
    assert tag_of(place, "flow")["address"] == "m!nsu=urn:x;s=Flow2"
    place.undo.undo()
    assert files(place.folder) == before


def test_a_new_node_becomes_a_tag_of_the_twin_whose_nodes_are_named_alike(place: Place) -> None:
    twins = json.loads((place.folder / "twins.json").read_text("utf-8"))
    for twin, name in (("P-1", "Pump1"), ("P-2", "Pump2")):
        tags = {"a": {"address": f"m!nsu=urn:x;s={name}.Flow"}}
        twins["twins"] = [t for t in twins["twins"] if t["id"] != twin] + [{"id": twin, "tags": tags}]
    (place.folder / "twins.json").write_text(json.dumps(twins))
    book = DriftBook(place)
    for name, twin in (("Pump2.Density", "P-2"), ("Pump1.Density", "P-1"), ("Other", "x-s-Other")):
        item = BrowseItem(address=f"nsu=urn:x;s={name}", name="Density", has_children=False)
        found = book.named(DriftItem(code="D01", key="k", what="", link="m", address=item.address, item=item))
        assert found.address == f"m!nsu=urn:x;s={name}"
        assert (found.twin == twin) or name == "Other", found


@pytest.mark.parametrize(
    ("dtmi", "taken", "expected"),
    [
        ("dtmi:a:B;1", (), "dtmi:a:B;1.1"),
        ("dtmi:a:B;1.4", ("dtmi:a:B;1.5",), "dtmi:a:B;1.6"),
        ("no-dtmi", (), ""),
    ],
)
def test_versions_count_on(dtmi: str, taken: tuple[str, ...], expected: str) -> None:
    assert next_version(dtmi, taken) == expected


def test_extended_interface_is_valid_dtdl(tmp_path: Path) -> None:
    text = extension("dtmi:a:B;1", "dtmi:a:B;1.1", NewTag(twin="t", prim="", key="3.flow-x", address="m!a"))
    assert json.loads(text)["contents"][0]["name"] == "flow_x"


def test_refusals_are_kept_with_who_when_and_why(tmp_path: Path) -> None:
    told = (Refusal(key="D01 m!x", by="kari", at_ns=NOW, why="a test rig", what="x comes"),)
    decided.save(tmp_path, told)
    assert decided.refusals(tmp_path) == told
    assert json.loads((tmp_path / "drift.json").read_text())["schema"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"schema": 9}',
        '{"schema": 1, "refused": [{"by": "x"}]}',
        '{"schema": 1, "refused": [{"key": "x", "sinze": 1}]}',
        '{"schema": 1, "refused": [{"key": "x", "at": "?"}]}',
    ],
)
def test_a_broken_file_of_refusals_is_a_fault(tmp_path: Path, text: str) -> None:
    (tmp_path / "drift.json").write_text(text)
    with pytest.raises(ProjectFault, match=r"drift\.json"):
        decided.refusals(tmp_path)
