"""Picks a command or a child entry by name; the only place where entries become modules.

Modules are imported inside functions: until a command is ready to be stopped in order, Ctrl-C ends the
process at once and without a trace.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

    from armillary.model.fault import Fault

_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_FAILED, _DIED = 2, 3  # exit status of a child: with a fault, with a defect


def main() -> None:
    """Run a command, or a child when started as one."""
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2:])
    sys.exit(_command(sys.argv[1:]))


def desk() -> None:
    """Run the desk without a terminal: `armillary open` with what was given."""
    sys.exit(_command(["open", *sys.argv[1:]]))


def _command(argv: list[str]) -> int:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from armillary.cli import log, run, stopping

    stopping.prepare()
    log.begin(argv)
    try:
        return run(argv)
    finally:
        stopping.disarm()


def _child(argv: list[str]) -> NoReturn:
    import gc
    import importlib
    import logging
    import os
    import threading
    from pathlib import Path

    from armillary.model.fault import Fault, WorldFault
    from armillary.wire import child, isolation

    entry, log = (argv[0], Path(argv[2])) if len(argv) > 2 else ("", Path(os.devnull))  # noqa: PLR2004
    logging.basicConfig(filename=log, level=logging.INFO, format=_LOG_FORMAT)
    if entry not in child.ENTRIES:
        child.say({"fault": _as_dict(WorldFault(f"There is no process named {entry}.", where="", remedy=""))})
        os._exit(_FAILED)
    if entry in isolation.ISOLATED:  # before a thread starts and before the entry is imported
        logging.getLogger("armillary").info("%s has no network: %s", entry, isolation.isolate())
    args = child.arguments()
    child.hush()  # a library that prints must not speak for us
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
        gc.disable()  # what is imported stays: the collector need not look through it
        module = importlib.import_module(f"armillary.{entry}")
        gc.freeze()
        gc.enable()
        module.run(args, child.say)
    except Fault as fault:
        logging.getLogger("armillary").exception("%s could not go on", entry)
        child.say({"fault": _as_dict(fault)})
        sys.exit(_FAILED)
    except Exception:  # the border of a process: it is logged, and the parent is told
        logging.getLogger("armillary").exception("%s died", entry)
        died = WorldFault(f"The process {entry} failed.", where=str(log), remedy="Read its log file.")
        child.say({"fault": _as_dict(died)})
        sys.exit(_DIED)
    sys.exit(0)


def _as_dict(fault: Fault) -> dict[str, str]:
    from armillary.model.fault import record

    r = record(fault)
    return {"kind": r.kind, "what": r.what, "where": r.where, "remedy": r.remedy}


if __name__ == "__main__":
    main()
