"""`armillary edge`: the forwarder near the devices."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import click

from armillary.cli.answer import emit_json, tell
from armillary.cli.password import secret_file
from armillary.edge import health
from armillary.model import places
from armillary.model.clock import WallClock, iso
from armillary.model.fault import ProjectFault
from armillary.project import folder as projects
from armillary.project.record import Project


@click.command()
@click.argument("project")
@click.option("--status", "is_status", is_flag=True, help="Print how the running edge is, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --status: one JSON object.")
@secret_file
def edge(project: str, is_status: bool, as_json: bool, secrets: Path | None) -> int:
    """Forward what a project's sources bring to the broker that its [forward] names.

    While the way up is cut it is kept on disk; later it is sent with its own times, marked as historical.
    PROJECT is a folder, or its project.toml. With --status: 0 it is well, 1 it is not.
    """
    opened = projects.read(Path(project).expanduser().resolve())
    if not opened.saved:
        raise ProjectFault(
            "An edge needs a project folder; a bare scene has no links.",
            where=project,
            remedy="Give a folder with a project.toml.",
        )
    if is_status or as_json:
        return _status(opened, as_json=as_json)
    asyncio.run(_run(opened, str(secrets.resolve()) if secrets else ""))
    return 0


async def _run(project: Project, secret_file: str) -> None:
    from armillary.edge.service import Edge  # links and plugins: not for a question
    from armillary.security.secrets import Secrets

    made = Edge(project, WallClock(), Secrets(secret_file))
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tell(f"edge '{project.name}' runs.  log: {places.log_file()}")
    await made.run(stop)


def _status(project: Project, *, as_json: bool) -> int:
    held = health.read(project.folder)
    if as_json:
        held.pop("schema", None)
        emit_json(held)
    else:
        for line in _lines(held):
            click.echo(line)
    return 0 if held["up"]["state"] == "UP" and not held["problems"] else 1


def _lines(held: dict[str, Any]) -> list[str]:  # Any: what JSON holds
    queue = held["queue"]
    gone = {why: count for why, count in queue["dropped"].items() if count}
    waits = f"{queue['waiting']:,} samples wait"
    if queue["oldest_ns"]:
        waits += f", the oldest since {iso(queue['oldest_ns'])}"
    return [
        f"up    {_link(held['up'])}",
        *(f"link  {_link(link)}" for link in held["links"]),
        f"sent  {queue['live']:,} live, {queue['late']:,} late; {waits}",
        *([f"lost  {', '.join(f'{count:,} {why}' for why, count in gone.items())}"] if gone else []),
        *(f"note  {problem}" for problem in held["problems"]),
    ]


def _link(row: dict[str, Any]) -> str:  # Any: what JSON holds
    return f"{row['name']} {row['state']}  {row['detail']}".rstrip()
