"""`armillary new`: a project from a template, a scene of one's own and the addresses of its data."""

from __future__ import annotations

from pathlib import Path

import click

from armillary.cli.answer import emit_json, tell
from armillary.model.clock import WallClock
from armillary.project import starters
from armillary.session import publishing

_SCENE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("directory", metavar="DIR")
@click.option(
    "--template",
    default=starters.EMPTY,
    metavar="T",
    show_default=True,
    help=f"{', '.join(starters.TEMPLATES)}, or the folder of any project.",
)
@click.option("--name", default="", help="The project's title; without it the folder's name.")
@click.option(
    "--scene", type=_SCENE, default=None, metavar="F", help="An OpenUSD scene; it stays where it is."
)
@click.option("--broker", default="", metavar="URL", help="mqtt://host:1883, mqtts:// or wss://.")
@click.option(
    "--topics", default="", metavar="FILTER", help="What to subscribe at the broker, such as plant/#."
)
@click.option("--opcua", default="", metavar="URL", help="opc.tcp://host:4840.")
@click.option("--timezone", "zone", default="", metavar="ZONE", help="Such as Europe/Oslo; for display only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def new(
    directory: str,
    template: str,
    name: str,
    scene: Path | None,
    broker: str,
    topics: str,
    opcua: str,
    zone: str,
    as_json: bool,
) -> int:
    """Make a project in DIR. The scene is used where it is and never changed."""
    links = [starters.Link(url=broker, topics=topics)] if broker else []
    if opcua:
        links.append(starters.Link(url=opcua))
    project = starters.make(
        Path(directory).expanduser().resolve(),
        name=name,
        template=template,
        scene=scene.expanduser().resolve() if scene is not None else None,
        links=links,
        zone=zone,
    )
    publishing.begin(project, WallClock(), f"made from {template}")
    if as_json:
        emit_json(
            {
                "project": str(project.folder),
                "name": project.name,
                "id": project.id,
                "scene": str(project.entry or ""),
                "links": [link.name for link in project.links],
                "tags": len(project.specs),
            }
        )
        return 0
    tell(f"{project.name}: {project.folder}")
    tell("Next: armillary open on it, then Ctrl+2 (Author) and drag from Browse onto parts.")
    tell("      armillary check says what is wrong with it at any time.")
    return 0
