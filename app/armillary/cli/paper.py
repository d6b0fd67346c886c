"""Writing a paper where a person wants it: as HTML, as PDF, or both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from armillary.alarms.paper_html import html
from armillary.cli.answer import tell
from armillary.model import files
from armillary.model.fault import Fault
from armillary.model.paper import Paper

FILE = click.Path(dir_okay=False, path_type=Path)
_Command = TypeVar("_Command", bound=Callable[..., object])


def papers(function: _Command) -> _Command:
    """Give a command --html and --pdf."""
    function = click.option("--pdf", "pdf", type=FILE, metavar="F.pdf", help="Write it as PDF, pages of A4.")(
        function
    )
    return click.option("--html", "page", type=FILE, metavar="F.html", help="Write it as an HTML page.")(
        function
    )


def write(paper: Paper, page: Path | None, pdf: Path | None, *, quiet: bool) -> None:
    """Write a paper to the files that were asked for and tell their names. Raises Fault."""
    if page is not None:
        try:
            files.replace(page.resolve(), html(paper).encode("utf-8"), 0o644)
        except OSError as error:
            raise Fault(
                f"The page cannot be written: {error.strerror}.",
                where=str(page),
                remedy="Give another place.",
            ) from error
    if pdf is not None:
        from armillary.ui import paper as pages

        pages.save(paper, pdf)
    if not quiet:
        for path in filter(None, (page, pdf)):
            tell(str(path))
