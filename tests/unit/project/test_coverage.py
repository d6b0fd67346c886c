"""What of a scene counts as bound, and which bindings are dead."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from armillary.model.binding import Binding
from armillary.model.tags import TagSpec
from armillary.project.coverage import (
    BARE,
    BOUND,
    DEAD,
    SEVERAL,
    TEMPLATE,
    UNBOUND,
    dead,
    next_unbound,
    states,
)

PATHS = ("/P", "/P/A", "/P/A/Lid", "/P/B", "/P/C", "/P/D")
ROWS = {path: row for row, path in enumerate(PATHS)}
SPECS = (TagSpec(slot=0, name="t", link="m", address="x"),)


class Scene(SimpleNamespace):
    def __len__(self) -> int:
        return len(PATHS)


def scene() -> Scene:
    """A plant that draws nothing itself: A with a lid, B, C and D."""
    return Scene(
        prim_path=PATHS,
        parent=np.array([-1, 0, 1, 0, 0, 0], np.int32),
        drawable=np.array([0, 1, 1, 1, 1, 1], np.bool_),
        visible=np.ones(6, np.bool_),
    )


def on(prim: str, name: str = "heat", **more: object) -> Binding:
    return Binding(name=name, prim=prim, **{"signal": "t", **more})  # type: ignore[arg-type]


def painted(*bindings: Binding, templated: tuple[str, ...] = ()) -> list[int]:
    gone = dead(bindings, SPECS, ["m"], ROWS)
    return states(scene(), bindings, gone, templated).tolist()


def test_a_binding_covers_all_below_down_to_what_is_bound_itself() -> None:
    assert painted() == [BARE, UNBOUND, UNBOUND, UNBOUND, UNBOUND, UNBOUND]
    assert painted(on("/P/A")) == [BARE, BOUND, BOUND, UNBOUND, UNBOUND, UNBOUND]
    assert painted(on("/P/A"), on("/P/A/Lid", signal="gone"))[1:3] == [BOUND, DEAD]


def test_several_those_of_templates_and_targets_are_told_apart() -> None:
    both = on("/P/A"), on("/P/A", "glow")
    made = on("/P/B", targets=("/P/C", "/P/D.size"))
    found = painted(*both, made, templated=("/P/B#heat",))
    assert found[1] == SEVERAL
    assert found[3:] == [UNBOUND, TEMPLATE, TEMPLATE]  # its targets are painted, not where it stands


def test_a_binding_that_is_disabled_covers_nothing_and_is_not_dead() -> None:
    off = on("/P/A", signal="gone", enabled=False)
    assert painted(off)[1] == UNBOUND
    assert dead([off], SPECS, ["m"], ROWS) == {}


def test_why_a_binding_shows_nothing_is_said() -> None:
    found = dead(
        [
            on("/P/Z"),
            on("/P/A", targets=("/P/Y",)),
            on("/P/A", signal="", address="q!x"),
            on("/P/A", signal="gone"),
            on("/P/A", signal=""),
            on("/P/A", signal="", address="m!x"),
            on("/P/A", targets=("/P/Y", "/P/B")),
        ],
        SPECS,
        ["m"],
        ROWS,
    )
    assert found == {
        0: "/P/Z is not in the scene",
        1: "/P/Y is not in the scene",
        2: "there is no source 'q'",
        3: "there is no tag 'gone'",
        4: "it has no tag",
    }


def test_unbound_parts_are_gone_through_and_round() -> None:
    plant, state = scene(), np.array([BARE, BOUND, BOUND, UNBOUND, BOUND, UNBOUND], np.uint8)
    assert [next_unbound(plant, state, after) for after in (-1, 3, 5)] == [3, 5, 3]
    plant.visible[3] = False
    assert next_unbound(plant, state, -1) == 5
    assert next_unbound(plant, np.full(6, BOUND, np.uint8), -1) is None
