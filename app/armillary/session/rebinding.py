"""Other bindings for the scene that is shown: at once for few, else compiled aside while the picture stands.

Of several wishes that come while one is compiled only the newest is compiled next: who drags a slider must
not wait for every step of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from armillary.model.binding import Binding
from armillary.model.fault import FaultRecord
from armillary.model.tags import TagSpec

AT_ONCE = 2_000  # bindings that are compiled without leaving the thread
_SLOW = ("field", "primvar")  # channels whose compilation takes up to seconds for a large mesh
_MANY_FLOWS = 64  # their pipes are known from the first compilation; a new one takes some milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Bindings to be shown, with a tag on trial that no world has, and its value and quality."""

    bindings: tuple[Binding, ...]
    trial: TagSpec | None = None
    shown: tuple[float, int] | None = None

    @property
    def is_quick(self) -> bool:
        """Whether it can be compiled between two pictures."""
        channels = [b.channel for b in self.bindings if b.enabled]
        is_slow = any(channel in _SLOW for channel in channels) or channels.count("flow") > _MANY_FLOWS
        return len(self.bindings) <= AT_ONCE and not is_slow


class Rebinding:
    """What is wished for and not shown yet. One thread; `work` runs a job in another one."""

    def __init__(
        self,
        compile_: Callable[[Wish], Callable[[], object]],
        work: Callable[[Callable[[], object], Callable[[object], None]], None],
        show: Callable[[Wish, object], None],
    ) -> None:
        """`compile_` returns the job of a wish; `show` takes what it made, or a FaultRecord."""
        self._compile, self._work, self._show = compile_, work, show
        self._running: Wish | None = None
        self._next: Wish | None = None
        self._round = 0

    @property
    def newest(self) -> Wish | None:
        """The wish that will be shown last, None when all are."""
        return self._next or self._running

    def wish(self, wish: Wish) -> None:
        """Show a wish now where it is quick and nothing is under way, else as soon as it is compiled."""
        if wish.is_quick:
            self.forget()  # what is still compiled is older than this
            self._show(wish, self._compile(wish)())
        elif self._running is not None:
            self._next = wish
        else:
            self._begin(wish)

    def retry(self, shown: tuple[float, int]) -> None:
        """Give the wishes under way another value of the tag on trial."""
        if self._next is not None and self._next.trial is not None:
            self._next = _valued(self._next, shown)
        elif self._running is not None and self._running.trial is not None:
            self._running = _valued(self._running, shown)

    def forget(self) -> None:
        """Give up what is wished for: another scene is opened. What is being compiled is not shown."""
        self._running = self._next = None
        self._round += 1

    def _begin(self, wish: Wish) -> None:
        self._running = wish
        round_ = self._round

        def done(answer: object) -> None:
            if round_ != self._round or self._running is None:
                return
            made, self._running = self._running, None
            following, self._next = self._next, None
            if following is not None:
                self._begin(following)
            if following is None or not isinstance(answer, FaultRecord):
                self._show(made, answer)

        self._work(self._compile(wish), done)


def _valued(wish: Wish, shown: tuple[float, int]) -> Wish:
    return Wish(bindings=wish.bindings, trial=wish.trial, shown=shown)
