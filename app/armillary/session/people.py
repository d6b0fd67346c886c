"""Who this desk is in the world it shows, and the switch that stops all commands. Decides nothing itself."""

from __future__ import annotations

from collections.abc import Callable

from armillary.model.account import LoggedIn, Login, Logout, Right, may
from armillary.model.control import Kill
from armillary.model.fault import FaultRecord
from armillary.model.frame import WorldKind
from armillary.model.message import Done, Welcome
from armillary.session.signal import Signal

LOGIN_S = 75.0  # after many wrong tries the world answers only after a minute
KILL_S = 5.0
Ask = Callable[[object, Callable[[object], None], float], None]  # message, callback, timeout in s
Told = Callable[[FaultRecord | None], None]  # None = done


class People:
    """Who is at this desk. A log-in belongs to one connection: after a reconnect nobody is logged in.

    Who logged in to the LIVE world is the same in the worlds beside it, by the ticket that it gave.
    """

    def __init__(self, ask: Ask) -> None:
        self.changed: Signal[()] = Signal()
        self.left: Signal[()] = Signal()  # whoever was logged in at the plant is so no longer
        self.user = ""  # account name, or `local:<uid>`; "" = no world
        self.name = ""  # for people
        self.role = ""
        self.accounts = False  # the project has local accounts, so a log-in is possible
        self.kind = WorldKind.LIVE
        self._ask = ask
        self._ticket, self._ticket_user = "", ""  # from the LIVE world, in this memory only
        self._line = 0  # +1 with each world that is shown: an answer of another says nothing about this one

    @property
    def is_logged_in(self) -> bool:
        """Whether somebody has logged in with a password."""
        return bool(self.user) and not self.user.startswith("local:")

    def may(self, right: Right) -> bool:
        """Return whether the world would let this desk; for greying out, never for deciding."""
        return may(self.role, right, training=self.kind is WorldKind.TRAINING)

    def welcome(self, welcome: Welcome) -> None:
        """Take what a world says as it greets us: on a new connection nobody is logged in.

        On the same line it may greet us while a log-in is on its way, whose answer then counts; a new line
        has failed all that was asked on the old one.
        """
        self.kind = welcome.kind
        is_same = bool(self.user) and welcome.user == self.user  # the world loaded its project anew
        if self.kind is WorldKind.LIVE and welcome.user != self._ticket_user:
            self._forget_ticket()
        self._become(welcome.user, self.name if is_same else "", welcome.role, welcome.accounts)
        self._use_ticket()

    def visit(self, user: str, name: str, role: str, accounts: bool, kind: WorldKind) -> None:
        """Be who this desk is in another world that is shown now; its line has stayed as it was."""
        self._line += 1
        self.kind = kind
        self._become(user, name, role, accounts)
        self._use_ticket()

    def forget(self) -> None:
        """Be nobody: nothing is open any more."""
        self._line += 1
        self._forget_ticket()
        self._become("", "", "", False)

    def login(self, user: str, password: str, callback: Told) -> None:
        """Ask to become a user; the callback gets None, or the Fault that says why not (after its delay)."""
        self._person(Login(user=user, password=password), LOGIN_S, callback)

    def logout(self, callback: Told | None = None) -> None:
        """Be nobody in particular again, in every world; what was armed is taken back by the world."""
        self._forget_ticket()
        self._person(Logout(), KILL_S, callback or _unheard)

    def kill(self, stop: bool, reason: str = "", callback: Told | None = None) -> None:
        """Ask to stop all commands, or to let them go again (with a reason)."""
        told = callback or _unheard

        def answered(answer: object) -> None:
            told(None if isinstance(answer, Done) else _fault(answer))

        self._ask(Kill(stop=stop, reason=reason), answered, KILL_S)

    def _person(self, message: object, limit_s: float, callback: Told) -> None:
        line = self._line

        def answered(answer: object) -> None:
            if isinstance(answer, LoggedIn):
                if line == self._line:
                    if answer.ticket:
                        if self._ticket_user != answer.user:
                            self._forget_ticket()
                        self._ticket, self._ticket_user = answer.ticket, answer.user
                    self._become(answer.user, answer.name, answer.role, answer.accounts)
                callback(None)
            else:
                callback(_fault(answer))

        self._ask(message, answered, limit_s)

    def by_ticket(self) -> Login | None:
        """Return how to be, in another world of the project, who logged in at the plant; None for nobody."""
        return Login(user=self._ticket_user, ticket=self._ticket) if self._ticket else None

    def _use_ticket(self) -> None:
        """Be in this world who logged in at the plant; where that is refused, *Log in* is still there."""
        login = self.by_ticket()
        if self.kind is not WorldKind.LIVE and self.accounts and login is not None and not self.is_logged_in:
            self._person(login, KILL_S, _unheard)

    def _forget_ticket(self) -> None:
        """Forget who logged in at the plant; the other worlds that took the ticket are left too."""
        had, self._ticket, self._ticket_user = bool(self._ticket), "", ""
        if had:
            self.left.emit()

    def _become(self, user: str, name: str, role: str, accounts: bool) -> None:
        before = (self.user, self.name, self.role, self.accounts)
        self.user, self.name, self.role, self.accounts = user, name or user, role, accounts
        if (self.user, self.name, self.role, self.accounts) != before:
            self.changed.emit()


def _unheard(fault: FaultRecord | None) -> None:
    """Stand in for a callback where nobody waits."""


def _fault(answer: object) -> FaultRecord:
    if isinstance(answer, FaultRecord):
        return answer
    return FaultRecord(
        kind="WorldFault",
        what="The world answered something else.",
        where=type(answer).__name__,
        remedy="See its log file.",
    )
