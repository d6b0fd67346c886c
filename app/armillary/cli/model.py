"""`armillary model`: types, twins and relations of a project."""

from __future__ import annotations

import click

from armillary.cli.model_import import import_
from armillary.cli.model_infer import infer
from armillary.cli.model_query import query


@click.group()
def model() -> None:
    """Check, find, make and import types and twins."""


model.add_command(query)
model.add_command(infer)
model.add_command(import_)
