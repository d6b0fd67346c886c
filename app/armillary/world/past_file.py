"""What functions over time know, as a file: written whole once a minute, read when the next world starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from armillary.model import files
from armillary.model.fault import StoreFault
from armillary.twin import past_pack
from armillary.twin.past import Saved

FILE = "past.npz"


def write(path: Path, saved: Sequence[Saved], t_ns: int) -> None:
    """Replace the file. t_ns: the world's time. Raises StoreFault."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, past_pack.packed(saved, t_ns))
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
        return past_pack.unpacked(path.read_bytes())
    except FileNotFoundError:
        return [], 0
    except (OSError, ValueError) as error:
        raise StoreFault(
            f"What functions over time knew cannot be read: {error}.",
            where=str(path),
            remedy="They begin anew; the file is replaced within a minute.",
        ) from error
