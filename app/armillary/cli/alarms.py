"""`armillary alarms`: list the alarms of a running world, acknowledge, reset and hide them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import click

from armillary.cli import alarm_health, alarm_journal, alarm_suggest, alarm_suppressed, alarm_table
from armillary.cli.answer import emit_json, finite, table, tell
from armillary.cli.greeting import greeted
from armillary.cli.paper import FILE
from armillary.cli.password import as_user, log_in
from armillary.model.alarm import (
    ONE_SHOT_NS,
    AlarmAct,
    AlarmActed,
    AlarmAction,
    AlarmSpec,
    AlarmState,
    Hiding,
    Presentation,
    ProcessState,
)
from armillary.model.clock import iso
from armillary.model.fault import Fault, WorldFault
from armillary.model.message import Welcome
from armillary.model.shift import left_s
from armillary.project import folder as projects
from armillary.session.area_lines import line_of

ACT_S = 10.0
DONE = {
    "ack": "acknowledged",
    "reset": "reset",
    "comment": "commented on",
    "shelve": "shelved",
    "unshelve": "unshelved",
    "remove": "out of service",
    "place": "back in service",
    "confirm": "asked to confirm",
    "respond": "answered",
    "suppress": "asked to suppress",
    "unsuppress": "asked to unsuppress",
}


@click.command()
@click.argument("words", nargs=-1, metavar="[ACT] [PROJECT] [ID]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--all", "everything", is_flag=True, help="All that wait for it now, instead of IDs.")
@click.option("--normal", is_flag=True, help="List the alarms that are normal, too.")
@click.option(
    "--comment", "--reason", "--ticket", default="", help="For the journal; the reason of a shelf, a ticket."
)
@click.option(
    "--for", "minutes", type=click.FloatRange(min=0.1), help="Minutes on the shelf; 60 if left out."
)
@click.option("--shift", is_flag=True, help="On the shelf until the shift ends.")
@click.option("--once", is_flag=True, help="On the shelf until it next returns to normal.")
@click.option(
    "--from", "from_", default="", metavar="T", help="Of health: -30d if left out; of journal: -1d."
)
@click.option("--to", default="", metavar="T", help="Of health and journal: now if left out.")
@click.option("--position", default="", metavar="NAME", help="Of health: of one operator position.")
@click.option(
    "-o", "--html", "out", type=FILE, help="Of health: F.html; of journal: F.csv, .parquet, .jsonl."
)
@click.option("--pdf", "pdf", type=FILE, help="Of health: pages of A4, F.pdf.")
@click.option(
    "--days",
    type=click.FloatRange(0.01, 400),
    default=30.0,
    help="Of suggest and suppressed: how far back; 30 if left out.",
)
@click.option("--apply", "apply_", default="", metavar="ID", help="Of suggest: write this one.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_user
def alarms(
    words: tuple[str, ...],
    as_json: bool,
    everything: bool,
    normal: bool,
    comment: str,
    minutes: float | None,
    shift: bool,
    once: bool,
    from_: str,
    to: str,
    position: str,
    out: Path | None,
    pdf: Path | None,
    days: float,
    apply_: str,
    yes: bool,
    user: str,
    file: Path | None,
) -> int:
    """List the alarms of a running world, or act on them.

    `ack` acknowledges, `reset` resets latched ones, `comment` says something (`--comment`) and changes
    nothing, `shelve` hides for a time and `unshelve` brings back, `remove` takes out of service and `place`
    puts back. Of alarms that an OPC UA server owns, its server is asked; there are `confirm`, `suppress`,
    `unsuppress` and `respond` too. `export PROJECT FILE.csv` writes the alarms that the
    project defines as a table, and `import PROJECT FILE.csv` shows what a table changes and writes it.
    `health PROJECT` judges the journal against ISA-18.2; status 1 where a figure is over its maximum.
    `journal PROJECT [ID]...` lists what happened, or writes it with `-o F.csv`, `.parquet` or `.jsonl`.
    `suppressed PROJECT --days 30` says what the rules of suppression would have hidden; status 1 where
    alarms of priority 1 or 2 are among it.
    `suggest PROJECT` finds deadbands and delays for the alarms that ask for too much attention, each proved
    by running the alarm again over what was recorded; `--apply ID` writes one into rules.toml.

    Status of a list 0, of an act 0 when all was done, 1 when not, 2 when it could not be asked.
    """
    if words and words[0] in alarm_table.ACTS:
        if len(words) != 3:  # noqa: PLR2004  what, of which, where
            raise click.UsageError(f"armillary alarms {words[0]} PROJECT FILE.csv")
        return alarm_table.run(*words, yes=yes, as_json=as_json)
    if words and words[0] == "health":
        if len(words) != 2:  # noqa: PLR2004  what, of which
            raise click.UsageError("armillary alarms health PROJECT [--from T] [--to T] [--html F] [--pdf F]")
        return alarm_health.run(words[1], from_, to, out, pdf, as_json=as_json, position=position)
    if words and words[0] == "journal":
        if len(words) == 1:
            raise click.UsageError("armillary alarms journal PROJECT [ID]... [--from T] [--to T] [-o F.csv]")
        return alarm_journal.run(words[1], words[2:], from_, to, out, as_json=as_json)
    if words and words[0] == "suppressed":
        if len(words) != 2:  # noqa: PLR2004  what, of which
            raise click.UsageError("armillary alarms suppressed PROJECT [--days N]")
        return alarm_suppressed.run(words[1], days, as_json=as_json)
    if words and words[0] == "suggest":
        if len(words) == 1:
            raise click.UsageError("armillary alarms suggest PROJECT [ID]... [--days 30] [--apply ID]")
        return alarm_suggest.run(words[1], words[2:], days, apply_, yes=yes, as_json=as_json)
    act = words[0] if words and words[0] in DONE else ""
    rest = words[1:] if act else words
    if not act and len(rest) > 1:
        raise click.UsageError(f"'{rest[0]}' is none of {', '.join(DONE)}; one project is enough for a list.")
    if act != "shelve" and (minutes or once or shift):
        raise click.UsageError("--for, --shift and --once are for shelve.")
    if bool(minutes) + once + shift > 1:
        raise click.UsageError("Give one of --for, --shift and --once.")
    line = line_of(rest[0] if rest else "")
    try:
        welcome = greeted(line)
        if not act:
            _list(welcome, as_json, normal)
            return 0
        chosen = _chosen(welcome, act, rest[1:], everything)
        if not chosen:
            tell(f"There is nothing to {act}.")
            return 0
        log_in(line, user, file)
        if not yes and not click.confirm(
            f"{act} {len(chosen)}: {', '.join(s.id for s in chosen)}?", err=True
        ):
            tell("Nothing was done.", err=True)
            return 1
        wish = AlarmAct(
            action=cast("AlarmAction", act),
            occurrences=tuple(state.occurrence for state in chosen),
            comment=comment,
            duration_s=_shelf_s(welcome, minutes, shift=shift) if act == "shelve" and not once else 0.0,
        )
        acted = line.ask(wish, ACT_S)
        if not isinstance(acted, AlarmActed):
            raise WorldFault("The world answered something else.", where=line.address, remedy="Update it.")
    finally:
        line.close()
    return _answered(act, chosen, acted, as_json)


def _shelf_s(welcome: Welcome, minutes: float | None, *, shift: bool) -> float:
    """Return how long alarms lie on the shelf. Raises Fault where no shift goes on, or none is known."""
    if not shift:
        return 60 * (minutes or 60.0)
    name, seconds = left_s(projects.read(Path(welcome.project)).shifts, welcome.frame.t_ns)
    if not name:
        raise Fault(
            "No shift goes on now.", where="armillary alarms shelve", remedy="Give --for MINUTES instead."
        )
    return seconds


def _chosen(welcome: Welcome, act: str, ids: Sequence[str], everything: bool) -> list[AlarmState]:
    """Return the states to act on: those named, or all that wait. Raises Fault for an unknown id."""
    if bool(ids) == everything:
        raise Fault("Which alarms?", where=f"armillary alarms {act}", remedy="Give PROJECT ID…, or --all.")
    states = {state.id: state for state in welcome.frame.alarms}
    if everything:
        if act == "ack":
            return [state for state in states.values() if state.unacknowledged]
        if act == "comment":
            return [state for state in states.values() if state.process is not ProcessState.NORM]
        if act == "reset":
            return [state for state in states.values() if state.process is ProcessState.LACKD]
        if act in ("unshelve", "place"):
            wanted = Presentation.SHELVED if act == "unshelve" else Presentation.OUT_OF_SERVICE
            return [state for state in states.values() if state.presentation is wanted]
        raise Fault(
            "All alarms at once are not hidden.", where=f"armillary alarms {act}", remedy="Name them."
        )
    known = {spec.id for spec in welcome.alarms}
    for id_ in ids:
        if id_ not in known:
            remedy = f"List them: armillary alarms {welcome.project} --normal"
            raise Fault(f"There is no alarm '{id_}'.", where=welcome.project, remedy=remedy)
    none = [AlarmState(id=id_, occurrence=f"{id_}#") for id_ in ids]  # normal: the world says what that means
    return [states[n.id] if n.id in states and states[n.id].occurrence else n for n in none]


def _answered(act: str, chosen: Sequence[AlarmState], acted: AlarmActed, as_json: bool) -> int:
    rows = list(zip(chosen, acted.results, strict=True))
    if as_json:
        emit_json({"action": act, "results": [{"id": s.id, "refused": result} for s, result in rows]})
    else:
        for state, result in rows:
            tell(f"{state.id}: {result or DONE[act]}")
    return 1 if any(acted.results) else 0


def _list(welcome: Welcome, as_json: bool, normal: bool) -> None:
    states = {state.id: state for state in welcome.frame.alarms}
    rows = [(spec, states.get(spec.id) or AlarmState(id=spec.id)) for spec in welcome.alarms]
    shown = [row for row in rows if normal or row[1].hiding or row[1].process is not ProcessState.NORM]
    shown.sort(key=lambda row: (not row[1].unacknowledged, _priority(*row), -row[1].raised_ns))
    if as_json:
        world = {"id": welcome.world, "kind": str(welcome.kind), "project": welcome.project}
        emit_json({"world": world, "alarms": [_entry(*row) for row in shown]})
        return
    standing = sum(state.process is not ProcessState.NORM for _, state in rows)
    waiting = sum(state.unacknowledged for _, state in rows)
    hidden = sum(state.hiding is not None for _, state in rows)
    tell(
        f"{len(rows)} alarms, {standing} not normal, {waiting} unacknowledged"
        + (f", {hidden} hidden." if hidden else ".")
    )
    if shown:
        table(
            [
                (
                    str(_priority(spec, state)),
                    str(state.process) + ("?" if state.unverified else ""),
                    spec.id,
                    iso(state.raised_ns) if state.raised_ns else "–",
                    state.actor,
                    _hidden(state.hiding) or state.text or spec.title,
                )
                for spec, state in shown
            ],
            ("P", "STATE", "ALARM", "RAISED", "WHO", "WHAT"),
        )


def _priority(spec: AlarmSpec, state: AlarmState) -> int:
    """Return the priority of the limit that is passed."""
    return state.priority or spec.priority


def _hidden(hiding: Hiding | None) -> str:
    """Return why nobody is bothered, "" for a shown alarm."""
    if hiding is None:
        return ""
    if hiding.ticket:
        return f"out of service: {hiding.ticket}"
    if hiding.rule:
        return f"suppressed by design: {hiding.rule}"
    until = "it returns to normal" if hiding.until_ns == ONE_SHOT_NS else iso(hiding.until_ns)
    return f"shelved until {until}: {hiding.shelf_reason}"


def _entry(spec: AlarmSpec, state: AlarmState) -> dict[str, object]:
    return {
        "id": spec.id,
        "tag": spec.tag,
        "title": spec.title,
        "kind": spec.kind,
        "priority": _priority(spec, state),
        "level": state.level,
        "first_out": state.marks.first_out if state.marks is not None else "",
        "chatter": state.marks.chatter if state.marks is not None else 0,
        "state": str(state.process),
        "presentation": str(state.presentation),
        "hidden": _hidden(state.hiding),
        "active": state.active,
        "unacknowledged": state.unacknowledged,
        "unverified": state.unverified,
        "occurrence": state.occurrence,
        "raised": iso(state.raised_ns) if state.raised_ns else None,
        "changed": iso(state.changed_ns) if state.changed_ns else None,
        "value": finite(state.value),
        "delayed_s": round(state.delayed_s, 3),
        "text": state.text,
        "pending": state.pending,
        "actor": state.actor,
        "comment": state.comment,
        "commenter": state.commenter or (state.actor if state.comment else ""),
        "reactivations": state.reactivations,
        "consequence": spec.consequence,
        "operator_action": spec.operator_action,
    }
