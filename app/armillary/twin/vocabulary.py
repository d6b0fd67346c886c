"""The words that a query may use on one plant: types, twins, relations, tags and their titles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from rapidfuzz import fuzz, process

from armillary.model.arrays import B1, I8
from armillary.model.relation import HAVE, PART, key, noun, stem, words
from armillary.model.tags import TagSpec
from armillary.twin.graph import NOWHERE, Graph, type_name
from armillary.twin.query_text import Token

MIN_LIKENESS = 60.0  # of 100: below, a proposal would only confuse
EVERYTHING = frozenset(["anything", "everything", "twins", "twin", "things", "*"])
_EXACT, _BEGINS, _INSIDE, _TITLE = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A relation as a query names it: one twin leads to another along edges of these keys."""

    keys: tuple[str, ...]
    is_back: bool = False  # against the edges
    is_both: bool = False
    most: int = 0  # steps; 0 = any number
    says: str = ""


class Vocabulary:
    """What words mean on one plant."""

    def __init__(self, graph: Graph, specs: Sequence[TagSpec] = ()) -> None:
        self.graph, self.specs = graph, specs
        self.tag_row = graph.rows_of_tags(specs)
        any_keys = tuple(name for name in graph.relations if name != PART)
        self._fixed = {
            ("upstream", "of"): Relation(keys=graph.flows, says="upstream of"),
            ("downstream", "of"): Relation(keys=graph.flows, is_back=True, says="downstream of"),
            ("connected", "to"): Relation(keys=any_keys, is_both=True, most=1, says="connected to"),
            ("next", "to"): Relation(keys=any_keys, is_both=True, most=1, says="connected to"),
            **{
                part: Relation(keys=(PART,), says="part of")
                for part in (("in",), ("inside",), ("within",), ("part", "of"), ("parts", "of"),
                             ("belonging", "to"), ("component", "of"), ("components", "of"))
            },
            **{
                part: Relation(keys=(PART,), is_back=True, says="containing")
                for part in (("containing",), ("consisting", "of"), ("contains",))
            },
        }  # fmt: skip

    # ------------------------------------------------------------ twins

    @cached_property
    def _near_ids(self) -> dict[str, int]:
        """Ids without case and signs → row, NOWHERE where several twins are written so."""
        out: dict[str, int] = {}
        for row, name in enumerate(self.graph.ids):
            plain = _plain(name)
            out[plain] = NOWHERE if plain in out else row
        return out

    def row(self, word: str) -> int:
        """Return the twin of an id, written as it is or without case and signs; NOWHERE for none."""
        found = self.graph.row_of.get(word)
        return self._near_ids.get(_plain(word), NOWHERE) if found is None else found

    @cached_property
    def _titled(self) -> dict[str, I8]:
        out: dict[str, set[int]] = {}
        for row, title in enumerate(self.graph.titles):
            for word in words(title):
                out.setdefault(noun(word), set()).add(row)
        return {word: np.array(sorted(rows), np.int64) for word, rows in out.items()}

    def titled(self, word: str) -> B1:
        """Return which twins (n,) have a word in their title."""
        out = np.zeros(len(self.graph), np.bool_)
        out[self._titled.get(noun(word), np.zeros(0, np.int64))] = True
        return out

    # ------------------------------------------------------------ types

    @cached_property
    def types(self) -> dict[str, tuple[str, ...]]:
        """Names of types as words in the singular → the types called so."""
        out: dict[str, list[str]] = {}
        for model in self.graph.types:
            for name in {self.graph.title_of(model), type_name(model)}:
                phrase = " ".join(noun(word) for word in words(name))
                if phrase:
                    out.setdefault(phrase, []).append(model)
        return {phrase: tuple(models) for phrase, models in out.items()}

    def types_named(self, phrase: str) -> tuple[str, ...] | None:
        """Return the types called so; with none, those whose names end so: pump, of CentrifugalPump."""
        exact = self.types.get(phrase)
        if exact is not None or not phrase:
            return exact
        ends = [
            model for name, models in self.types.items() if name.endswith(f" {phrase}") for model in models
        ]
        return tuple(dict.fromkeys(ends)) or None

    # ------------------------------------------------------------ relations

    @cached_property
    def _keys(self) -> list[tuple[tuple[str, ...], str]]:
        """Relations by the stems of their words, long ones first; being part has its own words."""
        found = ((tuple(name.split()), name) for name in self.graph.relations if name != PART)
        return sorted(found, key=lambda one: -len(one[0]))

    def relation(self, said: Sequence[Token], *, is_led: bool) -> tuple[Relation, int] | None:
        """Return the relation that these words begin with, and how many words name it.

        is_led: `that` or `which` stands before it, so that the plain verb names it as well.
        """
        low = [token.low for token in said[:4]]
        for phrase, relation in self._fixed.items():
            is_own = low[len(phrase) : len(phrase) + 1] == ["by"]  # a relation of the plant: connected to by
            if tuple(low[: len(phrase)]) == phrase and not is_own:
                return relation, len(phrase)
        for stems, name in self._keys:
            n = len(stems)
            is_owned = n > 1 and stems[-1] == "of" and len(low) >= n and low[0] in HAVE
            if is_owned and tuple(stem(word) for word in low[1:n]) == stems[:-1]:
                return Relation(keys=(name,), is_back=True, says=" ".join(low[:n])), n
            if len(low) < n or tuple(stem(word) for word in low[:n]) != stems:
                continue
            is_back = len(low) > n and low[n] == "by"
            is_verb = low[0].endswith("ing") or is_led or is_back or stems[-1] == "of"
            written = self.graph.relations[name].name
            if is_verb or "".join(low[:n]) == written.lower():
                says = " ".join(low[:n]) + " by" * is_back
                return Relation(keys=(name,), is_back=is_back, says=says), n + is_back
        whole, is_back = key(low[0]) if low else ("", False)
        if whole == PART and low[0] not in ("part", "parts"):  # `partOf`, `hasPart` as one word
            return Relation(keys=(PART,), is_back=is_back, says="containing" if is_back else "part of"), 1
        return None

    @cached_property
    def relation_words(self) -> tuple[str, ...]:
        """Relations as they are best written in a query."""
        out = [" ".join(phrase) for phrase in self._fixed if phrase not in (("next", "to"), ("contains",))]
        for name, edges in self.graph.relations.items():
            if name != PART:
                out += _said(" ".join(words(edges.name)).lower())
        return tuple(sorted(out))

    # ------------------------------------------------------------ tags

    @cached_property
    def _local(self) -> tuple[list[tuple[str, str]], I8]:
        """Every different (name inside its twin, title) of a tag once, and which (N,) each tag has."""
        numbers: dict[tuple[str, str], int] = {}
        which = np.zeros(len(self.specs), np.int64)
        for slot, spec in enumerate(self.specs):
            row = int(self.tag_row[slot])
            name = spec.name[len(self.graph.ids[row]) + 1 :] if row != NOWHERE else spec.name
            which[slot] = numbers.setdefault((name, spec.title), len(numbers))
        return list(numbers), which

    @property
    def tag_names(self) -> tuple[str, ...]:
        """Names of tags inside their twins, each once, sorted."""
        return tuple(sorted({name for name, _ in self._local[0]}))

    def tags(self, phrase: Sequence[str]) -> I8:
        """Return the slots that words mean; of each twin those that fit best: name, begin, part, title."""
        wanted = tuple(word.lower() for part in phrase for word in words(part))
        exact = {sign.join(phrase).lower() for sign in (".", "_", "", " ")}
        different, which = self._local
        level = np.array([_level(name, title, wanted, exact) for name, title in different], np.int64)
        if not len(level) or not wanted:
            return np.zeros(0, np.int64)
        of_tag = level[which]
        best = np.full(len(self.graph) + 1, _TITLE + 1, np.int64)
        np.minimum.at(best, self.tag_row, of_tag)  # a tag of no twin goes into the row behind all
        fits = (of_tag <= _TITLE) & (of_tag == best[self.tag_row]) & (self.tag_row != NOWHERE)
        return np.flatnonzero(fits)

    @cached_property
    def property_names(self) -> tuple[str, ...]:
        """Names of the properties that twins have, each once."""
        return tuple(sorted({name for given in self.graph.properties for name in given}))

    # ------------------------------------------------------------ help

    @cached_property
    def type_words(self) -> tuple[str, ...]:
        """Types as they are best written in a query."""
        return tuple(sorted({f"{phrase}s" for phrase in self.types}))

    @cached_property
    def twin_words(self) -> tuple[str, ...]:
        """Whatever names twins: types, ids, words of titles."""
        titled = [word for word in self._titled if len(word) > 1 and not word.isdigit()]
        return tuple(dict.fromkeys((*self.type_words, *self.graph.ids, *sorted(titled))))

    def near(self, word: str, among: Iterable[str]) -> str:
        """Return `Did you mean 'x'?` for the likeliest of some words, "" where none is like it."""
        hit = process.extractOne(
            word.lower(), {one: one.lower() for one in among}, scorer=fuzz.ratio, score_cutoff=MIN_LIKENESS
        )
        return f"Did you mean '{hit[2]}'?" if hit else ""


def _plain(word: str) -> str:
    return "".join(letter for letter in word.lower() if letter.isalnum())


def _level(name: str, title: str, wanted: tuple[str, ...], exact: set[str]) -> int:
    if name.lower() in exact:
        return _EXACT
    own = tuple(word.lower() for word in words(name))
    n = len(wanted)
    if own[:n] == wanted:
        return _BEGINS
    if any(own[i : i + n] == wanted for i in range(len(own) - n + 1)):
        return _INSIDE
    if title and set(wanted) <= {word.lower() for word in words(title)}:
        return _TITLE
    return _TITLE + 1


_PAST = {"feed": "fed", "drive": "driven", "hold": "held", "make": "made", "lead": "led", "send": "sent"}


def _said(name: str) -> list[str]:
    """Return how a relation is best written in a query, and its inverse."""
    if key(name)[0] == "feed":
        return ["feeding", "fed by"]
    verb = name.removeprefix("is ").removesuffix(" by")
    if name.endswith(" by"):
        return [_gerund(_active(verb)), f"{verb} by"]
    first, _, rest = verb.partition(" ")
    if first in HAVE and rest:
        return [f"having {rest}", f"{rest} of"]
    if verb.endswith(" of"):
        return [verb, f"having {verb.removesuffix(' of')}"]
    return [_gerund(verb), f"{_participle(verb)} by"]


def _active(participle: str) -> str:
    """Return a verb from its participle, near enough to be understood: supplied → supply, owned → own."""
    if participle in _PAST.values():
        return next(verb for verb, past in _PAST.items() if past == participle)
    if participle.endswith("ied"):
        return participle[:-3] + "y"
    return participle.removesuffix("ed")


def _infinitive(verb: str) -> str:
    first, _, rest = verb.partition(" ")
    plain = {"supplies": "supply", "passes": "pass"}.get(first, first)
    if plain == first and first.endswith("s") and not first.endswith("ss"):
        plain = first[:-1]
    plain = {"fed": "feed", "driven": "drive"}.get(plain, plain)
    return f"{plain} {rest}".strip()


def _gerund(verb: str) -> str:
    first, _, rest = _infinitive(verb).partition(" ")
    made = first[:-1] + "ing" if first.endswith("e") and not first.endswith("ee") else first + "ing"
    made = {"controling": "controlling"}.get(made, made)
    return f"{made} {rest}".strip()


def _participle(verb: str) -> str:
    first, _, rest = _infinitive(verb).partition(" ")
    made = first[:-1] + "ied" if first.endswith("y") else first + ("d" if first.endswith("e") else "ed")
    made = {"controled": "controlled"}.get(made, made)
    return f"{_PAST.get(first, made)} {rest}".strip()
