"""`.ci/setup` on machines that lack something: one line says what to install, or it goes on without."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system
TOP = Path(__file__).resolve().parents[2]


class Machine:
    """A copy of what setup reads, with stand-ins for the system's commands ahead of the real ones."""

    def __init__(self, folder: Path) -> None:
        self.top = folder / "top"
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.top / ".ci").mkdir(parents=True)
        (self.top / "packaging").mkdir()
        shutil.copy(TOP / ".ci" / "setup", self.top / ".ci" / "setup")
        for name in ("debian-packages.txt", "constraints.txt"):
            shutil.copy(TOP / "packaging" / name, self.top / "packaging" / name)
        shutil.copy(TOP / "pyproject.toml", self.top / "pyproject.toml")

    def command(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        path.chmod(0o755)

    def setup(self, goal: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", "PYTHON": sys.executable}
        return subprocess.run(
            ["bash", ".ci/setup", goal], cwd=self.top, env=env, capture_output=True, text=True, check=False
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.command("id", 'if [ "$1" = -u ]; then echo 1000; else exec /usr/bin/id "$@"; fi')
    made.command("apt-get", "echo apt-get was called >&2; exit 1")
    return made


def test_missing_graphics_packages_without_root_are_one_line_to_type(machine: Machine) -> None:
    machine.command("dpkg-query", "exit 1")
    run = machine.setup("demo")
    assert run.returncode == 2
    [line] = [x for x in run.stderr.splitlines() if x.startswith("apt-get install")]
    assert "libegl1" in line
    assert "libxcb-cursor0" in line
    assert "mosquitto" in line
    assert "xvfb" not in line
    assert "was called" not in run.stderr


def test_a_python_that_is_too_old_is_named(machine: Machine) -> None:
    machine.command("oldpython", "echo Python 3.9.2; exit 1")
    env = {**os.environ, "PYTHON": str(machine.bin / "oldpython")}
    run = subprocess.run(
        ["bash", ".ci/setup", "demo"], cwd=machine.top, env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "Python 3.9.2" in run.stderr


def test_a_ready_environment_is_left_alone(machine: Machine) -> None:
    """The second call installs nothing: the stamp holds for these files."""
    machine.command("dpkg-query", "echo installed")
    venv = machine.top / ".venv" / "bin"
    venv.mkdir(parents=True)
    for name in ("python", "armillary"):
        (venv / name).write_text("#!/bin/sh\necho pip ran >&2; exit 9\n", "utf-8")
        (venv / name).chmod(0o755)
    first = machine.setup("demo")
    assert first.returncode == 9  # no stamp yet: it wants to install
    files = [machine.top / "pyproject.toml", machine.top / "packaging" / "constraints.txt"]
    total = hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()
    has_broker = shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()
    extra = "fmi" if has_broker else "fmi,demo-broker"
    (machine.top / ".venv" / ".armillary-demo").write_text(f"demo {extra} {total}", "utf-8")
    again = machine.setup("demo")
    assert again.returncode == 0, again.stderr
    assert again.stderr == ""
