"""Row 51 for services: `armillary recorder` starts what it serves again when that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import faultlog
import psutil
import pytest
from stations import until

from armillary.model.fault import Fault
from armillary.model.message import AskHistory, HistoryInfo
from armillary.wire.bus import Line
from armillary.wire.runs import recorder_address

pytestmark = pytest.mark.system


def answers(address: str) -> bool:
    line = Line(address)
    try:
        return isinstance(line.ask(AskHistory(), timeout_s=1), HistoryInfo)
    except Fault:
        return False
    finally:
        line.close()


def test_a_service_whose_process_is_killed_serves_again_at_the_same_address(
    own_places: Path, tmp_path: Path
) -> None:
    project = tmp_path / "small"
    project.mkdir()
    (project / "project.toml").write_text('[project]\nschema = 1\nid = "x"\nname = "Small"\n')
    command = [sys.executable, "-m", "armillary", "recorder", str(project)]
    address = recorder_address(project)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as service:
        try:
            until(lambda: answers(address), 60, "it serves")
            [before] = psutil.Process(service.pid).children()
            os.kill(before.pid, signal.SIGKILL)
            took = until(lambda: not before.is_running() and answers(address), 60, "it serves again")
            [after] = psutil.Process(service.pid).children()
            assert after.pid != before.pid
            service.send_signal(signal.SIGTERM)
            out, err = service.communicate(timeout=30)
        finally:
            service.kill()
    assert service.returncode == 0
    assert "ended by SIGKILL. It is started again in 0.2 s." in err
    assert out.count("recorder.service runs: ") == 2
    assert not after.is_running()
    faultlog.note("51", "recorder as a service, kill -9: serves again", took, 5.0, patience=8)
