"""Signals while a command runs, sent to a small program of its own: a process has one set of them."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

HEAD = """
import os, signal, sys, threading
from armillary.cli import log, stopping
stopping.prepare()
stopping.arm()
def send(number=signal.SIGINT):
    os.kill(os.getpid(), number)
"""


def outcome(body: str, folder: Path) -> tuple[int, str]:
    program = HEAD + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=20, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_stops_what_was_started_on_the_way_out(name: str, tmp_path: Path) -> None:
    body = f"""
    try:
        send(signal.{name})
        threading.Event().wait(10)
    except KeyboardInterrupt:
        print("stopped")
    """
    assert outcome(body, tmp_path) == (0, "stopped\n")


def test_a_signal_amid_an_import_is_obeyed_once_the_module_is_there(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nfor _ in range(10**6): pass\nwhole = True\n"
    )
    body = """
    sys.path.insert(0, "")
    try:
        import slow
        threading.Event().wait(10)
    except KeyboardInterrupt:
        print(sys.modules["slow"].whole)
    """
    assert outcome(body, tmp_path) == (0, "True\n")


def test_a_signal_lost_where_nothing_can_be_thrown_is_obeyed_later(tmp_path: Path) -> None:
    body = """
    log.begin([])
    class Deleted:
        def __del__(self):
            send()
    try:
        Deleted()
        threading.Event().wait(10)
    except KeyboardInterrupt:
        print("stopped")
    """
    assert outcome(body, tmp_path) == (0, "stopped\n")


def test_a_second_signal_leaves_the_stopping_alone_and_a_third_ends_it(tmp_path: Path) -> None:
    body = """
    try:
        send()
    except KeyboardInterrupt:
        send()
        print("still stopping", flush=True)
        send()
        print("never")
    """
    assert outcome(body, tmp_path) == (2, "still stopping\n")


def test_a_program_started_with_nohup_does_not_hear_hangups(tmp_path: Path) -> None:
    body = """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stopping.arm()
    send(signal.SIGHUP)
    print("goes on")
    """
    assert outcome(body, tmp_path) == (0, "goes on\n")


def test_disarmed_a_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    assert outcome("stopping.disarm()\nsend()\nprint('never')", tmp_path) == (-signal.SIGINT, "")
