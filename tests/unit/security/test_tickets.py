from __future__ import annotations

import json
import logging
import os
import shutil
import stat
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from armillary.model.account import LoggedIn, Login
from armillary.model.clock import NS
from armillary.model.fault import OrderFault
from armillary.security import accounts, tickets
from armillary.security.accounts import Accounts, add, read, reset_admin, set_disabled, set_password

NOW = 1_750_000_000 * NS
WORDS = "kettle bridge onion"
HOUR = 3_600 * NS


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "station"
    folder.mkdir()
    add(folder, "root", "admin", WORDS, NOW)
    add(folder, "anna", "operator", WORDS, NOW, name="Anna")
    return folder


def people(project: Path) -> Accounts:
    found = read(project)
    assert found is not None
    return found


def ticket(project: Path, user: str = "anna", now: int = NOW) -> str:
    account = people(project).users[user]
    who = LoggedIn(user=user, name=account.name, role=account.role, accounts=True)
    return people(project).ticket(who, now)


def admit(project: Path, given: str, user: str = "anna", now: int = NOW) -> LoggedIn:
    return people(project).admit(Login(user=user, ticket=given), now)


def test_a_ticket_makes_the_same_person_in_another_world_without_a_password(project: Path) -> None:
    who = admit(project, ticket(project), now=NOW + 11 * HOUR)
    assert (who.user, who.name, who.role, who.ticket) == ("anna", "Anna", "operator", "")


def test_a_ticket_ends_after_a_shift(project: Path) -> None:
    with pytest.raises(OrderFault, match="expired"):
        admit(project, ticket(project), now=NOW + 12 * HOUR)


def test_a_ticket_is_one_persons(project: Path) -> None:
    with pytest.raises(OrderFault, match="does not hold here"):
        admit(project, ticket(project), user="root")


@pytest.mark.parametrize("at", [0, 5, -3])
def test_a_changed_ticket_is_refused(project: Path, at: int) -> None:
    good = ticket(project)
    place = at % len(good)
    bad = good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :]
    with pytest.raises(OrderFault, match="does not hold here"):
        admit(project, bad)


def test_a_forged_role_is_refused(project: Path) -> None:
    text, _, signature = ticket(project).partition(".")
    said = json.loads(tickets._unb64(text))
    forged = tickets._b64(json.dumps({**said, "role": "engineer"}).encode())
    with pytest.raises(OrderFault, match="does not hold here"):
        admit(project, f"{forged}.{signature}")


@pytest.mark.parametrize("junk", ["", ".", "a.b", "ä.ö", "e30.", "." * 9_000, "W10.W10", "[[" * 4_000])
def test_what_is_no_ticket_is_refused_in_words(project: Path, junk: str) -> None:
    ticket(project)
    with pytest.raises(OrderFault, match="does not hold here"):
        admit(project, junk)


def test_a_ticket_does_not_hold_in_another_project_nor_in_a_copy(project: Path, tmp_path: Path) -> None:
    given = ticket(project)
    copy, other = tmp_path / "copy", tmp_path / "other"
    shutil.copytree(project, copy)
    other.mkdir()
    add(other, "root", "admin", WORDS, NOW)
    add(other, "anna", "operator", WORDS, NOW)
    for place in (copy, other):
        with pytest.raises(OrderFault, match="does not hold here"):
            admit(place, given)


def test_a_ticket_ends_with_the_account_the_role_and_the_password(project: Path) -> None:
    given, root = ticket(project), ticket(project, "root")
    set_disabled(project, "anna", True)
    with pytest.raises(OrderFault, match="switched off"):
        admit(project, given)
    set_disabled(project, "anna", False)
    assert admit(project, given).user == "anna"
    set_password(project, "anna", "another kettle bridge")
    with pytest.raises(OrderFault, match="does not hold here"):
        admit(project, given)
    reset_admin(project, "another kettle bridge", NOW, user="anna")
    with pytest.raises(OrderFault, match="does not hold here"):
        admit(project, given)
    assert admit(project, root, user="root").role == "admin"


def test_the_key_is_for_its_owner_only_and_one_that_others_can_read_counts_for_nothing(project: Path) -> None:
    given = ticket(project)
    key = project / ".armillary" / "ticket.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert sorted(p.name for p in key.parent.iterdir()) == ["ticket.key", "users.lock"]
    os.chmod(key, 0o644)
    with pytest.raises(OrderFault, match="does not hold here"):
        admit(project, given)
    assert ticket(project) == ""


def test_two_worlds_share_one_key(project: Path) -> None:
    assert ticket(project) == ticket(project)
    (project / ".armillary" / "ticket.key").unlink()
    with pytest.raises(OrderFault):
        admit(project, "a.b")  # a world that is asked makes no key


def test_a_ticket_is_shown_nowhere(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    given = ticket(project)
    with caplog.at_level(logging.DEBUG):
        admit(project, given)
    assert given not in caplog.text
    assert given not in repr(Login(user="anna", ticket=given))
    assert given not in repr(LoggedIn(user="anna", name="", role="", ticket=given))
    everything = b"".join(p.read_bytes() for p in project.rglob("*") if p.is_file())
    assert given.encode() not in everything
