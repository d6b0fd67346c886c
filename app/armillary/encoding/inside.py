"""Where inside a thing a tag belongs: each tag by itself, whatever is unknown about those beside it.

First the thing is found: the part that the tag's twin stands for, else the one that its path names, level by
level, else the one that its title names, else the part that the branch was dropped on. Then every part below
is weighed by what the tag says: its own name, its title, its unit. What nobody knows adds nothing and takes
nothing from others. Equal ones are told apart by nobody, so they are offered, not taken.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from armillary.encoding.naming import FITS, IMPLIED, MEASURED, Segment, quantity, segment, whole
from armillary.model.relation import stem

SPEAKS: Mapping[str, tuple[str, ...]] = {
    "level": (*IMPLIED["level"], "sump", "basin", "tank"),
    "speed": (*IMPLIED["speed"], "fan", "belt", "drum", "wheel", "roller", "knob", "coupling", "motor"),
    "position": (*IMPLIED["position"], "handwheel", "pointer", "actuator", "indicator"),
    "pressure": ("needle", "pointer", "dial", "gauge"),
    "temperature": ("product", "medium", "content", "winding", "casing", "probe", "sensor", "transmitter"),
    "flow": ("pipe", "tube", "hose", "jet", "meter", "duct", "line"),
    "state": ("lamp", "light", "sign", "beacon", "indicator"),
    "running": ("lamp", "light", "beacon", "indicator"),
    "fault": ("lamp", "light", "sign", "beacon", "indicator"),
    "power": ("motor", "heater", "meter", "panel"),
    "energy": ("meter", "panel", "cabinet"),
    "current": ("motor", "drive"),
    "voltage": ("panel", "cabinet", "motor"),
    "vibration": ("bearing", "motor", "gearbox"),
    "weight": ("load", "hopper", "platform", "pan", "scale"),
    "concentration": ("analyser", "controller", "probe", "cell", "injection"),
    "angle": ("joint", "axis", "arm"),
    "output": ("heater", "burner", "fan", "actuator"),
}
"""Parts that show or hold what is measured, the usual ones first; nobody names them in a tag."""
_PHRASES = (("non-drive end", "nde"), ("non drive end", "nde"), ("drive end", "de"))
LEAST = 0.5
SURE = 0.6  # what scores as much may be taken unseen; an equal rival keeps a pair below it
MOST_CANDIDATES = 3
_MOST = 96  # parts of a thing that are weighed for a tag
_BASE, _SAID, _LEFT, _DEEPER = 0.38, 0.42, 0.2, 0.03
_THING = 0.45  # what the thing itself is worth to a tag that names no part of it
_USUAL = 0.6  # and to one of what is usually measured at such a thing
_TITLE, _SPOKEN, _SHORT = 0.9, 0.58, 0.75  # worth of a word: of a title, one that is implied, shortened
_LEVELS = re.compile(r"(?<=\d)[-_](?=[A-Za-z]+\d)")  # GPA02-BT01: one in the other
_MOVES = 0.66  # of an implied part that moves with what is measured
_CALLED = 0.6  # of a part that is called after what is measured: PowerBar
_LATER = 0.01  # each further of the implied words is worth less
_QUANTITY = 0.45  # weight of a word that says what is measured in the name of a part
_NEAR, _INNER = 0.9, 0.3  # the level of the drum is that of the liquid in it
_ROOT, _BY_TITLE, _BY_PATH = 0.86, 0.96, 0.98  # how sure it is which thing it is
_ANYWHERE = 0.6
_BARE = 0.4
_UNLIKE = 0.1  # how much less sure, at most, where the names of a thing are less alike
_NAMED = 0.5  # of 1: a thing that is less alike is not meant
_CLOSE = 0.04  # things that are as alike are told apart by what lies in them
_LEAST_SHORT = 2  # letters of an abbreviation


@dataclass(frozen=True, slots=True)
class Place:
    """A part that a tag may be of, and why."""

    part: int
    score: float
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Said:
    """What one tag says of itself: words with their worth, and what is measured."""

    words: dict[str, float]
    things: frozenset[str]  # words of its own name that say what it is
    numbers: frozenset[str]
    what: str
    title: Segment
    names: tuple[Segment, ...]  # of its path
    unit: str


@dataclass(slots=True)
class Tree:
    """The parts as what is looked up: by word, by number, by place."""

    segments: list[tuple[Segment, ...]]
    above: Sequence[int]
    end: Sequence[int]
    names: list[str]  # as they are written
    terms: list[dict[str, float]] = field(default_factory=list)
    by_term: dict[str, list[int]] = field(default_factory=dict)
    by_number: dict[str, list[int]] = field(default_factory=dict)
    by_plain: dict[str, list[int]] = field(default_factory=dict)  # names without numbers
    plain: frozenset[int] = frozenset()  # the parts without a number

    def __post_init__(self) -> None:
        self.above = [up if up < i else -1 for i, up in enumerate(self.above)]
        by_term, by_number, by_plain = defaultdict(list), defaultdict(list), defaultdict(list)
        for i, segments in enumerate(self.segments):
            own = segments[-1] if segments else segment("")
            terms = _terms(own)
            self.terms.append(terms)
            for term in terms:
                by_term[term].append(i)
            for number in own.numbers:
                by_number[number].append(i)
            if not own.numbers:
                by_plain[own.plain].append(i)
        self.by_term, self.by_number, self.by_plain = dict(by_term), dict(by_number), dict(by_plain)
        self.plain = frozenset(part for rows in by_plain.values() for part in rows)

    def inside(self, part: int, of: int) -> bool:
        """Return whether a part is another or lies in it; -1 holds all."""
        return of < 0 or of <= part < self.end[of]


def said(path: Sequence[str], segments: tuple[Segment, ...], title: str, unit: str) -> Said:
    """Return what a tag says. `segments` are those of its path."""
    own = segments[-1] if segments else segment("")
    plain = title.lower()
    for phrase, short in _PHRASES:
        plain = plain.replace(phrase, short)
    spoken = segment(title if plain == title.lower() else plain)
    words = dict.fromkeys(spoken.words, _TITLE) | dict.fromkeys(spoken.keys, _TITLE)
    words |= dict.fromkeys((*own.words, *own.keys), 1.0)
    for text in path[-1:]:
        words |= dict.fromkeys(_pieces(text), 1.0)
    what = quantity(segments, unit) or quantity((spoken,), unit)
    if not what and "output" in path[-1].lower():
        what = "output"
    for at, word in enumerate(SPEAKS.get(what, ())):
        words.setdefault(word, _MOVES if word in IMPLIED.get(what, ()) else _SPOKEN - at * _LATER)
    numbers = frozenset(number for each in (*segments, spoken) for number in each.numbers)
    things = frozenset(word for word in (*own.words, *spoken.words) if word not in MEASURED and len(word) > 1)
    return Said(words, things, numbers, what, spoken, segments, unit)


def things_of(
    tags: Sequence[Said],
    paths: Sequence[tuple[str, ...]],
    tree: Tree,
    twin_part: Sequence[int],
    root: int,
) -> list[tuple[int, float, str]]:
    """Return of each tag the thing that it is of: part, how sure that is, why in words; part -1: unknown."""
    path_of: dict[tuple[str, ...], tuple[float, list[int]]] = {}
    members: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, path in enumerate(paths):
        members[path[:-1]].append(i)
    out: list[tuple[int, float, str]] = [(-1, 0.0, "")] * len(tags)
    for group, rows in members.items():
        like, found = _by_path(tuple(level for text in group for level in _LEVELS.split(text)), tree, path_of)
        if len(found) > 1:
            found = _voted(found, [tags[i] for i in rows], tree)
        for i in rows:
            if (at := twin_part[i]) >= 0:
                deeper = next((part for part in found if tree.inside(part, at)), at)
                out[i] = (deeper, 1.0, "its twin stands for" if deeper == at else "its path names")
                continue
            of = found[0] if found else -1
            is_loop = bool(group) and bool(whole(group)[-1].isa)  # LIC-1003 is no LV-1003, but what it says
            titled = _by_title(tags[i], tree, -1 if is_loop else of)
            if titled >= 0:
                out[i] = (titled, _BY_TITLE, "its title names")
            elif of >= 0:
                out[i] = (of, _BY_PATH - _UNLIKE * (1.0 - like), "its path names")
            elif root >= 0:
                out[i] = (root, _ROOT, "it was dropped on")
    return out


def places(tag: Said, thing: int, sure: float, why: str, tree: Tree) -> list[Place]:
    """Return the parts that a tag may be of, in a thing or the thing itself, best first."""
    name, known = tree.names[thing], set(tree.terms[thing])
    if sure <= _ROOT and tree.end[thing] - thing > _MOST:
        sure = _ANYWHERE  # a whole scene is no place for a tag
    is_usual = not known.isdisjoint(FITS.get(tag.what, ()))
    worth = sure * _worth(_USUAL if is_usual else _THING, tag, known, 0)
    if sure <= _ROOT and not is_usual:
        worth = min(worth, _BARE)  # nothing but the drop speaks for it
    out = [Place(thing, worth, (f"{why} {name}",))]
    worths: dict[int, float] = {}  # how far parts are named, for those in them
    for part in _weighed(tag, thing, tree):
        own = tree.segments[part][-1]
        way = _way(part, thing, tag, tree) if _agrees(own, tag) else []
        if not way:
            continue
        terms = tree.terms[part]
        up = tree.above[part]
        if up > thing and worths.get(up, 0.0) >= _CALLED and set(terms) < set(tree.terms[up]):
            terms = tree.terms[up]  # the Bar of a PowerBar is what is meant
        heard = {term: much for term in terms if (much := _heard(term, tag)) > 0}
        if not heard:
            continue
        all_of = max(sum(terms.values()), 1e-9)
        called = _CALLED if tag.what in terms else 0.0
        worth = max(called, sum(terms[term] * much for term, much in heard.items()) / all_of)
        named = sum(terms[term] * much for term, much in heard.items() if much >= _SHORT) / all_of
        worths[part] = max(called, named)
        near = max((worths.get(at, 0.0) for at in way[1:]), default=0.0)
        worth = max(worth, _NEAR * near + _INNER * worth)
        chain = known.union(*(tree.terms[at] for at in way))
        chain |= {word for term in heard for word in tag.things if shortens(word, term)}
        score = sure * _worth(worth, tag, chain, len(way))
        out.append(Place(part, score, _why(tag, tuple(heard), why, name)))
    out.sort(key=lambda place: (-place.score, place.part))
    return out


def _weighed(tag: Said, thing: int, tree: Tree) -> list[int]:
    """Return the parts in a thing that are weighed: all, or of a large one those that the tag names."""
    end = tree.end[thing]
    if end - thing <= _MOST + 1:
        return list(range(thing + 1, end))
    own = [word for word, worth in tag.words.items() if worth >= _SHORT]  # not what is only implied
    named = {part for word in own for part in tree.by_term.get(word, ()) if thing < part < end}
    return sorted(named if len(named) <= _MOST else {part for part in named if tree.above[part] == thing})


def _way(part: int, thing: int, tag: Said, tree: Tree) -> list[int]:
    """Return a part and those it lies in, up to a thing; nothing where one of them is another's: pump B's."""
    out, at = [], part
    is_numbered = bool(tree.segments[part][-1].numbers)
    while at > thing:
        if not is_numbered and not _agrees(tree.segments[at][-1], tag):
            return []
        out.append(at)
        at = tree.above[at]
    return out if at == thing else []


def _agrees(own: Segment, tag: Said) -> bool:
    """Return whether a tag says the numbers of a part."""
    return tag.numbers.issuperset(own.numbers)


def _heard(term: str, tag: Said) -> float:
    """Return 0…1, how much a tag says a term: whole, or shortened in its own name."""
    if (worth := tag.words.get(term, 0.0)) or "#" in term:
        return worth
    if any(stem(word) == stem(term) for word in tag.things):
        return _TITLE
    return _SHORT if any(shortens(word, term) for word in tag.things) else 0.0


def _why(tag: Said, spoken: Sequence[str], why: str, name: str) -> tuple[str, ...]:
    titled = {stem(word) for word in tag.title.words}
    own = {stem(word) for word in tag.names[-1].words} if tag.names else set()
    told = [word for word in spoken if "#" not in word]
    named = [word for word in told if stem(word) in own]
    entitled = [word for word in told if word not in named and stem(word) in titled]
    implied = [word for word in told if word not in (*named, *entitled) and word in SPEAKS.get(tag.what, ())]
    out = [f"{why} {name}"]
    if named or len(spoken) > len(told):
        out.append(f"its name says {', '.join(named) or 'its number'}")
    if entitled:
        out.append(f"its title says {', '.join(entitled)}")
    if implied:
        of = f"unit {tag.unit}: " if tag.unit else ""
        out.append(f"{of}{tag.what} is usual at: {implied[0]}")
    return tuple(out)


def _worth(worth: float, tag: Said, chain: set[str], depth: int) -> float:
    """Return the score of a part: what of its name is said, and what of the tag's its names say."""
    left = [word for word in tag.things if word not in chain]
    heard = 1.0 - len(left) / len(tag.things) if tag.things else 1.0
    return _BASE + _SAID * min(worth, 1.0) + _LEFT * heard - _DEEPER * max(0, depth - 1)


# ---------------------------------------------------------------- which thing


def _by_path(
    group: tuple[str, ...], tree: Tree, known: dict[tuple[str, ...], tuple[float, list[int]]]
) -> tuple[float, list[int]]:
    """Return how alike (0…1) are the parts that an object of the tags may be, and them, all as likely.

    Level by level from above: what a deeper name means lies in what the name above it means.
    """
    if not group:
        return 1.0, []
    if group not in known:
        like, above = _by_path(group[:-1], tree, known)
        found = _alike(whole(group)[-1], tree)
        within = [(s, p) for s, p in found if not above or any(tree.inside(p, of) for of in above)]
        best = max((s for s, _ in within), default=like)
        known[group] = best, [p for s, p in within if s >= best - _CLOSE] or above
    return known[group]


def _alike(own: Segment, tree: Tree) -> list[tuple[float, int]]:
    """Return (how alike, part) of the parts that a name may mean."""
    if own.numbers:
        among = {part for number in own.numbers for part in tree.by_number.get(number, ())}
    else:
        among = {part for word in own.words for part in tree.by_term.get(word, ()) if part in tree.plain}
        for plain, rows in tree.by_plain.items():
            if plain == own.plain or shortens(own.plain, plain):
                among.update(rows)
    out = []
    for part in among:
        theirs = tree.segments[part][-1]
        like = _likeness(own, theirs)
        if like >= _NAMED:
            out.append((like, part))
    return out


def _likeness(own: Segment, theirs: Segment) -> float:
    """Return 0…1, how alike two names of things are; numbers that differ make it 0."""
    if own.plain == theirs.plain:
        return 1.0
    mine, other = set(own.numbers), set(theirs.numbers)
    if mine and other and (mine.isdisjoint(other) or not (mine <= other or other <= mine)):
        return 0.0  # VAV-2-15 is not VAV_2_14
    number = 0.4 if mine & other else 0.0
    keys = set(own.keys) & set(theirs.keys)
    if len(mine) > 1 and other and not keys:
        return 0.0  # GPA02-BT01 is not GPA01
    a, b = set(own.things) or set(own.words), set(theirs.things) or set(theirs.words)
    shared = len(a & b)
    words = shared / max(1, min(len(a), len(b))) * 0.8 + 0.2 * shared / max(1, len(a | b)) if shared else 0.0
    letters = "".join(c for c in own.plain if not c.isdigit())
    longer = "".join(c for c in theirs.plain if not c.isdigit())
    if shortens(letters, longer):
        words = max(words, 0.85)
    elif keys:
        words = max(words, 0.5)
    if not words:
        return 0.0
    return number + (0.6 if mine and other else 0.9) * words


def _by_title(tag: Said, tree: Tree, of: int) -> int:
    """Return the part that a title names with its number, `E-2101`, or by all of its name; -1 for none."""
    keys = [key for key in tag.title.keys if key[0] != "#"]
    found = {
        part
        for key in keys
        for part in tree.by_term.get(key, ())
        if tree.inside(part, of) and part != of and _likeness(tag.title, tree.segments[part][-1]) > 0
    }
    if not found:
        return -1
    shallow = min(len(tree.segments[part]) for part in found)
    best = [part for part in found if len(tree.segments[part]) == shallow]
    return best[0] if len(best) == 1 else -1


def _voted(found: Sequence[int], tags: Sequence[Said], tree: Tree) -> list[int]:
    """Return things of the same name, the one first that holds more of what the tags of the object say."""

    def worth(thing: int) -> tuple[float, int]:
        total = 0.0
        for tag in tags:
            best = places(tag, thing, 1.0, "", tree)
            total += best[0].score if best else 0.0
        return -total, thing

    return sorted(found, key=worth)


# ---------------------------------------------------------------- words


def _terms(own: Segment) -> dict[str, float]:
    """Return the terms of a part's own name with their weights; a letter before a number goes with it."""
    out = {
        word: _QUANTITY if word in MEASURED else 1.0 for word in own.words if len(word) > 1 or not own.numbers
    }
    if own.keys:
        few = 1.0 / len(own.keys)
        out |= dict.fromkeys(own.keys, few)
    if not out and own.plain:
        out[own.plain] = 1.0
    return out


@lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[str, ...]:
    """Return `value` and the like too: a part may be called so."""
    return segment(text).words


@lru_cache(maxsize=65_536)
def shortens(short: str, long: str) -> bool:
    """Return whether a name is a shortening of another: HDP of Hoogdrukpomp, CT of CoolingTower."""
    if len(short) < _LEAST_SHORT or len(short) >= len(long) or short[0] != long[0]:
        return False
    letters = iter(long)
    return all(c in letters for c in short)
