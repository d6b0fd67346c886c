"""`armillary bindings`: the bindings of a project without a desk."""

from __future__ import annotations

import click

from armillary.cli.bindings_exchange import export, import_
from armillary.cli.bindings_propose import propose
from armillary.cli.bindings_rebind import rebind
from armillary.cli.bindings_report import report
from armillary.cli.bindings_template import template


@click.group()
def bindings() -> None:
    """Propose, apply and exchange the bindings of a project."""


bindings.add_command(rebind)
bindings.add_command(report)
bindings.add_command(export)
bindings.add_command(import_)
bindings.add_command(propose)
bindings.add_command(template)
