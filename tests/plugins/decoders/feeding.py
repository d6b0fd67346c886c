"""Payloads through the real decoding, with the decoders that we ship made as a project would make them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
from google.protobuf import descriptor_pb2 as d

from armillary.api.ports import AnyDecoder
from armillary.extend.decoders import made
from armillary.extend.registry import Plugin, Registry
from armillary.model.fault import FaultRecord
from armillary.model.link import DecoderSpec, LinkSpec, Route, SubscriptionPlan
from armillary.model.sample import WireBatch
from armillary.telemetry.decode import Decoded, Decoding

NOW = 1_750_000_000_000_000_000
TOP = Path(__file__).resolve().parents[3]


def registry() -> Registry:
    """Our decoders, as pyproject.toml names them."""
    points = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["entry-points"]
    out = Registry()
    for name, place in points["armillary.decoders"].items():
        module, _, make = place.partition(":")
        loaded = getattr(__import__(module, fromlist=[make]), make)
        out.add(Plugin(kind="decoders", name=name, package="ours", make=loaded))
    return out


def decoders(folder: Path, **settings: dict[str, object]) -> tuple[dict[str, AnyDecoder], list[FaultRecord]]:
    """Our decoders and those with settings: meter={"kind": "struct", "format": …}."""
    specs = [
        DecoderSpec(
            name=name,
            kind=str(given["kind"]),
            settings={k: v for k, v in given.items() if k != "kind"},
            origin=f"project.toml:9: decoder.{name}",
        )
        for name, given in settings.items()
    ]
    return made(registry(), specs, folder)


def wire(*messages: tuple[str, bytes], content: tuple[str, ...] = ()) -> WireBatch:
    channels = tuple(dict.fromkeys(name for name, _ in messages))
    n = len(messages)
    return WireBatch(
        link="site",
        channel=np.array([channels.index(name) for name, _ in messages], np.uint32),
        channels=channels,
        start=np.concatenate(([0], np.cumsum([len(p) for _, p in messages]))).astype(np.int64),
        payload=b"".join(p for _, p in messages),
        arrival_ns=np.full(n, NOW),
        arrival_mono_ns=np.arange(n, dtype=np.int64) + 1,
        flags=np.zeros(n, np.uint8),
        content=np.arange(1, n + 1, dtype=np.uint8) if content else None,
        contents=("", *content),
    )


def route(slot: int, path: str = "", decoder: str = "json", channel: str = "p", **more: object) -> Route:
    return Route(slot=slot, tag=f"t{slot}", channel=channel, path=path, decoder=decoder, **more)  # type: ignore[arg-type]


def decoding(known: dict[str, AnyDecoder], *routes: Route) -> Decoding:
    link = LinkSpec(name="site", kind="mqtt", url="mqtt://127.0.0.1")
    return Decoding(SubscriptionPlan(link=link, routes=routes), known)


def rows(done: Decoded) -> list[tuple[int, float, int]]:
    s = done.samples
    return list(zip(s.slot.tolist(), s.value.tolist(), s.quality.tolist(), strict=True))


def meter_descriptors() -> bytes:
    """acme.Meter (proto3): t uint64, v double, optional w double, inner {x}, list of numbers, map, enum."""
    kind = d.FieldDescriptorProto
    file = d.FileDescriptorProto(name="meter.proto", package="acme", syntax="proto3")
    inner = file.message_type.add(name="Inner")
    inner.field.add(name="x", number=1, type=kind.TYPE_DOUBLE, label=kind.LABEL_OPTIONAL)
    meter = file.message_type.add(name="Meter")
    meter.field.add(name="t", number=1, type=kind.TYPE_UINT64, label=kind.LABEL_OPTIONAL)
    meter.field.add(name="v", number=2, type=kind.TYPE_DOUBLE, label=kind.LABEL_OPTIONAL)
    meter.oneof_decl.add(name="_w")
    meter.field.add(
        name="w",
        number=3,
        type=kind.TYPE_DOUBLE,
        label=kind.LABEL_OPTIONAL,
        oneof_index=0,
        proto3_optional=True,
    )
    meter.field.add(
        name="inner", number=4, type=kind.TYPE_MESSAGE, type_name=".acme.Inner", label=kind.LABEL_OPTIONAL
    )
    meter.field.add(name="list", number=5, type=kind.TYPE_FLOAT, label=kind.LABEL_REPEATED)
    meter.field.add(name="name", number=6, type=kind.TYPE_STRING, label=kind.LABEL_OPTIONAL)
    return d.FileDescriptorSet(file=[file]).SerializeToString()
