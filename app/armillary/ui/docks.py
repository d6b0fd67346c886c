"""Docking: the one place that knows QtAds, so that it can be exchanged."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Literal

import PySide6QtAds as ads  # noqa: N813  the short name that the library itself uses
from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QToolButton, QWidget

from armillary.ui import icons
from armillary.ui.mode import Ribboned
from armillary.ui.theme import Colours

Area = Literal["left", "right", "bottom"]
STATE_VERSION = 1
_MOST = 0.65  # of the height, for an area that asks for more
_CHECK = 4  # bytes of the checksum before a kept arrangement
_AREAS = {
    "left": ads.LeftDockWidgetArea,
    "right": ads.RightDockWidgetArea,
    "bottom": ads.BottomDockWidgetArea,
}
_SHARES = {"left": 320, "right": 390, "bottom": 340}
_FLAG = ads.CDockManager.eConfigFlag
_ICONS = {
    ads.TabCloseIcon: "close",
    ads.DockAreaCloseIcon: "close",
    ads.DockAreaMenuIcon: "branch-open",
    ads.DockAreaUndockIcon: "prim-instance",
}


def configure() -> None:
    """Set the manner of all dock managers; must run before the first is made."""
    flags = ads.CDockManager.DefaultOpaqueConfig if hasattr(ads.CDockManager, "DefaultOpaqueConfig") else None
    if flags is not None:
        ads.CDockManager.setConfigFlags(flags)
    for flag, on in (
        (_FLAG.DockAreaHasTabsMenuButton, False),
        (_FLAG.DockAreaHasCloseButton, False),
        (_FLAG.DockAreaHasUndockButton, False),
        (_FLAG.ActiveTabHasCloseButton, True),
        (_FLAG.AllTabsHaveCloseButton, False),
        (_FLAG.HideSingleCentralWidgetTitleBar, True),
        (_FLAG.FocusHighlighting, True),
        (_FLAG.OpaqueSplitterResize, True),
        (_FLAG.DisableStylesheet, True),
        (_FLAG.XmlCompressionEnabled, True),
    ):
        ads.CDockManager.setConfigFlag(flag, on)


class Docks:
    """Docks around a central widget, known by name."""

    def __init__(self, parent: QWidget, centre: QWidget, title: str) -> None:
        self.manager = ads.CDockManager(parent)
        self.manager.setStyleSheet("")  # the sheet of the desk reaches it by class name
        self._docks: dict[str, ads.CDockWidget] = {}
        self._areas: dict[str, ads.CDockAreaWidget] = {}
        self._ribboned: dict[str, Ribboned] = {}
        self._mode = ("live", "")
        self._initial = QByteArray()
        dock = self.manager.createDockWidget(title)
        dock.setObjectName("viewport")
        dock.setAccessibleName(title)
        dock.setWidget(centre, ads.CDockWidget.eInsertMode.ForceNoScrollArea)
        dock.setFeature(ads.CDockWidget.DockWidgetFeature.DockWidgetClosable, False)
        self._areas["centre"] = self.manager.setCentralWidget(dock)
        self._centre = dock

    def add(self, name: str, title: str, widget: QWidget, area: Area, *, first: bool = False) -> None:
        """Put a widget into a dock; docks of one area become tabs, `first` opens a new one."""
        dock = self.manager.createDockWidget(title)
        dock.setObjectName(name)
        dock.setAccessibleName(title)
        ribboned = self._ribboned[name] = Ribboned(widget)
        dock.setWidget(ribboned, ads.CDockWidget.eInsertMode.ForceNoScrollArea)
        dock.topLevelChanged.connect(lambda _floats: self._show_ribbons())
        dock.setMinimumSizeHintMode(ads.CDockWidget.eMinimumSizeHintMode.MinimumSizeHintFromDockWidget)
        there = self._areas.get(area)
        if there is None or first:
            if area == "bottom":
                made = self.manager.addDockWidget(_AREAS[area], dock, self._areas["centre"])
            else:
                made = self.manager.addDockWidget(_AREAS[area], dock)
            self._areas[area] = made
        else:
            self.manager.addDockWidgetTabToArea(dock, there)
        self._docks[name] = dock

    def settle(self, width: int, height: int) -> None:
        """Give the areas their first sizes and remember the arrangement as the one to reset to."""
        middle = width - _SHARES["left"] - _SHARES["right"]
        for area in ("left", "right"):
            self.manager.setSplitterSizes(self._areas[area], [_SHARES["left"], middle, _SHARES["right"]])
        self.manager.setSplitterSizes(self._areas["bottom"], [height - _SHARES["bottom"], _SHARES["bottom"]])
        for area in ("left", "bottom"):  # in a small window all parts give way, not the picture alone
            if (splitter := self._areas[area].parentSplitter()) is not None:
                for part in range(splitter.count()):
                    splitter.setStretchFactor(part, 1)
        for dock in self._docks.values():
            dock.dockAreaWidget().setCurrentIndex(0)
        self._initial = self.manager.saveState(STATE_VERSION)
        self.name_buttons()

    def give_height(self, name: str, least: int) -> None:
        """Give the area below the picture that a dock stands in at least so many pixels, where there are."""
        area = self._docks[name].dockAreaWidget()  # asked anew: whoever arranges the docks makes new areas
        splitter = area.parentSplitter() if area is not None else None
        if splitter is None or splitter.orientation() != Qt.Orientation.Vertical:
            return
        sizes = splitter.sizes()
        if splitter.indexOf(area) == 1 == len(sizes) - 1 and sizes[1] < least <= sum(sizes) * _MOST:
            self.manager.setSplitterSizes(area, [sum(sizes) - least, least])

    # ------------------------------------------------------------ state
    def save(self) -> bytes:
        """Return the arrangement of all docks, with a checksum before it."""
        state = bytes(self.manager.saveState(STATE_VERSION).data())
        return zlib.crc32(state).to_bytes(_CHECK, "big") + state

    def restore(self, state: bytes) -> bool:
        """Arrange docks as saved; False when the state is not ours or of another version."""
        check, arrangement = state[:_CHECK], state[_CHECK:]
        is_whole = bool(arrangement) and zlib.crc32(arrangement).to_bytes(_CHECK, "big") == check
        done = is_whole and bool(self.manager.restoreState(QByteArray(arrangement), STATE_VERSION))
        self.name_buttons()
        return done

    def reset(self) -> None:
        """Arrange docks as on the first start."""
        self.manager.restoreState(self._initial, STATE_VERSION)
        self.name_buttons()

    def show_mode(self, mode: str, text: str) -> None:
        """Say in every dock that stands outside the window which kind of world it shows."""
        self._mode = (mode, text)
        self._show_ribbons()

    def _show_ribbons(self) -> None:
        for name, ribboned in self._ribboned.items():
            ribboned.show_mode(*self._mode, floats=self.is_floating(name))

    # ------------------------------------------------------------ one dock
    @property
    def names(self) -> tuple[str, ...]:
        """The docks by name, the viewport apart."""
        return tuple(self._docks)

    def show(self, name: str) -> None:
        """Bring a dock into view and give it the keyboard."""
        dock = self._docks[name]
        dock.toggleView(True)
        dock.setAsCurrentTab()
        dock.raise_()
        if (widget := dock.widget()) is not None:
            widget.setFocus()
        self.name_buttons()

    def hide(self, name: str) -> None:
        """Close a dock; its content lives on."""
        self._docks[name].toggleView(False)

    def is_open(self, name: str) -> bool:
        """Return whether a dock is open, as a tab or floating."""
        return not self._docks[name].isClosed()

    def float_out(self, name: str) -> None:
        """Take a dock out of the window."""
        self._docks[name].setFloating()
        self.name_buttons()

    def is_floating(self, name: str) -> bool:
        """Return whether a dock stands outside the window."""
        return bool(self._docks[name].isInFloatingContainer())

    def on_toggle(self, run: Callable[[], object]) -> None:
        """Call `run` after a dock was opened or closed."""
        for dock in self._docks.values():
            dock.viewToggled.connect(lambda _open: run())

    def name_buttons(self) -> None:
        """Give the buttons that the library makes names that a screen reader can say."""
        for window in (self.manager, *self.manager.floatingWidgets()):
            for button in window.findChildren(QToolButton):
                if button.inherits("ads::CTitleBarButton") and not button.accessibleName():
                    button.setAccessibleName(button.toolTip() or "Dock button")
            for tab in window.findChildren(ads.CDockWidgetTab):
                tab.setAccessibleName(f"Tab {tab.text()}")
                for button in tab.findChildren(QWidget):
                    if button.inherits("QAbstractButton"):
                        button.setAccessibleName(f"Close {tab.text()}")

    def set_colours(self, colours: Colours) -> None:
        """Draw the library's own icons in a theme."""
        provider = self.manager.iconProvider()
        for which, name in _ICONS.items():
            # QtAds 5.1.1 takes the object over and deletes it: it gets a copy, never the cached icon
            provider.registerCustomIcon(which, QIcon(icons.icon(name, colours.muted)))
        for window in (self.manager, *self.manager.floatingWidgets()):
            for tab in window.findChildren(ads.CDockWidgetTab):
                for button in tab.findChildren(QWidget):
                    if button.inherits("QAbstractButton"):
                        button.setIcon(icons.icon("close", colours.muted))
