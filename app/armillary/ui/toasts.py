"""Toasts: a short card for a new alarm of the highest priority (and of the second where that is set)."""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.alarm import AlarmEvent
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

    def _look(self) -> None:
        """Take away what was acknowledged, is hidden or is gone."""
        book = self._at.alarms
        for name in [n for n in self._shown if not ((s := book.states.get(n)) and s.unacknowledged)]:
            self._drop(self._shown.pop(name))
