"""Versions by the command line: two persons, what differs in words, an older one again, and git's merges."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from armillary.cli.commands import Commands
from armillary.model.clock import WallClock
from armillary.model.fault import Fault
from armillary.project import starters
from armillary.project.folder import read
from armillary.security import accounts
from armillary.session import publishing

pytestmark = pytest.mark.system
WORDS = {"root": "kettle bridge onion", "ravi": "gravel window teapot", "anna": "cobalt meadow lantern"}
ROLES = {"root": "admin", "ravi": "engineer", "anna": "operator"}
BINDING = """
over "{}" (
    prepend apiSchemas = ["TwinBindingAPI:more"]
)
{{
    uniform token twin:more:channel = "displayColor"
    uniform string twin:more:signal = "T-101.level"
}}
"""


def armillary(*words: str) -> tuple[int, str]:
    """Run a command in this process; a Fault counts as exit 2, as in the real program."""
    done = CliRunner().invoke(Commands(), words, standalone_mode=False)
    if isinstance(done.exception, Fault):
        return 2, str(done.exception)
    if done.exception is not None:
        raise done.exception
    return int(done.return_value or 0), done.output


@pytest.fixture
def folder(own_places: Path, tmp_path: Path) -> Path:
    project = starters.make(tmp_path / "plant", template="pumping-station")
    publishing.begin(project, WallClock(), "as it came")
    return project.folder


def secret(folder: Path, name: str) -> str:
    path = folder.parent / f"{name}.password"
    path.write_text(WORDS[name] + "\n")
    return str(path)


def test_a_version_needs_two_persons_where_the_project_asks_and_an_older_one_comes_back(folder: Path) -> None:
    for name, role in ROLES.items():
        accounts.add(folder, name, role, WORDS[name], WallClock().now_ns())
    head = folder / "project.toml"
    head.write_text(head.read_text() + "\n[publish]\npersons = 2\n")
    layer, rules = folder / "bindings.usda", folder / "rules.toml"
    layer.write_text(layer.read_text() + BINDING.format("Fence"))
    rules.write_text(rules.read_text().replace("priority = 2", "priority = 1", 1))

    one = ("--user", "ravi", "--password-file", secret(folder, "ravi"))
    status, text = armillary("versions", "publish", str(folder), "--yes", *one)
    assert (status, "second person" in text) == (2, True), text
    both = (*one, "--second", "anna", "--second-password-file", secret(folder, "anna"))
    status, text = armillary("versions", "publish", str(folder), "--yes", "--note", "fence", *both)
    assert status == 0, text
    assert "1 binding, 1 setting added; 1 alarm changed" in text
    assert "published by ravi and anna" in text
    assert read(folder).version == "0.2.0"

    status, text = armillary("versions", "publish", str(folder), "--yes", *both)
    assert (status, "Nothing differs" in text) == (2, True)
    assert armillary("versions", "restore", str(folder), "0.1.0", "--yes", *one)[0] == 0
    told = json.loads(armillary("versions", "list", str(folder), "--json")[1])
    assert told["disk"] == "0.1.0"
    assert [v["version"] for v in told["versions"] if v["published"]] == ["0.1.0", "0.2.0"]
    shown = armillary("audit", "show", str(folder), "--chain", "versions")[1]
    for word in ("version.publish", "version.agree", "anna", "version.restore"):
        assert word in shown
    assert armillary("audit", "verify", str(folder))[0] == 0


def test_a_layer_that_cannot_be_read_is_not_published_as_if_it_were_empty(folder: Path) -> None:
    layer = folder / "bindings.usda"
    layer.write_text(layer.read_text() + 'over "Broken" {')
    status, text = armillary("versions", "publish", str(folder), "--yes")
    assert (status, "bindings.usda" in text) == (2, True), text
    assert read(folder).version == "0.1.0"


def git(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    who = ("-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *who, *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_git_merges_what_two_engineers_did_beside_each_other(folder: Path) -> None:
    driver = f"{sys.executable} -m armillary merge %O %A %B --name %P"
    for words in (("init", "-q", "-b", "main"), ("config", "merge.armillary.driver", driver), ("add", "-A")):
        assert git(folder, *words).returncode == 0
    git(folder, "commit", "-qm", "as it came")
    layer, twins, composed = (folder / n for n in ("bindings.usda", "twins.json", "composed.usda"))
    text = layer.read_text()

    def edit(name: str, tag: str) -> None:
        layer.write_text(text + BINDING.format(name))
        held = json.loads(twins.read_text())
        held["twins"][0]["tags"][tag] = {"address": "expr!1 + 1"}
        twins.write_text(json.dumps(held, indent=1) + "\n")
        composed.write_text(f'#usda 1.0\n\nover "Site"\n{{\n    def Xform "{name}"\n    {{\n    }}\n}}\n')
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", name)

    git(folder, "checkout", "-qb", "other")
    edit("FenceEast", "east")
    git(folder, "checkout", "-q", "main")
    edit("FenceWest", "west")
    merge = git(folder, "merge", "-q", "other", "-m", "both")
    assert merge.returncode == 0, merge.stdout + merge.stderr
    found = armillary("versions", "diff", str(folder), "0.1.0", "disk", "--json")[1]
    added = {c["name"] for c in json.loads(found)["changes"] if c["verb"] == "added"}
    first = json.loads(twins.read_text())["twins"][0]["id"]
    assert added == {
        "/Site/FenceEast", "/Site/FenceWest", "/FenceEast#more", "/FenceWest#more",
        f"{first}.east", f"{first}.west",
    }  # fmt: skip
