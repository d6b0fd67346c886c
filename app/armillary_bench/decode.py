"""Decoding beside the bare library: the same payloads, to samples and to nothing but Python objects.

Ours does more: channel, paths, time, quality and arrays of samples. The bar says how much that may cost.
"""

from __future__ import annotations

import base64
import csv
import gzip
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import cbor2
import msgpack
import numpy as np
import orjson
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from armillary.api.ports import DecoderContext
from armillary.model.link import LinkSpec, Route, SubscriptionPlan
from armillary.model.sample import WireBatch
from armillary.telemetry.decode import Decoding
from armillary_bench import flood
from armillary_bench.figure import figure
from armillary_plugins.decoders.cbor import Cbor
from armillary_plugins.decoders.lines import Csv, JsonLines
from armillary_plugins.decoders.messagepack import MessagePack
from armillary_plugins.decoders.packed import Packed
from armillary_plugins.decoders.protobuf import Protobuf
from armillary_plugins.decoders.senml import Senml
from armillary_plugins.decoders.wrappers import Base64, Gzip

MESSAGES, CHANNELS, BATCH, ROUNDS = 20_000, 100, 1000, 7
BAR = 2.0
SENML_BAR = 8.0  # the checks that its RFC asks for, record by record
CSV_BAR = 3.0  # each cell is looked at: number, text, or a whole number too long for a float
FORMAT = "<Qdddfiii:t,v0,v1,v2,v3,v4,v5,v6"
START_NS = 1_750_000_000_000_000_000
Loads = Callable[[bytes], object]


_FOUR = itemgetter("v0", "v1", "v2", "t")


def _four(document: Any) -> Sequence[Sequence[float]]:  # Any: a document
    return [_FOUR(document)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One decoder: payloads, the bare library's reader, and how a person would take the values by hand."""

    name: str
    decoder: str
    payloads: Sequence[bytes]
    peer: str
    loads: Loads
    # Any: what the library gives, of its own type
    take: Callable[[Any], Sequence[Sequence[float]]] = _four
    paths: tuple[str, ...] = ("v0", "v1", "v2")
    time: str = "t"
    bar: float = BAR


def benches() -> list[dict[str, object]]:
    """Return ns a message of each decoder, to samples of three of its eight fields and its time.

    Beside it the bare reader alone, and (with a bar) the bare reader, the four values taken and put into
    arrays, as a handler by hand would do at the least. Last what a full inbox costs.
    """
    held = _meter()
    kind = _message(held)
    documents = [_document(i) for i in range(MESSAGES)]
    text = [orjson.dumps(d) for d in documents]
    records = [struct.pack("<Qdddfiii", *d.values()) for d in documents]
    decoders = {
        "cbor": Cbor(), "msgpack": MessagePack(), "jsonl": JsonLines(), "csv": Csv(), "senml": Senml(),
        "gzip": Gzip(), "base64": Base64(), "meter": Protobuf(kind.DESCRIPTOR), "packed": _packed(),
    }  # fmt: skip
    cells = [b",".join(str(v).encode() for v in d.values()) for d in documents]
    ten = [b"\n".join(text[i : i + 10]) for i in range(0, MESSAGES, 10)]
    packs = [orjson.dumps(_pack(d)) for d in documents]
    cases = [
        _Case(name="json", decoder="json", payloads=text, peer="orjson.loads", loads=orjson.loads),
        _Case(name="cbor", decoder="cbor", payloads=[cbor2.dumps(d) for d in documents], peer="cbor2.loads",
              loads=cbor2.loads),
        _Case(name="msgpack", decoder="msgpack", payloads=[msgpack.packb(d) for d in documents],
              peer="msgpack.unpackb", loads=msgpack.unpackb),
        _Case(name="protobuf", decoder="meter", payloads=[kind(**d).SerializeToString() for d in documents],
              peer="FromString", loads=kind.FromString, take=lambda m: [(m.v0, m.v1, m.v2, m.t)]),
        _Case(name="senml", decoder="senml", payloads=packs, peer="orjson.loads", loads=orjson.loads,
              take=_resolved, paths=("d:v0", "d:v1", "d:v2"), time="", bar=SENML_BAR),
        _Case(name="jsonl", decoder="jsonl", payloads=ten, peer="orjson.loads of each line",
              loads=lambda data: [orjson.loads(line) for line in data.split(b"\n")],
              take=lambda lines: [_FOUR(line) for line in lines]),
        _Case(name="csv", decoder="csv", payloads=cells, peer="csv.reader, float of each cell",
              loads=lambda data: [float(cell) for cell in next(csv.reader([data.decode()]))],
              take=lambda line: [(line[1], line[2], line[3], line[0])],
              paths=("[1]", "[2]", "[3]"), time="[0]", bar=CSV_BAR),
        _Case(name="gzip_json", decoder="gzip|json", payloads=[gzip.compress(t, 1) for t in text],
              peer="gzip.decompress, orjson.loads", loads=lambda data: orjson.loads(gzip.decompress(data))),
        _Case(name="base64_json", decoder="base64|json", payloads=[base64.b64encode(t) for t in text],
              peer="b64decode, orjson.loads", loads=lambda data: orjson.loads(base64.b64decode(data))),
        _Case(name="struct", decoder="packed", payloads=records, peer="struct.unpack",
              loads=struct.Struct("<Qdddfiii").unpack, take=lambda r: [(r[1], r[2], r[3], r[0])]),
    ]  # fmt: skip
    out: list[dict[str, object]] = []
    for case in cases:
        ours, bare, by_hand = _measured(decoders, case)
        work = (
            f"{len(case.payloads)} payloads in batches of {BATCH} over {CHANNELS} channels, 3 values and a "
            f"time each; every sample was compared with what was sent; best CPU time of {ROUNDS}"
        )
        name = f"decode_{case.name}"
        out += [
            figure(name, ours, "ns", against=f"{case.peer}, values into arrays by hand",
                   against_value=by_hand, bar=case.bar, work=work),
            figure(f"{name}_bare", ours, "ns", against=f"{case.peer} alone", against_value=bare, bar=None,
                   work=work),
        ]  # fmt: skip
        if case.name == "struct":
            (floor,) = _best(lambda: [_columns(records[i : i + BATCH]) for i in range(0, MESSAGES, BATCH)])
            out.append(
                figure("decode_struct_floor", ours, "ns", against="np.frombuffer of all, to columns",
                       against_value=floor / MESSAGES, bar=None, work=work)
            )  # fmt: skip
    return [*out, *flood.benches()]


def _measured(decoders: dict[str, Any], case: _Case) -> tuple[float, float, float]:
    """Return ns a message of ours, of the bare reader, and by hand. Raises AssertionError for a loss.

    decoders: Any, because each is one of several ports.
    """
    width, payloads = len(case.paths), case.payloads
    routes = [
        Route(
            slot=c * width + i,
            tag=f"c{c}.{path}",
            channel=f"c{c}",
            path=path,
            time_path=case.time,
            decoder=case.decoder,
        )
        for c in range(CHANNELS)
        for i, path in enumerate(case.paths)
    ]
    link = LinkSpec(name="m", kind="mqtt", url="mqtt://127.0.0.1")
    it = Decoding(SubscriptionPlan(link=link, routes=tuple(routes)), decoders)
    if it.problems:
        raise AssertionError(str(it.problems[0]))
    pieces = [payloads[i : i + BATCH] for i in range(0, len(payloads), BATCH)]
    batches = [_wire(piece) for piece in pieces]
    done = [it.decode([batch]) for batch in batches]  # the first message of a channel goes the long way
    values = np.concatenate([d.samples.value for d in done])
    expected = np.array([_document(i)[f"v{k}"] for i in range(MESSAGES) for k in range(width)])
    if not np.allclose(np.sort(values), np.sort(expected), rtol=1e-6) or any(d.dropped for d in done):
        raise AssertionError(f"{case.name}: the samples are not what was sent")
    ways: tuple[Callable[[], object], ...] = (
        lambda: [it.decode([batch]) for batch in batches],
        lambda: [[case.loads(payload) for payload in piece] for piece in pieces],
        lambda: [_by_hand(piece, case) for piece in pieces],
    )
    ours, bare, by_hand = (spent / len(payloads) for spent in _best(*ways))
    return ours, bare, by_hand


def _best(*ways: Callable[[], object]) -> list[int]:
    """Return the least CPU time of each way, in ns; they take turns, and other processes do not count."""
    spent: list[list[int]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for way, mine in zip(ways, spent, strict=True):
            before = time.thread_time_ns()
            way()
            mine.append(time.thread_time_ns() - before)
    return [min(mine) for mine in spent]


def _by_hand(payloads: Sequence[bytes], case: _Case) -> object:
    loads, take = case.loads, case.take
    values: list[float] = []
    times: list[float] = []
    for payload in payloads:
        for *found, t in take(loads(payload)):
            values.extend(found)
            times.append(t)
    return np.array(values), np.array(times)


def _resolved(pack: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return (value, time) of the records of a SenML pack: base name, time and value, and nothing checked."""
    out, bn, bt, bv = [], "", 0.0, 0.0
    for record in pack:
        bn, bt, bv = record.get("bn", bn), record.get("bt", bt), record.get("bv", bv)
        name = bn + record.get("n", "")
        if name in _WANTED:
            out.append((record["v"] + bv, bt + record.get("t", 0)))
    return out


_WANTED = frozenset({"d:v0", "d:v1", "d:v2"})


def _document(i: int) -> dict[str, float]:
    return {
        "t": 1_750_000_000_000 + i, "v0": i + 0.25, "v1": i * 0.5, "v2": 20.5,
        "v3": 1.5, "v4": i, "v5": 7, "v6": -3,
    }  # fmt: skip


def _pack(document: dict[str, float]) -> list[dict[str, object]]:
    first: dict[str, object] = {"bn": "d:", "bt": document["t"] / 1000}
    return [
        (first if name == "v0" else {}) | {"n": name, "v": v} for name, v in document.items() if name != "t"
    ]


def _wire(payloads: Sequence[bytes]) -> WireBatch:
    n = len(payloads)
    return WireBatch(
        link="m",
        channel=(np.arange(n) % CHANNELS).astype(np.uint32),
        channels=_NAMES,
        start=np.concatenate(([0], np.cumsum([len(p) for p in payloads]))).astype(np.int64),
        payload=b"".join(payloads),
        arrival_ns=np.full(n, START_NS),
        arrival_mono_ns=np.full(n, 1),
        flags=np.zeros(n, np.uint8),
    )


_NAMES = tuple(f"c{c}" for c in range(CHANNELS))


_RECORD = np.dtype([("t", "<u8"), ("v", "<f8", 3), ("w", "<f4"), ("i", "<i4", 3)])


def _columns(payloads: Sequence[bytes]) -> object:
    """Return time and three columns of a batch, as little as arrays need: the floor of what is possible."""
    records = np.frombuffer(b"".join(payloads), _RECORD)
    return records["t"].astype(np.int64), records["v"].reshape(-1).copy()


def _packed() -> Packed:
    return Packed().configured(DecoderContext(name="packed", settings={"format": FORMAT}, project=Path()))


def _meter() -> descriptor_pb2.FileDescriptorSet:
    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="m.proto", package="b", syntax="proto3")
    message = file.message_type.add(name="M")
    for number, name in enumerate(("t", *(f"v{i}" for i in range(7))), 1):
        form = kind.TYPE_UINT64 if name == "t" else kind.TYPE_DOUBLE
        message.field.add(name=name, number=number, type=form, label=kind.LABEL_OPTIONAL)
    return descriptor_pb2.FileDescriptorSet(file=[file])


def _message(held: descriptor_pb2.FileDescriptorSet) -> Any:  # Any: a class made at run time
    pool = descriptor_pool.DescriptorPool()
    for file in held.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("b.M"))
