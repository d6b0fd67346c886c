"""Signing what a loop may do by itself: who may, until when, and what voids it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from armillary.cli.policy import VALID_NS, add, sign_stops
from armillary.model.clock import NS
from armillary.model.fault import Fault, ProjectFault
from armillary.model.loop import LoopSpec, may_act, terms
from armillary.model.places import data
from armillary.project import folder as projects
from armillary.project import loops
from armillary.security import policies

NOW = 1_800_000_000 * NS
LOOP = "halt_line_2"


@pytest.fixture
def line(tmp_path: Path) -> Path:
    folder = tmp_path / "line"
    shutil.copytree(data("scenes/packaging-line"), folder, ignore=shutil.ignore_patterns(".armillary"))
    return folder


def signed(folder: Path) -> tuple[LoopSpec, tuple[str, ...]]:
    """Return the loop as its file has it, and whose signatures hold."""
    project = projects.read(folder)
    specs = {spec.name: spec for spec in project.specs}
    (spec,) = loops.read(folder, specs, [a.id for a in project.alarms], project.templates)
    template = next(t for t in project.templates if t.id == spec.stop)
    return spec, policies.signers(project.private, terms(spec, template), spec.policy.signatures)


def test_the_line_is_shipped_unsigned_so_a_person_halts_it(line: Path) -> None:
    spec, names = signed(line)
    assert names == ()
    assert "not signed by two" in may_act(spec, NOW)


def test_an_engineer_and_a_second_person_sign_for_ninety_days(line: Path) -> None:
    assert add(projects.read(line), LOOP, (("ravi", "engineer"),), NOW)[0] == ("ravi",)
    names, until_ns = add(projects.read(line), LOOP, (("bo", "operator"),), NOW + 3600 * NS)
    assert names == ("ravi", "bo")
    assert until_ns == NOW + VALID_NS, "the second person agrees to the same terms"
    spec, names = signed(line)
    assert (names, spec.policy.expires_ns) == (("ravi", "bo"), until_ns)
    assert "# Closed loops." in (line / "loops.toml").read_text("utf-8"), "comments stay"


def test_a_demonstration_signs_its_own_stops_and_nothing_else(line: Path) -> None:
    assert sign_stops(line, (("ravi", "engineer"), ("anna", "operator")), NOW) == (LOOP,)
    assert signed(line)[1] == ("ravi", "anna")
    assert sign_stops(data("scenes/pumping-station"), (), NOW) == ()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("loops.toml", "max_per_hour = 1", "max_per_hour = 5"),
        ("loops.toml", "within_s = 8", "within_s = 80"),
        ("commands.toml", "s=C-201.Halt", "s=C-201.Start"),
        ("commands.toml", '"C-201.state > 0", ', ""),
    ],
)
def test_a_change_of_what_was_signed_voids_it(line: Path, file: str, old: str, new: str) -> None:
    sign_stops(line, (("ravi", "engineer"), ("anna", "operator")), NOW)
    path = line / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    assert signed(line)[1] == ()


def test_who_may_not_sign_does_not(line: Path) -> None:
    with pytest.raises(ProjectFault, match=r"anna \(operator\) may not sign"):
        add(projects.read(line), LOOP, (("anna", "operator"),), NOW)
    with pytest.raises(ProjectFault, match=r"ines \(instructor\) may not sign"):
        add(projects.read(line), LOOP, (("ravi", "engineer"), ("ines", "instructor")), NOW)
    with pytest.raises(Fault, match="no protective stop 'halt_line_3'"):
        add(projects.read(line), "halt_line_3", (("ravi", "engineer"),), NOW)


def test_an_expired_policy_is_signed_anew_by_both(line: Path) -> None:
    sign_stops(line, (("ravi", "engineer"), ("anna", "operator")), NOW)
    names, until_ns = add(projects.read(line), LOOP, (("ravi", "engineer"),), NOW + 2 * VALID_NS)
    assert (names, until_ns) == (("ravi",), NOW + 3 * VALID_NS)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('stop = "halt_c201"', 'stop = "halt_c202"', "Did you mean 'halt_c201'"),
        ('stop = "halt_c201"', 'stop = "start_c201"', "no protective stop 'start_c201'"),
        ("valid_s = 60", 'valid_s = 60\nscenario = "x"', "says nothing of a protective stop"),
        ('stop = "halt_c201"\n', "", "'scenario' is missing"),
    ],
)
def test_a_mistake_in_a_stop_is_named(line: Path, old: str, new: str, text: str) -> None:
    path = line / "loops.toml"
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(ProjectFault, match=text):
        signed(line)
