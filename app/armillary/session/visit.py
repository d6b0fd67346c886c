"""A line to a world beside the home world: a warm spare, one that is shown, one that goes on behind.

A visit has a feed (wire thread) of its own, with a world and nothing else: recorder and scene are home's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from armillary.model.account import LoggedIn, Login
from armillary.model.clock import NS
from armillary.model.control import Seek
from armillary.model.fault import FaultRecord
from armillary.model.frame import RunState, WorldKind
from armillary.model.message import Hello
from armillary.model.tags import TagSpec
from armillary.session.batch import Batch
from armillary.session.feed import WORLD
from armillary.session.side import Side

SEEKS_A_SECOND = 25  # a drag over the time bar asks no more often: newest wins
SEEK_S = 10.0
BEGIN_S = 30.0
LOGIN_S = 5.0
PATIENCE_NS = NS // 2  # a world that answered a seek and sends no frame shows the same as before
_UNTIL_WELCOME = 1 << 60  # more frames than ever come
Told = Callable[[object], None]


class Line(Protocol):
    """What a visit needs of `session.feed.Feed`."""

    def start(self) -> None: ...
    def take(self) -> Batch: ...
    def connect(self, peer: str, address: str) -> None: ...
    def launch(
        self, peer: str, entry: str, args: Mapping[str, object], log_file: Path, memory: int = 0
    ) -> None: ...
    def ask(self, peer: str, message: object, timeout_s: float = 10.0) -> int: ...
    def stop(self) -> None: ...


class Visit:
    """One other world of this project. All methods are for the workspace's thread."""

    def __init__(self, feed: Line, kind: WorldKind, specs: tuple[TagSpec, ...]) -> None:
        self.feed, self.asked_kind = feed, kind
        self.side = Side(specs)
        self.id = ""  # the world's, once it has welcomed us
        self.address = ""
        self.is_ours = False  # our own child: it ends with us
        self.is_idle = False  # a spare: nobody has asked anything of it
        self.wants_show = False  # as soon as it has something to show
        self.died: FaultRecord | None = None
        self.lost = ""  # why there was no welcome, or no seek
        self.refusal: FaultRecord | None = None  # the same, as the world said it
        self.began = True  # False: what was refused is its beginning, not a time
        self.begun_mono_ns = 0
        self.seek_ns: int | None = None  # wanted, not sent yet
        self.asked_seek_ns = 0  # newest that was sent
        self._is_seeking = False
        self._sent_mono_ns = 0
        self._answered_mono_ns = 0
        self._frames_before = 0
        self._callbacks: dict[int, Told] = {}
        self.actor = ""
        self._is_beginning = False
        self._first: object = None  # asked as soon as we are welcome; what it makes is what is shown
        self._login: Login | None = None  # asked before that
        self._again: Login | None = None  # and once more when we have greeted it again
        feed.start()

    # ------------------------------------------------------------ beginning and end

    def connect(self, address: str) -> None:
        """Visit a world that runs."""
        self.address = address
        self.feed.connect(WORLD, address)

    def launch(self, entry: str, args: Mapping[str, object], log_file: Path) -> None:
        """Start a world as our child and visit it."""
        self.is_ours = True
        self.feed.launch(WORLD, entry, args, log_file)

    def drop(self, why: FaultRecord) -> None:
        """Answer what is still asked; the feed is stopped by the caller, where it may take its time."""
        callbacks, self._callbacks = self._callbacks, {}
        for callback in callbacks.values():
            callback(why)

    @property
    def is_welcomed(self) -> bool:
        return bool(self.id)

    @property
    def kind(self) -> WorldKind:
        return self.side.kind if self.is_welcomed else self.asked_kind

    # ------------------------------------------------------------ asking

    def ask(self, message: object, callback: Told, timeout_s: float = 10.0) -> None:
        """Ask the world; its answer or a FaultRecord comes to the callback."""
        self._callbacks[self.feed.ask(WORLD, message, timeout_s)] = callback

    def answered(self, batch: Batch) -> int:
        """Hand answers to those who asked; return how many nobody waits for."""
        late = 0
        for number, answer in batch.answers:
            callback = self._callbacks.pop(number, None)
            if callback is None:
                late += 1
            else:
                callback(answer)
        return late

    def welcomed(self, world: str) -> None:
        """Note who has welcomed us; its frame is what it shows now."""
        self.id = world
        if self._frames_before == _UNTIL_WELCOME:
            self._frames_before = 0

    def begin_with(self, message: object, login: Login | None = None) -> None:
        """Ask this as soon as the world has welcomed us; it is ready when that was carried out.

        login: asked first, as what is asked may need the rights of whoever is at the desk.
        """
        self._first, self._login, self.is_idle = message, login, False

    # ------------------------------------------------------------ the cursor

    def seek(self, t_ns: int, now_mono_ns: int) -> None:
        """Ask for another time; while one is under way, or too soon after it, the newest wins."""
        self.seek_ns = int(t_ns)
        self.go(now_mono_ns)

    def seek_due_s(self, now_mono_ns: int) -> float | None:
        """Return after how many seconds `go` has something to do, None when it waits for an answer."""
        if self.seek_ns is None or self._is_seeking or not self.is_welcomed:
            return None
        return max(0.0, 1 / SEEKS_A_SECOND - (now_mono_ns - self._sent_mono_ns) / NS)

    def go(self, now_mono_ns: int) -> None:
        """Send what waits, when it may be sent."""
        if self._first is not None and self.is_welcomed and not self._is_seeking:
            if self._login is not None:
                self._again, self._login = self._login, None
                self._is_seeking = True
                self.ask(self._again, self._logged_in, LOGIN_S)
                return
            first, self._first = self._first, None
            self.asked_seek_ns, self._is_beginning = self.asked_seek_ns or 1, True
            self._await(first, now_mono_ns, BEGIN_S)
            return
        due = self.seek_due_s(now_mono_ns)
        if due is None or due > 0.0 or self.seek_ns is None:
            return
        self.asked_seek_ns, self.seek_ns = self.seek_ns, None
        self.is_idle = False
        self._await(Seek(t_ns=self.asked_seek_ns), now_mono_ns, SEEK_S)

    def _await(self, message: object, now_mono_ns: int, limit_s: float) -> None:
        self._is_seeking, self._sent_mono_ns, self._answered_mono_ns = True, now_mono_ns, 0
        self._frames_before = self.side.mirror.frames
        self.ask(message, self._sought, limit_s)

    def _logged_in(self, answer: object) -> None:
        """Go on: who was not let in is told so by the world when it is asked."""
        self._is_seeking = False
        if isinstance(answer, LoggedIn):
            self.side.user, self.side.name, self.side.role = answer.user, answer.name, answer.role

    def _sought(self, answer: object) -> None:
        self._is_seeking = False
        if self._is_beginning and not isinstance(answer, FaultRecord):
            # what the world says of itself is another thing now: greet it again
            self._frames_before = _UNTIL_WELCOME
            self.ask(Hello(actor=self.actor, desk="desk"), lambda _answer: None)
            if self._again is not None:  # a greeting makes us a stranger
                login, self._again, self._is_seeking = self._again, None, True
                self.ask(login, self._logged_in, LOGIN_S)
            self._answered_mono_ns, self._is_beginning = max(1, self._sent_mono_ns), False
            return
        self._answered_mono_ns = max(1, self._sent_mono_ns)
        self._frames_before = self.side.mirror.frames  # the next one is of after
        if isinstance(answer, FaultRecord):
            self.lost, self.refusal = f"{answer.what} {answer.remedy}", answer
            self.began = not self._is_beginning
            self.is_idle = self._is_beginning  # a spare that could not begin is a spare still
            self._is_beginning = False

    def is_ready(self, now_mono_ns: int) -> bool:
        """Return whether what was asked for is here, so that it can be shown."""
        if not self.is_welcomed or self.seek_ns is not None or self._is_seeking or self._first is not None:
            return False
        if not self.asked_seek_ns:
            return self.side.mirror.t_ns > 0 or self.side.mirror.frames > 1
        mirror = self.side.mirror
        if not mirror.t_ns or mirror.run is RunState.SEEKING:
            return False  # a heartbeat of before
        is_there = mirror.t_ns == self.asked_seek_ns or mirror.frames > self._frames_before
        return is_there or now_mono_ns - self._answered_mono_ns > PATIENCE_NS
