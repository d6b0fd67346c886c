"""`python -m armillary_plugins.openusd_plant [PORT]`: the skid's server, to be opened by `armillary open`."""

from __future__ import annotations

import asyncio
import sys

from armillary.api import WallClock
from armillary_plugins.openusd_plant.server import serve

port = int(sys.argv[1]) if len(sys.argv) > 1 else 4855


def _ready() -> None:
    sys.stdout.write(f"armillary open opc.tcp://127.0.0.1:{port}\n")
    sys.stdout.flush()


try:
    asyncio.run(serve(port, _ready, WallClock()))
except KeyboardInterrupt:
    sys.exit(0)
