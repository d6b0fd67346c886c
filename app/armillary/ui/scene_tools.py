"""The tools of the picture and the commands that drive them; see `session.view_actions`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QInputDialog, QMenu

from armillary.model.clock import Clock
from armillary.model.fault import Fault
from armillary.session.view_actions import listed_as, may_not_change
from armillary.session.views import SavedView
from armillary.session.workspace import Workspace
from armillary.ui import ask_file
from armillary.ui.canvas import Canvas
from armillary.ui.measure import MeasureTool
from armillary.ui.section import SectionTool, axis_of
from armillary.ui.slide import SlideCard
from armillary.ui.theme import Colours
from armillary.ui.turntable import Turntable
from armillary.ui.walk import WalkTool
from armillary.viewport import camera as eye
from armillary.viewport.camera import CameraPose
from armillary.viewport.section import Section

_SIDES, _MOST_PIXELS = (16, 16_384), 67_108_864


def sized(text: str) -> tuple[int, int]:
    """Return width and height of `3840x2160`. Raises Fault for what is no size, or too large a one."""
    width, _, height = text.lower().replace("×", "x").replace(" ", "").partition("x")
    sides = [int(part) if part.isdecimal() and len(part) < 6 else 0 for part in (width, height)]  # noqa: PLR2004
    if not all(_SIDES[0] <= side <= _SIDES[1] for side in sides) or sides[0] * sides[1] > _MOST_PIXELS:
        raise Fault(
            f"{text or 'Nothing'} is no size of a picture.",
            where="size",
            remedy="Type WIDTHxHEIGHT in pixels, e.g. 3840x2160; at most 64 million pixels.",
        )
    return sides[0], sides[1]


class SceneTools:
    """Section, measures, walking, exploding and kept views of one canvas."""

    def __init__(
        self,
        workspace: Workspace,
        canvas: Canvas,
        clock: Clock,
        colours: Colours,
        say: Callable[[str], None],
        fault: Callable[[Fault], None],
    ) -> None:
        self._at, self._canvas, self._say, self._fault = workspace, canvas, say, fault
        view, touch = canvas.view, self._touch
        self.section = SectionTool(view, colours, touch)
        self.measure = MeasureTool(view, colours, touch, say)
        self.walk = WalkTool(view, clock, canvas, touch, say)
        self.explode = SlideCard(canvas, "Explode", workspace.set_explode)
        self.turntable = Turntable(canvas, say, fault)
        self.dialog: QInputDialog | None = None
        canvas.tools += [self.walk, self.section, self.measure]
        workspace.scene_changed.connect(self._scene_changed)
        self._runs: dict[str, Callable[[], object]] = {
            "parallel": self._turn_projection,
            "section": self._toggle_section,
            "section-flip": self._told(self.section.flip),
            "section-turn": self._told(self.section.turn),
            "section-clear": self._told(self.section.clear),
            "measure-distance": lambda: self._begin_measure("distance"),
            "measure-angle": lambda: self._begin_measure("angle"),
            "measure-area": lambda: self._begin_measure("area"),
            "measure-clear": self.measure.clear,
            "explode": self._explode,
            "walk": lambda: self._move("walk"),
            "fly": lambda: self._move("fly"),
            "picture": self._ask_size,
            "turntable": lambda: self.turntable.ask(str(Path.home())),
            "keep": self._ask_name,
            "next-kept": self._next,
            "update-kept": self._update,
            "delete-kept": self._delete,
        }

    def run(self, name: str) -> None:
        """Run one command. Raises Fault, and KeyError for a name that there is not."""
        self._runs[name]()

    def set_colours(self, colours: Colours) -> None:
        """Draw in a theme."""
        self.section.colours = self.measure.colours = colours
        self._canvas.update()

    def _touch(self) -> None:
        self._canvas.touch()
        self._canvas.update()  # what tools draw may differ though the picture does not

    def _scene_changed(self) -> None:
        self.explode.slider.setValue(round(self._at.showing.explode * 1000))
        if self._at.scene is None:
            self.explode.hide()

    def _turn_projection(self) -> None:
        view = self._canvas.view
        view.orthographic = not view.orthographic
        self._say("Parallel rays." if view.orthographic else "Perspective.")
        self._touch()

    # ------------------------------------------------------------ tools
    def _toggle_section(self) -> None:
        self.section.toggle()
        self._tell_section()

    def _told(self, run: Callable[[], None]) -> Callable[[], None]:
        def told() -> None:
            run()
            self._tell_section()

        return told

    def _tell_section(self) -> None:
        now = self._canvas.view.section
        self._say(f"Section: {axis_of(now)} is shown. Drag its arrow." if now is not None else "No section.")

    def _begin_measure(self, kind: str) -> None:
        self.walk.leave()
        self.measure.begin(kind)
        self._canvas.setFocus()

    def _move(self, mode: str) -> None:
        if self.measure.kind:
            self.measure.begin(self.measure.kind)
        self.walk.begin(mode)
        self._canvas.setFocus()

    def _explode(self) -> None:
        if self.explode.isVisible():
            self.explode.close_card()
        else:
            self.explode.open()

    # ------------------------------------------------------------ the eye
    def look(self, name: str) -> None:
        """Look from a standard side (`iso`, `top`, …) or through a camera (`camera:<path>`)."""
        if name.startswith("camera:"):
            cameras = self._at.scene.cameras if self._at.scene is not None else ()
            for camera in (c for c in cameras if c.path == name.removeprefix("camera:")):
                self._canvas.view.look_through(camera)
        else:
            self._canvas.view.standard(name)
        self._canvas.touch()

    def frame(self, prims: tuple[int, ...]) -> None:
        """Frame parts, or everything."""
        if prims:
            self._canvas.view.focus(prims)
        else:
            self._canvas.view.fit()
        self._canvas.touch()

    def fly(self, prims: tuple[int, ...], camera: str = "") -> None:
        """Fly to parts, or to a camera of the scene where there is that one; it takes 0.8 s at most."""
        self.walk.leave()
        cameras = self._at.scene.cameras if self._at.scene is not None and camera else ()
        found = next((each for each in cameras if each.path == camera), None)
        if found is not None:
            self._canvas.flight.to(eye.through(found))
        else:
            self._canvas.flight.to_prims(prims)

    # ------------------------------------------------------------ pictures
    def _ask_size(self) -> None:
        width, height = self._canvas.view.size
        self._ask(
            "Save a picture of the scene", "Size in pixels:", self._size_given, f"{2 * width}x{2 * height}"
        )

    def _size_given(self, text: str) -> None:
        width, height = sized(text)
        ask_file.to_write(
            self._canvas,
            "Save a picture of the scene",
            "PNG (*.png)",
            "",
            lambda path: self._try(lambda: self.save_picture(path, width, height)),
            suffix="png",
        )

    def save_picture(self, path: Path, width: int, height: int) -> None:
        """Write the scene as PNG in any size, without what tools draw over it. Raises Fault."""
        try:
            self._canvas.view.save_at(path, width, height)
        except OSError as error:
            raise Fault(
                f"The picture could not be written ({error.strerror}).",
                where=str(path),
                remedy="Choose a folder you may write to.",
            ) from error
        finally:
            self._touch()
        self._say(f"Saved {path}.")

    # ------------------------------------------------------------ kept views
    def here(self, name: str, role: str = "") -> SavedView:
        """Return where the eye is as a view to keep."""
        pose, cut = self._canvas.view.pose, self._canvas.view.section
        return SavedView(
            name=name,
            role=role,
            position=pose.position,
            focus=pose.focus,
            up=pose.up,
            fov_deg=pose.fov_deg,
            ortho_height=pose.ortho_height,
            section_point=cut.point if cut is not None else None,
            section_normal=cut.normal if cut is not None else None,
        )

    def go(self, name: str) -> None:
        """Go to a kept view. Raises Fault."""
        found = self._at.views.named(name)
        if found is None:
            raise Fault(f"There is no view {name} any more.", where=name, remedy="Choose another one.")
        view = self._canvas.view
        self.walk.leave()
        view.pose = CameraPose(
            position=found.position,
            focus=found.focus,
            up=found.up,
            fov_deg=found.fov_deg,
            ortho_height=found.ortho_height,
        )
        cut = found.section_point, found.section_normal
        view.section = (
            Section(point=cut[0], normal=cut[1]) if cut[0] is not None and cut[1] is not None else None
        )
        self._at.views.current = name
        self._say(f"View: {name}")
        self._touch()

    def keep(self, name: str) -> None:
        """Keep where the eye is under a name, for this desk's role. Raises Fault."""
        held = self._at.views.named(name)
        if held is not None and (why := may_not_change(self._at, held.role)):
            raise Fault(f"{name} is not replaced.", where=name, remedy=f"{why} Choose another name.")
        self._at.views.keep(self.here(name, self._at.role))
        self._say(f"Kept the view {name}.")

    def _ask_name(self) -> None:
        self._ask("Keep this view", "Name of the view:", self.keep)

    def _ask(self, title: str, words: str, take: Callable[[str], None], text: str = "") -> None:
        self.dialog = dialog = QInputDialog(self._canvas)
        dialog.setWindowTitle(title)
        dialog.setLabelText(words)
        dialog.setTextValue(text)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.textValueSelected.connect(lambda typed: self._try(partial(take, typed)))
        dialog.open()  # not exec: nothing stands still while it is open

    def _next(self) -> None:
        found = self._at.views.after(self._at.role)
        if found is None:
            self._say("No view is kept. Ctrl+D keeps this one.")
        else:
            self.go(found.name)

    def _update(self) -> None:
        held = self._at.views.named(self._at.views.current)
        if held is not None:
            self._at.views.keep(replace(self.here(held.name), role=held.role))
            self._say(f"{held.name} is here now.")

    def _delete(self) -> None:
        name = self._at.views.current
        self._at.views.remove(name)
        self._say(f"Deleted the view {name}.")

    def _try(self, run: Callable[[], None]) -> None:
        try:
            run()
        except Fault as fault:
            self._fault(fault)

    def attach(self, menu: QMenu) -> None:
        """List the kept views at the end of a menu whenever it opens."""
        rows: list[QAction] = []

        def fill() -> None:
            while rows:
                menu.removeAction(rows.pop())
            try:
                views = self._at.views.listed(self._at.role)
            except Fault as fault:
                self._fault(fault)
                return
            rows.append(menu.addSeparator())
            rows.extend(menu.addAction(listed_as(v, self._at.role), partial(self._go, v.name)) for v in views)

        menu.aboutToShow.connect(fill)

    def _go(self, name: str) -> None:
        self._try(partial(self.go, name))
