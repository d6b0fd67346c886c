"""A command template tried on the project's simulator: prepare, arm, execute, verify, as at the plant.

It starts a TRAINING world of its own, which by construction has no link, sink or credentials. Blocking:
run it beside the desk's thread.
"""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from armillary.model import places
from armillary.model.clock import NS, WallClock
from armillary.model.command import Check, Template
from armillary.model.control import NoteTestFire
from armillary.model.fault import Fault, FaultRecord, WorldFault, record
from armillary.model.frame import Frame, WorldKind
from armillary.model.message import Credit, Hello, Welcome
from armillary.model.order import ENDS, Arm, Armed, Order, OrderState, Prepare, Prepared, Receipt
from armillary.session.orders import VALID_S, receipt_text
from armillary.wire import child
from armillary.wire.bus import Line

START_S, ANSWER_S, END_S, READY_S = 30.0, 10.0, 60.0, 20.0
_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One try and what became of it."""

    value: float  # NaN: the template has its own
    state: OrderState
    text: str  # `Verified: reads 50 %`, or why not
    checks: tuple[Check, ...] = ()
    read_back: float | None = None

    @property
    def outcome(self) -> str:
        """In one line, for the audit."""
        return f"{self.state}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """What a template did on the simulator; `world`: the one that it was tried in."""

    template: str
    world: str
    kind: str
    shots: tuple[Shot, ...]


def fire(
    folder: Path,
    template: Template,
    values: Sequence[float],
    commands: str | None = None,
    shown: Callable[[Shot], None] = lambda _shot: None,
) -> Fired:
    """Try a template with each of some values, one after the other. Raises Fault when it cannot be begun.

    commands: the text of commands.toml as it is being edited; None = the file's.
    """
    args = {"project": str(folder), "scenario": "", "bench": True, "commands": commands}
    process = child.start("world.training", args, places.logs() / f"test-fire-{os.getpid()}.log")
    try:
        line = Line(str(process.ready(START_S)["address"]))
        try:
            welcome = line.ask(Hello(actor=f"local:{os.getuid()}", desk="test-fire"), ANSWER_S)
            if not isinstance(welcome, Welcome) or welcome.kind is not WorldKind.TRAINING:
                raise WorldFault("This is no simulator.", where=line.address, remedy="Try again.")
            _until_it_runs(line)
            shots = []
            for value in values:
                shots.append(_shot(line, welcome, template, value))
                shown(shots[-1])
            return Fired(
                template=template.id, world=welcome.world, kind=str(welcome.kind), shots=tuple(shots)
            )
        finally:
            line.close()
    finally:
        process.stop()


def _until_it_runs(line: Line) -> None:
    """Wait for the first steps of the model: before them nothing is GOOD."""
    clock = WallClock()
    deadline, steps = clock.now_mono_ns() + int(READY_S * NS), 0
    line.send(Credit(seq=0))
    while clock.now_mono_ns() < deadline:
        for _, message in line.poll(_POLL_S):
            if isinstance(message, Frame):
                steps += bool(len(message.slot))
                line.send(Credit(seq=message.seq))
                if steps > 1 and message.cursor is not None and message.cursor.to_ns > message.cursor.from_ns:
                    return
    raise WorldFault("The simulator does not run.", where=line.address, remedy="See its log file.")


def _shot(line: Line, welcome: Welcome, template: Template, value: float) -> Shot:
    """Try one value; a refusal is an outcome."""
    checks: tuple[Check, ...] = ()
    try:
        found = line.ask(Prepare(tag="", template=template.id), ANSWER_S)
        checks = found.checks if isinstance(found, Prepared) else ()
        unit = template.parameter.unit if template.parameter is not None else ""
        wish = Arm(tag="", value=value, unit=unit, actor="", seen_seq=0, template=template.id)
        armed = line.ask(wish, ANSWER_S)
        if not isinstance(armed, Armed):
            raise WorldFault("The world answered something else.", where=line.address, remedy="Update it.")
        checks = armed.checks
        order = Order(
            id=str(uuid.uuid4()),
            world=welcome.world,
            tag=armed.tag,
            value=armed.new,
            unit=armed.unit,
            actor="",
            token=armed.token,
            not_after_ns=WallClock().now_ns() + int(VALID_S * NS),
            expect_seq=0,
            template=template.id,
        )
        receipt = line.ask(order, ANSWER_S)
        if not isinstance(receipt, Receipt):
            raise WorldFault("The world answered something else.", where=line.address, remedy="Update it.")
    except Fault as fault:
        return _refused(value, record(fault), checks)
    receipt = _end_of(line, receipt)
    return Shot(
        value=value,
        state=receipt.state,
        text=receipt_text(receipt),
        checks=checks,
        read_back=receipt.read_back,
    )


def _refused(value: float, why: FaultRecord, checks: tuple[Check, ...]) -> Shot:
    return Shot(value=value, state=OrderState.REFUSED, text=f"{why.what} {why.remedy}", checks=checks)


def _end_of(line: Line, receipt: Receipt) -> Receipt:
    """Follow frames until the order has ended, or the time is over."""
    clock = WallClock()
    deadline = clock.now_mono_ns() + int(END_S * NS)
    line.send(Credit(seq=0))
    while receipt.state not in ENDS and clock.now_mono_ns() < deadline:
        for _, message in line.poll(_POLL_S):
            if isinstance(message, FaultRecord):
                raise message.fault()
            if isinstance(message, Frame):
                found = [each for each in message.orders if each.order == receipt.order]
                receipt = found[-1] if found else receipt
                line.send(Credit(seq=message.seq))
    return receipt if receipt.state in ENDS else replace(receipt, state=OrderState.UNVERIFIED)


def note(ask: Callable[[object, Callable[[object], None], float], None], fired: Fired) -> None:
    """Have the live world write what was tried into its audit; it is the only one that writes there."""
    for shot in fired.shots:
        told = NoteTestFire(template=fired.template, value=shot.value, outcome=shot.outcome)
        ask(told, lambda _answer: None, ANSWER_S)


def usual_values(template: Template) -> tuple[float, ...]:
    """Return what is tried when nobody says what: beyond the limits, then the middle."""
    given = template.parameter
    if given is None:
        return (math.nan,)
    span = given.high - given.low
    return given.high + max(1.0, span), (given.low + given.high) / 2
