"""A world's drift: judged when it is time, refusals kept in the project, definitions remembered."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from armillary.model.account import LoggedIn
from armillary.model.clock import ManualClock
from armillary.model.drift import AcceptDefinition, AskDrift, RefuseDrift
from armillary.model.fault import FaultRecord, ProjectFault
from armillary.model.link import BrowseItem, LinkState, LinkStatus
from armillary.model.quality import NEVER
from armillary.model.sample import WireBatch
from armillary.project import folder as projects
from armillary.project.drift import refusals
from armillary.telemetry.decode import Decoding
from armillary.telemetry.plan import plans
from armillary.world.drifting import Drifting

ANNA = LoggedIn(user="anna", name="Anna", role="engineer")


class Rig:
    def __init__(self, folder: Path) -> None:
        if not folder.exists():
            projects.new(folder, "Plant")
            toml = folder / "project.toml"
            toml.write_text(
                toml.read_text() + '\n[[source]]\nname = "m"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1"\n'
            )
            tags = {"v": {"address": "m!a#v", "writable": False}}
            (folder / "twins.json").write_text(
                json.dumps({"schema": 1, "twins": [{"id": "p", "tags": tags}]})
            )
        self.project = projects.read(folder)
        self.clock = ManualClock()
        self.clock.advance(1.0)
        self.described: dict[str, dict[str, BrowseItem]] = {}
        self.told: list[FaultRecord] = []
        made = plans(self.project.links, self.project.specs)
        self.decoding = Decoding(made[0])
        self.drifting = Drifting(
            self.project,
            made,
            (self.decoding.tap,),
            described=lambda: self.described,
            tell=lambda fault, _level: self.told.append(fault),
            clock=self.clock,
        )
        self.quality = np.full(1, NEVER, np.uint16)

    def message(self, topic: str, payload: bytes) -> None:
        self.decoding.decode(
            [
                WireBatch(
                    link="m",
                    channel=np.zeros(1, np.uint32),
                    channels=(topic,),
                    start=np.array([0, len(payload)], np.int64),
                    payload=payload,
                    arrival_ns=np.array([self.clock.now_ns()], np.int64),
                    arrival_mono_ns=np.array([self.clock.now_mono_ns()], np.int64),
                    flags=np.zeros(1, np.uint8),
                )
            ]
        )

    def now(self) -> dict[str, str]:
        self.clock.advance(2.0)
        report = self.drifting.answer(AskDrift(now=True), self.quality)
        return {item.key: item.what for item in report.items}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "plant")


def up() -> LinkStatus:
    return LinkStatus(name="m", kind="mqtt", url="", state=LinkState.UP, since_ns=0)


def test_it_is_judged_once_a_minute(rig: Rig) -> None:
    for _ in range(59):
        rig.clock.advance(1.0)
        rig.drifting.look([up()], rig.quality)
    assert rig.drifting.answer(AskDrift(), rig.quality).rounds == 0
    rig.clock.advance(1.0)
    rig.drifting.look([up()], rig.quality)
    assert rig.drifting.answer(AskDrift(), rig.quality).rounds == 1


def test_refusals_are_kept_by_the_project_and_taken_back(rig: Rig) -> None:
    for value in (b"1", b"2", b"3"):
        rig.message("b", value)
    assert list(rig.now()) == ["D01 m!b"]
    rig.drifting.refuse(RefuseDrift(key="D01 m!b", why="a test rig"), ANNA)
    assert rig.now() == {}
    again = Rig(rig.project.folder)
    for value in (b"1", b"2", b"3"):
        again.message("b", value)
    assert again.now() == {}, "it is refused in the next world, too"
    [refusal] = again.drifting.answer(AskDrift(), again.quality).refused
    assert (refusal.by, refusal.why) == ("anna", "a test rig")
    again.drifting.refuse(RefuseDrift(key="D01 m!b", back=True), ANNA)
    assert list(again.now()) == ["D01 m!b"]
    with pytest.raises(ProjectFault, match="not there any more"):
        again.drifting.refuse(RefuseDrift(key="D07 x"), ANNA)


def test_what_the_world_of_another_area_refused_meanwhile_stays_refused(rig: Rig) -> None:
    other = Rig(rig.project.folder)
    for each, topic in ((rig, "b"), (other, "c")):
        for value in (b"1", b"2", b"3"):
            each.message(topic, value)
        each.now()
        each.drifting.refuse(RefuseDrift(key=f"D01 m!{topic}"), ANNA)
    assert {one.key for one in refusals(rig.project.folder)} == {"D01 m!b", "D01 m!c"}


def test_an_unreadable_file_of_refusals_is_told_and_nothing_is_lost(rig: Rig) -> None:
    (rig.project.folder / "drift.json").write_text("{")
    again = Rig(rig.project.folder)
    assert "drift.json" in again.told[0].what


def test_another_definition_at_the_server_is_told_until_it_is_accepted(rig: Rig) -> None:
    item = BrowseItem(address="a#v", name="v", has_children=False, data_type="Double", type_definition="T1")
    rig.described = {"m": {"a#v": item}}
    assert rig.now() == {}
    again = Rig(rig.project.folder)
    again.described = {"m": {"a#v": replace(item, data_type="String")}}
    assert list(again.now()) == ["D10 p.v"]
    again.drifting.accept_definition(AcceptDefinition(tag="p.v"))
    assert again.now() == {}


def test_binary_and_broken_payloads_are_no_fields(rig: Rig) -> None:
    for payload in (b"\xff\xfe", b"{", b"[" * 5000, b"", b"\x00", b'{"a":' * 200):
        for _ in range(4):
            rig.message("b", payload)
    found = rig.now()
    assert len(found) <= 1, found
