"""What the pages of a paper are made of: pieces that no page parts. Sizes are points, 1/72 inch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen

from armillary.model.paper import Block, Paper

WIDTH, HEIGHT, MARGIN = 595.0, 842.0, 48.0
FOOT, ROOM = 30.0, WIDTH - 2 * MARGIN
_BARS, _TILE, _MOST_BARS = 92.0, 46.0, 300
_PAD_X, _PAD_Y, _KEEP = 5.0, 2.6, 60.0
_INK, FAINT, _LINE = "#1b2127", "#5b646c", "#cfd5da"
_TONES = {"": _INK, "good": "#2c6e2c", "doubt": "#8a5a00", "bad": "#b3202c", "faint": FAINT}
_BAR, _OVER, _FLOOD = "#56788f", "#b3202c", "#f3d9db"
_WRAP = int(Qt.TextFlag.TextWordWrap)
_SOFT = "\u200b"  # a place where a word may be parted, of no width
DPI = 72
_EDGE = 0.03  # of the width: a label so near an end is not centred
_TALLEST = 0.5  # of a page: a row that would be higher is cut
_MOST_FIXED = 0.65  # of the width, for columns that do not wrap if they can help it
_JOINT = re.compile(r"[._/:@-]+")
_FAMILIES = ["Noto Sans", "DejaVu Sans", "Segoe UI", "Helvetica"]

Draw = Callable[[QPainter, float], None]  # draws at y from the left margin


@dataclass(slots=True)
class Piece:
    """What is not parted by the end of a page. `head`: is drawn anew where a page begins with it."""

    height: float
    draw: Draw
    head: Piece | None = None
    keeps: float = 0.0  # room that must be left below it: a heading stays with what it heads
    gap: float = 0.0  # above it, but not at the top of a page


def pieces_of(paper: Paper) -> list[Piece]:
    """Return all pieces of a paper, from its title on."""
    ruler = Ruler()
    return [*_title(ruler, paper), *(piece for block in paper.blocks for piece in _pieces(ruler, block))]


def font_of(size: float, *, bold: bool = False) -> QFont:
    """Return the font of all pages, in points."""
    font = QFont(_FAMILIES)
    font.setPointSizeF(size)
    font.setBold(bold)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


class Ruler:
    """Measures text as the pages will show it, whatever device draws them."""

    def __init__(self) -> None:
        self._image = QImage(8, 8, QImage.Format.Format_RGB32)
        self._image.setDotsPerMeterX(int(DPI / 0.0254))
        self._image.setDotsPerMeterY(int(DPI / 0.0254))

    def box(self, text: str, font: QFont, width: float) -> float:
        """Return how high a text is that is wrapped at a width."""
        room = QRectF(0, 0, width, 1e6)
        return float(QFontMetricsF(font, self._image).boundingRect(room, _WRAP, text or " ").height())

    def width(self, text: str, font: QFont) -> float:
        """Return how wide the longest line of a text is."""
        metrics = QFontMetricsF(font, self._image)
        return max(float(metrics.horizontalAdvance(line)) for line in text.split("\n"))


def write(
    painter: QPainter, box: QRectF, words: str, font: QFont, colour: str, *, right: bool = False
) -> None:
    """Write a text into a box, wrapped at its words."""
    painter.setFont(font)
    painter.setPen(QColor(colour))
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    painter.drawText(box, _WRAP | int(side | Qt.AlignmentFlag.AlignTop), words)


def rule(painter: QPainter, y: float, colour: str = _LINE) -> None:
    """Draw a line across the page."""
    painter.setPen(QPen(QColor(colour), 0.6))
    painter.drawLine(_at(MARGIN, y), _at(MARGIN + ROOM, y))


def _at(x: float, y: float) -> QPointF:
    return QPointF(x, y)


# ---------------------------------------------------------------- pieces


def _said(
    ruler: Ruler,
    words: str,
    size: float,
    colour: str,
    *,
    bold: bool = False,
    gap: float = 0.0,
    keeps: float = 0.0,
) -> Piece:
    font = font_of(size, bold=bold)
    height = ruler.box(words, font, ROOM)

    def draw(painter: QPainter, y: float) -> None:
        write(painter, QRectF(MARGIN, y, ROOM, height + 2), words, font, colour)

    return Piece(height, draw, gap=gap, keeps=keeps)


def _title(ruler: Ruler, paper: Paper) -> list[Piece]:
    def bar(painter: QPainter, y: float) -> None:
        painter.fillRect(QRectF(MARGIN, y + 4, ROOM, 1.6), QColor(_BAR))

    return [
        _said(ruler, paper.title, 18, _INK, bold=True),
        _said(ruler, paper.subtitle, 9.5, FAINT),
        Piece(10.0, bar),
    ]


def _pieces(ruler: Ruler, block: Block) -> list[Piece]:
    match block.kind:
        case "heading":
            return [_said(ruler, block.text, 12, _INK, bold=True, gap=14.0, keeps=_KEEP)]
        case "text":
            bold = block.tone == "bad"
            return [_said(ruler, block.text, 9.5, _TONES[block.tone], bold=bold, gap=3.0)]
        case "keys":
            return _tiles(ruler, block)
        case "bars":
            return [_chart(block), _said(ruler, block.text, 8, FAINT, gap=2.0)]
        case "table":
            return _rows(ruler, block)


def _tiles(ruler: Ruler, block: Block) -> list[Piece]:
    """Return key figures, four in a row."""
    out: list[Piece] = []
    across = 4
    width = (ROOM - (across - 1) * 8) / across
    for start in range(0, len(block.rows), across):
        row = block.rows[start : start + across]

        def draw(painter: QPainter, y: float, row: tuple[tuple[str, ...], ...] = row) -> None:
            for i, (what, value, note) in enumerate(row):
                box = QRectF(MARGIN + i * (width + 8), y, width, _TILE)
                painter.setPen(QPen(QColor(_LINE), 0.6))
                painter.drawRoundedRect(box, 4, 4)
                inner = box.adjusted(7, 4, -4, 0)
                write(painter, inner, _cut(ruler, what, font_of(8), inner.width()), font_of(8), FAINT)
                write(painter, inner.translated(0, 10), value, font_of(13, bold=True), _INK)
                write(painter, inner.translated(0, 29), note, font_of(7.5), FAINT)

        out.append(Piece(_TILE + 6, draw, gap=4.0))
    return out


def _cut(ruler: Ruler, words: str, font: QFont, width: float) -> str:
    """Return a text cut so that it stands in one line."""
    while len(words) > 1 and ruler.width(words, font) > width:
        words = words[:-2].rstrip() + "…"
    return words


def _chart(block: Block) -> Piece:
    each = max(1, -(-len(block.values) // _MOST_BARS))
    values = [max(block.values[i : i + each]) for i in range(0, len(block.values), each)]

    def draw(painter: QPainter, y: float) -> None:
        if not values:
            return
        top, tall = max(*values, block.limit, 1.0), _BARS - 14
        for begin, end in block.spans:
            left, right = (ROOM * min(max(share, 0.0), 1.0) for share in (begin, end))
            painter.fillRect(QRectF(MARGIN + left, y, right - left, tall), QColor(_FLOOD))
        width = ROOM / len(values)
        for i, value in enumerate(values):
            high = tall * value / top
            colour = _OVER if block.limit and value > block.limit else _BAR
            painter.fillRect(
                QRectF(MARGIN + i * width, y + tall - high, max(width - 0.7, 0.5), high), QColor(colour)
            )
        rule(painter, y + tall, FAINT)
        small = font_of(7)
        if block.limit:
            painter.setPen(QPen(QColor(_TONES["doubt"]), 0.7, Qt.PenStyle.DashLine))
            level = y + tall - tall * block.limit / top
            painter.drawLine(_at(MARGIN, level), _at(MARGIN + ROOM, level))
        for share, label in block.marks:
            x = MARGIN + ROOM * share
            if share < _EDGE:
                write(painter, QRectF(x, y + tall + 2, 80, 12), label, small, FAINT)
            elif share > 1 - _EDGE:
                write(painter, QRectF(x - 80, y + tall + 2, 80, 12), label, small, FAINT, right=True)
            else:
                painter.setFont(small)
                painter.setPen(QColor(FAINT))
                painter.drawText(
                    QRectF(x - 40, y + tall + 2, 80, 12), int(Qt.AlignmentFlag.AlignHCenter), label
                )

    return Piece(_BARS, draw, gap=4.0)


def _rows(ruler: Ruler, block: Block) -> list[Piece]:
    plain, bold = font_of(8.5), font_of(8.5, bold=True)
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
    ruler: Ruler,
    block: Block,
    cells: tuple[str, ...],
    widths: list[float],
    font: QFont,
    tones: Mapping[int, str],
    *,
    is_head: bool,
) -> Piece:
    inner = [width - 2 * _PAD_X for width in widths]
    cells = tuple(_parted(ruler, cell, font, inner[c]) for c, cell in enumerate(cells))
    height = max(ruler.box(cell, font, inner[c]) for c, cell in enumerate(cells)) + 2 * _PAD_Y
    height = min(height, HEIGHT * _TALLEST)

    def draw(painter: QPainter, y: float) -> None:
        x = MARGIN
        for c, cell in enumerate(cells):
            colour = FAINT if is_head else _TONES[tones.get(c, "")]
            box = QRectF(x + _PAD_X, y + _PAD_Y, inner[c], height - _PAD_Y)
            write(painter, box, cell, font, colour, right=c in block.right)
            x += widths[c]
        rule(painter, y + height, FAINT if is_head else _LINE)

    return Piece(height, draw)


def _widths(ruler: Ruler, block: Block, plain: QFont, bold: QFont) -> list[float]:
    """Return the columns' widths: as wide as their longest cell, the wide ones share what is left."""
    wide = block.wide or (len(block.head) - 1,)
    need = [ruler.width(name, bold) for name in block.head]
    for cells in block.rows:
        for c, cell in enumerate(cells):
            need[c] = max(need[c], ruler.width(cell, plain))
    widths = [n + 2 * _PAD_X + 1 for n in need]
    fixed = [c for c in range(len(widths)) if c not in wide]
    over = sum(widths[c] for c in fixed) / (ROOM * _MOST_FIXED)
    for c in fixed:
        widths[c] /= max(over, 1.0)
    left, open_ = ROOM - sum(widths[c] for c in fixed), sorted(wide, key=lambda c: widths[c])
    for i, c in enumerate(open_):  # the narrow ones take what they need, the last one what is left
        share = left / (len(open_) - i)
        widths[c] = share if i == len(open_) - 1 else min(widths[c], share)
        left -= widths[c]
    return widths


def _parted(ruler: Ruler, words: str, font: QFont, width: float) -> str:
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
