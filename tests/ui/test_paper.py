"""Papers as PDF pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QColor

from armillary.model.fault import Fault
from armillary.model.paper import Block, Paper, heading, text
from armillary.ui import paper as papers


def long_paper() -> Paper:
    rows = tuple((f"TT-{i}", "word " * 12, f"{i}") for i in range(120))
    wide = Block(kind="table", head=("tag", "said", "count"), rows=rows, right=(2,), wide=(1,))
    bars = Block(kind="bars", text="each", values=(0.0, 12.0, 3.0), limit=10.0, spans=((0.3, 0.7),))
    keys = Block(kind="keys", rows=(("Energy", "12 kWh", "change"),) * 5)
    many = (heading("One"), text("a" * 900), keys, bars, wide, heading("Two"), text("end"))
    return Paper(title="Line: shift early", subtitle="2026-11-22", blocks=many, footer="foot")


def test_a_long_paper_is_a_pdf_of_as_many_pages_as_its_pictures(qapp: object) -> None:
    data, pages = papers.pdf(long_paper()), papers.pictures(long_paper(), 1.0)
    assert data.startswith(b"%PDF-")
    assert len(pages) > 3
    assert data.count(b"/Type /Page\n") == len(pages)


def test_no_page_is_blank_and_nothing_is_drawn_in_the_margins(qapp: object) -> None:
    white = QColor("white").rgb()
    for image in papers.pictures(long_paper(), 1.0):
        ink = [
            (x, y)
            for x in range(0, image.width(), 2)
            for y in range(0, image.height(), 2)
            if image.pixel(x, y) != white
        ]
        assert len(ink) > 200
        assert min(x for x, _ in ink) >= papers.MARGIN - 2
        assert max(x for x, _ in ink) <= papers.WIDTH - papers.MARGIN + 2
        assert max(y for _, y in ink) <= papers.HEIGHT - papers.MARGIN


def test_a_bar_above_the_limit_is_red(qapp: object) -> None:
    image = papers.pictures(long_paper(), 1.0)[0]
    shades = {image.pixel(x, y) for x in range(200, 390, 4) for y in range(100, 700, 3)}
    assert QColor("#b3202c").rgb() in shades


def test_an_empty_paper_is_one_page(qapp: object) -> None:
    assert len(papers.pictures(Paper(title="x", subtitle="", blocks=()))) == 1


def test_a_pdf_that_cannot_be_written_says_so(qapp: object, tmp_path: Path) -> None:
    with pytest.raises(Fault, match="cannot be written"):
        papers.save(long_paper(), tmp_path / "none" / "x.pdf")
