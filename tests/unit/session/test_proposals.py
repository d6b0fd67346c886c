from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from armillary.model.clock import NS
from armillary.model.control import Approve, LoopState, Measure, Proposal, RunCard
from armillary.model.fault import FaultRecord
from armillary.model.frame import WorldKind, empty_frame
from armillary.model.message import Done
from armillary.model.tags import TagSpec
from armillary.session.proposals import LINGER_NS, Proposals, measure_text

T = 1_750_000_000 * NS
RUNS = (
    RunCard(id="baseline", title="Do nothing", state="done", rank=3, violations=("T-102.level > 95 %",)),
    RunCard(
        id="lower",
        title="Lower it",
        state="done",
        rank=1,
        measures=(Measure(name="energy", value=12.1, unit="kWh", low=11.8, high=12.6),),
    ),
    RunCard(id="stop-a", title="Stop P-101A", state="failed", detail="It diverged."),
)
OFFER = Proposal(
    id="p1",
    loop="spare",
    state="offered",
    t_ns=T,
    title="Lower the setpoint to 60 %",
    reason="12 % less cost than doing nothing.",
    tag="LIC-102.sp",
    value=60.0,
    old=70.0,
    unit="%",
    expires_ns=T + 60 * NS,
    variant="lower",
    runs=RUNS,
)
LOOP = LoopState(id="spare", title="T-102 is about to overflow", level="approve", wanted="approve")
NO = FaultRecord(kind="OrderFault", what="No.", where="w", remedy="Wait.")


class Desk:
    def __init__(self, role: str = "operator") -> None:
        self.role, self.live = role, True
        self.asked: list[tuple[object, Callable[[object], None]]] = []
        self.told: list[FaultRecord | None] = []
        self.book = Proposals(
            lambda message, callback, _limit: self.asked.append((message, callback)),
            lambda: self.role,
            lambda: self.live,
            lambda: (TagSpec(slot=0, name="P-101A.run", kind="bool", states=((0.0, "off"), (1.0, "on"))),),
        )

    def take(self, *proposals: Proposal, t_ns: int = T, loops: tuple[LoopState, ...] = (LOOP,)) -> None:
        frame = empty_frame("w", WorldKind.LIVE)
        self.book.take(replace(frame, t_ns=t_ns, proposals=proposals, loops=loops))

    def ids(self, now_ns: int = T) -> list[str]:
        return [p.id for p in self.book.shown(now_ns)]


def test_an_offer_says_what_why_and_on_what_evidence() -> None:
    desk = Desk()
    desk.take(OFFER)
    card = desk.book.card(desk.book.shown(T)[0], T + 18 * NS)
    assert card.headline == "T-102 is about to overflow → Lower the setpoint to 60 %"
    assert card.change == "LIC-102.sp: 70 % → 60 %"
    assert card.state == "Offered for another 42 s."
    assert card.heads == ("energy",)
    rows = [(line.title, line.rank, line.measures, line.violations) for line in card.evidence]
    assert rows == [
        ("Lower it", "1", ("12.1 kWh (11.8 … 12.6)",), "none"),
        ("Stop P-101A", "–", ("–",), "It diverged."),
        ("Do nothing", "3", ("–",), "T-102.level > 95 %"),
    ]
    assert [line.is_chosen for line in card.evidence] == [True, False, False]
    assert card.why_not == ""


@pytest.mark.parametrize(
    ("role", "live", "after_s", "why"),
    [
        ("viewer", True, 1, "may not approve"),
        ("admin", True, 1, "may not approve"),
        ("operator", False, 1, "Not connected"),
        ("operator", True, 61, "expired"),
        ("engineer", True, 1, ""),
    ],
)
def test_who_cannot_approve_is_told_why(role: str, live: bool, after_s: int, why: str) -> None:
    desk = Desk(role)
    desk.live = live
    desk.take(OFFER)
    said = desk.book.why_not(OFFER, T + after_s * NS)
    assert (why in said) if why else said == ""


def test_a_switch_is_proposed_by_the_names_of_its_states() -> None:
    desk = Desk()
    stop = replace(OFFER, tag="P-101A.run", unit="", old=1.0, value=0.0)
    assert desk.book.card(stop, T).change == "P-101A.run: on → off"


def test_one_click_is_one_wish_and_a_refusal_of_the_world_is_told() -> None:
    desk = Desk()
    desk.take(OFFER)
    desk.book.decide("p1", True, told=desk.told.append)
    desk.book.decide("p1", True, told=desk.told.append)
    [(wish, answer)] = desk.asked
    assert wish == Approve(id="p1", yes=True)
    assert desk.book.why_not(OFFER, T) == "The world is being asked."
    answer(NO)
    assert desk.told == [NO]
    assert desk.book.why_not(OFFER, T) == ""
    desk.book.decide("p1", False, "not now", desk.told.append)
    assert desk.asked[-1][0] == Approve(id="p1", yes=False, reason="not now")
    desk.asked[-1][1](Done())
    assert desk.told == [NO, None]


def test_a_good_end_lingers_and_goes_a_bad_one_stays_until_it_is_put_away() -> None:
    for state, late in (("verified", []), ("rolled back", ["p1"]), ("failed", ["p1"])):
        desk = Desk()
        desk.take(OFFER)
        desk.take(replace(OFFER, state=state, is_over=True), t_ns=T + NS)
        assert desk.ids(T + 2 * NS) == ["p1"]
        assert desk.ids(T + 2 * NS + LINGER_NS) == late
        desk.book.dismiss("p1")
        assert desk.ids(T + 2 * NS) == []
        desk.book.recall("p1")
        assert desk.ids(T + 99 * LINGER_NS) == ["p1"], "asked for in the list it is shown again"


def test_what_goes_wrong_after_its_card_was_put_away_is_told_all_the_same() -> None:
    desk = Desk()
    desk.take(replace(OFFER, state="sent"))
    desk.book.dismiss("p1")
    assert desk.ids() == []
    desk.take(replace(OFFER, state="rolled back", is_over=True))
    assert desk.ids() == ["p1"]


def test_a_joiner_sees_no_cards_of_yesterday_but_finds_them_in_the_list() -> None:
    desk = Desk()
    desk.take(replace(OFFER, state="refused", is_over=True, detail="Refused by anna."))
    assert desk.ids() == []
    [row] = desk.book.loop_rows()
    assert (row.level, row.state) == ("approve", "watches")
    assert row.last.endswith("Refused. Refused by anna.")


def test_simulating_is_shown_in_the_list_and_needs_no_card() -> None:
    desk = Desk()
    desk.take(replace(OFFER, state="thinking", tag=""))
    assert desk.ids() == []
    assert desk.book.loop_rows()[0].state == "thinking"


def test_while_a_policy_acts_everybody_is_told_who_signed_it() -> None:
    desk = Desk()
    signed = replace(LOOP, level="auto", wanted="auto", signed_by=("ravi", "eva"))
    by_policy = replace(OFFER, policy="spare")
    desk.take(by_policy, loops=(signed,))
    assert desk.book.acting_text() == ""
    desk.take(replace(by_policy, state="sent"), loops=(signed,))
    assert desk.book.acting_text() == (
        "Loop 'T-102 is about to overflow' acts under its policy, signed by ravi and eva: LIC-102.sp → 60 %"
    )
    desk.take(replace(by_policy, state="verified", is_over=True), loops=(signed,))
    assert desk.book.acting_text() == ""


def test_only_an_engineer_lets_a_loop_act_again_and_only_one_that_stood_down() -> None:
    desk = Desk("engineer")
    desk.take()
    assert desk.book.why_no_release("spare") == "It has not stood down."
    down = replace(LOOP, level="advise", why="it failed twice")
    desk.take(loops=(down,))
    assert desk.book.why_no_release("spare") == ""
    row = desk.book.loop_rows()[0]
    assert (row.level, row.state) == ("advise (wanted: approve)", "watches · It failed twice")
    desk.role = "operator"
    assert "ask an engineer" in desk.book.why_no_release("spare")
    desk.book.release("spare", "pump mended")
    assert desk.asked[-1][0] == Approve(id="loop:spare", reason="pump mended")


def test_frames_without_news_of_loops_change_nothing() -> None:
    desk = Desk()
    desk.take(OFFER)
    rang: list[int] = []
    desk.book.changed.connect(lambda: rang.append(1))
    desk.take()
    desk.take(loops=())
    assert (rang, desk.book.loops) == ([], (LOOP,))


def test_a_measure_without_spread_has_no_interval() -> None:
    assert measure_text(Measure(name="x", value=3.0, unit="m")) == "3 m"
