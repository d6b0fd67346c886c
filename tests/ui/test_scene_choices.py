"""What a scene brings along can be worked from the desk: variants, payloads, cameras, animation, lights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu

from armillary.model.alarm import AlarmSpec, AlarmState, ProcessState
from armillary.model.clock import NS
from armillary.model.frame import Frame, WorldKind, empty_frame
from armillary.model.message import Attributes, ChooseVariants
from armillary.model.motion import Motion, SceneTime
from armillary.model.scene import Camera, Light, SceneArrays, VariantSet
from armillary.scene.check import check
from armillary.scene.load import load
from armillary.scene.stage import open_stage, quiet
from armillary.session import scenery
from armillary.session.actions import action
from armillary.session.alarm_row import alarm_row
from armillary.session.batch import Batch
from armillary.ui.window import DeskWindow
from armillary.viewport import camera as eye

BENDING = Path(__file__).parents[1] / "picture" / "fidelity" / "bending.usda"
PRIM = 6
CAMERAS = tuple(
    Camera(path=f"/Cam{i}", position=(i, -9.0, 3.0), focus=(0.0, 0.0, 0.0), up=(0.0, 0.0, 1.0), fov_deg=40)
    for i in range(2)
)
SUN = Light(
    path="/Sun", kind="distant", at=(0, 0, 1), beam=(0, 0, 0), colour=(1, 1, 1), strength=1, distance=1
)


def with_more(scene: SceneArrays) -> SceneArrays:
    """Return the plant with a variant set, cameras, a light, and one part that rises by a metre."""
    world = np.tile(scene.matrix[PRIM], (3, 1, 1, 1)).reshape(3, 1, 4, 4).copy()
    world[:, 0, 2, 3] += (0.0, 0.5, 1.0)
    motion = Motion(
        time=np.array([0.0, 12.0, 24.0]),
        prim=np.array([PRIM]),
        world=world,
        row=np.array([PRIM]),
        anchor=np.array([0]),
        relative=np.eye(4)[None],
        shown=np.zeros((3, 0), np.bool_),
    )
    moves = {f"motion_{name}": getattr(motion, name) for name in Motion.__dataclass_fields__}
    variant = VariantSet(prim=PRIM, name="size", choices=("small", "big"), selection="small")
    more = {"variants": (variant,), "cameras": CAMERAS, "lights": (SUN,), "time_range": (0.0, 24.0, 24.0)}
    return replace(scene, **more, **moves)


@pytest.fixture
def desk_with_more(desk: DeskWindow) -> DeskWindow:
    """Return a desk whose scene has all of that."""
    ws = desk.workspace
    assert ws.scenery is not None
    ws.showing.show(replace(ws.scenery, scene=with_more(ws.scenery.scene)))
    ws.scene_changed.emit()
    return desk


def asked(desk: DeskWindow, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    out: list[object] = []

    def ask(_peer: str, message: object, _callback: Callable[[object], None], _limit: float = 0) -> None:
        out.append(message)

    monkeypatch.setattr(desk.workspace, "_ask", ask)
    return out


def test_a_variant_is_chosen_in_the_inspector(
    desk_with_more: DeskWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_with_more
    desk.workspace.select((PRIM,))
    messages = asked(desk, monkeypatch)
    box = desk.inspector.choices.sets["size"]
    assert [box.itemText(i) for i in range(box.count())] == ["small", "big"]
    box.textActivated.emit("big")
    assert messages == [ChooseVariants(variants=((desk.workspace.scene.prim_path[PRIM], "size", "big"),))]
    desk.workspace.select((0,))
    assert not desk.inspector.choices.sets


def test_a_binding_that_chooses_in_the_same_set_has_the_last_word(
    desk_with_more: DeskWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = desk_with_more.workspace
    path = ws.scene.prim_path[PRIM]
    look = replace(ws.look, variant=((PRIM, "size", "big"),))
    messages = asked(desk_with_more, monkeypatch)
    ws._choose_variants(look, 10 * NS)
    ws._choose_variants(look, 20 * NS)  # it is on its way: not asked for twice
    by_binding = ChooseVariants(variants=((path, "size", "big"),))
    assert messages == [by_binding]
    ws.choose_variant(path, "size", "small")
    ws._choose_variants(look, 30 * NS)
    assert messages[2:] == [by_binding]


def test_what_is_left_out_says_so_in_the_tree_and_is_loaded_by_its_menu(
    desk_with_more: DeskWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, ws = desk_with_more, desk_with_more.workspace
    scene = replace(ws.scene, payloads=((PRIM, False), (PRIM + 1, True)))
    ws.showing.show(replace(ws.scenery, scene=scene))
    ws.scene_changed.emit()
    model = desk.tree.model
    name = scene.prim_path[PRIM].rsplit("/", 1)[-1]
    assert model.index_of(PRIM).data() == f"{name} (not loaded)"
    assert "not loaded" not in model.index_of(PRIM + 1).data()
    assert "load it by the menu" in model.index_of(PRIM).data(Qt.ItemDataRole.ToolTipRole)
    other = [model.index_of(p).data(Qt.ItemDataRole.DecorationRole).pixmap(16).toImage() for p in (PRIM, 0)]
    assert other[0] != other[1]
    menu = QMenu()
    desk.menus.fill_context(menu)
    assert {"scene.load-payloads", "scene.leave-payloads"} <= {a.objectName() for a in menu.actions()}
    ws.select((0,))  # far above both
    assert action("scene.load-payloads").why_not(ws) == action("scene.leave-payloads").why_not(ws) == ""
    ws.showing.show(replace(ws.scenery, scene=replace(scene, payloads=((PRIM, False),))))
    assert action("scene.load-payloads").why_not(ws) == ""
    assert "Nothing below" in action("scene.leave-payloads").why_not(ws), "no branch is loaded at all"
    ws.showing.show(replace(ws.scenery, scene=scene))
    messages = asked(desk, monkeypatch)
    action("scene.load-payloads").run(desk)
    assert messages == [ChooseVariants(payloads=((scene.prim_path[0], True),))]
    ws.select((PRIM + 1,))
    assert "Nothing below" in action("scene.load-payloads").why_not(ws)


def test_a_payload_is_left_out_and_loaded_from_the_inspector(
    desk_with_more: DeskWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_with_more
    desk.workspace.select((PRIM,))
    path = desk.workspace.scene.prim_path[PRIM]
    messages = asked(desk, monkeypatch)
    choices = desk.inspector.choices
    for state, wanted in (("loaded", False), ("left out", True)):
        desk.inspector._attributes(path, Attributes(path=path, type_name="", rows=(), payload=state))
        assert not choices.payload.isHidden()
        choices.payload.click()
        assert messages.pop() == ChooseVariants(payloads=((path, wanted),))
    desk.inspector._attributes(path, Attributes(path=path, type_name="", rows=()))
    assert choices.payload.isHidden()


def test_the_scene_plays_holds_and_goes_back_to_its_start(desk_with_more: DeskWindow) -> None:
    ws = desk_with_more.workspace
    play, rewind = action("scene.play"), action("scene.rewind")
    assert play.why_not(ws) == ""
    now = 10**15
    ws.showing.turn(now, moves=False)
    play.run(desk_with_more)
    ws.showing.turn(now + 500_000_000, moves=False)
    assert ws.showing.stage_at == 12.0
    look = ws.showing.resolve(ws.mirror, (), now)
    assert look is not None
    assert look.matrix[look.moved.tolist().index(PRIM), 2, 3] == ws.scene.matrix[PRIM, 2, 3] + 0.5
    play.run(desk_with_more)
    ws.showing.turn(now + 900_000_000, moves=False)
    assert ws.showing.stage_at == 12.0
    rewind.run(desk_with_more)
    assert PRIM not in ws.showing.resolve(ws.mirror, (), now).moved


def test_the_scene_goes_with_the_time_of_the_world_that_is_shown_until_it_is_let_go(
    desk_with_more: DeskWindow, bench: Any
) -> None:
    ws = desk_with_more.workspace
    start_ns = bench.clock.now_ns()
    ws.showing.scene_time = SceneTime(start_ns=start_ns)
    heights = []
    for after_ns in (NS // 2, NS // 4, 10 * NS):  # forwards, back as in a replay, past the end
        bench.seq += 1
        frame = plant_frame(bench.seq, start_ns + after_ns)
        ws._take_world(Batch(frames=[frame]), start_ns, bench.clock.now_mono_ns())
        assert ws.showing.wanted
        ws._resolve(bench.clock.now_mono_ns())
        look = ws.look
        assert look is not None
        heights.append(look.matrix[look.moved.tolist().index(PRIM), 2, 3] - ws.scene.matrix[PRIM, 2, 3])
    assert heights == pytest.approx([0.5, 0.25, 1.0])
    assert "follows the world's time" in action("scene.play").why_not(ws)
    action("scene.follow").run(desk_with_more)
    assert action("scene.play").why_not(ws) == ""
    bench.seq += 1
    ws._take_world(Batch(frames=[plant_frame(bench.seq, start_ns)]), start_ns, bench.clock.now_mono_ns())
    assert ws.showing.stage_at == 24.0


def plant_frame(seq: int, t_ns: int) -> Frame:
    return replace(empty_frame("world-1", WorldKind.REPLAY), seq=seq, first_seq=seq, t_ns=t_ns)


def test_cameras_are_looked_through_one_after_the_other(desk_with_more: DeskWindow) -> None:
    seen = []
    for _ in range(3):
        action("scene.next-camera").run(desk_with_more)
        seen.append(desk_with_more.canvas.view.pose.position[0])
    assert seen == [0.0, 1.0, 0.0]


def test_the_lights_of_the_scene_can_be_switched_off(desk_with_more: DeskWindow) -> None:
    view = desk_with_more.canvas.view
    assert view.stage.by_lights
    action("scene.lights").run(desk_with_more)
    assert not view.stage.by_lights


@pytest.mark.parametrize(
    "name", ["play", "rewind", "follow", "load-payloads", "next-camera", "look-through", "lights"]
)
def test_a_scene_without_such_things_says_why_not(desk: DeskWindow, name: str) -> None:
    assert action(f"scene.{name}").why_not(desk.workspace).endswith((".", "own."))


def test_what_the_scene_says_of_itself_stands_where_no_part_is_selected(desk_with_more: DeskWindow) -> None:
    desk, ws = desk_with_more, desk_with_more.workspace
    scene = replace(ws.scene, facts=(("Units", "0.01 m"), ("Comment", "Goods in")))
    ws.showing.show(replace(ws.scenery, scene=scene))
    ws.scene_changed.emit()
    ws.select(())
    found = desk.inspector.facts
    assert not found.isHidden()
    assert [row.texts for row in found.model.rows] == [("Units", "0.01 m"), ("Comment", "Goods in")]
    assert found.time.text() == "Its own time: code 0.0 of 0 to 24, 0.0 s · held"
    found.slider.setValue(500)
    assert ws.showing.stage_at == 12.0
    assert ws.look.matrix[ws.look.moved.tolist().index(PRIM), 2, 3] == scene.matrix[PRIM, 2, 3] + 0.5
    found.play.click()
    assert ws.showing.playing
    found.tell_time()
    assert found.play.text() == "Hold"
    ws.showing.scene_time = SceneTime(start_ns=1)
    found.tell_time()
    assert not found.slider.isEnabled()
    assert "follows the world's time" in found.time.text()
    ws.select((PRIM,))
    assert found.isHidden()


def test_playing_moves_what_bends_on_the_desk(desk: DeskWindow) -> None:
    ws = desk.workspace
    found = check(str(BENDING))
    opened = open_stage(found.root, found.layers)
    with quiet():
        scene = load(opened.stage)
    ws.selection = ()
    ws.showing.show(scenery.compiled(scene, (), (), ws.specs, ()))
    ws.scene_changed.emit()
    first = desk.canvas.view.render().copy()
    now = 10**15
    ws.showing.turn(now, moves=False)
    action("scene.play").run(desk)
    ws.showing.turn(now + NS // 2, moves=False)
    ws._resolve(now + NS // 2)
    assert ws.showing.stage_at == 5.0
    assert (desk.canvas.view.render() != first).any(axis=2).mean() > 0.005
    action("scene.play").run(desk)
    action("scene.rewind").run(desk)
    ws._refresh()
    assert np.array_equal(desk.canvas.view.render(), first)


def test_an_alarm_with_a_camera_of_its_own_is_seen_through_it(desk_with_more: DeskWindow) -> None:
    window = desk_with_more
    window.canvas.flight.still = True
    state = AlarmState(id="A", process=ProcessState.UNACK, occurrence="A-1")
    row = alarm_row(AlarmSpec(id="A", slot=0, tag="T-101.level", camera=CAMERAS[1].path), state, None, 1)
    window.go_to_alarm(row)
    assert window.canvas.view.pose == eye.through(CAMERAS[1])
    window.go_to_alarm(replace(row, camera="/Gone"))
    assert window.canvas.view.pose != eye.through(CAMERAS[1]), "without it the part itself is framed"
