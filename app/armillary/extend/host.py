"""Child entry: runs one plugin part, a plant's broker, server or simulator, in an expendable process."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from armillary.extend.discover import discover
from armillary.model.fault import WorldFault

_PR_SET_PDEATHSIG = 1  # linux/prctl.h; kept over execve, so a part that execs a server dies with us too


def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Serve one part of a plant until this process is ended. Raises ProjectFault for an unknown plant."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    registry = discover(["plants"])
    plant = registry.make("plants", args["plant"])()
    part = args["part"]
    if part not in plant.parts:
        raise WorldFault(f"The plant {args['plant']} has no part {part}.", where="extend.host", remedy="")
    ports = {str(name): int(port) for name, port in args["ports"].items()}
    plant.serve(
        part, Path(args["folder"]), ports, int(args.get("seed", 1)), lambda: say({"pid": os.getpid()})
    )
