from __future__ import annotations

import json
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner

from armillary.cli.audit import audit
from armillary.cli.user import user
from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.project import folder as projects
from armillary.security import accounts
from armillary.security.audit import Act, Audit

WORDS = "kettle bridge onion"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(accounts, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    accounts._dummy.cache_clear()
    return str(projects.new(tmp_path / "plant", "Plant").folder)


def run(group: object, *words: str, stdin: str = "") -> tuple[int, str]:
    """Run a command; a Fault counts as exit 2, as in the real program."""
    done = CliRunner().invoke(group, words, input=stdin, standalone_mode=False)  # type: ignore[arg-type]
    if isinstance(done.exception, Fault):
        return 2, str(done.exception)
    if done.exception is not None:
        raise done.exception
    return int(done.return_value or 0), done.output


def added(project: str, name: str, role: str) -> tuple[int, str]:
    return run(user, "add", project, name, "--role", role, "--password-file", "-", stdin=WORDS + "\n")


def test_users_are_added_listed_and_switched_off(project: str) -> None:
    status, text = added(project, "anna", "operator")
    assert (status, "first user must be an admin" in text) == (2, True)
    assert added(project, "root", "admin")[0] == 0
    assert added(project, "anna", "operator")[0] == 0
    assert run(user, "disable", project, "anna") == (0, "anna is disabled.\n")
    _, text = run(user, "list", project, "--json")
    assert json.loads(text)["users"] == [
        {"user": "anna", "name": "anna", "role": "operator", "disabled": True},
        {"user": "root", "name": "root", "role": "admin", "disabled": False},
    ]
    assert "argon2" not in text


def test_a_password_is_asked_twice_and_never_shown(project: str) -> None:
    added(project, "root", "admin")
    new = "gravel window teapot"
    status, text = run(user, "passwd", project, "root", stdin=f"{new}\n{new}\n")
    assert status == 0
    assert new not in text


def test_a_weak_password_is_refused(project: str) -> None:
    status, text = run(
        user, "add", project, "root", "--role", "admin", "--password-file", "-", stdin="password1234\n"
    )
    assert (status, "guessed first" in text) == (2, True)
    assert not (Path(project) / "users.toml").exists()


def test_changes_of_accounts_are_audited_in_a_chain_of_their_own(project: str) -> None:
    added(project, "root", "admin")
    run(user, "reset-admin", project, "--name", "root", "--password-file", "-", stdin=WORDS + "\n")
    status, text = run(audit, "verify", project, "--chain", "users", "--json")
    assert (status, json.loads(text)["count"]) == (0, 2)
    _, text = run(audit, "show", project, "--chain", "users", "--json")
    assert [r["action"] for r in json.loads(text)["records"]] == ["user.added", "user.admin_reset"]
    assert WORDS not in text


# ---------------------------------------------------------------- audit


@pytest.fixture
def written(project: str) -> str:
    chain = Audit(Path(project) / ".armillary" / "audit", world_kind="LIVE", now_ns=0)
    for i in range(1, 6):
        act = Act(actor="anna", role="operator", action="command.intent", target=f"t{i}", after=-1.5)
        chain.append(Act(**{f: getattr(act, f) for f in act.__slots__} | {"reason": "=1+1"}), t_ns=i * NS)
    chain.close()
    return project


def test_a_whole_audit_is_good_and_says_its_limits(written: str) -> None:
    status, text = run(audit, "verify", written)
    assert status == 0
    assert "records 1 to 5 (5)" in text
    assert "cannot find: records never written" in text


def test_all_chains_are_verified_and_a_broken_one_of_the_recorder_is_found(written: str) -> None:
    private = Path(written) / ".armillary"
    for name, count in (("audit-recorder", 2), ("areas/south/audit", 3)):
        other = Audit(private / name, world_kind="RECORDER", now_ns=0)
        for i in range(count):
            other.append(Act(actor="anna", role="admin", action="history.erased", target="kari"), t_ns=i * NS)
        other.close()
    status, text = run(audit, "verify", written, "--json")
    told = json.loads(text)
    assert status == 0
    assert {name: one["count"] for name, one in told["chains"].items()} == {
        "live": 5,
        "area south": 3,
        "recorder": 2,
    }
    assert told["count"] == 5
    (path,) = (private / "audit-recorder").glob("audit-*.jsonl")
    path.write_bytes(path.read_bytes().replace(b"kari", b"carl", 1))
    status, text = run(audit, "verify", written)
    assert status == 1
    assert "What the recorder erased:" in text
    assert text.count("The chain holds.") == 2
    assert text.count("THE CHAIN IS BROKEN.") == 1
    status, text = run(audit, "verify", written, "--json")
    assert (status, json.loads(text)["holds"]) == (1, False)
    assert json.loads(text)["findings"][0]["kind"] == "changed"
    assert run(audit, "verify", written, "--chain", "live")[0] == 0


def test_records_cut_off_the_end_are_found_by_a_seal(written: str, tmp_path: Path) -> None:
    _, text = run(audit, "verify", written, "--json")
    held = json.loads(text)
    seal = tmp_path / "seal.json"
    seal.write_text(json.dumps({"seq": held["last"], "head": held["head"]}))
    assert run(audit, "verify", written, "--seal", str(seal))[0] == 0
    assert run(audit, "verify", written, "--anchor", held["head"])[0] == 0
    (path,) = (Path(written) / ".armillary" / "audit").glob("audit-*.jsonl")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    assert run(audit, "verify", written)[0] == 0  # by itself nobody can know
    status, text = run(audit, "verify", written, "--seal", str(seal), "--json")
    assert (status, json.loads(text)["findings"][0]["kind"]) == (1, "truncated")


def test_what_cannot_be_read_is_neither_good_nor_broken(project: str, tmp_path: Path) -> None:
    assert run(audit, "verify", project)[0] == 2
    (tmp_path / "s").write_text("{}")
    assert run(audit, "verify", project, "--seal", str(tmp_path / "s"))[0] == 2
    assert run(audit, "verify", project, "--anchor", "abc")[0] == 2


def test_an_export_holds_no_formula_and_keeps_numbers(written: str, tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    assert run(audit, "export", written, "-o", str(out))[0] == 0
    rows = out.read_text().splitlines()
    assert len(rows) == 6
    assert ",-1.5,'=1+1," in rows[1]
    lines = tmp_path / "a.jsonl"
    run(audit, "export", written, "-o", str(lines))
    assert [json.loads(line)["seq"] for line in lines.read_text().splitlines()] == [1, 2, 3, 4, 5]
