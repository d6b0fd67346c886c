from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_feed import FakeFeed

from armillary.model.binding import Binding, FieldSpec
from armillary.model.clock import NS, ManualClock
from armillary.model.fault import FaultRecord, ProjectFault
from armillary.model.frame import Event, Kept
from armillary.model.message import (
    AskAttributes,
    AskHistory,
    Attributes,
    HistoryInfo,
    OpenScene,
    Retry,
    SceneOpened,
    SceneProgress,
)
from armillary.model.quality import STALE
from armillary.session import scenery, workspace
from armillary.session.actions import ACTIONS, action
from armillary.session.feed import RECORDER, SCENE, WORLD
from armillary.session.workspace import Workspace, WorldState
from armillary_bench.synthetic import scene_of

PATHS = ["/Plant", "/Plant/Tank", "/Plant/Pump"]
PARENT = [-1, 0, 0]


class Bench:
    """A workspace on a fake feed, with what its signals said."""

    def __init__(self, clock: ManualClock, stand: Any, folder: Path) -> None:
        self.clock, self.stand, self.folder = clock, stand, folder
        self.workspace = Workspace(clock, actor="me")
        self.looks = 0
        self.slots: list[list[int]] = []
        self.workspace.look_changed.connect(self._looked)
        self.workspace.frame_arrived.connect(lambda s: self.slots.append(s.tolist()))

    def _looked(self, _old: object, _new: object) -> None:
        self.looks += 1

    @property
    def feed(self) -> FakeFeed:
        return FakeFeed.made[-1]

    def pump(self, **batch: Any) -> None:
        for name, value in batch.items():
            setattr(self.feed.batch, name, value)
        self.workspace.pump(self.clock.now_ns(), self.clock.now_mono_ns())

    def open_world(self) -> None:
        self.workspace.open("ipc://somewhere")
        self.pump(welcome=self.stand.welcome(), live=True)

    def load(self, *bindings: Binding) -> None:
        """Let the scene child and the loading job answer."""
        made = scenery.compiled(scene_of(PATHS, PARENT), bindings, (), self.workspace.specs, ())
        self.workspace._scene_loaded(made)
        self.pump()


COLOUR = Binding(name="c", prim="/Plant/Tank", signal="tank.temp", colormap="heat", ends=(0.0, 10.0))
SPIN = Binding(name="s", prim="/Plant/Pump", signal="tank.level", channel="spin")
FLOWS = Binding(name="f", prim="/Plant/Pump", signal="tank.level", channel="flow")


@pytest.fixture
def bench(clock: ManualClock, stand: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(workspace, "Feed", FakeFeed)
    return Bench(clock, stand, tmp_path)


def test_something_that_cannot_be_opened_leaves_what_is_open(bench: Bench) -> None:
    bench.open_world()
    with pytest.raises(ProjectFault, match="no such"):
        bench.workspace.open(str(bench.folder / "gone.usda"))
    assert bench.workspace.world_state is WorldState.LIVE
    assert not bench.feed.stopped


def test_a_bare_scene_has_no_world_and_its_child_is_asked_for_it(bench: Bench) -> None:
    scene = bench.folder / "part.usda"
    scene.write_text("#usda 1.0\n")
    said: list[str] = []
    bench.workspace.open(str(scene), lambda text, _share: said.append(text))
    assert bench.workspace.world_state is WorldState.NONE
    assert bench.workspace.title == "part"
    assert bench.feed.launched == ["scene.child"]
    ((peer, question),) = bench.feed.asked
    assert (peer, type(question)) == (SCENE, OpenScene)
    assert said == ["Reading the scene"]


def test_opening_that_is_cancelled_leaves_an_empty_desk_that_says_so_and_reads_again(bench: Bench) -> None:
    scene = bench.folder / "part.usda"
    scene.write_text("#usda 1.0\n")
    ws = bench.workspace
    ws.open(str(scene))
    box = np.array([[0, 0, 0, 1, 1, 1]], np.float32)
    told = SceneProgress(what="reading", done=1, total=3, box=box, rgba=np.zeros((1, 4), np.uint8))
    bench.pump(told=[told, told])
    assert ws.progress[0] == "Reading the scene · 1 of 3 parts"
    assert ws.opening.count == 2
    ws.cancel_opening()
    assert bench.feed.killed == [SCENE]
    assert (ws.progress, ws.opening.count, ws.opening.cancelled) == (("", 1.0), 0, True)
    bench.pump(answers=[(1, SceneOpened(arrays="", bindings=(), problems=(), cached=False))], told=[told])
    assert (ws.progress[0], ws.opening.count, bench.feed.jobs) == ("", 0, [])  # too late
    ws.cancel_opening()
    assert bench.feed.killed == [SCENE]  # there is nothing to cancel
    ws.reload_scene()
    assert bench.feed.launched == ["scene.child"] * 2
    assert not ws.opening.cancelled
    assert ws.progress[0] == "Reading the scene"


def test_reading_again_that_is_cancelled_keeps_what_was_shown(bench: Bench) -> None:
    scene = bench.folder / "part.usda"
    scene.write_text("#usda 1.0\n")
    ws = bench.workspace
    ws.open(str(scene))
    bench.load()
    shown = ws.scene
    ws.reload_scene()
    assert ws.progress[0]
    ws.cancel_opening()
    assert ws.scene is shown
    assert not ws.opening.cancelled
    bench.pump(answers=[(2, SceneOpened(arrays="", bindings=(), problems=(), cached=False))])
    assert ws.scene is shown
    got: list[object] = []
    ws.attributes("/Plant", got.append)
    assert bench.feed.launched == ["scene.child"] * 2  # a fresh reader answers


def test_a_scene_that_crashes_its_reader_is_a_problem_and_the_rest_goes_on(bench: Bench) -> None:
    scene = bench.folder / "part.usda"
    scene.write_text("#usda 1.0\n")
    bench.workspace.open(str(scene))
    why = FaultRecord(
        kind="SceneFault", what="It ended by SIGSEGV.", where="scene.log", remedy="Export it again."
    )
    bench.pump(answers=[(1, why)], ended=[(SCENE, why)])
    assert [(p.code, p.what) for p in bench.workspace.problems] == [("S00", "It ended by SIGSEGV.")]
    assert bench.workspace.progress == ("", 1.0)
    assert bench.workspace.events[-1].source == "scene"


def test_a_frame_changes_the_look_and_says_which_tags(bench: Bench) -> None:
    bench.open_world()
    bench.load(COLOUR)
    looks = bench.looks
    bench.slots.clear()
    bench.pump(frames=[bench.stand.frame(2, {0: 9.0}), bench.stand.frame(3, {1: 2.0})])
    assert bench.slots == [[0, 1]]
    assert bench.looks == looks + 1
    bench.pump(frames=[bench.stand.frame(4, {1: 5.0})])
    assert bench.looks == looks + 1  # no binding reads that tag


def test_a_silent_world_draws_everything_stale_and_ages_go_on(bench: Bench) -> None:
    bench.open_world()
    bench.load(COLOUR)
    bench.pump(live=False)
    ws = bench.workspace
    assert ws.world_state is WorldState.NOT_LIVE
    assert "silent since" in ws.world_text
    assert ws.look is not None
    assert ws.look.state.tolist() == [0, STALE, 0]
    bench.slots.clear()
    bench.clock.advance(1.5)
    assert ws.due_s(bench.clock.now_mono_ns()) == 0.0
    bench.pump()
    assert bench.slots == [[]]
    assert ws.tag_rows((0,), bench.clock.now_mono_ns())[0].value == "1 °C · 1.5 s old"
    bench.pump(welcome=bench.stand.welcome(seq=50), live=True)
    assert ws.world_state is WorldState.LIVE
    assert ws.look is not None
    assert not ws.look.state.any()


def test_a_world_that_ends_names_its_log_and_can_be_started_again(bench: Bench) -> None:
    bench.open_world()
    why = FaultRecord(
        kind="WorldFault", what="The process world.live was ended by SIGKILL.", where="w.log", remedy=""
    )
    bench.pump(ended=[(WORLD, why)])
    assert "SIGKILL" in bench.workspace.world_text
    assert "w.log" in bench.workspace.world_text
    assert action("world.restart").why_not(bench.workspace) == ""
    bench.workspace.restart_world()
    assert bench.feed.connected[-1] == (WORLD, "ipc://somewhere")
    assert bench.workspace.world_state is WorldState.CONNECTING


@pytest.mark.parametrize("binding", [SPIN, FLOWS], ids=["spin", "flow"])
def test_what_spins_or_flows_moves_with_time_and_holds_when_paused_or_silent(
    bench: Bench, binding: Binding
) -> None:
    bench.open_world()
    bench.load(binding)
    ws = bench.workspace
    assert ws.due_s(bench.clock.now_mono_ns()) == pytest.approx(0.1)
    looks = bench.looks
    bench.clock.advance(0.1)
    bench.pump()
    assert bench.looks == looks + 1
    ws.still = True
    assert ws.due_s(bench.clock.now_mono_ns()) is None, "with less motion it holds, and costs nothing"
    bench.clock.advance(0.1)
    bench.pump()
    assert bench.looks == looks + 1
    ws.still = False
    ws.set_paused(True)
    assert ws.due_s(bench.clock.now_mono_ns()) is None
    bench.clock.advance(0.1)
    bench.pump()
    assert bench.looks == looks + 1


def test_nothing_is_asked_for_while_nothing_changes(bench: Bench) -> None:
    bench.open_world()
    bench.load(COLOUR)
    assert bench.workspace.due_s(bench.clock.now_mono_ns()) is None
    looks = bench.looks
    bench.pump(frames=[bench.stand.frame(2, {0: 1.0})])  # the same value again
    bench.pump()
    assert bench.looks == looks


def test_prims_and_tags_find_each_other(bench: Bench) -> None:
    bench.open_world()
    bench.load(COLOUR, SPIN)
    ws = bench.workspace
    assert ws.tags_of_prim(0) == (0, 1)
    assert ws.tags_of_prim(2) == (1,)
    assert (ws.prim_of_tag(0), ws.prim_of_tag(2)) == (1, None)
    rows = ws.bindings_of_prim(1)
    assert [(r.name, r.slot, r.value) for r in rows] == [("c", 0, "1 °C")]
    assert ws.bindings_of_prim(0) == ()


def test_hiding_and_isolating_change_the_look_at_once(bench: Bench) -> None:
    bench.open_world()
    bench.load(COLOUR)
    ws = bench.workspace
    ws.toggle_visible(1)
    assert ws.look is not None
    assert ws.look.visible.tolist() == [True, False, True]
    ws.toggle_visible(1)
    ws.isolate((2,))
    assert ws.look.visible.tolist() == [False, False, True]
    ws.show_all()
    assert ws.look.visible.all()


def test_attributes_of_the_newest_prim_win(bench: Bench) -> None:
    bench.open_world()
    bench.load(COLOUR)
    bench.workspace._scene_child = True
    got: list[object] = []
    bench.workspace.attributes("/Plant/Tank", got.append)
    bench.workspace.attributes("/Plant/Pump", got.append)
    first, second = [i + 1 for i, (_, m) in enumerate(bench.feed.asked) if isinstance(m, AskAttributes)]
    answer = Attributes(path="/Plant/Pump", type_name="Cube", rows=())
    bench.pump(answers=[(first, Attributes(path="/Plant/Tank", type_name="Cube", rows=())), (second, answer)])
    assert got == [answer]
    assert bench.workspace.stale_answers == 1


def test_a_refused_request_is_an_event(bench: Bench) -> None:
    bench.open_world()
    bench.workspace.retry_link("site")
    number = len(bench.feed.asked)
    assert isinstance(bench.feed.asked[-1][1], Retry)
    why = FaultRecord(
        kind="ProjectFault", what="There is no link 'site'.", where="w", remedy="See the links."
    )
    bench.pump(answers=[(number, why)])
    assert bench.workspace.events[-1].text == "There is no link 'site'. See the links."


def test_events_are_bounded(bench: Bench) -> None:
    bench.open_world()
    events = tuple(Event(t_ns=i, level="info", source="w", text=str(i)) for i in range(3_000))
    bench.pump(frames=[bench.stand.frame(2, {}, events=events)])
    assert len(bench.workspace.events) == 2_000
    assert bench.workspace.events[-1].text == "2999"


def test_a_world_with_other_tags_gets_the_picture_compiled_anew(bench: Bench) -> None:
    bench.open_world()
    bench.load(COLOUR)
    more = (*bench.workspace.specs, bench.workspace.specs[0].__class__(slot=3, name="new"))
    bench.pump(welcome=bench.stand.welcome(seq=60, specs=more), live=True)
    assert len(bench.feed.jobs) == 1
    made = bench.feed.jobs[0]()
    bench.pump(answers=[(1001, made)])
    assert bench.workspace.program is not None
    assert bench.workspace.program.tags == 4


def test_closing_forgets_everything_and_twice_does_no_harm(bench: Bench) -> None:
    bench.open_world()
    bench.load(COLOUR)
    bench.workspace.select((1,))
    bench.workspace.close()
    bench.workspace.close()
    ws = bench.workspace
    assert bench.feed.stopped
    assert (ws.scene, ws.specs, ws.selection, ws.world_state) == (None, (), (), WorldState.NONE)
    ws.pump(bench.clock.now_ns(), bench.clock.now_mono_ns())


def test_a_mirror_takes_no_frame_that_does_not_fit(bench: Bench) -> None:
    bench.open_world()
    mirror = bench.workspace.mirror
    before = mirror.table.value.copy()
    bench.pump(frames=[bench.stand.frame(0, {0: 7.0}), bench.stand.frame(9, {77: 7.0})])
    assert mirror.out_of_order == 2
    assert np.array_equal(mirror.table.value, before)
    assert mirror.age_ns(np.array([0], np.uint32), mirror.taken_mono_ns + 2 * NS).tolist() == [2 * NS]


# ---------------------------------------------------------------- actions


def test_every_action_is_named_once_and_no_key_twice() -> None:
    assert len({a.id for a in ACTIONS}) == len(ACTIONS)
    keys = [a.shortcut for a in ACTIONS if a.shortcut]
    assert len(set(keys)) == len(keys)
    assert action("order.arm").shortcut == ""  # no key sends anything to the plant


def test_an_action_that_is_disabled_says_why(bench: Bench) -> None:
    why = {a.id: a.why_not(bench.workspace) for a in ACTIONS}
    assert why["project.open"] == ""
    assert why["view.frame"] == "No scene is shown."
    bench.open_world()
    bench.load(COLOUR)
    assert action("view.frame").why_not(bench.workspace) == "Nothing is selected."
    bench.workspace.select((1,))
    assert action("view.frame").why_not(bench.workspace) == ""
    assert action("trend.selection").why_not(bench.workspace) == ""
    assert "not writable" in action("order.arm").why_not(bench.workspace)
    with pytest.raises(KeyError):
        action("nothing.here")


# ---------------------------------------------------------------- processes that end


def died(peer: str, what: str = "The process ended by SIGKILL.") -> dict[str, Any]:
    why = FaultRecord(kind="WorldFault", what=what, where="/logs/x.log", remedy="Read its log.")
    return {"ended": [(peer, why)], "died": {peer}}


def own_project(bench: Bench) -> None:
    """Open a project whose world and recorder this desk starts."""
    (bench.folder / "project.toml").write_text('[project]\nschema = 1\nid = "x"\nname = "Own"\n')
    bench.workspace.open(str(bench.folder))
    bench.pump(welcome=bench.stand.welcome(), live=True)
    bench.feed.launched.clear()


@pytest.mark.parametrize(("peer", "entry"), [(WORLD, "world.live"), (RECORDER, "recorder.service")])
def test_a_process_of_ours_that_dies_is_said_and_started_again(bench: Bench, peer: str, entry: str) -> None:
    own_project(bench)
    bench.pump(**died(peer))
    event = bench.workspace.events[-1]
    assert event.fault is not None
    assert "started again" in event.fault.remedy
    assert bench.feed.launched == []
    assert bench.workspace.due_s(bench.clock.now_mono_ns()) is not None
    bench.clock.advance(1.0)
    bench.pump()
    assert bench.feed.launched == [entry]


def test_a_world_that_dies_again_and_again_is_started_less_and_less_often(bench: Bench) -> None:
    own_project(bench)
    for _ in range(4):
        bench.pump(**died(WORLD))
        bench.clock.advance(1.0)
        bench.pump()
    assert bench.feed.launched == ["world.live"] * 3
    assert bench.workspace.world_state is WorldState.NOT_LIVE
    assert "again in 1.6 s" in bench.workspace.world_text
    assert "/logs/x.log" in bench.workspace.world_text
    bench.clock.advance(1.0)
    bench.pump()
    assert bench.feed.launched == ["world.live"] * 4


def test_the_bar_counts_the_seconds_until_live_data_are_back(bench: Bench) -> None:
    own_project(bench)
    at = bench.workspace
    bench.pump(frames=[bench.stand.frame(2, {0: 1.0})])
    assert at.outage == ""
    bench.pump(**died(WORLD))
    assert at.outage == "Live data stopped 1 s ago. Restarting…"
    bench.clock.advance(2.0)
    bench.pump()
    assert bench.feed.launched == ["world.live"]
    assert at.world_state is WorldState.CONNECTING
    bench.clock.advance(1.0)
    assert at.outage == "Live data stopped 3 s ago. Restarting…"
    assert not at.mirror.live
    bench.pump(welcome=bench.stand.welcome(), live=True)
    assert at.outage == ""


def test_the_chip_of_the_historian_says_what_is_done_about_it(bench: Bench) -> None:
    own_project(bench)
    at = bench.workspace
    assert at.history_text == "Recording"
    away = Kept(offered=50, waiting=50, behind_s=12.4, state="away")
    bench.pump(frames=[bench.stand.frame(2, {}, recording="no recorder answers", history=away)])
    assert at.history_text == "History: restarting (spill 12 s)"
    full = replace(away, state="full")
    bench.pump(frames=[bench.stand.frame(3, {}, recording="The disk is full", history=full)])
    assert at.history_text == "History: disk full (spill 12 s)"
    bench.pump(frames=[bench.stand.frame(4, {})])
    assert at.history_text == "Recording"


def test_what_the_store_of_the_recorder_does_not_keep_is_told(bench: Bench) -> None:
    own_project(bench)
    at = bench.workspace
    assert at.history_tip == "Every sample is written to the historian."
    bench.pump(ready=[RECORDER])
    number, (peer, _) = next(
        (n, one) for n, one in enumerate(bench.feed.asked, 1) if isinstance(one[1], AskHistory)
    )
    assert peer == RECORDER
    info = HistoryInfo(
        tags=(), samples=0, bytes=0, first_ns=0, last_ns=0, store="Victoria", lacks=("Words are not kept.",)
    )
    bench.pump(answers=[(number, info)])
    assert at.history_text == "Recording in part"
    assert at.history_tip == "Samples are written to Victoria.\nWords are not kept."
    bench.pump(frames=[bench.stand.frame(2, {}, recording="no recorder answers")])
    assert at.history_tip == "no recorder answers"


def test_while_another_recorder_serves_the_project_none_is_started(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_project(bench)
    serving = True
    monkeypatch.setattr("armillary.session.hearing.served", lambda _address: serving)
    why = FaultRecord(kind="StoreTaken", what="Another process has it.", where="h.duckdb", remedy="")
    bench.pump(ended=[(RECORDER, why)])
    for _ in range(5):
        bench.clock.advance(1.0)
        bench.pump()
    assert bench.feed.launched == []
    serving = False
    bench.clock.advance(1.0)
    bench.pump()
    assert bench.feed.launched == ["recorder.service"]


def test_a_recorder_that_cannot_start_says_why_instead_of_that_it_does_not_answer(bench: Bench) -> None:
    own_project(bench)
    why = FaultRecord(kind="StoreFault", what="Not a history.", where="h.duckdb", remedy="Move it.")
    bench.pump(ended=[(RECORDER, why)])
    bench.pump(frames=[bench.stand.frame(2, {}, recording="no recorder answers")])
    assert bench.workspace.recording == "Not a history. Move it. (h.duckdb)"
    bench.pump(frames=[bench.stand.frame(3, {})])
    assert bench.workspace.recording == ""
    bench.pump(frames=[bench.stand.frame(4, {}, recording="the disk is full")])
    assert bench.workspace.recording == "the disk is full"


def test_what_the_desk_saw_itself_is_kept_when_the_world_says_hello(bench: Bench) -> None:
    bench.workspace.open("ipc://somewhere")
    bench.pump(**died(RECORDER))
    told = Event(t_ns=1, level="info", source="site", text="UP")
    for _ in range(2):  # it is lost and found again: what it tells anew is not news
        frame = bench.stand.frame(1, {0: 1.0, 1: 1.0, 2: 1.0}, events=(told,))
        bench.pump(welcome=bench.stand.welcome(frame=frame), live=True)
    assert [e.source for e in bench.workspace.events] == ["recorder", "site"]


def test_a_scene_child_that_dies_while_reading_names_the_scene(bench: Bench) -> None:
    scene = bench.folder / "part.usda"
    scene.write_text("#usda 1.0\n")
    bench.workspace.open(str(scene))
    lost = FaultRecord(kind="WorldFault", what="It ended.", where="ipc://s", remedy="Try again.")
    bench.pump(**died(SCENE, "The process scene.child was ended by SIGSEGV."), answers=[(1, lost)])
    [problem] = bench.workspace.problems
    assert problem.where == str(scene)
    assert "crashed its reader" in problem.what
    assert "SIGSEGV" in problem.what
    assert "/logs/x.log" in problem.remedy


def test_a_fresh_reader_after_one_that_died_is_asked_for_what_was_chosen(bench: Bench) -> None:
    scene = bench.folder / "part.usda"
    scene.write_text("#usda 1.0\n")
    ws = bench.workspace
    ws.open(str(scene))
    bench.load()
    ws.choose_variant("/Plant", "size", "large")
    ws.load_payloads(("/Plant/Tank",), on=False)
    ws.choose_variant("/Plant", "size", "small")
    bench.pump(**died(SCENE))
    ws.attributes("/Plant", lambda _answer: None)
    assert bench.feed.launched == ["scene.child"] * 2
    asked = [message for peer, message in bench.feed.asked if isinstance(message, OpenScene)]
    assert asked[-1].variants == (("/Plant", "size", "small"),)
    assert asked[-1].payloads == (("/Plant/Tank", False),)
    ws.open(str(scene))  # opened anew it is as in the file
    assert [m for _, m in bench.feed.asked if isinstance(m, OpenScene)][-1].variants == ()


def test_a_field_is_compiled_aside_while_the_picture_before_it_stands_and_lives_on(bench: Bench) -> None:
    bench.open_world()
    bench.load(COLOUR)
    field = Binding(
        name="f",
        prim="/Plant/Pump",
        channel="field",
        ends=(0.0, 10.0),
        field=FieldSpec(sensors=("/Plant/Tank",)),
    )
    ws = bench.workspace
    before = ws.program
    ws.rebind((COLOUR, field))
    assert ws.program is before
    assert ws.is_rebinding
    assert ws.bindings == (COLOUR, field)  # a save that follows builds upon these
    [job] = bench.feed.jobs
    bench.pump(answers=[(1001, job())])
    assert not ws.is_rebinding
    assert ws.program is not None
    assert len(ws.program.fields) == 1
    assert ws.look is not None
    assert ws.look.fields is not None
