from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from armillary.model.binding import Binding
from armillary.model.clock import ManualClock
from armillary.model.control import Cursor, ShowVersion
from armillary.model.fault import Fault, FaultRecord, record
from armillary.model.frame import Event, WorldKind
from armillary.model.message import AskBindings, AskKept, BindingsRead, Kept
from armillary.project import version
from armillary.session.authored import Authored

PROJECT = '[project]\nschema = 1\nid = "5f0d7c0e-9a7e-4c0a-9a51-4f9c3f0b6a12"\nname = "Plant"\n'
PROJECT += '[scene]\nentry = "scene.usda"\nbindings = "bindings.usda"\n'


def _files(note: str) -> dict[str, str]:
    return {"project.toml": PROJECT, "bindings.usda": f"#usda 1.0\n# {note}\n"}


def _bindings(note: str) -> tuple[Binding, ...]:
    return (Binding(prim="/A", name=note, signal="t.a", channel="opacity"),)


class Desk:
    """A desk as `Authored` sees it; the scene child names bindings after the note in their layer."""

    def __init__(self) -> None:
        self.kind, self.cursor = WorldKind.LIVE, None
        self.colormaps: tuple[Any, ...] = ()
        self.bindings, self.scene = _bindings("now"), object()
        self.kept: dict[str, bytes] = {}
        self.asked: list[object] = []
        self.told: list[Event] = []
        self.authored = Authored(self, ManualClock(1, 1), self.work)  # type: ignore[arg-type]

    def replays(self, key: str) -> None:
        self.kind, self.cursor = WorldKind.REPLAY, Cursor(version=key)
        self.authored.look()

    def is_live(self) -> None:
        self.kind, self.cursor = WorldKind.LIVE, None
        self.authored.look()

    def keep(self, note: str) -> str:
        files = _files(note)
        self.kept[version.key_of(files)] = version.packed(files)
        return version.key_of(files)

    def rebind(self, bindings: tuple[Binding, ...]) -> None:
        self.bindings = bindings

    def work(self, job: Callable[[], object], callback: Callable[[object], None]) -> None:
        try:
            made = job()
        except Fault as fault:
            made = record(fault)
        callback(made)

    def ask_recorder(self, message: AskKept, callback: Callable[[object], None], _limit: float) -> None:
        self.asked.append(message)
        data = self.kept.get(message.key)
        callback(Kept() if data is None else Kept(found=True, key=message.key, t_ns=1, data=data))

    def ask_about_scene(self, message: AskBindings, callback: Callable[[object], None], _s: float) -> None:
        note = Path(message.layer).read_text().split("# ")[1].strip()
        callback(BindingsRead(bindings=_bindings(note)))

    def ask_world(self, message: object, callback: Callable[[object], None], _limit: float = 0.0) -> None:
        self.asked.append(message)

    def tell_event(self, event: Event) -> None:
        self.told.append(event)


@pytest.fixture
def desk(own_places: Path) -> Desk:
    return Desk()


def test_a_replay_shows_the_bindings_of_then_and_live_those_of_now(desk: Desk) -> None:
    first, second = desk.keep("first"), desk.keep("second")
    desk.replays(first)
    assert desk.bindings == _bindings("first")
    desk.replays(second)
    assert desk.bindings == _bindings("second")
    desk.replays("")
    assert desk.bindings == _bindings("now")
    desk.replays(first)
    desk.is_live()
    assert desk.bindings == _bindings("now")
    assert len(desk.asked) == 2, "what was read once is not asked again"


def test_a_version_that_is_not_there_leaves_the_bindings_of_now_and_says_so(desk: Desk) -> None:
    desk.replays("gone")
    assert desk.bindings == _bindings("now")
    assert not desk.authored.is_coming
    assert "of now" in desk.told[0].text
    desk.kept["bad"] = b"no document"
    desk.replays("bad")
    assert desk.bindings == _bindings("now")
    assert isinstance(desk.told[1].fault, FaultRecord)


def test_a_scene_that_is_read_while_it_replays_gets_the_bindings_of_then(desk: Desk) -> None:
    desk.scene = None
    desk.replays(desk.keep("first"))
    assert desk.bindings == _bindings("now")
    desk.scene = object()
    desk.authored.scene_shown()
    assert desk.bindings == _bindings("first")
    desk.is_live()
    assert desk.bindings == _bindings("now")


def test_who_wants_times_as_the_project_is_now_tells_each_replay(desk: Desk) -> None:
    desk.authored.choose(then=False)
    assert desk.asked == [], "live has no other time"
    desk.replays("")
    desk.authored.visited()
    assert desk.asked == [ShowVersion(then=False)]
