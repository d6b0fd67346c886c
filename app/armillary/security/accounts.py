"""Local accounts: users.toml read and written, passwords checked, failures slowed down.

Passwords are argon2id hashes; no password and no hash is ever logged, audited or part of a message.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from armillary.model.account import ROLES, LoggedIn, Login
from armillary.model.clock import NS, iso
from armillary.model.fault import OrderFault, ProjectFault
from armillary.security import tickets
from armillary.security.passwords import check_password
from armillary.security.users_file import USERS_FILE, Account, load, locked, nearest, save, stamp_of

NAME = re.compile(r"[a-z][a-z0-9_.-]{0,31}")
FREE_FAILURES = 5  # so many typing errors cost no time
LONGEST_DELAY_S = 60
NAMES_KEPT = 1_000  # whose failures are remembered
_PASSWORD_LIMIT = 1_024  # characters: hashing a book would hold up everybody else
# RFC 9106, second recommended option (operations 5.2); 130 ms on the reference machine
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)


@dataclass(slots=True)
class _Failures:
    count: int = 0
    until_mono_ns: int = 0  # nothing is answered before
    waits: bool = False  # somebody is being checked under this name now


class Accounts:
    """Who may log in to a project's worlds (`world.serving.People`). One event loop."""

    def __init__(self, folder: Path, users: Mapping[str, Account], stamp: tuple[int, int]) -> None:
        self.users = dict(users)
        self._folder, self._stamp = folder, stamp
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def local(self) -> LoggedIn:
        """Return who a desk on the local socket is before it logs in: somebody who may look on."""
        return LoggedIn(
            user=f"local:{os.getuid()}", name="somebody who is not logged in", role="viewer", accounts=True
        )

    def now(self, who: LoggedIn) -> LoggedIn:
        """Return what somebody who logged in is by now: a changed role counts at once, so does `disabled`."""
        if who.user.startswith("local:"):
            return who
        self._refresh()
        account = self.users.get(who.user)
        if account is None or account.disabled:
            return self.local()
        if (account.role, account.sees_until_ns) == (who.role, who.sees_until_ns):
            return who
        return replace(who, role=account.role, sees_until_ns=account.sees_until_ns)

    async def login(self, login: Login, now_mono_ns: int) -> LoggedIn:
        """Return who somebody is, by a password. Raises OrderFault, later each time it was wrong.

        The check runs in a thread: 130 ms of hashing must not hold up the world.
        """
        self._refresh()
        known = self._failures.setdefault(login.user[:64], _Failures())
        self._failures.move_to_end(login.user[:64])
        while len(self._failures) > NAMES_KEPT:
            self._failures.popitem(last=False)
        if known.waits:
            raise OrderFault(
                "A log-in under this name is being checked.", where=login.user[:64], remedy="Wait for it."
            )
        known.waits = True
        try:
            wait_s = (known.until_mono_ns - now_mono_ns) / NS
            if wait_s > 0:
                await asyncio.sleep(min(wait_s, LONGEST_DELAY_S))
            account = self.users.get(login.user)
            is_right = await asyncio.to_thread(_is_right, account, login.password)
        finally:
            known.waits = False
        if account is None or not is_right:
            raise self._failed(known, login.user[:64], now_mono_ns + max(0, int(wait_s * NS)))
        known.count, known.until_mono_ns = 0, 0
        if account.disabled:
            raise OrderFault(
                "This account is switched off.", where=account.user, remedy="Ask an administrator."
            )
        if _HASHER.check_needs_rehash(account.hash):
            await asyncio.to_thread(self._rehash, account, login.password)
        return _logged_in(account)

    def ticket(self, who: LoggedIn, now_ns: int) -> str:
        """Return a ticket for somebody who has just logged in by a password, "" where none can be given."""
        account = self.users.get(who.user)
        if account is None:
            return ""
        return tickets.issue(self._private, account.user, account.role, account.hash, now_ns)

    def admit(self, login: Login, now_ns: int) -> LoggedIn:
        """Return who somebody is, by a ticket of the LIVE world. Raises OrderFault."""
        self._refresh()
        account = self.users.get(login.user)
        role, phc = (account.role, account.hash) if account is not None else ("", "")
        tickets.check(self._private, login.ticket, login.user, role, phc, now_ns)
        if account is None or account.disabled:
            raise OrderFault(
                "This account is switched off.", where=login.user[:64], remedy="Ask an administrator."
            )
        return _logged_in(account)

    @property
    def _private(self) -> Path:
        return self._folder / ".armillary"

    def _failed(self, known: _Failures, user: str, now_mono_ns: int) -> OrderFault:
        known.count += 1
        delay = delay_s(known.count)
        known.until_mono_ns = now_mono_ns + delay * NS
        again = f"Try again; the next answer comes after {delay} s." if delay else "Try again."
        return OrderFault("The user name or the password is wrong.", where=user, remedy=again)

    def _rehash(self, account: Account, password: str) -> None:
        """Write a hash of today's cost; a folder that cannot be written keeps the old one."""
        try:
            self.users = _change(self._folder, account.user, hash=_HASHER.hash(password))
        except (ProjectFault, OSError):
            return
        self._stamp = stamp_of(self._folder)

    def _refresh(self) -> None:
        """Read the file again when it changed; one that cannot be read (any more) lets nobody in."""
        stamp = stamp_of(self._folder)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.users = load(self._folder)
        except ProjectFault:
            self.users = {}


class Locked:
    """Stands in for accounts that cannot be read: everybody looks on, nobody logs in."""

    def __init__(self, fault: ProjectFault) -> None:
        self._fault = fault

    def local(self) -> LoggedIn:
        """Return somebody who may look on."""
        return LoggedIn(
            user=f"local:{os.getuid()}", name="somebody who is not logged in", role="viewer", accounts=True
        )

    def now(self, who: LoggedIn) -> LoggedIn:
        """Return the same."""
        return self.local()

    async def login(self, login: Login, now_mono_ns: int) -> LoggedIn:
        """Refuse with what is wrong with the file."""
        raise OrderFault(self._fault.what, where=self._fault.where, remedy=self._fault.remedy)

    def ticket(self, who: LoggedIn, now_ns: int) -> str:
        """Return no ticket."""
        return ""

    def admit(self, login: Login, now_ns: int) -> LoggedIn:
        """Refuse with what is wrong with the file."""
        raise OrderFault(self._fault.what, where=self._fault.where, remedy=self._fault.remedy)


def delay_s(failures: int) -> int:
    """Return how long the next answer waits after so many failures in a row: 0, then 1, 2, 4 … 60 s."""
    over = failures - FREE_FAILURES
    return 0 if over < 0 else min(LONGEST_DELAY_S, 2 ** min(over, 6))


def read(folder: Path) -> Accounts | None:
    """Return a project's accounts, None when it has no users.toml. Raises ProjectFault."""
    if not (folder / USERS_FILE).exists():
        return None
    stamp = stamp_of(folder)
    return Accounts(folder, load(folder), stamp)


def listed(folder: Path) -> tuple[Account, ...]:
    """Return the users of a project by name, none without a users.toml. Raises ProjectFault."""
    users = load(folder) if (folder / USERS_FILE).exists() else {}
    return tuple(users[name] for name in sorted(users))


def hashed(password: str) -> str:
    """Return a password's PHC string; takes 130 ms and 64 MiB."""
    return _HASHER.hash(password)


def add(
    folder: Path, user: str, role: str, password: str, now_ns: int, name: str = "", phc: str = ""
) -> Account:
    """Add a user and return the account. Raises ProjectFault; the first user of a project is an admin.

    phc: the password's hash where the caller has it already.
    """
    where = f"{folder / USERS_FILE}: {user}"
    if not NAME.fullmatch(user):
        raise ProjectFault(
            f"'{user}' cannot be a user name.",
            where=where,
            remedy="Use small letters, digits, '.', '_' and '-', a letter first, at most 32.",
        )
    if role not in ROLES:
        raise ProjectFault(f"There is no role '{role}'.", where=where, remedy=nearest(role, ROLES))
    check_password(password, user, folder.name)
    with locked(folder):
        users = load(folder) if (folder / USERS_FILE).exists() else {}
        if user in users:
            raise ProjectFault(
                f"There is a user '{user}' already.", where=where, remedy="Change the password with passwd."
            )
        if role != "admin" and not _has_admin(users):
            raise ProjectFault(
                "The first user must be an admin.", where=where, remedy="Add one with --role admin first."
            )
        account = Account(
            user=user, name=name or user, role=role, hash=phc or hashed(password), created=iso(now_ns)
        )
        save(folder, {**users, user: account})
    return account


def add_all(folder: Path, people: Sequence[tuple[str, str, str]], phc: str, now_ns: int) -> None:
    """Make the users (user, name, role) of a demonstration, all with one hash. Raises ProjectFault."""
    with locked(folder):
        made = {
            user: Account(user=user, name=name, role=role, hash=phc, created=iso(now_ns))
            for user, name, role in people
        }
        save(folder, made)


def set_password(folder: Path, user: str, password: str) -> Account:
    """Give a user another password and return the account. Raises ProjectFault."""
    check_password(password, user, folder.name)
    return _change(folder, user, hash=hashed(password))[user]


def set_sees(folder: Path, user: str, until_ns: int) -> Account:
    """Let a user see what tells of persons up to a time, 0 = not any more. Raises ProjectFault."""
    return _change(folder, user, sees_until_ns=until_ns)[user]


def _logged_in(account: Account) -> LoggedIn:
    return LoggedIn(
        user=account.user,
        name=account.name,
        role=account.role,
        accounts=True,
        sees_until_ns=account.sees_until_ns,
    )


def set_disabled(folder: Path, user: str, disabled: bool) -> Account:
    """Switch a user off or on. Raises ProjectFault; the last admin who can log in stays."""
    return _change(folder, user, disabled=disabled)[user]


def reset_admin(folder: Path, password: str, now_ns: int, user: str = "admin") -> Account:
    """Make `user` an admin who can log in with this password, whoever it was. Raises ProjectFault.

    Whoever may write the folder may do this: the file system is the only proof that is left.
    """
    check_password(password, user, folder.name)
    with locked(folder):
        users = load(folder) if (folder / USERS_FILE).exists() else {}
        before = users.get(user) or Account(user=user, name=user, role="admin", hash="", created=iso(now_ns))
        account = replace(before, role="admin", disabled=False, hash=hashed(password))
        save(folder, {**users, user: account})
    return account


def _is_right(account: Account | None, password: str) -> bool:
    """Compare a password; somebody unknown takes as long as somebody known."""
    try:
        return bool(_HASHER.verify(account.hash if account else _dummy(), password[:_PASSWORD_LIMIT]))
    except (Argon2Error, InvalidHashError):
        return False


@cache
def _dummy() -> str:
    return _HASHER.hash(os.urandom(16).hex())


def _has_admin(users: Mapping[str, Account]) -> bool:
    return any(account.role == "admin" and not account.disabled for account in users.values())


def _change(folder: Path, user: str, **changes: Any) -> dict[str, Account]:  # Any: fields of Account
    with locked(folder):
        users = load(folder) if (folder / USERS_FILE).exists() else {}
        if user not in users:
            raise ProjectFault(
                f"There is no user '{user}'.",
                where=str(folder / USERS_FILE),
                remedy=nearest(user, tuple(users)),
            )
        users[user] = replace(users[user], **changes)
        if not _has_admin(users):
            raise ProjectFault(
                "This is the last admin who can log in.",
                where=str(folder / USERS_FILE),
                remedy="Add another admin first.",
            )
        save(folder, users)
    return users
