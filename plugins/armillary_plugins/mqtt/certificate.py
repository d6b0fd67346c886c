"""What a certificate says of itself, read from its DER bytes (RFC 5280): names, dates, fingerprint.

Python tells nothing of a certificate that it does not trust, and that is the one a person has to judge.
"""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NS = 1_000_000_000
_SEQUENCE, _SET, _OID, _UTC_TIME = 0x30, 0x31, 0x06, 0x17
_VERSION, _EXTENSIONS, _OCTETS = 0xA0, 0xA3, 0x04
_NAME_DNS, _NAME_IP = 0x82, 0x87
_COMMON_NAME, _ALT_NAMES = bytes.fromhex("550403"), bytes.fromhex("551d11")
_LONG_FORM, _LENGTH_BYTES = 0x80, 4
_CENTURY = 50  # a year of two digits from here on is of the last century
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate, as far as people have to judge it."""

    subject: str  # common name
    issuer: str
    names: tuple[str, ...]  # of the hosts that it is for
    from_ns: int
    until_ns: int
    fingerprint: str  # SHA-256, `AB:CD:…`


def read(der: bytes) -> Certificate:
    """Return what a certificate says. Raises ValueError for bytes that are none."""
    try:
        return _read(der)
    except (IndexError, StopIteration, UnicodeDecodeError) as error:
        raise ValueError("no certificate") from error


def read_file(path: Path) -> Certificate:
    """Return the first certificate of a PEM file. Raises OSError, ValueError."""
    text = path.read_text("ascii", "replace")
    begin = text.find("-----BEGIN CERTIFICATE-----")
    end = text.find("-----END CERTIFICATE-----", begin)
    if begin < 0 or end < 0:
        raise ValueError("no certificate in the file")
    return read(ssl.PEM_cert_to_DER_cert(text[begin : end + len("-----END CERTIFICATE-----")]))


def _read(der: bytes) -> Certificate:
    (_, whole) = next(_parts(der))
    (_, body) = next(_parts(whole))
    fields = [part for part in _parts(body) if part[0] != _VERSION]
    _serial, _algorithm, issuer, validity, subject, *rest = fields
    dates = [_time(kind, raw) for kind, raw in _parts(validity[1])]
    extensions = next((raw for kind, raw in rest if kind == _EXTENSIONS), b"")
    digest = hashlib.sha256(der).hexdigest().upper()
    return Certificate(
        subject=_common_name(subject[1]),
        issuer=_common_name(issuer[1]),
        names=tuple(_alternatives(extensions)),
        from_ns=dates[0],
        until_ns=dates[1],
        fingerprint=":".join(digest[i : i + 2] for i in range(0, len(digest), 2)),
    )


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (tag, content) of DER elements one behind the other."""
    at = 0
    while at < len(data):
        tag, length, start = data[at], data[at + 1], at + 2
        if length & _LONG_FORM:
            count = length & ~_LONG_FORM
            if not 0 < count <= _LENGTH_BYTES:
                raise ValueError("a length of DER is out of bounds")
            length, start = int.from_bytes(data[start : start + count], "big"), start + count
        at = start + length
        if at > len(data):
            raise ValueError("DER ends early")
        yield tag, data[start:at]


def _common_name(name: bytes) -> str:
    for kind, one in _parts(name):
        for _, pair in _parts(one) if kind == _SET else ():
            oid, value = [raw for _, raw in _parts(pair)][:2]
            if oid == _COMMON_NAME:
                return value.decode("utf-8", "replace")
    return ""


def _alternatives(extensions: bytes) -> Iterator[str]:
    for _, every in _parts(extensions):
        for _, one in _parts(every):
            fields = list(_parts(one))
            if fields[0] != (_OID, _ALT_NAMES) or fields[-1][0] != _OCTETS:
                continue
            for kind, raw in _parts(next(_parts(fields[-1][1]))[1]):
                if kind == _NAME_DNS:
                    yield raw.decode("ascii", "replace")
                elif kind == _NAME_IP and len(raw) in (4, 16):
                    yield str(ipaddress.ip_address(raw))


def _time(kind: int, raw: bytes) -> int:
    """Return ns UTC of a UTCTime (years of two digits) or GeneralizedTime."""
    text = raw.decode("ascii").rstrip("Z")
    if kind == _UTC_TIME:
        text = ("19" if int(text[:2]) >= _CENTURY else "20") + text
    month, day = _MONTHS[int(text[4:6]) - 1], int(text[6:8])
    clock = f"{text[8:10]}:{text[10:12]}:{text[12:14]}"
    return ssl.cert_time_to_seconds(f"{month} {day:2d} {clock} {text[:4]} GMT") * NS
