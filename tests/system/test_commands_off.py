"""A project that does not switch commands on has nothing that could send one."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.model.fault import OrderFault
from armillary.model.order import Arm
from armillary.project import folder as projects
from armillary.wire import child
from armillary.wire.bus import Line

pytestmark = pytest.mark.system


def test_orders_are_refused_with_the_switch_named_when_commands_are_off(tmp_path: Path) -> None:
    project = projects.new(tmp_path / "plant", "Plant")
    made = child.start("world.live", {"project": str(project.folder)}, tmp_path / "log")
    line = Line(str(made.ready()["address"]))
    try:
        wish = Arm(tag="V-1.position", value=1.0, unit="%", actor="local:0", seen_seq=1)
        with pytest.raises(OrderFault, match=r"switched off.*project\.toml.*enabled = true"):
            line.ask(wish)
    finally:
        line.close()
        made.stop()
