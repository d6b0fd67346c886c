"""A feed that the test answers for: no thread, no socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from armillary.session.batch import Batch


class FakeFeed:
    """Hands out the batch that the test has put together; answers nothing by itself."""

    made: ClassVar[list[FakeFeed]] = []

    def __init__(self, clock: object, wake: Callable[[], None], *, actor: str, desk: str = "desk") -> None:
        self.wake, self.actor = wake, actor
        self.batch = Batch()
        self.asked: list[tuple[str, Any]] = []
        self.jobs: list[Callable[[], object]] = []
        self.launched: list[str] = []
        self.connected: list[tuple[str, str]] = []
        self.killed: list[str] = []
        self.stopped = False
        FakeFeed.made.append(self)

    def start(self) -> None: ...

    def stop(self) -> None:
        self.stopped = True

    def take(self) -> Batch:
        out, self.batch = self.batch, Batch()
        return out

    def connect(self, peer: str, address: str) -> None:
        self.connected.append((peer, address))

    def launch(self, peer: str, entry: str, args: object, log: Path, memory: int = 0) -> None:
        self.launched.append(entry)

    def ask(self, peer: str, message: object, timeout_s: float = 10.0) -> int:
        self.asked.append((peer, message))
        return len(self.asked)

    def kill(self, peer: str, why: str) -> None:
        self.killed.append(peer)

    def work(self, job: Callable[[], object]) -> int:
        self.jobs.append(job)
        return 1000 + len(self.jobs)
