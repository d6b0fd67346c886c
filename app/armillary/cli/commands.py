"""The list of commands, each imported when it is called, so that `state` does not wait for VTK."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from difflib import get_close_matches

import click

from armillary.cli import stopping

# name -> (module of this package, function, one line for the list)
COMMANDS: Mapping[str, tuple[str, str, str]] = {
    "demo": ("desk", "demo", "Run the whole product on an embedded demo plant."),
    "open": ("desk", "open_", "Open the desk on a project, a bare scene or a running world."),
    "world": ("desk", "world", "Run a project's LIVE world as a service."),
    "recorder": ("desk", "recorder", "Run a project's recorder as a service."),
    "edge": ("edge", "edge", "Forward near the devices: keep on disk while the way up is cut."),
    "state": ("state", "state", "Print every tag and link of a running world."),
    "worlds": ("state", "worlds", "List the worlds that run on this machine."),
    "fork": ("whatif", "fork", "Start a WHAT-IF world from a running world."),
    "snapshot": ("whatif", "snapshot_", "Keep the state of a world in a file, list such files, restore one."),
    "whatif": ("whatif", "whatif", "Run a scenario's variants, compare and rank them."),
    "alarms": ("alarms", "alarms", "List, acknowledge and reset the alarms of a running world."),
    "report": ("report", "report", "Tell what a shift was; hand it over, take it over."),
    "notes": ("notes", "notes", "Write notes into the logbook of a plant, and find them again."),
    "notify": ("notify", "notify", "See who is told of alarms away from a desk, and try it."),
    "rules": ("rules", "rules", "Check the rules on streams of a project, and try one on its history."),
    "bindings": ("bindings", "bindings", "Propose, apply and exchange the bindings of a project."),
    "tags": ("tags", "tags", "Write the tags of a project as a list, or take a list in as tags."),
    "procedure": ("procedure", "procedure", "List, check and hand out step-by-step work instructions."),
    "template": ("template", "template", "List and check command templates, try one on the simulator."),
    "command": ("command", "command", "Send one command through the gate of a live world."),
    "substitute": ("substitute", "substitute", "Give a tag a value by hand for a time; nothing is sent."),
    "user": ("user", "user", "Add, list and change a project's local accounts."),
    "policy": ("policy", "policy", "Sign what a loop may do by itself."),
    "secret": ("secret", "secret", "Keep the passwords of links; project files hold only their names."),
    "trust": ("trust", "trust", "Say whose certificates links believe on this machine; show our own."),
    "audit": ("audit", "audit", "Verify, show and export what was done, and by whom."),
    "train": ("train", "train", "Run a training scenario, with a desk or headless."),
    "simulate": ("simulate", "simulate", "Run an FMU in a process of its own, as a table."),
    "history": ("history", "history", "Query, export, import and erase what is recorded."),
    "replay": ("replay", "replay", "Show, play or evaluate anew what was recorded."),
    "info": ("scenes", "info", "Print what a scene holds."),
    "new": ("new", "new", "Make a project from a template, a scene and a broker."),
    "compose": ("compose", "compose", "Add other scenes to a project's, and take them out."),
    "versions": ("versions", "versions", "Publish a version of a project, compare, have an older one again."),
    "diff": ("versions", "diff", "Say in words what differs between two projects or binding layers."),
    "merge": ("merge", "merge", "Merge three versions of a project's file, as a driver of git."),
    "check": ("scenes", "check", "Lint a project, scene or binding layer."),
    "model": ("model", "model", "Check, find, make and import types and twins of a project."),
    "render": ("scenes", "render", "Write a picture of a scene or project."),
    "export": ("export", "export", "Write a scene as one flattened OpenUSD layer."),
    "import": ("import_scene", "import_", "Turn glTF, OBJ, STL, PLY, IFC or STEP into OpenUSD."),
    "doctor": ("doctor", "doctor", "Look at GL, display, broker, keyring, disk, ports, versions."),
    "bench": ("bench", "bench", "Measure, each figure against a floor or peer of the same run."),
}


class Commands(click.Group):
    """A group whose commands are imported by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"armillary.cli.{module}"), function)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        near = [] if args[0] in COMMANDS else get_close_matches(args[0], COMMANDS, 1)
        if near:
            raise click.UsageError(f"No such command '{args[0]}'. Did you mean '{near[0]}'?", ctx)
        found = super().resolve_command(ctx, args)
        stopping.arm()  # the command is imported: from here on there may be something to stop
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])
