"""`armillary history export` and `import`: what is recorded as files, and files into it."""

from __future__ import annotations

from pathlib import Path

import click

from armillary.cli.answer import emit_json, tell
from armillary.cli.history_persons import export_asset, need_admin
from armillary.cli.history_span import FILE, FROM, JSON, TAGS, TO, saved, span
from armillary.cli.password import as_user
from armillary.cli.progress import Progress, comma_option, zone_option
from armillary.history.exchange_cells import How
from armillary.history.exchange_write import FORMS, form_of
from armillary.model.clock import WallClock, iso
from armillary.model.fault import Fault
from armillary.model.times import parse_time
from armillary.session import history_export, history_import

PATH = click.Path(path_type=Path)
NAMED = 8  # tags in one line for a person


@click.command("export")
@click.argument("project")
@click.option(
    "-o",
    "--output",
    required=True,
    type=PATH,
    metavar="F",
    help=".parquet, .csv, .mcap; a folder for --asset.",
)
@click.option("--form", type=click.Choice(FORMS), default=None, help="wide: CSV with a column for each tag.")
@TAGS
@FROM
@TO
@click.option("--personal", is_flag=True, help="Tags that tell of persons too: for an admin.")
@click.option(
    "--asset", default="", metavar="ID", help="All of a person or asset, as a folder: for an admin."
)
@as_user
@JSON
def export(
    project: str,
    output: Path,
    form: str | None,
    tags: tuple[str, ...],
    from_: str,
    to: str,
    personal: bool,
    asset: str,
    user: str,
    file: Path | None,
    as_json: bool,
) -> int:
    """Write samples as a file: Parquet or CSV, a row a sample; CSV with a column a tag; MCAP."""
    opened = saved(project)
    if personal or asset:
        need_admin(opened.folder, user, file)
    if asset:
        return export_asset(opened, asset, output.resolve(), as_json)
    from_ns, to_ns = span(from_, to)
    wish = history_export.Wish(
        output=output.resolve(),
        form=form_of(output, form or ""),
        tags=tags,
        from_ns=from_ns,
        to_ns=to_ns,
        personal=personal,
    )
    report = history_export.run(opened, wish, Progress().tell)
    if as_json:
        emit_json(
            {
                "output": str(wish.output),
                "form": wish.form,
                "samples": report.samples,
                "tags": report.tags,
                "from": iso(report.from_ns),
                "to": iso(report.to_ns),
                "left_out": report.left_out,
            }
        )
        return 0
    tell(f"{report.samples:,} samples of {report.tags:,} tags: {wish.output}")
    if report.left_out:
        tell(f"Left out, as they tell of persons: {', '.join(report.left_out[:8])}.", err=True)
    return 0


@click.command("import")
@click.argument("project")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option(
    "--create/--no-create", default=None, help="Unknown signals become tags; so where there are none."
)
@click.option("--map", "names", type=FILE, default=None, metavar="F", help="Lines: signal,tag")
@zone_option
@click.option("--time", "time", default="", metavar="COLUMN", help="The column that holds the time.")
@click.option("--time-format", default="", metavar="FORMAT", help="Such as '%d.%m.%Y %H:%M:%S'.")
@click.option("--start", default="", metavar="T", help="The times are seconds after this.")
@click.option("--delimiter", default="", metavar="C", help="Between the cells of a CSV; else found.")
@comma_option
@click.option("--rejects", type=FILE, default=None, metavar="F", help="Where rows go that are refused.")
@JSON
def import_(
    project: str,
    files: tuple[Path, ...],
    create: bool | None,
    names: Path | None,
    zone: str,
    time: str,
    time_format: str,
    start: str,
    delimiter: str,
    decimal_comma: bool,
    rejects: Path | None,
    as_json: bool,
) -> int:
    """Take samples from Parquet, CSV, MCAP or InfluxDB lines; 1 where something was left out.

    An import that was ended goes on where it was when the same command is given again.
    """
    opened = saved(project)
    if len(delimiter) > 1:
        raise Fault("A delimiter is one character.", where="--delimiter", remedy="Give one such as ';'.")
    how = How(
        zone=zone,
        time=time,
        time_format=time_format,
        start_ns=parse_time(start, WallClock().now_ns()) if start else None,
        delimiter=delimiter,
        decimal_comma=decimal_comma,
    )
    wish = history_import.Wish(
        project=opened.folder,
        files=tuple(file.resolve() for file in files),
        how=how,
        create=create,
        names=history_import.names_of(names) if names is not None else {},
        rejects=rejects.resolve() if rejects is not None else None,
    )
    report = history_import.run(wish, Progress().tell)
    bad = bool(report.rejected or report.unknown)
    if as_json:
        emit_json(
            {
                "samples": report.samples,
                "already": report.already,
                "twice": report.twice,
                "rejected": report.rejected,
                "rejects": str(report.rejects) if report.rejects else None,
                "from": iso(report.first_ns) if report.samples else None,
                "to": iso(report.last_ns) if report.samples else None,
                "created": report.created,
                "unknown": report.unknown,
                "told": report.told,
            }
        )
        return int(bad)
    _say(report)
    return int(bad)


def _say(report: history_import.Report) -> None:
    before = f", {report.already:,} of them stored before" if report.already else ""
    tell(f"{report.samples:,} samples{before}")
    if report.samples:
        tell(f"{iso(report.first_ns)} … {iso(report.last_ns)}")
    if report.twice:
        tell(f"{report.twice:,} were said again by a later row, which counts.")
    if report.created:
        more = " …" if len(report.created) > NAMED else ""
        tell(f"{len(report.created):,} new tags: {', '.join(report.created[:NAMED])}{more}")
    for words in report.told:
        tell(words)
    for name, count in report.unknown.items():
        tell(f"{name} is no tag of the project: {count:,} samples left out. --create makes one.", err=True)
    if report.rejected:
        tell(f"{report.rejected:,} rows refused: {report.rejects}", err=True)
