"""The bar that tells that devices say other units than their tags expect."""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.frame import WorldKind
from armillary.session.drift import drifted, sentence
from armillary.session.workspace import Workspace
from armillary.ui.offer import Offer

MANY, EACH = 2_000, 20


class DriftCard(Offer):
    """Below the banners while a device of the live world has changed, until somebody has looked at it."""

    def __init__(self, workspace: Workspace, show: Callable[[int], None]) -> None:
        """show: brings a tag to the front."""
        super().__init__("drift", "Show", "Show the tag in the live table", self._look)
        self._at, self._show = workspace, show
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
        self.setVisible(bool(self._news))

    @property
    def _news(self) -> tuple[tuple[int, str], ...]:
        return tuple(one for one in self._found if one not in self._seen)

    def _look(self) -> None:
        """Bring the first one to the front; all that are named have been looked at."""
        news = self._news
        self._seen |= frozenset(news)
        self.setVisible(False)
        if news:
            self._show(news[0][0])
