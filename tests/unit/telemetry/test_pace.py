from __future__ import annotations

from armillary.model.clock import NS
from armillary.model.frame import Flow, Tally
from armillary.telemetry.pace import Pace


def tally(received: int, lost: int, coalesced: int = 0) -> Tally:
    done = received - lost
    return Tally(
        messages=Flow(received=received, done=done, dropped={"inbox_full": lost, "undecodable": 0}),
        samples=Flow(received=done, done=done - coalesced, coalesced=coalesced),
    )


def test_the_rate_is_that_of_the_last_five_seconds() -> None:
    pace = Pace()
    for second in range(20):
        pace.note(tally(100 * second, 0), second * NS)
    assert pace.rate_hz(1_900, 19 * NS) == 100.0
    assert pace.rate_hz(2_400, 19 * NS) == 200.0


def test_a_link_that_gives_messages_up_says_how_many_until_five_seconds_after() -> None:
    pace = Pace()
    pace.note(tally(0, 0), 0)
    assert pace.flooded() == ""
    pace.note(tally(122_000, 366, 25_545), 2 * NS)
    said = pace.flooded().replace("\u202f", " ")
    assert "receiving 61 000/s, decoding 61 000/s; 21 % coalesced for display, 0.3 % dropped" in said
    pace.note(tally(130_000, 366, 26_000), 8 * NS)
    assert pace.flooded() == ""


def test_messages_that_could_not_be_read_are_no_flood() -> None:
    pace = Pace()
    pace.note(Tally(messages=Flow(), samples=Flow()), 0)
    pace.note(
        Tally(messages=Flow(received=9, dropped={"undecodable": 9}), samples=Flow()),
        NS,
    )
    assert pace.flooded() == ""


def test_a_link_that_is_behind_says_by_how_much_though_nothing_was_lost() -> None:
    pace = Pace()
    pace.note(tally(0, 0), 0)
    pace.note(tally(96_000, 0, 48_000), 2 * NS)
    pace.behind(1.9, 2 * NS)
    assert pace.flooded() == ""
    pace.behind(2.4, 2 * NS)
    said = pace.flooded().replace("\u202f", " ")
    assert said.startswith("It is 2.4 s behind: receiving 48 000/s, decoding 48 000/s; 50 % coalesced")
    pace.behind(2.1, 3 * NS)
    assert pace.flooded().startswith("It is 2.4 s behind")  # the longest of the last five seconds
    pace.behind(0.0, 8 * NS)
    assert pace.flooded() == ""
