"""A desk in a process of its own that is going to be killed: opens a project, chooses, commands, and says so.

Arguments: the project, the path of a part, and tags to command (the first is executed, the second armed).
"""

from __future__ import annotations

import sys

from byhand import Desk

from armillary.model.clock import NS
from armillary.model.order import OrderState
from armillary.session.workspace import WorldState

SENT = (OrderState.SENT, OrderState.VERIFIED)


def main(project: str, part: str, tags: list[str]) -> None:
    desk = Desk()
    at = desk.workspace
    at.open(project)
    desk.until(lambda: at.world_state is WorldState.LIVE and at.scene is not None, 60, "live, with a scene")
    desk.until(lambda: not at.recording, 60, "recorded")
    prim = at.prim_named(part)
    assert prim is not None
    at.select((prim,))
    at.timebar.show(at.now_ns() - 600 * NS, at.now_ns() - 300 * NS)
    slots = {spec.name: spec.slot for spec in at.specs}
    for number, tag in enumerate(tags):
        spec = at.specs[slots[tag]]
        desk.until(lambda name=tag: desk.can_command(name), 60, f"{tag} can be commanded")
        at.orders.arm(spec.slot, spec.write_low + 0.3 * (spec.write_high - spec.write_low))
        desk.until(lambda: at.orders.armed is not None, 20, f"{tag} is armed")
        if number == 0:
            desk.rest(0.6)
            at.orders.execute()
            desk.until(lambda: any(r.state in SENT for r in at.receipts.values()), 20, f"{tag} is sent")
    desk.rest(1.2)  # how it is now is kept once a second
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    desk.rest(600)


main(sys.argv[1], sys.argv[2], sys.argv[3:])
