"""Every request of every kind of world by every role, against the table of operations 5.1."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from armillary.api.ports import SimulatorContext
from armillary.model import message as msg
from armillary.model.account import ROLES, LoggedIn
from armillary.model.alarm import AlarmAct
from armillary.model.clock import ManualClock
from armillary.model.control import (
    Approve,
    AskBrief,
    AskExercise,
    AskRuns,
    AskState,
    CancelRuns,
    ClearMalfunction,
    Exercise,
    Inject,
    Kill,
    MalfunctionSpec,
    Play,
    Restore,
    SaveScenario,
    Seek,
    ShowRun,
    StartRuns,
    Step,
    TakeSnapshot,
)
from armillary.model.fault import Fault
from armillary.model.frame import WorldKind
from armillary.model.order import Arm, Order, OrderState, Receipt
from armillary.model.places import data
from armillary.model.scenario import Fork
from armillary.model.simulation import OpenModel
from armillary.model.substitution import EndSubstitution, Substitute
from armillary.project import folder as projects
from armillary.project import lessons
from armillary.simulate.host import SimulatorHost
from armillary.world.live import Live
from armillary.world.replay import Replay
from armillary.world.serving import Serving
from armillary.world.training import Training
from armillary.world.whatif import WhatIf
from armillary_plugins.demo_plant.model import make

LINK = '\n[[source]]\nname = "plc"\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:9"\ncommands = true\n'
COMMAND = "\n[command]\nenabled = true\n"
EVERYBODY = " ".join(ROLES)
ASKED: dict[str, tuple[object, str]] = {  # what is asked, and the roles that may
    "look": (AskState(), EVERYBODY),
    "order": (
        Arm(tag="no such tag", value=1.0, unit="", actor="", seen_seq=0),
        "operator engineer",
    ),
    "stop": (Kill(stop=True, reason="test"), EVERYBODY),
    "release": (Kill(stop=False, reason="test"), "engineer admin"),
    "acknowledge": (AlarmAct(action="ack", occurrences=("o-1",)), "operator engineer"),
    "reset": (AlarmAct(action="reset", occurrences=("o-1",)), "operator engineer"),
    "substitute": (
        Substitute(tag="no such tag", value=1.0, for_s=60.0, reason="test"),
        "operator engineer",
    ),
    "end a substitution": (EndSubstitution(tag="no such tag"), "operator engineer"),
    "approve": (Approve(id="none"), "operator engineer"),
    "refuse": (Approve(id="none", yes=False), "operator engineer"),
    "browse": (msg.Browse(link="plc", under=""), EVERYBODY),
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
    assert live._deeds.audit is not None
    live._deeds.audit.close()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("asked", ASKED)
def test_a_role_may_do_what_the_table_says_and_nothing_else(live: Live, role: str, asked: str) -> None:
    message, may = ASKED[asked]
    peer = b"desk"
    live._who[peer] = LoggedIn(user="somebody", name="Somebody", role=role, accounts=True)
    if asked == "release":
        live._deeds.acts.switch.file.touch()
        live._deeds.acts.look()
    try:
        asyncio.run(live._reply(peer, message))
        refused = False
    except Fault as fault:
        refused = any(text in fault.what for text in REFUSALS)
    assert refused is (role not in may.split())


# ---------------------------------------------------------------- worlds without a plant

ORDER = Order(
    id="o",
    world="w",
    tag="P-101B.run",
    value=1.0,
    unit="",
    actor="",
    token="stolen",  # noqa: S106 - nobody's
    not_after_ns=2**62,
    expect_seq=0,
)
ARM = Arm(tag="P-101B.run", value=1.0, unit="", actor="", seen_seq=0)
NOBODY = ""
PLANT: dict[str, tuple[object, str]] = {  # means a plant, and is carried out for nobody
    "arm": (ARM, NOBODY),
    "order": (ORDER, NOBODY),
    "acknowledge": (AlarmAct(action="ack", occurrences=("o-1",)), NOBODY),
    "approve": (Approve(id="p"), NOBODY),
    "stop": (Kill(stop=True, reason="test"), NOBODY),
    "release": (Kill(stop=False, reason="test"), NOBODY),
    "link": (msg.Retry(link="ctl-ua"), NOBODY),
    "browse": (msg.Browse(link="ctl-ua", under=""), NOBODY),
}
CLOCK: dict[str, tuple[object, str]] = {
    "look": (AskState(), EVERYBODY),
    "seek": (Seek(t_ns=1), EVERYBODY),
    "play": (Play(speed=0.0), EVERYBODY),
    "step": (Step(by="second"), EVERYBODY),
    "snapshot": (TakeSnapshot(title="x"), "operator engineer instructor"),
}
FORKERS = "operator engineer instructor"
OFFLINE: dict[str, dict[str, tuple[object, str]]] = {
    "REPLAY": PLANT
    | CLOCK
    | {"inject": (Inject(malfunction=MalfunctionSpec(id="x", target="", kind="")), NOBODY)},
    "WHAT-IF": PLANT
    | CLOCK
    | {
        "fork": (Fork(snapshot="/no/such"), FORKERS),
        "start": (StartRuns(runs=()), FORKERS),
        "cancel": (CancelRuns(ids=()), FORKERS),
        "save": (SaveScenario(path="scenarios/x.toml", title="x"), FORKERS),
        "runs": (AskRuns(), EVERYBODY),
        "show": (ShowRun(id="none"), EVERYBODY),
    },
    "TRAINING": PLANT
    | {
        "arm": (ARM, "operator engineer instructor"),
        "order": (ORDER, "operator engineer instructor"),
        "acknowledge": (AlarmAct(action="ack", occurrences=("o-1",)), "operator engineer instructor"),
        "look": (AskState(), EVERYBODY),
        "brief": (AskBrief(), EVERYBODY),
        "ready": (Exercise(action="ready"), "operator engineer instructor"),
        "run": (Exercise(action="run", value=1.0), "instructor"),
        "freeze": (Exercise(action="freeze"), "instructor"),
        "end": (Exercise(action="end"), "instructor"),
        "mark": (Exercise(action="mark", value=5.0, text="good"), "instructor"),
        "see all": (AskExercise(), "instructor"),
        "inject": (
            Inject(malfunction=MalfunctionSpec(id="x", target="tag:T-101.level", kind="sensor.stuck")),
            "instructor",
        ),
        "clear": (ClearMalfunction(id="x"), "instructor"),
        "go back": (Restore(path="moment-9"), "instructor"),
        "snapshot": (TakeSnapshot(title="x"), "operator engineer instructor"),
    },
}


def _world(kind: str, folder: Path) -> Serving:
    project, clock = projects.read(folder), ManualClock()
    if kind == WorldKind.REPLAY:
        return Replay(project, clock, recorder="ipc:///no/such")
    if kind == WorldKind.WHATIF:
        whatif = WhatIf(project, clock)
        whatif._begun.set()
        return whatif
    lesson = lessons.read(lessons.find(folder, "pump-trip-with-drift"), [s.name for s in project.specs], [])
    model = make(SimulatorContext(project=folder))
    host = SimulatorHost(OpenModel(kind=lesson.simulator), folder / "none.log", project=folder)
    return Training(project, clock, lesson, model.describe(), host)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rights") / "station"
    shutil.copytree(data("scenes/pumping-station"), folder, ignore=shutil.ignore_patterns(".armillary"))
    return folder


@pytest.mark.parametrize("kind", OFFLINE)
@pytest.mark.parametrize("role", ROLES)
def test_what_may_be_done_where_there_is_no_plant(station: Path, kind: str, role: str) -> None:
    world = _world(kind, station)
    wrong = []
    for asked, (message, may) in OFFLINE[kind].items():
        done, refused = asyncio.run(_asked(world, role, message))
        if may == NOBODY:
            wrong += [f"{asked} was carried out"] if done else []
        elif refused is (role in may.split()):
            wrong.append(f"{asked} was {'refused' if refused else 'let through'}")
    assert wrong == []


async def _asked(world: Serving, role: str, message: object) -> tuple[bool, bool]:
    """Ask as a role; return whether it was carried out, and whether it was refused for the role."""
    world._who[b"desk"] = LoggedIn(user="somebody", name="Somebody", role=role, accounts=True)
    try:
        answer = await world._reply(b"desk", message)
    except Fault as fault:
        return False, any(text in fault.what for text in REFUSALS)
    return not (isinstance(answer, Receipt) and answer.state is OrderState.REFUSED), False
