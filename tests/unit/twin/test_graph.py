"""The graph of twins: types, parts, relations, ways, cycles."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.model.dtdl import Interface, Model
from armillary.model.relation import PART
from armillary.model.tags import TagSpec
from armillary.model.twin import Component, Relationship, TwinInstance
from armillary.twin.graph import NOWHERE, OWN, PLACE, Graph, build, type_name


def twin(name: str, model: str = "", prim: str = "", **more: object) -> TwinInstance:
    return TwinInstance(id=name, model=model, prim=prim, **more)  # type: ignore[arg-type]


def edge(text: str) -> Relationship:
    source, name, target = text.split()
    return Relationship(source=source, name=name, target=target)


MODEL = Model(
    interfaces={
        name: Interface(id=name, language=3, lineage=(name, *more))
        for name, more in (
            ("dtmi:x:Pump;1", ("dtmi:x:Machine;1",)),
            ("dtmi:x:Machine;1", ()),
            ("dtmi:x:Tank;1", ()),
        )
    }
)


def station() -> Graph:
    skid = twin("DS-201", prim="/S/DS", components=(Component(path="pump_a"), Component(path="pump_a.motor")))
    twins = (
        twin("T-101", "dtmi:x:Tank;1", "/S/T101"), twin("T-102", "dtmi:x:Tank;1", "/S/T102"),
        twin("P-101", "dtmi:x:Pump;1", "/S/P101"), twin("V-101", "", "/S/V101"),
        twin("TT-1", "", "/S/P101/Bearing"), twin("S", "", "/S"), skid,
    )  # fmt: skip
    lines = ("T-101 feeds P-101", "P-101 feeds V-101", "T-102 isFedBy V-101", "TT-1 measures P-101")
    return build(twins, [edge(line) for line in lines], MODEL)


def names(graph: Graph, rows: object) -> set[str]:
    return {graph.ids[row] for row in np.flatnonzero(np.asarray(rows))}


def test_inverse_relationships_are_one_relation() -> None:
    graph = station()
    assert names(graph, graph.downstream(graph.row_of["T-101"])) == {"P-101", "V-101", "T-102"}
    assert names(graph, graph.upstream(graph.row_of["T-102"])) == {"V-101", "P-101", "T-101"}


def test_steps_are_counted_and_can_be_limited() -> None:
    graph = station()
    start = np.zeros(len(graph), np.bool_)
    start[graph.row_of["T-102"]] = True
    steps = graph.reached(start, ("feed",), is_back=True)
    assert steps[graph.row_of["V-101"]] == 1
    assert steps[graph.row_of["T-101"]] == 3
    assert names(graph, graph.reached(start, ("feed",), is_back=True, most=1)) == {"V-101"}


def test_a_derived_type_is_found_as_its_ancestor() -> None:
    graph = station()
    assert names(graph, graph.of_types(["dtmi:x:Machine;1"])) == {"P-101"}


def test_components_are_parts_of_what_holds_them() -> None:
    graph = station()
    said = {
        (graph.ids[s], graph.ids[t]): by for s, t, n, by in graph.edges_among(range(len(graph))) if n == PART
    }
    assert said["DS-201.pump_a", "DS-201"] == OWN
    assert said["DS-201.pump_a.motor", "DS-201.pump_a"] == OWN


def test_the_place_in_the_scene_makes_parts_where_nothing_else_says_so() -> None:
    graph = station()
    said = {
        (graph.ids[s], graph.ids[t]): by for s, t, n, by in graph.edges_among(range(len(graph))) if n == PART
    }
    assert said["TT-1", "P-101"] == PLACE
    assert said["P-101", "S"] == PLACE


def test_what_the_model_says_of_parts_is_stronger_than_the_place() -> None:
    twins = (twin("a", prim="/A"), twin("b", prim="/A/B"), twin("c"))
    graph = build(twins, [edge("b partOf c")])
    assert [(graph.ids[s], graph.ids[t]) for s, t, _, _ in graph.edges_among(range(3))] == [("b", "c")]


def test_tags_belong_to_the_innermost_component() -> None:
    graph = station()
    specs = [
        TagSpec(slot=i, name=name, twin="DS-201" if name.startswith("DS") else name.partition(".")[0])
        for i, name in enumerate(("DS-201.level", "DS-201.pump_a.speed", "DS-201.pump_a.motor.x", "gone.y"))
    ]
    found = [graph.ids[row] if row != NOWHERE else "" for row in graph.rows_of_tags(specs)]
    assert found == ["DS-201", "DS-201.pump_a", "DS-201.pump_a.motor", ""]


def test_roots_and_cycles() -> None:
    twins = [twin(name) for name in "abcdef"]
    graph = build(
        twins, [edge(line) for line in ("a feeds b", "b feeds c", "c feeds b", "d feeds d", "e feeds f")]
    )
    assert [graph.ids[row] for row in graph.roots("feed")] == ["a", "e"]
    assert [[graph.ids[row] for row in part] for part in graph.cycles("feed")] == [["b", "c"], ["d"]]


def test_a_way_that_comes_back_meets_its_start() -> None:
    graph = build([twin("a"), twin("b")], [edge("a feeds b"), edge("b feeds a")])
    assert graph.downstream(0).tolist() == [2, 1]


def test_an_edge_that_is_said_twice_counts_once() -> None:
    graph = build([twin("a"), twin("b")], [edge("a feeds b"), edge("b isFedBy a")])
    assert graph.relations["feed"].source.tolist() == [0]


def test_neighbours_come_with_their_distance() -> None:
    graph = station()
    around = graph.neighbours(graph.row_of["P-101"], depth=2, relation="feed")
    assert {graph.ids[row]: steps for row, steps in around.items()} == {
        "P-101": 0, "T-101": 1, "V-101": 1, "T-102": 2,
    }  # fmt: skip


def test_nothing_is_a_graph_too() -> None:
    graph = build((), ())
    assert len(graph) == 0
    assert graph.flows == ()
    assert graph.cycles("feed") == ()


@pytest.mark.parametrize(("dtmi", "name"), [("dtmi:com:x:Pump;1", "Pump"), ("Tank", "Tank"), ("", "")])
def test_short_names_of_types(dtmi: str, name: str) -> None:
    assert type_name(dtmi) == name


def test_many_twins_behind_one_are_walked() -> None:
    n = 20_000
    twins = [twin(str(i)) for i in range(n)]
    lines = [Relationship(source="0", name="feeds", target=str(i)) for i in range(1, n)]
    graph = build(twins, lines)
    assert int((graph.downstream(0) == 1).sum()) == n - 1
