"""A process starts with what it needs (ADR 30): the desk leaves to others what only they use."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_ASK = "import json, sys; import {}; print(json.dumps(sorted({{n.partition('.')[0] for n in sys.modules}})))"
DESK = {"duckdb", "_duckdb", "mcap", "zstandard", "fmpy", "asyncua", "paho", "pxr", "argon2", "psycopg"}


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("armillary.ui.window", DESK),
        ("armillary.__main__", {*DESK, "numpy", "PySide6", "vtkmodules", "zmq"}),
    ],
)
def test_a_start_reads_no_library_that_another_process_uses(module: str, never: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _ASK.format(module)], capture_output=True, text=True, check=True, timeout=120
    )
    assert set(json.loads(done.stdout)) & never == set()
