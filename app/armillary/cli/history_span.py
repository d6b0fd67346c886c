"""What the commands about history share: options, a project with a history, a span of time."""

from __future__ import annotations

from pathlib import Path

import click

from armillary.model.clock import WallClock
from armillary.model.fault import Fault, ProjectFault
from armillary.model.times import parse_time
from armillary.project import folder as projects
from armillary.project.record import Project

JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
FROM = click.option("--from", "from_", default="", metavar="T", help="14:03, -2h, ISO; else the beginning.")
TO = click.option("--to", "to", default="", metavar="T", help="The same; else the end.")
TAGS = click.option("--tag", "tags", multiple=True, metavar="T", help="A tag; may be given again.")
FILE = click.Path(dir_okay=False, path_type=Path)


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
