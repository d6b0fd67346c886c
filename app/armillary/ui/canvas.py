"""The viewport widget: makes pictures when something changed, blits them, hands on mouse and keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from PySide6.QtCore import QMimeData, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from armillary.model.arrays import U1
from armillary.model.clock import MS_NS, Clock
from armillary.model.look import Look
from armillary.model.scene import SceneArrays
from armillary.session.workspace import Workspace
from armillary.ui import placards, timers
from armillary.ui.eye_keys import move_eye
from armillary.ui.flight import Flight
from armillary.ui.hover import NOTHING, Hover
from armillary.ui.mime import can_be_bound
from armillary.ui.paced import Paced
from armillary.ui.pointer import Pointer, pixel
from armillary.ui.signs import Signs
from armillary.ui.theme import Colours
from armillary.ui.tool import Tool
from armillary.viewport.building import build
from armillary.viewport.stage import Stage
from armillary.viewport.view import View
from armillary.viewport.vision import simulated

REST_MS = 300  # without change for so long, the picture is drawn once more with smooth edges
FASTEST_MS, SLOWEST_MS = 16, 250
LOADING_MS = 150
_SHARE = 0.5  # pause after a frame, as a share of the frame: tables and links keep their turn
_SMOOTHING = 0.2
_VISIONS = {"protan": "no red", "deutan": "no green", "tritan": "no blue", "grey": "no colours"}


class Canvas(QWidget):
    """Shows what the view renders; renders only when something changed and the widget can be seen."""

    def __init__(self, workspace: Workspace, clock: Clock, colours: Colours, view: View) -> None:
        super().__init__()
        self._workspace, self._clock, self._colours = workspace, clock, colours
        self.view = view
        self.frame_ms = float(FASTEST_MS)  # smoothed time of one render
        self.frames = 0
        self.on_frame: Callable[[], None] = lambda: None  # after each picture that was made
        self.on_drop: Callable[[QMimeData, int], object] = lambda _data, _prim: None
        self.tools: list[Tool] = []  # the first that takes an event has it; the pointer has this same list
        self._pixels: U1 | None = None  # keeps the memory of `_image` alive
        self._rendered: U1 = np.zeros((0, 0, 4), np.uint8)
        self.vision = ""  # colour vision that is simulated, a name of `viewport.vision`
        self._image = QImage()
        self._by_key = False
        self._is_fresh = False  # no picture has shown the whole scene yet
        self._boxes = 0  # how many of a scene that is being read are shown
        self._shown: object = None  # path of the scene that the camera was set for
        self._due_mono_ns = 0
        self._turned_mono_ns = -REST_MS * MS_NS
        self.setAccessibleName("Picture of the scene")
        self.setAccessibleDescription("The tree lists the same parts; arrow keys turn, plus and minus zoom.")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(160, 120)
        self.setAcceptDrops(True)
        self._tick = timers.once(self, 0, self._render, is_precise=True)
        self._rest = timers.once(self, REST_MS, self._at_rest, is_precise=True)
        self._stepping = timers.once(self, 0, self._step, is_precise=True)
        self._steps: Iterator[bool] = iter(())
        self._spent_ns = 0  # of the picture that is drawn in steps
        self._is_rest = False
        self.flight = Flight(self, view, clock, self.touch, lambda: self.frame_ms)
        self.hover = Hover(self, workspace, clock, view, self._part_under, self.touch)
        self._pointer = Pointer(self, workspace, view, self.tools, self.touch, self.flight.to_prims)
        self._signs = Signs(self, workspace, clock, view, self._show_again, self.touch)
        view.set_theme(colours.name)
        workspace.prepare = build
        workspace.scene_changed.connect(self._scene_changed)
        workspace.opening_changed.connect(self._opening_changed)
        workspace.look_changed.connect(self._look_changed)
        workspace.selection_changed.connect(self._selected)
        workspace.world_changed.connect(self._open_changed)
        workspace.project_changed.connect(self._open_changed)
        workspace.problems_changed.connect(self._open_changed)
        self._soon = Paced(self, self._alarmed, lambda: workspace.alarms.is_many)
        workspace.alarms.placed.connect(self._soon)
        self._loading = timers.every(self, LOADING_MS, self._progressed)
        self._scene_changed()

    # ------------------------------------------------------------ workspace → picture
    def _scene_changed(self) -> None:
        self._boxes = 0
        self.hover.forget()
        scene, path = self._workspace.scene, self._workspace.path
        is_same = scene is not None and path is not None and path == self._shown
        turned = self.view.sketch_turned
        ready, self._workspace.prepared = self._workspace.prepared, None
        stage = ready if isinstance(ready, Stage) else None
        self.view.show(scene, keep_pose=is_same or (turned and scene is not None), stage=stage)
        if scene is not None and not is_same and not turned:
            self._take_default_camera(scene)
        self._shown = path if scene is not None else None
        self._is_fresh = scene is not None
        if scene is not None and self._workspace.look is not None:
            self.view.apply(self._workspace.look)
            self.view.select(self._workspace.selection)
        if not is_same:
            self._pointer.let_go()
            for tool in self.tools:
                tool.scene_changed()
        self._alarmed()
        self._open_changed()

    @property
    def _has_picture(self) -> bool:
        return self._workspace.scene is not None or self.view.sketched

    def _opening_changed(self) -> None:
        """Show boxes of the parts that are known while a scene is being read, unless one is shown."""
        opening = self._workspace.opening
        if self._workspace.scene is None and opening.count > self._boxes:
            self.view.sketch(*opening.boxes())
            self.touch()
        elif self._workspace.scene is None and not opening.count and self.view.sketched:
            self.view.show(None)
            self.update()
        self._boxes = opening.count
        self._loading.start()

    def _take_default_camera(self, scene: SceneArrays) -> None:
        """Begin where the project says; the view itself begins where the scene says."""
        project = self._workspace.project
        wanted = project.default_camera if project is not None else ""
        camera = next((c for c in scene.cameras if c.path == wanted), None)
        if camera is not None:
            self.view.look_through(camera)

    def _open_changed(self) -> None:
        self.view.legends(self._workspace.legends)
        if self._workspace.progress[0]:
            self._loading.start()
        self.touch()
        self.update()

    def _progressed(self) -> None:
        if not self._workspace.progress[0]:
            self._loading.stop()
        self.update()

    def _alarmed(self) -> None:
        self._signs.put_badges()
        self._signs.put_marks()
        self.touch()

    def _look_changed(self, _old: Look, new: Look) -> None:
        self.view.apply(new)
        if self._workspace.alarms.prims and not self._signs.tells(self._workspace.hidden):
            self._soon()  # a branch may have been hidden or shown
        self._signs.put_marks()
        self.touch()

    def _selected(self, prims: tuple[int, ...]) -> None:
        self.view.select(prims)
        self.view.legends(self._workspace.legends)
        self.touch()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        self.view.set_theme(colours.name)
        self.touch()
        self.update()

    def set_vision(self, name: str) -> None:
        """Show pictures as seen with another colour vision; "" shows them as they are."""
        self.vision = name
        if not self._image.isNull():
            self._take(self._rendered)
        self.update()

    # ------------------------------------------------------------ rendering
    def touch(self) -> None:
        """Say that something changed: a picture is made when its turn has come."""
        if self.view.dirty and not self._tick.isActive():
            wait = max(self._due_mono_ns - self._clock.now_mono_ns(), 0) // MS_NS
            self._tick.start(int(wait))

    def _render(self) -> None:
        if self.view.is_drawing:
            return  # its end asks again: values that keep coming must not keep a picture from being finished
        if self.isVisible() and self._has_picture and self.view.dirty:
            self._draw(rest=False)

    def _at_rest(self) -> None:
        if self.view.is_drawing:
            return
        if self.isVisible() and self._has_picture and not self.view.settled:
            self._draw(rest=True)

    def draw_now(self) -> None:
        """Make the picture at rest at once, for a screenshot."""
        if self._workspace.scene is not None:
            self._spent_ns = 0
            start = self._clock.now_mono_ns()
            self.view.render(rest=True)
            self._made(start, rest=True)

    def _draw(self, rest: bool) -> None:
        start = self._clock.now_mono_ns()
        if self.view.turned and not rest:
            self._turned_mono_ns = start
        # values that change at rest are shown in full detail: parts must not flicker with them
        hasty = not rest and start - self._turned_mono_ns < REST_MS * MS_NS
        self._spent_ns, self._is_rest = 0, rest
        if self.view.takes_long(hasty, rest):  # by its scene, or by what is shown over it
            self._steps = self.view.steps(rest, hasty)
            self._step()
        else:
            self.view.render(rest=rest, hasty=hasty)
            self._made(start, rest)

    def _step(self) -> None:
        """Go on with a picture that is drawn in steps; input is served between them."""
        start = self._clock.now_mono_ns()
        is_made = next(self._steps, None)
        if is_made is None:  # given up: the eye moved
            self.touch()
        elif is_made:
            self._made(start, self._is_rest)
        else:
            self._spent_ns += self._clock.now_mono_ns() - start
            self._stepping.start()

    def _made(self, start_mono_ns: int, rest: bool) -> None:
        """Show the picture that was made, the last part of it since `start_mono_ns`."""
        self._rendered = self.view.rgba
        self._take(self._rendered)
        now = self._clock.now_mono_ns()
        spent_ms = (now - start_mono_ns + self._spent_ns) / MS_NS
        self.frame_ms += _SMOOTHING * (spent_ms - self.frame_ms)
        # the next picture waits in proportion to what one costs here, so that nothing else starves
        pause_ms = min(max(FASTEST_MS - spent_ms, _SHARE * self.frame_ms), SLOWEST_MS)
        self._due_mono_ns = now + int(pause_ms * MS_NS)
        self.frames += 1
        self._signs.drawn()
        self.view.get_ready()
        if self._is_fresh and self.view.settled and self._workspace.scene is not None:
            self._is_fresh = False
            self._workspace.drawn_whole()
        self.update()
        self.on_frame()
        if not rest:
            self._rest.start()
        self.touch()

    def _take(self, pixels: U1) -> None:
        """Wrap the renderer's buffer; no copy: it stays as it is until the next render.

        Another colour vision is a copy.
        """
        pixels = simulated(pixels, self.vision)
        height, width = pixels.shape[:2]
        self._pixels = pixels
        self._image = QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGBX8888)

    def _show_again(self) -> None:
        """Show the renderer's picture, into which something was drawn since it was made."""
        if self.vision:
            self._take(self._rendered)
        self.update()

    @property
    def image(self) -> QImage:
        """The picture that is painted; its memory is the renderer's, good until the next one is made."""
        return self._image

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        painter = QPainter(self)
        if not self._has_picture or self._image.isNull():
            painter.fillRect(self.rect(), QColor(self._colours.ground))
            placards.paint_empty(painter, self.rect(), self._colours, self._workspace)
        else:
            painter.drawImage(QRectF(self.rect()), self._image)
            for tool in self.tools:
                painter.save()
                tool.paint(painter, self.devicePixelRatioF())
                painter.restore()
            if self.vision:
                placards.paint_note(
                    painter, self._colours, f"Simulated colour vision: {_VISIONS[self.vision]}"
                )
            if self.hover.text:
                placards.paint_hover(painter, self.rect(), self._colours, self.hover.text, self.hover.band)
        if self.hasFocus() and self._by_key:
            painter.setPen(QColor(self._colours.focus))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        ratio = self.devicePixelRatioF()
        self.view.set_options(scale=ratio)
        self.view.resize(max(round(self.width() * ratio), 1), max(round(self.height() * ratio), 1))
        self.touch()

    def showEvent(self, event: object) -> None:  # noqa: N802
        self.touch()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the ring only when the keyboard brought the focus here."""
        reason = Qt.FocusReason
        self._by_key = event.reason() in (reason.TabFocusReason, reason.BacktabFocusReason)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        self.update()

    # ------------------------------------------------------------ mouse and keys; see `ui.pointer`
    def _part_under(self, at: QPointF) -> int | None:
        """Return the part that the pointer, at rest, lies on; None while it turns the eye."""
        if self._workspace.scene is None or self._pointer.is_down:
            return None
        return self.view.pick(*pixel(self, at))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._pointer.press(event)
        self.hover.show(NOTHING)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if not self._pointer.move(event):
            self.hover.follow(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._pointer.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._pointer.double_click(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        self._pointer.wheel(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if not any(tool.key_up(event) for tool in self.tools):
            super().keyReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if any(tool.key(event) for tool in self.tools):
            return
        middle = pixel(self, QPointF(self.width() / 2, self.height() / 2))
        if move_eye(self.view, event, middle):
            self.touch()
        else:
            super().keyPressEvent(event)

    # ------------------------------------------------------------ tags dropped on a part
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take tags and nodes of links; what else is dragged goes on to the window."""
        if can_be_bound(event.mimeData()) and self._workspace.scene is not None:
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802
        """Outline the part that a drop would reach."""
        prim = self.view.pick(*pixel(self, event.position()))
        self.hover.show(prim)
        event.setAccepted(prim >= 0)

    def dragLeaveEvent(self, event: object) -> None:  # noqa: N802
        self.hover.show(NOTHING)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        prim = self.view.pick(*pixel(self, event.position()))
        self.hover.show(NOTHING)
        if prim >= 0:
            event.acceptProposedAction()
            self.on_drop(event.mimeData(), prim)

    def leaveEvent(self, event: object) -> None:  # noqa: N802
        self.hover.leave()
