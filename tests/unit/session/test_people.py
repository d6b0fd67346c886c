from __future__ import annotations

from collections.abc import Callable

from armillary.model.account import LoggedIn, Login, Logout, Right
from armillary.model.control import Kill
from armillary.model.fault import FaultRecord
from armillary.model.frame import WorldKind, empty_frame
from armillary.model.message import Done, Welcome
from armillary.session.people import People

WELCOME = Welcome(
    world="w",
    kind=WorldKind.LIVE,
    run=empty_frame("w", WorldKind.LIVE).run,
    project="/p",
    name="P",
    role="viewer",
    specs=(),
    twins=(),
    relationships=(),
    frame=empty_frame("w", WorldKind.LIVE),
    user="local:1000",
    accounts=True,
)
NO = FaultRecord(kind="OrderFault", what="The password is wrong.", where="anna", remedy="Try again.")


class Desk:
    def __init__(self) -> None:
        self.asked: list[tuple[object, Callable[[object], None]]] = []
        self.told: list[FaultRecord | None] = []
        self.people = People(lambda message, callback, limit_s: self.asked.append((message, callback)))
        self.people.welcome(WELCOME)

    def answer(self, answer: object) -> object:
        message, callback = self.asked.pop(0)
        callback(answer)
        return message

    def login(self) -> None:
        self.people.login("anna", "kettle bridge onion", self.told.append)


ANNA = LoggedIn(user="anna", name="Anna", role="operator", accounts=True)


def test_a_log_in_gives_name_and_role_and_a_log_out_takes_them() -> None:
    desk = Desk()
    desk.login()
    assert isinstance(desk.answer(ANNA), Login)
    assert (desk.people.is_logged_in, desk.people.name, desk.told) == (True, "Anna", [None])
    assert desk.people.may(Right.COMMAND)
    desk.people.logout()
    assert isinstance(desk.answer(LoggedIn(user="local:1000", name="", role="viewer")), Logout)
    assert not desk.people.is_logged_in
    assert not desk.people.may(Right.COMMAND)


def test_a_refused_log_in_changes_nothing_and_says_why() -> None:
    desk = Desk()
    desk.login()
    desk.answer(NO)
    assert (desk.people.role, desk.told) == ("viewer", [NO])


def test_after_a_reconnect_nobody_is_logged_in_and_a_late_answer_does_not_count() -> None:
    desk = Desk()
    desk.login()
    desk.people.welcome(WELCOME)
    desk.answer(ANNA)
    assert not desk.people.is_logged_in
    desk.login()
    desk.answer(ANNA)
    desk.people.welcome(WELCOME)
    assert desk.people.role == "viewer"


def test_the_switch_asks_the_world_and_tells_what_it_said() -> None:
    desk = Desk()
    desk.people.kill(True, "pipe burst", desk.told.append)
    assert desk.answer(Done()) == Kill(stop=True, reason="pipe burst")
    desk.people.kill(False, "mended", desk.told.append)
    desk.answer(NO)
    assert desk.told == [None, NO]
