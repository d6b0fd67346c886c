"""Which tag of a branch belongs to which part of a branch: pairs with a score and its reasons.

Structure first: the object that tags lie under is matched with a part, then the tags within. Numbers in
names must agree. One tag drives one part and each part is given to one tag; a part that is named whole by
a second tag may be given to that too (`is_second`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from rapidfuzz import fuzz, process

from armillary.encoding.evidence import SAME, Evidence, gathered
from armillary.encoding.inside import Place, Tree, said, things_of
from armillary.encoding.naming import FITS, IMPLIED, model_word, quantity
from armillary.encoding.settling import settled
from armillary.model.arrays import B1, F8, I8

LEAST = 0.5  # a pair that scores less is no proposal
MOST_SECONDS = 2  # further tags that one part is given to
_NAME, _NUMBER, _SOME, _MEASURES, _FITS, _PARENTS, _TWIN, _MODEL = 0.8, 0.1, 0.04, 0.08, 0.05, 0.12, 0.3, 0.08
_IMPLIED = 0.2  # a part that the quantity speaks of, of an object of the same number
_CONTEXT = 0.06  # all of both paths
_OTHER = 0.2  # the same number behind another letter: C-12 is not T-12
_BENT, _WIDE = 0.6, 0.35
_WHOLE, _MOSTLY = 0.9, 0.5  # of a name that is said
_STRANGE = 0.15  # the tags beside it belong elsewhere
_CLOSE = 0.5  # of 1: text that is less alike says nothing
_SHARE = 0.3  # a group of tags is matched with a part when its tags score this on average
_WIDEST = 200  # parts below a matched part that are looked at once more
_NEAR = ("this part", "a part above")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A tag, node or topic of the branch. `path` is relative to it, its own name last."""

    path: tuple[str, ...]
    unit: str = ""
    kind: str = "number"
    low: float = float("-inf")
    high: float = float("inf")
    title: str = ""
    states: tuple[tuple[float, str], ...] = ()
    twin_prim: str = ""  # the prim of the twin it is a tag of
    model: str = ""  # and that twin's model


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A prim of the branch. `path` is relative to it, `prim` whole; parents come before children."""

    path: tuple[str, ...]
    prim: str
    above: int = -1  # its parent among the parts
    model: str = ""  # of the twin that stands for it
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A tag and the part it is proposed for."""

    leaf: int
    part: int
    score: float  # 0…1
    reasons: tuple[str, ...]
    is_second: bool = False  # the part is another tag's too


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The pairs, best first, and who has none."""

    pairs: tuple[Pair, ...]
    lone_leaves: tuple[int, ...]
    lone_parts: tuple[int, ...]
    candidates: Mapping[int, tuple[Place, ...]] = field(default_factory=dict)  # what else a tag may be of


@dataclass(slots=True)
class _Scores:
    """K pairs that are looked at, as arrays."""

    leaf: I8
    part: I8
    score: F8
    name: F8
    numbers: I8  # 2: the same, 1: some, 0: none to compare
    measures: I8  # 1: both say the same, -1: they say different things
    fits: B1
    parents: I8  # 1: matched, -1: matched with another
    twin: I8  # 2: it stands for the part, 1: for one above, -1: for another
    model: B1
    whole: B1  # the part's own name is in the tag's


def match(leaves: Sequence[Leaf], parts: Sequence[Part], *, least: float = LEAST) -> Match:
    """Return who belongs to whom. 5,000 × 5,000 take about a second; order of the input does not matter."""
    if not leaves or not parts:
        return Match(pairs=(), lone_leaves=tuple(range(len(leaves))), lone_parts=tuple(range(len(parts))))
    known = gathered(
        [leaf.path for leaf in leaves],
        [part.path for part in parts],
        [leaf.twin_prim for leaf in leaves],
        [model_word(leaf.model) for leaf in leaves],
        [part.prim for part in parts],
        np.array([part.above for part in parts], np.int64),
    )
    found = _scored(known, leaves, parts, known.leaf, known.part)
    anchor = _anchors(known, found)
    more = _within(known, anchor)
    if len(more[0]):
        key = np.unique(np.r_[found.leaf * len(parts) + found.part, more[0] * len(parts) + more[1]])
        found = _scored(known, leaves, parts, key // len(parts), key % len(parts))
    _by_structure(known, found, anchor)
    rows = _assigned(found, least)
    seconds = _seconds(found, rows, least)
    pairs = [_pair(known, found, int(row), anchor, leaves, parts, second=False) for row in rows]
    pairs += [_pair(known, found, int(row), anchor, leaves, parts, second=True) for row in seconds]
    pairs, candidates = _settled(known, leaves, parts, pairs, least)
    pairs.sort(key=lambda pair: (-pair.score, pair.leaf))
    has_leaf = {pair.leaf for pair in pairs}
    has_part = {pair.part for pair in pairs}
    return Match(
        pairs=tuple(pairs),
        lone_leaves=tuple(i for i in range(len(leaves)) if i not in has_leaf),
        lone_parts=tuple(i for i in range(len(parts)) if i not in has_part),
        candidates=candidates,
    )


def _settled(
    known: Evidence, leaves: Sequence[Leaf], parts: Sequence[Part], pairs: Sequence[Pair], least: float
) -> tuple[list[Pair], dict[int, tuple[Place, ...]]]:
    """Return the pairs after each tag had its own word, and what else each tag may be of."""
    above, end = known.above.tolist(), known.end.tolist()
    tree = Tree(known.part_segments, above, end, [part.path[-1] if part.path else "" for part in parts])
    tags = [
        said(leaf.path, segments, leaf.title, leaf.unit)
        for leaf, segments in zip(leaves, known.leaf_segments, strict=True)
    ]
    is_one = above.count(-1) == 1 and above[0] == -1  # all lie in the part that the branch was dropped on
    things = things_of(
        tags, [leaf.path for leaf in leaves], tree, known.twin_part.tolist(), 0 if is_one else -1
    )
    of = {pair.leaf: pair for pair in pairs}
    first = {pair.leaf: Place(pair.part, pair.score, pair.reasons) for pair in pairs}
    found, candidates = settled(first, tags, things, tree, least)
    out: list[Pair] = []
    taken: set[int] = set()
    for one in found:
        part, place = one.place.part, one.place
        if not one.is_new:
            out.append(of[one.leaf])
        else:
            more = ("the part has another tag too",) if part in taken else ()
            out.append(
                Pair(
                    leaf=one.leaf,
                    part=part,
                    score=min(place.score, 1.0),
                    reasons=(*place.reasons, *more),
                    is_second=part in taken,
                )
            )
        taken.add(part)
    return out, candidates


def _scored(known: Evidence, leaves: Sequence[Leaf], parts: Sequence[Part], leaf: I8, part: I8) -> _Scores:
    """Return what is known of pairs; those whose numbers differ are left out."""
    numbers = known.numbers(leaf, part)
    keep = (numbers >= 0) | (known.twins(leaf, part) > 0)
    leaf, part, numbers = leaf[keep], part[keep], numbers[keep]
    covered, spoken = known.covered(leaf, part)
    name = 2 * covered * spoken / np.maximum(covered + spoken, 1e-9)
    like = (
        process.cpdist(
            [known.leaf_text[i] for i in leaf.tolist()],
            [known.part_text[i] for i in part.tolist()],
            scorer=fuzz.ratio,
            score_cutoff=100 * _CLOSE,
        )
        if len(leaf)
        else np.zeros(0)
    )
    text = np.clip((like.astype(np.float64) / 100 - _CLOSE) / (1 - _CLOSE), 0.0, 1.0)
    name = np.maximum(name, 0.95 * text)
    what = [quantity(known.leaf_segments[i], leaf_.unit) for i, leaf_ in enumerate(leaves)]
    said = [quantity(known.part_segments[i][-1:]) for i in range(len(parts))]
    words = sorted({*what, *said})
    code = {word: i for i, word in enumerate(words)}
    mine = np.array([code[w] for w in what])[leaf]
    theirs = np.array([code[w] for w in said])[part]
    none = code.get("", -1)
    both = (mine != none) & (theirs != none)
    measures = np.where(both, np.where(mine == theirs, 1, -1), 0)
    fits, implied = _fits(known, FITS, words, mine, part), _fits(known, IMPLIED, words, mine, part)
    twin = known.twins(leaf, part)
    model = _models(known, leaves, parts, leaf, part)
    score = _NAME * name + _CONTEXT * known.context(leaf, part)
    score += np.choose(np.maximum(numbers, 0), [0.0, _SOME, _NUMBER])
    score += np.where(measures > 0, _MEASURES, np.where(measures < 0, -2 * _MEASURES, 0.0))
    score += _FITS * fits + _IMPLIED * (implied & (numbers != 0)) + _MODEL * model
    score -= _OTHER * (known.others(leaf, part) & (twin <= 0))
    score += np.choose(twin + 1, [-_TWIN, 0.0, _TWIN / 2, _TWIN])
    return _Scores(
        leaf=leaf,
        part=part,
        score=score,
        name=name,
        numbers=numbers,
        measures=measures,
        fits=fits,
        parents=np.zeros(len(leaf), np.int64),
        twin=twin,
        model=model,
        whole=(covered > _WHOLE) & ((spoken > _WHOLE) | ((numbers == SAME) & (spoken > _MOSTLY))),
    )


def _fits(
    known: Evidence, table: Mapping[str, Sequence[str]], words: Sequence[str], mine: I8, part: I8
) -> B1:
    """Return whether what is measured is usual at such a part."""
    has = np.zeros((len(words), len(known.part_segments)), np.bool_)
    things = [set(segments[-1].words) if segments else set() for segments in known.part_segments]
    for row, word in enumerate(words):
        if usual := set(table.get(word, ())):
            has[row] = [not usual.isdisjoint(of) for of in things]
    out: B1 = has[mine, part]
    return out


def _models(known: Evidence, leaves: Sequence[Leaf], parts: Sequence[Part], leaf: I8, part: I8) -> B1:
    """Return whether the tag's twin is of the part's model, or of a model that the part is named after."""
    models = sorted({*(x.model for x in leaves), *(x.model for x in parts)})
    code = {model: i for i, model in enumerate(models)}
    mine = np.array([code[x.model] for x in leaves])[leaf]
    theirs = np.array([code[x.model] for x in parts])[part]
    last = [model_word(model) for model in models]
    named = np.zeros((len(models), len(parts)), np.bool_)
    for row, word in enumerate(last):
        if word:
            named[row] = [bool(s) and word in s[-1].words for s in known.part_segments]
    out: B1 = ((mine == theirs) & (mine != code.get("", -1))) | named[mine, part]
    return out


# ---------------------------------------------------------------- structure


def _anchors(known: Evidence, found: _Scores) -> I8:
    """Return the part that each group of tags belongs to, -1 for none; no part has two groups.

    A group holds the tags that lie under one object. Its part is the one whose children, or itself, its
    tags score best with.
    """
    anchor = np.full(known.groups, -1, np.int64)
    if not len(found.leaf):
        return anchor
    n = len(known.part_segments)
    up = known.above[found.part]
    at = np.r_[found.part, np.where(up >= 0, up, n)]  # n: the branch itself
    who = np.r_[found.leaf, found.leaf]
    value = np.r_[found.score, found.score]
    order = np.lexsort((-value, at, who))
    at, who, value = at[order], who[order], value[order]
    first = np.r_[True, (at[1:] != at[:-1]) | (who[1:] != who[:-1])]  # the best of a tag below one part
    at, who, value = at[first], who[first], value[first]
    key, inverse = np.unique(known.group[who] * (n + 1) + at, return_inverse=True)
    support = np.bincount(inverse, value)
    of, there = key // (n + 1), key % (n + 1)
    size = np.bincount(known.group, minlength=known.groups)
    fair = (support >= _SHARE * size[of]) & (size[of] > 1) & (there < n) & (of != known.root)
    taken = np.zeros(n + 1, np.bool_)
    for row in np.argsort(-support, kind="stable").tolist():
        if fair[row] and anchor[of[row]] < 0 and not taken[there[row]]:
            anchor[of[row]] = there[row]
            taken[there[row]] = True
    return anchor


def _within(known: Evidence, anchor: I8) -> tuple[I8, I8]:
    """Return pairs of the tags of a matched group with the parts right below its part."""
    below = np.argsort(known.above, kind="stable")
    sorted_above = known.above[below]
    leaf: list[I8] = []
    part: list[I8] = []
    members = np.argsort(known.group, kind="stable")
    bounds = np.searchsorted(known.group[members], np.arange(known.groups + 1))
    for group in np.flatnonzero(anchor >= 0).tolist():
        first, last = np.searchsorted(sorted_above, [anchor[group], anchor[group] + 1])
        children = below[first : min(last, first + _WIDEST)]
        mine = members[bounds[group] : bounds[group + 1]]
        leaf.append(np.repeat(mine, len(children)))
        part.append(np.tile(children, len(mine)))
    nothing = np.zeros(0, np.int64)
    return (np.concatenate(leaf) if leaf else nothing, np.concatenate(part) if part else nothing)


def _by_structure(known: Evidence, found: _Scores, anchor: I8) -> None:
    """Add to the score what the match of the parents says."""
    mine = anchor[known.group[found.leaf]]
    inside = (found.part >= mine) & (found.part < known.end[np.maximum(mine, 0)])
    found.parents = np.where(mine < 0, 0, np.where(inside, 1, -1))
    found.score = found.score + np.choose(found.parents + 1, [-_STRANGE, 0.0, _PARENTS])


# ---------------------------------------------------------------- assignment


def _assigned(found: _Scores, least: float) -> I8:
    """Return the rows of the pairs: again and again the best of a tag that is the best of its part too."""
    rows = np.flatnonzero(found.score >= least)
    order = np.lexsort((found.part[rows], found.leaf[rows], -found.score[rows]))
    rows = rows[order]  # best first
    out: list[I8] = []
    while len(rows):
        _, leaf_first = np.unique(found.leaf[rows], return_index=True)
        _, part_first = np.unique(found.part[rows], return_index=True)
        both = np.intersect1d(leaf_first, part_first)  # never empty: the first row is both
        out.append(rows[both])
        gone_leaf, gone_part = found.leaf[rows[both]], found.part[rows[both]]
        rows = rows[~np.isin(found.leaf[rows], gone_leaf) & ~np.isin(found.part[rows], gone_part)]
    return np.concatenate(out) if out else np.zeros(0, np.int64)


def _seconds(found: _Scores, rows: I8, least: float) -> list[int]:
    """Return the rows of tags that are left and name a part whole that has a tag already."""
    free = ~np.isin(found.leaf, found.leaf[rows]) & (found.score >= least)
    free &= (found.whole & (found.numbers != 1) & (found.twin >= 0)) | (found.twin == SAME)
    left = np.flatnonzero(free)
    left = left[np.lexsort((left, -found.score[left]))]
    count: dict[int, int] = {}
    seen: set[int] = set()
    out: list[int] = []
    for row in left.tolist():
        leaf, part = int(found.leaf[row]), int(found.part[row])
        if leaf not in seen and count.get(part, 0) < MOST_SECONDS:
            seen.add(leaf)
            count[part] = count.get(part, 0) + 1
            out.append(row)
    return out


# ---------------------------------------------------------------- words


def _shown(score: float) -> float:
    """Return a score as it is told: what is above `_BENT` approaches 1, so that better stays better."""
    return score if score <= _BENT else _BENT + (1 - _BENT) * (1 - math.exp(-(score - _BENT) / _WIDE))


def _pair(
    known: Evidence,
    found: _Scores,
    row: int,
    anchor: I8,
    leaves: Sequence[Leaf],
    parts: Sequence[Part],
    *,
    second: bool,
) -> Pair:
    leaf, part = int(found.leaf[row]), int(found.part[row])
    words = [f"name {found.name[row]:.0%} alike"]
    if found.numbers[row] == SAME:
        numbers = dict.fromkeys(n for s in known.part_segments[part] for n in s.numbers)
        own = [n for n in numbers if any(n in s.numbers for s in known.leaf_segments[leaf])]
        many = f"numbers {', '.join(own)} agree" if len(own) > 1 else f"number {own[0]} agrees" if own else ""
        words.append(many or "numbers agree")
    elif found.numbers[row] == 1:
        words.append("some numbers agree")
    if found.twin[row] > 0:
        words.append(f"its twin stands for {_NEAR[0] if found.twin[row] == SAME else _NEAR[1]}")
    if found.parents[row] > 0:
        group = leaves[leaf].path[-2] if len(leaves[leaf].path) > 1 else "its branch"
        words.append(f"structure: {group} is {parts[int(anchor[known.group[leaf]])].path[-1]}")
    elif found.parents[row] < 0:
        words.append("the tags beside it belong elsewhere")
    what = quantity(known.leaf_segments[leaf], leaves[leaf].unit)
    if found.measures[row] > 0:
        words.append(f"both say {what}")
    elif found.measures[row] < 0:
        words.append(f"it measures {what}, the part is named otherwise")
    elif found.fits[row]:
        words.append(f"{f'unit {leaves[leaf].unit}: ' if leaves[leaf].unit else ''}{what} fits the part")
    if found.model[row]:
        words.append("model type fits")
    if second:
        words.append("the part has another tag too")
    return Pair(
        leaf=leaf, part=part, score=_shown(float(found.score[row])), reasons=tuple(words), is_second=second
    )
