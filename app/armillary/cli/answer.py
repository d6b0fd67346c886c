"""How an answer goes out: one JSON object with a schema, or lines for a person."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

import click
import orjson

SCHEMA = 1


def emit_json(answer: Mapping[str, object]) -> None:
    """Print one JSON object; `schema` comes first. NaN and infinity become null."""
    document = {"schema": SCHEMA, **answer}
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    click.echo(orjson.dumps(document, option=options).decode())


def tell(text: str, *, err: bool = False) -> None:
    """Print a line for a person; where nobody reads any more, what runs goes on without it."""
    try:
        click.echo(text, err=err)
    except OSError:
        stream = sys.stderr if err else sys.stdout
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def finite(value: float) -> float | None:
    """Return a number that JSON can hold, None for NaN and infinity."""
    return value if math.isfinite(value) else None


def table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...]) -> None:
    """Print rows in columns as wide as they need."""
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
