from __future__ import annotations

import asyncio
import logging
import stat
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from armillary.model.account import LoggedIn, Login
from armillary.model.clock import NS
from armillary.model.fault import OrderFault, ProjectFault
from armillary.security import accounts
from armillary.security.accounts import Accounts, Locked, add, delay_s, read, reset_admin, set_disabled

NOW = 1_750_000_000 * NS
WORDS = "kettle bridge onion"
REAL = accounts._HASHER
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash at the least cost: what is tested is not how long it takes."""
    monkeypatch.setattr(accounts, "_HASHER", CHEAP)
    accounts._dummy.cache_clear()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    add(tmp_path, "root", "admin", WORDS, NOW)
    add(tmp_path, "anna", "operator", WORDS, NOW, name='Anna "A" Larsen')
    return tmp_path


def people(project: Path) -> Accounts:
    found = read(project)
    assert found is not None
    return found


def login(who: Accounts, user: str, password: str = WORDS, now: int = 0) -> LoggedIn:
    return asyncio.run(who.login(Login(user=user, password=password), now))


def test_a_project_without_users_has_no_accounts(tmp_path: Path) -> None:
    assert read(tmp_path) is None


def test_the_file_is_for_its_owner_only_and_reads_back(project: Path) -> None:
    path = project / "users.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = {account.user: account for account in accounts.listed(project)}
    assert found["anna"].name == 'Anna "A" Larsen'
    assert found["anna"].role == "operator"
    assert WORDS not in path.read_text()
    assert "$argon2id$" not in repr(found["anna"])


def test_the_cost_is_that_of_rfc_9106() -> None:
    phc = REAL.hash(WORDS)
    assert phc.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_right_password_gives_the_role_and_a_wrong_one_nothing(project: Path) -> None:
    who = login(people(project), "anna")
    assert (who.user, who.role, who.accounts) == ("anna", "operator", True)
    with pytest.raises(OrderFault, match="user name or the password is wrong"):
        login(people(project), "anna", "wrong password here")


def test_nobody_learns_from_the_answer_whether_a_user_exists(project: Path) -> None:
    texts = []
    for user in ("anna", "nobody"):
        with pytest.raises(OrderFault) as caught:
            login(people(project), user, "wrong password here")
        texts.append(caught.value.what)
    assert texts[0] == texts[1]


def test_a_desk_without_a_log_in_may_look_on(project: Path) -> None:
    local = people(project).local()
    assert (local.role, local.accounts) == ("viewer", True)
    assert local.user.startswith("local:")


def test_delays_double_up_to_a_minute_and_nobody_is_locked_out() -> None:
    assert [delay_s(n) for n in range(1, 14)] == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_after_five_failures_the_next_answer_waits_and_the_right_password_still_counts(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    who = people(project)
    for _ in range(5):
        with pytest.raises(OrderFault) as caught:
            login(who, "anna", "wrong password here")
    assert "after 1 s" in caught.value.remedy
    monkeypatch.setattr(accounts.asyncio, "sleep", sleep)
    with pytest.raises(OrderFault, match="after 2 s"):
        login(who, "anna", "wrong password here", now=int(0.25 * NS))
    assert waited == [0.75]
    assert login(who, "anna", now=10 * NS).user == "anna"
    login(who, "anna", now=10 * NS)
    assert waited == [0.75]


def test_two_checks_of_one_name_do_not_run_at_once(project: Path) -> None:
    who = people(project)

    async def both() -> list[object]:
        asked = (who.login(Login(user="anna", password=WORDS), 0) for _ in range(2))
        return await asyncio.gather(*asked, return_exceptions=True)

    first, second = asyncio.run(both())
    assert isinstance(first, LoggedIn)
    assert isinstance(second, OrderFault)


def test_a_disabled_user_is_refused_and_thrown_out_at_once(project: Path) -> None:
    who = people(project)
    anna = login(who, "anna")
    set_disabled(project, "anna", True)
    assert who.now(anna).role == "viewer"
    with pytest.raises(OrderFault, match="switched off"):
        login(who, "anna")


def test_a_changed_role_counts_at_once(project: Path) -> None:
    who = people(project)
    anna = login(who, "anna")
    text = (project / "users.toml").read_text()
    (project / "users.toml").write_text(text.replace('"operator"', '"viewer"'))
    assert who.now(anna).role == "viewer"


def test_a_cheap_hash_is_made_anew_at_a_log_in(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dearer = PasswordHasher(time_cost=2, memory_cost=64, parallelism=1)
    monkeypatch.setattr(accounts, "_HASHER", dearer)
    login(people(project), "anna")
    (anna,) = (a for a in accounts.listed(project) if a.user == "anna")
    assert "t=2" in anna.hash
    assert login(people(project), "anna").user == "anna"


def test_the_first_user_must_be_an_admin_and_the_last_one_stays(tmp_path: Path) -> None:
    with pytest.raises(ProjectFault, match="first user must be an admin"):
        add(tmp_path, "anna", "operator", WORDS, NOW)
    add(tmp_path, "root", "admin", WORDS, NOW)
    with pytest.raises(ProjectFault, match="last admin"):
        set_disabled(tmp_path, "root", True)


def test_a_lost_admin_is_made_anew_and_the_others_stay(project: Path) -> None:
    other = "gravel window teapot"
    reset_admin(project, other, NOW, user="root")
    assert login(people(project), "root", other).role == "admin"
    with pytest.raises(OrderFault):
        login(people(project), "root")
    assert login(people(project), "anna").role == "operator"


@pytest.mark.parametrize(
    ("user", "role", "text"),
    [
        ("Anna", "operator", "cannot be a user name"),
        ("../x", "operator", "cannot be a user name"),
        ("bo", "operater", "Did you mean 'operator'"),
        ("anna", "operator", "already"),
    ],
)
def test_what_cannot_be_added_is_said(project: Path, user: str, role: str, text: str) -> None:
    with pytest.raises(ProjectFault, match=text):
        add(project, user, role, WORDS, NOW)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("disabled", "dissabled", r"users\.toml:\d+.*Did you mean 'disabled'"),
        ("schema = 1", "schema = 2", "schema 2, known is 1"),
        ('role = "operator"', 'role = "boss"', r"role of 'anna'.*users\.toml:\d+"),
        ("$argon2id$", "$argon2i$", "no argon2id hash"),
        ("schema = 1", "schema = 1\nextra = 1", r"users\.toml:2.*Known here"),
        ("[user", "[[user", "cannot be read"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(project: Path, old: str, new: str, text: str) -> None:
    path = project / "users.toml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ProjectFault, match=text):
        read(project)


def test_a_file_that_others_can_read_is_refused(project: Path) -> None:
    (project / "users.toml").chmod(0o640)
    with pytest.raises(ProjectFault, match=r"read by others.*chmod 600"):
        read(project)


def test_accounts_that_cannot_be_read_let_everybody_look_on_and_nobody_in() -> None:
    locked = Locked(ProjectFault("users.toml is broken.", where="users.toml:3", remedy="Correct it."))
    assert locked.local().role == "viewer"
    with pytest.raises(OrderFault, match=r"users\.toml:3"):
        asyncio.run(locked.login(Login(user="anna", password=WORDS), 0))


def test_a_file_that_breaks_while_the_world_runs_lets_nobody_in(project: Path) -> None:
    who = people(project)
    anna = login(who, "anna")
    (project / "users.toml").write_text("schema = ")
    assert who.now(anna).role == "viewer"
    with pytest.raises(OrderFault):
        login(who, "anna")


def test_no_password_is_logged(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    login(people(project), "anna")
    assert WORDS not in caplog.text
    assert WORDS not in repr(Login(user="anna", password=WORDS))


def test_a_grant_to_see_what_tells_of_persons_is_kept_and_counts_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "plant"
    folder.mkdir()
    phc = accounts.hashed("correct horse battery")
    accounts.add_all(folder, [("anna", "Anna", "admin")], phc, 1_767_225_600 * NS)
    held = accounts.read(folder)
    assert held is not None
    who = asyncio.run(held.login(Login(user="anna", password="correct horse battery"), 0))  # noqa: S106
    assert who.sees_until_ns == 0
    until_ns = 1_798_761_600 * NS  # 2027-01-01
    accounts.set_sees(folder, "anna", until_ns)
    assert held.now(who).sees_until_ns == until_ns
    accounts.set_sees(folder, "anna", 0)
    assert held.now(held.now(who)).sees_until_ns == 0
    path = folder / "users.toml"
    path.write_text(path.read_text() + 'see_personal = "soon"\n')
    with pytest.raises(ProjectFault, match="'see_personal' of 'anna' is no time"):
        accounts.listed(folder)
