r"""A run's state as bytes that say what they are: the model's own bytes, or the inputs to step it again with.

    ARMILLARY-SIM 1\n · length of the head (4 bytes) · head (JSON) · payload

`how` is `state` (exact and quick) or `replay` (start, inputs and every communication point: exact where the
model is deterministic, and as slow as the run was).
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from armillary.model.fault import Fault, WorldFault
from armillary.model.simulation import SimStart, Values

_MAGIC = b"ARMILLARY-SIM 1\n"
_LENGTH = struct.Struct("<I")
_MAX_HEAD = 65_536
_MAX_REPLAY = 256 * 1024 * 1024

Head = Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All that was asked of a run: how it began, when it was stepped to, which inputs changed before."""

    start: SimStart
    to_ns: Sequence[int] = ()
    changes: Sequence[tuple[int, Values]] = ()  # (index of the step before which they are set, inputs)


def packed(head: Head, payload: bytes) -> bytes:
    """Return a state as bytes."""
    top = json.dumps(dict(head)).encode()
    return _MAGIC + _LENGTH.pack(len(top)) + top + payload


def unpacked(data: bytes) -> tuple[Head, bytes]:
    """Return head and payload. Raises WorldFault for bytes that are no state of ours."""
    try:
        if not data.startswith(_MAGIC):
            raise ValueError("another kind of file")
        at = len(_MAGIC) + _LENGTH.size
        (length,) = _LENGTH.unpack(data[len(_MAGIC) : at])
        if length > min(_MAX_HEAD, len(data) - at):
            raise ValueError("cut off")
        head = json.loads(data[at : at + length])
        if not isinstance(head, dict) or not isinstance(head.get("t_ns"), int):
            raise ValueError("no head")
    except (struct.error, ValueError) as error:
        raise broken(str(error)) from error
    return head, data[at + length :]


def fits(head: Head, expected: Head) -> None:
    """Raise WorldFault when a state is of another model, version or machine."""
    for key, value in expected.items():
        if head.get(key) != value:
            raise WorldFault(
                f"The simulator's state is of another {key}: {head.get(key, 'none')!r}, not {value!r}.",
                where=str(head.get("model", "")),
                remedy="Take a snapshot with the model that is used now.",
            )


def course_packed(course: Course) -> bytes:
    """Return a course as bytes; numbers come back bit for bit."""
    s = course.start
    steps = [*course.to_ns]
    body = {
        "t_ns": s.t_ns,
        "members": s.members,
        "seed": s.seed,
        "initial": _plain(s.initial),
        "parameters": _plain(s.parameters),
        "inputs": _plain(s.inputs),
        "steps": [after - before for before, after in pairwise([s.t_ns, *steps])],
        "changes": [[at, _plain(values)] for at, values in course.changes],
    }
    return zlib.compress(json.dumps(body).encode())


def course_unpacked(data: bytes) -> Course:
    """Return the course of its bytes. Raises WorldFault for bytes that hold none."""
    try:
        opened = zlib.decompressobj()
        text = opened.decompress(data, _MAX_REPLAY)
        if opened.unconsumed_tail or not opened.eof:
            raise ValueError("cut off, or too long")
        body = json.loads(text)
        start = SimStart(
            t_ns=int(body["t_ns"]),
            members=int(body["members"]),
            seed=int(body["seed"]),
            initial=_values(body["initial"]),
            parameters=_values(body["parameters"]),
            inputs=_values(body["inputs"]),
        )
        steps = [int(n) for n in body["steps"]]
        changes = [(int(at), _values(values)) for at, values in body["changes"]]
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        raise broken(str(error)) from error
    return Course(start=start, to_ns=[*accumulate(steps, initial=start.t_ns)][1:], changes=changes)


def broken(why: str) -> Fault:
    """Return the fault of bytes that are no state."""
    return WorldFault(
        f"The simulator's state cannot be read: {why}.", where="snapshot", remedy="Use another snapshot."
    )


def _plain(values: Values) -> list[object]:
    return [list(values.names), values.data.tolist()]


def _values(plain: Sequence[Sequence[object]]) -> Values:
    names, rows = plain
    data = np.asarray(rows, np.float64)
    if not names:
        return Values()
    if data.ndim != 2 or len(data) != len(names):  # noqa: PLR2004  rows and members
        raise ValueError("values of another shape")
    return Values(names=tuple(str(n) for n in names), data=data)
