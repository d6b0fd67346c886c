"""`armillary bindings`: the bindings of a project without a desk."""

from __future__ import annotations

import click

from armillary.cli.bindings_propose import propose


@click.group()
def bindings() -> None:
    """Propose, apply and exchange the bindings of a project."""


bindings.add_command(propose)
