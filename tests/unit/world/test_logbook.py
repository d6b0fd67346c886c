"""The logbook: what is kept, what is refused, what a restart finds."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from armillary.cli.audit import verify
from armillary.model.account import LoggedIn
from armillary.model.clock import NS, ManualClock, parse_iso
from armillary.model.fault import OrderFault
from armillary.model.logbook import AskNotes, HandOver, TakeOver, WriteNote
from armillary.model.shift import USUAL
from armillary.security import chain
from armillary.world.journal import Journal
from armillary.world.logbook import PATTERN, Logbook

ANNA = LoggedIn(user="anna", name="Anna Berg", role="operator", accounts=True)
BO = LoggedIn(user="bo", name="Bo", role="operator", accounts=True)
START = parse_iso("2026-11-22T13:40:00Z")  # 20 min before the end of the early shift


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def book(folder: Path, clock: ManualClock, *, accounts: bool = True) -> Logbook:
    return Logbook(folder, USUAL, clock, accounts=accounts)


def test_a_note_has_its_author_and_outlives_the_world(tmp_path: Path, clock: ManualClock) -> None:
    first = book(tmp_path, clock)
    wish = WriteNote(text=" belt cleaned \ud800", t_ns=START - 60 * NS, to_ns=START, tag="C-201.speed")
    note = asyncio.run(first.write(wish, ANNA))
    assert (note.author, note.name, note.text, note.written_ns) == (
        "anna",
        "Anna Berg",
        "belt cleaned ?",
        START,
    )
    first.close()
    again = book(tmp_path, clock)
    assert again.notes == [note]
    again.close()


def test_the_logbook_is_a_chain_that_shows_an_edit(tmp_path: Path, clock: ManualClock) -> None:
    one = book(tmp_path, clock)
    for text in ("first", "second"):
        asyncio.run(one.write(WriteNote(text=text), ANNA))
    one.close()
    (file,) = (tmp_path / "logbook").glob(PATTERN)
    assert chain.verify(tmp_path / "logbook", pattern=PATTERN).holds
    file.write_bytes(file.read_bytes().replace(b"first", b"fifth"))
    assert not chain.verify(tmp_path / "logbook", pattern=PATTERN).holds


def test_notes_are_found_by_time_and_words(tmp_path: Path, clock: ManualClock) -> None:
    one = book(tmp_path, clock)
    for minutes, text, alarm in (
        (10, "Damper changed", ""),
        (5, "Belt cleaned", "O210"),
        (0, "all well", ""),
    ):
        asyncio.run(one.write(WriteNote(text=text, t_ns=START - minutes * 60 * NS, alarm=alarm), ANNA))
    assert [n.text for n in one.find(AskNotes(words="anna CLEANED o210")).notes] == ["Belt cleaned"]
    assert [n.text for n in one.find(AskNotes(from_ns=START - 6 * 60 * NS, to_ns=START)).notes] == [
        "Belt cleaned"
    ]
    assert not one.find(AskNotes(kinds=("handover",))).notes
    one.close()


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (WriteNote(text="  "), "empty"),
        (WriteNote(text="x", t_ns=START, to_ns=START - 1), "before it begins"),
        (WriteNote(text="x", corrects="none"), "no note 'none'"),
        (WriteNote(text="x", t_ns=START + 400 * 86_400 * NS), "No note is about"),
    ],
)
def test_a_note_that_says_nothing_is_refused(
    tmp_path: Path, clock: ManualClock, wish: WriteNote, said: str
) -> None:
    one = book(tmp_path, clock)
    with pytest.raises(OrderFault, match=said):
        asyncio.run(one.write(wish, ANNA))
    one.close()


def test_a_shift_is_handed_over_and_taken_by_another_person_once(tmp_path: Path, clock: ManualClock) -> None:
    one = book(tmp_path, clock)
    first = asyncio.run(one.hand_over(HandOver(remarks="zone 2 hot"), ANNA))
    assert first.shift == "early 2026-11-22"
    clock.advance(30 * 60)  # ten minutes into the late shift: it is still the early one that is handed over
    given = asyncio.run(one.hand_over(HandOver(remarks="zone 2 cool again"), ANNA))
    assert given.shift == first.shift
    for wish, who, said in (
        (TakeOver(handover=first.id), BO, "not what the shift was handed over with last"),
        (TakeOver(handover=given.id), ANNA, "does not take it over"),
    ):
        with pytest.raises(OrderFault, match=said):
            asyncio.run(one.take_over(wish, who))
    taken = asyncio.run(one.take_over(TakeOver(handover=given.id), BO))
    assert (taken.answers, taken.shift, taken.author) == (given.id, given.shift, "bo")
    with pytest.raises(OrderFault, match="bo took it over already"):
        asyncio.run(one.take_over(TakeOver(handover=given.id), BO))
    with pytest.raises(OrderFault, match="was taken over already"):
        asyncio.run(one.hand_over(HandOver(remarks="", shift="early"), ANNA))
    assert asyncio.run(one.hand_over(HandOver(remarks=""), BO)).shift == "late 2026-11-22"
    one.close()


def test_two_who_take_over_at_once_are_told_apart(tmp_path: Path, clock: ManualClock) -> None:
    one = book(tmp_path, clock)

    async def both(given: str) -> list[object]:
        wish = TakeOver(handover=given)
        tasks = (one.take_over(wish, BO), one.take_over(wish, LoggedIn(user="eve", name="", role="operator")))
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    given = asyncio.run(one.hand_over(HandOver(remarks=""), ANNA))
    results = asyncio.run(both(given.id))
    assert sum(isinstance(result, OrderFault) for result in results) == 1
    one.close()


def test_without_accounts_one_person_may_do_both(tmp_path: Path, clock: ManualClock) -> None:
    one = book(tmp_path, clock, accounts=False)
    given = asyncio.run(one.hand_over(HandOver(remarks=""), ANNA))
    assert asyncio.run(one.take_over(TakeOver(handover=given.id), ANNA)).kind == "taken"
    one.close()


def test_a_folder_that_cannot_be_written_refuses_notes_and_says_so(
    tmp_path: Path, clock: ManualClock
) -> None:
    (tmp_path / "logbook").write_text("a file in the way", "utf-8")
    one = book(tmp_path, clock)
    assert one.problems
    with pytest.raises(OrderFault, match="cannot be written"):
        asyncio.run(one.write(WriteNote(text="x"), ANNA))
    one.close()


def test_audit_verify_walks_the_logbook_and_the_journal_of_alarms_too(
    tmp_path: Path, clock: ManualClock
) -> None:
    private = tmp_path / "plant" / ".armillary"
    one = book(private, clock)
    for text in ("first", "second"):
        asyncio.run(one.write(WriteNote(text=text), ANNA))
    one.close()
    Journal(private / "journal", "live", START).close()
    run = CliRunner()
    every = run.invoke(verify, [str(tmp_path / "plant"), "--json"], standalone_mode=False)
    assert every.return_value == 0, every.output
    assert set(json.loads(every.output)["chains"]) == {"logbook", "journal"}
    alone = run.invoke(verify, [str(tmp_path / "plant"), "--chain", "logbook", "--json"])
    assert json.loads(alone.output)["count"] == 2
    (file,) = (private / "logbook").glob(PATTERN)
    with file.open("ab") as growing:
        growing.write(b'{"seq": 3')  # a line that is being written
    held = run.invoke(verify, [str(tmp_path / "plant")], standalone_mode=False)
    assert held.return_value == 0
    file.write_bytes(file.read_bytes().replace(b"first", b"fifth"))
    broken = run.invoke(verify, [str(tmp_path / "plant")], standalone_mode=False)
    assert broken.return_value == 1
    assert "The logbook: notes and hand-overs:" in broken.output
    assert "THE CHAIN IS BROKEN." in broken.output
