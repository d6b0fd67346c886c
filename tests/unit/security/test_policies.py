"""Signatures under policies: they hold for their terms, their person and their project only."""

from __future__ import annotations

from pathlib import Path

import pytest

from armillary.model.fault import ProjectFault
from armillary.security.policies import KEY_FILE, sign, signers

TERMS: dict[str, object] = {"loop": "halt", "max_per_hour": 1, "expires_ns": 5}


def test_signatures_hold_for_the_terms_that_were_signed(tmp_path: Path) -> None:
    both = [sign(tmp_path, TERMS, user) for user in ("ravi", "anna")]
    assert signers(tmp_path, TERMS, both) == ("ravi", "anna")
    assert signers(tmp_path, dict(reversed(TERMS.items())), both) == ("ravi", "anna"), "order says nothing"
    assert signers(tmp_path, {**TERMS, "max_per_hour": 2}, both) == ()
    assert signers(tmp_path, TERMS, [both[0], both[0]]) == ("ravi",), "one person is one"


@pytest.mark.parametrize(
    "forged", ["anna:{proof}", "ravi", ":", "", "anna:", "ravi:" + "0" * 64, "x" * 10_000]
)
def test_what_is_forged_is_nobodys(tmp_path: Path, forged: str) -> None:
    proof = sign(tmp_path, TERMS, "ravi").partition(":")[2]
    assert signers(tmp_path, TERMS, [forged.format(proof=proof)]) == ()


def test_signatures_do_not_go_with_a_copy_of_the_project(tmp_path: Path) -> None:
    mine = sign(tmp_path / "a", TERMS, "ravi")
    assert signers(tmp_path / "b", TERMS, [mine]) == (), "it has no key"
    sign(tmp_path / "b", TERMS, "bo")
    assert signers(tmp_path / "b", TERMS, [mine]) == ()


def test_a_key_that_others_can_read_is_none(tmp_path: Path) -> None:
    mine = sign(tmp_path, TERMS, "ravi")
    key = tmp_path / KEY_FILE
    assert key.stat().st_mode & 0o077 == 0
    key.chmod(0o644)
    assert signers(tmp_path, TERMS, [mine]) == ()
    with pytest.raises(ProjectFault, match="is no key"):
        sign(tmp_path, TERMS, "anna")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProjectFault, match="cannot be kept"):
        sign(tmp_path / "file", TERMS, "ravi")
