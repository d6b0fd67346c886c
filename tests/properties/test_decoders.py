"""Whatever tree is encoded comes back equal; whatever bytes come, nothing raises and nothing hangs."""

from __future__ import annotations

import json
import math
import struct
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cbor2
import msgpack
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plugins.decoders.feeding import decoders, decoding, meter_descriptors, route, rows, wire

from armillary.api.ports import AnyDecoder, Unpacks
from armillary.model.payload import Several, Undecodable
from armillary.telemetry.payload import document
from armillary_plugins.decoders.cbor import Cbor
from armillary_plugins.decoders.lines import JsonLines
from armillary_plugins.decoders.messagepack import MessagePack

LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
)
TREE = st.recursive(
    LEAF,
    lambda below: st.one_of(
        st.lists(below, max_size=6), st.dictionaries(st.text(max_size=8), below, max_size=6)
    ),
    max_leaves=30,
)


@cache
def known() -> dict[str, AnyDecoder]:
    folder = Path(__file__).resolve().parent
    made, problems = decoders(
        folder,
        packed={"kind": "struct", "format": "<Hhf3B4s:v,b,c,list,label"},
        longer={"kind": "struct", "format": "<H:v", "more": True},
    )
    assert not problems
    return made


@cache
def meter() -> tuple[type, Unpacks]:
    """The message's class and its decoder, of descriptors in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "m.desc").write_bytes(meter_descriptors())
        made, _ = decoders(
            Path(folder), meter={"kind": "protobuf", "descriptors": "m.desc", "message": "acme.Meter"}
        )
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(meter_descriptors()).file:
        pool.Add(file)
    decoder = made["meter"]
    assert isinstance(decoder, Unpacks)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("acme.Meter")), decoder


FORMS: dict[str, tuple[Callable[[object], bytes], Callable[[bytes], object]]] = {
    "json": (lambda tree: json.dumps(tree).encode(), document),
    "cbor": (cbor2.dumps, Cbor().unpack),
    "msgpack": (msgpack.packb, MessagePack().unpack),
}


@pytest.mark.parametrize("form", FORMS)
@settings(deadline=None, max_examples=60)
@given(tree=TREE)
def test_a_tree_comes_back_equal(form: str, tree: object) -> None:
    dumps, loads = FORMS[form]
    assert loads(dumps(tree)) == tree


@settings(deadline=None, max_examples=60)
@given(
    t=st.integers(0, 2**64 - 1),
    v=st.floats(allow_nan=False),
    w=st.none() | st.floats(allow_nan=False),
    numbers=st.lists(st.floats(allow_nan=False, width=32), max_size=9),
    name=st.text(max_size=20),
)
def test_a_protobuf_message_comes_back_equal(
    t: int, v: float, w: float | None, numbers: list[float], name: str
) -> None:
    kind, decoder = meter()
    fields = {"t": t, "v": v, "list": numbers, "name": name, **({} if w is None else {"w": w})}
    sent = kind(**fields)
    assert (
        decoder.unpack(sent.SerializeToString()) == sent
        or decoder.unpack(sent.SerializeToString()).SerializeToString() == sent.SerializeToString()
    )  # type: ignore[attr-defined]


@settings(deadline=None, max_examples=60)
@given(trees=st.lists(st.dictionaries(st.text(max_size=5), LEAF, max_size=4), max_size=6))
def test_lines_come_back_in_order(trees: list[dict[str, object]]) -> None:
    found = JsonLines().unpack(b"\n".join(json.dumps(tree).encode() for tree in trees))
    assert isinstance(found, Several)
    assert list(found.documents) == trees


@settings(deadline=None, max_examples=60)
@given(
    cells=st.lists(
        st.tuples(st.integers(0, 65535), st.integers(-32768, 32767), st.floats(width=32, allow_nan=False)),
        min_size=1,
        max_size=20,
    )
)
def test_packed_records_come_back_equal_however_they_are_batched(cells: list[tuple[int, int, float]]) -> None:
    it = decoding(known(), route(0, "v", "packed"), route(1, "b", "packed"), route(2, "c", "packed"))
    payloads = [struct.pack("<Hhf3B4s", *cell, 1, 2, 3, b"abc") for cell in cells]
    done = it.decode([wire(*[("p", payload) for payload in payloads])])
    expected = [float(x) if math.isfinite(x) else x for cell in cells for x in cell]
    assert [value for _, value, _ in rows(done)] == expected


NAMES = (
    "auto", "json", "raw", "cbor", "msgpack", "senml", "jsonl", "csv", "packed", "longer", "gzip|json",
    "base64|cbor", "hex|msgpack", "gzip|auto",
)  # fmt: skip
SEEDS = [
    b'{"v":1,"t":5}', bytes.fromhex("a26176fb402900000000000061741a6553f100"),
    bytes.fromhex("82a176cb4029000000000000a174ce6553f100"), b'[{"n":"v","v":1}]', b"1,2,3\n", b"ff00",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Real payloads with bytes changed, cut and doubled: they get further in than noise does."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=4))
    return bytes(data)


@settings(deadline=2000, max_examples=80)
@given(payloads=st.lists(st.one_of(st.binary(max_size=60), mutated()), min_size=1, max_size=4))
def test_any_bytes_are_decoded_or_refused_and_every_message_is_accounted_for(payloads: list[bytes]) -> None:
    for name in NAMES:
        it = decoding(
            known(),
            route(0, "" if name == "raw" else "v", name),
            route(1, "", "auto", kind="text", channel="q"),
        )
        assert not it.problems
        done = it.decode([wire(*[("p", p) for p in payloads], *[("q", p) for p in payloads])])
        assert done.messages + sum(done.dropped.values()) == 2 * len(payloads)
        for kept in it.quarantine:
            assert 0 <= kept.offset <= max(kept.size, len(kept.head) * 2 + 64)
            assert "the decoder failed" not in kept.reason


@settings(deadline=2000, max_examples=80)
@given(data=st.binary(max_size=80))
def test_any_bytes_are_a_protobuf_message_or_refused(data: bytes) -> None:
    _, decoder = meter()
    offset = 0
    try:
        decoder.unpack(data)
    except Undecodable as error:
        offset = error.offset
    assert 0 <= offset <= len(data)


@settings(deadline=None, max_examples=60)
@given(tree=st.dictionaries(st.text(min_size=1, max_size=5), TREE, min_size=1, max_size=5), data=st.data())
@pytest.mark.parametrize("form", FORMS)
def test_a_payload_cut_short_is_refused_with_its_place(form: str, tree: object, data: st.DataObject) -> None:
    dumps, loads = FORMS[form]
    payload = dumps(tree)
    cut = data.draw(st.integers(1, len(payload) - 1))
    with pytest.raises(Undecodable) as caught:
        loads(payload[:cut])
    assert 0 <= caught.value.offset <= cut
    if form != "json":
        assert caught.value.offset == cut
