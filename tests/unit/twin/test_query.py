"""Queries over twins: what is understood, what is found, what is said of mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.dtdl import Interface, Model
from armillary.model.quality import BAD, GOOD, STALE, UNCERTAIN
from armillary.model.tags import TagSpec, TagTable
from armillary.model.twin import Component, Relationship, TwinInstance
from armillary.twin.graph import NOWHERE, build
from armillary.twin.query import Found
from armillary.twin.query_complete import candidates
from armillary.twin.query_now import Alarms, Now, Span
from armillary.twin.query_parse import parsed
from armillary.twin.query_text import QueryFault
from armillary.twin.vocabulary import Vocabulary

_STATES = ((0.0, "stopped"), (1.0, "running"))


def interface(name: str, *above: str, title: str = "") -> Interface:
    known = f"dtmi:x:{name};1"
    lineage = (known, *(f"dtmi:x:{one};1" for one in above))
    return Interface(id=known, language=3, lineage=lineage, title={"en": title} if title else {})


MODEL = Model(
    interfaces={
        one.id: one
        for one in (
            interface("Pump", "Machine"),
            interface("DosingPump", "Pump", "Machine", title="Dosing pump"),
            interface("Machine"),
            interface("Tank"),
            interface("Valve"),
        )
    }
)
TWINS = (
    TwinInstance(id="T-101", model="dtmi:x:Tank;1", title="Balancing tank"),
    TwinInstance(id="T-102", model="dtmi:x:Tank;1", title="Elevated tank", properties={"built": "1999"}),
    TwinInstance(
        id="P-1", model="dtmi:x:Pump;1", title="Transfer pump A", properties={"power": 7.5, "spare": True}
    ),
    TwinInstance(id="P-2", model="dtmi:x:Pump;1", title="Transfer pump B", properties={"power": 18.5}),
    TwinInstance(id="V-1", model="dtmi:x:Valve;1", title="Feed valve"),
    TwinInstance(id="Hall", components=(Component(path="doser", model="dtmi:x:DosingPump;1"),)),
    TwinInstance(id="LIC", title="Level controller"),
)
RELATIONS = tuple(
    Relationship(source=source, name=name, target=target)
    for source, name, target in (
        ("T-101", "feeds", "P-1"), ("T-101", "feeds", "P-2"), ("P-1", "feeds", "V-1"),
        ("V-1", "feeds", "T-102"),
        ("P-1", "partOf", "Hall"), ("P-2", "partOf", "Hall"), ("LIC", "controls", "P-1"),
    )
)  # fmt: skip
TAGS: tuple[tuple[str, str, str, tuple[tuple[float, str], ...], str, str], ...] = (
    ("P-1.vibration_de", "number", "mm/s", (), "P-1", ""),
    ("P-1.vibration_nde", "number", "mm/s", (), "P-1", ""),
    ("P-2.vibration_de", "number", "mm/s", (), "P-2", ""),
    ("P-1.state", "enum", "", _STATES, "P-1", ""),
    ("P-2.state", "enum", "", _STATES, "P-2", ""),
    ("T-101.level", "number", "%", (), "T-101", ""),
    ("T-102.level", "number", "m", (), "T-102", "Height of the water"),
    ("T-101.overflow", "bool", "", (), "T-101", ""),
    ("Hall.doser.flow", "number", "l/h", (), "Hall", ""),
    ("V-1.label", "text", "", (), "V-1", ""),
)
SPECS = tuple(
    TagSpec(slot=i, name=name, kind=kind, unit=unit, states=states, twin=twin, title=title)  # type: ignore[arg-type]
    for i, (name, kind, unit, states, twin, title) in enumerate(TAGS)
)
GRAPH = build(TWINS, RELATIONS, MODEL)
WORDS = Vocabulary(GRAPH, SPECS)


def table(**values: float) -> TagTable:
    """Return values by tag, written with _ for . and -; all GOOD, the rest 0."""
    out = TagTable(len(SPECS))
    out.quality[:] = GOOD
    out.value[:] = 0.0
    names = {spec.name.replace(".", "_").replace("-", ""): spec.slot for spec in SPECS}
    for name, value in values.items():
        out.value[names[name]] = value
    return out


def names(rows: object) -> list[str]:
    return [GRAPH.ids[row] for row in np.asarray(rows)]


def found(text: str, values: TagTable | None = None) -> list[str]:
    return names(asked(text, values).rows)


def asked(text: str, values: TagTable | None = None) -> Found:
    return parsed(text, WORDS).run(Now(table=values if values is not None else table()))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("pumps", ["P-1", "P-2", "Hall.doser"]),
        ("dosing pumps", ["Hall.doser"]),
        ("machine", ["P-1", "P-2", "Hall.doser"]),
        ("transfer pumps", ["P-1", "P-2"]),
        ("P-1", ["P-1"]),
        ("p1", ["P-1"]),
        ("tank T102", ["T-102"]),
        ("controllers", ["LIC"]),
        ("pumps feeding tank T-102", ["P-1"]),
        ("pumps directly feeding tank T-102", []),
        ("valves directly feeding T-102", ["V-1"]),
        ("anything fed by T-101", ["T-102", "P-1", "P-2", "V-1"]),
        ("anything directly fed by T-101", ["P-1", "P-2"]),
        ("anything upstream of T-102", ["T-101", "P-1", "V-1"]),
        ("valves downstream of T-101", ["V-1"]),
        ("pumps in Hall", ["P-1", "P-2", "Hall.doser"]),
        ("anything containing P-1", ["Hall"]),
        ("pumps that feed T-102", ["P-1"]),
        ("pumps which are controlled by LIC", ["P-1"]),
        ("twins connected to P-1", ["T-101", "V-1", "LIC"]),
        ("pumps feeding tanks fed by T-101", ["P-1"]),
        ("pumps fed by T-101 and not feeding T-102", ["P-2"]),
        ("(tanks or valves) upstream of T-102", ["T-101", "V-1"]),
        ("tanks or valves", ["T-101", "T-102", "V-1"]),
        ("twins named P-*", ["P-1", "P-2"]),
        ("pumps named transfer", ["P-1", "P-2"]),
        ("twins with has level", ["T-101", "T-102"]),
        ("pumps with power > 10", ["P-2"]),
        ("pumps with spare", ["P-1"]),
        ("tanks where built = 1999", ["T-102"]),
    ],
)
def test_structure_finds_twins(text: str, ids: list[str]) -> None:
    assert sorted(found(text)) == sorted(ids)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("pumps with vibration > 4 mm/s", ["P-1"]),
        ("pumps with vibration > 0.004 m/s", ["P-1"]),
        ("pumps with vibration_de > 4", []),
        ("pumps feeding tank T-102 with vibration > 4 mm/s", ["P-1"]),
        ("pumps with not vibration > 4 mm/s", ["P-2", "Hall.doser"]),
        ("pumps with state is running", ["P-2"]),
        ("pumps with state is not running and has state", ["P-1"]),
        ("tanks with overflow", ["T-101"]),
        ("tanks with level between 40 and 60 %", ["T-101"]),
        ("tanks where level at least 2.5 m", ["T-102"]),
        ("tanks where height < 3 m", ["T-102"]),
        ("pumps fed by (tanks with level > 40 %)", ["P-1", "P-2"]),
        ("pumps fed by (tanks with level > 60 %)", []),
        ("pumps with flow >= 1.5 l/min", ["Hall.doser"]),
        ("valves where label = 'A 1'", ["V-1"]),
    ],
)
def test_values_are_compared_in_their_units(text: str, ids: list[str]) -> None:
    values = table(
        P1_vibration_nde=4.5, P2_vibration_de=4.0, P2_state=1, T101_level=50, T102_level=2.5, T101_overflow=1,
        Hall_doser_flow=90,
    )  # fmt: skip
    values.text[9] = "a 1"
    assert sorted(found(text, values)) == sorted(ids)


@pytest.mark.parametrize("quality", [UNCERTAIN, STALE, BAD])
def test_a_value_that_is_not_good_is_unknown_and_neither_yes_nor_no(quality: int) -> None:
    values = table(P1_vibration_de=9, P2_vibration_de=1)
    values.quality[0] = quality
    for text in ("pumps with vibration > 4 mm/s", "pumps with not vibration_de > 4 mm/s"):
        answer = asked(text, values)
        assert "P-1" in names(answer.unknown)
        assert "P-1" not in names(answer.rows)


def test_one_good_value_settles_what_another_leaves_open() -> None:
    values = table(P1_vibration_de=9, P1_vibration_nde=9)
    values.quality[0] = STALE
    assert found("pumps with vibration > 4", values) == ["P-1"]


def test_what_leads_to_an_unknown_twin_is_unknown() -> None:
    values = table(T101_level=50)
    values.quality[5] = STALE
    answer = asked("pumps fed by (tanks with level > 40 %)", values)
    assert names(answer.unknown) == ["P-1", "P-2"]


def test_the_quality_itself_can_be_asked_and_is_known() -> None:
    values = table()
    values.quality[2] = STALE
    assert found("pumps where vibration is stale", values) == ["P-2"]
    assert found("pumps where vibration is lost", values) == ["P-2"]


def test_an_answer_names_the_tags_that_were_asked() -> None:
    answer = asked("pumps with vibration > 4", table(P1_vibration_de=9))
    assert [SPECS[slot].name for slot in answer.slots[2]] == ["P-1.vibration_de", "P-1.vibration_nde"]


ALARMS = (
    Alarms(  # one unacknowledged at P-1, one acknowledged at the doser, one shelved at P-2, one that may be
        row=np.array([2, 3, GRAPH.row_of["Hall.doser"], GRAPH.row_of["T-101"], NOWHERE]),
        priority=np.array([1, 2, 3, 4, 1], np.uint8),
        active=np.array([True, True, True, False, True]),
        unacknowledged=np.array([True, True, False, False, True]),
        listed=np.array([True, False, True, False, True]),
        shelved=np.array([False, True, False, False, False]),
        hidden=np.array([False, True, False, False, False]),
        unverified=np.array([False, False, False, True, False]),
    )
)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("pumps with an alarm", ["P-1", "Hall.doser"]),
        ("pumps with alarm", ["P-1", "Hall.doser"]),
        ("twins in alarm", ["P-1", "Hall.doser", "Hall"]),
        ("pumps with an unacknowledged alarm", ["P-1"]),
        ("pumps with acknowledged alarms", ["Hall.doser"]),
        ("pumps with a shelved alarm", ["P-2"]),
        ("pumps with no alarm", ["P-2"]),
        ("pumps with not alarm", ["P-2"]),
        ("pumps with an alarm of priority 1", ["P-1"]),
        ("pumps with alarms of priority 2 or lower", ["Hall.doser"]),
        ("pumps with alarms of priority 2 or higher and vibration < 1", ["P-1"]),
        ("tanks feeding (pumps with an alarm of priority 1)", ["T-101"]),
        ("tanks with an unverified alarm", ["T-101"]),
    ],
)
def test_alarms_find_twins_and_those_that_components_are_of(text: str, ids: list[str]) -> None:
    answer = parsed(text, WORDS).run(Now(table=table(), alarms=ALARMS))
    assert sorted(names(answer.rows)) == sorted(ids)


def test_an_alarm_whose_input_is_not_good_makes_its_twin_unknown() -> None:
    answer = parsed("tanks with an alarm", WORDS).run(Now(table=table(), alarms=ALARMS))
    assert (names(answer.rows), names(answer.unknown)) == ([], ["T-101"])


def test_without_a_world_no_alarm_is_known() -> None:
    answer = asked("pumps with no alarm")
    assert not len(answer.rows)
    assert len(answer.unknown) == 3


def test_a_tag_that_is_called_alarm_is_asked_as_a_tag() -> None:
    spec = TagSpec(slot=0, name="A.alarm", kind="bool", twin="A")
    words = Vocabulary(build((TwinInstance(id="A"),), ()), (spec,))
    values = TagTable(1)
    values.quality[:], values.value[:] = GOOD, 1.0
    assert parsed("anything with alarm is true", words).run(Now(table=values)).rows.tolist() == [0]


def past(**spans: tuple[float, float, float, float]) -> Span:
    """Return (lowest, highest, mean, share) by tag as `table` names them; the rest never came."""
    columns = np.full((4, len(SPECS)), np.nan)
    columns[3] = 0.0
    slots = {spec.name.replace(".", "_").replace("-", ""): spec.slot for spec in SPECS}
    for name, figures in spans.items():
        columns[:, slots[name]] = figures
    return Span(low=columns[0], high=columns[1], mean=columns[2], share=columns[3])


@pytest.mark.parametrize(
    ("text", "span_s", "yes", "unknown"),
    [
        ("pumps with vibration_de > 4 mm/s for 10 min", 600, ["P-1"], []),
        ("pumps with vibration_de > 4.5 mm/s for 10 min", 600, [], []),
        ("pumps with vibration_de > 5 mm/s in the last 24 h", 86_400, ["P-1"], ["P-2"]),
        ("pumps with vibration_de > 7 mm/s in the last 24 h", 86_400, [], ["P-2"]),
        ("pumps with vibration_de in the last day < 1", 86_400, ["P-2"], []),
        ("pumps with mean vibration_de over the last hour > 4.5 mm/s", 3_600, ["P-1"], []),
        ("pumps with highest vibration_de over the last 60min < 7", 3_600, ["P-1"], ["P-2"]),
        ("pumps with spread of vibration_de > 1 mm/s during the last 2 h", 7_200, ["P-1", "P-2"], []),
        ("pumps with vibration_de between 4 and 6.5 for an hour", 3_600, ["P-1"], []),
        ("pumps where state was running for 5 min", 300, ["P-2"], []),
        ("pumps where state is running in the last 5 min", 300, ["P-1", "P-2"], []),
        ("pumps where state is not running throughout the last 5 min", 300, [], []),
        ("tanks feeding (pumps with vibration_de > 4 mm/s for 10 min)", 600, ["T-101"], []),
    ],
)
def test_the_past_finds_twins(text: str, span_s: int, yes: list[str], unknown: list[str]) -> None:
    span = past(
        P1_vibration_de=(4.5, 6.0, 5.0, 1.0), P2_vibration_de=(0.5, 3.0, 2.0, 0.7),
        P1_state=(0, 1, 0.5, 1.0), P2_state=(1, 1, 1, 1.0), Hall_doser_flow=(0, 0, 0, 1.0),
    )  # fmt: skip
    query = parsed(text, WORDS)
    assert query.spans_ns == (span_s * NS,)
    found = query.run(Now(table=table(), past={span_s * NS: span}))
    assert (names(found.rows), names(found.unknown)) == (yes, unknown)


def test_a_past_that_nobody_recorded_is_not_known() -> None:
    found = asked("pumps with vibration_de > 4 mm/s for 10 min")
    assert (names(found.rows), names(found.unknown)) == ([], ["P-1", "P-2"])


def test_only_what_is_still_open_needs_its_past() -> None:
    query = parsed("pumps fed by T-101 with state is running and vibration_de > 4 for 10 min", WORDS)
    needed = query.looks_back(Now(table=table(P2_state=1)))
    assert {span: slots.tolist() for span, slots in needed.items()} == {600 * NS: [2]}


def test_hours_are_still_compared_as_values() -> None:
    specs = (TagSpec(slot=0, name="A.hours_run", unit="h", twin="A"),)
    words = Vocabulary(build((TwinInstance(id="A"),), ()), specs)
    assert not parsed("anything with hours_run over 5 h", words).spans_ns


def test_a_query_says_what_it_understood() -> None:
    says = parsed("pumps feeding tank T-102 with vibration > 4 mm/s", WORDS).says
    assert says == "of type Pump and feeding T-102 and vibration_de or vibration_nde > 4 mm/s"


@pytest.mark.parametrize(
    ("text", "at", "hint"),
    [
        ("pmups", 0, "pumps"),
        ("pumps feedng T-102", 6, "feeding"),
        ("pumps with vibrtion > 4", 11, "vibration_de"),
        ("pumps with vibration > 4 bar", 25, "mm/s"),
        ("pumps with state is runing", 20, "running"),
        ("pumps with vibration", 11, "has vibration"),
        ("valve T-101", 0, "type"),
        ("pumps with (vibration > 4", 25, ")"),
        ("pumps feeding", 13, "id"),
        ("pumps with vibration > ", 23, "number"),
        ("pumps )", 6, ""),
        ("", 0, "type"),
        ('pumps named "x', 12, "quotes"),
        ("pumps where power > 4 kW", 22, "unit"),
        ("pumps with vibration > 4 in the last blink", 25, "24 h"),
        ("pumps with vibration > 4 for 900 days", 25, "24 h"),
        ("pumps with mean vibration > 4", 11, "over the last"),
        ("pumps with an alarm of priority 7", 32, "priority 1"),
        ("valves where label = 'A' in the last 24 h", 13, "numbers"),
        ("pumps with vibration in the last hour", 11, "has vibration"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_nearest_word(text: str, at: int, hint: str) -> None:
    with pytest.raises(QueryFault) as caught:
        parsed(text, WORDS)
    assert caught.value.at == at
    assert hint in caught.value.remedy + caught.value.what


def test_no_query_nests_so_deeply_that_it_breaks() -> None:
    for text in (
        "(" * 500 + "pumps" + ")" * 500,
        "pumps with " + "not (" * 300,
        "pumps " + "in pumps " * 200,
    ):
        with pytest.raises(QueryFault):
            parsed(text, WORDS)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("", "dosing pumps"), ("pum", "pumps"), ("pumps fee", "feeding"), ("pumps with vib", "vibration_de"),
        ("pumps with vibration ", ">"), ("pumps with state is ", "stopped"),
        ("pumps with vibration > 4 ", "mm/s"),
        ("pumps feeding (ta", "tanks"), ("pumps feeding T-10", "T-101"),
    ],
)  # fmt: skip
def test_what_comes_next_is_offered(text: str, first: str) -> None:
    assert candidates(text, WORDS)[0].text == first


def test_every_offered_relation_is_understood() -> None:
    for word in WORDS.relation_words:
        assert parsed(f"anything {word} P-1", WORDS)


ONTOLOGY = (
    *("feeds", "isFedBy", "hasPoint", "isPointOf", "hasLocation", "isLocationOf", "locatedIn", "serves"),
    *("controls", "monitors", "hasPart", "isPartOf", "includes", "ownedBy", "owns", "connectsTo", "drives"),
    *("drivenBy", "heats", "produces", "consumes", "supplies", "suppliedBy", "executes", "triggers"),
    *("has_sensor", "is-downstream-of", "UpstreamOf"),
)


@pytest.mark.parametrize("name", ONTOLOGY)
def test_relations_of_public_ontologies_can_be_asked_as_they_are_offered(name: str) -> None:
    twins = (TwinInstance(id="A"), TwinInstance(id="B"))
    vocabulary = Vocabulary(build(twins, (Relationship(source="A", name=name, target="B"),)))
    graph = vocabulary.graph
    answers = []
    for word in vocabulary.relation_words:
        if word in ("upstream of", "downstream of", "connected to"):
            continue
        for end in "AB":
            answer = parsed(f"anything {word} {end}", vocabulary).run(Now(table=TagTable(0)))
            answers += [graph.ids[row] for row in answer.rows]
    assert set(answers) == {"A", "B"}  # one way and the other


def test_what_has_a_point_is_asked_both_ways() -> None:
    twins = (TwinInstance(id="AHU"), TwinInstance(id="T"))
    vocabulary = Vocabulary(build(twins, (Relationship(source="AHU", name="hasPoint", target="T"),)))
    for text, name in (
        ("anything having point T", "AHU"),
        ("anything that has point T", "AHU"),
        ("anything point of AHU", "T"),
    ):
        found = parsed(text, vocabulary).run(Now(table=TagTable(0))).rows
        assert [vocabulary.graph.ids[row] for row in found] == [name]


def test_a_type_is_found_by_the_end_of_its_name_where_none_is_called_so() -> None:
    twins = (TwinInstance(id="A", model="dtmi:x:CentrifugalPump;1"), TwinInstance(id="B", model="Tank"))
    vocabulary = Vocabulary(build(twins, ()))
    assert parsed("pumps", vocabulary).run(Now(table=TagTable(0))).rows.tolist() == [0]
    with pytest.raises(QueryFault):
        parsed("ump", vocabulary)
