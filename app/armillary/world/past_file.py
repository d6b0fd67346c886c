"""What functions over time know, as a file: written whole once a minute, read when the next world starts."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from armillary.model import files
from armillary.model.fault import StoreFault
from armillary.twin.past import Saved

FILE = "past.npz"
SCHEMA = 1
_HEAD = "head"


def write(path: Path, saved: Sequence[Saved], t_ns: int) -> None:
    """Replace the file. t_ns: the world's time. Raises StoreFault."""
    head = {"schema": SCHEMA, "t_ns": t_ns, "keys": [each.keys for each in saved]}
    arrays = {f"{i}/{name}": array for i, each in enumerate(saved) for name, array in each.columns.items()}
    out = io.BytesIO()
    np.savez(out, **{_HEAD: np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays})  # type: ignore[arg-type]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, out.getvalue())
    except OSError as error:
        raise StoreFault(
            f"What functions over time know cannot be kept: {error.strerror or error}.",
            where=str(path),
            remedy="Make room, or make the folder writable; until then a restart forgets it.",
        ) from error


def read(path: Path) -> tuple[list[Saved], int]:
    """Return (state, the world's time) of a file; nothing and 0 where there is none.

    Raises StoreFault for one that cannot be read.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            head = json.loads(kept[_HEAD].tobytes())
            if head["schema"] != SCHEMA:
                raise ValueError(f"its schema is {head['schema']}")
            columns: list[dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]] = [
                {} for _ in head["keys"]
            ]
            for name in kept.files:
                number, _, column = name.partition("/")
                if column:
                    columns[int(number)][column] = kept[name]
            saved = [
                Saved(keys=tuple(keys), columns=each)
                for keys, each in zip(head["keys"], columns, strict=True)
            ]
            if any(len(array) != len(each.keys) for each in saved for array in each.columns.values()):
                raise ValueError("it is not whole")
            return saved, int(head["t_ns"])
    except FileNotFoundError:
        return [], 0
    except (OSError, ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise StoreFault(
            f"What functions over time knew cannot be read: {error}.",
            where=str(path),
            remedy="They begin anew; the file is replaced within a minute.",
        ) from error
