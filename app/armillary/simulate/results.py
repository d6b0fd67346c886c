"""Results of runs: what a worker computed, as arrays, with a digest, in files that are whole or not there."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

from armillary.model import files
from armillary.model.arrays import F8, I8
from armillary.model.fault import ProjectFault
from armillary.model.simulation import Trajectory

MOST_POINTS = 2_000
POINTS = 720  # where nobody wished for more
MOST_CELLS = 16_000_000  # of one result: 128 MB
FEWEST_POINTS = 61
STATE = ".state"
_SEAL = 32  # bytes of SHA-256


def sample_times(t_ns: int, horizon_s: float, wished_s: float, cells: int) -> I8:
    """Return the times (n,) in ns that a run is sampled at, from the fork to the horizon, both included.

    wished_s: interval asked for, 0 = by the horizon; cells: members × variables, so that memory is bounded.
    """
    most = int(np.clip(MOST_CELLS // max(cells, 1), FEWEST_POINTS, MOST_POINTS))
    interval = wished_s or min(max(1.0, horizon_s / POINTS), horizon_s / FEWEST_POINTS)
    steps = int(np.clip(np.ceil(round(horizon_s / interval, 9)), 1, most - 1))
    return t_ns + np.round(np.linspace(0.0, horizon_s, steps + 1) * 1e9).astype(np.int64)


def digest(run: Trajectory) -> str:
    """Return SHA-256 of a result in hex: names, times since the first, values."""
    total = hashlib.sha256("\0".join(run.names).encode())
    since = run.t_ns - run.t_ns[0] if len(run.t_ns) else run.t_ns
    total.update(np.ascontiguousarray(since, "<i8").tobytes())
    total.update(np.ascontiguousarray(run.values, "<f8").tobytes())
    return total.hexdigest()


def write(path: Path, run: Trajectory) -> str:
    """Write a result atomically and return its digest. Raises ProjectFault."""
    buffer = io.BytesIO()
    np.savez(buffer, names=np.array(run.names, np.str_), t_ns=run.t_ns, values=run.values)
    replace(path, buffer.getvalue())
    return digest(run)


def read(path: Path, expected: str = "") -> Trajectory:
    """Return a result. Raises ProjectFault when it is not there, damaged, or not that of the digest."""
    try:
        with np.load(path, allow_pickle=False) as held:
            run = Trajectory(names=tuple(held["names"].tolist()), t_ns=held["t_ns"], values=held["values"])
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ProjectFault(
            "The result of a run cannot be read.", where=str(path), remedy="Compute the run again."
        ) from error
    if expected and digest(run) != expected:
        raise ProjectFault(
            "The result of a run was changed after it was computed.",
            where=str(path),
            remedy="Compute the run again.",
        )
    return run


def write_state(path: Path, state: bytes, of: str) -> None:
    """Keep the simulator's state at the end of a result beside it. of: the result's digest."""
    replace(path.with_suffix(STATE), _seal(state, of) + state)


def read_state(path: Path, of: str) -> bytes:
    """Return the state kept beside a result; empty where there is none, or it is of another result."""
    try:
        held = path.with_suffix(STATE).read_bytes()
    except OSError:
        return b""
    seal, state = held[:_SEAL], held[_SEAL:]
    return state if seal == _seal(state, of) else b""


def _seal(state: bytes, of: str) -> bytes:
    return hashlib.sha256(of.encode() + state).digest()


def joined(names: tuple[str, ...], t_ns: I8, values: F8, rows: int) -> Trajectory:
    """Return the first rows of a result that is still growing. values: (m, n, k)."""
    return Trajectory(names=names, t_ns=t_ns[:rows].copy(), values=values[:, :rows].copy())


def replace(path: Path, data: bytes) -> None:
    """Write a file so that there is the whole of it or what was there before. Raises ProjectFault."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, data)
    except OSError as error:
        raise ProjectFault(
            f"The result of a run cannot be written: {error.strerror}.",
            where=str(path),
            remedy="Make the folder writable, or free some space.",
        ) from error
