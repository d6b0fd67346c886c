from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from armillary.model.account import LoggedIn
from armillary.model.alarm import AlarmEvent, AlarmState, ProcessState
from armillary.model.clock import NS, ManualClock
from armillary.model.control import AskState, StateAnswer
from armillary.model.frame import Frame, empty_frame, frame_of
from armillary.model.logbook import AskNotes, WriteNote
from armillary.model.shift import USUAL
from armillary.model.tags import TagSpec, TagTable
from armillary.project import folder as projects
from armillary.twin import past_pack
from armillary.twin.derive import Derived
from armillary.world.logbook import Logbook
from armillary.world.masking import MASK, Masking
from armillary.world.replay import Replay

PULSE, SPEED, NAME, FIELD = range(4)
TWINS = {
    "schema": 1,
    "twins": [
        {
            "id": "band",
            "tags": {
                "pulse": {"imported": "pulse", "personal": "direct", "subject": "kari"},
                "speed": {"imported": "speed", "personal": "indirect", "subject": "kari"},
                "name": {"imported": "name", "kind": "text", "personal": "direct"},
                "field": {"imported": "field", "kind": "text", "personal": "direct"},
            },
        }
    ],
}
RULES = """schema = 1

[[alarm]]
id = "pulse-high"
tag = "band.pulse"
kind = "level"
direction = "above"
limit = 150.0
priority = 2
consequence = "Kari is not well"
operator_action = "Call her"
"""
DESK = b"desk"


@pytest.fixture
def world(tmp_path: Path) -> Replay:
    project = projects.new(tmp_path / "plant", "plant")
    (project.folder / "twins.json").write_text(json.dumps(TWINS))
    made = Replay(projects.read(project.folder), ManualClock(), recorder="ipc:///no/such")
    made.alarm_specs = ()
    return made


def frame(world: Replay) -> Frame:
    table = TagTable(4)
    table.value[:] = [180.0, 1.5, np.nan, np.nan]
    table.quality[:] = 0
    table.text = {NAME: "Kari Nordmann"}
    table.array = {FIELD: np.arange(3, dtype=np.float32)}
    table.why = {PULSE: "180 is beyond 150"}
    base = empty_frame(world.id, world.kind)
    return replace(frame_of(table, np.arange(4, dtype=np.uint32), base), seq=1, first_seq=1)


def sits(world: Replay, until_ns: int) -> None:
    """Let somebody be on the line who may see what tells of persons up to a time."""
    world._who[DESK] = LoggedIn(
        user="anna", name="Anna", role="engineer", accounts=True, sees_until_ns=until_ns
    )


def next_frame(world: Replay) -> Frame | None:
    world.publisher.credit(DESK, world.clock.now_mono_ns())
    world._show_again()
    out = dict(world.publisher.due(world.clock.now_mono_ns())).get(DESK)
    return None if out is None else world._seen_by(DESK, out)


def test_what_tells_of_a_person_never_leaves_the_world_for_whoever_may_not_see_it(world: Replay) -> None:
    sits(world, 0)
    welcome = world._welcome(DESK)
    assert np.isnan(welcome.frame.value[PULSE])
    world.publisher.publish(frame(world))
    out = next_frame(world)
    assert out is not None
    assert np.isnan(out.value[PULSE])
    assert out.value[SPEED] == 1.5  # indirect: shown
    assert dict(out.text) == {PULSE: MASK, NAME: MASK, FIELD: MASK}
    assert not len(out.array)
    assert not out.why
    state = asyncio.run(world._reply(DESK, AskState()))
    assert isinstance(state, StateAnswer)
    assert np.isnan(state.value[PULSE])
    assert dict(state.text) == {PULSE: MASK, NAME: MASK, FIELD: MASK}


def test_what_functions_over_time_know_of_a_person_is_masked_too(world: Replay) -> None:
    past = Derived(
        [
            *world.project.specs,
            TagSpec(slot=4, name="mean", expression="mean(band.pulse, 60)", origin="t"),
            TagSpec(slot=5, name="top", expression="highest(band.speed, 60)", origin="t"),
        ]
    ).past
    assert past is not None
    state = replace(world.state_now(), past=past_pack.packed(past.saved(), 0))
    seen = past_pack.known(world._mask().state(state).past)
    assert [key.partition("(")[0] for each in seen for key in each.keys] == ["highest"]


def test_a_grant_shows_it_at_once_and_its_end_hides_it_again(world: Replay) -> None:
    sits(world, 0)
    world._welcome(DESK)
    world.publisher.publish(frame(world))
    assert next_frame(world) is not None
    sits(world, world.clock.now_ns() + 60 * NS)
    out = next_frame(world)
    assert out is not None
    assert out.slot.tolist() == [PULSE, NAME, FIELD]
    assert out.value[0] == 180.0
    assert dict(out.text) == {NAME: "Kari Nordmann"}
    assert out.array.tolist() == [0, 1, 2]
    assert next_frame(world) is None  # nothing is new
    world.clock.advance(61.0)  # type: ignore[attr-defined]
    out = next_frame(world)
    assert out is not None
    assert out.slot.tolist()[:1] == [PULSE]
    assert np.isnan(out.value[0])


def test_alarms_of_such_a_tag_say_neither_value_nor_words(world: Replay) -> None:
    (world.project.folder / "rules.toml").write_text(RULES)
    project = projects.read(world.project.folder)
    again = Replay(project, ManualClock(), recorder="ipc:///no/such", alarms=project.alarms)
    sits(again, 0)
    raised = AlarmState(id="pulse-high", process=ProcessState.UNACK, value=180.0, text="180 is high")
    event = AlarmEvent(
        id="pulse-high",
        occurrence="o",
        event="RAISE",
        before=ProcessState.NORM,
        after=ProcessState.UNACK,
        t_ns=1,
        priority=2,
        value=180.0,
        text="180 is high",
    )
    out = again._seen_by(DESK, replace(frame(again), alarms=(raised,), alarm_events=(event,)))
    assert [(a.text, np.isnan(a.value)) for a in out.alarms] == [(MASK, True)]
    assert [(e.text, np.isnan(e.value)) for e in out.alarm_events] == [(MASK, True)]


def test_what_was_written_of_a_person_is_shown_to_nobody_who_may_not_see_it(
    world: Replay, tmp_path: Path
) -> None:
    (world.project.folder / "rules.toml").write_text(RULES)
    project = projects.read(world.project.folder)
    mask = Masking(project.specs, project.alarms)
    clock = ManualClock()
    book = Logbook(tmp_path / "home", USUAL, clock, accounts=True)
    anna = LoggedIn(user="anna", name="Anna", role="operator")
    for text, tag, alarm in (
        ("she fainted", "band.pulse", ""),
        ("she fainted again", "", "pulse-high"),
        ("belt cleaned", "band.speed", ""),
    ):
        asyncio.run(book.write(WriteNote(text=text, tag=tag, alarm=alarm), anna))
    assert "she fainted" in {note.text for note in book.find(AskNotes()).notes}
    shown = book.find(AskNotes(), mask.note).notes
    assert [note.text for note in shown] == [MASK, MASK, "belt cleaned"]
    assert not book.find(AskNotes(words="fainted"), mask.note).notes, "nor can it be found by its words"
    told = [book.told(mask.note(note)).text for note in book.notes]
    assert not any("fainted" in text for text in told), "all desks and the record get the event"
    assert "belt cleaned" in told[2]
    book.close()
