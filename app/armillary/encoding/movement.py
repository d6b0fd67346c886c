"""World matrices of prims that move: own channels first, then what carries them."""

from __future__ import annotations

import numpy as np

from armillary.encoding.program import Moves, Op, Program
from armillary.model.arrays import F8, U4

_FARTHEST = 1e9  # m, turns, or times: beyond this nothing can be drawn, and float32 would overflow
_SMALLEST = 1e-4  # a scale below this makes a matrix singular; the prim looks flat already


def matrices(program: Program, numbers: F8, phase: F8 | None, posed: F8 | None = None) -> tuple[U4, F8]:
    """Return (moved, matrix): prims with a transform channel and their descendants, world matrices (m, 4, 4).

    posed: (q, 4, 4) where the prims with a pose stand in the space of their parent; None: at rest.
    Numbers that are not finite leave their channel at rest, so that no matrix ever holds a NaN.
    """
    moves = program.moves
    if not len(moves.moved):
        return moves.moved, np.zeros((0, 4, 4))
    world = _own(moves, numbers, phase, posed)
    delta: F8 | None = None
    if moves.levels or len(moves.follower):
        delta = world @ moves.inverse
        for level in moves.levels:  # a mover under movers goes with the nearest, which has gone with its own
            carried = delta[moves.up[level]]
            world[level] = carried @ world[level]
            delta[level] = carried @ delta[level]
    if delta is None or not len(moves.follower):
        return moves.moved, world
    followers = delta[moves.owner] @ moves.follower_world
    return moves.moved, np.concatenate([world, followers])[moves.place]


def _own(moves: Moves, numbers: F8, phase: F8 | None, posed: F8 | None) -> F8:
    """Return the movers' world matrices, ancestors at rest: W' = shift + W·rotate·spin·scale·level.

    A pose makes W: the parent's matrix and where the prim stands in its space.
    """
    world = moves.world.copy()
    if posed is not None and len(moves.pose_mover):
        world[moves.pose_mover] = moves.pose_above @ posed
    for op in moves.ops:
        if op.what == "spin":
            y = phase[op.row] if phase is not None else np.zeros(len(op.row))
            _turn(world, op, np.where(np.isfinite(y), y, 0.0))
        elif op.what == "rotate":
            _turn(world, op, np.radians(_finite(numbers[op.row], 0.0)))
        else:
            _stretch(world, op, np.maximum(_finite(numbers[op.row], 1.0), _SMALLEST))
    if len(moves.shift_row):
        y = _finite(numbers[moves.shift_row], 0.0)
        np.add.at(world[:, :3, 3], moves.shift_mover, moves.shift * y[:, None])
    return world


def _finite(y: F8, at_rest: float) -> F8:
    return np.clip(np.where(np.isfinite(y), y, at_rest), -_FARTHEST, _FARTHEST)


def _turn(world: F8, op: Op, angle: F8) -> None:
    """Rotate about the prim's own axis: W·R mixes the two other columns of W."""
    first, second = (op.axis + 1) % 3, (op.axis + 2) % 3
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    a, b = world[op.mover, :3, first], world[op.mover, :3, second]
    world[op.mover, :3, first] = cos * a + sin * b
    world[op.mover, :3, second] = cos * b - sin * a


def _stretch(world: F8, op: Op, y: F8) -> None:
    """Scale along the prim's own axes; `level` keeps the plane at `base` where it is."""
    if op.axis > 2:  # noqa: PLR2004  xyz
        world[op.mover, :3, :3] *= y[:, None, None]
        return
    column = world[op.mover, :3, op.axis]
    if op.what == "level":
        world[op.mover, :3, 3] += column * (op.base * (1.0 - y))[:, None]
    world[op.mover, :3, op.axis] = column * y[:, None]
