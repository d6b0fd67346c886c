"""A decoder by its name → what turns bytes into a document: built in, a plugin's, or a chain of them.

`gzip|json` unpacks, then reads. All but the last are wrappers; the last one reads.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
import orjson

from armillary.api.ports import (
    AnyDecoder,
    Decoder,
    Navigates,
    Tabulates,
    TakesSettings,
    Unpacks,
    Unwraps,
)
from armillary.model.fault import ProjectFault
from armillary.model.payload import Undecodable, check_size
from armillary.telemetry.payload import document

_T = TypeVar("_T")

BUILT_IN = frozenset({"auto", "json", "raw"})
LINK = "|"
MOST = 4  # decoders in a chain
BY_CONTENT = {
    "application/json": "json",
    "application/cbor": "cbor",
    "application/msgpack": "msgpack",
    "application/x-msgpack": "msgpack",
    "application/vnd.msgpack": "msgpack",
    "application/senml+json": "senml",
    "application/senml+cbor": "senml",
    "application/x-ndjson": "jsonl",
    "application/jsonl": "jsonl",
    "application/gzip": "gzip|auto",
    "text/csv": "csv",
    "text/plain": "raw",
}
"""Decoder by the media type that a sender gives (MQTT 5: Content Type); parameters do not count."""
_JSON, _GZIP = frozenset(b'{["'), b"\x1f\x8b"
_CBOR_MAP, _CBOR_TAG = range(0xA0, 0xC0), range(0xC0, 0xDC)
_MSGPACK_MAP = frozenset((*range(0x80, 0x90), 0xDE, 0xDF))


@dataclass(frozen=True, slots=True)
class Chain:
    """One decoder with what stands before it. `last` is a built-in name or a plugin's decoder."""

    text: str
    wraps: tuple[Unwraps, ...]
    last: str | AnyDecoder
    others: Mapping[str, AnyDecoder]  # what `auto` may choose from

    @property
    def name(self) -> str:
        """The last decoder's name."""
        return self.text.rpartition(LINK)[2]

    @property
    def table(self) -> Tabulates | None:
        """The last decoder, where it gives columns."""
        return self.last if isinstance(self.last, Tabulates) else None

    @property
    def loads(self) -> Callable[[bytes], object]:
        """The quick reader; it may raise anything, and `document` then says what is wrong."""
        if self.wraps or self.last == "raw" or isinstance(self.last, Tabulates):
            return self.document
        return self.last.unpack if isinstance(self.last, Unpacks) else orjson.loads

    @property
    def checks_itself(self) -> bool:
        """Whether `loads` keeps the limits on size, depth and fields."""
        return bool(self.wraps) or not isinstance(self.last, str)

    def unwrapped(self, data: bytes) -> bytes:
        """Return the payload without its wrappers. Raises Undecodable."""
        for wrap in self.wraps:
            check_size(data)
            data = _guarded(wrap.unwrap, data)
        return data

    def document(self, data: bytes) -> object:
        """Return the document of a payload. Raises Undecodable, whatever a plugin does."""
        data = self.unwrapped(data)
        check_size(data)
        if isinstance(self.last, Unpacks):
            return _guarded(self.last.unpack, data)
        if isinstance(self.last, Tabulates):
            return _guarded(self._line, data)
        return self._sniffed(data) if self.last == "auto" else document(data)

    def _line(self, data: bytes) -> object:
        """Return the fields of one payload that a table's decoder reads."""
        table = cast("Tabulates", self.last)
        got = table.tabulate(data, np.zeros(1, np.int64), np.array([len(data)]))
        if got.refused:
            raise got.refused[0]
        cells = {name: column[0] for name, column in got.columns.items()}
        return {n: word(cell) if isinstance(cell, bytes) else cell.tolist() for n, cell in cells.items()}

    def _sniffed(self, data: bytes) -> object:
        """Return the document of a payload that says itself what it is, by its first bytes."""
        refusals: list[Undecodable] = []
        for name in guesses(data):
            try:
                found = self.others.get(name)
                if isinstance(found, Unwraps):
                    return document(_guarded(found.unwrap, data))
                if isinstance(found, Unpacks):
                    return _guarded(found.unpack, data)
            except Undecodable as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]
        return document(data)

    def place(self, path: str) -> Callable[[object], object] | None:
        """Return the decoder's own reader of a path, None where paths are those of JSON documents."""
        last: object = self.last
        return last.place(path) if isinstance(last, Navigates) else None


def guesses(data: bytes) -> tuple[str, ...]:
    """Return the decoders that a payload's first bytes point to, likeliest first; () = JSON or text.

    0x80–0x8f begins a MessagePack map or a CBOR list: maps are likelier, and a payload that is no good
    MessagePack to its last byte is tried as CBOR.
    """
    if not data or (data.lstrip()[:1] and data.lstrip()[0] in _JSON):
        return ()
    first = data[0]
    if data[:2] == _GZIP:
        return ("gzip",)
    if first in _MSGPACK_MAP:
        return ("msgpack", "cbor")
    return ("cbor", "msgpack") if first in _CBOR_MAP or first in _CBOR_TAG else ()


def word(cell: bytes) -> str:
    """Return the text of a field of fixed width: it ends at the first zero byte."""
    return cell.split(b"\0", 1)[0].decode("utf-8", "replace")


def _guarded(call: Callable[[bytes], _T], data: bytes) -> _T:
    try:
        return call(data)
    except Undecodable:
        raise
    except Exception as error:  # a stranger's code may raise anything; the message says so
        raise Undecodable(f"the decoder failed: {type(error).__name__}: {error}") from error


def chain_of(text: str, decoders: Mapping[str, AnyDecoder], tag: str) -> Chain:
    """Return a decoder, or a chain of them. Raises ProjectFault with what is wrong and the nearest name."""
    names = [name.strip() for name in text.split(LINK)]
    known = sorted(BUILT_IN | set(decoders))
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Name one of: {', '.join(known)}."
            raise ProjectFault(
                f"The decoder '{name}' of tag '{tag}' is not installed.", where=tag, remedy=hint
            )
        given = decoders.get(name)
        if isinstance(given, TakesSettings) and given.needs:
            raise ProjectFault(
                f"The decoder '{name}' of tag '{tag}' needs its setting '{given.needs}'.",
                where=tag,
                remedy=f'Add [decoder.NAME] with kind = "{name}" to project.toml, and name that one.',
            )
    *before, last = names
    wraps = [decoders.get(name) for name in before]
    if len(names) > MOST or not all(isinstance(wrap, Unwraps) for wrap in wraps):
        bad = next((n for n, w in zip(before, wraps, strict=True) if not isinstance(w, Unwraps)), "")
        what = f"'{bad}' unpacks nothing" if bad else f"more than {MOST} decoders"
        raise ProjectFault(
            f"The decoder '{text}' of tag '{tag}' cannot be used: {what}.",
            where=tag,
            remedy="Give wrappers first and one reader last, such as ['gzip', 'json'].",
        )
    reader: str | AnyDecoder = decoders.get(last, last)
    if isinstance(reader, Unwraps) and not isinstance(reader, Decoder | Unpacks | Tabulates):
        raise ProjectFault(
            f"The decoder '{text}' of tag '{tag}' unpacks, but nothing reads what comes out.",
            where=tag,
            remedy=f"Add a reader: ['{last}', 'json'].",
        )
    return Chain(LINK.join(names), tuple(cast("Unwraps", wrap) for wrap in wraps), reader, decoders)
