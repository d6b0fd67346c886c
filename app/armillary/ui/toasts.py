"""Toasts: a short card for a new alarm of the highest priority (and of the second where that is set).

And one for a shelf that ends soon.
"""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.alarm import SHELF_ENDS, AlarmEvent
from armillary.session.rows import clock_text
from armillary.session.settings import Settings
from armillary.session.workspace import Workspace
from armillary.ui.notify import Notice

MOST = 10  # cards that wait: in a flood nobody reads them
SETTING = "toasts"  # `2`: of priority 1 and 2; else of 1 only


class Toasts:
    """Shows a card for what is raised and takes it away when somebody has answered."""

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        add: Callable[[Notice], object],
        drop: Callable[[Notice], object],
    ) -> None:
        self._at, self._settings, self._add, self._drop = workspace, settings, add, drop
        self._shown: dict[str, Notice] = {}  # by alarm
        self._ending: dict[str, tuple[int, Notice]] = {}  # alarm → end of its shelf, and the card
        workspace.alarms.noted.connect(self._noted)
        workspace.alarms.changed.connect(lambda _ids: self._look())

    @property
    def lowest(self) -> int:
        """The least urgent priority that makes a toast."""
        return 2 if self._settings.get(SETTING) == "2" else 1

    def toggle(self) -> str:
        """Show toasts for priority 2, too, or no longer, and remember it; return that in words."""
        self._settings.set(SETTING, "" if self.lowest > 1 else "2")
        return "Toasts for priority 1 and 2." if self.lowest > 1 else "Toasts for priority 1 only."

    def _noted(self, event: AlarmEvent) -> None:
        if event.event == SHELF_ENDS:
            self._shelf_ends(event)
            return
        book = self._at.alarms
        if event.event != "RAISE" or event.late or event.id in book.hidden or event.id in self._shown:
            return
        spec = book.specs.get(event.id)
        if len(self._shown) >= MOST:
            return  # the list and the bar have them all
        if spec is None or event.priority > self.lowest:
            return
        notice = Notice(
            "error",
            f"Priority {event.priority}: {spec.title or event.text or spec.id}",
            spec.tag,
            spec.operator_action,
            f"alarm {spec.id}",
        )
        self._shown[event.id] = notice
        self._add(notice)

    def _shelf_ends(self, event: AlarmEvent) -> None:
        """Say that an alarm comes off its shelf soon; the card goes when it has, or is shelved for longer."""
        book = self._at.alarms
        spec, state = book.specs.get(event.id), book.hidden.get(event.id)
        hiding = state.hiding if state is not None else None
        if spec is None or hiding is None or len(self._ending) >= MOST:
            return
        self._drop_ending(event.id)
        notice = Notice(
            "warning",
            f"Its shelf ends at {clock_text(hiding.until_ns)}: {spec.title or spec.tag or spec.id}",
            spec.tag,
            "Shelve it again if the reason still stands; else it is shown again then.",
            f"shelf {spec.id}",
        )
        self._ending[event.id] = (hiding.until_ns, notice)
        self._add(notice)

    def _drop_ending(self, name: str) -> None:
        held = self._ending.pop(name, None)
        if held is not None:
            self._drop(held[1])

    def _look(self) -> None:
        """Take away what was acknowledged, is hidden or is gone."""
        book = self._at.alarms
        for name, (until_ns, _notice) in list(self._ending.items()):
            state = book.hidden.get(name)
            if state is None or state.hiding is None or state.hiding.until_ns != until_ns:
                self._drop_ending(name)
        for name in [n for n in self._shown if not ((s := book.states.get(n)) and s.unacknowledged)]:
            self._drop(self._shown.pop(name))
