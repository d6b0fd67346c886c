"""The log file of a command: what is for us goes there, and not between the sentences for a person."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import Any

from armillary.cli import stopping
from armillary.cli.commands import COMMANDS
from armillary.model import places
from armillary.model.fault import Fault

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_log = logging.getLogger("armillary")


def begin(argv: list[str]) -> None:
    """Log to a file named after the command, made when there is something to log.

    What nobody caught, in a thread or while an object is deleted, goes there too.
    """
    name = argv[0] if argv and argv[0] in COMMANDS else "armillary"
    try:
        path = places.logs() / f"{name}-{os.getpid()}.log"
        handler: logging.Handler = logging.FileHandler(path, delay=True, encoding="utf-8")
    except Fault:
        handler = logging.NullHandler()  # a command that needs a folder says so itself
    handler.setFormatter(logging.Formatter(_FORMAT))
    logging.basicConfig(handlers=[handler], level=logging.INFO)
    threading.excepthook = _thread
    sys.unraisablehook = _unraisable


def _thread(args: threading.ExceptHookArgs) -> None:
    trace = (args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)
    _log.error("uncaught in the thread %s", args.thread and args.thread.name, exc_info=trace)


def _unraisable(args: Any) -> None:  # Any: sys.UnraisableHookArgs has no name at run time
    if issubclass(args.exc_type, KeyboardInterrupt):  # e.g. between fork and exec
        stopping.again()
        return
    trace = (args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)
    _log.error("uncaught: %s %r", args.err_msg or "in", args.object, exc_info=trace)
