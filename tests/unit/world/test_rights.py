"""Every request of a LIVE world by every role, against the table of operations 5.1."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from armillary.model import message as msg
from armillary.model.account import ROLES, LoggedIn
from armillary.model.clock import ManualClock
from armillary.model.control import AskState, Kill, TakeSnapshot
from armillary.model.fault import Fault
from armillary.model.order import Arm
from armillary.project import folder as projects
from armillary.world.live import Live

LINK = '\n[[source]]\nname = "plc"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:9"\ncommands = true\n'
COMMAND = "\n[command]\nenabled = true\n"
ASKED: dict[str, tuple[object, str]] = {  # what is asked, and the roles that may
    "look": (AskState(), "viewer operator engineer instructor admin"),
    "order": (
        Arm(tag="no such tag", value=1.0, unit="", actor="", seen_seq=0),
        "operator engineer",
    ),
    "stop": (Kill(stop=True, reason="test"), "viewer operator engineer instructor admin"),
    "release": (Kill(stop=False, reason="test"), "engineer admin"),
    "link": (msg.Retry(link="plc"), "operator engineer"),
    "snapshot": (TakeSnapshot(title="x"), "operator engineer instructor"),
}
REFUSALS = ("may not do that", "may not write")


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    project = projects.new(tmp_path / "plant", "Plant")
    path = project.folder / "project.toml"
    path.write_text(path.read_text() + LINK + COMMAND)
    live = Live(projects.read(project.folder), ManualClock())
    yield live
    assert live._audit is not None
    live._audit.close()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("asked", ASKED)
def test_a_role_may_do_what_the_table_says_and_nothing_else(live: Live, role: str, asked: str) -> None:
    message, may = ASKED[asked]
    peer = b"desk"
    live._who[peer] = LoggedIn(user="somebody", name="Somebody", role=role, accounts=True)
    if asked == "release":
        live._acts.switch.file.touch()
        live._acts.look()
    try:
        asyncio.run(live._reply(peer, message))
        refused = False
    except Fault as fault:
        refused = any(text in fault.what for text in REFUSALS)
    assert refused is (role not in may.split())
