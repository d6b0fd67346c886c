"""Laws of the exchange with «OPC UA – OpenUSD Bindings»: what goes out comes back as it was."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.encoding import openusd_json, openusd_nodeset
from armillary.encoding.openusd_in import prim_path, taken
from armillary.encoding.openusd_out import offered
from armillary.model.binding import (
    ASPECTS,
    AXES,
    CHANNELS,
    INTENTS,
    MAPS,
    ON_BAD,
    ON_STALE,
    ROLES,
    Binding,
    FieldSpec,
    MapSpec,
)
from armillary.model.openusd import SceneOffer
from armillary.model.tags import TagSpec

NODES = ("nsu=urn:plant;s=P101.Temp", "nsu=urn:plant%3B2;i=7", "nsu=urn:plant;/0:Objects/P101/Speed")
SPECS = (
    *(
        TagSpec(slot=i, name=f"P101.t{i}", link="plc", address=node, unit=unit)
        for i, (node, unit) in enumerate(zip(NODES, ("°C", "rpm", "m"), strict=True))
    ),
    TagSpec(slot=3, name="P101.mqtt", link="site", address="plant/p101#$.v"),
    TagSpec(slot=4, name="P101.sum", expression="P101.t0 + 1"),
)
KINDS = {"plc": "opcua", "site": "mqtt"}
KNOWN = {f"{s.link}!{s.address}": s.name for s in SPECS if s.link}

number = st.floats(-1e6, 1e6).map(lambda x: round(x, 6))
words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs", "S")), max_size=12)
prims = st.sampled_from(("/Plant/P101", "/Plant/P101/Body", "/Plant/P102", "/A"))
pairs = st.tuples(number, number)
maps = st.builds(
    MapSpec,
    kind=st.sampled_from(MAPS),
    scale=number,
    offset=number,
    clamp=pairs,
    state_keys=st.lists(words, max_size=3).map(tuple),
    state_values=st.lists(words, max_size=3).map(tuple),
    expr=words,
)
plain = st.builds(
    Binding,
    name=st.from_regex(r"\A[a-z_][A-Za-z0-9_]{0,8}x\Z"),
    prim=prims,
    signal=st.sampled_from(("", *(s.name for s in SPECS))),
    address=st.sampled_from(("", "plc!nsu=urn:x;i=5", "site!a/b#$.c")),
    channel=st.sampled_from(CHANNELS),
    targets=st.lists(
        st.sampled_from(("/Plant/P101/A", "/Plant/Q", "/A.inputs:x")), max_size=3, unique=True
    ).map(tuple),
    axis=st.sampled_from(AXES),
    property_name=st.sampled_from(("", "id:20", "primvars:x", "look")),
    value_type=st.sampled_from(("", "color3f[]", "double3")),
    map=maps,
    field=st.builds(
        FieldSpec,
        sensors=st.lists(st.sampled_from(("/S/a", "/S/b")), max_size=2).map(tuple),
        neighbours=st.integers(1, 9),
    ),
    ends=pairs,
    colormap=st.sampled_from(("", "level")),
    unit=st.sampled_from(("", "°C", "rad", "weird")),
    target_unit=st.sampled_from(("", "degree", "m")),
    interval_s=st.sampled_from((0.0, 0.25, 2.0, 1e-3)),
    stale_after_s=st.sampled_from((0.0, 3.0)),
    on_bad=st.sampled_from(ON_BAD),
    on_stale=st.sampled_from(ON_STALE),
    fallback=words,
    enabled=st.booleans(),
    intent=st.sampled_from(INTENTS),
    role=st.sampled_from(ROLES),
    id=st.sampled_from(
        ("", "6e63cf2c-f2de-4f78-a8f8-f0ccdbb7647a", "not a guid", "ABCDEF01-0000-0000-0000-000000000001")
    ),
    command=st.sampled_from(("", "plc!nsu=urn:x;i=9", "plc!nsu=urn:x;i=9#method=nsu=urn:x;i=10", "odd")),
    semantic_id=st.sampled_from(("", "0173-1#02-AAO677#002")),
    alarm_aspect=st.sampled_from(ASPECTS),
    time_sampled=st.booleans(),
)
bound = st.lists(plain, max_size=3, unique_by=lambda b: (b.prim, b.name)).map(
    lambda found: tuple(sorted(found, key=lambda b: (b.prim, b.name)))
)


def back(offer: SceneOffer) -> tuple[Binding, ...]:
    found = taken(offer, "plc", KNOWN, [s.name for s in SPECS])
    assert not found.tags
    return tuple(sorted(found.bindings, key=lambda b: (b.prim, b.name)))


@settings(max_examples=30, deadline=None)
@given(bound)
def test_json_of_bindings_read_again_gives_the_same_bindings(bindings: tuple[Binding, ...]) -> None:
    offer, _ = offered(bindings, SPECS, KINDS, "plant")
    assert back(openusd_json.read(openusd_json.text_of(offer), "here")) == bindings


@settings(max_examples=25, deadline=None)
@given(bound.filter(bool))
def test_nodeset_of_bindings_read_again_gives_the_same_bindings(bindings: tuple[Binding, ...]) -> None:
    offer, _ = offered(bindings, SPECS, KINDS, "plant")
    assert back(openusd_nodeset.read(openusd_nodeset.text_of(offer, "urn:test"), "here")) == bindings


@settings(max_examples=30, deadline=None)
@given(plain)
def test_what_another_reader_does_not_see_is_listed_by_name(binding: Binding) -> None:
    offer, losses = offered((binding,), SPECS, KINDS, "plant")
    bare = replace(
        offer,
        represented=tuple(
            replace(r, live=tuple(replace(live, extra="") for live in r.live)) for r in offer.represented
        ),
    )
    seen = taken(bare, "plc", KNOWN, [s.name for s in SPECS]).bindings[:1]
    told = {loss.field for loss in losses}
    for name in ("colormap", "on_stale", "fallback", "stale_after_s"):
        if seen and getattr(seen[0], name) != getattr(binding, name):
            assert name in told


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_a_path_of_a_server_is_an_absolute_prim_path_or_refused(base: str, said: str) -> None:
    path = prim_path(f"/{base}", said)
    if path:
        assert path.startswith("/")
        assert ".." not in path
        assert all(part.isidentifier() for part in path[1:].split("/"))
