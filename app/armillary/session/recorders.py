"""A line to a project's recorder: to the one that runs, else to one that is started for a while."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from armillary.model import places
from armillary.model.clock import NS, WallClock
from armillary.model.fault import StoreFault, WorldFault
from armillary.wire import child, runs
from armillary.wire.bus import Line, served

READY_S, STOP_S = 60.0, 10.0
SLICE_S = 10.0


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
        process.ready(READY_S)
    line = Line(address)
    try:
        yield line
    finally:
        line.close()
        if process is not None:
            process.stop(STOP_S)


def asked(line: Line, message: object, limit_s: float) -> object:
    """Return the recorder's answer; one that has gone is told at once, not after the whole time.

    A message is sent again while it is waited for: what is stored once stays once, by its session.
    """
    end = WallClock().now_mono_ns() + int(limit_s * NS)
    while True:
        try:
            return line.ask(message, SLICE_S)
        except WorldFault as fault:
            if served(line.address) and WallClock().now_mono_ns() < end:
                continue
            raise StoreFault(
                "The recorder went away.",
                where=line.address,
                remedy="Give the same command again: it takes up where it ended.",
            ) from fault
