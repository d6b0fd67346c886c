"""Drift rules: what is found of samples, servers' words and documents, and what is not."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.drift import DriftItem
from armillary.model.link import BrowseItem, Route
from armillary.model.sample import RETAINED, SampleBatch, batch_of, joined
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship, TwinInstance
from armillary.twin.drift import Drift, Heard
from armillary.twin.drift_model import Modelled, modelled
from armillary.twin.drift_new import NewFields
from armillary.twin.dtdl import Document, judge
from armillary.twin.dtdl_context import Options

MIN = 60 * NS


def tag(slot: int, name: str, **more: object) -> TagSpec:
    given = {"link": "site", "address": f"plant#{name}", "twin": name.partition(".")[0]} | more
    return TagSpec(slot=slot, name=name, **given)  # type: ignore[arg-type]  keywords of a spec


def every(slot: int, seconds: float, count: int, value: float = 1.0, start_s: float = 1.0) -> SampleBatch:
    times = ((start_s + np.arange(count) * seconds) * NS).astype(np.int64)
    return batch_of(np.full(count, slot, np.uint32), np.full(count, value), times, times, times)


def judged(drift: Drift, at_s: float, rounds: int = 2, **more: object) -> tuple[DriftItem, ...]:
    out: tuple[DriftItem, ...] = ()
    for _ in range(rounds):
        now = int(at_s * NS)
        out = drift.judge(
            Heard(now_ns=now, now_mono_ns=now, up={"site": 1}, **more)  # type: ignore[arg-type]  keywords
        )
    return out


def codes(items: tuple[DriftItem, ...]) -> list[str]:
    return [f"{item.code} {item.tag}" for item in items]


def test_tag_that_comes_as_it_should_is_no_drift() -> None:
    drift = Drift([tag(0, "a.v", expected_ms=1000, interval="engineer")])
    drift.see(every(0, 1.0, 60))
    assert judged(drift, 61) == ()


@pytest.mark.parametrize(("seconds", "said"), [(4.0, "4 times as rarely"), (0.2, "5 times as often")])
def test_rate_three_times_off_is_d07_and_proposes_what_it_is(seconds: float, said: str) -> None:
    drift = Drift([tag(0, "a.v", expected_ms=1000, interval="engineer")])
    drift.see(every(0, seconds, 40))
    [item] = judged(drift, 40 * seconds)
    assert codes((item,)) == ["D07 a.v"]
    assert said in item.what
    assert item.interval_s == pytest.approx(seconds)


def test_one_judgement_alone_finds_no_rate() -> None:
    drift = Drift([tag(0, "a.v", expected_ms=1000, interval="engineer")])
    drift.see(every(0, 4.0, 40))
    assert judged(drift, 160, rounds=1) == ()


def test_rate_nobody_said_is_not_judged_until_it_was_learnt() -> None:
    drift = Drift([tag(0, "a.v", expected_ms=1000, interval="default")])
    drift.see(every(0, 9.0, 40))
    assert judged(drift, 360) == ()
    drift.learnt(0, 1.0)
    assert codes(judged(drift, 360)) == ["D07 a.v"]


def test_samples_in_one_batch_and_in_many_teach_the_same() -> None:
    whole, split = (Drift([tag(0, "a.v"), tag(1, "a.w")]) for _ in range(2))
    both = every(0, 2.0, 30), every(1, 3.0, 30)
    joint = np.argsort(np.concatenate([b.arrival_mono_ns for b in both]), kind="stable")
    columns = [np.concatenate([getattr(b, c) for b in both])[joint] for c in ("slot", "value", "source_ns")]
    slot, value, mono = columns
    whole.see(batch_of(slot, value, mono, mono, mono))
    for i in range(0, len(slot), 7):
        part = slice(i, i + 7)
        split.see(batch_of(slot[part], value[part], mono[part], mono[part], mono[part]))
    assert np.array_equal(whole.counts.median_gap_s(), split.counts.median_gap_s())
    assert whole.counts.median_gap_s().tolist() == [2.0, 3.0]


def test_retained_messages_tell_nothing_of_the_rate() -> None:
    drift = Drift([tag(0, "a.v", expected_ms=1000, interval="engineer")])
    drift.see(replace(every(0, 9.0, 40), flags=np.full(40, RETAINED, np.uint8)))
    assert judged(drift, 361) == ()


def test_tag_that_never_came_while_its_link_is_up_is_d02() -> None:
    drift = Drift([tag(0, "a.v"), tag(1, "b.v", link="other")])
    assert judged(drift, 10, never=np.array([0, 1])) == ()
    found = judged(drift, 10 + 601, never=np.array([0, 1]))
    assert codes(found) == ["D02 a.v"]  # the link of the other is down
    assert found[0].level == "error"


def test_tag_that_stopped_is_d02_after_ten_intervals() -> None:
    drift = Drift([tag(0, "a.v", expected_ms=100_000, interval="engineer")])
    drift.see(every(0, 100.0, 20))
    last = 1 + 19 * 100
    assert judged(drift, last + 900) == ()
    assert codes(judged(drift, last + 1001)) == ["D02 a.v"]


def test_tag_that_comes_only_with_changes_may_be_silent() -> None:
    drift = Drift([tag(0, "a.v", liveness="link", expected_ms=250, interval="model")])
    drift.see(every(0, 1.0, 20))
    assert judged(drift, 5000) == ()


def odd(words: str, count: int = 3) -> SampleBatch:
    return replace(every(0, 1.0, count, math.nan), why=dict.fromkeys(range(count), words))


def test_text_instead_of_a_number_is_d03_after_three() -> None:
    drift = Drift([tag(0, "a.v")])
    drift.see(odd("text instead of a number: 'ERR7'", 2))
    assert judged(drift, 3) == ()
    drift.see(odd("text instead of a number: 'ERR7'", 1))
    [item] = judged(drift, 3, rounds=1)
    assert (item.code, item.kind, item.level) == ("D03", "text", "error")
    assert codes(judged(drift, 3 + 901)) == []  # it did not come again


def test_unknown_state_is_d04_by_word_and_by_number() -> None:
    spec = tag(0, "a.v", kind="enum", states=((0.0, "off"), (1.0, "on")))
    drift = Drift([spec])
    drift.see(every(0, 1.0, 5, 1.0))
    assert judged(drift, 6) == ()
    drift.see(every(0, 1.0, 5, 7.0))
    [item] = judged(drift, 6)
    assert (item.code, item.model) == ("D04", "0 off, 1 on")
    other = Drift([spec])
    other.see(odd("text instead of a known state: 'BOOST'"))
    assert codes(judged(other, 4)) == ["D04 a.v"]


@pytest.mark.parametrize(("said", "level"), [("bar", "error"), ("°F", "warning")])
def test_unit_of_a_server_is_d05_error_for_another_dimension(said: str, level: str) -> None:
    spec = tag(0, "a.v", unit="°C")
    item = BrowseItem(address=spec.address, name="v", has_children=False, kind="Variable", unit=said)
    drift = Drift([spec])
    [found] = judged(drift, 1, described={"site": {spec.address: item}})
    assert (found.code, found.level, found.unit) == ("D05", level, said)


def test_unit_in_a_payload_is_d05() -> None:
    drift = Drift([tag(0, "a.v", unit="°C")])
    drift.see(odd("unit conflict: it says °F, °C is expected"))
    [found] = judged(drift, 4)
    assert (found.code, found.unit, found.level) == ("D05", "°F", "warning")


def test_out_of_range_for_more_than_a_hundredth_of_a_day_is_d06() -> None:
    drift = Drift([tag(0, "a.v", low=0.0, high=10.0)])
    judged(drift, 0.5)
    drift.see(every(0, 10.0, 80, 12.5))
    assert judged(drift, 800) == ()
    drift.see(every(0, 10.0, 10, 14.0, start_s=801))
    [item] = judged(drift, 900)
    assert (item.code, item.low, item.high) == ("D06", 0.0, 14.0)
    assert judged(drift, 900 + 25 * 3600 + 601) == ()  # a day later it is over


def test_tag_without_a_range_learns_what_is_usual_in_a_day() -> None:
    drift = Drift([tag(0, "a.v")])
    for half_hour in range(49):
        drift.see(every(0, 1.0, 1, 20.0 + half_hour % 5, start_s=1.0 + half_hour * 1800))
        judged(drift, 2.0 + half_hour * 1801, rounds=1)
    begin = 49 * 1801.0
    drift.see(every(0, 10.0, 100, 500.0, start_s=begin))
    [item] = judged(drift, begin + 1000)
    assert item.code == "D06"
    assert "far from what is usual" in item.what


def test_server_range_that_differs_is_a_note_and_proposes_it() -> None:
    spec = tag(0, "a.v", low=0.0, high=10.0)
    item = BrowseItem(address=spec.address, name="v", has_children=False, kind="Variable", low=0.0, high=16.0)
    [found] = judged(Drift([spec]), 1, described={"site": {spec.address: item}})
    assert (found.code, found.level, found.high) == ("D06", "note", 16.0)


def test_server_that_refuses_writes_is_d08_and_another_definition_d10() -> None:
    spec = tag(0, "a.v", writable=True)
    item = BrowseItem(
        address=spec.address,
        name="v",
        has_children=False,
        kind="Variable",
        data_type="Float",
        type_definition="T2",
    )
    known = {"a.v": "T1 Double"}
    found = judged(Drift([spec]), 1, described={"site": {spec.address: item}}, types=known)
    assert codes(found) == ["D08 a.v", "D10 a.v"]
    assert judged(Drift([spec]), 1, described={}, types=known) == ()


def random_walk(slot: int, lag: int) -> SampleBatch:
    values = np.cumsum(np.random.default_rng(1).normal(size=200)).astype(np.float32).astype(float)
    return replace(every(slot, 1.0, 200 - lag), value=values[: 200 - lag])


def test_same_values_of_two_links_are_d11_and_constants_are_not() -> None:
    specs = [tag(0, "a.v"), tag(1, "b.v", link="other"), tag(2, "c.v"), tag(3, "d.v", link="other")]
    drift = Drift(specs)
    for slot in (0, 1):
        drift.see(random_walk(slot, 0))
    for slot in (2, 3):  # two switches
        drift.see(replace(every(slot, 1.0, 100), value=np.tile([0.0, 1.0], 50)))
    found = [item for item in judged(drift, 201) if item.code == "D11"]
    assert [(item.tag, item.other) for item in found] == [("b.v", "a.v")]


def fields(*paths: str, specs: tuple[TagSpec, ...] = ()) -> NewFields:
    routes = [Route(slot=i, tag=f"t{i}", channel="plant/a", path=path) for i, path in enumerate(paths)]
    return NewFields({"site": routes}, specs)


def test_new_field_of_a_known_message_is_d01_after_three() -> None:
    new = fields("$.flow", "pos.x")
    for _ in range(2):
        new.take("site", "plant/a", {"flow": 1.0, "pos": {"x": 1, "y": 2}, "t": 5}, stranger=False)
    assert list(new.items()) == []
    new.take("site", "plant/a", {"flow": 1.0, "pos": {"x": 1, "y": 2}, "t": 5}, stranger=False)
    [item] = new.items()
    assert (item.code, item.address, item.kind) == ("D01", "plant/a#pos.y", "number")


def test_new_topic_is_d01_with_kind_and_unit() -> None:
    new = fields("$.flow")
    for _ in range(3):
        new.take("site", "plant/b", {"pressure_bar": 2.5, "on": True}, stranger=True)
        new.take("site", "plant/c", "12", stranger=True)
    found = {item.address: (item.kind, item.unit) for item in new.items()}
    assert found == {
        "plant/b#pressure_bar": ("number", "bar"),
        "plant/b#on": ("bool", ""),
        "plant/c": ("text", ""),
    }


def test_topic_named_like_a_tag_of_another_link_is_d11() -> None:
    new = fields("$.flow", specs=(tag(0, "P-101.flow_rate", link="plc"),))
    for _ in range(3):
        new.take("site", "plant/p101/FlowRate", 3.5, stranger=True)
    [item] = new.items()
    assert (item.code, item.other) == ("D11", "P-101.flow_rate")


def test_decoders_of_their_own_kind_are_not_looked_into() -> None:
    route = Route(slot=0, tag="t", channel="plant/a", path="x", decoder="protobuf")
    new = NewFields({"site": [route]}, ())
    for _ in range(3):
        new.take("site", "plant/a", {"x": 1, "y": 2}, stranger=False)
    assert list(new.items()) == []


def test_hostile_documents_are_bounded() -> None:
    new = fields("$.flow")
    deep: object = 1
    for _ in range(60):
        deep = {"a": deep}
    for n in range(3):
        new.take("site", "plant/deep", deep, stranger=True)
        new.take("site", "plant/wide", {f"k{i}": n for i in range(5000)}, stranger=True)
    assert len(list(new.items())) <= 65


PUMP = {
    "@context": "dtmi:dtdl:context;2",
    "@id": "dtmi:plant:Pump;1",
    "@type": "Interface",
    "contents": [
        {"@type": ["Telemetry", "Temperature"], "name": "warm", "schema": "double", "unit": "degreeCelsius"},
        {"@type": "Telemetry", "name": "starts", "schema": "integer"},
        {
            "@type": "Telemetry",
            "name": "mode",
            "schema": {
                "@type": "Enum",
                "valueSchema": "integer",
                "enumValues": [{"name": "off", "enumValue": 0}, {"name": "on", "enumValue": 1}],
            },
        },
        {"@type": "Property", "name": "limit", "schema": "double", "writable": False},
        {"@type": "Relationship", "name": "feeds", "target": "dtmi:plant:Tank;1", "maxMultiplicity": 1},
    ],
}
TANK = {"@context": "dtmi:dtdl:context;2", "@id": "dtmi:plant:Tank;1", "@type": "Interface", "contents": []}


def plant_model(*specs: TagSpec, edges: tuple[str, ...] = ()) -> Modelled:
    documents = [Document(where="m.json", data=json.dumps([PUMP, TANK]).encode())]
    verdict = judge("m", documents, Options(undefined=False))
    assert verdict.model is not None, verdict.findings
    twins = [
        TwinInstance(id="P", model="dtmi:plant:Pump;1"),
        TwinInstance(id="P2", model="dtmi:plant:Pump;1"),
        TwinInstance(id="T", model="dtmi:plant:Tank;1"),
        TwinInstance(id="T2", model="dtmi:plant:Tank;1"),
    ]
    relations = [Relationship(source="P", name="feeds", target=target) for target in edges]
    return modelled(verdict.model, twins, relations, specs)


def test_types_of_twins_say_units_rights_and_names() -> None:
    specs = (
        tag(0, "P.warm", unit="bar"),
        tag(1, "P.starts"),
        tag(2, "P.limit", writable=True),
        tag(3, "P.other"),
    )
    found = plant_model(*specs)
    assert [(i.code, i.tag, i.level) for i in found.items] == [
        ("D05", "P.warm", "error"),
        ("D08", "P.limit", "warning"),
        ("D01", "P.other", "note"),
    ]
    assert plant_model(tag(0, "P.warm", unit="°C")).items == ()


def test_whole_numbers_and_enums_of_the_type_are_held_against_values() -> None:
    specs = (tag(0, "P.starts"), tag(1, "P.mode"))
    drift = Drift(specs, model=plant_model(*specs))
    drift.see(every(0, 1.0, 5, 3.0))
    drift.see(every(1, 1.0, 5, 1.0))
    assert judged(drift, 6) == ()
    drift.see(every(0, 1.0, 5, 2.5))
    drift.see(every(1, 1.0, 5, 7.0))
    assert codes(judged(drift, 12)) == ["D03 P.starts", "D04 P.mode"]
    wide = Drift(specs, model=plant_model(*specs))
    wide.see(every(0, 1.0, 5, 3e9))
    assert "32 bits" in judged(wide, 6)[0].what


def test_relationships_that_lead_nowhere_elsewhere_or_too_far_are_d09() -> None:
    assert [i.key for i in plant_model(edges=("T",)).items] == []
    assert [i.key for i in plant_model(edges=("gone",)).items] == ["D09 P feeds gone"]
    assert [i.key for i in plant_model(edges=("P2",)).items] == ["D09 P feeds P2"]
    assert [i.key for i in plant_model(edges=("T", "T2")).items] == ["D09 P feeds T2 most"]


def test_samples_of_computed_tags_are_no_drift() -> None:
    drift = Drift([tag(0, "a.v", expected_ms=1000, interval="engineer")])
    drift.see(joined([every(0, 1.0, 60), every(7, 0.05, 60)]))  # 7: of a rule, which no link brings
    assert judged(drift, 61) == ()
