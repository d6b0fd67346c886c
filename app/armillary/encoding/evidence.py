"""What names of tags and parts share, as sparse arrays: weights of words, numbers, and pairs worth a look.

A word that all have weighs nothing, one that two have weighs most. Pairs are found by what they share, so
that 5,000 × 5,000 are never all compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rapidfuzz import fuzz, process

from armillary.encoding.naming import IMPLIED, MEASURED, Segment, whole
from armillary.model.arrays import B1, F8, I8

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SAME = 2  # of the answers about numbers and twins
_COMMON = 120_000  # a word that would pair more than so many tags and parts finds nobody
_WORTH = 0.6  # of what the best part shares with a tag: those with less are not looked at
_MOST = 24  # parts that are looked at for a tag
_OPENED = 3  # of them are looked into: the parts right below
_LONE = 4_000_000  # comparisons of whole texts for tags that share no word with any part
_MEASURE_WEIGHT = 0.3  # of a word that says what is measured
_TWIN_PARTS = 40  # parts below the prim of a tag's twin that are looked at


@dataclass(slots=True)
class Evidence:
    """N leaves and M parts, and K pairs of them that are worth a look."""

    leaf_segments: list[tuple[Segment, ...]]
    part_segments: list[tuple[Segment, ...]]
    leaf_text: list[str]  # what names the thing, as one word
    part_text: list[str]
    group: I8  # (N,) the object that a leaf lies under
    groups: int
    root: int  # the group of those right below the branch, -1 for none
    above: I8  # (M,)
    leaf: I8  # (K,)
    part: I8  # (K,)
    twin_part: I8  # (N,) the part that the leaf's twin stands for, -1 for none, -2 for one that is not here
    end: I8  # (M,) one past the last part below
    own_of_leaf: csr_array
    all_of_leaf: csr_array
    own_of_part: csr_array
    all_of_part: csr_array
    _numbers: tuple[csr_array, csr_array]
    _lettered: tuple[csr_array, csr_array]
    _keys: tuple[csr_array, ...]

    def covered(self, leaf: I8, part: I8) -> tuple[F8, F8]:
        """Return (K,) how much of the part's own name the tag says, and how much of the tag's the part."""
        part_sum, leaf_sum = self.own_of_part.sum(axis=1), self.own_of_leaf.sum(axis=1)
        mine = dots(self.own_of_part, part, _ones(self.all_of_leaf), leaf)
        theirs = dots(self.own_of_leaf, leaf, _ones(self.all_of_part), part)
        return mine / np.maximum(part_sum[part], 1e-9), theirs / np.maximum(leaf_sum[leaf], 1e-9)

    def context(self, leaf: I8, part: I8) -> F8:
        """Return (K,) how much of all that one of both paths says the other says too."""
        least = np.minimum(self.all_of_leaf.sum(axis=1)[leaf], self.all_of_part.sum(axis=1)[part])
        shared = dots(self.all_of_leaf, leaf, _ones(self.all_of_part), part)
        out: F8 = np.minimum(shared / np.maximum(least, 1e-9), 1.0)
        return out

    def numbers(self, leaf: I8, part: I8) -> I8:
        """Return (K,) 2: the numbers are the same, 1: some are, 0: one has none, -1: they differ."""
        a, b = self._numbers
        shared = dots(a, leaf, b, part)
        of_leaf, of_part = a.sum(axis=1)[leaf], b.sum(axis=1)[part]
        fits = (shared == of_leaf) | (shared == of_part)
        c, d = self._lettered
        both = dots(c, leaf, d, part)
        lettered_leaf, lettered_part = c.sum(axis=1)[leaf], d.sum(axis=1)[part]
        fits &= (both == lettered_leaf) | (both == lettered_part)
        none = (of_leaf == 0) | (of_part == 0)
        same = (shared == of_leaf) & (shared == of_part) & (lettered_leaf == lettered_part)
        out: I8 = np.where(none, 0, np.where(~fits, -1, np.where(same, 2, 1))).astype(np.int64)
        return out

    def others(self, leaf: I8, part: I8) -> B1:
        """Return (K,) whether the letters before their deepest numbers are not the other's: C-12, T-12."""
        own_leaf, all_leaf, own_part, all_part = self._keys
        both = (own_leaf.sum(axis=1)[leaf] > 0) & (own_part.sum(axis=1)[part] > 0)
        shared = dots(own_leaf, leaf, all_part, part) + dots(own_part, part, all_leaf, leaf)
        out: B1 = both & (shared == 0)
        return out

    def twins(self, leaf: I8, part: I8) -> I8:
        """Return (K,) 2: the tag's twin stands for the part, 1: for one above, -1: another, 0: unknown."""
        at = self.twin_part[leaf]
        inside = (at >= 0) & (part > at) & (part < self.end[np.maximum(at, 0)])
        out: I8 = np.where(at == -1, 0, np.where(at == part, 2, np.where(inside, 1, -1)))
        return out


def dots(a: csr_array, rows: I8, b: csr_array, others: I8) -> F8:
    """Return (K,) sums of a[rows] · b[others]."""
    if not len(rows):
        return np.zeros(0)
    out: F8 = np.asarray(a[rows].multiply(b[others]).sum(axis=1), np.float64).ravel()
    return out


def gathered(
    leaves: Sequence[tuple[str, ...]],
    parts: Sequence[tuple[str, ...]],
    twin_prims: Sequence[str],
    models: Sequence[str],
    prims: Sequence[str],
    above: I8,
) -> Evidence:
    """Return what the paths of tags and parts say; the last of a path is the own name."""
    leaf_segments = [whole(path) for path in leaves]
    part_segments = [whole(path) for path in parts]
    table: dict[str, int] = {}
    leaf_own = [_thing(segments) for segments in leaf_segments]
    part_own = [_said(segments[-1:]) for segments in part_segments]
    leaf_all = [_said(segments, implied=True) for segments in leaf_segments]
    for row, word in zip(leaf_all, models, strict=True):
        if word:
            row.setdefault(word, 1.0)
    part_all = [_said(segments) for segments in part_segments]
    found = [_rows(rows, table) for rows in (leaf_own, leaf_all, part_own, part_all)]
    wide = len(table)
    matrices = [
        _matrix(pairs, len(rows), wide)
        for pairs, rows in zip(found, (leaf_own, leaf_all, part_own, part_all), strict=True)
    ]
    weight = _weights(matrices[1], matrices[3], table)
    own_leaf, all_leaf, own_part, all_part = (_scaled(m, weight) for m in matrices)
    numbers, lettered = _number_tables(leaf_segments, part_segments)
    end = _ends(above)
    twin_part = _twin_parts(twin_prims, prims)
    objects = [path[:-1] for path in leaves]
    names = {path: i for i, path in enumerate(dict.fromkeys(objects))}
    out = Evidence(
        leaf_segments=leaf_segments,
        part_segments=part_segments,
        leaf_text=[_text(segments) for segments in leaf_segments],
        part_text=[_text(segments[-2:], own=True) for segments in part_segments],
        group=np.array([names[path] for path in objects], np.int64),
        groups=len(names),
        root=names.get((), -1),
        above=above,
        leaf=np.zeros(0, np.int64),
        part=np.zeros(0, np.int64),
        twin_part=twin_part,
        end=end,
        own_of_leaf=own_leaf,
        all_of_leaf=all_leaf,
        own_of_part=own_part,
        all_of_part=all_part,
        _numbers=numbers,
        _lettered=lettered,
        _keys=_key_tables(leaf_segments, part_segments),
    )
    out.leaf, out.part = _worth(out)
    return out


# ---------------------------------------------------------------- words


def _said(segments: Iterable[Segment], *, implied: bool = False) -> dict[str, float]:
    """Return what segments say, with weights; `implied`: with the parts that a quantity speaks of."""
    out: dict[str, float] = {}
    for each in segments:
        if implied and "setpoint" not in each.words:
            out.update((part, _MEASURE_WEIGHT) for word in each.words for part in IMPLIED.get(word, ()))
        for word in each.words:
            out[word] = _MEASURE_WEIGHT if word in MEASURED else 1.0
        for key in each.keys:
            out[key] = 1.0
        for number in each.numbers:
            out[f"n{number}"] = 1.0
        if not each.words and not each.numbers and each.plain:
            out[each.plain] = 1.0
    return out


def _thing(segments: tuple[Segment, ...]) -> dict[str, float]:
    """Return what names the thing that a tag is of: the deepest that says more than what is measured."""
    for first in range(len(segments) - 1, -1, -1):
        if segments[first].things or segments[first].numbers:
            break
    else:
        first = 0
    return _said(segments[first:])


def _text(segments: tuple[Segment, ...], *, own: bool = False) -> str:
    """Return the name of a thing as one word; `own`: of its last segment."""
    if not segments:
        return ""
    if own:
        return segments[-1].plain
    for each in reversed(segments):
        if each.things or each.numbers:
            return each.plain
    return segments[-1].plain


def _rows(
    rows: Sequence[dict[str, float]], table: dict[str, int]
) -> tuple[list[int], list[int], list[float]]:
    at: list[int] = []
    column: list[int] = []
    value: list[float] = []
    for i, row in enumerate(rows):
        for word, weight in row.items():
            at.append(i)
            column.append(table.setdefault(word, len(table)))
            value.append(weight)
    return at, column, value


def _matrix(pairs: tuple[list[int], list[int], list[float]], rows: int, wide: int) -> csr_array:
    from scipy.sparse import csr_array

    at, column, value = pairs
    return csr_array((np.array(value, np.float64), (at, column)), shape=(rows, wide))


def _ones(matrix: csr_array) -> csr_array:
    out = matrix.copy()
    out.data = np.ones(len(out.data))
    return out


def _weights(leaves: csr_array, parts: csr_array, table: dict[str, int]) -> F8:
    """Return (W,) what each word is worth: rare ones most, one that all have nothing."""
    n = leaves.shape[0] + parts.shape[0]
    count = np.bincount(leaves.indices, minlength=len(table)) + np.bincount(
        parts.indices, minlength=len(table)
    )
    out: F8 = np.log((n + 1.0) / np.maximum(count, 1.0)) / np.log(n + 1.0) + 0.02
    return out


def _scaled(matrix: csr_array, weight: F8) -> csr_array:
    out = matrix.copy()
    out.data = out.data * weight[out.indices]
    return out


# ---------------------------------------------------------------- numbers, places


def _number_tables(
    leaves: Sequence[tuple[Segment, ...]], parts: Sequence[tuple[Segment, ...]]
) -> tuple[tuple[csr_array, csr_array], tuple[csr_array, csr_array]]:
    """Return which numbers each has (`101`), and which with a letter (`101a`).

    One that all of a side have tells nothing where none or all of the other side have it: it is left out.
    """

    def both(digits: bool) -> tuple[csr_array, csr_array]:
        table: dict[str, int] = {}
        said = [[_numbers(segments, digits) for segments in side] for side in (leaves, parts)]
        common = [set(rows[0]).intersection(*rows[1:]) if len(rows) > 1 else set() for rows in said]
        known = [set().union(*rows) for rows in said]
        for rows, shared, of_all, of_any in zip(said, common, common[::-1], known[::-1], strict=True):
            for number in shared & of_all | shared - of_any:
                for row in rows:
                    row.remove(number)  # once: in Skid2/Tank2 the other one tells
        sides = [[dict.fromkeys(row, 1.0) for row in rows] for rows in said]
        found = [_rows(rows, table) for rows in sides]
        one, two = (
            _matrix(pairs, len(rows), max(1, len(table))) for pairs, rows in zip(found, sides, strict=True)
        )
        return one, two

    return both(True), both(False)


def _key_tables(
    leaves: Sequence[tuple[Segment, ...]], parts: Sequence[tuple[Segment, ...]]
) -> tuple[csr_array, ...]:
    """Return which letters with numbers, `p#101a`, the deepest segment of each has that has any, and all."""
    table: dict[str, int] = {}
    sides: list[list[dict[str, float]]] = []
    for side in (leaves, parts):
        said = [[[key for key in each.keys if key[0] != "#"] for each in segments] for segments in side]
        deepest = [next((keys for keys in reversed(each) if keys), []) for each in said]
        sides.append([dict.fromkeys(keys, 1.0) for keys in deepest])
        sides.append([{key: 1.0 for keys in each for key in keys} for each in said])
    found = [_rows(rows, table) for rows in sides]
    wide = max(1, len(table))
    return tuple(_matrix(pairs, len(rows), wide) for pairs, rows in zip(found, sides, strict=True))


def _numbers(segments: tuple[Segment, ...], digits: bool) -> list[str]:
    found = [number for each in segments for number in each.numbers]
    if digits:
        return [number.rstrip("abcdefghijklmnopqrstuvwxyz") for number in found]
    return [number for number in found if not number.isdigit()]


def _ends(above: I8) -> I8:
    """Return (M,) one past the last part below each; parents come before children, depth first."""
    out = np.arange(1, len(above) + 1)
    for i in range(len(above) - 1, -1, -1):
        if above[i] >= 0:
            out[above[i]] = max(out[above[i]], out[i])
    return out


def _twin_parts(twin_prims: Sequence[str], prims: Sequence[str]) -> I8:
    at = {prim: i for i, prim in enumerate(prims)}
    return np.array([at.get(prim, -2) if prim else -1 for prim in twin_prims], np.int64)


# ---------------------------------------------------------------- pairs that are worth a look


def _worth(known: Evidence) -> tuple[I8, I8]:
    """Return (leaf, part) of the pairs that share enough, or that a twin names."""
    n, m = len(known.leaf_segments), len(known.part_segments)
    a, b = known.all_of_leaf, known.all_of_part
    count = np.bincount(a.indices, minlength=a.shape[1]) * np.bincount(b.indices, minlength=a.shape[1])
    keep = (count > 0) & (count <= max(_COMMON, 4 * (n + m)))
    product: Any = (a[:, keep] @ _ones(b[:, keep]).T).tocsr()  # Any: scipy has no types
    own: Any = (_ones(a[:, keep]) @ known.own_of_part[:, keep].T).tocsr()
    total = (product + own).tocoo()
    leaf, part = total.row.astype(np.int64), total.col.astype(np.int64)
    leaf, part = _with_children(known, *_best(leaf, part, np.asarray(total.data, np.float64), n))
    lone = np.setdiff1d(np.arange(n), leaf)
    lone_leaf, lone_part = _by_text(known, lone[: max(0, _LONE // max(1, m))])
    twin_leaf, twin_part = _by_twin(known)
    key = np.unique(np.r_[leaf, lone_leaf, twin_leaf] * m + np.r_[part, lone_part, twin_part])
    return key // m, key % m


def _best(leaf: I8, part: I8, value: F8, n: int) -> tuple[I8, I8]:
    """Return the pairs that share nearly as much as the best of their tag."""
    if not len(leaf):
        return leaf, part
    most = np.zeros(n)
    np.maximum.at(most, leaf, value)
    keep = value >= _WORTH * most[leaf]
    leaf, part, value = leaf[keep], part[keep], value[keep]
    order = np.lexsort((-value, leaf))
    leaf, part = leaf[order], part[order]
    start = np.searchsorted(leaf, np.arange(n))
    rank = np.arange(len(leaf)) - start[leaf]
    return leaf[rank < _MOST], part[rank < _MOST]


def _with_children(known: Evidence, leaf: I8, part: I8) -> tuple[I8, I8]:
    """Return pairs, and those of each tag with the parts right below its best ones.

    What the parts of all objects are called, `Motor`, is too common to be found by.
    """
    start = np.searchsorted(leaf, np.arange(len(known.leaf_segments)))
    few = np.arange(len(leaf)) - start[leaf] < _OPENED
    below = np.argsort(known.above, kind="stable")
    first = np.searchsorted(known.above[below], part[few])
    size = np.minimum(np.searchsorted(known.above[below], part[few] + 1) - first, _TWIN_PARTS)
    more = np.repeat(leaf[few], size)
    at = np.repeat(first, size) + np.arange(len(more)) - np.repeat(np.cumsum(size) - size, size)
    return np.r_[leaf, more], np.r_[part, below[at]]


def _by_text(known: Evidence, lone: I8) -> tuple[I8, I8]:
    """Return for tags that share no word with a part the parts whose text is alike."""
    if not len(lone):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    like = process.cdist(
        [known.leaf_text[i] for i in lone.tolist()], known.part_text, scorer=fuzz.ratio, score_cutoff=60
    )
    row, part = np.nonzero(like)
    return _best(
        lone[row], part.astype(np.int64), like[row, part].astype(np.float64), len(known.leaf_segments)
    )


def _by_twin(known: Evidence) -> tuple[I8, I8]:
    """Return each tag with the part that its twin stands for, and with those below."""
    has = np.flatnonzero(known.twin_part >= 0)
    first = known.twin_part[has]
    size = np.minimum(known.end[first] - first, _TWIN_PARTS)
    leaf = np.repeat(has, size)
    offset = np.arange(len(leaf)) - np.repeat(np.cumsum(size) - size, size)
    return leaf, np.repeat(first, size) + offset
