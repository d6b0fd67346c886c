"""Menus, toolbar and shortcuts, made from the list of actions; nothing here knows what an action does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu, QToolBar, QToolButton

from armillary.model.fault import Fault
from armillary.session.actions import ACTIONS, Action, Desk
from armillary.ui import icons
from armillary.ui.theme import Colours

# which commands have a button, in this order; "" is a gap
TOOLBAR = (
    "project.open",
    "",
    "view.frame",
    "view.frame-all",
    "view.iso",
    "view.top",
    "view.front",
    "view.right",
    "",
    "trend.selection",
    "",
    "desk.theme",
    "desk.palette",
)
ICONS: Mapping[str, str] = {
    "project.open": "open",
    "view.frame": "focus",
    "view.frame-all": "fit",
    "view.iso": "view-iso",
    "view.top": "view-top",
    "view.front": "view-front",
    "view.right": "view-right",
    "trend.selection": "trend",
    "desk.theme": "theme",
    "desk.palette": "command",
}

# of a part of the scene
CONTEXT = ("view.frame", "trend.selection", "view.isolate", "view.show-all", "selection.copy-path")
PAYLOADS = ("scene.load-payloads", "scene.leave-payloads")  # where the scene has any


class Teller(Protocol):
    """Where the messages of commands go."""

    def say(self, text: str) -> None: ...
    def fault(self, fault: Fault) -> None: ...


class Menus:
    """One QAction for each command; their state follows `why_not`."""

    def __init__(self, window: QMainWindow, desk: Desk, report: Teller) -> None:
        self._window, self._desk, self._report = window, desk, report
        self.actions: dict[str, QAction] = {}
        self._menus: dict[str, QMenu] = {}
        for entry in ACTIONS:
            self._add(entry)
        self.toolbar = QToolBar("Tools")
        self.toolbar.setObjectName("tools")
        self.toolbar.setMovable(False)
        self.toolbar.setIconSize(QSize(18, 18))
        for name in TOOLBAR:
            if not name:
                self.toolbar.addSeparator()
            elif name in self.actions:
                self.toolbar.addAction(self.actions[name])
        self._name_buttons()

    def _add(self, entry: Action) -> None:
        action = QAction(entry.title, self._window)
        action.setObjectName(entry.id)
        if entry.shortcut:
            action.setShortcut(QKeySequence(entry.shortcut))
            action.setShortcutContext(Qt.ShortcutContext.ApplicationShortcut)
        action.triggered.connect(lambda _checked=False, entry=entry: self.run(entry))
        self.actions[entry.id] = action
        self._window.addAction(action)  # its key works though it is in no menu
        if entry.menu:
            self.menu(entry.menu).addAction(action)

    def menu(self, path: str) -> QMenu:
        """Return the menu of a path like `View/Panels`, made when new."""
        if path not in self._menus:
            above, _, title = path.rpartition("/")
            parent = self.menu(above) if above else self._window.menuBar()
            self._menus[path] = parent.addMenu(title)
        return self._menus[path]

    def fill_context(self, menu: QMenu) -> None:
        """Add what may be done with the selected part."""
        scene = self._desk.workspace.scene
        more = PAYLOADS if scene is not None and scene.payloads else ()
        for name in (*CONTEXT, *more):
            if name in self.actions:
                menu.addAction(self.actions[name])

    def run(self, entry: Action) -> None:
        """Run a command unless it says why not; a fault becomes a card."""
        if why := entry.why_not(self._desk.workspace):
            self._report.say(f"{entry.title}: {why}")
            return
        try:
            entry.run(self._desk)
        except Fault as fault:
            self._report.fault(fault)

    def refresh(self) -> None:
        """Ask every command whether it may run now; one that may not says why in its tooltip."""
        for entry in ACTIONS:
            why = entry.why_not(self._desk.workspace)
            action = self.actions[entry.id]
            action.setEnabled(not why)
            key = f" ({entry.shortcut})" if entry.shortcut else ""
            tip = entry.tip or entry.title
            action.setToolTip(f"{tip}{key}" + (f"\nNot now: {why}" if why else ""))
        self._name_buttons()

    def _name_buttons(self) -> None:
        for name in TOOLBAR:
            button = self.toolbar.widgetForAction(self.actions[name]) if name in self.actions else None
            if isinstance(button, QToolButton):
                button.setAccessibleName(self.actions[name].text())
        for button in self.toolbar.findChildren(QToolButton):
            if not button.accessibleName():
                button.setAccessibleName("More tools")

    def set_colours(self, colours: Colours) -> None:
        """Draw in a theme."""
        for name, drawing in ICONS.items():
            if name in self.actions:
                self.actions[name].setIcon(icons.icon(drawing, colours.muted, colours.line))
