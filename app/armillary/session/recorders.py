"""A line to a project's recorder: to the one that runs, else to one that is started for a while."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from armillary.model import places
from armillary.wire import child, runs
from armillary.wire.bus import Line, served

STOP_S = 10.0


@contextmanager
def recorder(folder: Path, *, read_only: bool) -> Iterator[Line]:
    """Give a line to a recorder of a project; what was started here is ended after it.

    read_only: one that only reads will do; without, what runs that only reads makes room for one that writes.
    Raises Fault where none is to be had.
    """
    own, reader = runs.recorder_address(folder), runs.reader_address(folder)
    address = own if served(own) else reader if read_only and served(reader) else ""
    process: child.Child | None = None
    if not address:
        address = reader if read_only else own
        args = {"project": str(folder), "address": address, "read_only": read_only}
        process = child.start("recorder.service", args, places.logs() / f"recorder-{os.getpid()}.log")
        process.ready()
    line = Line(address)
    try:
        yield line
    finally:
        line.close()
        if process is not None:
            process.stop(STOP_S)
