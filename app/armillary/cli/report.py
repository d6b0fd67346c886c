"""`armillary report`: what a shift was, its hand-over, and who read it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from armillary.alarms.shift import ShiftReport
from armillary.alarms.shift_paper import brief, paper
from armillary.cli.answer import emit_json, finite, tell
from armillary.cli.greeting import greeted
from armillary.cli.history_span import saved
from armillary.cli.notes import entry, written
from armillary.cli.paper import papers, write
from armillary.cli.password import as_user, log_in
from armillary.model.clock import WallClock, iso
from armillary.model.fault import OrderFault
from armillary.model.logbook import AskNotes, HandOver, Notes, TakeOver
from armillary.model.shift import named
from armillary.session import shiftwork
from armillary.session.area_lines import line_of

ANSWER_S = 20.0
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.group()
def report() -> None:
    """Tell what a shift was; hand it over, take it over."""


@report.command("shift")
@click.argument("project")
@click.option(
    "--shift",
    "name",
    default="last",
    show_default=True,
    metavar="S",
    help="last, now, a name, a name and its day (early 2026-11-22), or a time in it.",
)
@papers
@_json
def shift_(project: str, name: str, page: Path | None, pdf: Path | None, as_json: bool) -> int:
    """Tell of a shift: alarms, what stands or is hidden, commands, gaps, notes. No world needs to run.

    Status 0; 1 where an UNVERIFIED command is open.
    """
    opened = saved(project)
    now_ns = WallClock().now_ns()
    found = shiftwork.report(opened, named(opened.shifts, name, now_ns), now_ns)
    write(paper(found, opened.name), page, pdf, quiet=as_json)
    if as_json:
        emit_json(_entry(found))
    elif page is None and pdf is None:
        tell(f"{found.shift.key}: {iso(found.shift.from_ns)} … {iso(found.at_ns)}")
        for line in brief(found):
            tell(line)
        for figure in found.figures:
            number = "–" if figure.value != figure.value else f"{figure.value:g} {figure.unit}"
            tell(f"{figure.title}: {number} ({figure.note})")
        if found.handover is not None:
            took = f", taken over by {found.taken.author}" if found.taken else ", not taken over yet"
            tell(f"Handed over by {found.handover.author}{took}: {found.handover.text}")
    return 1 if found.open_deeds else 0


@report.command("hand-over")
@click.argument("project")
@click.argument("remarks", default="")
@click.option("--shift", "name", default="", metavar="S", help="As of `report shift`; else the one of now.")
@_json
@as_user
def hand_over(project: str, remarks: str, name: str, as_json: bool, user: str, file: Path | None) -> int:
    """Leave a shift to whoever comes, with REMARKS."""
    return written(project, HandOver(remarks=remarks, shift=name), user, file, as_json)


@report.command("take-over")
@click.argument("project")
@click.argument("remarks", default="")
@_json
@as_user
def take_over(project: str, remarks: str, as_json: bool, user: str, file: Path | None) -> int:
    """Say that you read what the shift before was handed over with."""
    line = line_of(project)
    try:
        greeted(line)
        log_in(line, user, file)
        got = line.ask(AskNotes(kinds=("handover", "taken")), ANSWER_S)
        known = got.notes if isinstance(got, Notes) else ()
        answered = {note.answers for note in known}
        open_ = [n for n in known if n.kind == "handover" and n.id not in answered]
        if not open_:
            raise OrderFault(
                "No shift waits to be taken over.", where=project, remedy="Nothing is to be done."
            )
        last = max(open_, key=lambda note: note.written_ns)
        note = line.ask(TakeOver(handover=last.id, remarks=remarks), ANSWER_S)
    finally:
        line.close()
    if as_json:
        emit_json({"handover": entry(last), "taken": entry(note)})
    else:
        tell(f"Shift {last.shift}, handed over by {last.author}: {last.text or 'no remarks'}")
        tell("It is noted that you read it.")
    return 0


def _entry(found: ShiftReport) -> dict[str, object]:
    health = found.health
    return {
        "shift": found.shift.key,
        "from": iso(found.shift.from_ns),
        "to": iso(found.shift.to_ns),
        "at": iso(found.at_ns),
        "is_over": found.is_over,
        "brief": list(brief(found)),
        "alarms": {
            "annunciated": sum(health.by_priority.values()),
            "by_priority": {str(p): n for p, n in health.by_priority.items()},
            "per_10_min": health.periods.tolist(),
            "hidden": health.hidden,
            "floods": [{"from": iso(f.from_ns), "to": iso(f.to_ns), "count": f.count} for f in health.floods],
            "top": [dataclasses.asdict(actor) for actor in health.top],
        },
        "standing": [_plain(stand) for stand in found.standing],
        "hidden": [_plain(stand) for stand in found.hidden],
        "commands": [_plain(deed) for deed in found.deeds],
        "unverified": [_plain(deed) for deed in found.open_deeds],
        "by_hand": [_plain(hand) for hand in found.by_hand],
        "gaps": [_plain(gap) for gap in found.gaps],
        "happened": [_plain(one) for one in found.happened],
        "happened_before": found.left_out,
        "notes": [entry(note) for note in found.notes],
        "figures": [{**dataclasses.asdict(f), "value": finite(f.value)} for f in found.figures],
        "handover": entry(found.handover),
        "taken": entry(found.taken),
    }


def _plain(record: object) -> dict[str, object]:
    """Return a record with its times as text."""
    held = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}  # type: ignore[arg-type]
    return {
        name.removesuffix("_ns"): (iso(value) if value > 0 else None) if name.endswith("_ns") else value
        for name, value in held.items()
    }
