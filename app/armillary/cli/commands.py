"""The list of commands."""

from __future__ import annotations

import click

from armillary.cli.bench import bench
from armillary.cli.desk import demo, open_, recorder, world
from armillary.cli.doctor import doctor
from armillary.cli.scenes import check, info, render
from armillary.cli.state import state, worlds

COMMANDS: tuple[click.Command, ...] = (
    demo,
    open_,
    world,
    recorder,
    state,
    worlds,
    info,
    check,
    render,
    doctor,
    bench,
)
