"""`armillary command`: one command through the gate of a running live world."""

from __future__ import annotations

import math
import uuid
from dataclasses import replace
from pathlib import Path

import click

from armillary.cli.answer import emit_json, finite, tell
from armillary.cli.greeting import greeted
from armillary.cli.password import as_user, log_in
from armillary.model.clock import NS, Clock, WallClock
from armillary.model.command import Template
from armillary.model.control import AskState, StateAnswer
from armillary.model.fault import Fault, FaultRecord, OrderFault, WorldFault
from armillary.model.frame import Frame, WorldKind
from armillary.model.message import Credit, Welcome
from armillary.model.order import ENDS, Arm, Armed, Order, OrderState, Receipt
from armillary.model.tags import TagSpec
from armillary.session.area_lines import AnyLine, line_of
from armillary.session.orders import VALID_S, receipt_text

ANSWER_S = 20.0
WAIT_S = 30.0  # beyond the time that the gate waits for the read-back


@click.command()
@click.argument("project")
@click.argument("tag", default="")
@click.argument("value", default="")
@click.option("--template", "template_id", default="", metavar="ID", help="A template of commands.toml.")
@click.option("--param", "parameter", type=float, default=None, metavar="X", help="The template's parameter.")
@click.option("--reason", default="", help="For the audit.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@as_user
def command(
    project: str,
    tag: str,
    value: str,
    template_id: str,
    parameter: float | None,
    reason: str,
    yes: bool,
    as_json: bool,
    user: str,
    file: Path | None,
) -> int:
    """Write VALUE to TAG, or carry out a template; 0 verified, 1 not, 2 it could not be asked."""
    line = line_of(project)
    try:
        hello = greeted(line)
        if hello.kind is not WorldKind.LIVE:
            raise OrderFault(
                f"This is a {hello.kind.value} world.",
                where=hello.world,
                remedy="Name the project of a live one.",
            )
        wish, wait_s = _wish(hello, tag, value, template_id, parameter, reason)
        log_in(line, user, file)
        receipt = _carried_out(line, WallClock(), hello, wish, wait_s, yes)
    finally:
        line.close()
    if receipt is None:
        tell("Nothing was sent.", err=True)
        return 1
    if as_json:
        emit_json(
            {
                "order": receipt.order,
                "tag": receipt.tag,
                "state": str(receipt.state),
                "old": finite(receipt.old),
                "value": finite(receipt.value),
                "unit": receipt.unit,
                "read_back": None if receipt.read_back is None else finite(receipt.read_back),
                "detail": receipt.detail.what if receipt.detail else "",
            }
        )
    else:
        tell(receipt_text(receipt))
        if receipt.detail is not None:
            tell(f"  where: {receipt.detail.where}\n  do:    {receipt.detail.remedy}")
    return 0 if receipt.state is OrderState.VERIFIED else 1


def _wish(
    welcome: Welcome, tag: str, value: str, template_id: str, parameter: float | None, reason: str
) -> tuple[Arm, float]:
    """Return what is asked, and how long its end may take. Raises Fault for what makes no sense."""
    unit, number, wait_s = "", math.nan, WAIT_S
    if template_id:
        template = next((t for t in welcome.templates if t.id == template_id), None)
        if template is None:
            known = ", ".join(t.id for t in welcome.templates) or "none"
            raise Fault(
                f"There is no template '{template_id}'.", where="commands.toml", remedy=f"Known: {known}."
            )
        number = _parameter(template, parameter)
        unit = template.parameter.unit if template.parameter else ""
        tag = ""
        if template.read_back is not None:
            wait_s = template.read_back.verify_timeout_s
    else:
        spec = next((s for s in welcome.specs if s.name == tag), None)
        if spec is None:
            raise Fault(
                f"There is no tag '{tag}'." if tag else "Nothing is to be commanded.",
                where=welcome.project,
                remedy="Give TAG VALUE, or --template ID. Tags: armillary state.",
            )
        unit, number = spec.unit, _number(spec, value)
    wish = Arm(tag=tag, value=number, unit=unit, actor="", seen_seq=0, reason=reason, template=template_id)
    return wish, wait_s


def _parameter(template: Template, given: float | None) -> float:
    if template.parameter is None:
        return math.nan if given is None else given
    if given is None:
        p = template.parameter
        raise Fault(
            f"'{template.id}' needs its {p.name}.",
            where="--param",
            remedy=f"Give {p.low:g} to {p.high:g} {p.unit}.",
        )
    return given


def _number(spec: TagSpec, text: str) -> float:
    """Return a value given as a number, or as the name of a state."""
    named = {name.casefold(): number for number, name in spec.states}
    if text.casefold() in named:
        return named[text.casefold()]
    try:
        return float(text)
    except ValueError as error:
        names = f" or one of {', '.join(named)}" if named else ""
        raise Fault(
            f"'{text}' is no value of '{spec.name}'." if text else "The value is missing.",
            where=spec.name,
            remedy=f"Give a number{names}.",
        ) from error


def _carried_out(
    line: AnyLine, clock: Clock, welcome: Welcome, wish: Arm, wait_s: float, yes: bool
) -> Receipt | None:
    """Ask, arm, execute and wait for the end; None when the person said no."""
    if not yes:  # armed for a moment only to learn old and new; what is not executed is never sent
        first = _armed(line, wish)
        _show(first)
        if not click.confirm("Send it?", default=False, err=True):
            return None
    armed = _armed(line, wish)
    if yes:
        _show(armed)
    order = Order(
        id=str(uuid.uuid4()),
        world=welcome.world,
        tag=armed.tag,
        value=armed.new,
        unit=armed.unit,
        actor="",
        token=armed.token,
        not_after_ns=clock.now_ns() + int(VALID_S * NS),
        expect_seq=_seq(line),
        reason=wish.reason,
        template=wish.template,
    )
    answer = line.ask(order, ANSWER_S)
    if not isinstance(answer, Receipt):
        raise WorldFault("The world answered something else.", where=line.address, remedy="Update it.")
    return answer if answer.state in ENDS else _end_of(line, clock, answer, wait_s + ANSWER_S)


def _seq(line: AnyLine) -> int:
    """Return the number of the world's newest frame: what this command looks at."""
    answer = line.ask(AskState())
    return answer.seq if isinstance(answer, StateAnswer) else 0


def _armed(line: AnyLine, wish: Arm) -> Armed:
    answer = line.ask(replace(wish, seen_seq=_seq(line)), ANSWER_S)
    if not isinstance(answer, Armed):
        raise WorldFault("The world answered something else.", where=line.address, remedy="Update it.")
    return answer


def _show(armed: Armed) -> None:
    old = "–" if math.isnan(armed.old) else f"{armed.old:g}"
    tell(f"{armed.title}: {old} → {armed.new:g} {armed.unit}".rstrip(), err=True)
    for what, holds, text in armed.checks:
        tell(f"  {'✓' if holds else '✗'} {what} ({text})", err=True)
    if armed.effect:
        tell(f"  {armed.effect}", err=True)


def _end_of(line: AnyLine, clock: Clock, receipt: Receipt, limit_s: float) -> Receipt:
    """Follow frames until the order has ended, or the time is over."""
    deadline = clock.now_mono_ns() + int(limit_s * NS)
    line.send(Credit(seq=0))
    while receipt.state not in ENDS and clock.now_mono_ns() < deadline:
        for _, message in line.poll(0.5):
            if isinstance(message, FaultRecord):
                raise message.fault()
            if isinstance(message, Frame):
                found = [each for each in message.orders if each.order == receipt.order]
                receipt = found[-1] if found else receipt
                line.send(Credit(seq=message.seq))
    return receipt
