"""A paper as PDF pages of A4, drawn by Qt; the same hand draws pictures of its pages.

Every size is in points, 1/72 inch. No screen is needed: the offscreen platform has all that text takes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QMarginsF, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QImage,
    QPageLayout,
    QPageSize,
    QPainter,
    QPdfWriter,
    QPen,
)

from armillary.model import files
from armillary.model.fault import Fault
from armillary.model.paper import Block, Paper

WIDTH, HEIGHT, MARGIN = 595.0, 842.0, 48.0
_FOOT, _ROOM = 30.0, WIDTH - 2 * MARGIN
_BARS, _TILE, _MOST_BARS = 92.0, 46.0, 300
_PAD_X, _PAD_Y, _KEEP = 5.0, 2.6, 60.0
_INK, _FAINT, _LINE = "#1b2127", "#5b646c", "#cfd5da"
_TONES = {"": _INK, "good": "#2c6e2c", "doubt": "#8a5a00", "bad": "#b3202c", "faint": _FAINT}
_BAR, _OVER, _FLOOD = "#56788f", "#b3202c", "#f3d9db"
_WRAP = int(Qt.TextFlag.TextWordWrap)
_SOFT = "\u200b"  # a place where a word may be parted, of no width
_DPI = 72
_EDGE = 0.03  # of the width: a label so near an end is not centred
_TALLEST = 0.5  # of a page: a row that would be higher is cut
_MOST_FIXED = 0.65  # of the width, for columns that do not wrap if they can help it
_JOINT = re.compile(r"[._/:@-]+")
_FAMILIES = ["Noto Sans", "DejaVu Sans", "Segoe UI", "Helvetica"]

Draw = Callable[[QPainter, float], None]  # draws at y from the left margin


@dataclass(slots=True)
class _Piece:
    """What is not parted by the end of a page. `head`: is drawn anew where a page begins with it."""

    height: float
    draw: Draw
    head: _Piece | None = None
    keeps: float = 0.0  # room that must be left below it: a heading stays with what it heads
    gap: float = 0.0  # above it, but not at the top of a page


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
    writer.setResolution(_DPI * 10)
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
        image.setDotsPerMeterX(int(_DPI / 0.0254))
        image.setDotsPerMeterY(int(_DPI / 0.0254))
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


def _font(size: float, *, bold: bool = False) -> QFont:
    font = QFont(_FAMILIES)
    font.setPointSizeF(size)
    font.setBold(bold)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


class _Ruler:
    """Measures text as the pages will show it, whatever device draws them."""

    def __init__(self) -> None:
        self._image = QImage(8, 8, QImage.Format.Format_RGB32)
        self._image.setDotsPerMeterX(int(_DPI / 0.0254))
        self._image.setDotsPerMeterY(int(_DPI / 0.0254))

    def box(self, text: str, font: QFont, width: float) -> float:
        """Return how high a text is that is wrapped at a width."""
        room = QRectF(0, 0, width, 1e6)
        return float(QFontMetricsF(font, self._image).boundingRect(room, _WRAP, text or " ").height())

    def width(self, text: str, font: QFont) -> float:
        """Return how wide the longest line of a text is."""
        metrics = QFontMetricsF(font, self._image)
        return max(float(metrics.horizontalAdvance(line)) for line in text.split("\n"))


def _paged(paper: Paper) -> list[_Page]:
    ruler = _Ruler()
    pages, y = [_Page()], MARGIN
    bottom = HEIGHT - MARGIN - _FOOT
    previous: _Piece | None = None
    for piece in (*_title(ruler, paper), *(p for block in paper.blocks for p in _pieces(ruler, block))):
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
    font = _font(7.5)
    y = HEIGHT - MARGIN - _FOOT + 8
    _line(painter, y - 3)
    words = f"{paper.title} · {paper.subtitle}" if number > 1 else paper.footer
    _write(painter, QRectF(MARGIN, y, _ROOM - 60, _FOOT), words, font, _FAINT)
    _write(painter, QRectF(MARGIN + _ROOM - 56, y, 56, _FOOT), f"{number} / {of}", font, _FAINT, right=True)


def _write(
    painter: QPainter, box: QRectF, words: str, font: QFont, colour: str, *, right: bool = False
) -> None:
    painter.setFont(font)
    painter.setPen(QColor(colour))
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    painter.drawText(box, _WRAP | int(side | Qt.AlignmentFlag.AlignTop), words)


def _line(painter: QPainter, y: float, colour: str = _LINE) -> None:
    painter.setPen(QPen(QColor(colour), 0.6))
    painter.drawLine(_at(MARGIN, y), _at(MARGIN + _ROOM, y))


def _at(x: float, y: float) -> QPointF:
    return QPointF(x, y)


# ---------------------------------------------------------------- pieces


def _said(
    ruler: _Ruler,
    words: str,
    size: float,
    colour: str,
    *,
    bold: bool = False,
    gap: float = 0.0,
    keeps: float = 0.0,
) -> _Piece:
    font = _font(size, bold=bold)
    height = ruler.box(words, font, _ROOM)

    def draw(painter: QPainter, y: float) -> None:
        _write(painter, QRectF(MARGIN, y, _ROOM, height + 2), words, font, colour)

    return _Piece(height, draw, gap=gap, keeps=keeps)


def _title(ruler: _Ruler, paper: Paper) -> list[_Piece]:
    def bar(painter: QPainter, y: float) -> None:
        painter.fillRect(QRectF(MARGIN, y + 4, _ROOM, 1.6), QColor(_BAR))

    return [
        _said(ruler, paper.title, 18, _INK, bold=True),
        _said(ruler, paper.subtitle, 9.5, _FAINT),
        _Piece(10.0, bar),
    ]


def _pieces(ruler: _Ruler, block: Block) -> list[_Piece]:
    match block.kind:
        case "heading":
            return [_said(ruler, block.text, 12, _INK, bold=True, gap=14.0, keeps=_KEEP)]
        case "text":
            bold = block.tone == "bad"
            return [_said(ruler, block.text, 9.5, _TONES[block.tone], bold=bold, gap=3.0)]
        case "keys":
            return _tiles(ruler, block)
        case "bars":
            return [_chart(block), _said(ruler, block.text, 8, _FAINT, gap=2.0)]
        case "table":
            return _rows(ruler, block)


def _tiles(ruler: _Ruler, block: Block) -> list[_Piece]:
    """Return key figures, four in a row."""
    out: list[_Piece] = []
    across = 4
    width = (_ROOM - (across - 1) * 8) / across
    for start in range(0, len(block.rows), across):
        row = block.rows[start : start + across]

        def draw(painter: QPainter, y: float, row: tuple[tuple[str, ...], ...] = row) -> None:
            for i, (what, value, note) in enumerate(row):
                box = QRectF(MARGIN + i * (width + 8), y, width, _TILE)
                painter.setPen(QPen(QColor(_LINE), 0.6))
                painter.drawRoundedRect(box, 4, 4)
                inner = box.adjusted(7, 4, -4, 0)
                _write(painter, inner, _cut(ruler, what, _font(8), inner.width()), _font(8), _FAINT)
                _write(painter, inner.translated(0, 10), value, _font(13, bold=True), _INK)
                _write(painter, inner.translated(0, 29), note, _font(7.5), _FAINT)

        out.append(_Piece(_TILE + 6, draw, gap=4.0))
    return out


def _cut(ruler: _Ruler, words: str, font: QFont, width: float) -> str:
    """Return a text cut so that it stands in one line."""
    while len(words) > 1 and ruler.width(words, font) > width:
        words = words[:-2].rstrip() + "…"
    return words


def _chart(block: Block) -> _Piece:
    each = max(1, -(-len(block.values) // _MOST_BARS))
    values = [max(block.values[i : i + each]) for i in range(0, len(block.values), each)]

    def draw(painter: QPainter, y: float) -> None:
        if not values:
            return
        top, tall = max(*values, block.limit, 1.0), _BARS - 14
        for begin, end in block.spans:
            left, right = (_ROOM * min(max(share, 0.0), 1.0) for share in (begin, end))
            painter.fillRect(QRectF(MARGIN + left, y, right - left, tall), QColor(_FLOOD))
        width = _ROOM / len(values)
        for i, value in enumerate(values):
            high = tall * value / top
            colour = _OVER if block.limit and value > block.limit else _BAR
            painter.fillRect(
                QRectF(MARGIN + i * width, y + tall - high, max(width - 0.7, 0.5), high), QColor(colour)
            )
        _line(painter, y + tall, _FAINT)
        small = _font(7)
        if block.limit:
            painter.setPen(QPen(QColor(_TONES["doubt"]), 0.7, Qt.PenStyle.DashLine))
            level = y + tall - tall * block.limit / top
            painter.drawLine(_at(MARGIN, level), _at(MARGIN + _ROOM, level))
        for share, label in block.marks:
            x = MARGIN + _ROOM * share
            if share < _EDGE:
                _write(painter, QRectF(x, y + tall + 2, 80, 12), label, small, _FAINT)
            elif share > 1 - _EDGE:
                _write(painter, QRectF(x - 80, y + tall + 2, 80, 12), label, small, _FAINT, right=True)
            else:
                painter.setFont(small)
                painter.setPen(QColor(_FAINT))
                painter.drawText(
                    QRectF(x - 40, y + tall + 2, 80, 12), int(Qt.AlignmentFlag.AlignHCenter), label
                )

    return _Piece(_BARS, draw, gap=4.0)


def _rows(ruler: _Ruler, block: Block) -> list[_Piece]:
    plain, bold = _font(8.5), _font(8.5, bold=True)
    widths = _widths(ruler, block, plain, bold)
    tones = {(row, column): tone for row, column, tone in block.tones}
    head = _row(ruler, block, block.head, widths, bold, {}, is_head=True)
    out = [head]
    for i, cells in enumerate(block.rows):
        of_row = {c: tones[(i, c)] for c in range(len(cells)) if tones.get((i, c))}
        out.append(_row(ruler, block, cells, widths, plain, of_row, is_head=False))
        out[-1].head = head
    head.keeps = out[1].height if len(out) > 1 else 0.0
    head.gap = 4.0
    return out


def _row(
    ruler: _Ruler,
    block: Block,
    cells: tuple[str, ...],
    widths: list[float],
    font: QFont,
    tones: dict[int, str],
    *,
    is_head: bool,
) -> _Piece:
    inner = [width - 2 * _PAD_X for width in widths]
    cells = tuple(_parted(ruler, cell, font, inner[c]) for c, cell in enumerate(cells))
    height = max(ruler.box(cell, font, inner[c]) for c, cell in enumerate(cells)) + 2 * _PAD_Y
    height = min(height, HEIGHT * _TALLEST)

    def draw(painter: QPainter, y: float) -> None:
        x = MARGIN
        for c, cell in enumerate(cells):
            colour = _FAINT if is_head else _TONES[tones.get(c, "")]
            box = QRectF(x + _PAD_X, y + _PAD_Y, inner[c], height - _PAD_Y)
            _write(painter, box, cell, font, colour, right=c in block.right)
            x += widths[c]
        _line(painter, y + height, _FAINT if is_head else _LINE)

    return _Piece(height, draw)


def _widths(ruler: _Ruler, block: Block, plain: QFont, bold: QFont) -> list[float]:
    """Return the columns' widths: as wide as their longest cell, the wide ones share what is left."""
    wide = block.wide or (len(block.head) - 1,)
    need = [ruler.width(name, bold) for name in block.head]
    for cells in block.rows:
        for c, cell in enumerate(cells):
            need[c] = max(need[c], ruler.width(cell, plain))
    widths = [n + 2 * _PAD_X + 1 for n in need]
    fixed = [c for c in range(len(widths)) if c not in wide]
    over = sum(widths[c] for c in fixed) / (_ROOM * _MOST_FIXED)
    for c in fixed:
        widths[c] /= max(over, 1.0)
    left, open_ = _ROOM - sum(widths[c] for c in fixed), sorted(wide, key=lambda c: widths[c])
    for i, c in enumerate(open_):  # the narrow ones take what they need, the last one what is left
        share = left / (len(open_) - i)
        widths[c] = share if i == len(open_) - 1 else min(widths[c], share)
        left -= widths[c]
    return widths


def _parted(ruler: _Ruler, words: str, font: QFont, width: float) -> str:
    """Return a text whose words fit into a width: longer ones may be parted after a dot, else anywhere."""
    if ruler.width(words, font) <= width:
        return words
    out = []
    for word in words.split(" "):
        if ruler.width(word, font) > width:
            word = _JOINT.sub(lambda found: found[0] + _SOFT, word)  # noqa: PLW2901  the same word
            pieces = [p if ruler.width(p, font) <= width else _SOFT.join(p) for p in word.split(_SOFT)]
            word = _SOFT.join(pieces)  # noqa: PLW2901
        out.append(word)
    return " ".join(out)
