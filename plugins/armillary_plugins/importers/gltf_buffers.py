"""Buffers and accessors of glTF 2.0: bytes → numpy arrays, each number of the file checked before its use."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import orjson

from armillary.api import F4, I8
from armillary_plugins.importers.files import beside, damaged, whole

_GLB, _VERSION = b"glTF", 2
_HEAD, _CHUNK = struct.Struct("<4sII"), struct.Struct("<II")
_JSON, _BIN = 0x4E4F534A, 0x004E4942
_DTYPE = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
MOST_ITEMS = 300_000_000  # numbers of one accessor

Json = Mapping[str, Any]  # Any: what orjson read of a foreign file
_Raw = np.ndarray[tuple[int, ...], np.dtype[Any]]  # Any: of one of six dtypes


@dataclass(slots=True)
class Gltf:
    """A document and its bytes. Methods raise SceneFault where the document contradicts itself."""

    path: Path
    document: Json
    binary: bytes | None
    _buffers: dict[int, bytes] = field(default_factory=dict)

    def items(self, key: str) -> Sequence[Json]:
        """Return a list of the document; one that is no list of objects is damage."""
        found = self.document.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise damaged(self.path, f"'{key}' is no list of objects.")
        return found

    def item(self, key: str, number: object) -> Json:
        """Return one entry of a list."""
        found = self.items(key)
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(found):
            raise damaged(self.path, f"{key}[{number}] is not there.")
        return found[number]

    def buffer(self, number: int) -> bytes:
        """Return the bytes of a buffer: of the file itself, of a data URI, or of a file beside it."""
        if number not in self._buffers:
            uri = self.item("buffers", number).get("uri")
            if uri is None and number == 0 and self.binary is not None:
                self._buffers[number] = self.binary
            else:
                self._buffers[number] = self.resource(str(uri or ""))
        return self._buffers[number]

    def resource(self, uri: str) -> bytes:
        """Return what a URI of the document names."""
        if uri.startswith("data:"):
            try:
                return base64.b64decode(uri.partition(",")[2], validate=True)
            except (binascii.Error, ValueError) as error:
                raise damaged(self.path, "a data URI is not base64.") from error
        found = beside(self.path, unquote(uri))
        if found is None:
            raise damaged(self.path, f"'{uri[:200]}' is not there, or not in the folder of the file.")
        return found.read_bytes()

    def view(self, number: object) -> tuple[bytes, int, int, int]:
        """Return (buffer, first byte, length, stride) of a buffer view."""
        view = self.item("bufferViews", number)
        data = self.buffer(self.whole(view.get("buffer"), f"bufferViews[{number}].buffer"))
        start = self.whole(view.get("byteOffset", 0), f"bufferViews[{number}].byteOffset")
        length = self.whole(view.get("byteLength"), f"bufferViews[{number}].byteLength")
        stride = self.whole(view.get("byteStride", 0), f"bufferViews[{number}].byteStride")
        if start + length > len(data):
            raise damaged(self.path, f"bufferViews[{number}] reaches past the end of its buffer.")
        return data, start, length, stride

    def whole(self, value: object, where: str) -> int:
        """Return a number that counts something."""
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise damaged(self.path, f"{where} is {str(value)[:40]}.")
        return value

    def bytes_of(self, number: object) -> bytes:
        data, start, length, _ = self.view(number)
        return data[start : start + length]

    def numbers(self, number: object, width: int) -> F4:
        """Return an accessor as float32 (n, width), normalized integers as 0 … 1 or -1 … 1."""
        raw = self._raw(number)
        if raw.shape[1] < width:
            raise damaged(self.path, f"accessors[{number}] has {raw.shape[1]} numbers, not {width}.")
        out = raw[:, :width].astype(np.float32)
        if raw.dtype.kind != "f" and self.item("accessors", number).get("normalized"):
            out = np.maximum(out / np.float32(np.iinfo(raw.dtype).max), -1.0).astype(np.float32)
        return out

    def indices(self, number: object) -> I8:
        """Return an accessor of whole numbers as int64 (n,)."""
        raw = self._raw(number)
        if raw.dtype.kind == "f" or raw.shape[1] != 1:
            raise damaged(self.path, f"accessors[{number}] holds no indices.")
        return raw[:, 0].astype(np.int64)

    def _raw(self, number: object) -> _Raw:
        accessor = self.item("accessors", number)
        count = self.whole(accessor.get("count"), f"accessors[{number}].count")
        dtype, width = _DTYPE.get(accessor.get("componentType", 0)), _WIDTH.get(accessor.get("type", ""))
        if dtype is None or width is None:
            raise damaged(self.path, f"accessors[{number}] is of no known type.")
        if count * width > MOST_ITEMS:
            raise damaged(self.path, f"accessors[{number}] asks for {count:,} items.")
        offset = self.whole(accessor.get("byteOffset", 0), f"accessors[{number}].byteOffset")
        if "bufferView" in accessor:
            out = self._strided(accessor["bufferView"], offset, count, np.dtype(dtype), width, number)
        else:
            out = np.zeros((count, width), dtype)
        sparse = accessor.get("sparse")
        return out if not isinstance(sparse, dict) else self._sparse(sparse, out, np.dtype(dtype), number)

    def _strided(
        self, view: object, offset: int, count: int, dtype: np.dtype[Any], width: int, number: object
    ) -> _Raw:
        data, start, length, stride = self.view(view)
        size = dtype.itemsize * width
        stride = stride or size
        if stride < size or (count and offset + (count - 1) * stride + size > length):
            raise damaged(self.path, f"accessors[{number}] reaches past the end of its buffer view.")
        return np.ndarray(
            (count, width), dtype, buffer=data, offset=start + offset, strides=(stride, dtype.itemsize)
        )

    def _sparse(
        self,
        sparse: Json,
        base: _Raw,
        dtype: np.dtype[Any],
        number: object,
    ) -> _Raw:
        count = self.whole(sparse.get("count"), f"accessors[{number}].sparse.count")
        at, values = sparse.get("indices", {}), sparse.get("values", {})
        kind = _DTYPE.get(at.get("componentType", 0), "<u4")
        rows = self._strided(at.get("bufferView"), at.get("byteOffset", 0), count, np.dtype(kind), 1, number)[
            :, 0
        ].astype(np.int64)
        new = self._strided(
            values.get("bufferView"), values.get("byteOffset", 0), count, dtype, base.shape[1], number
        )
        if count and (rows.min() < 0 or rows.max() >= len(base)):
            raise damaged(self.path, f"accessors[{number}] changes items that are not there.")
        out = base.copy()
        out[rows] = new
        return out


def opened(path: Path) -> Gltf:
    """Return a .glb or .gltf file. Raises SceneFault when it is none."""
    data = whole(path)
    binary = None
    if data.startswith(_GLB):
        data, binary = _chunks(path, data)
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise damaged(path, f"its JSON cannot be read ({error.msg}).") from error
    if not isinstance(document, dict):
        raise damaged(path, "its JSON is no object.")
    asset = document.get("asset")
    version = str(asset.get("version", "")) if isinstance(asset, dict) else ""
    if not version.startswith(f"{_VERSION}."):
        raise damaged(path, f"it is glTF '{version}', not {_VERSION}.0.")
    return Gltf(path, document, binary)


def _chunks(path: Path, data: bytes) -> tuple[bytes, bytes | None]:
    if len(data) < _HEAD.size + _CHUNK.size:
        raise damaged(path, "it ends in its header.")
    _, version, length = _HEAD.unpack_from(data)
    if version != _VERSION:
        raise damaged(path, f"it is binary glTF {version}, not {_VERSION}.")
    if length > len(data):
        raise damaged(path, f"{length - len(data):,} bytes are missing at its end.")
    document, binary, at = b"", None, _HEAD.size
    while at + _CHUNK.size <= length:
        size, kind = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size
        if at + size > length:
            raise damaged(path, "a chunk reaches past its end.")
        if kind == _JSON and not document:
            document = data[at : at + size]
        elif kind == _BIN and binary is None:
            binary = data[at : at + size]
        at += size
    return document, binary
