"""Parts of an older scene found again in a newer one: by path, place, shape, what holds them, and name.

Precision comes first: what two readings fit is proposed with little confidence and left to a person. Evidence
is used in the order of how little it errs, and each part of the newer scene is given away once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from armillary.model.arrays import B1, F8, I8
from armillary.model.likeness import Likeness

SURE = 0.9  # what is accepted all at once
SAME, MOVED, RENAMED, CHANGED, SPLIT, GONE = "same", "moved", "renamed", "changed", "split", "gone"
_SHAPE = 2e-3  # relative: float noise and another triangulation are far below
_ROUGHLY, _NEARLY = 0.05, 20.0  # relative to its size; times as far as what is near
_DEEPER = 1e-3  # of two that hold the same surface the inner one is meant, all else being equal
_MOST_ALIKE = 64  # candidates that are looked at one by one
_DETAILED = 24  # triangles from which a shape alone says something: boxes are everywhere
_LONG_NAME = 4
_MANY = 3  # paths that agree


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One part of the older scene. `new` is "" where nothing of the newer one is it."""

    old: str
    new: str
    kind: str  # same | moved | renamed | changed | split | gone
    confidence: float  # 0…1
    why: str
    moved_m: float = 0.0
    others: tuple[str, ...] = ()  # what it may be instead
    was: tuple[float, float, float] | None = None  # m, middle of its surface before; None: not known
    was_radius_m: float = 0.0  # of a ball as far spread as its surface was


class _Before(TypedDict, total=False):
    was: tuple[float, float, float]
    was_radius_m: float


def rematch(old: Sequence[str], known: Likeness, rows: I8, new: Sequence[str], now: Likeness) -> list[Match]:
    """Return a match for each old path. known: of `old[rows]`; the others are known by their path alone."""
    return _Search(old, known, rows, new, now).run()


class _Search:
    def __init__(
        self, old: Sequence[str], known: Likeness, rows: I8, new: Sequence[str], now: Likeness
    ) -> None:
        self.old, self.new, self.known, self.now = old, new, known, now
        self.row_of = {path: i for i, path in enumerate(new)}
        self.at = np.full(len(old), -1, np.int64)  # row in `known`
        self.at[rows] = np.arange(len(rows))
        self.here = np.array([self.row_of.get(path, -1) for path in old], np.int64)
        self.found: dict[int, Match] = {}
        self.free = np.ones(len(new), np.bool_)
        reach = np.ptp(now.place, axis=0) if len(now) else np.zeros(3)
        self.near_m = float(np.clip(1e-5 * np.sqrt((reach**2).sum()), 1e-6, 5e-3))
        self.prefix: dict[str, Counter[str]] = {}

    def run(self) -> list[Match]:
        """Return the matches in the order of the old paths."""
        self._same()
        self._placed()
        self._moved()
        self._nearly()
        self._vote()
        self._held()
        self._shaped()
        self._vote()
        self._held()
        self._changed()
        self._named()
        for i, path in enumerate(self.old):
            if i not in self.found:
                self.found[i] = self._gone(i, path)
        return [self.found[i] for i in range(len(self.old))]

    # ------------------------------------------------------------ evidence

    def _is_type(self, a: I8, j: I8) -> B1:
        numbers: dict[str, int] = {}
        left = [numbers.setdefault(self.known.type_name[k], len(numbers)) for k in a.tolist()]
        right = [numbers.setdefault(self.now.type_name[k], len(numbers)) for k in j.tolist()]
        out: B1 = np.array(left, np.int64) == np.array(right, np.int64)
        return out

    def _is_like(self, a: I8, j: I8, near: float = _SHAPE) -> B1:
        """Tell which pairs have the same shape; two without surfaces have."""
        area = self.known.area[a], self.now.area[j]
        spread = self.known.spread[a], self.now.spread[j]
        size = np.maximum(spread[0][:, 2], spread[1][:, 2])
        wide = np.abs(spread[0] - spread[1]).max(axis=1) <= near * size + 1e-12
        out: B1 = wide & (np.abs(area[0] - area[1]) <= near * np.maximum(*area) + 1e-12)
        return out

    def _far(self, a: I8, j: I8) -> F8:
        out: F8 = np.sqrt(((self.known.place[a] - self.now.place[j]) ** 2).sum(axis=1))
        return out

    def _open(self, *, known: bool) -> I8:
        """Return the old parts that are not found yet, those with a likeness or all."""
        rows = np.array([i for i in range(len(self.old)) if i not in self.found], np.int64)
        return rows[self.at[rows] >= 0] if known else rows

    def _give(
        self, i: int, j: int, kind: str, confidence: float, why: str, others: Sequence[int] = ()
    ) -> None:
        a = int(self.at[i])
        far = 0.0
        if a >= 0 and self.known.area[a] > 0:
            far = float(np.sqrt(((self.known.place[a] - self.now.place[j]) ** 2).sum()))
        self.free[j] = False
        self.found[i] = Match(
            old=self.old[i],
            new=self.new[j],
            kind=kind,
            confidence=round(confidence, 2),
            why=why,
            moved_m=far if far > self.near_m else 0.0,
            others=tuple(self.new[k] for k in others),
            **self._before(a),
        )

    # ------------------------------------------------------------ steps

    def _same(self) -> None:
        """Keep what is as it was: path, type, shape and place."""
        unknown = np.flatnonzero((self.at < 0) & (self.here >= 0))
        for i in unknown.tolist():
            self._give(i, int(self.here[i]), SAME, 1.0, "its path is there; nothing else of it is known")
        both = np.flatnonzero((self.at >= 0) & (self.here >= 0))
        a, j = self.at[both], self.here[both]
        bare = (self.known.area[a] <= 0) & (self.now.area[j] <= 0)
        good = self._is_type(a, j) & self._is_like(a, j) & (bare | (self._far(a, j) <= self.near_m))
        for k in np.flatnonzero(good).tolist():
            self._give(int(both[k]), int(j[k]), SAME, 1.0, "path, shape and place are as they were")

    def _placed(self) -> None:
        """Find what stands where it stood and looks as it looked, whatever it is called now."""
        i = self._open(known=True)
        i = i[self.known.area[self.at[i]] > 0]
        j = np.flatnonzero(self.free & (self.now.area > 0))
        left, right = pairs(self.known.place[self.at[i]], self.now.place[j], self.near_m)
        left, right = i[left], j[right]
        like = self._is_like(self.at[left], right)
        left, right = left[like], right[like]
        same_type = self._is_type(self.at[left], right)
        score: F8 = 0.5 + 0.25 * same_type.astype(np.float64)
        score += 0.1 * (self.known.prims[self.at[left]] == self.now.prims[right])
        score += 0.05 * (self.known.triangles[self.at[left]] == self.now.triangles[right])
        leaves = [
            leaf(self.old[x]) == leaf(self.new[y]) for x, y in zip(left.tolist(), right.tolist(), strict=True)
        ]
        score += 0.1 * np.array(leaves, np.float64)
        score += _DEEPER * np.array([self.new[y].count("/") for y in right.tolist()], np.float64)
        best = _best(left, right, score)
        for x, (y, lead, others) in best.items():
            path = int(self.here[x])
            is_type = self._is_type(self.at[[x]], np.array([y]))[0]
            if lead < _DEEPER / 2:
                why = "several parts of this shape stand at its place"
                self._give(x, y, RENAMED, 0.5, why, others)
            elif path >= 0 and path != y and self._is_like(self.at[[x]], np.array([path]))[0]:
                why = (
                    "its shape stands at its place under another name, but one like it has its path elsewhere"
                )
                self._give(x, y, RENAMED, 0.7, why, [path])
            elif not is_type and self.now.prims[y] > self.known.prims[self.at[x]]:
                why = f"its surface is there, in {int(self.now.prims[y]) - 1} parts now"
                self._give(x, y, SPLIT, 0.85, why, others)
            elif not is_type:
                self._give(
                    x, y, RENAMED, 0.8, "shape and place are as they were, its type is another", others
                )
            else:
                same = leaf(self.old[x]) == leaf(self.new[y])
                what = "held by another part" if same else "under another name"
                self._give(x, y, RENAMED, 0.99 if same else 0.97, f"shape and place are as they were, {what}")

    def _moved(self) -> None:
        """Keep what has its path and shape and stands elsewhere."""
        i = self._open(known=True)
        i = i[self.here[i] >= 0]
        a, j = self.at[i], self.here[i]
        good = self._is_type(a, j) & self._is_like(a, j) & self.free[j]
        for k in np.flatnonzero(good).tolist():
            far = float(self._far(a[[k]], j[[k]])[0])
            if self.now.alike[j[k]] >= self.known.alike[a[k]]:
                self._give(
                    int(i[k]), int(j[k]), MOVED, 0.95, f"path and shape are as they were, {far:.3g} m away"
                )
            else:
                why = (
                    f"its path is {far:.3g} m away, and there are fewer parts like it: one may have its name"
                )
                self._give(int(i[k]), int(j[k]), MOVED, 0.7, why)

    def _nearly(self) -> None:
        """Find what stands nearly where it stood and looks nearly so: bent faces were cut otherwise."""
        i = self._open(known=True)
        i = i[(self.known.area[self.at[i]] > 0) & (self.here[i] < 0)]
        j = np.flatnonzero(self.free & (self.now.area > 0))
        left, right = pairs(self.known.place[self.at[i]], self.now.place[j], _NEARLY * self.near_m)
        left, right = i[left], j[right]
        a = self.at[left]
        good = self._is_like(a, right, _ROUGHLY) & self._is_type(a, right)
        good &= self.known.triangles[a] == self.now.triangles[right]
        good &= self._far(a, right) <= _ROUGHLY * self.known.spread[a].max(axis=1)
        left, right = left[good], right[good]
        rivals = Counter(right.tolist())
        for x in np.unique(left).tolist():
            choice = right[left == x]
            if len(choice) == 1 and rivals[int(choice[0])] == 1:
                self._give(
                    x, int(choice[0]), RENAMED, 0.9, "nearly its shape at its place, under another name"
                )

    def _vote(self) -> None:
        """Learn from what is found which path became which."""
        self.prefix = {}
        for match in self.found.values():
            if match.new and match.confidence >= SURE:
                old, new = match.old.split("/"), match.new.split("/")
                while old and new:
                    self.prefix.setdefault("/".join(old), Counter())["/".join(new)] += 1
                    if old[-1] != new[-1]:
                        # a renamed part tells only of what holds it
                        up, into = "/".join(old[:-1]), "/".join(new[:-1])
                        if up and into:
                            self.prefix.setdefault(up, Counter())[into] += 1
                        break
                    old, new = old[:-1], new[:-1]

    def _led(self, path: str) -> tuple[int, int, int]:
        """Return where what holds a part leads: row or -1, votes for, votes for elsewhere."""
        head, tail = path, ""
        while head:
            votes = self.prefix.get(head)
            if votes:
                ranked = votes.most_common(2)
                row = self.row_of.get(ranked[0][0] + tail, -1)
                if row >= 0:
                    return row, ranked[0][1], ranked[1][1] if len(ranked) > 1 else 0
            head, _, last = head.rpartition("/")
            tail = f"/{last}{tail}"
        return -1, 0, 0

    def _held(self) -> None:
        """Find what is below a part that was renamed, or holds parts that were."""
        for i in self._open(known=True).tolist():
            a = self.at[[i]]
            row, votes, against = self._led(self.old[i])
            j = np.array([row])
            if row < 0 or not self.free[row] or not self._is_type(a, j)[0]:
                continue
            if self._is_like(a, j)[0]:
                bare = self.known.area[a[0]] <= 0
                confidence = (0.93 if votes > 1 else 0.85) if bare else 0.95
                why = f"{votes} of its neighbours are there"
                self._give(i, row, RENAMED, confidence if not against else min(confidence, 0.8), why)
            elif votes > 1 and not against and self.known.prims[a[0]] > 1:
                self._give(i, row, CHANGED, 0.9, f"{votes} of its parts are there; others moved or are new")

    def _shaped(self) -> None:
        """Find what moved and was renamed, where its shape is one of a kind."""
        i = self._open(known=True)
        i = i[self.known.area[self.at[i]] > 0]
        j = np.flatnonzero(self.free & (self.now.area > 0))
        left, right = pairs(_size(self.known, self.at[i]), _size(self.now, j), _SHAPE)
        left, right = i[left], j[right]
        good = self._is_like(self.at[left], right) & self._is_type(self.at[left], right)
        left, right = left[good], right[good]
        rivals = Counter(right.tolist())
        for x in np.unique(left).tolist():
            choice = right[left == x][:_MOST_ALIKE]
            a = int(self.at[x])
            same = [int(y) for y in choice if leaf(self.old[x]) == leaf(self.new[int(y)])]
            alone = len(choice) == 1 and rivals[int(choice[0])] == 1
            y = same[0] if len(same) == 1 else int(choice[0])
            if not self.free[y]:
                continue
            detailed = self.known.triangles[a] >= _DETAILED
            one_kind = self.known.alike[a] == 1 and self.now.alike[y] == 1
            if alone and (one_kind or len(same) == 1):
                sure = detailed or len(same) == 1
                why = (
                    "the one part of its shape in both scenes"
                    if one_kind
                    else "its shape, under its own name"
                )
                self._give(x, y, RENAMED, 0.92 if sure and one_kind else 0.85, f"{why}, elsewhere")
            elif len(same) == 1 and len(leaf(self.old[x])) >= _LONG_NAME:
                self._give(
                    x,
                    y,
                    RENAMED,
                    0.8,
                    "its shape and name, elsewhere; others look like it",
                    choice[:3].tolist(),
                )

    def _changed(self) -> None:
        """Keep what has its path and another shape."""
        i = self._open(known=True)
        i = i[self.here[i] >= 0]
        a, j = self.at[i], self.here[i]
        good = self.free[j]
        kinds, far = self._is_type(a, j), self._far(a, j)
        size = np.maximum(self.known.spread[a].max(axis=1), self.now.spread[j].max(axis=1))
        for k in np.flatnonzero(good).tolist():
            stays = kinds[k] and far[k] <= max(size[k], self.near_m)
            why = (
                "its path, at its place, of another shape"
                if stays
                else "its path, of another shape, elsewhere"
            )
            self._give(int(i[k]), int(j[k]), CHANGED, 0.9 if stays else 0.6, why)

    def _named(self) -> None:
        """Propose what alone ends as the path of a part does of which nothing else is known."""
        rows = [i for i in self._open(known=False).tolist() if self.at[i] < 0]
        if not rows:
            return
        for i in rows:
            row, beside, other = self._led(self.old[i])
            if row >= 0 and self.free[row] and beside > 1 and not other:
                self._give(i, row, RENAMED, 0.9, f"{beside} of its neighbours are there")
        rows = [i for i in rows if i not in self.found]
        table = _leaves(self.new)
        ends: dict[int, tuple[int, tuple[str, str]]] = {}
        for i in rows:
            choice = [j for j in table.get(leaf(self.old[i]), [])[:_MOST_ALIKE] if self.free[j]]
            ranked = sorted(((_shared(self.old[i], self.new[j]), j) for j in choice), reverse=True)
            if ranked and (len(ranked) == 1 or ranked[0][0] > ranked[1][0]):
                shared, j = ranked[0]
                ends[i] = j, (_head(self.old[i], shared), _head(self.new[j], shared))
        votes = Counter(heads for _, heads in ends.values())
        against = Counter(old for old, _ in votes)
        given: set[int] = set()
        for i, (j, heads) in ends.items():
            if j in given:
                continue
            given.add(j)
            if votes[heads] >= _MANY and against[heads[0]] == 1:
                why = f"{votes[heads]} paths agree that {heads[0] or '/'} is {heads[1] or '/'} now"
                self._give(i, j, RENAMED, 0.9, why)
            else:
                self._give(i, j, RENAMED, 0.7, "the one path that ends so; nothing else of it is known")

    def _gone(self, i: int, path: str) -> Match:
        a = int(self.at[i])
        alike: list[str] = []
        if a >= 0 and self.known.area[a] > 0:
            j = np.flatnonzero(self.free & (self.now.area > 0))
            like = j[self._is_like(np.full(len(j), a), j)]
            alike = [self.new[k] for k in like[:3].tolist()]
        why = (
            "parts like it are there, but which of them cannot be told" if alike else "nothing looks like it"
        )
        before = self._before(a)
        return Match(old=path, new="", kind=GONE, confidence=0.0, why=why, others=tuple(alike), **before)

    def _before(self, a: int) -> _Before:
        """Return where an old part was and how large; nothing of one that is known by its path alone."""
        if a < 0 or self.known.area[a] <= 0:
            return {}
        x, y, z = self.known.place[a].tolist()
        # the surface of a ball lies its radius / √3 away from its middle along each axis (root mean square)
        return {"was": (x, y, z), "was_radius_m": float(np.sqrt(3.0) * self.known.spread[a].max())}


def pairs(a: F8, b: F8, near: float) -> tuple[I8, I8]:
    """Return the pairs (rows of a, rows of b) of points (n, 3) that are within `near` along each axis."""
    none = np.zeros(0, np.int64)
    if not len(a) or not len(b):
        return none, none
    cell = 4.0 * near
    low, high = np.floor((a - near) / cell), np.floor((a + near) / cell)
    keys = _key(np.floor(b / cell).astype(np.int64))
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    lefts, rights = [], []
    for corner in range(8):
        pick = np.array([(corner >> axis) & 1 for axis in range(3)], np.bool_)
        asked = np.where(pick, high, low)
        # a corner in a cell that another corner asks for already is asked for once
        fresh = ~((pick & (high == low)).any(axis=1))
        which = np.flatnonzero(fresh)
        wanted = _key(asked[which].astype(np.int64))
        begin, end = np.searchsorted(keys, wanted, "left"), np.searchsorted(keys, wanted, "right")
        count = np.minimum(end - begin, _MOST_ALIKE + 1)
        lefts.append(np.repeat(which, count))
        offset = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        rights.append(order[np.repeat(begin, count) + offset])
    left, right = np.concatenate(lefts), np.concatenate(rights)
    good = (np.abs(a[left] - b[right]) <= near).all(axis=1)
    return left[good], right[good]


def _key(cells: I8) -> I8:
    """Return one number for a cell (n, 3); that two cells share one costs a comparison, no mistake."""
    with np.errstate(over="ignore"):
        out: I8 = cells[:, 0] * 73_856_093 ^ cells[:, 1] * 19_349_663 ^ cells[:, 2] * 83_492_791
    return out


def _size(parts: Likeness, rows: I8) -> F8:
    """Return what is compared of shapes, as logarithms (n, 3)."""
    out: F8 = np.log(np.maximum(np.stack([parts.area[rows], *parts.spread[rows, 1:].T], axis=1), 1e-12))
    return out


def _best(left: I8, right: I8, score: F8) -> dict[int, tuple[int, float, list[int]]]:
    """Return for each left the best right, its lead over the second, and up to three others.

    The best pairs choose first; each right is given once.
    """
    order = np.lexsort((right, left, -score))
    out: dict[int, tuple[int, float, list[int]]] = {}
    rest: dict[int, list[tuple[float, int]]] = {}
    for x, y, s in zip(left[order].tolist(), right[order].tolist(), score[order].tolist(), strict=True):
        rest.setdefault(x, []).append((s, y))
    taken: set[int] = set()
    for x in sorted(rest, key=lambda one: -rest[one][0][0]):
        free = [(s, y) for s, y in rest[x] if y not in taken]
        if not free:
            continue
        chosen = free[0]
        others = [
            each for each in rest[x] if each[1] != chosen[1]
        ]  # one that is given away counts as a doubt
        lead = chosen[0] - others[0][0] if others else 1.0
        out[x] = chosen[1], lead, [y for _, y in others[:3]]
        taken.add(chosen[1])
    return out


def _leaves(paths: Sequence[str]) -> Mapping[str, list[int]]:
    out: dict[str, list[int]] = {}
    for i, path in enumerate(paths):
        out.setdefault(leaf(path), []).append(i)
    return out


def _shared(a: str, b: str) -> int:
    """Return how many names two paths have in common at their ends."""
    n = 0
    for x, y in zip(reversed(a.split("/")), reversed(b.split("/")), strict=False):
        if x != y or not x:
            break
        n += 1
    return n


def _head(path: str, names: int) -> str:
    """Return a path without its last names."""
    return path.rsplit("/", names)[0]


def leaf(path: str) -> str:
    """Return the last name of a path."""
    return path.rpartition("/")[2]
