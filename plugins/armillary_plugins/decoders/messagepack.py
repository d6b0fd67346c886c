"""MessagePack → a document. Its timestamps become ns since 1970; other extensions their bytes."""

from __future__ import annotations

import struct

import msgpack

from armillary.api import MAX_DEPTH, MAX_FIELDS, Undecodable, check_size, check_tree

_unpackb = msgpack.unpackb
_NS = 2  # msgpack's own number for «timestamps as whole ns»
_OPENS = bytes((*range(0x80, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF))
_OTHERS = bytes(set(range(256)) - set(_OPENS))
# lead byte -> (bytes of its length field, bytes besides the counted ones, what the length counts)
_SIZES: dict[int, tuple[int, int, str]] = {
    0xC0: (0, 0, ""), 0xC2: (0, 0, ""), 0xC3: (0, 0, ""),
    0xC4: (1, 0, "b"), 0xC5: (2, 0, "b"), 0xC6: (4, 0, "b"),
    0xC7: (1, 1, "b"), 0xC8: (2, 1, "b"), 0xC9: (4, 1, "b"),
    0xCA: (0, 4, ""), 0xCB: (0, 8, ""),
    0xCC: (0, 1, ""), 0xCD: (0, 2, ""), 0xCE: (0, 4, ""), 0xCF: (0, 8, ""),
    0xD0: (0, 1, ""), 0xD1: (0, 2, ""), 0xD2: (0, 4, ""), 0xD3: (0, 8, ""),
    0xD4: (0, 2, ""), 0xD5: (0, 3, ""), 0xD6: (0, 5, ""), 0xD7: (0, 9, ""), 0xD8: (0, 17, ""),
    0xD9: (1, 0, "s"), 0xDA: (2, 0, "s"), 0xDB: (4, 0, "s"),
    0xDC: (2, 0, "a"), 0xDD: (4, 0, "a"), 0xDE: (2, 0, "m"), 0xDF: (4, 0, "m"),
}  # fmt: skip
_FORMATS = {1: ">B", 2: ">H", 4: ">I"}
_FIX_MAP, _FIX_ARRAY, _FIX_TEXT, _NIL, _NEGATIVE = 0x80, 0x90, 0xA0, 0xC0, 0xE0


class MessagePack:
    """The decoder `msgpack`."""

    def unpack(self, data: bytes) -> object:
        """Return the document of one payload. Raises Undecodable with the byte at which it breaks."""
        check_size(data)
        try:
            document: object = _unpackb(data, strict_map_key=False, timestamp=_NS)
        except Exception as error:  # noqa: BLE001  it raises a dozen kinds; the scan below names the place
            raise refusal(data, error) from None
        if len(data) > MAX_DEPTH and (
            len(data) > MAX_FIELDS or len(data.translate(None, _OTHERS)) > MAX_DEPTH
        ):
            check_tree(document)
        return document


def refusal(data: bytes, error: Exception) -> Undecodable:
    """Return why a payload could not be read, and at which byte: a walk over the heads of its items."""
    if isinstance(error, msgpack.StackError):
        return Undecodable(f"too deep: the limit is {MAX_DEPTH} levels")
    try:
        end = _walked(data)
    except Undecodable as found:
        return found
    if end < len(data):
        return Undecodable(f"more than one MessagePack item: the second begins at byte {end}", end)
    return Undecodable(f"not MessagePack: {error}", 0)


def _walked(data: bytes) -> int:
    """Return the byte after the first item. Raises Undecodable where a head or its content is missing."""
    at, open_items = 0, [1]
    while open_items:
        if not open_items[-1]:
            open_items.pop()
            continue
        if len(open_items) > MAX_DEPTH + 1:
            raise Undecodable(f"too deep: the limit is {MAX_DEPTH} levels", at)
        open_items[-1] -= 1
        at, below = _item(data, at)
        if below:
            open_items.append(below)
    return at


def _item(data: bytes, at: int) -> tuple[int, int]:
    """Return (where the next item begins, how many items this one holds)."""
    size = len(data)
    if at >= size:
        raise Undecodable(f"MessagePack cut off at byte {size}", size)
    lead = data[at]
    counts, extra, what = 0, 0, ""
    begin = at + 1
    if _FIX_MAP <= lead < _FIX_ARRAY:
        counts, what = lead & 0x0F, "m"
    elif _FIX_ARRAY <= lead < _FIX_TEXT:
        counts, what = lead & 0x0F, "a"
    elif _FIX_TEXT <= lead < _NIL:
        counts, what = lead & 0x1F, "s"
    elif _NIL <= lead < _NEGATIVE:
        if lead not in _SIZES:
            raise Undecodable(f"not MessagePack at byte {at}: {lead:#04x} begins nothing", at)
        width, extra, what = _SIZES[lead]
        if begin + width > size:
            raise Undecodable(f"MessagePack cut off at byte {size}", size)
        if width:
            counts = struct.unpack_from(_FORMATS[width], data, begin)[0]
        begin += width
    end = begin + extra + (counts if what in ("b", "s") else 0)
    if end > size:
        raise Undecodable(f"MessagePack cut off at byte {size}", size)
    if what == "s":
        try:
            data[begin:end].decode()
        except UnicodeDecodeError as error:
            raise Undecodable(f"not UTF-8 at byte {begin + error.start}", begin + error.start) from None
    return end, counts * {"m": 2, "a": 1}.get(what, 0)


def make() -> MessagePack:
    """Return the decoder `msgpack`."""
    return MessagePack()
