"""Alarms that a server owns: they are as its newest event says, and only its event changes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from armillary.alarms.remote import (
    ACKNOWLEDGING,
    DOWN,
    GONE,
    NOTHING,
    OVER,
    UNCONFIRMED,
    News,
    RemoteAlarms,
    Wanted,
    process_of,
)
from armillary.model.alarm import ONE_SHOT_NS, AlarmAct, AlarmAction, AlarmState, Presentation, ProcessState
from armillary.model.clock import NS
from armillary.model.condition import Condition, Conditions

NOW = 1_000 * NS
ID = "opcua:plc:Tank1.High"
HIGH = Condition(
    id="nsu=x;s=T1.High",
    event_id=b"1",
    name="High",
    source="Tank1",
    text="level high",
    severity=750,
    priority=2,
    active=True,
    acked=False,
    t_ns=NOW,
    active_ns=NOW,
)


class Server:
    """What it says, one event after the other."""

    def __init__(self) -> None:
        self.remote, self.now = RemoteAlarms(), NOW

    def says(self, *conditions: Condition, is_all: bool = False) -> News:
        self.now += NS
        told = tuple(
            replace(one, t_ns=self.now, event_id=str(self.now).encode()) if one.t_ns == NOW else one
            for one in conditions
        )
        self.remote.hear([Conditions(link="plc", conditions=told, is_all=is_all)], self.now)
        return self.remote.take()


def words(news: News) -> list[str]:
    return [event.event for event in news.events]


@pytest.mark.parametrize(
    ("active", "acked", "latched", "retain", "process"),
    [
        (True, False, False, True, ProcessState.UNACK),
        (True, True, False, True, ProcessState.ACKED),
        (False, False, False, True, ProcessState.RTNUN),
        (False, True, False, True, ProcessState.NORM),
        (False, False, True, True, ProcessState.LUNAK),
        (False, True, True, True, ProcessState.LACKD),
        (True, False, False, False, ProcessState.NORM),  # it is of no interest any more
    ],
)
def test_state_is_what_the_condition_says(
    active: bool, acked: bool, latched: bool, retain: bool, process: ProcessState
) -> None:
    said = replace(HIGH, active=active, acked=acked, latched=latched, retain=retain)
    assert process_of(said) is process


def test_condition_becomes_an_alarm_of_its_own_with_the_servers_times_and_words() -> None:
    news = Server().says(HIGH)
    spec, state = news.specs[ID], news.states[ID]
    assert (spec.title, spec.priority, spec.origin) == ("Tank1 High", 2, "opcua:plc")
    assert (state.process, state.text, state.raised_ns) == (ProcessState.UNACK, "level high", NOW)
    assert words(news) == ["RAISE"]
    assert news.events[0].source_ns == NOW + NS


def test_life_of_a_condition_is_written_as_that_of_an_alarm_of_ours() -> None:
    server = Server()
    heard = [
        server.says(HIGH),
        server.says(replace(HIGH, active=False)),
        server.says(replace(HIGH, active=False, acked=True, comment="seen", actor="anna")),
    ]
    assert [words(news) for news in heard] == [["RAISE"], ["CLEAR"], ["ACK"]]
    assert [news.states[ID].process for news in heard] == [
        ProcessState.UNACK,
        ProcessState.RTNUN,
        ProcessState.NORM,
    ]
    assert (heard[2].events[0].actor, heard[2].events[0].comment) == ("anna", "seen")
    again = server.says(replace(HIGH, active_ns=server.now))
    assert again.states[ID].occurrence != heard[0].states[ID].occurrence
    assert again.specs == {}  # it is known


def test_same_event_again_is_no_news() -> None:
    server = Server()
    server.says(HIGH)
    assert not server.says(HIGH).events


def test_event_that_was_overtaken_changes_nothing() -> None:
    server = Server()
    server.says(HIGH)
    server.says(replace(HIGH, acked=True))
    assert not server.says(replace(HIGH, t_ns=NOW + 1))


def test_what_is_gone_after_an_outage_is_closed_and_what_stands_goes_on() -> None:
    server = Server()
    low = replace(HIGH, id="nsu=x;s=T1.Low", name="Low")
    before = server.says(HIGH, low)
    news = server.says(HIGH, is_all=True)
    assert [(e.id, e.event, e.text) for e in news.events] == [("opcua:plc:Tank1.Low", "CLOSE", GONE)]
    assert news.states["opcua:plc:Tank1.Low"].process is ProcessState.NORM
    assert server.says(HIGH).states == {}
    assert before.states[ID].occurrence == f"{ID}#{NOW:x}"  # of the server's time: the same after our restart


def test_rows_of_a_link_that_is_down_are_unverified_until_it_is_back() -> None:
    server = Server()
    server.says(HIGH)
    server.remote.links({"plc"})
    assert server.remote.take().states[ID].unverified
    server.remote.links({"plc"})
    assert not server.remote.take()
    server.remote.links(())
    assert not server.remote.take().states[ID].unverified


def test_two_conditions_of_one_name_and_branches_are_rows_of_their_own() -> None:
    server = Server()
    news = server.says(HIGH, replace(HIGH, id="nsu=x;s=other"), replace(HIGH, branch="nsu=x;s=b1"))
    assert len(news.specs) == 3
    assert all(id_.startswith(ID) for id_ in news.specs)


def test_severity_that_falls_below_all_cut_points_keeps_its_row_and_a_new_one_makes_none() -> None:
    server = Server()
    assert not server.says(replace(HIGH, priority=0))
    server.says(HIGH)
    assert server.says(replace(HIGH, priority=0, acked=True)).specs[ID].priority == 4


def test_shelf_suppression_and_service_of_the_server_hide_the_row() -> None:
    server = Server()
    news = server.says(replace(HIGH, shelved_ms=60_000.0))
    hiding = news.states[ID].hiding
    assert hiding is not None
    assert (hiding.presentation, hiding.until_ns) == (Presentation.SHELVED, server.now + 60 * NS)
    news = server.says(replace(HIGH, shelved_ms=0.0, suppressed=True))
    hiding = news.states[ID].hiding
    assert hiding is not None
    assert (hiding.presentation, hiding.until_ns) == (Presentation.SUPPRESSED, ONE_SHOT_NS)
    news = server.says(replace(HIGH, out_of_service=True))
    assert news.states[ID].presentation is Presentation.OUT_OF_SERVICE
    assert server.says(HIGH).states[ID].hiding is None


# ---------------------------------------------------------------- acknowledge


def act(action: AlarmAction, comment: str = "", duration_s: float = 0.0) -> AlarmAct:
    return AlarmAct(action=action, occurrences=(), comment=comment, duration_s=duration_s)


def asked(server: Server) -> tuple[AlarmState, Wanted]:
    state = server.says(HIGH).states[ID]
    wanted = server.remote.ask(act("ack", "seen"), state.occurrence, 0)
    assert isinstance(wanted, Wanted)
    return state, wanted


def test_acknowledge_waits_for_the_servers_event_and_changes_no_state_before() -> None:
    server = Server()
    state, wanted = asked(server)
    assert (wanted.link, wanted.ask.condition, wanted.ask.comment) == ("plc", "nsu=x;s=T1.High", "seen")
    assert wanted.ask.event_id == str(server.now).encode()
    waiting = server.remote.take().states[ID]
    assert (waiting.process, waiting.pending) == (state.process, ACKNOWLEDGING)
    done = server.says(replace(HIGH, acked=True)).states[ID]
    assert (done.process, done.pending) == (ProcessState.ACKED, "")
    server.remote.due(60 * NS)
    assert not server.remote.take()


def test_acknowledge_that_is_not_confirmed_says_so_after_5_s_and_the_row_stays() -> None:
    server = Server()
    asked(server)
    server.remote.take()
    server.remote.due(5 * NS - 1)
    assert not server.remote.take()
    server.remote.due(5 * NS)
    row = server.remote.take().states[ID]
    assert (row.process, row.pending) == (ProcessState.UNACK, UNCONFIRMED)


def test_acknowledge_that_the_server_refuses_says_why() -> None:
    server = Server()
    asked(server)
    server.remote.failed(ID, "The server did not acknowledge it: BadEventIdUnknown.")
    assert "BadEventIdUnknown" in server.remote.take().states[ID].pending


def test_acknowledge_of_what_is_over_or_out_of_reach_is_refused() -> None:
    server = Server()
    state = server.says(HIGH).states[ID]
    remote = server.remote
    assert remote.ask(act("ack", ""), "opcua:plc:Nothing#1", 0) == NOTHING
    assert remote.ask(act("ack", ""), f"{ID}#1", 0) == OVER
    remote.links({"plc"})
    assert remote.ask(act("ack", ""), state.occurrence, 0) == DOWN
    server.says(replace(HIGH, acked=True))
    assert remote.ask(act("ack", ""), state.occurrence, 0) == "already acknowledged"


# ---------------------------------------------------------------- confirm, shelve, suppress, reset, …

OFFERS = ("confirm", "shelve", "suppress", "remove", "reset", "respond")
ALL = replace(HIGH, offers=OFFERS)


def test_what_waits_to_be_confirmed_stays_in_the_list_until_it_is() -> None:
    server = Server()
    state = server.says(replace(ALL, confirmed=False)).states[ID]
    assert server.remote.ask(act("confirm"), state.occurrence, 0) == "Acknowledge it first"
    acked = server.says(replace(ALL, active=False, acked=True, confirmed=False))
    row = acked.states[ID]
    assert (row.process, row.unconfirmed, words(acked)) == (ProcessState.RTNUN, True, ["CLEAR", "ACK"])
    refused = server.remote.ask(act("ack"), row.occurrence, 0)
    assert refused == "It is acknowledged: its server wants it confirmed"
    wanted = server.remote.ask(act("confirm", "checked"), row.occurrence, 0)
    assert isinstance(wanted, Wanted)
    assert (wanted.ask.action, wanted.ask.comment) == ("confirm", "checked")
    assert server.remote.take().states[ID].pending == "confirming…"
    over = server.says(replace(ALL, active=False, acked=True, retain=False))
    assert over.states[ID].process is ProcessState.NORM
    assert words(over) == ["CONFIRM"]


@pytest.mark.parametrize(
    ("asks", "pending", "answer"),
    [
        (act("shelve", "known fault", 600.0), "shelving…", {"shelved_ms": 600_000.0}),
        (act("shelve", "known fault"), "shelving…", {"shelved_ms": 0.0}),
        (act("suppress"), "suppressing…", {"suppressed": True}),
        (act("remove", "T-1"), "taking out of service…", {"out_of_service": True}),
        (act("comment", "noted"), "commenting…", {"comment": "noted"}),
    ],
)
def test_what_was_asked_stands_in_the_row_until_the_servers_event_says_so(
    asks: AlarmAct, pending: str, answer: dict[str, object]
) -> None:
    server = Server()
    server.says(ALL)
    by = server.says(ALL).states
    occurrence = by[ID].occurrence if ID in by else f"{ID}#{NOW:x}"
    assert isinstance(server.remote.ask(asks, occurrence, 0), Wanted)
    assert server.remote.take().states[ID].pending == pending
    other = server.says(replace(ALL, text="another thing"))
    assert other.states[ID].pending == pending  # that event does not say so
    assert server.says(replace(ALL, **answer)).states[ID].pending == ""  # type: ignore[arg-type]


def test_what_its_server_does_not_offer_is_not_asked() -> None:
    server = Server()
    occurrence = server.says(HIGH).states[ID].occurrence
    for action in ("confirm", "shelve", "suppress", "remove", "reset", "respond"):
        said = server.remote.ask(act(action), occurrence, 0)
        assert str(said).startswith("Its server offers no "), action
    assert not server.remote.take()


def test_what_is_so_already_is_not_asked_and_a_shelf_is_no_longer_than_its_server_allows() -> None:
    server = Server()
    occurrence = server.says(replace(ALL, max_shelved_ms=3_600_000.0)).states[ID].occurrence
    remote = server.remote
    assert remote.ask(act("unshelve"), ID, 0) == "Already so"
    assert remote.ask(act("place"), ID, 0) == "Already so"
    assert remote.ask(act("reset"), occurrence, 0) == "Not latched"
    assert remote.ask(act("shelve", "x", 7_200.0), ID, 0) == "Longest shelf at its server is 60 min"
    assert remote.ask(act("comment", " "), occurrence, 0) == "Give a comment"


def test_a_question_of_the_server_is_answered_by_one_of_its_answers() -> None:
    server = Server()
    asks = replace(ALL, text="Start anyway?", responses=("Yes", "No"))
    news = server.says(asks)
    assert news.specs[ID].responses == ("Yes", "No")
    assert server.remote.ask(act("respond", "Maybe"), ID, 0) == "Its server takes one of: Yes, No"
    wanted = server.remote.ask(act("respond", "no"), ID, 0)
    assert isinstance(wanted, Wanted)
    assert wanted.ask.answer == 1


def test_reasons_that_hide_are_written_each_in_its_own_word() -> None:
    server = Server()
    server.says(ALL)
    assert words(server.says(replace(ALL, suppressed=True))) == ["SUPPRESS"]
    assert words(server.says(replace(ALL, suppressed=True, shelved_ms=0.0))) == ["SHELVE"]
    assert words(server.says(replace(ALL, out_of_service=True))) == [
        "UNSHELVE", "UNSUPPRESS", "REMOVE-FROM-SERVICE",
    ]  # fmt: skip
    assert words(server.says(ALL)) == ["PLACE-IN-SERVICE"]
