"""`armillary history`: what is recorded, as a table or a file; files into it; a person's data out of it."""

from __future__ import annotations

import click

from armillary.cli import history_backup
from armillary.cli.answer import emit_json, finite, table, tell
from armillary.cli.history_files import export, import_
from armillary.cli.history_persons import erase
from armillary.cli.history_span import FROM, JSON, TAGS, TO, saved, span
from armillary.model.clock import iso
from armillary.model.fault import Fault
from armillary.model.series import SeriesAnswer, SeriesQuery
from armillary.session import history_export
from armillary.session.recorders import recorder

MOST_WIDTH = 100_000
MOST_BOUNDS = 20  # that are listed; --json has all


@click.group()
def history() -> None:
    """Query, export, import and erase what is recorded of a project."""


history.add_command(history_backup.backup)
history.add_command(history_backup.restore)


@history.command("info")
@click.argument("project")
@JSON
def info(project: str, as_json: bool) -> int:
    """Say what the historian holds."""
    opened = saved(project)
    with recorder(opened.folder, read_only=True) as line:
        held = history_export.ask_info(line)
    personal = {spec.name: spec.personal for spec in opened.specs if spec.personal != "none"}
    thinned = {spec.name: spec for spec in opened.recorded if spec.bound > 0}
    if as_json:
        emit_json(
            {
                "project": str(opened.folder),
                "store": opened.historian.store,
                "store_name": held.store,
                "lacks": list(held.lacks),
                "samples": held.samples,
                "bytes": held.bytes,
                "first": iso(held.first_ns),
                "last": iso(held.last_ns),
                "retention_days": opened.historian.retention_days,
                "tags": list(held.tags),
                "personal": personal,
                "thinned": {
                    name: {"bound": spec.bound, "unit": spec.unit, "how": spec.thinning}
                    for name, spec in thinned.items()
                },
            }
        )
        return 0
    tell(f"{held.samples:,} samples of {len(held.tags):,} tags in {held.bytes / 1e6:,.1f} MB")
    tell(f"{iso(held.first_ns)} … {iso(held.last_ns)}, kept for {opened.historian.retention_days} days")
    if personal:
        tell(f"{len(personal)} tags tell of persons")
    for how in sorted({spec.thinning for spec in thinned.values()}):
        some = [spec for spec in thinned.values() if spec.thinning == how]
        tell(f"{len(some)} tags are thinned out ({how}); what was measured is this near to what is read:")
        for spec in some[:MOST_BOUNDS]:
            tell(f"  {spec.name} ± {spec.bound:g} {spec.unit}".rstrip())
        if len(some) > MOST_BOUNDS:
            tell(f"  and {len(some) - MOST_BOUNDS} more, with --json")
    for sentence in held.lacks:
        tell(f"{held.store}: {sentence}")
    return 0


@history.command("query")
@click.argument("project")
@TAGS
@FROM
@TO
@click.option("--width", type=click.IntRange(1, MOST_WIDTH), default=1_000, show_default=True, metavar="N")
@JSON
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


for command in (export, import_, erase):
    history.add_command(command)
