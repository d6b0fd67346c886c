"""Each decoder through the real decoding: values, times, limits, and refusals with their place."""

from __future__ import annotations

import base64
import gzip
import json
import math
import struct
import zlib
from pathlib import Path

import cbor2
import msgpack
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tests.plugins.decoders.feeding import (
    NOW,
    decoders,
    decoding,
    meter_descriptors,
    route,
    rows,
    wire,
)

from armillary.api.ports import AnyDecoder
from armillary.model.payload import MAX_PAYLOAD
from armillary.model.quality import BAD, DECODE, GOOD
from armillary.telemetry.decode import Decoding
from armillary_plugins.decoders.layout import FormatError, layout

UNREADABLE = BAD | DECODE
T_NS = 1_700_000_000_000_000_000
CBOR = bytes.fromhex("a26176fb402900000000000061741a6553f100")  # the card's vectors
MSGPACK = bytes.fromhex("82a176cb4029000000000000a174ce6553f100")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("project")
    (out / "meter.desc").write_bytes(meter_descriptors())
    return out


@pytest.fixture(scope="module")
def known(folder: Path) -> dict[str, AnyDecoder]:
    made, problems = decoders(
        folder,
        meter={"kind": "protobuf", "descriptors": "meter.desc", "message": "acme.Meter"},
        packed={"kind": "struct", "format": "<HhIf:id,temp*0.1-40,t,flow"},
        table={"kind": "csv", "separator": ";", "columns": ["t", "v"], "decimal": ","},
    )
    assert not problems
    return made


def meter(**fields: object) -> bytes:
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(meter_descriptors()).file:
        pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("acme.Meter"))
    return kind(**fields).SerializeToString()


@pytest.mark.parametrize(
    ("decoder", "payload", "path", "time"),
    [
        ("cbor", CBOR, "v", "t"),
        ("msgpack", MSGPACK, "v", "t"),
        ("auto", CBOR, "v", "t"),
        ("auto", MSGPACK, "v", "t"),
        ("meter", meter(v=12.5, t=1_700_000_000), "v", "t"),
        ("packed", struct.pack("<HhIf", 7, 525, 1_700_000_000, 0.5), "temp", "t"),
        ("senml", b'[{"bn":"a:","n":"v","v":12.5,"bt":1700000000}]', "a:v", ""),
        ("senml", cbor2.dumps([{-2: "a:", 0: "v", 2: 12.5, -3: 1_700_000_000}]), "a:v", ""),
        ("jsonl", b'{"v":12.5,"t":1700000000}\n\n', "v", "t"),
        ("csv", b"1700000000, 12.5\r\n", "[1]", "[0]"),
        ("table", b"1700000000;12,5\n", "v", "t"),
        ("base64|cbor", base64.b64encode(CBOR), "v", "t"),
        ("hex|packed", struct.pack("<HhIf", 7, 525, 1_700_000_000, 0.5).hex().encode(), "temp", "t"),
        ("gzip|json", gzip.compress(b'{"v":12.5,"t":1700000000}', mtime=0), "v", "t"),
        ("auto", gzip.compress(b'{"v":12.5,"t":1700000000}', mtime=0), "v", "t"),
        (
            "base64|gzip|msgpack",
            base64.urlsafe_b64encode(gzip.compress(MSGPACK, mtime=0)).rstrip(b"="),
            "v",
            "t",
        ),
    ],
)
def test_every_decoder_gives_the_value_and_its_own_time(
    known: dict[str, AnyDecoder], decoder: str, payload: bytes, path: str, time: str
) -> None:
    it = decoding(known, route(3, path, decoder, time_path=time))
    assert not it.problems
    for _ in range(2):  # the first message of a channel goes the long way, the second the short one
        done = it.decode([wire(("p", payload), ("p", payload))])
        assert rows(done) == [(3, 12.5, GOOD)] * 2
        assert done.samples.source_ns.tolist() == [T_NS] * 2
        assert (done.messages, done.dropped) == (2, {})


@pytest.mark.parametrize(
    ("decoder", "payload", "reason", "offset"),
    [
        ("cbor", CBOR[:-3], "CBOR cut off at byte 16", 16),
        ("cbor", CBOR + b"\x01", "more than one CBOR item: the second begins at byte 19", 19),
        ("cbor", b"\xa1\x61v\x1c", "not CBOR at byte 4", 4),
        ("cbor", b"\x81" * 65 + b"\x01", "too deep: the limit is 64 levels", 65),
        ("cbor", bytes.fromhex("9b0000010000000000"), "CBOR cut off", 9),
        ("cbor", bytes.fromhex("d84643000000"), "not CBOR at byte", 6),
        ("msgpack", MSGPACK[:-3], "MessagePack cut off at byte 16", 16),
        ("msgpack", MSGPACK + b"\x01", "more than one MessagePack item: the second begins at byte 19", 19),
        ("msgpack", b"\x81\xa1v\xc1", "not MessagePack at byte 3", 3),
        ("msgpack", b"\x81\xa1v\xa1\xff", "not UTF-8 at byte 4", 4),
        ("msgpack", b"\x91" * 70 + b"\x01", "too deep", 0),
        ("msgpack", bytes.fromhex("dfffffffff"), "MessagePack cut off", 5),
        ("meter", meter(v=12.5, t=1_700_000_000)[:-3], "field 2 is cut off", 12),
        ("meter", b"\x0b", "wire type 3", 0),
        ("packed", b"1234567", "12 bytes are due and 7 came", 7),
        ("packed", b"1" * 13, "12 bytes are due and 13 came", 12),
        ("senml", b'[{"n":"v","v":1}', "not JSON at byte 16", 16),
        ("senml", b'[{"n":"v","v":1,"must_":1}]', "'must_', which must be understood", 0),
        ("senml", b'[{"n":"_v","v":1}]', "has the name '_v'", 0),
        ("senml", b'[{"n":"v","v":1,"vs":"x"}]', "has 2 values", 0),
        ("senml", b'[{"n":"v","v":"x"}]', "where a number is due", 0),
        ("senml", b'[{"bver":11,"n":"v","v":1}]', "version 11", 0),
        ("jsonl", b'{"v":1}\n{"v":', "not JSON at byte", 13),
        ("jsonl", b'{"v":1},{"v":2}\n', "not JSON at byte 7", 7),
        ("csv", b'1,"2', "not CSV", 4),
        ("csv", b"1,\xff", "not UTF-8 at byte 2", 2),
        ("base64|json", b"eyJ2!", "not base64 at byte 4", 4),
        ("base64|json", b"eyJ2I", "base64 cut off at byte 5", 5),
        ("hex|json", b"7b2", "an odd number", 3),
        ("hex|json", b"7b zz", "not hexadecimal at byte 3", 3),
        ("hex|json", b"7b \x0b7d", "not hexadecimal at byte 3", 3),  # no space of ours
        ("gzip|json", gzip.compress(b'{"v":1}', mtime=0)[:-4], "gzip cut off", 23),
        ("gzip|json", b"{}", "not gzip from byte 0", 0),
        ("gzip|json", gzip.compress(b'{"v":1', mtime=0), "not JSON at byte 6", 6),
    ],
)
def test_a_broken_payload_is_refused_with_its_place_and_its_tag_turns_bad(
    known: dict[str, AnyDecoder], decoder: str, payload: bytes, reason: str, offset: int
) -> None:
    path = {"packed": "temp", "csv": "[0]"}.get(decoder, "v")
    it = decoding(known, route(0, path, decoder))
    assert not it.problems
    for _ in range(2):
        done = it.decode([wire(("p", payload))])
        assert rows(done)[0][2] == UNREADABLE
        assert (done.messages, done.dropped) == (0, {"undecodable": 1})
    kept = it.quarantine[-1]
    assert reason in kept.reason
    assert kept.offset == offset
    assert kept.head == payload


@pytest.mark.parametrize("decoder", ["cbor", "msgpack", "senml", "jsonl", "csv", "gzip|json", "base64|json"])
def test_nothing_over_a_mebibyte_is_read(known: dict[str, AnyDecoder], decoder: str) -> None:
    it = decoding(known, route(0, "v", decoder))
    it.decode([wire(("p", b"\x00" * (MAX_PAYLOAD + 1)))])
    assert "too big" in it.quarantine[0].reason


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_bomb_is_refused_before_it_is_unpacked(known: dict[str, AnyDecoder], pack: object) -> None:
    bomb = pack(b" " * (50 * MAX_PAYLOAD))  # type: ignore[operator]
    assert len(bomb) < MAX_PAYLOAD / 10
    it = decoding(known, route(0, "v", "gzip|json"))
    it.decode([wire(("p", bomb))])
    assert it.quarantine[0].reason == f"too big: it unpacks to over {MAX_PAYLOAD} bytes"


@pytest.mark.parametrize(
    ("decoder", "dumps"),
    [
        ("cbor", cbor2.dumps),
        ("msgpack", msgpack.packb),
        ("jsonl", lambda tree: json.dumps(tree).encode()),
        ("gzip|json", lambda tree: gzip.compress(json.dumps(tree).encode())),
    ],
)
def test_too_many_fields_and_too_deep_trees_are_refused(
    known: dict[str, AnyDecoder], decoder: str, dumps: object
) -> None:
    deep: object = 1
    for _ in range(66):
        deep = {"a": deep}
    it = decoding(known, route(0, "v", decoder))
    many = {f"k{i}": 1 for i in range(10_001)}
    it.decode([wire(("p", dumps(many)), ("p", dumps(deep)))])  # type: ignore[operator]
    assert "too many fields" in it.quarantine[0].reason
    assert "too deep" in it.quarantine[1].reason


def test_cbor_reads_times_big_numbers_and_typed_arrays(known: dict[str, AnyDecoder]) -> None:
    document = {
        "t": cbor2.CBORTag(0, "2023-11-14T22:13:20.25Z"),
        "e": cbor2.CBORTag(1, 1_700_000_000.25),
        "big": 2**70,
        "huge": 10**400,
        "dec": cbor2.CBORTag(4, [-2, 1250]),
        "bin": cbor2.CBORTag(5, [-1, 25]),
        "half": cbor2.CBORTag(30, [25, 2]),
        "f4": cbor2.CBORTag(85, np.array([1, 2.5], "<f4").tobytes()),
        "u2": cbor2.CBORTag(65, np.array([1, 500], ">u2").tobytes()),
        7: 3.5,
    }
    payload = cbor2.dumps(document)
    names = ["big", "dec", "bin", "half", "`7`"]
    it = decoding(
        known,
        *(route(i, name, "cbor", time_path="t") for i, name in enumerate(names)),
        route(5, "f4", "cbor", time_path="e", kind="array"),
        route(6, "u2", "cbor", time_path="e", kind="array"),
        route(7, "huge", "cbor", time_path="e"),
    )
    done = it.decode([wire(("p", payload))])
    assert [value for _, value, _ in rows(done)[:5]] == [2.0**70, 12.5, 12.5, 12.5, 3.5]
    assert done.samples.array[5].tolist() == [1.0, 2.5]
    assert done.samples.array[6].tolist() == [1.0, 500.0]
    assert rows(done)[7][2] == UNREADABLE
    assert set(done.samples.source_ns.tolist()) == {T_NS + 250_000_000}


@pytest.mark.parametrize(
    "payload",
    [
        bytes.fromhex("d81c81d81d00"),  # a list that holds itself
        bytes.fromhex("c4821a7fffffff01"),  # 10 to the 2147483647
        bytes.fromhex("d823") + cbor2.dumps("(a+)+$"),  # a pattern
        cbor2.dumps(cbor2.CBORTag(30, [10**5000, 3**5000])),  # a fraction to shorten
        bytes.fromhex("d81e820100"),  # one by zero
        b"\xc2\x5a\x00\x0f\xff\x00" + b"\xff" * 0x0FFF00,  # a whole number of a million bytes
    ],
)
def test_costly_cbor_is_passed_over_and_never_hangs(known: dict[str, AnyDecoder], payload: bytes) -> None:
    it = decoding(known, route(0, "", "cbor"), route(1, "a", "cbor"), route(2, "", "cbor", kind="text"))
    done = it.decode([wire(("p", payload))])
    assert all(not math.isfinite(v) or q == GOOD for _, v, q in rows(done))


def test_a_document_behind_a_tag_that_nobody_knows_is_read(known: dict[str, AnyDecoder]) -> None:
    payload = cbor2.dumps(cbor2.CBORTag(19_999, {"a": [{"v": 12.5}]}))
    assert rows(decoding(known, route(0, "a[0].v", "cbor")).decode([wire(("p", payload))])) == [
        (0, 12.5, GOOD)
    ]


def test_msgpack_reads_timestamps_and_number_keys(known: dict[str, AnyDecoder]) -> None:
    payload = msgpack.packb({"t": msgpack.Timestamp(1_700_000_000, 250), 5: {"x": 4}})
    it = decoding(known, route(0, "`5`.x", "msgpack", time_path="t"))
    done = it.decode([wire(("p", payload))])
    assert rows(done) == [(0, 4.0, GOOD)]
    assert done.samples.source_ns.tolist() == [T_NS + 250]


def test_protobuf_tells_zero_from_absent(known: dict[str, AnyDecoder]) -> None:
    """proto3: a plain number that was not sent is 0; an `optional` one and a message are absent."""
    names = ("v", "w", "inner.x", "list", "list[-1]", "name")
    kinds = ("number", "number", "number", "array", "number", "text")
    it = decoding(
        known, *(route(i, n, "meter", kind=k) for i, (n, k) in enumerate(zip(names, kinds, strict=True)))
    )
    assert not it.problems
    done = it.decode([wire(("p", meter()))])
    assert [(slot, value) for slot, value, q in rows(done) if q == GOOD and math.isfinite(value)] == [
        (0, 0.0)
    ]
    done = it.decode([wire(("p", meter(v=1, w=0, inner={"x": 2}, list=[3, 4], name="N")))])
    assert {s: v for s, v, _ in rows(done)}.items() >= {0: 1.0, 1: 0.0, 2: 2.0, 4: 4.0}.items()
    assert done.samples.array[3].tolist() == [3.0, 4.0]
    assert list(done.samples.text.values()) == ["N"]


def test_a_path_that_the_message_does_not_have_names_the_nearest_field(known: dict[str, AnyDecoder]) -> None:
    it = decoding(known, route(0, "iner.x", "meter"), route(1, "v", "meter"))
    assert "no field 'iner'" in it.problems[0].what
    assert it.problems[0].remedy == "Did you mean 'inner'?"
    assert rows(it.decode([wire(("p", meter(v=2)))])) == [(1, 2.0, GOOD)]


def test_senml_resolves_names_times_units_and_values(known: dict[str, AnyDecoder]) -> None:
    pack = (
        b'[{"bn":"urn:dev:ow:10e2:","bt":1.32e9,"bu":"Cel","n":"temp","v":23.1},'
        b'{"n":"hum","u":"%RH","t":-5,"v":20},{"n":"open","vb":true},{"n":"id","vs":"x7"},{"n":"sum","s":3}]'
    )
    base = "urn:dev:ow:10e2:"
    it = decoding(
        known,
        route(0, f"{base}temp", "senml"),
        route(1, f"{base}hum", "senml"),
        route(2, f"{base}open", "senml", kind="bool"),
        route(3, f"{base}id", "senml", kind="text"),
        route(4, f"{base}temp|unit", "senml", kind="text"),
        route(5, f"{base}sum|sum", "senml"),
    )
    done = it.decode([wire(("p", pack))])
    by_slot = dict(zip(done.samples.slot.tolist(), done.samples.source_ns.tolist(), strict=True))
    assert by_slot[0] == 1_320_000_000_000_000_000
    assert by_slot[1] == 1_319_999_995_000_000_000
    values = {slot: value for slot, value, _ in rows(done)}
    assert (values[0], values[1], values[2], values[5]) == (23.1, 20.0, 1.0, 3.0)
    assert sorted(done.samples.text.values()) == ["Cel", "x7"]


def test_a_senml_time_below_2_to_the_28_is_relative_to_the_arrival(known: dict[str, AnyDecoder]) -> None:
    it = decoding(known, route(0, "a", "senml"))
    done = it.decode([wire(("p", b'[{"n":"a","v":1,"t":-60},{"n":"a","v":2}]'))])
    assert done.samples.source_ns.tolist() == [NOW - 60_000_000_000, NOW]


def test_a_payload_of_several_lines_gives_a_sample_for_each_in_order(known: dict[str, AnyDecoder]) -> None:
    it = decoding(known, route(0, "v", "jsonl", time_path="t"))
    done = it.decode([wire(("p", b'{"v":1,"t":1700000000}\n{"w":9}\n{"v":2,"t":1700000001}'))])
    assert rows(done) == [(0, 1.0, GOOD), (0, 2.0, GOOD)]
    assert done.samples.source_ns.tolist() == [T_NS, T_NS + 1_000_000_000]
    assert done.messages == 1


def test_packed_fields_of_a_fleet_are_read_together_each_into_its_own_slot(tmp_path: Path) -> None:
    line = "<u16[0:4]u16[4:16]i8[4:8]2x3H5s?d:mode,level*0.5,sign,list,label,on,t"
    known, problems = decoders(tmp_path, box={"kind": "struct", "format": line})
    assert not problems
    routes = []
    for k in range(3):
        for j, (name, kind) in enumerate(
            [(n, "number") for n in ("mode", "level", "sign", "list[2]")]
            + [("on", "bool"), ("list", "array"), ("label", "text")]
        ):
            routes.append(route(10 * k + j, name, "box", channel=f"d{k}", kind=kind, time_path="t"))
    routes.append(route(99, "v", "json", channel="j"))
    it = decoding(known, *routes)
    assert not it.problems

    def payload(k: int) -> bytes:
        return struct.pack("<Hbxx3H5s?d", 5 | (k << 4), -16, k, k + 1, k + 2, b"ab", True, 1.7e9 + k)

    messages = [(f"d{k}", payload(k)) for k in (2, 0, 1)]
    done = it.decode([wire(messages[0], ("j", b'{"v":7}'), *messages[1:], ("d0", b"short"))])
    got = {slot: value for slot, value, quality in rows(done) if quality == GOOD}
    assert got[99] == 7.0
    for k in (1, 2):
        values = [got[10 * k + j] for j in range(5)]
        assert values == [5.0, k * 0.5, -1.0, k + 2.0, 1.0]
    assert [q for s, _, q in rows(done) if s == 0] == [GOOD, UNREADABLE]  # d0: read, then a short one
    arrays = {int(done.samples.slot[i]): a.tolist() for i, a in done.samples.array.items()}
    assert arrays[25] == [2.0, 3.0, 4.0]
    assert {int(done.samples.slot[i]): t for i, t in done.samples.text.items()}[16] == "ab"
    assert (done.messages, done.dropped) == (4, {"undecodable": 1})


@pytest.mark.parametrize(
    ("line", "column", "what"),
    [
        ("HhI:a,b,c", 1, "begins with no byte order"),
        ("<Hy:a,b", 3, "is no code"),
        ("<HhI", 5, "the names are missing"),
        ("<Hh:a", 4, "2 fields have 1 names"),
        ("<Hh:a,a", 7, "given twice"),
        ("<Hh:a,b*", 7, "no name with a scale"),
        ("<u16[0:17]:a", 5, "are no bits"),
        ("<f[0:4]:a", 3, "are no bits"),
        ("<0H:a", 2, "no count"),
        ("<:a", 2, "no fields"),
        ("<4s:a*2", 5, "cannot be scaled"),
    ],
)
def test_a_bad_format_line_names_the_column(line: str, column: int, what: str) -> None:
    with pytest.raises(FormatError, match=what) as caught:
        layout(line)
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("settings", "what", "remedy"),
    [
        ({"kind": "struct", "format": "<Hh:a"}, "at column 4", "Write it like"),
        ({"kind": "struct"}, "'format' of the decoder 'mine' is missing", "Give 'format'"),
        ({"kind": "struct", "fromat": "<H:a"}, "no setting 'fromat'", "Did you mean 'format'?"),
        ({"kind": "strct", "format": "<H:a"}, "There is no decoder 'strct'", "Did you mean 'struct'?"),
        ({"kind": "cbor"}, "'cbor' takes no settings", "Give one of: csv, protobuf, struct."),
        ({"kind": "protobuf", "descriptors": "no.desc", "message": "a.B"}, "No such file", "protoc"),
        (
            {"kind": "protobuf", "descriptors": "../x.desc", "message": "a.B"},
            "outside the project",
            "Move it",
        ),
        (
            {"kind": "protobuf", "descriptors": "meter.desc", "message": "acme.Metre"},
            "no message 'acme.Metre'",
            "Did you mean 'acme.Meter'?",
        ),
        ({"kind": "csv", "separator": ";;"}, "separator", "Give"),
    ],
)
def test_settings_that_cannot_be_used_say_what_to_do(
    folder: Path, settings: dict[str, object], what: str, remedy: str
) -> None:
    made, problems = decoders(folder, mine=settings)
    assert "mine" not in made
    assert what in problems[0].what
    assert remedy in problems[0].remedy
    assert problems[0].where == "project.toml:9: decoder.mine"


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        ("cbr", "'cbr' of tag 't0' is not installed", "Did you mean 'cbor'?"),
        ("struct", "needs its setting 'format'", 'Add [decoder.NAME] with kind = "struct"'),
        ("json|gzip", "'json' unpacks nothing", "wrappers first"),
        ("base64|gzip", "nothing reads what comes out", "Add a reader"),
        ("gzip|gzip|gzip|gzip|json", "more than 4", "wrappers first"),
        ("packed", "no field 'v'", "Name one of: id, temp, t, flow."),
    ],
)
def test_a_decoder_that_cannot_be_used_is_its_tags_problem_alone(
    known: dict[str, AnyDecoder], name: str, what: str, remedy: str
) -> None:
    it = decoding(known, route(0, "v", name), route(1, "v", "json", channel="q"))
    assert what in it.problems[0].what
    assert remedy in it.problems[0].remedy
    assert rows(it.decode([wire(("q", b'{"v":1}'))])) == [(1, 1.0, GOOD)]


def test_what_the_sender_says_comes_before_the_looks(known: dict[str, AnyDecoder]) -> None:
    """0x81 begins a CBOR list of one map and a MessagePack map: only the content type can tell."""
    pack = cbor2.dumps([{0: "v", 2: 12.5}])
    messages = [("p", pack), ("p", b'{"v":1}\n{"v":2}'), ("p", CBOR), ("p", b'{"v":3}')]
    said = (
        "application/senml+cbor",
        "application/x-ndjson; charset=utf-8",
        "application/cbor",
        "image/unknown",
    )
    it: Decoding = decoding(known, route(0, "v", "auto"))
    done = it.decode([wire(*messages, content=said)])
    assert [value for _, value, _ in rows(done)] == [12.5, 1.0, 2.0, 12.5, 3.0]
    named = decoding(known, route(0, "v", "json"))  # a tag that names its decoder is not talked out of it
    assert rows(named.decode([wire(("p", b'{"v":3}'), content=("application/cbor",))])) == [(0, 3.0, GOOD)]


def test_auto_follows_a_sender_that_changes_its_form(known: dict[str, AnyDecoder]) -> None:
    it = decoding(known, route(0, "v", "auto"))
    forms = [CBOR, CBOR, b'{"v":1}', b'{"v":2}', MSGPACK, CBOR, b'{"v":3}']
    done = it.decode([wire(*[("p", form) for form in forms])])
    assert [value for _, value, _ in rows(done)] == [12.5, 12.5, 1.0, 2.0, 12.5, 12.5, 3.0]


def test_text_that_begins_like_a_tag_is_text(known: dict[str, AnyDecoder]) -> None:
    it = decoding(known, route(0, "", "auto", kind="text"))
    done = it.decode([wire(("p", "Öl niedrig".encode()))])
    assert list(done.samples.text.values()) == ["Öl niedrig"]


def test_a_required_place_that_is_missing_is_bad_and_an_omitted_zero_is_zero(
    known: dict[str, AnyDecoder],
) -> None:
    it = decoding(known, route(0, "a"), route(1, "b", absent="bad"), route(2, "c", absent="zero"))
    full = it.decode([wire(("p", b'{"a":1,"b":2,"c":3}'))])
    assert rows(full) == [(0, 1.0, GOOD), (1, 2.0, GOOD), (2, 3.0, GOOD)]
    done = it.decode([wire(("p", b'{"a":4}'))])
    assert [(s, q) for s, _, q in rows(done)] == [(0, GOOD), (1, UNREADABLE), (2, GOOD)]
    assert rows(done)[2][1] == 0.0
