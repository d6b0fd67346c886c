"""Picks a command or a child entry by name; the only place where entries become modules."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import NoReturn

from armillary.model.fault import Fault, WorldFault, record

_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def main() -> None:
    """Run a command, or a child when started as one."""
    if len(sys.argv) > 1 and sys.argv[1] == "--child":
        _child(sys.argv[2:])
    from armillary.cli import run

    sys.exit(run(sys.argv[1:]))


def desk() -> None:
    """Run the desk without a terminal: `armillary open` with what was given."""
    from armillary.cli import run

    sys.exit(run(["open", *sys.argv[1:]]))


def _child(argv: list[str]) -> NoReturn:
    from armillary.wire import child

    entry, log = argv[0], Path(argv[2])
    logging.basicConfig(filename=log, level=logging.INFO, format=_LOG_FORMAT)
    if entry not in child.ENTRIES:
        child.say({"fault": _as_dict(WorldFault(f"There is no process named {entry}.", where="", remedy=""))})
        os._exit(2)
    args = child.arguments()
    stopping = threading.Event()

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            return
        stopping.set()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child.end_with_parent(child.stop_self)
    try:
        importlib.import_module(f"armillary.{entry}").run(args, child.say)
    except Fault as fault:
        logging.getLogger("armillary").exception("%s could not go on", entry)
        child.say({"fault": _as_dict(fault)})
        sys.exit(2)
    except Exception:  # the border of a process: it is logged, and the parent is told
        logging.getLogger("armillary").exception("%s died", entry)
        died = WorldFault(f"The process {entry} failed.", where=str(log), remedy="Read its log file.")
        child.say({"fault": _as_dict(died)})
        sys.exit(3)
    sys.exit(0)


def _as_dict(fault: Fault) -> dict[str, str]:
    r = record(fault)
    return {"kind": r.kind, "what": r.what, "where": r.where, "remedy": r.remedy}


if __name__ == "__main__":
    main()
