"""The menu of an alarm that a server owns: confirm, comment, answer, suppress, take out of service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from armillary.model.account import Right, may
from armillary.model.alarm import AlarmState
from armillary.session.alarm_actions import may_not_act
from armillary.session.server_alarm import Choice, choices, is_servers
from armillary.session.workspace import Workspace
from armillary.ui.login import ReasonSheet

TITLE = "At its server"


class ServerMenu:
    """Hangs a menu on a button; `follow` shows the button for alarms of servers only."""

    def __init__(self, at: Workspace, button: QPushButton, say: Callable[[str], None], over: QWidget) -> None:
        self._at, self._button, self._say, self._over = at, button, say, over
        self._id = ""
        self.menu = QMenu(button)
        button.setMenu(self.menu)
        button.hide()
        self.menu.aboutToShow.connect(self._fill)

    def follow(self, id_: str) -> None:
        """Take the alarm that is chosen, "" for none."""
        self._id = id_
        self._button.setVisible(is_servers(self._at.alarms.specs.get(id_)))

    def _fill(self) -> None:
        self.menu.clear()
        book = self._at.alarms
        spec = book.specs.get(self._id)
        if spec is None:
            return
        if why := may_not_act(self._at):
            self.menu.addAction(why).setEnabled(False)
            return
        state = book.states.get(self._id) or book.hidden.get(self._id) or AlarmState(id=self._id)
        for choice in choices(spec, state, may_author=may(self._at.role, Right.AUTHOR)):
            self.menu.addAction(choice.text, partial(self._chosen, choice, state))
        if self.menu.isEmpty():
            self.menu.addAction("Its server offers nothing more").setEnabled(False)

    def _chosen(self, choice: Choice, state: AlarmState) -> None:
        name = state.occurrence or state.id
        if not choice.asks:
            self._at.alarms.ask_server(choice.action, name, choice.words)
            return
        sheet = ReasonSheet(
            TITLE,
            f"{choice.text.rstrip('…')}: {choice.asks}",
            choice.text.rstrip("…"),
            partial(self._at.alarms.ask_server, choice.action, name),
            self._over,
        )
        sheet.open()
