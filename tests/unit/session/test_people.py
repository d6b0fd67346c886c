from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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


def test_after_a_reconnect_nobody_is_logged_in() -> None:
    desk = Desk()
    desk.login()
    desk.answer(ANNA)
    desk.people.welcome(WELCOME)
    assert desk.people.role == "viewer"


def test_a_world_that_greets_again_while_it_checks_a_password_logs_in() -> None:
    desk = Desk()
    desk.login()
    desk.people.welcome(WELCOME)
    desk.answer(ANNA)
    assert desk.people.is_logged_in


def test_the_switch_asks_the_world_and_tells_what_it_said() -> None:
    desk = Desk()
    desk.people.kill(True, "pipe burst", desk.told.append)
    assert desk.answer(Done()) == Kill(stop=True, reason="pipe burst")
    desk.people.kill(False, "mended", desk.told.append)
    desk.answer(NO)
    assert desk.told == [None, NO]


def with_ticket() -> Desk:
    desk = Desk()
    desk.login()
    desk.answer(replace(ANNA, ticket="signed"))
    return desk


def test_who_logged_in_at_the_plant_is_the_same_in_another_world_without_typing() -> None:
    desk = with_ticket()
    desk.people.visit("local:1000", "", "viewer", True, WorldKind.WHATIF)
    assert not desk.people.is_logged_in, "the world decides, not the desk"
    asked = desk.answer(ANNA)
    assert isinstance(asked, Login)
    assert (asked.user, asked.password, asked.ticket) == ("anna", "", "signed")
    assert desk.people.name == "Anna"
    desk.people.visit("anna", "Anna", "operator", True, WorldKind.LIVE)
    desk.people.visit("anna", "Anna", "operator", True, WorldKind.WHATIF)
    assert not desk.asked, "who is known there already is not asked again"


def test_a_world_that_greets_anew_is_shown_the_ticket_again() -> None:
    desk = with_ticket()
    desk.people.welcome(replace(WELCOME, kind=WorldKind.TRAINING))
    assert isinstance(desk.answer(NO), Login)
    assert not desk.people.is_logged_in


def test_a_ticket_is_never_shown_to_the_plant_and_ends_with_the_log_out() -> None:
    desk = with_ticket()
    left: list[str] = []
    desk.people.left.connect(lambda: left.append("left"))
    desk.people.logout()
    desk.answer(LoggedIn(user="local:1000", name="", role="viewer", accounts=True))
    desk.people.visit("local:1000", "", "viewer", True, WorldKind.WHATIF)
    assert (desk.asked, left) == ([], ["left"])
    desk = with_ticket()
    desk.people.welcome(WELCOME)
    assert not desk.asked
