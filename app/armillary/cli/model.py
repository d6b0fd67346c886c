"""`armillary model`: the DTDL model of a project. Each command is a module of its own, by one line here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, MutableMapping

import click

# name -> (module of this package, function, one line for the list)
PARTS: Mapping[str, tuple[str, str, str]] = {
    "check": ("model_check", "check", "Judge DTDL documents, one verdict for each path."),
    "query": ("model_query", "query", "Find twins by what they are, their relations and their values."),
    "infer": ("model_infer", "infer", "Make DTDL interfaces from the twins and tags of a project."),
    "import": ("model_import", "import_", "Make twins of AAS, NGSI-LD, WoT Things or DTDL instances."),
    "export": ("model_export", "export", "Write the twins of a project as NGSI-LD entities."),
    "drift": ("model_drift", "drift", "Compare what the plant sends with the model."),
}


class Parts(click.Group):
    """A group whose commands are imported by name."""

    @property
    def commands(self) -> MutableMapping[str, click.Command]:
        """All of them, imported: for the pages made from them. `check` alone waits for no other."""
        context = click.Context(self)
        found = {name: self.get_command(context, name) for name in PARTS}
        return {name: command for name, command in found.items() if command is not None}

    @commands.setter
    def commands(self, _: MutableMapping[str, click.Command]) -> None:
        """Take none: the table above is the list."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in PARTS:
            return None
        module, function, _ = PARTS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"armillary.cli.{module}"), function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in PARTS.items()])


@click.group(cls=Parts)
def model() -> None:
    """Check, find, make and import types and twins of a project."""
