"""What passes between the wire thread and the Qt thread, and what the wire thread knows of each process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from armillary.model.fault import FaultRecord
from armillary.model.frame import Frame
from armillary.model.message import SceneProgress, Welcome
from armillary.wire.child import Child


class Wire(Protocol):
    """What the feed needs of `wire.bus.Line`; tests give their own."""

    def send(self, message: object) -> int: ...
    def poll(self, timeout_s: float) -> list[tuple[int, object]]: ...
    def wake(self) -> None: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class Batch:
    """What the Qt thread gets: everything since it last asked."""

    welcome: Welcome | None = None  # the newest; frames older than it have been left out
    frames: list[Frame] = field(default_factory=list)
    answers: list[tuple[int, object]] = field(default_factory=list)  # (request number, answer or FaultRecord)
    live: bool | None = None  # the world began (True) or ceased (False) to speak; None: as before
    ended: list[tuple[str, FaultRecord]] = field(default_factory=list)  # (peer, why its process is gone)
    died: set[str] = field(default_factory=set)  # those among them that ran already
    ready: list[str] = field(default_factory=list)  # peers that can be asked now
    notices: list[tuple[str, FaultRecord]] = field(default_factory=list)  # (peer, what it found as it began)
    told: list[SceneProgress] = field(default_factory=list)  # by the scene child, while it works

    def __bool__(self) -> bool:
        return bool(
            self.welcome
            or self.frames
            or self.answers
            or self.ended
            or self.ready
            or self.told
            or self.notices
            or self.live is not None
        )


@dataclass(slots=True)
class Asked:
    number: int
    peer: str
    message: object
    deadline_ns: int


@dataclass(slots=True)
class Peer:
    """One of the other processes, as the wire thread sees it."""

    line: Wire | None = None
    address: str = ""
    child: Child | None = None
    starting: bool = False  # our child has not said its address yet
    asked: dict[int, Asked] = field(default_factory=dict)  # line's id -> request
    held: list[Asked] = field(default_factory=list)  # wait for the child to be ready
