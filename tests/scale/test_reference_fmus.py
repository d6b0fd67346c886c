"""Public FMUs against their reference outputs: REFERENCE_FMUS=FOLDER, X_ref.csv beside each X.fmu."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.scale, pytest.mark.system]
FOLDER = os.environ.get("REFERENCE_FMUS", "")
FILES = sorted(Path(FOLDER).rglob("*.fmu")) if FOLDER else []
TOLERANCE = 0.02  # of each variable's range, as integrators differ
LIMIT_S = 120


def table(path: Path) -> tuple[list[str], np.ndarray]:
    """Names and rows (n, k) of a CSV file with numbers."""
    with path.open(newline="") as file:
        names, *rows = [*csv.reader(file)]
    return names, np.array([[float(cell) for cell in row] for row in rows if row])


@pytest.mark.skipif(not FILES, reason="REFERENCE_FMUS names no folder with FMUs")
@pytest.mark.parametrize("file", FILES, ids=[f.stem for f in FILES])
def test_a_reference_fmu_agrees_with_its_table(file: Path, tmp_path: Path) -> None:
    """An FMU without a table must run, or be refused in words; none may hang or fail without saying why."""
    out = tmp_path / "out.csv"
    reference = file.with_name(f"{file.stem}_ref.csv")
    names, rows = table(reference) if reference.exists() else ([], np.zeros((0, 0)))
    stop = str(rows[-1, 0]) if len(rows) else "1"
    command = [sys.executable, "-m", "armillary", "simulate", str(file), "--stop", stop, "-o", str(out)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert "Traceback" not in run.stderr
    if not len(rows):
        assert run.returncode == 0 or "armillary:" in run.stderr
        return
    assert run.returncode == 0, run.stderr
    ours, got = table(out)
    shared = [n for n in names[1:] if n in ours]
    assert shared, "the table and the model share no output"
    for name in shared:
        want = rows[:, names.index(name)]
        have = np.interp(rows[:, 0], got[:, 0], got[:, ours.index(name)])
        span = max(float(np.ptp(want)), 1e-9)
        # most points: where a value jumps, two tables never jump at the same instant
        assert np.mean(np.abs(have - want) <= TOLERANCE * span) > 0.95, name
