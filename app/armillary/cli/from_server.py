"""`armillary open opc.tcp://…`: a project of what a server publishes, kept or for this time only."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from armillary.model import places
from armillary.session import offers
from armillary.session.offers import Wanted

_SHOWN = 12  # notes that are printed


@contextmanager
def opened(url: str, saved: Path | None, *, insecure: bool, tell: Callable[[str], None]) -> Iterator[Path]:
    """Give the folder of a project made of an offer; a temporary one goes with it. Raises Fault."""
    wanted = Wanted(url=url, settings={"insecure": True} if insecure else {})
    above = None if saved is not None else Path(tempfile.mkdtemp(prefix="server-", dir=places.runtime()))
    try:
        folder = saved.expanduser().resolve() if saved is not None else _inside(above)
        tell(f"Reading the scene of {url}")
        with offers.read(wanted) as (offer, delivered):
            report = offers.make_project(folder, offer, delivered, wanted)
        counts = (
            f"{len(report.files)} files, {report.bindings} bindings, {report.tags} tags, {report.parts} parts"
        )
        tell(f"{counts}: {folder}" + ("" if saved is not None else " (temporary: --save DIR keeps it)"))
        for note in report.notes[:_SHOWN]:
            tell(f"  {note.where}: {note.what}")
        yield folder
    finally:
        if above is not None:
            shutil.rmtree(above, ignore_errors=True)


def _inside(above: Path | None) -> Path:
    return (above or places.runtime()) / "project"
