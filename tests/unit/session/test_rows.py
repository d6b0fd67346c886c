import math

import numpy as np
import pytest

from armillary.model.binding import Binding, MapSpec
from armillary.model.clock import NS
from armillary.model.fault import FaultRecord
from armillary.model.frame import Event, Flow, Tally, WorldKind, empty_frame
from armillary.model.link import LinkState, LinkStatus
from armillary.model.quality import BAD, DECODE, GOOD, NEVER, STALE
from armillary.model.tags import TagSpec
from armillary.session import rows
from armillary.session.mirror import Mirror

SPEC = TagSpec(slot=0, name="tank.temp", unit="°C", link="site", title="Tank")


def test_a_row_of_a_good_tag_has_no_note() -> None:
    row = rows.tag_row(SPEC, 71.2, GOOD, 0.4)
    assert (row.value, row.note, row.age, row.link) == ("71.2 °C", "", "0.4 s", "site")


@pytest.mark.parametrize(
    ("quality", "value", "note"),
    [
        (STALE, "71.2 °C · 4 min old", "stale"),
        (BAD | DECODE, "bad: not a number", "bad: decode"),
        (NEVER, "no data yet", "never"),
    ],
)
def test_a_row_says_what_is_wrong_with_its_value(quality: int, value: str, note: str) -> None:
    row = rows.tag_row(SPEC, 71.2, quality, 241.0)
    assert (row.value, row.note) == (value, note)


def test_a_value_never_received_is_never_a_zero() -> None:
    mirror = Mirror(1)
    row = rows.tag_rows(mirror, (SPEC,), (0,), 5 * NS)[0]
    assert (row.value, row.age, row.quality) == ("no data yet", "–", NEVER)


def test_enums_and_switches_show_their_names() -> None:
    valve = TagSpec(slot=0, name="v", kind="enum", states=((0.0, "shut"), (1.0, "open")))
    assert rows.tag_row(valve, 1.0, GOOD, 0.0).value == "open"
    assert rows.tag_row(TagSpec(slot=0, name="b", kind="bool"), 0.0, GOOD, 0.0).value == "false"
    assert rows.tag_row(TagSpec(slot=0, name="t", kind="text"), math.nan, GOOD, 0.0, "AUTO").value == "AUTO"


def test_a_silent_world_makes_every_row_old_and_ages_go_on() -> None:
    mirror = Mirror(1)
    frame = empty_frame("w", WorldKind.LIVE)
    one = np.array([10 * NS])
    object.__setattr__(frame, "slot", np.zeros(1, np.uint32))
    for name, array in {
        "value": np.array([5.0]),
        "source_ns": one,
        "arrival_ns": one,
        "arrival_mono_ns": one,
        "alive_mono_ns": one,
        "quality": np.zeros(1, np.uint16),
    }.items():
        object.__setattr__(frame, name, array)
    object.__setattr__(frame, "tick_mono_ns", 11 * NS)
    mirror.live = True
    mirror.take(frame, 500 * NS)
    assert rows.tag_rows(mirror, (SPEC,), (0,), 500 * NS)[0].value == "5 °C"
    mirror.live = False
    row = rows.tag_rows(mirror, (SPEC,), (0,), 511 * NS)[0]
    assert (row.value, row.quality) == ("5 °C · 12 s old", STALE)


def test_a_link_that_waits_says_until_when_and_is_not_good() -> None:
    status = LinkStatus(
        name="site",
        kind="mqtt",
        url="mqtt://h",
        state=LinkState.BACKOFF,
        since_ns=NS,
        detail="Refused by the server.",
        next_try_s=8.0,
    )
    row = rows.link_row(status, None, 61 * NS)
    assert row.detail == "Refused by the server. Next try in 8 s."
    assert (row.good, row.rate, row.since) == (False, "–", "60 s")


def test_a_link_that_is_up_but_silent_is_not_good() -> None:
    status = LinkStatus(name="s", kind="mqtt", url="", state=LinkState.UP, since_ns=0, delivery="silent")
    assert not rows.link_row(status, None, 0).good


def test_counts_never_leave_out_a_drop() -> None:
    tally = Tally(
        messages=Flow(received=1200, done=1196, dropped={"undecodable": 4, "too_big": 0}), samples=Flow()
    )
    status = LinkStatus(name="s", kind="mqtt", url="", state=LinkState.UP, since_ns=0, delay_s=0.012)
    row = rows.link_row(status, tally, 0)
    assert row.counts == "1,200 received, 1,196 decoded, 4 dropped (undecodable 4)"
    assert row.delay == "12 ms"


def test_a_link_says_that_nobody_watches_its_silence_and_until_when_its_certificate_is() -> None:
    status = LinkStatus(
        name="s",
        kind="mqtt",
        url="",
        state=LinkState.UP,
        since_ns=0,
        silence_watched=False,
        certificate_ns=86_400 * NS,
        losses=4,
    )
    assert rows.link_row(status, None, 0).flow == (
        "quiet, silence not watched · lost 4 times in 2 min · certificate until 1970-01-02"
    )
    assert rows.link_row(status, None, 90_000 * NS).flow.endswith("certificate expired 1970-01-02")


@pytest.mark.parametrize(
    ("trusts", "text"),
    [
        (True, "Clock of s is 4.2 s behind (± 0.1 s)"),
        (False, "Clock of s is 4.2 s behind (± 0.1 s) · times are shown corrected"),
    ],
)
def test_a_clock_that_is_off_stands_on_the_row_of_its_link(trusts: bool, text: str) -> None:
    status = LinkStatus(
        name="s",
        kind="mqtt",
        url="",
        state=LinkState.UP,
        since_ns=0,
        skew_s=-4.2,
        skew_doubt_s=0.01,
        clock="Clock of s is 4.2 s behind",
        trust_clock=trusts,
    )
    assert rows.link_row(status, None, 0).clock == text


def test_a_clock_that_is_right_takes_no_room() -> None:
    status = LinkStatus(name="s", kind="mqtt", url="", state=LinkState.UP, since_ns=0, skew_s=-0.02)
    assert rows.link_row(status, None, 0).clock == ""


def test_an_event_carries_its_remedy() -> None:
    fault = FaultRecord(kind="LinkFault", what="The broker is gone.", where="site", remedy="Start it.")
    event = Event(t_ns=NS, level="error", source="site", text="The broker is gone.", fault=fault)
    row = rows.event_row(event)
    assert (row.level, row.remedy) == ("error", "Start it.")
    assert len(row.time) == 8


@pytest.mark.parametrize(
    ("binding", "text"),
    [
        (Binding(name="b", prim="/p", colormap="heat", ends=(20.0, 90.0)), "20…90 °C on heat"),
        (Binding(name="b", prim="/p", channel="translate", axis="z"), "as it is along z"),
        (
            Binding(
                name="b", prim="/p", channel="rotate", map=MapSpec(scale=3.6, offset=-10.0), target_unit="°"
            ),
            "3.6 · x − 10 °",
        ),
        (Binding(name="b", prim="/p", map=MapSpec(kind="expr", expr="x / 2")), "= x / 2"),
        (
            Binding(
                name="b",
                prim="/p",
                map=MapSpec(kind="states", state_keys=("1", "*"), state_values=("a", "b")),
            ),
            "1 → a; else → b",
        ),
    ],
    ids=["colour", "plain", "formula", "expression", "states"],
)
def test_a_map_is_told_in_words(binding: Binding, text: str) -> None:
    assert rows.map_text(binding, "°C") == text


def test_a_binding_of_an_unknown_tag_says_so() -> None:
    row = rows.binding_row(Binding(name="b", prim="/p", signal="gone"), None)
    assert (row.slot, row.value, row.quality) == (-1, "unknown tag", NEVER)


@pytest.mark.parametrize(("delay_s", "line"), [(40, "delayed 40 s"), (2, ""), (-5, "")])
def test_a_value_that_was_old_when_it_came_says_so(delay_s: int, line: str) -> None:
    mirror = Mirror(1)
    mirror.table.quality[0], mirror.table.value[0] = 0, 1.0
    mirror.table.source_ns[0], mirror.table.arrival_ns[0] = 100 * NS, (100 + delay_s) * NS
    (row,) = rows.tag_rows(mirror, (TagSpec(slot=0, name="t", link="m"),), (0,), 200 * NS)
    assert [x for x in row.detail.split("\n") if "delayed" in x] == [line] * bool(line)
