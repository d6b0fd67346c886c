"""What functions over time know, as bytes: for a file, a snapshot, and whoever goes on from a state."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from armillary.twin.past import Saved

SCHEMA = 1
MOST_BYTES = 32_000_000  # of one state: a message holds 256 MB, and a snapshot is kept
_HEAD = "head"
log = logging.getLogger(__name__)
_Columns = dict[str, npt.NDArray[np.generic]]


def packed(saved: Sequence[Saved], t_ns: int, most: int = 0) -> bytes:
    """Return state as bytes; `unpacked` takes it. t_ns: the world's time.

    most: the most bytes of columns, 0 = any. Beyond it the largest functions are left out and begin anew:
    counters take 200 bytes and cannot be told again from a record, windows take kilobytes and can.
    """
    kept = [each for each in (_within(saved, most) if most else saved) if each.keys]
    if not kept and most:
        return b""
    head = {"schema": SCHEMA, "t_ns": t_ns, "keys": [each.keys for each in kept]}
    arrays = {f"{i}/{name}": array for i, each in enumerate(kept) for name, array in each.columns.items()}
    out = io.BytesIO()
    np.savez(out, **{_HEAD: np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays})  # type: ignore[arg-type]
    return out.getvalue()


def unpacked(data: bytes) -> tuple[list[Saved], int]:
    """Return (state, the world's time). Raises ValueError for bytes that are none of ours."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as kept:
            head = json.loads(kept[_HEAD].tobytes())
            if head["schema"] != SCHEMA:
                raise ValueError(f"its schema is {head['schema']}")
            columns: list[_Columns] = [{} for _ in head["keys"]]
            for name in kept.files:
                number, _, column = name.partition("/")
                if column:
                    columns[int(number)][column] = kept[name]
            saved = [
                Saved(keys=tuple(keys), columns=each)
                for keys, each in zip(head["keys"], columns, strict=True)
            ]
            if any("t_ns" not in each.columns for each in saved) or any(
                len(array) != len(each.keys) for each in saved for array in each.columns.values()
            ):
                raise ValueError("it is not whole")
            return saved, int(head["t_ns"])
    except (OSError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(str(error)) from error


def known(data: bytes) -> list[Saved]:
    """Return the state in bytes, nothing where there is none or it is not ours: all begins anew then."""
    try:
        return unpacked(data)[0] if data else []
    except ValueError as error:
        log.info("what functions over time knew is left out: %s", error)
        return []


def joined(parts: Iterable[bytes]) -> bytes:
    """Return the state of several worlds as one, such as those of areas. Raises ValueError."""
    both: list[Saved] = []
    newest = 0
    for part in parts:
        if part:
            saved, t_ns = unpacked(part)
            both += saved
            newest = max(newest, t_ns)
    return packed(both, newest, MOST_BYTES) if both else b""


def without(data: bytes, tags: Collection[str]) -> bytes:
    """Return state without the functions that watch some tags. Raises ValueError."""
    if not data or not tags:
        return data
    saved, t_ns = unpacked(data)
    names = tuple(f"`{tag}`" for tag in tags)
    kept = [
        _rows(each, [i for i, key in enumerate(each.keys) if not any(n in key for n in names)])
        for each in saved
    ]
    return packed(kept, t_ns)


def _rows(saved: Saved, rows: Sequence[int]) -> Saved:
    at = np.array(rows, np.int64)
    return Saved(
        keys=tuple(saved.keys[row] for row in rows),
        columns={name: array[at] for name, array in saved.columns.items()},
    )


def _within(saved: Sequence[Saved], most: int) -> list[Saved]:
    """Return as many functions as go into `most` bytes, those that take the least first."""

    def size(each: Saved) -> int:
        return sum(array.nbytes for array in each.columns.values()) // max(len(each.keys), 1) + 1

    out: list[Saved] = []
    for each in sorted(saved, key=size):
        count = min(len(each.keys), most // size(each))
        most -= count * size(each)
        out.append(each if count == len(each.keys) else _rows(each, range(count)))
    return out
