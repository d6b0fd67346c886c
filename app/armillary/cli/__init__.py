"""The command line: arguments, JSON answers, exit codes 0 good, 1 bad news, 2 could not be carried out."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from armillary._version import __version__
from armillary.cli.answer import tell
from armillary.cli.commands import Commands
from armillary.model import places
from armillary.model.fault import Fault

BAD_REQUEST = 2


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="armillary")
def armillary() -> None:
    """Show OpenUSD scenes of real plants, alive with their MQTT and OPC UA telemetry."""


def run(argv: Sequence[str]) -> int:
    """Return the exit status of a command line. The last border: a person sees sentences, not tracebacks."""
    try:
        with armillary.make_context("armillary", list(argv)) as context:
            return int(armillary.invoke(context) or 0)
    except click.exceptions.Exit as done:
        return done.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt, EOFError):
        tell("Stopped.", err=True)
        return BAD_REQUEST
    except click.ClickException as error:
        _say_wrong_usage(error)
        return BAD_REQUEST
    except Fault as fault:
        _say(fault.what.rstrip(), fault.where, fault.remedy)
        return BAD_REQUEST
    except BrokenPipeError:
        _forget_output()
        return 0  # the reader left: nothing to say
    except OSError as error:
        return _unwritten(error, argv)
    except Exception as error:  # noqa: BLE001  the border of the program: logs the trace, says a sentence
        return _unexpected(error, argv)


def _say(what: str, where: str, remedy: str) -> None:
    lines = [f"armillary: {what}", f"  where: {where}" * bool(where), f"  do:    {remedy}" * bool(remedy)]
    tell("\n".join(line for line in lines if line), err=True)


def _say_wrong_usage(error: click.ClickException) -> None:
    """Say what is wrong with a command line, and how to learn what is right."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        tell(error.format_message(), err=True)
    elif context is not None:
        _say(error.format_message(), "", f"See: {context.command_path} --help")
    else:
        _say(error.format_message(), "", "")


def _unwritten(error: OSError, argv: Sequence[str]) -> int:
    """Return the status when the answer could not be written (a full disk); else it is unexpected."""
    if error.errno not in (errno.ENOSPC, errno.EIO, errno.EBADF) or error.filename is not None:
        return _unexpected(error, argv)
    _forget_output()
    _say(f"The answer could not be written: {error.strerror}.", "standard output", "Write it elsewhere.")
    return BAD_REQUEST


def _forget_output() -> None:
    """Let what is still buffered for standard output go nowhere, or Python complains at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unexpected(error: Exception, argv: Sequence[str]) -> int:
    path = _logged(error, argv)
    where = str(path) if path is not None else "no log file could be written"
    remedy = "Send this log with your report." if path is not None else "Make your state folder writable."
    _say(f"Something went wrong that should not: {type(error).__name__}: {error}.", where, remedy)
    return BAD_REQUEST


def _logged(error: Exception, argv: Sequence[str]) -> Path | None:
    """Log an exception with its trace; return the file, None when none can be written."""
    try:
        path = places.logs() / "cli.log"
        handler = logging.FileHandler(path)
    except (Fault, OSError):
        return None
    logger = logging.getLogger("armillary.cli")
    logger.propagate = False
    logger.addHandler(handler)
    logger.error("armillary %s", " ".join(argv), exc_info=error)
    logger.removeHandler(handler)
    handler.close()
    return path
