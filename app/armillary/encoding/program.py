"""The compiled form of all bindings of a scene: index arrays, one group per kind of map and channel.

A *row* is one binding's map; it makes a colour or a number from one entry of the value vector. The value
vector is the tag table's N values followed by the derived ones: first the `strict` ones (a tag with a
stricter age limit), then the results of expressions. A *pair* says that one prim shows one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from armillary.encoding.field_rows import Surface
from armillary.encoding.maps import Legend
from armillary.encoding.poses import Poses
from armillary.model.arrays import B1, F8, I8, U1, U4
from armillary.model.binding import Binding
from armillary.model.expression import Expression
from armillary.model.look import FieldShape, Look
from armillary.model.scene import SceneArrays

KEEP, CLEAR, LITERAL = range(3)  # what a row does with a bad or stale value
UNSET = np.uint32(0)  # a colour that is none: opacity 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What n rows do when their value is stale or bad, KEEP, CLEAR or LITERAL; `literal` is the fallback."""

    on_stale: U1  # (n,)
    on_bad: U1  # (n,)
    colour: U4  # (n,) packed fallback colours, UNSET where there is none
    number: F8  # (n,) fallback numbers, NaN where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """Colours by a linear position on a colour map: row of the table = clip(a·v + b, low, high)."""

    source: I8  # (n,) index into the value vector
    a: F8  # (n,)
    b: F8  # (n,)
    low: F8  # (n,) 0…255
    high: F8  # (n,)
    base: I8  # (n,) first row of the map in `Program.lut`
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Numbers: clip(a·v + b, low, high), in the natural unit of the channel."""

    source: I8  # (n,)
    a: F8  # (n,)
    b: F8  # (n,)
    low: F8  # (n,)
    high: F8  # (n,)
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Colours or numbers by table: the last key ≤ x (steps) or the key equal to x (states).

    x = clip(a·v + b, low, high); `key` is padded with +inf (steps) or NaN (states); the last column of
    `colour` or `number` is «otherwise».
    """

    source: I8  # (n,)
    a: F8  # (n,)
    b: F8  # (n,)
    low: F8  # (n,)
    high: F8  # (n,)
    key: F8  # (n, k)
    exact: B1  # (n,) True: states
    colour: U4  # (n, k + 1) packed colours, (0, k + 1) for numbers
    number: F8  # (n, k + 1) numbers, (0, k + 1) for colours
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Which prim shows which row; in the order of the bindings, so that the last one wins."""

    prim: I8  # (p,)
    row: I8  # (p,)

    def __len__(self) -> int:
        return len(self.prim)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """One expression evaluated for e bindings at once."""

    expression: Expression
    x: I8  # (e,) entry of the value vector that is x
    factor: F8  # (e,) unit conversion of x
    offset: F8  # (e,)
    inputs: Mapping[str, int]  # other names -> entry of the value vector
    target: I8  # (e,) entry of the value vector that is written


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A text tag read as a number: the row of its text among the keys of a map."""

    slot: int
    row_of: Mapping[str, float]
    target: int  # entry of the value vector that is written


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One transform channel along one axis of many movers; no mover twice.

    what: rotate | spin | scale | level; `base` is the coordinate that stays in place (level).
    """

    what: str
    axis: int  # 0 x, 1 y, 2 z, 3 all
    mover: I8  # (k,) index into `Moves.prim`
    row: I8  # (k,) numbers; for spin: index into the phases
    base: F8  # (k,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Prims with a transform binding (movers), and the descendants that go with them."""

    prim: I8  # (k,) movers, ascending
    world: F8  # (k, 4, 4) at rest
    inverse: F8  # (k, 4, 4)
    up: I8  # (k,) nearest mover above, -1 for none
    levels: tuple[I8, ...]  # movers by how many movers are above them, from 1 on
    shift_mover: I8  # (s,) translations: mover, row and direction in world metres per unit of y
    shift_row: I8  # (s,)
    shift: F8  # (s, 3)
    ops: tuple[Op, ...]  # in the order they act
    follower: I8  # (f,) descendants that are no movers, ascending
    owner: I8  # (f,) their nearest mover
    follower_world: F8  # (f, 4, 4) at rest
    pose_mover: I8  # (q,) movers that stand where a pose says
    pose_row: I8  # (q,) index into `Program.poses`
    pose_above: F8  # (q, 4, 4) the space of their parent → world, at rest
    pose_rest: F8  # (q, 4, 4) where they stand in it at rest
    moved: U4  # (k + f,) all of them, ascending
    place: I8  # (k + f,) where each comes from in concatenate(movers, followers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spins:
    """Rows of numbers that are rates of rotation, or of stripes: rate = clip(scale · number), rad/s."""

    row: I8  # (s,)
    prim: I8  # (s,)
    scale: F8  # (s,)
    fastest: F8  # (s,) rad/s

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One label or variant binding."""

    prim: int
    source: int  # entry of the value vector
    tag: int  # slot, for the text of a text tag
    a: float
    b: float
    low: float
    high: float
    unit: str
    keys: tuple[float, ...]
    texts: tuple[str, ...]  # as many as keys
    text_keys: Mapping[str, str]  # for text tags: text -> text
    exact: bool
    otherwise: str | None
    on_stale: int
    on_bad: int
    fallback: str
    property_name: str  # the variant set; for a label what stands before the value


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What `encoding.resolve` runs. All arrays are read-only."""

    scene: SceneArrays
    base: Look
    ends: I8  # (M,) one past the last descendant
    tags: int  # N the program was compiled for
    strict_source: I8  # (d,) tags with a stricter age limit, entries N … N + d of the value vector
    strict_ns: I8  # (d,)
    derived: tuple[Derived, ...]
    coded: tuple[Coded, ...]
    entries: int  # length of the value vector
    lut: U4  # (256·maps,) packed colours
    ramp: Ramp
    swatches: Choice  # colours; rows follow those of `ramp`
    line: Line
    picks: Choice  # numbers; rows follow those of `line`
    paint: Pairs
    glow: Pairs  # emissive colour
    lit_colour: Pairs  # highlight by a colour map
    lit: Pairs  # highlight by a number
    fade: Pairs
    show: Pairs  # a prim may occur in several
    can_show: B1  # (M,) visible when its visibility bindings say so
    moves: Moves
    spins: Spins
    labels: tuple[Words, ...]
    variants: tuple[Words, ...]
    mark_prim: I8  # (q,) prims with a binding, ascending, each once
    mark_start: I8  # (q,) first entry of each in `mark_source`
    mark_source: I8  # (≥ q,) entries of the value vector whose quality the prim shows
    bindings: tuple[Binding, ...]  # those that run
    binding_slot: I8  # (b,) tag of each
    binding_prims: tuple[tuple[int, ...], ...]  # prims each one drives
    legends: tuple[Legend, ...]
    fields: tuple[Surface, ...] = ()
    field_shape: FieldShape | None = None  # where they are drawn
    poses: Poses | None = None  # None: no prim has one
