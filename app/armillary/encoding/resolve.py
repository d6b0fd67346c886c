"""`resolve(program, table, options) -> Look`: a pure function, one numpy call per kind of map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from armillary.encoding import poses
from armillary.encoding.field_rows import positions, rank_of
from armillary.encoding.movement import matrices
from armillary.encoding.program import CLEAR, KEEP, LITERAL, UNSET, Choice, Line, Pairs, Policy, Program, Ramp
from armillary.encoding.rows import packed
from armillary.encoding.spread import covered
from armillary.encoding.wording import labels, variants
from armillary.model.arrays import B1, F8, I8, U1, U2, U4, frozen
from armillary.model.look import Look
from armillary.model.quality import BAD, GOOD, RANK_MASK, STALE, rank, worst
from armillary.model.tags import TagTable

HIGHLIGHT = (255, 240, 205)  # a warm white: light, not a signal colour
GHOST_SHARE = 0.15  # opacity left to what is ghosted
_FULL = 255
_HALF = 0.5
_N = TypeVar("_N", bound=np.generic)
_RGB = np.array([255, 255, 255, 0], np.uint8).view(np.uint32)[0]
_ALPHA = np.array([0, 0, 0, 255], np.uint8).view(np.uint32)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a look depends on beside values: a person's wishes, time, and whether the world speaks."""

    seq: int = 0
    live: bool = True  # False: the world is silent, every bound prim counts as STALE
    now_mono_ns: int = 0  # the world's clock, for stricter age limits; 0 = no ages are looked at
    t_s: float = 0.0  # `t` of expressions
    hidden: tuple[int, ...] = ()  # prims switched off with their subtrees
    isolated: tuple[int, ...] = ()  # only these subtrees; empty = all
    solid: tuple[int, ...] = ()  # with `ghost`: subtrees that are not ghosted
    ghost: bool = False
    phase: F8 | None = None  # (spins,) rad
    held: F8 | None = None  # (N,) last value that was not bad, for `skip` and `holdLast`
    grey: tuple[int, int, int] = (0x7A, 0x82, 0x8A)  # equipment grey of the theme


@dataclass(frozen=True, slots=True)
class Values:
    """The value vector: tags, then what is derived from them for this look."""

    value: F8  # (entries,)
    quality: U2  # (entries,)
    rank: U2  # (entries,)


@np.errstate(invalid="ignore", over="ignore")  # values are what plants send: infinite times nothing is NaN
def resolve(program: Program, table: TagTable, options: Options) -> Look:
    """Return the look of all prims. Reads no clock, draws nothing, keeps its inputs.

    The table must have the N rows that the program was compiled for, or more.
    """
    base = program.base
    values = gather(program, table, options)
    shades = np.concatenate([_ramp(program, values, options), _swatches(program.swatches, values, options)])
    numbers = figures(program, values)
    rgba = base.rgba.copy()
    whole = rgba.view(np.uint32)[:, 0]
    paint = program.paint
    if len(paint):
        new, old = shades[paint.row], whole[paint.prim]
        mixed = (new & _RGB) | (old & _ALPHA)
        if (new == UNSET).any():
            mixed = np.where(new == UNSET, old, mixed)
        whole[paint.prim] = mixed
    _fade(rgba, program, numbers, options)
    phase = options.phase
    moved, matrix = matrices(program, numbers, phase, _posed(program, values, table))
    return Look(
        fields=program.field_shape,
        field_value=positions(
            program.fields, values.value, values.rank, table.array, rates(program, values, numbers), phase
        ),
        seq=options.seq,
        rgba=frozen(rgba),
        state=frozen(_state(program, values, table)),
        visible=frozen(_visible(program, numbers, options)),
        emissive=frozen(_emissive(program, shades, numbers)),
        moved=moved,
        matrix=frozen(matrix),
        variant=variants(program, table, values.value, values.rank),
        label=labels(program, table, values.value, values.quality, options.now_mono_ns),
    )


def gather(program: Program, table: TagTable, options: Options) -> Values:
    """Return the value vector: held where bad, stale where the world is silent or a limit says so."""
    n, d = program.tags, len(program.strict_source)
    quality = table.quality[:n]
    if not options.live:
        quality = worst(quality, np.full(n, STALE, np.uint16))
    ranks = rank(quality)
    value = table.value[:n]
    if options.held is not None and (ranks >= BAD).any():
        value = np.where(ranks >= BAD, options.held[:n], value)
    if program.entries == n:
        return Values(value, quality, ranks)
    extra = program.entries - n
    value = np.concatenate([value, np.full(extra, np.nan)])
    quality = np.concatenate([quality, np.zeros(extra, np.uint16)])
    if d:
        source = program.strict_source
        value[n : n + d] = value[source]
        old = options.now_mono_ns - table.alive_mono_ns[source] > program.strict_ns
        aged = np.where(old & (options.now_mono_ns > 0), STALE, GOOD).astype(np.uint16)
        quality[n : n + d] = worst(quality[source], aged)
    for coded in program.coded:
        value[coded.target] = coded.row_of.get(table.text.get(coded.slot, ""), np.nan)
        quality[coded.target] = quality[coded.slot]
    _derive(program, value, quality, options)
    return Values(value, quality, rank(quality))


def _derive(program: Program, value: F8, quality: U2, options: Options) -> None:
    for group in program.derived:
        count = len(group.x)
        none = np.zeros(count, np.uint16)
        inputs: list[F8] = []
        words: list[U2] = []
        for name in group.expression.names:
            if name == "x":
                inputs.append(value[group.x] * group.factor + group.offset)
                words.append(quality[group.x])
            elif name == "t":
                inputs.append(np.full(count, options.t_s))
                words.append(none)
            elif name == "q":
                inputs.append(rank(quality[group.x]).astype(np.float64))
                words.append(none)
            else:
                entry = group.inputs[name]
                inputs.append(np.full(count, value[entry]))
                words.append(np.full(count, quality[entry], np.uint16))
        ages = [np.zeros(count) for _ in inputs]
        y, word = group.expression.evaluate(inputs, words, ages)
        value[group.target] = y
        # the tag that the binding names is always part of it, even where the expression does not read it
        quality[group.target] = worst(np.asarray(word, np.uint16), quality[group.x] & RANK_MASK)


# ---------------------------------------------------------------- rows


def _kept(
    policy: Policy, ranks: U2, made: npt.NDArray[_N], literal: npt.NDArray[_N], unset: _N
) -> npt.NDArray[_N]:
    """Return what rows hand to their channel when some are stale or bad."""
    code = np.where(ranks >= BAD, policy.on_bad, np.where(ranks == STALE, policy.on_stale, KEEP))
    return np.where(code == CLEAR, unset, np.where(code == LITERAL, literal, made))


def _ramp(program: Program, values: Values, options: Options) -> U4:
    """Return packed colours of the ramp's rows, (n,); UNSET where there is no value."""
    ramp: Ramp = program.ramp
    if not len(ramp.source):
        return np.zeros(0, np.uint32)
    position = values.value[ramp.source]
    position *= ramp.a
    position += ramp.b
    known = ~np.isnan(position)
    np.clip(position, ramp.low, ramp.high, out=position)
    position += _HALF
    if known.all():
        row = position.astype(np.int64)
        row += ramp.base
        made = program.lut[row]
    else:
        row = np.where(known, position, 0.0).astype(np.int64) + ramp.base
        made = np.where(known, program.lut[row], UNSET)
    return _greyed(ramp.policy, values.rank[ramp.source], made, options)


def _swatches(choice: Choice, values: Values, options: Options) -> U4:
    if not len(choice.source):
        return np.zeros(0, np.uint32)
    made = choice.colour[np.arange(len(choice.source)), _picked(choice, values)]
    return _greyed(choice.policy, values.rank[choice.source], made, options)


def _greyed(policy: Policy, ranks: U2, made: U4, options: Options) -> U4:
    """Return colours with those of stale and worse rows replaced: the colour map says nothing about now."""
    lost = ranks >= STALE
    if not lost.any():
        return made
    grey = np.where(lost, np.uint32(packed(options.grey)), made)
    return _kept(policy, ranks, grey, policy.colour, UNSET)


def _picked(choice: Choice, values: Values) -> I8:
    """Return the column that each row of a table takes; the last one is «otherwise»."""
    x = np.clip(values.value[choice.source] * choice.a + choice.b, choice.low, choice.high)
    k = choice.key.shape[1]
    if k == 0:
        return np.zeros(len(x), np.int64)
    step = (x[:, None] >= choice.key).sum(axis=1) - 1
    hit = x[:, None] == choice.key
    state = np.where(hit.any(axis=1), hit.argmax(axis=1), k)
    column: I8 = np.where(choice.exact, state, np.where(step < 0, k, step))
    return column


def figures(program: Program, values: Values) -> F8:
    """Return the numbers of all rows of lines and tables, NaN where nothing is handed on."""
    line: Line = program.line
    y = values.value[line.source] * line.a + line.b
    np.clip(y, line.low, line.high, out=y)
    y = _literals(line.policy, values.rank[line.source], y)
    picks = program.picks
    if not len(picks.source):
        return y
    picked = picks.number[np.arange(len(picks.source)), _picked(picks, values)]
    return np.concatenate([y, _literals(picks.policy, values.rank[picks.source], picked)])


def _literals(policy: Policy, ranks: U2, y: F8) -> F8:
    return _kept(policy, ranks, y, policy.number, np.float64(np.nan)) if (ranks >= STALE).any() else y


@np.errstate(invalid="ignore", over="ignore")
def spin_rates(program: Program, table: TagTable, options: Options) -> F8:
    """Return the rate of each spin, rad/s, (spins,); 0 where it is not fresh, so that it holds still."""
    if not len(program.spins):
        return np.zeros(0)
    values = gather(program, table, options)
    return rates(program, values, figures(program, values))


def rates(program: Program, values: Values, numbers: F8) -> F8:
    """Return the rate of each spin and of each flow's stripes, rad/s, (spins,); 0 where it is not fresh."""
    spins = program.spins
    if not len(spins):
        return np.zeros(0)
    y = np.clip(numbers[spins.row] * spins.scale, -spins.fastest, spins.fastest)
    source = np.concatenate([program.line.source, program.picks.source])[spins.row]
    return np.where(np.isfinite(y) & (values.rank[source] < STALE), y, 0.0)


# ---------------------------------------------------------------- what prims show


def _posed(program: Program, values: Values, table: TagTable) -> F8 | None:
    """Return where the prims with a pose stand in the space of their parent, (q, 4, 4)."""
    if program.poses is None:
        return None
    rest, row = program.moves.pose_rest, program.moves.pose_row
    return poses.local(program.poses, row, rest, values.value, values.rank, table.array, table.text)


def _state(program: Program, values: Values, table: TagTable) -> U1:
    """Return the worst rank of each prim's tags, (M,)."""
    state = np.zeros(len(program.scene), np.uint8)
    if len(program.mark_prim):
        ranks = values.rank[program.mark_source]
        if len(ranks) != len(program.mark_prim):
            ranks = np.maximum.reduceat(ranks, program.mark_start)
        state[program.mark_prim] = ranks
    for field in program.fields:
        state[field.prim] = np.maximum(state[field.prim], rank_of(field, values.rank, table.array))
    return state


def _fade(rgba: U1, program: Program, numbers: F8, options: Options) -> None:
    fade = program.fade
    if len(fade):
        y = numbers[fade.row]
        alpha = np.rint(np.clip(y, 0.0, 1.0) * _FULL)
        rgba[fade.prim, 3] = np.where(np.isnan(alpha), rgba[fade.prim, 3], np.nan_to_num(alpha))
    if options.ghost:
        ghost = ~_inside(program, options.solid)
        rgba[ghost, 3] = np.rint(rgba[ghost, 3] * GHOST_SHARE)


def _inside(program: Program, prims: tuple[int, ...]) -> B1:
    start = np.array(prims, np.int64)
    return covered(start, program.ends[start], len(program.scene))


def _visible(program: Program, numbers: F8, options: Options) -> B1:
    visible = program.base.visible.copy()
    show: Pairs = program.show
    if len(show):
        y = numbers[show.row]
        known = ~np.isnan(y)
        on, off = show.prim[known & (y > _HALF)], show.prim[known & (y <= _HALF)]
        visible[on] = program.can_show[on]
        visible[off] = False  # a prim is only visible where everything above it is
    if options.isolated:
        visible &= _inside(program, options.isolated)
    if options.hidden:
        visible &= ~_inside(program, options.hidden)
    return visible


def _emissive(program: Program, shades: U4, numbers: F8) -> U1:
    """Return emission (M, 4): emissive maps, then highlights, which go before them."""
    emissive = program.base.emissive.copy()
    whole = emissive.view(np.uint32)[:, 0]
    for pairs in (program.glow, program.lit_colour):
        if len(pairs):
            new = shades[pairs.row]
            whole[pairs.prim] = np.where(new == UNSET, whole[pairs.prim], new)
    lit = program.lit
    if len(lit):
        strength = np.rint(np.clip(np.nan_to_num(numbers[lit.row]), 0.0, 1.0) * _FULL)
        on = strength > 0
        emissive[lit.prim[on], :3] = HIGHLIGHT
        emissive[lit.prim[on], 3] = strength[on]
    return emissive
