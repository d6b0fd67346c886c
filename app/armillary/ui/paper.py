"""A paper as PDF pages of A4, drawn by Qt; the same hand draws pictures of its pages.

No screen is needed: the offscreen platform has all that text takes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QRectF
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPageLayout, QPageSize, QPainter, QPdfWriter

from armillary.model import files
from armillary.model.fault import Fault
from armillary.model.paper import Paper
from armillary.ui.paper_pieces import (
    DPI,
    FAINT,
    FOOT,
    HEIGHT,
    MARGIN,
    ROOM,
    WIDTH,
    Draw,
    Piece,
    font_of,
    pieces_of,
    rule,
    write,
)


@dataclass(slots=True)
class _Page:
    pieces: list[tuple[float, Draw]] = field(default_factory=list)


def pdf(paper: Paper) -> bytes:
    """Return a paper as a PDF file."""
    _application()
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setTitle(paper.title)
    writer.setCreator("Armillary")
    writer.setResolution(DPI * 10)
    writer.setPageLayout(
        QPageLayout(QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait, QMarginsF())
    )
    pages = _paged(paper)
    painter = QPainter(writer)
    painter.scale(10, 10)
    for number, page in enumerate(pages, 1):
        if number > 1:
            writer.newPage()
        _paint(painter, page, paper, number, len(pages))
    painter.end()
    buffer.close()
    return bytes(data.data())


def pictures(paper: Paper, scale: float = 1.5) -> list[QImage]:
    """Return the pages of a paper as pictures."""
    _application()
    out: list[QImage] = []
    pages = _paged(paper)
    for number, page in enumerate(pages, 1):
        image = QImage(int(WIDTH * scale), int(HEIGHT * scale), QImage.Format.Format_RGB32)
        image.fill(QColor("white"))
        image.setDotsPerMeterX(int(DPI / 0.0254))
        image.setDotsPerMeterY(int(DPI / 0.0254))
        painter = QPainter(image)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        painter.scale(scale, scale)
        _paint(painter, page, paper, number, len(pages))
        painter.end()
        out.append(image)
    return out


def save(paper: Paper, path: Path) -> None:
    """Write a paper as PDF, whole or not at all. Raises Fault."""
    try:
        files.replace(path.resolve(), pdf(paper), 0o644)
    except OSError as error:
        raise Fault(
            f"The PDF cannot be written: {error.strerror}.", where=str(path), remedy="Give another place."
        ) from error


def _application() -> None:
    """See that Qt has an application: text needs one. Without a desk it is one that needs no screen."""
    if QGuiApplication.instance() is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        _held.append(QGuiApplication([]))


_held: list[QGuiApplication] = []


# ---------------------------------------------------------------- pages


def _paged(paper: Paper) -> list[_Page]:
    pages, y = [_Page()], MARGIN
    bottom = HEIGHT - MARGIN - FOOT
    previous: Piece | None = None
    for piece in pieces_of(paper):
        top = y == MARGIN
        gap = 0.0 if top else piece.gap
        if not top and y + gap + piece.height + piece.keeps > bottom:
            pages.append(_Page())
            y, gap = MARGIN, 0.0
            if piece.head is not None and previous is not piece.head:
                pages[-1].pieces.append((y, piece.head.draw))
                y += piece.head.height
        pages[-1].pieces.append((y + gap, piece.draw))
        y += gap + piece.height
        previous = piece
    return pages


def _paint(painter: QPainter, page: _Page, paper: Paper, number: int, of: int) -> None:
    for y, draw in page.pieces:
        painter.save()
        draw(painter, y)
        painter.restore()
    font = font_of(7.5)
    y = HEIGHT - MARGIN - FOOT + 8
    rule(painter, y - 3)
    words = f"{paper.title} · {paper.subtitle}" if number > 1 else paper.footer
    write(painter, QRectF(MARGIN, y, ROOM - 60, FOOT), words, font, FAINT)
    write(painter, QRectF(MARGIN + ROOM - 56, y, 56, FOOT), f"{number} / {of}", font, FAINT, right=True)
