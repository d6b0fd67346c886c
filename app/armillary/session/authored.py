"""The bindings of the version that a replay shows: those of then, as history kept them, or those of now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from armillary.model import places
from armillary.model.binding import Binding, ColourMap
from armillary.model.clock import Clock
from armillary.model.control import Cursor, ShowVersion
from armillary.model.fault import FaultRecord
from armillary.model.frame import Event, WorldKind
from armillary.model.message import AskBindings, AskKept, BindingsRead, Kept
from armillary.model.scene import SceneArrays
from armillary.project import folder as projects
from armillary.project import version
from armillary.session.loading import fault_of
from armillary.session.signal import Signal

FOLDER = "versions"  # in the user's cache, by key
KEPT_S, READ_S = 10.0, 60.0
KEPT = 16  # versions whose bindings stay in memory
Callback = Callable[[object], None]


@dataclass(frozen=True, slots=True)
class Then:
    """What a version shows of itself in the scene."""

    bindings: tuple[Binding, ...]
    colormaps: tuple[ColourMap, ...]


@dataclass(frozen=True, slots=True)
class _LaidOut:
    """A version whose files are on this machine."""

    layer: str  # "" = it had none
    colormaps: tuple[ColourMap, ...]


class Host(Protocol):
    """What this needs of the workspace."""

    cursor: Cursor | None
    colormaps: tuple[ColourMap, ...]

    @property
    def kind(self) -> WorldKind: ...
    @property
    def bindings(self) -> tuple[Binding, ...]: ...
    @property
    def scene(self) -> SceneArrays | None: ...
    def rebind(self, bindings: tuple[Binding, ...]) -> None: ...
    def ask_recorder(self, message: object, callback: Callback, timeout_s: float) -> None: ...
    def ask_about_scene(self, message: object, callback: Callback, timeout_s: float) -> None: ...
    def ask_world(self, message: object, callback: Callback, timeout_s: float = ...) -> None: ...
    def tell_event(self, event: Event) -> None: ...


class Authored:
    """One thread, the desk's. `look` is called whenever something may have come."""

    def __init__(
        self, host: Host, clock: Clock, work: Callable[[Callable[[], object], Callback], None]
    ) -> None:
        self.changed: Signal[()] = Signal()
        self.then = True  # what a person chose: times as they were authored, or as the project is now
        self.wanted = ""  # key of the version that the world shows; "" = the present one
        self._host, self._clock, self._work = host, clock, work
        self._now: Then | None = None  # what the scene shows by itself; None while it does
        self._known: dict[str, Then] = {}
        self._unread: set[str] = set()

    @property
    def is_coming(self) -> bool:
        """Whether the bindings of what is shown are still on their way."""
        return bool(self.wanted) and self.wanted not in self._known and self.wanted not in self._unread

    def choose(self, *, then: bool) -> None:
        """Show times as they were authored then, or as the project is now; the world that replays follows."""
        self.then = then
        if self._host.kind is WorldKind.REPLAY:
            self._host.ask_world(ShowVersion(then=then), lambda _answer: None)
        self.changed.emit()

    def visited(self) -> None:
        """Say to a replay that is shown now what a person chose."""
        if self._host.kind is WorldKind.REPLAY and not self.then:
            self._host.ask_world(ShowVersion(then=False), lambda _answer: None)

    def forget(self) -> None:
        """Begin anew: something else is open."""
        self.wanted, self._now = "", None
        self._known.clear()
        self._unread.clear()

    def look(self) -> None:
        """Follow the version that the shown world tells."""
        at = self._host
        wanted = at.cursor.version if at.kind is WorldKind.REPLAY and at.cursor is not None else ""
        if wanted == self.wanted:
            return
        self.wanted = wanted
        if not wanted or wanted in self._known:
            self.apply()
        elif wanted not in self._unread:
            ask = AskKept(kind=version.KIND, t_ns=2**62, key=wanted)
            at.ask_recorder(ask, lambda answer: self._kept(wanted, answer), KEPT_S)
        self.changed.emit()

    def scene_shown(self) -> None:
        """Put the bindings of then over a scene that was read anew: it came with those of now."""
        self._now = None
        self.apply()

    def apply(self) -> None:
        """Show the bindings of what is wanted, where the scene is there."""
        at = self._host
        if at.scene is None:
            return
        then = self._known.get(self.wanted) if self.wanted else self._now
        if then is None:
            return
        if self.wanted and self._now is None:
            self._now = Then(at.bindings, at.colormaps)
        at.colormaps = then.colormaps
        if at.bindings != then.bindings:
            at.rebind(then.bindings)
        if not self.wanted:
            self._now = None

    # ------------------------------------------------------------ what comes

    def _kept(self, key: str, answer: object) -> None:
        if not isinstance(answer, Kept) or not answer.found:
            self._fail(key, fault_of(answer))
            return
        data = answer.data

        def laid_out() -> object:
            folder = version.unfolded(data, key, places.cache() / FOLDER)
            then = projects.read(folder)
            layer = str(then.bindings) if then.bindings is not None and then.bindings.is_file() else ""
            return _LaidOut(layer, then.colormaps)

        self._work(laid_out, lambda made: self._unfolded(key, made))

    def _unfolded(self, key: str, made: object) -> None:
        if not isinstance(made, _LaidOut):
            self._fail(key, fault_of(made))
        elif not made.layer:
            self._take(key, Then((), made.colormaps))
        else:
            ask = AskBindings(layer=made.layer)
            self._host.ask_about_scene(ask, lambda read: self._read(key, made, read), READ_S)

    def _read(self, key: str, made: _LaidOut, answer: object) -> None:
        if isinstance(answer, BindingsRead):
            self._take(key, Then(answer.bindings, made.colormaps))
        else:
            self._fail(key, fault_of(answer))

    def _take(self, key: str, then: Then) -> None:
        while len(self._known) >= KEPT:
            self._known.pop(next(iter(self._known)))
        self._known[key] = then
        self.apply()
        self.changed.emit()

    def _fail(self, key: str, fault: FaultRecord) -> None:
        self._unread.add(key)
        text = f"The bindings of then cannot be shown, so these are of now: {fault.what}"
        now_ns = self._clock.now_ns()
        self._host.tell_event(Event(t_ns=now_ns, level="warning", source="replay", text=text, fault=fault))
        self.changed.emit()
