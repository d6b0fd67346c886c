"""The type of an option that takes a number of seconds."""

from __future__ import annotations

import math

import click

LONGEST_S = 1_000_000.0  # eleven days: what a timer of Qt can count


class Seconds(click.ParamType[float]):
    """A time that can be waited for: a number of seconds, 0 or more."""

    name = "seconds"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds <= LONGEST_S:
            self.fail(f"{value!r} is no number of seconds from 0 to {LONGEST_S:,.0f}.", param, ctx)
        return seconds
