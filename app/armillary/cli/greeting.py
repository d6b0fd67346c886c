"""How a command of a terminal joins a running world."""

from __future__ import annotations

import os

from armillary.model.fault import WorldFault
from armillary.model.message import Hello, Welcome
from armillary.session.area_lines import AnyLine


def greeted(line: AnyLine) -> Welcome:
    """Return what a world says of itself to whoever joins. Raises Fault."""
    welcome = line.ask(Hello(actor=f"local:{os.getuid()}", desk="cli"))
    if not isinstance(welcome, Welcome):
        raise WorldFault("The world answered something else.", where=line.address, remedy="Update it.")
    return welcome
