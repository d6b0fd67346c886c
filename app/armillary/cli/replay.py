"""`armillary replay`: what was recorded, in a desk, played without one, or evaluated anew."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import click

from armillary.alarms.links import link_alarms
from armillary.alarms.system import area_alarms, notify_alarms, system_alarms
from armillary.cli.answer import emit_json
from armillary.cli.progress import Progress, comma_option, zone_option
from armillary.cli.replay_desk import FILMS, Shots, in_desk, is_film, span_of
from armillary.cli.seconds import Seconds
from armillary.history.exchange_cells import How
from armillary.model.alarm import AlarmEvent, AlarmSpec, AlarmState
from armillary.model.clock import NS, WallClock, iso
from armillary.model.control import SPEEDS
from armillary.model.fault import Fault
from armillary.model.quality import RANK_MASK
from armillary.model.times import parse_time
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.session import offline
from armillary.world.reading import Reading
from armillary.world.recompute import Difference, Recompute, unmatched
from armillary.world.record import ALARM_EVENT, FIRST_ALARM, Recording, Stretch, read_mark

ALARM_WITHIN_NS = 2 * NS  # an alarm computed anew may come so much earlier or later
LINES = 60  # of a table for people
FRAMES_FILE = "frames.jsonl"
EVERY_S = 10.0  # recorded seconds between the pictures of --pictures
_Answer = tuple[dict[str, object], list[dict[str, object]]]


@click.command()
@click.argument("project", type=click.Path(path_type=Path))
@click.option(
    "--from", "from_", default="", metavar="T", help="14:03, -2h, yesterday 06:00, ISO; the beginning."
)
@click.option("--to", "to", default="", metavar="T", help="The same; the end. A desk pauses there.")
@click.option(
    "--speed",
    type=click.FloatRange(0.0, max(SPEEDS)),
    default=None,
    help="× real time. In a desk 1 without it, 0 stands still at --from; headless 0: at once.",
)
@click.option(
    "--recompute", is_flag=True, help="Evaluate derived values and alarms anew; 1 where they differ."
)
@click.option("--headless", is_flag=True, help="Without a desk.")
@click.option("--screenshot", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="F.png")
@click.option(
    "--after", "after_s", type=Seconds(), default=5.0, show_default=True, help="Seconds before the picture."
)
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    metavar="DIR",
    help="Write pictures of the desk at times of the span into this folder.",
)
@click.option(
    "--every",
    "every_s",
    type=Seconds(),
    default=None,
    help="Recorded seconds between two pictures of a folder; with -o by itself so that they are about 60.",
)
@zone_option
@comma_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=None,
    metavar="F.ogv|DIR",
    help=f"A film of the desk ({', '.join(FILMS)}; --speed recorded seconds in one), or a folder: pictures, "
    f"and {FRAMES_FILE} with a line for each second.",
)
def replay(
    project: Path,
    from_: str,
    to: str,
    speed: float | None,
    recompute: bool,
    headless: bool,
    screenshot: Path | None,
    after_s: float,
    pictures: Path | None,
    every_s: float | None,
    zone: str,
    decimal_comma: bool,
    as_json: bool,
    output: Path | None,
) -> int:
    """Show what was recorded of a project in a desk, play it without one, or evaluate it anew."""
    wants_film = output is not None and is_film(output)  # a kind that cannot be written is said at once
    read = projects.read(
        with_history(project.expanduser().resolve(), How(zone=zone, decimal_comma=decimal_comma))
    )
    from_ns, to_ns = _times(from_, to)
    if output is not None and wants_film:
        if recompute or as_json:
            raise Fault(
                "A film is made of what was recorded, and nothing is told beside it.",
                where=str(output),
                remedy="Leave --recompute and --json away, or give a folder to -o.",
            )
        shots = Shots(path=output.resolve(), speed=speed)
        return in_desk(read, from_ns, to_ns, 0.0, None, after_s, shots, headless=headless)
    if not (headless or recompute or as_json or output):
        pace = 0.0 if pictures is not None else 1.0 if speed is None else speed
        kept = None if pictures is None else Shots(path=pictures, every_s=every_s or EVERY_S)
        return in_desk(read, from_ns, to_ns, pace, screenshot, after_s, kept)
    answer, frames = asyncio.run(_play(read, from_ns, to_ns, speed or 0.0, recompute))
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / FRAMES_FILE).write_text("".join(json.dumps(frame) + "\n" for frame in frames), "utf-8")
        if read.entry is not None and not recompute:
            kept = Shots(path=output.resolve(), every_s=every_s)
            if status := in_desk(read, from_ns, to_ns, 0.0, None, after_s, kept, headless=True):
                return status
    if as_json:
        emit_json(answer)
    else:
        _print(answer)
    return 1 if answer.get("differences") else 0


def with_history(path: Path, how: How) -> Path:
    """Return what to replay: of a folder of files without a project the project that is made of them."""
    if not offline.is_offline(path):
        return path
    return offline.prepare(path, how, Progress().tell)


def _times(from_: str, to: str) -> tuple[int, int]:
    """Return the span that was typed, 0 for an end that was not. Raises Fault."""
    now_ns = WallClock().now_ns()
    from_ns, to_ns = (parse_time(text, now_ns) if text else 0 for text in (from_, to))
    if from_ns > now_ns:
        raise Fault(
            "The span begins in the future.",
            where=f"--from {from_}",
            remedy="Give a time that is past; a time of day without a date is the last one that was.",
        )
    return from_ns, to_ns


async def _play(project: Project, from_ns: int, to_ns: int, speed: float, recompute: bool) -> _Answer:
    """Read the span second by second; return its summary and a line for each second."""
    reading = Reading(project.folder)
    alarms = (
        *project.alarms,
        *link_alarms(project.links, project.specs),
        *system_alarms(),
        *area_alarms(project.areas),
        *notify_alarms(project.receivers),
    )
    recording: Recording | None = None
    try:
        recording = Recording(project, [a.id for a in alarms], await reading.find())
        from_ns, to_ns = await span_of(recording, from_ns, to_ns)
        return await _over(recording, alarms, from_ns, to_ns, speed, recompute)
    finally:
        if recording is not None:
            recording.close()
        reading.close()


async def _over(
    recording: Recording,
    alarms: tuple[AlarmSpec, ...],
    from_ns: int,
    to_ns: int,
    speed: float,
    recompute: bool,
) -> _Answer:
    project = recording.project
    anew = Recompute(project.specs, alarms, project.timezone, project.suppressions) if recompute else None
    if anew is not None and anew.warm_up_ns:
        begin_ns = max(recording.first_ns, from_ns - anew.warm_up_ns)
        anew.warm_up(recording, await recording.stretch(begin_ns, from_ns, is_whole=True))
    stretch = await recording.stretch(from_ns, to_ns)
    standing = frozenset(a.id for a in _active(stretch, alarms, from_ns))
    samples, differences, frames = 0, list[Difference](), list[dict[str, object]]()
    recorded: list[AlarmEvent] = []
    computed: list[AlarmEvent] = []
    while True:
        samples += len(stretch.tags.passed(stretch.from_ns, stretch.to_ns))
        recorded += _alarm_events(stretch)
        for t_ns in _seconds(stretch):
            if speed:
                await asyncio.sleep(1 / speed)
            rank = recording.state(stretch, t_ns).quality & RANK_MASK
            frames.append(
                {
                    "t": iso(t_ns),
                    "not_good": int((rank > 0).sum()),
                    "alarms": [a.id for a in _active(stretch, alarms, t_ns)],
                }
            )
        if anew is not None:
            differences += anew.over(recording, stretch, anew.times(stretch, NS // project.tick_hz))
            computed += anew.events()
        if stretch.to_ns >= to_ns:
            break
        stretch = await recording.stretch(stretch.to_ns, to_ns, stretch)
    if anew is not None:
        differences += unmatched(recorded, computed, standing, ALARM_WITHIN_NS)
    answer: dict[str, object] = {
        "project": str(project.folder),
        "from": iso(from_ns),
        "to": iso(to_ns),
        "samples": samples,
        "frames": len(frames),
        "not_good": max((int(str(frame["not_good"])) for frame in frames), default=0),
        "alarm_events": [
            {"t": iso(e.t_ns), "alarm": e.id, "event": e.event, "priority": e.priority, "text": e.text}
            for e in recorded
        ],
    }
    if recompute:
        answer["differences"] = [
            {"t": iso(d.t_ns), "what": d.what, "recorded": d.recorded, "computed": d.computed}
            for d in sorted(differences, key=lambda d: d.t_ns)
        ]
    return answer, frames


def _seconds(stretch: Stretch) -> Iterator[int]:
    yield from range(stretch.from_ns, stretch.to_ns, NS)


def _alarm_events(stretch: Stretch) -> list[AlarmEvent]:
    window = stretch.marks
    rows = window.passed(stretch.from_ns, stretch.to_ns)
    rows = rows[window.batch.slot[rows] == ALARM_EVENT]
    read = [read_mark(window.batch.text.get(int(row), ""), AlarmEvent) for row in rows]
    return [event for event in read if event is not None]


def _active(stretch: Stretch, alarms: tuple[AlarmSpec, ...], t_ns: int) -> list[AlarmState]:
    row = stretch.marks.rows_at(t_ns)[FIRST_ALARM : FIRST_ALARM + len(alarms)]
    texts = [stretch.marks.batch.text.get(int(r), "") for r in row if r >= 0]
    read = [read_mark(text, AlarmState) for text in texts]
    return [state for state in read if state is not None and state.active]


def _print(answer: dict[str, object]) -> None:
    click.echo(f"{answer['from']} … {answer['to']}: {answer['samples']} samples, {answer['frames']} frames")
    for key, form in (
        ("alarm_events", "{t}  {event}  {alarm}  {text}"),
        ("differences", "{t}  {what}: recorded {recorded}, computed {computed}"),
    ):
        rows = answer.get(key)
        if not isinstance(rows, list):
            continue
        for row in rows[:LINES]:
            click.echo(form.format(**row))
        if len(rows) > LINES:
            click.echo(f"… and {len(rows) - LINES} more; --json has all.")
    if answer.get("differences") == []:
        click.echo("Computed anew, everything is as recorded.")
