"""`armillary model`: the model of a project, and how it differs from its plant."""

from __future__ import annotations

import click

from armillary.cli.model_drift import drift


@click.group()
def model() -> None:
    """Check a model, and see how the plant differs from it."""


model.add_command(drift)
