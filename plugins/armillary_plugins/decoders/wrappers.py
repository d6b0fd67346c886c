"""Wrappers: base64, hex, gzip and zlib around another decoder's payload. Nothing unpacks to over 1 MiB."""

from __future__ import annotations

import binascii
import re
import zlib

from armillary.api import MAX_PAYLOAD, Undecodable

_BASE64 = re.compile(rb"[A-Za-z0-9+/_\- \t\r\n]*=*[ \t\r\n]*")
_HEX = re.compile(rb"[0-9A-Fa-f \t\r\n]*")
_SPACE = b" \t\r\n"
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_MEMBERS = 1000


class Base64:
    """Standard or URL-safe base64, with or without padding; spaces and line ends count for nothing."""

    def unwrap(self, data: bytes) -> bytes:
        """Return the bytes. Raises Undecodable with the first byte that is no base64."""
        try:
            return binascii.a2b_base64(data, strict_mode=True)
        except binascii.Error:
            pass  # unpadded, in another alphabet, with spaces, or none at all
        match = _BASE64.match(data)
        end = 0 if match is None else match.end()
        if end < len(data):
            raise Undecodable(f"not base64 at byte {end}", end)
        bare = data.translate(_URL_SAFE, _SPACE).rstrip(b"=")
        try:
            return binascii.a2b_base64(bare + b"=" * (-len(bare) % 4), strict_mode=bool(bare))
        except binascii.Error:
            raise Undecodable(f"base64 cut off at byte {len(data)}", len(data)) from None


class Hex:
    """Hexadecimal digits, spaces between them allowed."""

    def unwrap(self, data: bytes) -> bytes:
        """Return the bytes. Raises Undecodable with the first byte that is no digit."""
        match = _HEX.match(data)
        end = 0 if match is None else match.end()
        if end < len(data):
            raise Undecodable(f"not hexadecimal at byte {end}", end)
        bare = data.translate(None, _SPACE)
        if len(bare) % 2:
            raise Undecodable("an odd number of hexadecimal digits", len(data))
        return binascii.unhexlify(bare)


class Gzip:
    """gzip (all members, one after the other) or zlib."""

    def unwrap(self, data: bytes) -> bytes:
        """Return the bytes. Raises Undecodable for what is cut off, damaged, or over 1 MiB unpacked."""
        out: list[bytes] = []
        room, rest = MAX_PAYLOAD, data
        for _ in range(_MEMBERS):
            unpacking = zlib.decompressobj(_GZIP_OR_ZLIB)
            at = len(data) - len(rest)
            try:
                piece = unpacking.decompress(rest, room + 1)
            except zlib.error as error:
                raise Undecodable(f"not gzip from byte {at} on: {error}", at) from None
            room -= len(piece)
            if room < 0:
                raise Undecodable(f"too big: it unpacks to over {MAX_PAYLOAD} bytes", at)
            out.append(piece)
            if not unpacking.eof:
                raise Undecodable(f"gzip cut off at byte {len(data)}", len(data))
            rest = unpacking.unused_data
            if not rest.strip(b"\0"):  # some pad the end with zeros
                return b"".join(out)
        raise Undecodable(f"over {_MEMBERS} gzip members", len(data) - len(rest))


def base64() -> Base64:
    """Return the wrapper `base64`."""
    return Base64()


def hexadecimal() -> Hex:
    """Return the wrapper `hex`."""
    return Hex()


def gzip() -> Gzip:
    """Return the wrapper `gzip`."""
    return Gzip()
