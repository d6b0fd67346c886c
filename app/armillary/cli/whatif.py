"""`armillary whatif`, `fork`, `snapshot`: futures of a world, and files of its present."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import click

from armillary.cli.answer import emit_json, finite, table
from armillary.cli.password import as_user, log_in
from armillary.model import places
from armillary.model.clock import NS, WallClock, iso, parse_iso
from armillary.model.control import AskRuns, RunCard, Runs, SnapshotInfo, TakeSnapshot
from armillary.model.fault import Fault, WorldFault
from armillary.model.message import Hello
from armillary.model.scenario import Scenario
from armillary.project import folder as projects
from armillary.project import scenarios
from armillary.wire import child, runs
from armillary.wire.bus import Line
from armillary.world import snapshot

ASK_S = 60.0
LOOK_S = 0.1
START_S = 20.0
BAD_NEWS = 1


@click.command()
@click.argument("project")
@click.argument("scenario")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--from", "source", default="", metavar="ID", help="Fork this world.")
def whatif(project: str, scenario: str, as_json: bool, source: str) -> int:
    """Run a scenario's variants from the live world, its snapshot or the model's steady state; rank them."""
    folder = _folder(project)
    read = scenarios.read(scenarios.find(folder, scenario), folder)
    log = places.logs() / "whatif.log"
    with _source(folder, source, 0, read) as (address, t_ns):
        args = {"project": str(folder), "scenario": read.origin, "source": address, "at_ns": t_ns}
        started = child.start("world.whatif", args, log)
        try:
            line = Line(str(started.ready(START_S)["address"]))
            try:
                answer = _wait(line, quiet=as_json)
            finally:
                line.close()
        finally:
            started.stop()
    if as_json:
        emit_json(_json(answer, read.id))
    else:
        _print(answer)
    return 0 if all(card.state == "done" for card in answer.cards) else BAD_NEWS


@click.command()
@click.argument("project", required=False, default="")
@click.option(
    "--from", "source", default="", metavar="ID", help="The world to fork; the only one if left out."
)
@click.option("--at", default="", metavar="T", help="Fork from this recorded time (ISO 8601).")
@click.option("--snapshot", "file", default="", metavar="FILE", help="Fork from this snapshot instead.")
@click.option("--scenario", default="", metavar="S", help="Run this scenario's variants too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def fork(project: str, source: str, at: str, file: str, scenario: str, as_json: bool) -> int:
    """Start a WHAT-IF world from a running world; it goes on until `armillary worlds close ID`."""
    if file and (source or at):
        raise WorldFault(
            "A snapshot is of one world at one time.", where="--snapshot", remedy="Leave out --from and --at."
        )
    folder = _folder(project or (runs.find(source).project))
    if file:
        _restore(folder, file, scenario, as_json)
        return 0
    read = scenarios.read(scenarios.find(folder, scenario), folder) if scenario else None
    with _source(folder, source, _time(at), read) as (address, when):
        _begin({"project": str(folder), "source": address, "at_ns": when, "scenario": scenario}, as_json)
    return 0


@click.group("snapshot")
def snapshot_() -> None:
    """Keep the state of a world in a file, list such files, go on from one."""


@snapshot_.command("save")
@click.argument("project", required=False, default="")
@click.option("--from", "source", default="", metavar="ID", help="The world; the only one if left out.")
@click.option("--title", default="", help="What it is.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@as_user
def save(project: str, source: str, title: str, as_json: bool, user: str, file: Path | None) -> int:
    """Write the state of a running world into a file."""
    line = Line(runs.find(source or project).address)
    try:
        line.ask(Hello(actor=f"local:{os.getuid()}", desk="cli"), ASK_S)
        log_in(line, user, file)
        info = line.ask(TakeSnapshot(title=title), ASK_S)
    finally:
        line.close()
    if not isinstance(info, SnapshotInfo):
        raise WorldFault("The world answered something else.", where=source or project, remedy="")
    if as_json:
        emit_json({"snapshot": _snapshot(info)})
    else:
        click.echo(info.path)
        if info.not_good:
            click.echo(f"{len(info.not_good)} of {info.tags} tags were not GOOD.")
    return 0


@snapshot_.command("list")
@click.argument("project")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_(project: str, as_json: bool) -> int:
    """List a project's snapshots, newest first."""
    found, broken = snapshot.listed(_folder(project) / ".armillary" / snapshot.FOLDER)
    if as_json:
        emit_json(
            {
                "snapshots": [_snapshot(info) for info in found],
                "broken": [{"path": fault.where, "what": fault.what} for fault in broken],
            }
        )
    elif not found and not broken:
        click.echo("There is no snapshot yet. Take one: armillary snapshot save PROJECT")
    else:
        table(
            [(iso(i.t_ns), i.kind, i.title, str(len(i.not_good)), i.path) for i in found],
            ("TIME", "WORLD", "TITLE", "NOT GOOD", "FILE"),
        )
        for fault in broken:
            click.echo(f"{fault.where}: {fault.what} {fault.remedy}", err=True)
    return BAD_NEWS if broken else 0


@snapshot_.command("restore")
@click.argument("project")
@click.argument("file")
@click.option("--scenario", default="", metavar="S", help="Run this scenario's variants too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def restore(project: str, file: str, scenario: str, as_json: bool) -> int:
    """Start a WHAT-IF world from a snapshot; it goes on until `armillary worlds close ID`."""
    _restore(_folder(project), file, scenario, as_json)
    return 0


# ---------------------------------------------------------------- parts


def _folder(project: str) -> Path:
    return projects.read(Path(project)).folder


def _restore(folder: Path, file: str, scenario: str, as_json: bool) -> None:
    """Start a WHAT-IF world from a snapshot: a path, or the name of one of the project's."""
    named = folder / ".armillary" / snapshot.FOLDER / file
    path = Path(file) if Path(file).is_file() or not named.is_file() else named
    snapshot.read_for(path, projects.read(folder))  # one that does not fit is refused before anything starts
    _begin({"project": str(folder), "snapshot": str(path.absolute()), "scenario": scenario}, as_json)


def _time(text: str) -> int:
    try:
        return parse_iso(text) if text else 0
    except ValueError:
        raise WorldFault(f"'{text}' is no time.", where="--at", remedy="Give 2026-01-01T00:00:00Z.") from None


@contextlib.contextmanager
def _source(folder: Path, source: str, t_ns: int, scenario: Scenario | None) -> Iterator[tuple[str, int]]:
    """Yield (address of the world to ask, time): for a recorded time a REPLAY world is asked.

    Where neither a world nor a time is asked for, the scenario says where it starts; none for its snapshot.
    """
    if scenario is not None and not source and not t_ns:
        if scenario.start == "snapshot":
            yield "", 0
            return
        t_ns = parse_iso(scenario.time) if scenario.start == "time" else 0
    if source:
        run = runs.find(source)
        if run.kind != "LIVE" or not t_ns:
            yield run.address, t_ns
            return
    elif not t_ns:
        live = [r for r in runs.all_runs() if r.project == str(folder) and r.kind == "LIVE"]
        yield (live[0].address if live else ""), 0
        return
    args = {"project": str(folder), "at_ns": t_ns}
    replay = child.start("world.replay", args, places.logs() / "fork-replay.log")
    try:
        yield str(replay.ready(START_S)["address"]), t_ns
    finally:
        replay.stop()


def _begin(args: dict[str, object], as_json: bool) -> None:
    """Start a WHAT-IF world as a service, wait until it is forked, and print what it is."""
    started = child.start("world.whatif", args, places.logs() / "whatif.log", detached=True)
    answer = started.ready(START_S)
    line = Line(str(answer["address"]))
    try:
        forked = line.ask(AskRuns(), ASK_S)
    except Fault:
        started.stop()
        raise
    finally:
        line.close()
    if not isinstance(forked, Runs):
        raise WorldFault("The world answered something else.", where=str(answer["address"]), remedy="")
    started.let_go()
    if as_json:
        emit_json(
            {
                "id": answer["id"],
                "address": answer["address"],
                "forked_from": forked.forked_from,
                "t": iso(forked.forked_ns),
                "not_good": list(forked.not_good),
                "runs": [card.id for card in forked.cards],
            }
        )
        return
    click.echo(f"{answer['id']}  {answer['address']}")
    click.echo(
        f"Forked from {forked.forked_from or 'the steady state of the model'} at {iso(forked.forked_ns)}."
    )
    if forked.not_good:
        click.echo(f"Not GOOD at the fork: {', '.join(forked.not_good[:10])}")
    click.echo(f"See it: armillary open --connect {answer['address']}")


def _wait(line: Line, *, quiet: bool) -> Runs:
    """Return the runs when all are over; say how far they are."""
    pause, clock = threading.Event(), WallClock()
    told = clock.now_mono_ns()
    while True:
        answer = line.ask(AskRuns(), ASK_S)
        if not isinstance(answer, Runs):
            raise WorldFault("The world answered something else.", where="whatif", remedy="")
        open_ = [c for c in answer.cards if c.state in ("queued", "running")]
        if not open_:
            return answer
        if not quiet and clock.now_mono_ns() - told > NS:
            told = clock.now_mono_ns()
            done = sum(c.progress for c in answer.cards) / len(answer.cards)
            click.echo(f"{done:.0%} computed, {len(open_)} runs to go", err=True)
        pause.wait(LOOK_S)


def _json(answer: Runs, scenario: str) -> dict[str, object]:
    return {
        "scenario": scenario,
        "forked_from": answer.forked_from,
        "t": iso(answer.forked_ns),
        "not_good": list(answer.not_good),
        "estimated": answer.is_estimated,
        "unmapped": list(answer.unmapped),
        "residual": {name: finite(value) for name, value in answer.residual.items()},
        "runs": [_card(card) for card in sorted(answer.cards, key=lambda c: c.rank or len(answer.cards))],
    }


def _card(card: RunCard) -> dict[str, object]:
    return {
        "id": card.id,
        "title": card.title,
        "state": card.state,
        "detail": card.detail,
        "note": card.note,
        "members": card.members,
        "rank": card.rank,
        "reason": card.reason,
        "score": finite(card.score),
        "violations": list(card.violations),
        "digest": card.digest,
        "measures": [
            {
                "name": m.name,
                "value": finite(m.value),
                "unit": m.unit,
                "low": finite(m.low),
                "high": finite(m.high),
                "best": m.is_best,
                "worst": m.is_worst,
            }
            for m in card.measures
        ],
    }


def _print(answer: Runs) -> None:
    origin = answer.forked_from or "the steady state of the model"
    estimated = ", start estimated" if answer.is_estimated else ""
    click.echo(f"WHAT-IF, forked from {origin} at {iso(answer.forked_ns)}{estimated}; not the plant.")
    if answer.not_good:
        click.echo(f"Not GOOD at the fork: {', '.join(answer.not_good[:10])}")
    rows = []
    for card in sorted(answer.cards, key=lambda c: c.rank or len(answer.cards) + 1):
        figures = "; ".join(
            f"{m.name} {m.value:.4g}"
            + (f" [{m.low:.4g} … {m.high:.4g}]" if m.low == m.low else "")
            + (f" {m.unit}" if m.unit else "")
            for m in card.measures
        )
        rows.append((str(card.rank or "–"), card.title, card.state, figures, card.reason or card.detail))
    table(rows, ("RANK", "RUN", "STATE", "MEASURES [5–95 %]", "WHY"))


def _snapshot(info: SnapshotInfo) -> dict[str, object]:
    return {
        "path": info.path,
        "title": info.title,
        "world": info.world,
        "kind": info.kind,
        "t": iso(info.t_ns),
        "taken": iso(info.taken_ns),
        "tags": info.tags,
        "not_good": list(info.not_good),
        "project": info.project,
    }
