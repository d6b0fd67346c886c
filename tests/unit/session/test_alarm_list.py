"""What the alarm list shows: filter, sort, group, fold, and the views that a person keeps."""

from __future__ import annotations

import dataclasses

import pytest

from armillary.model.alarm import AlarmAct, AlarmEvent, AlarmSpec, AlarmState, Flood, Hiding
from armillary.model.alarm import ProcessState as State
from armillary.model.clock import NS
from armillary.model.frame import WorldKind, empty_frame
from armillary.session.alarm_groups import Place, place_of
from armillary.session.alarm_list import (
    EVERYTHING,
    Folding,
    Listing,
    ListView,
    Views,
    listing,
    text_of,
    views_of,
)
from armillary.session.alarmbook import AlarmBook

T0 = 1_790_000_000 * NS
SPECS = tuple(
    AlarmSpec(id=name, slot=-1, tag=f"{asset}.{name}", title=title, priority=priority, kind=kind)
    for name, asset, title, priority, kind in (
        ("level", "T-101", "Tank is full", 2, "level"),
        ("temp", "P-101", "Bearing is hot", 1, "level"),
        ("flow", "P-101", "Flow is low", 3, "count"),
        ("dose", "P-101", "Dose is off", 4, "level"),
        ("north", "P-201", "Door is open", 4, "state"),
    )
)


def frame(seq: int, states: tuple[AlarmState, ...], events: tuple[AlarmEvent, ...] = ()) -> object:
    base = empty_frame("w", WorldKind.LIVE)
    return dataclasses.replace(base, seq=seq, t_ns=T0 + seq * NS, alarms=states, alarm_events=events)


@pytest.fixture
def asked() -> list[AlarmAct]:
    return []


@pytest.fixture
def book(asked: list[AlarmAct]) -> AlarmBook:
    """All five raised in their order, a second apart; the pump's flow first of its group."""
    out = AlarmBook(lambda message, _done, _limit: asked.append(message))
    out.place_of = lambda spec: Place(
        asset=spec.tag.split(".")[0], area="North" if "P-2" in spec.tag else "South"
    )
    out.welcome(SPECS)
    for seq, name in enumerate(("flow", "level", "temp", "dose", "north"), 1):
        out.take(frame(seq, (state(name, seq),), (raised(name, seq),)))
    return out


def state(name: str, seq: int, process: State = State.UNACK, **more: object) -> AlarmState:
    made = AlarmState(id=name, process=process, occurrence=f"{name}-1", raised_ns=T0 + seq * NS, value=seq)
    return dataclasses.replace(made, **more)


def raised(name: str, seq: int) -> AlarmEvent:
    return AlarmEvent(
        id=name,
        occurrence=f"{name}-1",
        event="RAISE",
        before=State.NORM,
        after=State.UNACK,
        t_ns=T0 + seq * NS,
        priority=3,
        source_ns=T0 + seq,
    )


def ids(book: AlarmBook, found: Listing) -> list[str]:
    """The lines as words: a head is `= its title`."""
    return [
        book.table.specs[row].id if row >= 0 else f"= {found.heads[-1 - row].title}"
        for row in found.line.tolist()
    ]


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ({}, ["temp", "level", "flow", "north", "dose"]),
        ({"text": "BEARING"}, ["temp"]),
        ({"text": "p-101 is"}, ["temp", "flow", "dose"]),
        ({"text": "nothing such"}, []),
        ({"priority": 4}, ["north", "dose"]),
        ({"which": "urgent"}, ["temp", "level"]),
        ({"kind": "count"}, ["flow"]),
        ({"area": "North"}, ["north"]),
        ({"area": "West"}, []),
        ({"sort": "since"}, ["north", "dose", "temp", "level", "flow"]),
        ({"sort": "text"}, ["temp", "north", "dose", "flow", "level"]),
        ({"sort": "text", "descending": True}, ["level", "flow", "dose", "north", "temp"]),
        ({"sort": "value"}, ["flow", "level", "temp", "dose", "north"]),
    ],
)
def test_a_view_keeps_what_fits_in_its_order(
    book: AlarmBook, view: dict[str, object], shown: list[str]
) -> None:
    assert ids(book, listing(book, ListView(**view))) == shown


def test_what_was_acknowledged_goes_below_what_waits(book: AlarmBook) -> None:
    book.take(frame(9, (state("temp", 3, State.ACKED),)))
    assert ids(book, listing(book, EVERYTHING))[-1] == "temp"
    assert "temp" not in ids(book, listing(book, ListView(which="waiting")))
    assert "temp" in ids(book, listing(book, ListView(which="active")))


def test_what_is_hidden_is_listed_only_among_the_hidden(book: AlarmBook) -> None:
    book.take(frame(9, (state("temp", 3, hiding=Hiding(ticket="T-1")),)))
    assert "temp" not in ids(book, listing(book, EVERYTHING))
    assert ids(book, listing(book, ListView(which="hidden"))) == ["temp"]
    assert book.hidden_text() == "Out of service 1"


def test_groups_stand_in_the_order_of_their_most_urgent_alarm(book: AlarmBook) -> None:
    found = listing(book, ListView(group="asset"))
    assert ids(book, found) == ["= P-101", "temp", "flow", "dose", "= T-101", "level", "= P-201", "north"]
    pump = found.heads[0]
    assert (pump.count, pump.waiting, pump.worst, pump.folded) == (3, 3, 1, 0)
    assert pump.first_out == "Flow is low"
    assert found.heads[1].first_out == ""  # alone in its group
    by_priority = listing(book, ListView(group="priority"))
    assert [head.title for head in by_priority.heads][:2] == ["Priority 1, critical", "Priority 2, high"]


def test_a_closed_group_keeps_its_critical_alarm_in_sight(book: AlarmBook) -> None:
    view = ListView(group="asset")
    head = listing(book, view).heads[0]
    found = listing(book, view, Folding().toggled(head))
    assert ids(book, found)[:3] == ["= P-101", "temp", "= T-101"]
    assert found.heads[0].folded == 2
    again = Folding().toggled(head).toggled(found.heads[0])
    assert len(listing(book, view, again).line) == 8


def test_a_flood_folds_low_priorities_under_the_first_of_their_asset(book: AlarmBook) -> None:
    found = listing(book, EVERYTHING, Folding(flood=True))
    # the flow was first of the pump and stands for it; the dose is folded; the critical one is not
    assert ids(book, found) == ["= P-101", "temp", "flow", "= T-101", "level", "= P-201", "north"]
    assert found.heads[0].folded == 1
    assert found.total == 5
    opened = Folding(flood=True).toggled(found.heads[0])
    assert "dose" in ids(book, listing(book, EVERYTHING, opened))


def test_acknowledging_what_was_shown_does_not_mean_what_was_raised_since(
    book: AlarmBook, asked: list[AlarmAct]
) -> None:
    shown = [book.line(row) for row in listing(book, ListView(text="p-101")).rows.tolist()]
    book.take(frame(9, (state("flow", 9, occurrence="flow-2"),)))
    assert book.acknowledge_shown(shown, "seen") == 3
    assert asked == [AlarmAct(action="ack", occurrences=("temp-1", "flow-1", "dose-1"), comment="seen")]


def test_views_are_kept_and_read_back_and_forgotten() -> None:
    kept: list[str] = []
    views = Views(kept.append)
    mine = ListView(text="pump", group="asset", sort="since", descending=True, priority=2)
    assert views.keep(" mine ", mine) == ""
    assert views_of(kept[-1]) == {"mine": mine}
    assert views.keep("  ", mine) == "Give the view a name."
    views.forget("mine")
    assert views_of(kept[-1]) == {}


@pytest.mark.parametrize("text", ["", "nonsense", "[1]", '{"a": 3}', '{"a": {"sort": "colour"}}', "[" * 99])
def test_views_that_cannot_be_read_are_left_out(text: str) -> None:
    assert views_of(text) == {}
    assert views_of(text_of({"good": EVERYTHING})) == {"good": EVERYTHING}


def test_alarms_of_one_tag_are_looked_up_once_to_be_grouped() -> None:
    asked = []
    book = AlarmBook(lambda _message, _done, _limit: None)

    def place(spec: AlarmSpec) -> Place:
        asked.append(spec.id)
        return Place(asset=f"asset {spec.slot // 2}", link="north")

    book.place_of = place
    specs = [AlarmSpec(id=f"a{i}", slot=i // 5, tag=f"t{i // 5}") for i in range(20)]
    link = AlarmSpec(id="link:north", slot=-1, tag="", kind="link")
    book.welcome([*specs, link, AlarmSpec(id="none", slot=-1, tag="other")])
    names, code = book.codes("asset")
    assert [names[c] for c in code.tolist()] == [
        *(f"asset {i // 10}" for i in range(20)),
        "asset -1",
        "asset -1",
    ]
    assert len(asked) == 4 + 2


def test_a_flood_is_many_and_a_calm_plant_is_not(book: AlarmBook) -> None:
    assert not book.is_many
    specs = [AlarmSpec(id=f"a{i}", slot=-1, tag="t") for i in range(300)]
    book.welcome(specs)
    assert not book.is_many
    book.take(
        frame(
            1, tuple(AlarmState(id=s.id, process=State.UNACK, occurrence=s.id, raised_ns=T0) for s in specs)
        )
    )
    assert book.is_many
    assert book.counts().total == 300


def test_alarms_are_grouped_by_the_class_that_the_project_names(book: AlarmBook) -> None:
    classes = {"level": "process", "temp": "safety", "flow": "process"}
    book.place_of = lambda spec: place_of(
        dataclasses.replace(spec, category=classes.get(spec.id, "")), (), {}, ()
    )
    found = listing(book, ListView(group="category"))
    assert [head.title for head in found.heads] == ["safety", "process", "without class"]


# ---------------------------------------------------------------- a desk's position


@pytest.fixture
def stood(book: AlarmBook) -> AlarmBook:
    book.stand.members = lambda: {"pumps": frozenset({"flow", "dose"}), "doors": frozenset({"north"})}
    book.stand_at("pumps")
    return book


def names(book: AlarmBook, view: ListView = EVERYTHING) -> list[str]:
    return [book.table.specs[row].id for row in listing(book, view).rows.tolist()]


def test_a_position_lists_its_own_and_what_is_critical_and_waits(stood: AlarmBook) -> None:
    assert names(stood) == ["temp", "flow", "dose"]  # temp is of priority 1 and nobody's
    assert stood.outside() == 2
    assert names(stood, ListView(everywhere=True)) == ["temp", "level", "flow", "north", "dose"]
    stood.stand_at("")
    assert (len(names(stood)), stood.outside()) == (5, 0)


def test_a_position_that_the_project_does_not_have_hides_nothing(stood: AlarmBook) -> None:
    stood.stand_at("nobody")
    assert len(names(stood)) == 5


def test_a_flood_elsewhere_is_none_at_this_position(stood: AlarmBook) -> None:
    flood = Flood(since_ns=T0, count=12, position="doors")
    stood.take(dataclasses.replace(frame(9, ()), floods=(flood,)))
    assert stood.nuisance.flood_text == ""
    mine = Flood(since_ns=T0, count=13, position="pumps")
    stood.take(dataclasses.replace(frame(10, ()), floods=(flood, mine)))
    assert stood.nuisance.flood_text == "Alarm flood: 13 in 10 min"
