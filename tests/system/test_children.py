"""Processes end with their parent, in order and by force, and say why when they cannot start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest
from stations import until

from armillary.model.fault import Fault, ProjectFault, WorldFault
from armillary.wire import child

pytestmark = pytest.mark.system

PARENT = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from armillary.wire import child
    made = child.start("recorder.service", {"path": sys.argv[1], "address": sys.argv[2]}, Path(sys.argv[3]))
    made.ready()
    print(made.pid, flush=True)
    import threading
    threading.Event().wait(60)
    """
)


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path, own_places: Path) -> None:
    args = [str(tmp_path / "h.duckdb"), f"ipc://{own_places}/r.sock", str(tmp_path / "log")]
    parent = subprocess.Popen([sys.executable, "-c", PARENT, *args], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert psutil.pid_exists(pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(5)
    parent.stdout.close()
    until(lambda: not psutil.pid_exists(pid), 10, "the child of a killed parent ends")


def test_an_unknown_entry_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorldFault, match="no process named"):
        child.start("os.system", {}, tmp_path / "log")


def test_a_fault_at_start_is_raised_in_the_parent(tmp_path: Path) -> None:
    made = child.start("world.live", {"project": str(tmp_path / "nothing")}, tmp_path / "log")
    with pytest.raises(Fault) as caught:
        made.ready()
    assert "nothing" in str(caught.value)
    assert not made.alive


def test_an_unknown_plant_lists_those_there_are(tmp_path: Path) -> None:
    args = {"plant": "moon-base", "part": "broker", "folder": str(tmp_path), "ports": {}}
    made = child.start("extend.host", args, tmp_path / "log")
    with pytest.raises(ProjectFault, match="pumping-station"):
        made.ready()


def test_a_child_that_dies_at_once_is_told_with_its_signal_and_log(tmp_path: Path) -> None:
    made = child.start("world.live", {"project": str(tmp_path)}, tmp_path / "log")
    os.kill(made.pid, signal.SIGKILL)
    with pytest.raises(WorldFault, match="SIGKILL") as caught:
        made.ready()
    assert caught.value.where == str(tmp_path / "log")
    made.stop()


@pytest.mark.parametrize(
    ("script", "words", "refused"),
    [
        ("echo 'what(): std::bad_alloc' >&2; kill -ABRT $$", child.OVER_MEMORY, "more memory"),
        ("kill -ABRT $$", "was ended by SIGABRT", ""),
        ("kill -ALRM $$", child.OVER_TIME, "longer"),
        ("kill -XCPU $$", child.OVER_PROCESSOR, "processor time"),
        ("kill -SEGV $$", "was ended by SIGSEGV", ""),
    ],
)
def test_a_limit_that_ended_a_child_is_told_from_a_crash(
    tmp_path: Path, script: str, words: str, refused: str
) -> None:
    log = tmp_path / "child.log"
    log.write_text("an earlier child said std::bad_alloc\n")  # some logs are shared
    start = log.stat().st_size
    with log.open("ab") as errors:
        process = subprocess.Popen(
            ["sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
    process.wait(10)
    ended = child.Child("scene.child", process, log, start)
    assert ended.exit_words() == words
    why = child.refusal(f"The process scene.child {ended.exit_words()}.")
    assert refused in why
    assert bool(why) == bool(refused)
