"""`armillary model drift`: how what the plant sends differs from what the model says."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

import click

from armillary.cli.answer import emit_json, table, tell
from armillary.cli.greeting import greeted
from armillary.cli.history_span import saved
from armillary.cli.password import as_user, log_in
from armillary.model.clock import NS, iso
from armillary.model.drift import CODES, AskDrift, DriftItem, DriftReport, RefuseDrift
from armillary.model.fault import WorldFault
from armillary.model.frame import WorldKind
from armillary.model.message import Done
from armillary.session.area_lines import AnyLine, line_of
from armillary.session.drift_of_record import judged, samples
from armillary.session.history_export import ask_info
from armillary.session.recorders import recorder
from armillary.world.typed import modelled_of

ANSWER_S = 20.0


@click.command("drift")
@click.argument("project")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option(
    "--record",
    "days",
    type=click.FloatRange(min=0.01, max=400.0),
    default=None,
    metavar="DAYS",
    help="Look in the last DAYS that were recorded instead; no world need run.",
)
@click.option("--now", is_flag=True, help="Judge anew instead of telling what was found last.")
@click.option("--refuse", default="", metavar="KEY", help="Hear of one no more; keys are in --json.")
@click.option("--restore", default="", metavar="KEY", help="Hear of a refused one again.")
@click.option("--why", default="", metavar="TEXT", help="Why it is refused.")
@as_user
def drift(
    project: str,
    as_json: bool,
    days: float | None,
    now: bool,
    refuse: str,
    restore: str,
    why: str,
    user: str,
    file: Path | None,
) -> int:
    """Compare what the plant of a running live world sends with the model of PROJECT.

    With --record, what the record has of the last days: missing, type, state, range, rate, twice. Exit 0
    when nothing differs, 1 when something does.
    """
    if days is not None:
        if now or refuse or restore:
            raise click.UsageError("--record goes with --json only: the record is judged, not a world.")
        return _told(_recorded(project, days), as_json=as_json)
    line = line_of(project)
    try:
        welcome = greeted(line)
        if welcome.kind is not WorldKind.LIVE:
            raise WorldFault(
                f"This is a {welcome.kind.value} world.",
                where=welcome.world,
                remedy="Drift is judged in the live world.",
            )
        if refuse or restore:
            log_in(line, user, file)
            _decide(line, RefuseDrift(key=refuse or restore, why=why, back=not refuse))
        report = line.ask(AskDrift(now=now), ANSWER_S)
    finally:
        line.close()
    if not isinstance(report, DriftReport):
        raise WorldFault("The world answered something else.", where=project, remedy="Update it.")
    return _told(report, as_json=as_json)


def _told(report: DriftReport, *, as_json: bool) -> int:
    if as_json:
        emit_json(as_answer(report))
    else:
        _print(report)
    return 1 if report.items else 0


def _recorded(project: str, days: float) -> DriftReport:
    """Return the drift of the last days that a project's recorder has."""
    opened = saved(project)
    with recorder(opened.folder, read_only=True) as line:
        info = ask_info(line)
        to_ns = info.last_ns + 1
        from_ns = max(info.first_ns, to_ns - int(days * 86_400 * NS))
        pieces = samples(line, opened.specs, from_ns, to_ns)
        return judged(
            opened.specs,
            pieces,
            from_ns,
            to_ns,
            model=modelled_of(opened),
            missing_s=opened.drifting.missing_s,
        )


def _decide(line: AnyLine, wish: RefuseDrift) -> None:
    answer = line.ask(wish, ANSWER_S)
    if not isinstance(answer, Done):
        raise WorldFault("The world answered something else.", where=line.address, remedy="Update it.")


def as_answer(report: DriftReport) -> dict[str, object]:
    """Return the report as `--json` prints it."""
    return {
        "judged": iso(report.judged_ns) if report.judged_ns else None,
        "rounds": report.rounds,
        "counts": report.counts(),
        "items": [_row(item) for item in report.items],
        "refused": [
            {"key": r.key, "by": r.by, "at": iso(r.at_ns), "why": r.why, "what": r.what}
            for r in report.refused
        ],
        "topics_without_a_tag": report.topics,
        "left_out": report.left_out,
    }


def _row(item: DriftItem) -> dict[str, object]:
    row = asdict(item)
    for key in ("item", "since_ns", "low", "high", "states"):
        row.pop(key)
    low, high = item.low, item.high
    row["range"] = [low, high] if math.isfinite(low) and math.isfinite(high) else None
    row["since"] = iso(item.since_ns) if item.since_ns else None
    return row


def _print(report: DriftReport) -> None:
    if not report.judged_ns:
        tell("Not judged yet: the first time is a minute after the world began. --now judges at once.")
    elif not report.items:
        tell(f"Nothing differs (judged {iso(report.judged_ns)}).")
    else:
        table([(i.code, i.level, i.what) for i in report.items], ("Code", "Level", "What differs"))
        said = "; ".join(f"{n} × {code} {CODES[code]}" for code, n in report.counts().items())
        tell(said)
    if report.refused:
        tell(f"{len(report.refused)} more were refused.")
    if report.left_out:
        tell(f"{report.left_out} topics or differences were too many to be kept.")
