"""The bar that tells that devices say other units than their tags expect, or that their nodes have moved."""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.frame import WorldKind
from armillary.session.drift import drifted, sentence
from armillary.session.drifting import DriftBook
from armillary.session.workspace import Workspace
from armillary.ui.offer import Offer
from armillary.ui.tables import button

_ACCEPT = "Take what the device says into the model; it can be undone"
MANY, EACH = 2_000, 20


class DriftCard(Offer):
    """Below the banners while a device of the live world has changed, until somebody has looked at it."""

    def __init__(self, workspace: Workspace, show: Callable[[int], None], book: DriftBook) -> None:
        """show: brings a tag to the front; book: takes what is accepted."""
        super().__init__("drift", "Show", "Show the tag in the live table", self._look)
        self._at, self._show, self._book = workspace, show, book
        self.accept = button("Accept", _ACCEPT, self._accept)
        if (row := self.layout()) is not None:
            row.addWidget(self.accept)
        self._found: tuple[tuple[int, str], ...] = ()
        self._seen: frozenset[tuple[int, str]] = frozenset()
        for signal in (workspace.visited, workspace.world_changed, workspace.project_changed):
            signal.connect(self.refresh)
        workspace.frame_arrived.connect(self._arrived)
        self.refresh()

    def _arrived(self, _slots: object) -> None:
        """Look at the words of tags; where very many have some, with every twentieth frame."""
        at = self._at.mirror
        if len(at.table.why) < MANY or at.frames % EACH == 0:
            self.refresh()

    def refresh(self) -> None:
        """Show what has changed and nobody has looked at; what is over may be told again."""
        mirror = self._at.mirror
        why = mirror.table.why if mirror.kind is WorldKind.LIVE else {}
        found = drifted(why, self._at.specs) if why else ()
        if found != self._found:
            self._found = found
            self._seen &= frozenset(found)
            self.say(sentence(self._news, self._at.specs))
        may_not = self._book.why_not()
        self.accept.setEnabled(not may_not)
        self.accept.setToolTip(may_not or _ACCEPT)
        self.setVisible(bool(self._news))

    @property
    def _news(self) -> tuple[tuple[int, str], ...]:
        return tuple(one for one in self._found if one not in self._seen)

    def _accept(self) -> None:
        """Take the first one's unit, or its node's new id, into the model; it can be undone."""
        news = self._news
        self._seen |= frozenset(news[:1])
        if news:
            slot, words = news[0]
            self._book.accept_words(self._at.specs[slot], words)
        self.say(sentence(self._news, self._at.specs))
        self.setVisible(bool(self._news))

    def _look(self) -> None:
        """Bring the first one to the front; all that are named have been looked at."""
        news = self._news
        self._seen |= frozenset(news)
        self.setVisible(False)
        if news:
            self._show(news[0][0])
