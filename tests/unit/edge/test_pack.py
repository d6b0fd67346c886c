"""What an edge sends is what its decoder reads, to the nanosecond, with quality, text and arrays."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armillary.edge import pack
from armillary.model.clock import NS
from armillary.model.link import LinkSpec, Route, SubscriptionPlan
from armillary.model.quality import BAD, SENSOR, UNCERTAIN
from armillary.model.sample import DUPLICATE, HISTORICAL, RETAINED, SampleBatch, WireBatch, batch_of
from armillary.telemetry.decode import Decoding
from armillary_plugins.decoders import edge, senml

T0 = 1_750_000_000 * NS
NAMES = ("a.x", "b.on", "c.name", "d.field", "e.y")
KINDS = ("number", "bool", "text", "array", "number")
TOPIC = "edge/north/data"


def some(slots: list[int], times: list[int], values: list[float], **more: object) -> SampleBatch:
    return batch_of(
        np.array(slots, np.uint32),
        np.array(values, np.float64),
        np.array(times, np.int64),
        0,
        0,
        **more,  # type: ignore[arg-type]
    )


def messages(payloads: list[bytes], flags: int = 0) -> WireBatch:
    n = len(payloads)
    sizes = np.cumsum([0, *map(len, payloads)])
    now = np.full(n, T0 + 100 * NS, np.int64)
    return WireBatch(
        link="up",
        channel=np.zeros(n, np.uint32),
        channels=(TOPIC,),
        start=sizes.astype(np.int64),
        payload=b"".join(payloads),
        arrival_ns=now,
        arrival_mono_ns=now,
        flags=np.full(n, flags, np.uint8),
    )


def read(*payloads: bytes, flags: int = 0) -> tuple[SampleBatch, Decoding]:
    """Decode as a world does, every tag found by its own name."""
    routes = tuple(
        Route(slot=i, tag=name, channel=TOPIC, decoder="edge", kind=kind)
        for i, (name, kind) in enumerate(zip(NAMES, KINDS, strict=True))
    )
    plan = SubscriptionPlan(link=LinkSpec(name="up", kind="mqtt", url="mqtt://x"), routes=routes)
    decoding = Decoding(plan, {"edge": edge.make(), "senml": senml.make()})
    return decoding.decode([messages(list(payloads), flags)]).samples, decoding


@pytest.mark.parametrize("form", ["json", "cbor"])
def test_values_texts_arrays_and_qualities_come_back(form: str) -> None:
    nan = float("nan")
    batch = some(
        [0, 1, 2, 3, 4, 0],
        [T0 + 1, T0 + 2, T0 + 3, T0 + 4, T0 - 3 * NS, T0 + 7 * NS + 123_456_789],
        [1.5, 1.0, nan, nan, nan, -2e-300],
        text={2: "on ä", 3: "3 values"},
        quality=np.array([0, 0, 0, 0, BAD | SENSOR, UNCERTAIN], np.uint16),
    )
    batch = replace(batch, array={3: np.array([1.5, np.nan, 3.0], np.float32)})
    (one,) = pack.packs(batch, NAMES, form)
    assert (one.samples, one.kind, one.first_ns) == (6, pack.LIVE, T0 - 3 * NS)
    got, _ = read(one.payload)
    assert got.slot.tolist() == batch.slot.tolist()
    assert got.source_ns.tolist() == batch.source_ns.tolist()
    assert np.array_equal(got.value, batch.value, equal_nan=True)
    assert got.quality.tolist() == batch.quality.tolist()
    assert got.text == {2: "on ä"}
    assert np.array_equal(got.array[3], batch.array[3], equal_nan=True)


def test_a_pack_is_senml_that_others_read() -> None:
    batch = some([0, 4], [T0 + NS // 2, T0 + NS], [1.5, 2.5])
    (one,) = pack.packs(batch, NAMES, "json")
    assert json.loads(one.payload) == [
        {"bt": T0 // NS, "n": "a.x", "t": 0.5, "v": 1.5},
        {"n": "e.y", "t": 1.0, "v": 2.5},
    ]
    found = senml.make().unpack(one.payload)
    assert list(found.documents) == [{"a.x": 1.5}, {"e.y": 2.5}]  # type: ignore[attr-defined]
    assert found.times == (T0 + NS // 2, T0 + NS)  # type: ignore[attr-defined]


def test_each_kind_is_packed_apart_and_a_pack_is_bounded() -> None:
    count = 2_500
    flags = np.zeros(count, np.uint8)
    flags[:3], flags[3:5], flags[5] = HISTORICAL, DUPLICATE, RETAINED
    batch = some([0] * count, [T0 + i for i in range(count)], [float(i) for i in range(count)], flags=flags)
    made = pack.packs(batch, NAMES, "json")
    assert [(p.kind, p.samples) for p in made] == [
        (pack.PAST, 3), (pack.AGAIN, 2), (pack.LIVE, 1000), (pack.LIVE, 1000), (pack.LIVE, 495)
    ]  # fmt: skip
    long = some(
        [2] * 8, [T0 + i for i in range(8)], [float("nan")] * 8, text=dict.fromkeys(range(8), "x" * 60_000)
    )
    sizes = [len(p.payload) for p in pack.packs(long, NAMES, "json")]
    assert len(sizes) == 2
    assert max(sizes) <= pack.MOST_BYTES


@given(
    st.lists(
        st.tuples(st.integers(0, 10**18), st.floats(allow_nan=False, allow_infinity=False)),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(["json", "cbor"]),
)
def test_times_and_numbers_are_exact(rows: list[tuple[int, float]], form: str) -> None:
    near = [T0 + t % (10 * 86_400 * NS) for t, _ in rows]  # of one batch: within days of each other
    batch = some([0] * len(rows), near, [v for _, v in rows])
    got, _ = read(*[p.payload for p in pack.packs(batch, NAMES, form)])
    assert got.source_ns.tolist() == near
    assert got.value.tolist() == [v for _, v in rows]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"[", "not JSON"),
        (b'{"n":"a.x"}', "a list of at most"),
        (b'[{"bt":1750000000,"n":"a.x","v":1},3]', "record 1 is no table"),
        (b'[{"bt":1750000000,"n":"a.x"}]', "record 0 has no value"),
        (b'[{"bt":"now","n":"a.x","v":1}]', "record 0 has no time"),
        (b'[{"bt":1750000000,"n":"a.x","v":1,"q":-1}]', "a quality that is none"),
        (b'[{"bt":1750000000,"n":"d.field","vd":"x"}]', "no numbers"),
    ],
)
def test_a_pack_that_cannot_be_read_is_refused_whole(payload: bytes, reason: str) -> None:
    got, decoding = read(payload)
    assert (got.quality & 0xFF == BAD).all()
    assert reason in decoding.quarantine[-1].reason


def test_names_that_no_tag_has_are_passed_over_and_flags_stay() -> None:
    got, _ = read(b'[{"bt":1750000000,"n":"zz","v":9},{"n":"a.x","t":0.25,"v":1}]', flags=HISTORICAL)
    assert got.value.tolist() == [1.0]
    assert got.flags.tolist() == [HISTORICAL]
