"""The command line: arguments, JSON answers, exit codes 0 good, 1 bad news, 2 could not be carried out."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import click

from armillary._version import __version__
from armillary.cli.commands import Commands
from armillary.model.fault import Fault

BAD_REQUEST = 2


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="armillary")
def armillary() -> None:
    """Show OpenUSD scenes of real plants, alive with their MQTT and OPC UA telemetry."""


def run(argv: Sequence[str]) -> int:
    """Return the exit status of a command line. The last border: a person sees sentences, not tracebacks."""
    try:
        status = armillary.main(list(argv), standalone_mode=False)
        return int(status or 0)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        return BAD_REQUEST
    except click.ClickException as error:
        click.echo(f"armillary: {error.format_message()}", err=True)
        return BAD_REQUEST
    except Fault as fault:
        click.echo(f"armillary: {fault.what}\n  where: {fault.where}\n  do:    {fault.remedy}", err=True)
        return BAD_REQUEST
    except KeyboardInterrupt:
        return BAD_REQUEST
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left: nothing to say
        return 0
    except Exception as error:  # the border of the program: log the trace, say a sentence
        from armillary.model.places import logs

        path = logs() / "cli.log"
        handler = logging.FileHandler(path)
        logger = logging.getLogger("armillary.cli")
        logger.propagate = False
        logger.addHandler(handler)
        logger.exception("armillary %s", " ".join(argv))
        click.echo(f"armillary: something went wrong that should not ({type(error).__name__}).", err=True)
        click.echo(f"  where: {path}\n  do:    send this log with your report", err=True)
        return BAD_REQUEST
