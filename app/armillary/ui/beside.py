"""The second picture: another run of a what-if beside the first, seen from the same place."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

from armillary.model.arrays import U1
from armillary.model.look import Look
from armillary.session.workspace import Workspace
from armillary.ui.canvas import Canvas
from armillary.ui.theme import Colours
from armillary.ui.when import date_text
from armillary.viewport.view import View

FOLLOW_MS = 60  # how soon it turns with the first picture
RIBBON_PX = 22
FRAME_PX = 4


class BesideView(QWidget):
    """Its camera is the first picture's; it is made when it is shown for the first time."""

    def __init__(self, workspace: Workspace, canvas: Canvas, colours: Colours, around: QSplitter) -> None:
        super().__init__()
        self._at, self._canvas, self._colours, self._around = workspace, canvas, colours, around
        self.view: View | None = None
        self._scene: object = None
        self._pixels: U1 | None = None  # keeps the memory of `_image` alive
        self._image = QImage()
        self.setMinimumSize(120, 100)
        self.setAccessibleName("Second picture of the scene")
        self._timer = QTimer(self)
        self._timer.setInterval(FOLLOW_MS)
        self._timer.timeout.connect(self.follow)
        workspace.beside.changed.connect(self.refresh)
        workspace.beside.look_changed.connect(self._look)
        around.addWidget(canvas)
        around.addWidget(self)
        around.setChildrenCollapsible(False)
        self.hide()

    @property
    def text(self) -> str:
        """The words of the ribbon."""
        at = self._at.beside
        return f"WHAT-IF · beside: '{at.title}' · {date_text(at.t_ns)} · not the plant" if at.is_on else ""

    def refresh(self) -> None:
        """Appear or go away."""
        is_on = self._at.beside.is_on
        if is_on and not self.isVisible():
            self.show()
            half = max(self._around.width() // 2, 1)
            self._around.setSizes([half, half])
            self._timer.start()
        elif not is_on:
            self._timer.stop()
            self.hide()
        self.update()

    def _look(self, look: Look) -> None:
        scene = self._at.scene
        if scene is None:
            return
        if self.view is None:
            self.view = View()
            self._fit()
        if self._scene is not scene:
            self._scene = scene
            self.view.show(scene)
        self.view.set_theme(self._colours.name)
        self.view.set_options(legend=False, axes=False)
        self.view.apply(look)
        self.follow()

    def follow(self) -> None:
        """Look from where the first picture looks."""
        if self.view is None or not self.isVisible():
            return
        if self.view.pose != self._canvas.view.pose:
            self.view.pose = self._canvas.view.pose
        if self.view.dirty:
            pixels = self._pixels = self.view.render()
            height, width = pixels.shape[:2]
            kind = QImage.Format.Format_RGBX8888
            self._image = QImage(pixels.data, width, height, pixels.strides[0], kind)
            self.update()

    def _fit(self) -> None:
        if self.view is not None:
            ratio = self.devicePixelRatioF()
            size = (round(self.width() * ratio), round((self.height() - RIBBON_PX) * ratio))
            self.view.set_options(scale=ratio)
            self.view.resize(max(size[0], 1), max(size[1], 1))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  Qt's name
        """Draw as large as there is room."""
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  Qt's name
        """Draw the ribbon, the picture and the frame of a what-if."""
        painter = QPainter(self)
        mode = QColor(self._colours.whatif)
        below = self.rect().adjusted(0, RIBBON_PX, 0, 0)
        painter.fillRect(self.rect(), QColor(self._colours.ground))
        if not self._image.isNull():
            painter.drawImage(QRectF(below), self._image)
        ribbon = QRect(0, 0, self.width(), RIBBON_PX)
        painter.fillRect(ribbon, mode)
        painter.setPen(QColor(self._colours.on_mode))
        words = painter.fontMetrics().elidedText(self.text, Qt.TextElideMode.ElideRight, self.width() - 16)
        painter.drawText(ribbon.adjusted(8, 0, -8, 0), int(Qt.AlignmentFlag.AlignVCenter), words)
        painter.setPen(QPen(mode, FRAME_PX, Qt.PenStyle.DashLine))
        painter.drawRect(below.adjusted(2, 0, -2, -2))
        painter.end()

    def set_colours(self, colours: Colours) -> None:
        """Draw in another theme."""
        self._colours = colours
        if self.view is not None:
            self.view.set_theme(colours.name)
        self.update()

    def shut_down(self) -> None:
        """Give graphics memory back."""
        self._timer.stop()
        if self.view is not None:
            self.view.close()
