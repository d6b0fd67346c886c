"""Looking for nodes on all links at once: a little at a time, until it is cancelled, done or has enough.

What is found stands in the tree of `session.browsing` under a root of its own, so that it is dragged as any
node. Each link is asked again only after it answered, and a while later.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from armillary.model.clock import MS_NS
from armillary.model.link import BrowseItem, Found, LinkStatus
from armillary.model.message import SearchLink
from armillary.session.browsing import FOUND, Browsing
from armillary.session.signal import Signal

MOST, AT_ONCE = 500, 50  # found altogether, and of one answer
PAUSE_NS = 100 * MS_NS  # between an answer and the next question to the same link
LEAST_LETTERS = 2
ASK_S = 20.0


class Place(Protocol):
    """What searching needs of the workspace."""

    links: tuple[LinkStatus, ...]

    def now_mono_ns(self) -> int: ...
    def ask_world(
        self, message: object, callback: Callable[[object], None], timeout_s: float = ...
    ) -> None: ...


@dataclass(slots=True)
class _Side:
    """How far the search of one link is."""

    asking: bool = False
    done: bool = False
    due_mono_ns: int = 0
    seen: int = 0
    waiting: int = 0
    why: str = ""


class Searching:
    """One search at a time. `pump` is called now and then while it runs."""

    def __init__(self, place: Place, browsing: Browsing, desk: str) -> None:
        """desk: tells the searches of this desk from those of others."""
        self._place, self._browsing, self._desk = place, browsing, desk
        browsing.reset.connect(self._forget)
        self._numbers = itertools.count(1)
        self._token = ""
        self._words: tuple[str, ...] = ()
        self._sides: dict[str, _Side] = {}
        self._hits: dict[tuple[str, str], int] = {}
        self.changed: Signal[()] = Signal()

    @property
    def is_running(self) -> bool:
        """Whether a search still has something to ask."""
        return bool(self._token) and not all(side.done for side in self._sides.values())

    @property
    def is_shown(self) -> bool:
        """Whether there is a search whose results stand in the tree."""
        return bool(self._token)

    def begin(self, text: str) -> str:
        """Search all links for all words of a text; return why not, "" when it began."""
        words = tuple(text.lower().split())
        if not words or max(map(len, words)) < LEAST_LETTERS:
            return "Type a word to search the links for."
        self.cancel()
        self._token = f"{self._desk}-{self._place.now_mono_ns()}-{next(self._numbers)}"
        self._words = words
        self._sides = {link.name: _Side() for link in self._place.links}
        if not self._sides:
            self._token = ""
            return "There are no links to search."
        self._browsing.show_found(self._title())
        self.pump()
        return ""

    def stop(self) -> None:
        """Ask no more; what was found stays."""
        for side in self._sides.values():
            side.done = True
        self._tell()

    def cancel(self) -> None:
        """Ask no more, and take away what was found."""
        if self._token:
            self._token = ""
            self._sides, self._hits = {}, {}
            self._browsing.show_found("")
            self.changed.emit()

    def _forget(self) -> None:
        """Other links are shown: what was found is gone with the tree."""
        self._token = ""
        self._sides, self._hits = {}, {}

    def pump(self) -> None:
        """Ask the links whose turn it is."""
        now = self._place.now_mono_ns()
        for link, side in self._sides.items():
            if not side.done and not side.asking and now >= side.due_mono_ns:
                self._ask(link, side)

    def _ask(self, link: str, side: _Side) -> None:
        side.asking, token = True, self._token

        def answered(answer: object) -> None:
            if token != self._token:
                return
            side.asking = False
            side.due_mono_ns = self._place.now_mono_ns() + PAUSE_NS
            if isinstance(answer, Found):
                side.seen, side.waiting, side.done = answer.seen, answer.waiting, side.done or answer.done
                side.why = answer.left_out
                self._take(link, answer.items)
            else:
                side.done, side.why = True, str(getattr(answer, "what", "there was no answer"))
            self._tell()

        wish = SearchLink(link=link, words=self._words, token=token, limit=AT_ONCE)
        self._place.ask_world(wish, answered, ASK_S)

    def _take(self, link: str, items: Sequence[BrowseItem]) -> None:
        fresh = []
        for item in items:
            if (link, item.address) not in self._hits and len(self._hits) < MOST:
                self._hits[link, item.address] = 1
                fresh.append(
                    (link, replace(item, name=f"{link}: {item.name}") if len(self._sides) > 1 else item)
                )
        if fresh:
            self._browsing.add_found(fresh)
        if len(self._hits) >= MOST:
            for side in self._sides.values():
                side.done = True

    def _tell(self) -> None:
        self._browsing.title_found(self._title())
        self.changed.emit()

    def _title(self) -> str:
        return f"{FOUND} “{' '.join(self._words)}”: {self.said()}"

    def said(self) -> str:
        """Return how much was found, and of how much that is known of."""
        seen = sum(side.seen for side in self._sides.values())
        waiting = sum(side.waiting for side in self._sides.values())
        known = f"{seen:,} of at least {seen + waiting:,} nodes seen".replace(",", "\u202f")
        state = "" if self.is_running else ", the first only" if len(self._hits) >= MOST else ", done"
        whole = (
            f"{len(self._hits)} found, {known}{state if not waiting or state != ', done' else ', stopped'}"
        )
        left = [f"{link}: {side.why}" for link, side in self._sides.items() if side.why]
        return "; ".join([whole, *left])
