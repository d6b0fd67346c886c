"""The coverage view paints what is bound and what is not: each part's pixels have the colour of its state."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import picture_scenes as scenes

from armillary.model.binding import Binding
from armillary.model.look import base_look
from armillary.model.tags import TagSpec
from armillary.project import coverage
from armillary.session.covering import COLOURS, Covering
from armillary.session.signal import Signal
from armillary.viewport.view import View


def test_pixels_of_bound_unbound_and_dead_parts_have_the_colours_of_the_legend(
    view_of: Callable[..., View],
) -> None:
    scene = scenes.row_of_boxes(4)
    paths = scene.prim_path
    specs = (TagSpec(slot=0, name="t", link="", address="x"),)
    bindings = (
        Binding(name="heat", prim=paths[1], signal="t"),
        Binding(name="heat", prim=paths[2], signal="t"),
        Binding(name="glow", prim=paths[2], signal="t", channel="emissiveColor"),
        Binding(name="heat", prim=paths[3], signal="gone"),
    )
    showing = SimpleNamespace(tint=None, tint_legends=(), grey=(90, 90, 90))
    host = SimpleNamespace(
        showing=showing,
        scene_changed=Signal(),
        bindings_changed=Signal(),
        world_changed=Signal(),
        scene=scene,
        bindings=bindings,
        project=None,
        plant_specs=specs,
        selection=(),
        select=lambda prims: setattr(host, "selection", prims),
        show_anew=lambda: None,
    )
    covering = Covering(host)
    covering.toggle()
    view = view_of(scene)
    view.apply(covering.tint(base_look(scene), None))  # type: ignore[arg-type]
    picture = view.render()
    states = (coverage.BOUND, coverage.SEVERAL, coverage.DEAD, coverage.UNBOUND)
    for prim, state in enumerate(states, 1):
        x, y, _ = view.project(prim)
        assert tuple(map(int, picture[int(y), int(x), :3])) == COLOURS[state], coverage.STATES[state]
    [legend] = showing.tint_legends
    assert [step.text for step in legend.steps] == ["unbound 1", "bound 1", "bound by several 1", "dead 1"]
    assert covering.next_unbound() == 4
    assert host.selection == (4,)

    host.bindings = (*bindings[:3], Binding(name="heat", prim=paths[4], signal="t"))
    host.bindings_changed.emit()  # it follows while it is on
    view.apply(covering.tint(base_look(scene), None))  # type: ignore[arg-type]
    picture = view.render()
    x, y, _ = view.project(4)
    assert tuple(map(int, picture[int(y), int(x), :3])) == COLOURS[coverage.BOUND]
    covering.toggle()
    assert not covering.is_on
    assert showing.tint is None
