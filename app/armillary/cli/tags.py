"""`armillary tags`: the tags of a project as a list for a spreadsheet, and lists of other tools as tags."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

import click

from armillary.cli.answer import emit_json, table, tell
from armillary.cli.history_span import JSON
from armillary.cli.progress import Progress
from armillary.cli.scenes import scene_path
from armillary.model.clock import WallClock
from armillary.model.fault import Fault, ProjectFault
from armillary.project import folder as projects
from armillary.project import tag_columns, tag_sheet, tag_table
from armillary.project.record import TWINS_FILE, Project
from armillary.project.tag_sheet import Cells
from armillary.project.tag_table import Found, Row
from armillary.session import limits

_SHOWN = 20


@click.group()
def tags() -> None:
    """Write the tags of a project as a list, or take a list in as tags."""


@tags.command("export")
@click.argument("project")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@JSON
def export(project: str, file: Path, as_json: bool) -> int:
    """Write a row for each tag into a CSV or XLSX file."""
    read = projects.read(scene_path(project))
    rows = list(tag_table.exported(limits.text_of(read.folder, TWINS_FILE)))
    count = tag_sheet.write(file, tag_columns.COLUMNS, rows)
    if as_json:
        emit_json({"file": str(file), "tags": count})
    else:
        tell(f"{file}: {count} tags, one a line.")
    return 0


@tags.command("import")
@click.argument("project")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--map",
    "map_",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Which column holds what, where the guess is wrong; or a TOML file of such lines.",
)
@click.option("--sheet", default="", help="Sheet of an XLSX file; usually the first.")
@click.option("--source", default="", help="Source of addresses that name none.")
@click.option(
    "--bad",
    "bad",
    default=None,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where rows that are not taken are written, with the reason; usually beside the list.",
)
@click.option("--yes", is_flag=True, help="Write without asking.")
@JSON
def import_(
    project: str,
    file: Path,
    map_: tuple[str, ...],
    sheet: str,
    source: str,
    bad: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Take a CSV or XLSX list in as tags: new ones are added, known ones changed. Shows it first.

    Status 1 when rows were left out, or nothing was written though there was something to write.
    """
    read = projects.read(scene_path(project))
    cells = tag_sheet.read(file, sheet)
    columns = tag_columns.mapped(cells.head, _wished(map_), file.name)
    sources = [link.name for link in read.links]
    if source and source not in sources:
        raise ProjectFault(
            f"There is no source '{source}'.", where=project, remedy=f"Give one of {', '.join(sources)}."
        )
    text = limits.text_of(read.folder, TWINS_FILE)
    lines = Progress()

    def progress(done: int, of: int) -> None:
        if of > tag_table.STEP and not as_json:
            lines.tell("Checking rows", done / of)

    found = tag_table.changes(text, cells, columns, sources, source=source, progress=progress)
    if not as_json:
        _tell(found, cells, columns)
    left = _bad(found, cells, bad or file.with_suffix(".bad.csv"))
    done = bool(found.rows) and (yes or (not as_json and click.confirm("Write them?", err=True)))
    if done:
        _write(read, text, found.rows)
    if as_json:
        emit_json(_document(found, columns, left, written=done))
    elif done:
        tell("Written. A running world takes them when it loads the project's changes.")
    return 1 if found.bad or (found.rows and not done) else 0


def _wished(given: Sequence[str]) -> dict[str, str]:
    """Return what --map says. Raises ProjectFault."""
    out: dict[str, str] = {}
    for each in given:
        name, mark, column = each.partition("=")
        if mark:
            out[name.strip()] = column.strip()
            continue
        try:
            said = tomllib.loads(Path(each).read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ProjectFault(
                f"'{each}' is no map: {error}.",
                where="--map",
                remedy='Give unit="Eng. unit", or a TOML file.',
            ) from error
        out |= {str(key): str(value) for key, value in said.items() if key != "schema"}
    return out


def _write(project: Project, text: str, rows: Sequence[Row]) -> None:
    """Write twins.json. Raises Fault when somebody else changed it, or the project would not be whole."""
    after = tag_table.applied(text, rows)
    written = limits.Written(project.folder, project.folder / TWINS_FILE, text, after)
    written.forth(WallClock().now_ns())


def _bad(found: Found, cells: Cells, path: Path) -> str:
    """Write the rows that are not taken; return where, "" when there are none. Raises Fault."""
    if not found.bad:
        return ""
    head = (*cells.head, "line", "why it was not taken")
    width = len(cells.head)
    rows = [
        (*row.cells[:width], *[""] * (width - len(row.cells)), str(row.line), row.why) for row in found.bad
    ]
    try:
        tag_sheet.write(path, head, rows)
    except Fault:
        return ""  # they are told anyway
    return str(path)


def _tell(found: Found, cells: Cells, columns: dict[str, str]) -> None:
    table(list(columns.items()), ("field", "column"))
    unused = [column for column in cells.head if column and column not in columns.values()]
    if unused:
        tell(f"not used: {', '.join(unused)}")
    changed = len(found.rows) - found.new
    tell(f"{found.new} new, {changed} changed, {found.same} as they are, {len(found.bad)} not taken")
    for row in found.rows[:_SHOWN]:
        note = f" ({row.note})" if row.note else ""
        parts = [f"{k} {_said(row.before.get(k))} → {_said(v)}" for k, v in row.keys.items()]
        tell(f"{'new' if row.is_new else 'changed':8} {row.tag}: {', '.join(parts)}{note}")
    if len(found.rows) > _SHOWN:
        tell(f"… {len(found.rows) - _SHOWN} more; --json tells all")
    for wrong in found.bad[:_SHOWN]:
        tell(f"line {wrong.line}: {wrong.why}")
    if len(found.bad) > _SHOWN:
        tell(f"… {len(found.bad) - _SHOWN} more rows are not taken")


def _said(value: object) -> str:
    return "–" if value is None else value if isinstance(value, str) else json.dumps(value)


def _document(found: Found, columns: dict[str, str], left: str, *, written: bool) -> dict[str, object]:
    return {
        "written": written,
        "columns": columns,
        "new": found.new,
        "same": found.same,
        "rows": [
            {"line": r.line, "tag": r.tag, "new": r.is_new, "keys": dict(r.keys), "note": r.note}
            for r in found.rows
        ],
        "bad": [{"line": b.line, "why": b.why} for b in found.bad],
        "bad_file": left,
    }
