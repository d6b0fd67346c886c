"""What a shift's report says of the lines that worlds wrote."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from armillary.alarms import shift as shifts
from armillary.alarms.paper_html import html
from armillary.alarms.shift_paper import brief, lasted, paper
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS, iso, parse_iso
from armillary.model.logbook import Note
from armillary.model.shift import USUAL, named

EARLY = named(USUAL, "early 2026-11-22", parse_iso("2026-11-22T12:00:00Z"))
SPECS = (
    AlarmSpec(id="O210", slot=0, tag="TT-212", title="Oven zone 2 hot", priority=1),
    AlarmSpec(id="FT231", slot=1, tag="FT-231", title="Flow chatters", priority=3),
)
Line = Mapping[str, object]


def at(clock: str) -> int:
    return parse_iso(f"2026-11-22T{clock}Z")


def line(clock: str, id_: str, event: str, **more: object) -> Line:
    t = iso(at(clock))
    return {
        "t": t, "t_received": t, "alarm_id": id_, "occurrence": f"{id_}#1", "event": event, "from": "NORM",
        "to": "UNACK", "priority": 1 if id_ == "O210" else 3, "value": 85.4, **more,
    }  # fmt: skip


def state(id_: str, process: str, clock: str = "06:12:00", **more: object) -> Line:
    return {"id": id_, "process": process, "raised_ns": at(clock), **more}


def act(clock: str, action: str, target: str, actor: str = "anna", **more: object) -> Line:
    return {"t": iso(at(clock)), "seq": 1, "action": action, "object": target, "actor": actor, **more}


def report(
    journal: list[Line],
    audit: list[Line] | None = None,
    notes: tuple[Note, ...] = (),
    now: str = "14:00:00",
    titles: dict[str, str] | None = None,
) -> shifts.ShiftReport:
    return shifts.report(EARLY, at(now), [journal], [audit or []], notes, SPECS, titles=titles)


def test_alarms_are_counted_within_the_shift_only() -> None:
    rows = [line(c, "FT231", "RAISE") for c in ("05:59:59", "06:00:00", "13:59:59", "14:00:00")]
    found = report(rows)
    assert sum(found.health.by_priority.values()) == 2
    assert len(found.health.periods) == 48


def test_what_stands_is_known_from_a_checkpoint_of_before() -> None:
    rows: list[Line] = [
        {"t": iso(at("05:00:00")), "event": "CHECKPOINT", "part": 1, "of": 1, "text": "",
         "states": [state("O210", "ACKED", "04:00:00", actor="bo"), state("FT231", "UNACK")]},
        line("07:00:00", "FT231", "CLEAR", state=state("FT231", "NORM")),
    ]  # fmt: skip
    (stand,) = report(rows).standing
    assert (stand.id, stand.process, stand.actor, stand.priority) == ("O210", "ACKED", "bo", 1)


def test_a_shelved_alarm_is_told_with_its_reason_and_the_time_left() -> None:
    shelf = {"until_ns": at("14:52:00"), "shelf_reason": "known fault WO-1187", "shelf_actor": "anna"}
    found = report([line("13:52:00", "FT231", "SHELVE", state=state("FT231", "UNACK", hiding=shelf))])
    assert not found.standing
    assert "Shelved: FT231, known fault WO-1187, by anna, until 14:52, 52 min left." in brief(found)


def test_suppressed_and_out_of_service_say_why() -> None:
    found = report(
        [
            line("08:00:00", "FT231", "SUPPRESS", state=state("FT231", "NORM", hiding={"rule": "line off"})),
            line("08:00:01", "O210", "REMOVE-FROM-SERVICE",
                 state=state("O210", "NORM", hiding={"ticket": "WO-9", "ticket_actor": "eve"})),
        ]
    )  # fmt: skip
    said = " ".join(brief(found))
    assert "Suppressed by design: FT231, line off" in said
    assert "Out of service: O210, WO-9, by eve" in said


def test_an_unverified_command_of_an_earlier_shift_is_still_open() -> None:
    rows = [
        act("05:00:00", "command.intent", "V-1.sp o1", after=1.0),
        act("05:00:09", "command.unverified", "V-1.sp o1", after=0.2, reason="not read back"),
        act("06:00:05", "command.intent", "C-201.speed o2", after=0.0),
        act("06:00:06", "command.verified", "C-201.speed o2", after=0.004),
        act("06:30:00", "command.expired", "C-201.speed", after=3.0, reason="Disarmed: time ran out."),
    ]
    found = report([], rows)
    assert [(d.tag, d.value, d.outcome) for d in found.deeds] == [
        ("C-201.speed", 0.0, "verified"),
        ("C-201.speed", 3.0, "expired"),
    ]
    assert [d.tag for d in found.open_deeds] == ["V-1.sp"]
    assert brief(found)[0] == "UNVERIFIED commands still open: V-1.sp."
    closed = [*rows, act("07:00:00", "command.closed", "V-1.sp o1", "bo", reason="valve is open")]
    assert not report([], closed).open_deeds


def test_a_method_is_told_by_the_title_of_its_command() -> None:
    rows = [
        act("06:00:05", "command.intent", "line-ua!s=C-201.Halt o2", after=1.0),
        act("06:00:06", "command.verified", "line-ua!s=C-201.Halt o2", after=1.0),
    ]
    found = report([], rows, titles={"line-ua!s=C-201.Halt": "Halt line 2"})
    assert [(d.tag, d.outcome) for d in found.deeds] == [("Halt line 2", "verified")]
    assert [h.what for h in found.happened] == ["command Halt line 2: verified"]


def test_gaps_are_those_of_links_and_of_the_world_itself() -> None:
    resumed: Line = {"t": iso(at("09:00:40")), "event": "CHECKPOINT", "part": 1, "of": 1, "states": [],
                     "text": "journal resumed after 40 s; 0 alarms re-evaluated"}  # fmt: skip
    found = report(
        [
            line("06:40:00", "link:pack-spb", "RAISE"),
            line("06:44:00", "link:pack-spb", "CLEAR"),
            resumed,
            line("13:00:00", "link:plc", "RAISE"),
            line("13:30:00", "link:plc:unstable", "RAISE"),
        ]
    )
    assert [(g.link, g.to_ns - g.from_ns if g.to_ns else 0) for g in found.gaps] == [
        ("pack-spb", 240 * NS), ("", 40 * NS), ("plc", 0),
    ]  # fmt: skip
    said = brief(found)
    assert any("link pack-spb 06:40:00 – 06:44:00; the world was away" in words for words in said)


def test_values_by_hand_are_told_while_they_held() -> None:
    rows = [
        act("01:00:00", "value.substitute", "TT-1", after="3 °C until 05:00", reason="old"),
        act("05:00:00", "value.substitute.end", "TT-1", "armillary"),
        act("06:00:01", "value.substitute", "TT-2", after="42 °C until 15:00", reason="probe broken"),
    ]
    (hand,) = report([], rows).by_hand
    assert (hand.tag, hand.actor, hand.reason, hand.to_ns) == ("TT-2", "anna", "probe broken", 0)


def test_a_hand_over_names_who_gave_and_who_took_it() -> None:
    when = at("13:58:00")
    given = Note(
        id="h1", t_ns=when, written_ns=when, author="anna", text="Zone 2 runs hot.", kind="handover",
        shift=EARLY.key,
    )  # fmt: skip
    later = at("14:03:00")
    taken = Note(
        id="t1", t_ns=later, written_ns=later, author="bo", text="", kind="taken", shift=EARLY.key,
        answers="h1",
    )  # fmt: skip
    open_, done = report([], notes=(given,)), report([], notes=(given, taken))
    assert "Nobody has taken it over yet." in html(paper(open_, "Line"))
    words = html(paper(done, "Line"))
    assert "Handed over by anna at 13:58:00." in words
    assert "Zone 2 runs hot." in words
    assert "Read and taken over by bo at 14:03:00." in words


def test_what_happened_tells_urgent_alarms_and_what_people_did_in_order() -> None:
    found = report(
        [
            line("06:10:00", "O210", "RAISE", text="TT-212 is 85.4 °C, above 85 °C in 5 readings"),
            line("06:10:30", "FT231", "RAISE"),
            line("06:12:04", "O210", "ACK", actor="anna", comment="seen"),
        ],
        [act("06:11:00", "person.login", "user anna")],
    )
    assert [(h.what, h.who) for h in found.happened] == [
        ("Oven zone 2 hot: TT-212 is 85.4 °C, above 85 °C in 5 readings", ""),
        ("logged in", "anna"),
        ("Oven zone 2 hot acknowledged (seen)", "anna"),
    ]


def test_a_running_shift_says_how_far_it_is_told() -> None:
    found = report([line("07:00:00", "O210", "RAISE", state=state("O210", "UNACK"))], now="09:30:00")
    assert not found.is_over
    assert len(found.health.periods) == 21
    words = html(paper(found, "Line"))
    assert "as far as 09:30:00" in words
    assert "Standing now" in words


def test_an_empty_shift_is_a_report_too() -> None:
    assert report([]).is_quiet
    assert not report([line("07:00:00", "O210", "RAISE")]).is_quiet
    words = html(paper(report([]), "Line <1>"))
    assert "Line &lt;1&gt;: shift early" in words
    assert words.count("None.") >= 5


@pytest.mark.parametrize(
    ("seconds", "words"), [(42, "42 s"), (3_600, "1 h 00 min"), (7_500, "2 h 05 min"), (-3, "0 s")]
)
def test_a_span_is_told_as_people_say_it(seconds: int, words: str) -> None:
    assert lasted(seconds * NS) == words
