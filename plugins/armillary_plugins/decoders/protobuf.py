"""Protobuf by a descriptor set: `protoc -o meter.desc --include_imports meter.proto`, and a message's name.

A document is the message itself. A field that was not sent is absent where the schema can tell (proto2,
proto3 `optional`, a message, a member of a oneof); a plain proto3 number that was not sent is 0, as proto3
has it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from armillary.api import ABSENT, DecoderContext, ProjectFault, Undecodable, check_size
from armillary_plugins.decoders.settings import check_keys, text, wrong

_STEP = re.compile(r"\.?([A-Za-z_]\w*)|\[(-?\d+)\]|\[\s*[\"']([^\"']*)[\"']\s*\]")
_NUMBERS = frozenset(
    {
        FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64, FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT,
    }
)  # fmt: skip
_MAX_VARINT, _TAG_BITS, _MORE = 10, 3, 0x80
_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
_MOST_BYTES = 8 * 1024 * 1024  # of a descriptor set


class Protobuf:
    """The decoder `protobuf`. It reads nothing until it is set up with a descriptor set and a message."""

    needs = "descriptors"

    def __init__(self, kind: Descriptor | None = None) -> None:
        self._kind = kind
        if kind is not None:
            self.needs = ""
            # Any: a class made at run time, with no type of its own
            self._parse: Any = message_factory.GetMessageClass(kind).FromString

    def configured(self, context: DecoderContext) -> Protobuf:
        """Return the decoder of one message. Raises ProjectFault for a file or a name that is not there."""
        check_keys(context, ("descriptors", "message"))
        name, wanted = text(context, "descriptors"), text(context, "message")
        file = (context.project / name).resolve()
        if not file.is_relative_to(context.project.resolve()):
            raise wrong(context, f"'{name}' lies outside the project.", "Move it into the project.")
        try:
            if file.stat().st_size > _MOST_BYTES:
                raise wrong(context, f"'{name}' is over 8 MiB.", "Write the descriptors of one message only.")
            held = descriptor_pb2.FileDescriptorSet.FromString(file.read_bytes())
        except OSError as error:
            raise wrong(
                context,
                f"The descriptor file '{name}' cannot be read: {error.strerror}.",
                f"Write it with: protoc --include_imports -o {name} your.proto",
            ) from None
        except DecodeError:
            what = f"'{name}' is no descriptor set."
            raise wrong(
                context, what, f"Write it with: protoc --include_imports -o {name} your.proto"
            ) from None
        return Protobuf(_found(context, held, wanted))

    def unpack(self, data: bytes) -> object:
        """Return the message. Raises Undecodable with the byte at which it breaks."""
        check_size(data)
        if self._kind is None:
            raise Undecodable("it has no descriptors")
        try:
            return self._parse(data)
        except DecodeError:
            at, why = _broken(data)
            raise Undecodable(f"not {self._kind.full_name} at byte {at}: {why}", at) from None

    def place(self, path: str) -> Callable[[object], object]:
        """Return what gives a field by its path: a.b, a[0], a["key"]. Raises ProjectFault."""
        if self._kind is None:
            raise ProjectFault("The decoder has no descriptors.", where=path, remedy="Set it up first.")
        steps = _steps(path, self._kind)

        def value(document: object) -> object:
            found: Any = document  # Any: a message, a list, a map or a value, as the descriptor has it
            for field, key in steps:
                if field is not None:
                    if field.has_presence and not found.HasField(field.name):
                        return ABSENT
                    found = getattr(found, field.name)
                elif isinstance(key, int):
                    if not -len(found) <= key < len(found):
                        return ABSENT
                    found = found[key]
                elif key in found:
                    found = found[key]
                else:
                    return ABSENT
            return _plain(found)

        return value

    def places(self, paths: Sequence[str]) -> Callable[[object], Any] | None:  # Any: as operator.itemgetter
        """Return a reader of several plain numbers that are always there; None where one may be absent."""
        if self._kind is None:
            return None
        fields = [self._kind.fields_by_name.get(path) for path in paths]
        plain = all(f and not f.has_presence and not f.is_repeated and f.cpp_type in _NUMBERS for f in fields)
        return attrgetter(*paths) if plain else None


def _found(context: DecoderContext, held: descriptor_pb2.FileDescriptorSet, wanted: str) -> Descriptor:
    """Return a message's descriptor. Raises ProjectFault with the nearest name."""
    pool = descriptor_pool.DescriptorPool()
    names: list[str] = []
    try:
        for file in held.file:
            pool.Add(file)
            prefix = f"{file.package}." if file.package else ""
            names += [f"{prefix}{kind.name}" for kind in file.message_type]
        return pool.FindMessageTypeByName(wanted)
    except KeyError:
        near = difflib.get_close_matches(wanted, names, 1)
        hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(names[:10]) or 'none'}."
        raise wrong(context, f"The descriptors hold no message '{wanted}'.", hint) from None
    except TypeError as error:  # a file that imports one that is not in the set
        raise wrong(
            context,
            f"The descriptors cannot be used: {str(error)[:200]}",
            "Write them with --include_imports.",
        ) from None


_Step = tuple[FieldDescriptor | None, str | int]


def _steps(path: str, kind: Descriptor) -> tuple[_Step, ...]:
    """Return a path's steps: (field, "") or (None, index or key). Raises ProjectFault."""
    out: list[_Step] = []
    at, here = 0, kind
    field: FieldDescriptor | None = None
    rest = path.removeprefix("$").removeprefix(".")
    while at < len(rest):
        match = _STEP.match(rest, at)
        if match is None:
            raise ProjectFault(
                f"The path '{path}' cannot be understood from '{rest[at : at + 20]}' on.",
                where=kind.full_name,
                remedy='Write it like a.b, a[0] or a["key"].',
            )
        name, index, key = match.groups()
        at = match.end()
        if name is None:
            out.append((None, int(index) if index is not None else _key(key, field)))
            continue
        if here is None or (field is not None and field.is_repeated and out[-1][0] is field):
            raise ProjectFault(
                f"'{path}' goes on into a list or a value.",
                where=kind.full_name,
                remedy="Give an element: a[0].",
            )
        field = here.fields_by_name.get(name)
        if field is None:
            near = difflib.get_close_matches(name, here.fields_by_name.keys(), 1)
            known = ", ".join(here.fields_by_name.keys())
            raise ProjectFault(
                f"{here.full_name} has no field '{name}'.",
                where=kind.full_name,
                remedy=f"Did you mean '{near[0]}'?" if near else f"It has: {known}.",
            )
        out.append((field, ""))
        here = field.message_type
        if here is not None and here.GetOptions().map_entry:
            here = here.fields_by_name["value"].message_type
    return tuple(out)


def _key(key: str, field: FieldDescriptor | None) -> str | int:
    """Return a map's key in the type that it has."""
    entry = field.message_type if field is not None else None
    numeric = entry is not None and entry.fields_by_name["key"].cpp_type in _NUMBERS
    return int(key) if numeric and key.lstrip("-").isdecimal() else key


def _plain(value: Any) -> object:  # Any: what a message holds
    """Return a value as a document's: a Timestamp as ns, a list as a list, a message as its text."""
    if isinstance(value, Message):
        if value.DESCRIPTOR.full_name == "google.protobuf.Timestamp":
            return value.seconds * 1_000_000_000 + value.nanos
        return str(value)
    if isinstance(value, int | float | str | bytes | bool):
        return value
    if hasattr(value, "items"):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(item) for item in value]


def _broken(data: bytes) -> tuple[int, str]:
    """Return where a message's outer fields break, and how; its end when each of them is whole."""
    at = 0
    while at < len(data):
        begin = at
        tag, at = _varint(data, at)
        if at < 0:
            return begin, "a field's number is cut off"
        wire = tag & (2**_TAG_BITS - 1)
        if wire == _VARINT:
            at = _varint(data, at)[1]
        elif wire in (_I64, _I32):
            at += 8 if wire == _I64 else 4
        elif wire == _LEN:
            size, at = _varint(data, at)
            at = at + size if at >= 0 else at
        else:
            return begin, f"wire type {wire}"
        if not tag >> _TAG_BITS:
            return begin, "field 0"
        if at < 0 or at > len(data):
            return len(data), f"field {tag >> _TAG_BITS} is cut off"
    return len(data), "a field inside is broken"


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return (value, where it ends); -1 as the end of one that has none."""
    value = 0
    for i, byte in enumerate(data[at : at + _MAX_VARINT]):
        value |= (byte & ~_MORE) << (7 * i)
        if byte < _MORE:
            return value, at + i + 1
    return 0, -1


def make() -> Protobuf:
    """Return the decoder `protobuf`, to be set up by a project."""
    return Protobuf()
