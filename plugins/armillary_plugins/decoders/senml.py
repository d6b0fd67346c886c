"""SenML (RFC 8428), JSON and CBOR → one document for each time: {resolved name: value}.

A path is a resolved name. `name|unit` and `name|sum` are a record's unit and sum.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import orjson

from armillary.api import ABSENT, MAX_DEPTH, MAX_FIELDS, Several, Undecodable, check_size, check_tree
from armillary_plugins.decoders.cbor import Cbor

_LABELS = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_VALUES = ("v", "vs", "vb", "vd")
_KNOWN = frozenset(_LABELS.values())
_BASE = ("bn", "bt", "bu", "bv", "bs", "bver")
_ONLY_V = frozenset({"n", "v", "u", "t", "ut", *_BASE})  # no other value, no sum
_PLAIN = frozenset({int, float})
VERSION, NS = 10, 1_000_000_000
MOST_S = 9.2e9  # near the end of int64 in ns
_MOST_RECORDS = 5000


class Senml:
    """The decoder `senml`."""

    def __init__(self) -> None:
        self._cbor = Cbor()

    def unpack(self, data: bytes) -> object:
        """Return the resolved records of a pack. Raises Undecodable."""
        check_size(data)
        if data.lstrip()[:1] in (b"[", b""):
            try:
                pack: object = orjson.loads(data)
            except orjson.JSONDecodeError as error:
                raise Undecodable(f"not JSON at byte {error.pos}", error.pos) from None
            if len(data) > MAX_FIELDS or data.count(b"[") > MAX_DEPTH:
                check_tree(pack)
        else:
            pack = self._cbor.unpack(data)
        if not isinstance(pack, list) or len(pack) > _MOST_RECORDS:
            raise Undecodable(f"a SenML pack is a list of at most {_MOST_RECORDS} records")
        return resolved(pack)

    def place(self, path: str) -> Callable[[object], object]:
        """Return what finds a resolved name; "" is a record's first value, whatever its name."""
        if path:
            return lambda record: record.get(path, ABSENT) if isinstance(record, dict) else ABSENT
        return lambda record: next(iter(record.values()), ABSENT) if isinstance(record, dict) else ABSENT

    def places(self, paths: Sequence[str]) -> Callable[[object], Any] | None:  # Any: as operator.itemgetter
        """Return what takes several names of one time at once."""
        taken: Any = itemgetter(*paths)  # Any: it takes records, which are dicts
        return taken if all(paths) else None


def resolved(pack: Sequence[object]) -> Several:
    """Return the records with their base fields applied. Raises Undecodable for what the RFC refuses.

    Records of one time that follow each other are one document, unless a name comes again.
    """
    base: dict[str, Any] = {}  # Any: fields of a record, checked where they are used
    documents: list[dict[str, object]] = []
    times: list[int] = []
    for number, raw in enumerate(pack):
        if type(raw) is not dict:
            raise Undecodable(f"record {number} is no table")
        record = raw if raw.keys() <= _KNOWN else _labelled(raw, number)
        if not record.keys().isdisjoint(_BASE):
            base.update({key: record[key] for key in _BASE if key in record})
            _check_version(base.get("bver", VERSION), number)
        document = _values(record, base, number)
        if not document:
            continue
        t = _time(record, base, number)
        if documents and times[-1] == t and documents[-1].keys().isdisjoint(document):
            documents[-1].update(document)
        else:
            documents.append(document)
            times.append(t)
    return Several(documents=tuple(documents), times=tuple(times))


def _labelled(raw: dict[Any, Any], number: int) -> dict[Any, Any]:
    """Return a record with the names that CBOR has numbers for."""
    for key in raw:
        if isinstance(key, str) and key.endswith("_"):
            raise Undecodable(f"record {number} has the field '{key}', which must be understood")
    return {_LABELS.get(k, k) if type(k) is int else k: v for k, v in raw.items()}


def _check_version(version: object, number: int) -> None:
    if not isinstance(version, int) or version > VERSION:
        raise Undecodable(f"record {number} is of SenML version {version}; known is {VERSION}")


def _values(record: dict[Any, Any], base: dict[str, Any], number: int) -> dict[str, object]:
    v = record.get("v")
    if (
        type(v) in _PLAIN
        and record.keys() <= _ONLY_V
        and type(base.get("bv", 0)) in _PLAIN
        and "bs" not in base
    ):
        name = base.get("bn", "") + record.get("n", "") if type(record.get("n", "")) is str else ""
        if type(name) is str and _NAME.fullmatch(name):
            unit = record.get("u", base.get("bu"))
            value = v + base.get("bv", 0)
            return {name: value} if unit is None else {name: value, f"{name}|unit": unit}
    given = [key for key in _VALUES if key in record]
    if not given and "s" not in record and "bs" not in base:
        return {}
    name = f"{base.get('bn', '')}{record.get('n', '')}"
    if not _NAME.fullmatch(name):
        raise Undecodable(f"record {number} has the name '{name[:80]}', which SenML does not allow")
    if len(given) > 1:
        raise Undecodable(f"record {number} has {len(given)} values: {', '.join(given)}")
    out: dict[str, object] = {}
    if given:
        key = given[0]
        value = record[key]
        if key == "v":
            value = _number(value, number) + _number(base.get("bv", 0), number)
        out[name] = _bytes(value, number) if key == "vd" else value
    if "s" in record or "bs" in base:
        out[f"{name}|sum"] = _number(record.get("s", 0), number) + _number(base.get("bs", 0), number)
    unit = record.get("u", base.get("bu"))
    if unit is not None:
        out[f"{name}|unit"] = unit
    return out


def _number(value: object, number: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Undecodable(f"record {number} has {str(value)[:40]!r} where a number is due")
    return value


def _bytes(value: object, number: int) -> object:
    if isinstance(value, bytes):
        return value
    try:
        return base64.urlsafe_b64decode(str(value) + "=" * (-len(str(value)) % 4))
    except (binascii.Error, ValueError):
        raise Undecodable(f"record {number} has data that is no base64") from None


def _time(record: dict[Any, Any], base: dict[str, Any], number: int) -> int:
    """Return ns: since 1970, or below 2^28 s relative to now; 0 = now."""
    t, origin = record.get("t", 0), base.get("bt", 0)
    if not (type(t) in _PLAIN and type(origin) in _PLAIN):
        t, origin = _number(t, number), _number(origin, number)
    if isinstance(t, int) and isinstance(origin, int):
        return (t + origin) * NS if abs(t + origin) < MOST_S else 0
    seconds = float(t) + float(origin)
    # To the µs: a float of today's seconds has no more.
    return round(seconds * 1e6) * 1000 if math.isfinite(seconds) and abs(seconds) < MOST_S else 0


def make() -> Senml:
    """Return the decoder `senml`."""
    return Senml()
