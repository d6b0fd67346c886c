"""People: who they are, what their role may do. Decided in the world, never claimed by a desk."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ROLES = ("viewer", "operator", "engineer", "instructor", "admin")


class Right(StrEnum):
    """What a role may do (operations: roles and permissions)."""

    VIEW = "view"
    ACKNOWLEDGE = "acknowledge"
    COMMAND = "command"  # templates and setpoints at level *operate*
    COMMAND_ENGINEER = "command.engineer"
    SUBSTITUTE = "substitute"  # a value by hand in place of the plant's
    APPROVE = "approve"  # a proposal of a loop
    KILL = "kill"  # stop all commands
    RELEASE = "release"  # …and let them go again
    FORK = "fork"
    AUTHOR = "author"
    TRAIN = "train"  # run as trainee
    INSTRUCT = "instruct"
    AUDIT = "audit"
    USERS = "users"
    TRUST = "trust"  # say whom links may speak to; an engineer only proposes


_EVERYONE = {Right.VIEW, Right.KILL}
RIGHTS: dict[str, frozenset[Right]] = {
    "viewer": frozenset(_EVERYONE),
    "operator": frozenset(
        {
            *_EVERYONE,
            Right.ACKNOWLEDGE,
            Right.COMMAND,
            Right.SUBSTITUTE,
            Right.APPROVE,
            Right.FORK,
            Right.TRAIN,
        }
    ),
    "engineer": frozenset(
        {
            *_EVERYONE,
            Right.ACKNOWLEDGE,
            Right.COMMAND,
            Right.COMMAND_ENGINEER,
            Right.SUBSTITUTE,
            Right.APPROVE,
            Right.RELEASE,
            Right.FORK,
            Right.AUTHOR,
            Right.TRAIN,
            Right.AUDIT,
        }
    ),
    "instructor": frozenset({*_EVERYONE, Right.FORK, Right.TRAIN, Right.INSTRUCT}),
    # never commands the plant
    "admin": frozenset({*_EVERYONE, Right.RELEASE, Right.AUDIT, Right.USERS, Right.TRUST}),
}
# In TRAINING an instructor may also do what an operator may: the plant there is simulated.
TRAINING_EXTRA = frozenset({Right.ACKNOWLEDGE, Right.COMMAND})


def may(role: str, right: Right, *, training: bool = False) -> bool:
    """Return whether a role has a right; `training` = in a TRAINING world."""
    if training and role == "instructor" and right in TRAINING_EXTRA:
        return True
    return right in RIGHTS.get(role, frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Become somebody on this line; answered by LoggedIn or a Fault.

    By a password, or in a world that is not LIVE by the ticket that the LIVE world of the same project gave.
    """

    user: str
    password: str = ""
    ticket: str = ""

    def __repr__(self) -> str:
        return f"Login(user={self.user!r}, password=…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logout:
    """Be nobody in particular again: what a desk on the local socket is without a log-in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """Who this line is now."""

    user: str  # account name, or `local:<uid>`
    name: str  # for people
    role: str
    accounts: bool = False  # the project has local accounts
    ticket: str = ""  # for the project's other worlds; held in memory only, by the desk that logged in
    sees_until_ns: int = 0  # what tells of persons is shown up to here; 0 = not

    def __repr__(self) -> str:
        return f"LoggedIn(user={self.user!r}, role={self.role!r})"
