"""A decoder by its name → what turns bytes into a document: built in, a plugin's, or a chain of them.

`gzip|json` unpacks, then reads. All but the last are wrappers; the last one reads.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

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
from armillary.telemetry.payload import check_bounds, document, is_suspect

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
GUESSED = ("gzip", "msgpack", "cbor")
_JSON, _GZIP = frozenset(b'{["'), b"\x1f\x8b"
_CBOR_MAP, _CBOR_TAG = range(0xA0, 0xC0), range(0xC0, 0xDC)
_MSGPACK_MAP = frozenset((*range(0x80, 0x90), 0xDE, 0xDF))


@dataclass(frozen=True, slots=True)
class Chain:
    """One decoder with what stands before it, sorted once: to ask for a port costs more than to decode."""

    text: str
    wraps: tuple[Callable[[bytes], bytes], ...]
    last: str | AnyDecoder  # a built-in name or a plugin's decoder
    unpack: Callable[[bytes], object] | None = None  # of an Unpacks
    table: Tabulates | None = None
    is_json: bool = False  # and nothing before it
    guessed: Mapping[str, tuple[bool, Callable[[bytes], Any]]] = field(default_factory=dict)
    """What `auto` may choose from: name -> (it only unwraps, how)."""

    @property
    def name(self) -> str:
        """The last decoder's name."""
        return self.text.rpartition(LINK)[2]

    @property
    def checks_itself(self) -> bool:
        """Whether `loads` keeps the limits on size, depth and fields."""
        return bool(self.wraps) or not isinstance(self.last, str)

    def loads(self) -> Callable[[bytes], object]:
        """Return the quick reader; it may raise anything, and `document` then says what is wrong."""
        if self.last == "raw" or self.table is not None:
            return self.document
        wraps, read = self.wraps, self.unpack or (_json if self.wraps else orjson.loads)
        if not wraps:
            return read

        def unwrap_and_read(data: bytes) -> object:
            for unwrap in wraps:
                check_size(data)
                data = unwrap(data)
            return read(data)

        return unwrap_and_read

    def unwrapped(self, data: bytes) -> bytes:
        """Return the payload without its wrappers. Raises Undecodable."""
        for wrap in self.wraps:
            check_size(data)
            data = _guarded(wrap, data)
        return data

    def document(self, data: bytes) -> object:
        """Return the document of a payload. Raises Undecodable, whatever a plugin does."""
        if self.is_json:
            return document(data)
        data = self.unwrapped(data)
        check_size(data)
        if self.unpack is not None:
            return _guarded(self.unpack, data)
        if self.table is not None:
            return _guarded(self._line, data)
        return self._sniffed(data) if self.last == "auto" else document(data)

    def _line(self, data: bytes) -> object:
        """Return the fields of one payload that a table's decoder reads."""
        table = self.table
        if table is None:
            raise TypeError(f"{self.text} gives no table")
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
                if name in self.guessed:
                    is_wrap, read = self.guessed[name]
                    found: Any = _guarded(read, data)
                    return document(found) if is_wrap else found
            except Undecodable as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]
        return document(data)

    def place(self, path: str) -> Callable[[object], object] | None:
        """Return the decoder's own reader of a path, None where paths are those of JSON documents."""
        last: object = self.last
        return last.place(path) if isinstance(last, Navigates) else None


def _json(data: bytes) -> object:
    if is_suspect(data):
        check_bounds(data)
    return orjson.loads(data)


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
    return Chain(
        text=LINK.join(names),
        wraps=tuple(wrap.unwrap for wrap in wraps if isinstance(wrap, Unwraps)),
        last=reader,
        unpack=reader.unpack if isinstance(reader, Unpacks) else None,
        table=reader if isinstance(reader, Tabulates) else None,
        is_json=names == ["json"],
        guessed=_guessable(decoders) if last == "auto" else {},
    )


def _guessable(decoders: Mapping[str, AnyDecoder]) -> dict[str, tuple[bool, Callable[[bytes], Any]]]:
    out: dict[str, tuple[bool, Callable[[bytes], Any]]] = {}
    for name in GUESSED:
        found = decoders.get(name)
        if isinstance(found, Unwraps):
            out[name] = (True, found.unwrap)
        elif isinstance(found, Unpacks):
            out[name] = (False, found.unpack)
    return out
