"""Every command, action, fault, flag and port has its line in docs/reference."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def test_the_reference_is_what_the_code_says() -> None:
    run = subprocess.run(
        [sys.executable, ".ci/reference.py", "--check"], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
