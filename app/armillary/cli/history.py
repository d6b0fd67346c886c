"""`armillary history`: what is recorded, as a table or a file; files into it; a person's data out of it."""

from __future__ import annotations

from pathlib import Path

import click

from armillary.cli import history_backup
from armillary.cli.answer import emit_json, finite, table, tell
from armillary.cli.progress import Progress, zone_option
from armillary.history.exchange_cells import How
from armillary.history.exchange_write import FORMS, form_of
from armillary.model.clock import WallClock, iso
from armillary.model.fault import Fault, ProjectFault
from armillary.model.series import SeriesAnswer, SeriesQuery
from armillary.model.times import parse_time
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.session import history_export, history_import
from armillary.session.recorders import recorder

MOST_WIDTH = 100_000
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
_FROM = click.option("--from", "from_", default="", metavar="T", help="14:03, -2h, ISO; else the beginning.")
_TO = click.option("--to", "to", default="", metavar="T", help="The same; else the end.")
_TAGS = click.option("--tag", "tags", multiple=True, metavar="T", help="A tag; may be given again.")
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def history() -> None:
    """Query, export, import and erase what is recorded of a project."""


history.add_command(history_backup.backup)
history.add_command(history_backup.restore)


@history.command("info")
@click.argument("project")
@_JSON
def info(project: str, as_json: bool) -> int:
    """Say what the historian holds."""
    opened = saved(project)
    with recorder(opened.folder, read_only=True) as line:
        held = history_export.ask_info(line)
    personal = {spec.name: spec.personal for spec in opened.specs if spec.personal != "none"}
    if as_json:
        emit_json(
            {
                "project": str(opened.folder),
                "store": opened.historian.store,
                "samples": held.samples,
                "bytes": held.bytes,
                "first": iso(held.first_ns),
                "last": iso(held.last_ns),
                "retention_days": opened.historian.retention_days,
                "tags": list(held.tags),
                "personal": personal,
            }
        )
        return 0
    tell(f"{held.samples:,} samples of {len(held.tags):,} tags in {held.bytes / 1e6:,.1f} MB")
    tell(f"{iso(held.first_ns)} … {iso(held.last_ns)}, kept for {opened.historian.retention_days} days")
    if personal:
        tell(f"{len(personal)} tags tell of persons")
    return 0


@history.command("query")
@click.argument("project")
@_TAGS
@_FROM
@_TO
@click.option("--width", type=click.IntRange(1, MOST_WIDTH), default=1_000, show_default=True, metavar="N")
@_JSON
def query(project: str, tags: tuple[str, ...], from_: str, to: str, width: int, as_json: bool) -> int:
    """Print samples of tags, or at most N buckets of them with lowest, highest and mean."""
    opened = saved(project)
    if not tags:
        raise click.UsageError("Missing option '--tag'.")
    personal = {spec.name for spec in opened.specs if spec.personal == "direct"}
    if hidden := [tag for tag in tags if tag in personal]:
        raise Fault(
            f"{hidden[0]} tells of a person.",
            where=str(opened.folder),
            remedy="An admin takes it out with: armillary history export --personal.",
        )
    with recorder(opened.folder, read_only=True) as line:
        held = history_export.ask_info(line)
        wanted = history_export.chosen(tags, held.tags)
        from_ns, to_ns = span(from_, to)
        from_ns, to_ns = max(from_ns, held.first_ns), min(to_ns or held.last_ns + 1, held.last_ns + 1)
        ids = tuple(history_export.ids_of(line, wanted).tolist())
        asked = SeriesQuery(ids=ids, from_ns=from_ns, to_ns=max(to_ns, from_ns), width=width)
        got = line.ask(asked, history_export.ANSWER_S)
    if not isinstance(got, SeriesAnswer):
        raise history_export.odd(line)
    units = history_export.units_of(opened)
    answer = [
        {
            "tag": tag,
            "unit": units.get(tag, ""),
            "t_ns": series.t_ns.tolist(),
            "low": [finite(v) for v in series.low.tolist()],
            "high": [finite(v) for v in series.high.tolist()],
            "mean": [finite(v) for v in series.mean.tolist()],
            "q": series.quality.tolist(),
            "bucket_s": series.level_s,
        }
        for tag, series in zip(wanted, got.series, strict=True)
    ]
    if as_json:
        emit_json({"series": answer})
        return 0
    for each, series in zip(answer, got.series, strict=True):
        tell(f"{each['tag']} [{each['unit']}]" if each["unit"] else str(each["tag"]))
        rows = zip(series.t_ns.tolist(), series.low, series.high, series.mean, series.quality, strict=True)
        lines = [(iso(t), f"{lo:g}", f"{hi:g}", f"{mean:g}", str(q)) for t, lo, hi, mean, q in rows]
        table(lines, ("TIME", "LOW", "HIGH", "MEAN", "QUALITY"))
    return 0


@history.command("export")
@click.argument("project")
@click.option("-o", "--output", required=True, type=_FILE, metavar="F", help=".parquet, .csv or .mcap.")
@click.option("--form", type=click.Choice(FORMS), default=None, help="wide: CSV with a column for each tag.")
@_TAGS
@_FROM
@_TO
@_JSON
def export(
    project: str, output: Path, form: str | None, tags: tuple[str, ...], from_: str, to: str, as_json: bool
) -> int:
    """Write samples as a file: Parquet or CSV, a row a sample; CSV with a column a tag; MCAP."""
    opened = saved(project)
    from_ns, to_ns = span(from_, to)
    wish = history_export.Wish(
        output=output.resolve(),
        form=form_of(output, form or ""),
        tags=tags,
        from_ns=from_ns,
        to_ns=to_ns,
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


@history.command("import")
@click.argument("project")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option(
    "--create/--no-create", default=None, help="Unknown signals become tags; so where there are none."
)
@click.option("--map", "names", type=_FILE, default=None, metavar="F", help="Lines: signal,tag")
@zone_option
@click.option("--time", "time", default="", metavar="COLUMN", help="The column that holds the time.")
@click.option("--time-format", default="", metavar="FORMAT", help="Such as '%d.%m.%Y %H:%M:%S'.")
@click.option("--start", default="", metavar="T", help="The times are seconds after this.")
@click.option("--delimiter", default=",", show_default=True, metavar="C", help="Between the cells of a CSV.")
@click.option("--decimal-comma", is_flag=True, help="Numbers have a comma before their fractions.")
@click.option("--rejects", type=_FILE, default=None, metavar="F", help="Where rows go that are refused.")
@_JSON
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
    if len(delimiter) != 1:
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
    tell(
        f"{report.samples:,} samples"
        + (f", {report.already:,} of them stored before" if report.already else "")
    )
    if report.samples:
        tell(f"{iso(report.first_ns)} … {iso(report.last_ns)}")
    if report.twice:
        tell(f"{report.twice:,} were said again by a later row, which counts.")
    if report.created:
        tell(f"{len(report.created):,} new tags: {', '.join(report.created[:8])}"
             + (" …" if len(report.created) > 8 else ""))  # noqa: PLR2004  # fmt: skip
    for words in report.told:
        tell(words)
    for name, count in report.unknown.items():
        tell(f"{name} is no tag of the project: {count:,} samples left out. --create makes one.", err=True)
    if report.rejected:
        tell(f"{report.rejected:,} rows refused: {report.rejects}", err=True)


def span(from_: str, to: str) -> tuple[int, int]:
    """Return two times as typed; 0 for one that was not given. Raises Fault."""
    now_ns = WallClock().now_ns()
    from_ns, to_ns = (parse_time(text, now_ns) if text else 0 for text in (from_, to))
    if to_ns and from_ns >= to_ns:
        raise Fault("The span ends before it begins.", where="--to", remedy="Give a later time to --to.")
    return from_ns, to_ns


def saved(project: str) -> Project:
    """Return a project with a folder of its own. Raises ProjectFault."""
    opened = projects.read(Path(project).expanduser().resolve())
    if not opened.saved:
        raise ProjectFault(
            "A bare scene has no history.", where=project, remedy="Give a folder with a project.toml."
        )
    return opened
