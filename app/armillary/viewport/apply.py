"""From one look to the next by the smallest writes into the stage's tables."""

from __future__ import annotations

import numpy as np

from armillary.model.arrays import B1, F8, U1, U4
from armillary.model.look import Look
from armillary.viewport.stage import Stage


def apply(stage: Stage, old: Look | None, new: Look) -> int:
    """Make the stage show `new` and return how many prims were written.

    `old` is the look that the stage shows; None, or another one, compares with nothing and writes all.
    Nothing travels to the graphics card before `Stage.upload` or the next picture.
    """
    shows = stage.look
    if old is None or old is not shows:
        written = _write_all(stage, shows, new)
    else:
        stage.look = new
        written = _write_changed(stage, old, new)
    return max(written, _field(stage, new), stage.bend(new.stage_at))


def _field(stage: Stage, new: Look) -> int:
    """Show the fields of a look, and return how many prims show other values than before."""
    had = stage.fields
    if new.fields is not (None if had is None else had.shape):
        stage.show_fields(new.fields)
    if stage.fields is None or new.fields is None:
        return 0 if had is None else len(had.shape.prim) + len(had.shape.flowing)
    count = len(new.fields.prim) + len(new.fields.flowing)
    return count if stage.fields.write(new.field_value) else 0


def _write_all(stage: Stage, shows: Look, new: Look) -> int:
    stage.look = new
    m = len(stage.scene)
    if m:
        stage.looks.write_look(0, m)
        _move(stage, shows, new)
    return m


def _write_changed(stage: Stage, old: Look, new: Look) -> int:
    changed: B1 | None = None
    colours = _differs(old.rgba, new.rgba)
    states = _either(_differs(old.state, new.state), _differs(old.visible, new.visible))
    glow = _differs(old.emissive, new.emissive)
    if colours is not None:
        stage.looks.write_colour(*_span(colours))
    if states is not None:
        stage.looks.write_state(*_span(states))
    if glow is not None:
        first, last = _span(glow)
        stage.looks.glow.array[first:last] = new.emissive[first:last]
        stage.looks.glow.touch(first, last)
    for part in (colours, states, glow):
        changed = _either(changed, part)
    moved = _move(stage, old, new)
    if len(moved):
        if changed is None:
            return len(moved)
        changed[moved] = True
    return int(np.count_nonzero(changed)) if changed is not None else 0


def _move(stage: Stage, old: Look, new: Look) -> U4:
    """Write the matrices that differ, also of prims that came back to rest; return those prims."""
    if new.moved is old.moved or np.array_equal(new.moved, old.moved):
        if new.matrix is old.matrix or len(new.moved) == 0:
            return new.moved[:0]
        differs: B1 = (new.matrix != old.matrix).any(axis=(1, 2))
        if differs.all():
            stage.move(new.moved, new.matrix)
            return new.moved
        stage.move(new.moved[differs], new.matrix[differs])
        some: U4 = new.moved[differs]
        return some
    back = np.setdiff1d(old.moved, new.moved, assume_unique=True)
    rest: F8 = stage.scene.matrix[back]
    stage.move(back, rest)
    stage.move(new.moved, new.matrix)
    both: U4 = np.union1d(back, new.moved).astype(np.uint32)
    return both


def _differs(old: U1 | B1, new: U1 | B1) -> B1 | None:
    """Return which rows differ, None when none does; rows of four bytes are compared as one number."""
    if old is new or len(old) == 0:
        return None
    if old.ndim == 1:
        differs: B1 = old != new
    else:
        differs = (
            np.ascontiguousarray(old).view(np.uint32)[:, 0] != np.ascontiguousarray(new).view(np.uint32)[:, 0]
        )
    return differs if differs.any() else None


def _either(a: B1 | None, b: B1 | None) -> B1 | None:
    if a is None or b is None:
        return b if a is None else a
    return a | b


def _span(differs: B1) -> tuple[int, int]:
    """Return the first and one past the last row that differs."""
    return int(differs.argmax()), len(differs) - int(differs[::-1].argmax())
