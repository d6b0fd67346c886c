"""`armillary notes`: write a note at a time, a range, a tag, a part or an alarm; find notes again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from armillary.cli.answer import emit_json, table, tell
from armillary.cli.greeting import greeted
from armillary.cli.history_span import FROM, TO, saved, span
from armillary.cli.password import as_user, log_in
from armillary.model.clock import WallClock, iso
from armillary.model.fault import WorldFault
from armillary.model.frame import WorldKind
from armillary.model.logbook import NOTED, HandOver, Note, WriteNote, holds, is_about
from armillary.model.times import parse_time
from armillary.session import shiftwork
from armillary.session.area_lines import line_of

ANSWER_S = 20.0
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


@click.group()
def notes() -> None:
    """Write notes into the logbook of a plant, and find them again."""


@notes.command("add")
@click.argument("project")
@click.argument("text")
@click.option("--at", "at", default="", metavar="T", help="14:03, -2h, ISO; now if left out.")
@click.option("--to", "to", default="", metavar="T", help="The end of a range that begins at --at.")
@click.option("--tag", default="", metavar="T", help="The tag that it is about.")
@click.option("--part", default="", metavar="PRIM", help="The part of the scene.")
@click.option("--alarm", default="", metavar="ID", help="The alarm.")
@click.option("--corrects", default="", metavar="ID", help="The note that was wrong; it stays.")
@_json
@as_user
def add(
    project: str,
    text: str,
    at: str,
    to: str,
    tag: str,
    part: str,
    alarm: str,
    corrects: str,
    as_json: bool,
    user: str,
    file: Path | None,
) -> int:
    """Write TEXT into the logbook of a running live world. Notes are never changed afterwards."""
    now_ns = WallClock().now_ns()
    wish = WriteNote(
        text=text,
        t_ns=parse_time(at, now_ns) if at else 0,
        to_ns=parse_time(to, now_ns) if to else 0,
        tag=tag,
        prim=part,
        alarm=alarm,
        corrects=corrects,
    )
    return written(project, wish, user, file, as_json)


def written(project: str, wish: WriteNote | HandOver, user: str, file: Path | None, as_json: bool) -> int:
    """Have a live world keep an entry, and tell of it. Raises Fault."""
    line = line_of(project)
    try:
        welcome = greeted(line)
        if welcome.kind is not WorldKind.LIVE:
            raise WorldFault(
                f"This is a {welcome.kind.value} world.",
                where=welcome.world,
                remedy="The logbook is the live world's.",
            )
        log_in(line, user, file)
        note = line.ask(wish, ANSWER_S)
    finally:
        line.close()
    if not isinstance(note, Note):
        raise WorldFault("The world answered something else.", where=line.address, remedy="Update it.")
    if as_json:
        emit_json({"note": entry(note)})
    elif note.shift:
        tell(f"Shift {note.shift} is handed over by {note.author} ({note.id}).")
    else:
        tell(f"Noted at {iso(note.t_ns)} by {note.author} ({note.id}).")
    return 0


@notes.command("list")
@click.argument("project")
@FROM
@TO
@click.option("--search", "words", default="", metavar="WORDS", help="All of these words, in any case.")
@_json
def list_(project: str, from_: str, to: str, words: str, as_json: bool) -> int:
    """Print the logbook: notes, hand-overs, who took them over. No world needs to run."""
    from_ns, to_ns = span(from_, to)
    found = [
        note
        for note in shiftwork.notes(saved(project))
        if is_about(note, from_ns, to_ns) and holds(note, words)
    ]
    found.sort(key=lambda note: (note.t_ns, note.written_ns))
    if as_json:
        emit_json({"notes": [entry(note) for note in found]})
        return 0
    if not found:
        tell("No notes.")
        return 0
    table(
        [
            (
                iso(note.t_ns) + (f" … {iso(note.to_ns)}" if note.to_ns else ""),
                note.author,
                NOTED[note.kind],
                note.tag or note.alarm or note.prim or note.shift,
                (f"(corrects {note.corrects}) " if note.corrects else "") + note.text.replace("\n", " "),
                note.id,
            )
            for note in found
        ],
        ("TIME", "WHO", "WHAT", "ABOUT", "NOTE", "ID"),
    )
    return 0


def entry(note: object) -> dict[str, object] | None:
    """Return a note for JSON, None for none."""
    if not isinstance(note, Note):
        return None
    times = {"t_ns": iso(note.t_ns), "to_ns": iso(note.to_ns) if note.to_ns else None}
    held = {**dataclasses.asdict(note), **times, "written_ns": iso(note.written_ns)}
    return {name.removesuffix("_ns"): value for name, value in held.items()}
