"""The model of what a desk shows: types, drawing, and a query that follows the values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from armillary.model.alarm import AlarmSpec, AlarmState, ProcessState
from armillary.model.clock import NS, ManualClock
from armillary.model.message import Samples
from armillary.model.quality import GOOD, STALE
from armillary.model.sample import empty_batch
from armillary.model.series import Series, SeriesAnswer, SeriesQuery
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship, TwinInstance
from armillary.session.graph_layout import MOST, drawn
from armillary.session.looking_back import LookingBack
from armillary.session.mirror import Mirror
from armillary.session.plant_model import LARGE, PlantModel
from armillary.session.workspace import Workspace
from armillary.twin.graph import build

TWINS = (
    TwinInstance(id="T-1", model="dtmi:x:Tank;1"),
    TwinInstance(id="T-2", model="dtmi:x:Tank;1"),
    TwinInstance(id="P-1", title="Feed pump"),
    TwinInstance(id="Bare"),
)
SPECS = (
    TagSpec(slot=0, name="T-1.level", unit="m", twin="T-1"),
    TagSpec(slot=1, name="T-2.level", unit="m", twin="T-2"),
    TagSpec(slot=2, name="P-1.flow", unit="l/s", twin="P-1"),
)


def desk() -> tuple[Workspace, ManualClock]:
    clock = ManualClock()
    ws = Workspace(clock, actor="anna")
    ws.specs, ws.twins = SPECS, TWINS
    ws.relationships = (Relationship(source="P-1", name="feeds", target="T-1"),)
    ws.mirror = Mirror(len(SPECS))
    ws.mirror.table.quality[:] = GOOD
    ws.mirror.table.value[:] = 1.0
    ws.world_changed.emit()
    return ws, clock


def frame(ws: Workspace) -> None:
    ws.frame_arrived.emit(np.zeros(0, np.uint32))


def test_types_are_counted_and_guessed_ones_marked() -> None:
    ws, _ = desk()
    rows = {row.title: (row.count, row.is_guessed) for row in ws.plant_model.types()}
    assert rows == {"FeedPump": (1, True), "Tank": (2, False), "of no type": (1, False)}


def test_an_answer_follows_the_values_but_not_oftener_than_twice_a_second() -> None:
    ws, clock = desk()
    model = ws.plant_model
    model.ask("tanks with level > 2 m")
    assert model.found is not None
    assert model.found.rows.tolist() == []
    ws.mirror.table.value[1] = 3.0
    frame(ws)
    assert model.found.rows.tolist() == []
    clock.advance(NS)
    frame(ws)
    assert model.found.rows.tolist() == [1]
    ws.mirror.table.quality[0] = STALE
    clock.advance(NS)
    frame(ws)
    assert model.found.unknown.tolist() == [0]


def test_an_answer_that_stays_is_told_once() -> None:
    ws, clock = desk()
    told: list[int] = []
    ws.plant_model.answered.connect(lambda: told.append(1))
    ws.plant_model.ask("tanks")
    clock.advance(NS)
    frame(ws)
    assert told == [1]


def test_other_twins_are_asked_the_same_query() -> None:
    ws, _ = desk()
    ws.plant_model.ask("tanks")
    ws.twins = TWINS[:1]
    ws.world_changed.emit()
    assert ws.plant_model.found is not None
    assert ws.plant_model.found.rows.tolist() == [0]


def test_a_mistake_leaves_no_answer() -> None:
    ws, _ = desk()
    ws.plant_model.ask("tnaks")
    assert ws.plant_model.found is None
    assert ws.plant_model.fault is not None
    ws.plant_model.clear()
    assert ws.plant_model.fault is None


def test_what_leads_to_a_twin_stands_left_of_it() -> None:
    twins = [TwinInstance(id=name) for name in "abc"]
    graph = build(twins, [Relationship(source=s, name="feeds", target=t) for s, t in ("ab", "bc")])
    at = {graph.ids[place.row]: place.x for place in drawn(graph, 1, 1).places}
    assert at["a"] < at["b"] < at["c"]


def test_a_drawing_says_how_many_it_leaves_out_the_farthest_ones() -> None:
    n = 3 * MOST
    twins = [TwinInstance(id=str(i)) for i in range(n)]
    pairs = [(0, i) if i < MOST // 2 else (i % (MOST // 2), i) for i in range(1, n)]
    lines = [Relationship(source=str(s), name="feeds", target=str(t)) for s, t in pairs]
    picture = drawn(build(twins, lines), 0, 2)
    assert len(picture.places) == MOST
    assert picture.left_out == n - MOST
    near = MOST // 2
    assert sum(place.steps == 1 for place in picture.places) >= near - 1
    places = {(place.x, place.y) for place in picture.places}
    assert len(places) == MOST  # no two on one place


def test_words_of_a_large_plant_are_made_beside_and_what_came_too_late_is_dropped() -> None:
    ws, clock = desk()
    jobs: list[tuple[Callable[[], object], Callable[[object], None]]] = []
    model = PlantModel(ws, clock.now_mono_ns, lambda job, done: jobs.append((job, done)))
    many = tuple(TagSpec(slot=i, name=f"T-1.x{i}", twin="T-1") for i in range(LARGE))
    ws.specs = many
    assert not model.prepare()
    assert not model.prepare()
    assert len(jobs) == 1
    ws.specs = (*many, TagSpec(slot=LARGE, name="T-2.y", twin="T-2"))
    assert not model.prepare()
    told: list[int] = []
    model.changed.connect(lambda: told.append(1))
    (old, done), (new, done_new) = jobs
    done(old())
    assert told == []
    done_new(new())
    assert told == [1]
    assert model.prepare()
    assert "y" in model.words.tag_names


def test_a_query_of_alarms_follows_the_alarm_book() -> None:
    ws, clock = desk()
    ws.alarms.welcome((AlarmSpec(id="A", slot=2, tag="P-1.flow", priority=1),))
    model = ws.plant_model
    model.ask("anything in alarm")
    assert model.found is not None
    assert model.found.rows.tolist() == []
    twins = model._alarm_twins
    ws.alarms.table.take([AlarmState(id="A", process=ProcessState.UNACK)])
    clock.advance(NS)
    frame(ws)
    assert model.found.rows.tolist() == [model.graph.row_of["P-1"]]
    assert model._alarm_twins is twins, "whose alarm is whose is found out once, not twice a second"


class Recorder:
    """Answers as a recorder would that had one value, a sample a second, up to a time."""

    def __init__(self, value: float, until_ns: int) -> None:
        self.value, self.until_ns = value, until_ns
        self.waiting: list[tuple[object, Callable[[object], None]]] = []

    def ask(self, message: object, callback: Callable[[object], None], _limit_s: float) -> None:
        self.waiting.append((message, callback))

    def answer(self) -> None:
        while self.waiting:
            message, callback = self.waiting.pop(0)
            if isinstance(message, SeriesQuery):
                t = np.arange(message.from_ns, min(message.to_ns, self.until_ns), NS, dtype=np.int64)
                value, quality = np.full(len(t), self.value), np.full(len(t), GOOD, np.uint16)
                series = tuple(
                    Series(id=i, t_ns=t, low=value, high=value, mean=value, quality=quality, level_s=0)
                    for i in message.ids
                )
                callback(SeriesAnswer(series=series, request=0))
            else:
                callback(Samples(batch=empty_batch()))


def test_a_query_of_the_past_is_unknown_until_the_recorder_answers_and_is_asked_again() -> None:
    ws, clock = desk()
    now_ns = 1_000_000 * NS
    record = Recorder(3.0, now_ns)
    back = LookingBack(record.ask, lambda: ws.specs, lambda slot: slot + 1, lambda: now_ns)
    model = PlantModel(ws, clock.now_mono_ns, back=back)
    model.ask("tanks with level > 2 m for 10 min")
    assert model.found is not None
    assert len(model.found.unknown) == 2
    assert model.not_known == "reading the record …"
    record.answer()
    assert model.found.rows.tolist() == [0, 1]
    clock.advance(11 * NS)
    frame(ws)
    record.value = 1.0
    record.answer()
    assert model.found.rows.tolist() == []
    assert model.found.unknown.tolist() == []


def test_what_another_query_was_read_for_is_not_taken() -> None:
    ws, clock = desk()
    record = Recorder(3.0, 1_000 * NS)
    back = LookingBack(record.ask, lambda: ws.specs, lambda slot: slot + 1, lambda: 1_000 * NS)
    model = PlantModel(ws, clock.now_mono_ns, back=back)
    model.ask("tanks with level > 2 m for 10 min")
    model.ask("tanks")
    record.answer()
    assert back.past == {}
