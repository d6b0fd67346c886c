"""The floors, the safety contracts and the closed table of child entries are held by a machine."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from armillary.wire.child import ENTRIES

TOP = Path(__file__).resolve().parents[2]


def test_every_import_contract_is_kept() -> None:
    run = subprocess.run(
        [sys.executable, ".ci/contracts.py", "--no-cache"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    assert "0 broken" in run.stdout


def test_the_contract_file_bites() -> None:
    """Each forbidden import of the self-test breaks the contract that names it."""
    run = subprocess.run(
        [
            sys.executable,
            "tests/architecture/contract_selftest.py",
            "docs/architecture/layout.md",
            ".importlinter",
        ],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    assert re.search(r"[56]\d forbidden imports tried, 0 failures", run.stdout)


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_child_entry_is_a_module_with_run(entry: str) -> None:
    spec = importlib.util.find_spec(f"armillary.{entry}")
    assert spec is not None
    assert spec.origin is not None
    assert re.search(r"^def run\(", Path(spec.origin).read_text("utf-8"), re.M)


def test_top_level_holds_exactly_what_the_layout_says() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=TOP, capture_output=True, text=True, check=True).stdout
    names = {line.split("/", 1)[0] for line in tracked.splitlines()}
    allowed = {
        "app", "scenes", "assets", "plugins", "tests", "packaging", "docs", ".ci", "pyproject.toml",
        "README.md", "Makefile", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
    }  # fmt: skip
    assert {n for n in names if not n.startswith(".")} <= allowed


def test_package_inits_that_would_load_by_accident_are_empty() -> None:
    for room in ("world", "telemetry", "scene", "simulate"):
        init = TOP / "app" / "armillary" / room / "__init__.py"
        if init.exists():
            body = re.sub(r'""".*?"""', "", init.read_text("utf-8"), flags=re.S).strip()
            assert body == "", init
