"""What can be asked of the server that owns an alarm: what its type offers, as the alarm stands."""

from __future__ import annotations

from armillary.model.alarm import AlarmSpec, AlarmState, Hiding, ProcessState
from armillary.session.server_alarm import choices, is_servers

SPEC = AlarmSpec(
    id="opcua:plc:T1.High", slot=-1, tag="", kind="link", offers=("confirm", "suppress", "remove")
)
STATE = AlarmState(id=SPEC.id, process=ProcessState.UNACK, occurrence=f"{SPEC.id}#1")


def test_only_an_alarm_of_a_server_has_such_a_menu() -> None:
    assert is_servers(SPEC)
    assert not is_servers(None)
    assert not is_servers(AlarmSpec(id="HOT", slot=0, tag="T"))


def test_an_operator_comments_and_an_engineer_suppresses_what_the_server_offers() -> None:
    assert [c.text for c in choices(SPEC, STATE, may_author=False)] == ["Add a comment…"]
    assert [c.action for c in choices(SPEC, STATE, may_author=True)] == ["comment", "suppress", "remove"]
    bare = AlarmSpec(id=SPEC.id, slot=-1, tag="", kind="link")
    assert [c.action for c in choices(bare, STATE, may_author=True)] == ["comment"]


def test_what_waits_to_be_confirmed_and_questions_come_first() -> None:
    waits = AlarmState(id=SPEC.id, process=ProcessState.RTNUN, occurrence=STATE.occurrence, unconfirmed=True)
    assert choices(SPEC, waits, may_author=False)[0].action == "confirm"
    asks = AlarmSpec(id=SPEC.id, slot=-1, tag="", kind="link", responses=("Yes", "No"))
    assert [(c.text, c.words) for c in choices(asks, STATE, may_author=False)[:2]] == [
        ("Answer “Yes”", "Yes"), ("Answer “No”", "No"),
    ]  # fmt: skip


def test_what_is_hidden_is_shown_again() -> None:
    hidden = AlarmState(id=SPEC.id, hiding=Hiding(rule="by its server", ticket="by its server"))
    assert [c.action for c in choices(SPEC, hidden, may_author=True)] == ["unsuppress", "place"]
