"""What a world does of a project: its area's links, tags and alarms, and no alarm where order is not kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from armillary.model.clock import ManualClock
from armillary.model.fault import WorldFault
from armillary.model.sample import batch_of
from armillary.project import folder
from armillary.project.record import Project
from armillary.world.live import Live
from armillary.world.part import part_of

HEAD = '[project]\nschema = 1\nid = "2f0c7a52-11"\nname = "p"\n'
SOURCE = '[[source]]\nname = "{0}"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1"\nsubscribe = ["{1}"]\n'
ALARM = """[[alarm]]
id = "{0}"
tag = "{0}.t"
limit = 5
consequence = "It gets hot."
operator_action = "Cool it."
"""


def _project(place: Path, north: str = "n/#", areas: str = "") -> Project:
    text = HEAD + SOURCE.format("n", north) + SOURCE.format("s", "s/#") + areas
    (place / "project.toml").write_text(text, "utf-8")
    twins = [{"id": x, "tags": {"t": {"address": f"{x}!{x}/t"}}} for x in ("n", "s")]
    (place / "twins.json").write_text(json.dumps({"schema": 1, "twins": twins, "relationships": []}), "utf-8")
    (place / "rules.toml").write_text("schema = 1\n" + ALARM.format("n") + ALARM.format("s"), "utf-8")
    return folder.read(place)


AREAS = '[area.north]\nsources = ["n"]\n[area.south]\nsources = ["s"]\n'


def test_an_area_has_its_links_tags_and_alarms_and_the_slots_of_the_whole(tmp_path: Path) -> None:
    part = part_of(_project(tmp_path, areas=AREAS), "south")
    assert [link.name for link in part.links] == ["s"]
    assert [(spec.slot, spec.name) for spec in part.specs] == [(1, "s.t")]
    assert [alarm.id for alarm in part.alarms] == ["s"]
    assert part.slots.tolist() == [1]
    assert part.home == tmp_path / ".armillary" / "areas" / "south"


def test_the_session_of_an_areas_source_is_found_again_by_who_takes_over(tmp_path: Path) -> None:
    part = part_of(_project(tmp_path, areas=AREAS), "north")
    assert dict(part.links[0].settings) == {
        "subscribe": ["n/#"],
        "client_id": "armillary-2f0c7a52-north-n",
        "durable": True,
        "acknowledge": "stored",
    }


def test_what_the_project_says_of_a_session_stays(tmp_path: Path) -> None:
    project = _project(tmp_path, areas=AREAS)
    text = (tmp_path / "project.toml").read_text("utf-8")
    (tmp_path / "project.toml").write_text(
        text.replace('subscribe = ["n/#"]', 'subscribe = ["n/#"]\nclient_id = "mine"'), "utf-8"
    )
    part = part_of(folder.read(project.folder), "north")
    assert part.links[0].settings["client_id"] == "mine"


@pytest.mark.parametrize(("areas", "area"), [(AREAS, ""), (AREAS, "west"), ("", "north")])
def test_an_area_that_is_none_is_refused(tmp_path: Path, areas: str, area: str) -> None:
    with pytest.raises(WorldFault):
        part_of(_project(tmp_path, areas=areas), area)


async def test_messages_are_acknowledged_once_stored_and_at_once_while_nothing_is_recorded(
    own_places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Live(_project(tmp_path, areas=AREAS), ManualClock(), area="north")
    told: list[tuple[str, int]] = []
    monkeypatch.setattr(live._links, "stored", lambda link, receipt: told.append((link, receipt)))
    rows = batch_of(np.zeros(3, np.uint32), np.ones(3), np.arange(1, 4), np.arange(1, 4), 1)
    live._feed.offer(rows)
    live._acknowledge({"n": 1})
    assert told == []  # the recorder has not answered yet
    live._feed.trouble = "no recorder answers"
    live._acknowledge({"n": 2})
    assert told == [("n", 1), ("n", 2)]
    live._feed.trouble = ""
    live._feed.offer(rows)
    live._acknowledge({"n": 3})
    live._feed.spool.stored += 6
    live._acknowledge({})
    assert told[2:] == [("n", 3)]
    await live.ending()


async def test_alarms_on_a_shared_source_are_not_evaluated_and_that_is_told(
    own_places: Path, tmp_path: Path
) -> None:
    live = Live(_project(tmp_path, north="$share/g/n/#"), ManualClock())
    assert [spec.id for spec in live.alarm_specs if spec.kind != "link"] == ["s"]
    (told,) = [event for event in live.early if "order not kept" in event.text]
    assert "The alarm 'n' is not evaluated" in told.text
    await live.ending()
