"""`armillary substitute`: a value by hand in place of the plant's, in a running live world."""

from __future__ import annotations

import math
import re
from pathlib import Path

import click

from armillary.cli.answer import emit_json, finite, table
from armillary.cli.greeting import greeted
from armillary.cli.password import as_user, log_in
from armillary.encoding import texts
from armillary.model.fault import Fault, OrderFault
from armillary.model.frame import WorldKind, apply_frame
from armillary.model.message import Welcome
from armillary.model.quality import SUBSTITUTED
from armillary.model.substitution import EndSubstitution, Substitute
from armillary.model.tags import TagSpec, TagTable
from armillary.session.area_lines import line_of

ANSWER_S = 20.0
_UNITS = {"s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|min|h|d)")


class Span(click.ParamType[float]):
    """A time as people say it: `90 s`, `15min`, `1h`, `2d`; seconds."""

    name = "span"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = _SPAN.fullmatch(str(value).replace(" ", ""))
        if isinstance(value, str) and found is None:
            self.fail(f"{value!r} is no time. Write 30s, 15min, 8h or 2d.", param, ctx)
        return float(value) if found is None else float(found[1]) * _UNITS[found[2]]


@click.command()
@click.argument("project")
@click.argument("tag", default="")
@click.argument("value", default="")
@click.option("--block", is_flag=True, help="Hold the tag at the value that it shows.")
@click.option("--end", "ends", is_flag=True, help="Let the tag show again what the plant says.")
@click.option(
    "--for", "for_s", type=Span(), default="1h", metavar="TIME", help="30s, 15min, 8h; 1h if not given."
)
@click.option("--reason", default="", help="Why; for the audit, and for all who see the tag.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@as_user
def substitute(
    project: str,
    tag: str,
    value: str,
    block: bool,
    ends: bool,
    for_s: float,
    reason: str,
    as_json: bool,
    user: str,
    file: Path | None,
) -> int:
    """Give TAG a VALUE by hand for a time; without TAG list what holds. Nothing is sent to the plant."""
    if tag and (bool(value) + block + ends) != 1:
        raise click.UsageError("Give one of: VALUE, --block, --end.")
    line = line_of(project)
    try:
        welcome = greeted(line)
        if welcome.kind is not WorldKind.LIVE:
            raise OrderFault(
                f"This is a {welcome.kind.value} world.",
                where=welcome.world,
                remedy="Values are given by hand in the live world only.",
            )
        if not tag:
            return _listed(welcome, as_json)
        log_in(line, user, file)
        if ends:
            line.ask(EndSubstitution(tag=tag, reason=reason), ANSWER_S)
        else:
            number = None if block else _number(_spec(welcome, tag), value)
            line.ask(Substitute(tag=tag, value=number, for_s=for_s, reason=reason), ANSWER_S)
    finally:
        line.close()
    if as_json:
        emit_json({"tag": tag, "done": "ended" if ends else "blocked" if block else "given"})
    elif ends:
        click.echo(f"{tag} shows again what the plant says.")
    else:
        click.echo(f"{tag} is {'blocked' if block else 'given by hand'} for {texts.age(int(for_s))}.")
    return 0


def _listed(welcome: Welcome, as_json: bool) -> int:
    mirror = TagTable(len(welcome.specs))
    apply_frame(mirror, welcome.frame)
    held = [
        spec
        for spec in welcome.specs
        if mirror.quality[spec.slot] & 0xFF == SUBSTITUTED and spec.slot in mirror.why
    ]
    if as_json:
        rows = [
            {
                "tag": spec.name,
                "value": finite(float(mirror.value[spec.slot])),
                "unit": spec.unit,
                "why": mirror.why[spec.slot],
            }
            for spec in held
        ]
        emit_json({"substituted": rows})
    elif not held:
        click.echo("No value is given by hand.")
    else:
        table(
            [(s.name, texts.number(float(mirror.value[s.slot]), s.unit), mirror.why[s.slot]) for s in held],
            ("TAG", "VALUE", "WHY"),
        )
    return 0


def _spec(welcome: Welcome, tag: str) -> TagSpec:
    spec = next((s for s in welcome.specs if s.name == tag), None)
    if spec is None:
        raise Fault(f"There is no tag '{tag}'.", where=welcome.project, remedy="Tags: armillary state.")
    return spec


def _number(spec: TagSpec, text: str) -> float:
    """Return a value given as a number, or as the name of a state."""
    named = {name.casefold(): number for number, name in spec.states}
    if text.casefold() in named:
        return named[text.casefold()]
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        names = f" or one of {', '.join(named)}" if named else ""
        raise Fault(
            f"'{text}' is no value of '{spec.name}'.", where=spec.name, remedy=f"Give a number{names}."
        )
    return number
