"""Whom a replay asks: the project's recorder, or one of its own that only reads while there is none."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from armillary.model import places
from armillary.model.fault import Fault
from armillary.wire import child, runs
from armillary.wire.bus import served

STOP_S = 1.0


class Reading:
    """Finds a recorder, starts one where there is none, and ends what it started."""

    def __init__(self, folder: Path, address: str = "") -> None:
        self._folder, self._address = folder, address
        self._child: child.Child | None = None

    async def find(self) -> str:
        """Return the address of a recorder that answers. Raises a Fault when there is none to be had."""
        own, reader = self._address or runs.recorder_address(self._folder), runs.reader_address(self._folder)
        for address in (own, reader):
            if served(address):
                return address
        self.close()
        log = places.logs() / f"reader-{os.getpid()}.log"
        args = {"project": str(self._folder), "address": reader, "read_only": True}
        self._child = child.start("recorder.service", args, log)
        try:
            await asyncio.to_thread(self._child.ready)
        except Fault:
            self._child = None
            if served(own) or served(reader):  # somebody was faster
                return own if served(own) else reader
            raise
        return reader

    def close(self) -> None:
        """End the recorder that was started here."""
        if self._child is not None:
            self._child.stop(STOP_S)
            self._child = None
