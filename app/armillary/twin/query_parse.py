"""Reads a query: text → what it asks of the twins of one plant.

query    = set
set      = term [relation set'] {"named" NAME} [("with" | "where" | "and") either]
term     = "(" set ")" | TYPE | ID | TYPE ID | words of a title, {"or" term}
relation = ["that" ["is" | "are"]] ["directly"] (VERB+"ing" | VERB "by" | "upstream of" | "in" | …)
either   = both {"or" both};   both = one {("and" | ",") one};   one = "not" one | "(" either ")" | asks
asks     = relation set' | [FIGURE] TAG sign VALUE [UNIT] | TAG "between" VALUE "and" VALUE [UNIT]
         | TAG "is" ["not"] STATE | "has" TAG | "named" NAME        (set' = term [relation set'])
         | ["no"] [STANDS] "alarm" ["of" "priority" N ["or" "higher"]]
SPAN     = ("in" | "over" | "for" | …) "the last" N UNIT | "for" N UNIT; before the sign, or behind the value
FIGURE   = "mean" | "highest" | "lowest" | "spread", of a SPAN
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np

from armillary.model.arrays import B1, U1
from armillary.model.relation import noun, words
from armillary.twin.graph import NOWHERE
from armillary.twin.query import All, Any, Are, Node, Not, Query, Related
from armillary.twin.query_cursor import ARTICLES, BE, JOINS, LED, SIGN_PHRASES, SIGNS, WITH, Cursor
from armillary.twin.query_now import YES
from armillary.twin.query_past import FIGURES
from armillary.twin.query_spans import SpanWords, alarmed, span
from armillary.twin.query_text import QueryFault, Token
from armillary.twin.query_values import asked_of, over_span
from armillary.twin.vocabulary import EVERYTHING, Relation, Vocabulary

_IS = frozenset(["is", "are", "was", "were"])
_NUMBER = re.compile(r"[-+−]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def parsed(text: str, vocabulary: Vocabulary) -> Query:
    """Return a query compiled for a plant. Raises QueryFault with the place and what it may mean."""
    parser = _Parser(text, vocabulary)
    node = parser.set()
    if parser.now is not None:
        raise parser.unexpected("The query goes on after its end")
    return Query(text=text, node=node)


class _Parser(Cursor):
    # ------------------------------------------------------------ twins

    def set(self) -> Node:
        """Read twins with all that is asked of them."""
        self.deeper(self.place)
        parts: list[Node] = [self._term()]
        while (token := self.now) is not None and token.text != ")":
            if self.low() == "in" and (alarm := alarmed(self)) is not None:
                parts.append(alarm[0])
            elif (found := self._relation()) is not None:
                parts.append(self._related(found))
            elif self.low() in ("named", "called"):
                parts.append(self._named())
            elif self.low() in WITH or self.low() == "and" or (self.low() in LED):
                self.take()
                self.skip(WITH)
                parts.append(self._either())
            else:
                raise self.unexpected("This is no part of a query")
        self.nested -= 1
        return parts[0] if len(parts) == 1 else All(parts=tuple(parts))

    def _inner(self) -> Node:
        """Read what a relation leads to: twins, and what these relate to."""
        self.deeper(self.place)
        term = self._term()
        found = self._relation()
        node: Node = term if found is None else All(parts=(term, self._related(found)))
        self.nested -= 1
        return node

    def _related(self, relation: Relation) -> Node:
        if not relation.keys:
            raise QueryFault(
                f"Nothing in this plant is {relation.says} anything: it has no such relationships.",
                at=max(self.place - 1, 0),
                remedy="Add relationships to twins.json, such as `feeds`.",
            )
        return Related(graph=self.graph, relation=relation, to=self._inner())

    def _term(self) -> Node:
        parts = [self._one_term()]
        while self.low() == "or" and not self._is_ask(1):
            self.take()
            parts.append(self._one_term())
        return parts[0] if len(parts) == 1 else Any(parts=tuple(parts))

    def _is_ask(self, ahead: int) -> bool:
        """Return whether what follows compares a value, and so belongs to a condition."""
        for token in self.tokens[self.at + ahead :]:
            if token.low in SIGNS or token.low in ("between", "is", "has"):
                return True
            if token.low in JOINS | WITH | {"(", ")"}:
                break
        return False

    def _one_term(self) -> Node:
        if self.now is not None and self.now.text not in self.graph.row_of:  # a twin may be called A
            self.skip(ARTICLES)
        token = self.now
        if token is None:
            raise QueryFault(
                "The query ends where twins are named.",
                at=len(self.text),
                remedy="Write a type or an id.",
                expects="twins",
            )
        if token.text == "(" and not token.is_quoted:
            self.take()
            inside = self.set()
            self._close()
            return inside
        said: list[Token] = []
        while (token := self.now) is not None:
            stops = JOINS | WITH | LED | {"(", ")", "not", "named", "called", "is", "are"}
            if token.low in stops or token.low in SIGNS:
                break
            if said and self._relation(peek=True) is not None:
                break
            said.append(self.take())
        if not said:
            raise self.unexpected("Twins are named here: a type or an id is missing")
        return self._called(said)

    def _close(self) -> None:
        if self.now is None or self.now.text != ")":
            raise QueryFault("A bracket is not closed.", at=self.place, remedy="Add `)`.")
        self.take()

    def _called(self, said: Sequence[Token]) -> Node:
        """Return the twins that words name: an id with what it is, a type with words of titles."""
        vocabulary, graph = self.vocabulary, self.graph
        last = said[-1]
        row = vocabulary.row(last.text)
        if row != NOWHERE:
            kind = self._of_kind(said[:-1]) if len(said) > 1 else None
            if kind is not None and not kind[0][row]:
                kinds = " ".join(token.text for token in said[:-1])
                is_what = graph.title_of(graph.models[row]) if graph.models[row] else "of no type"
                raise QueryFault(
                    f"'{graph.ids[row]}' is no {kinds}: it is {is_what}.",
                    at=said[0].at,
                    remedy="Leave the type out, or correct it.",
                )
            fits = np.zeros(len(graph), np.bool_)
            fits[row] = True
            return _are(fits, graph.ids[row])
        if len(said) == 1 and said[0].low in EVERYTHING:
            return _are(np.ones(len(graph), np.bool_), "any twin")
        fits, says = self._of_kind(said)
        return _are(fits, says)

    def _of_kind(self, said: Sequence[Token]) -> tuple[B1, str]:
        """Return which twins words mean, the last of them a type and those before it words of titles."""
        vocabulary, graph = self.vocabulary, self.graph
        singular = [noun(part) for token in said for part in words(token.text)]
        for begin in range(len(singular)):
            models = vocabulary.types_named(" ".join(singular[begin:]))
            if models is None:
                continue
            fits = graph.of_types(models)
            says = "of type " + " or ".join(sorted({graph.title_of(model) for model in models}))
            for word in singular[:begin]:
                fits &= vocabulary.titled(word)
                says = f"titled '{word}' {says}"
            return fits, says
        fits = np.ones(len(graph), np.bool_)
        for token in said:
            for word in (noun(part) for part in words(token.text)):
                fits &= vocabulary.titled(word)
        if not singular or not fits.any():
            raise self._unknown(said)
        return fits, f"titled '{' '.join(singular)}'"

    def _unknown(self, said: Sequence[Token]) -> QueryFault:
        vocabulary = self.vocabulary
        wrong = next(
            (t for t in said if not any(vocabulary.titled(part).any() for part in words(t.text))), said[0]
        )
        phrase = " ".join(token.text for token in said)
        near = vocabulary.near(phrase, vocabulary.twin_words) or vocabulary.near(
            wrong.text, (*vocabulary.relation_words, *vocabulary.twin_words, "with")
        )
        remedy = near or "Write a type, an id, or a word of a title."
        return QueryFault(f"There is no type, twin or title '{phrase}'.", at=wrong.at, remedy=remedy)

    # ------------------------------------------------------------ relations

    def _relation(self, *, peek: bool = False) -> Relation | None:
        """Read a relation; None, and nothing is read, where there is none."""
        before = self.at
        is_led = self.skip(LED)
        self.skip(BE)
        is_direct = self.low() == "directly"
        self.at += is_direct
        found = self.vocabulary.relation(self.tokens[self.at : self.at + 6], is_led=is_led)
        if found is None or peek:
            self.at = before
            return found[0] if found is not None else None
        self.at += found[1]
        relation = found[0]
        return replace(relation, most=1) if is_direct else relation

    def _named(self) -> Node:
        at = self.take().at
        if self.now is None:
            raise QueryFault("A name is missing.", at=at, remedy="Write it, with * for any letters.")
        token = self.take()
        pattern = token.text.lower()
        if not any(letter in pattern for letter in "*?["):
            pattern = f"*{pattern}*"
        graph = self.graph
        fits = np.fromiter(
            (
                fnmatchcase(name.lower(), pattern) or fnmatchcase(title.lower(), pattern)
                for name, title in zip(graph.ids, graph.titles, strict=True)
            ),
            np.bool_,
            len(graph),
        )
        return _are(fits, f"named {token.text}")

    # ------------------------------------------------------------ conditions

    def _either(self) -> Node:
        parts = [self._both()]
        while self.low() == "or":
            self.take()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Any(parts=tuple(parts))

    def _both(self) -> Node:
        parts = [self._one()]
        while self.low() == "and" or (self.now is not None and self.now.text == ","):
            self.take()
            self.skip(WITH)
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else All(parts=tuple(parts))

    def _one(self) -> Node:
        token = self.now
        if token is None:
            raise QueryFault(
                "A condition is missing.",
                at=len(self.text),
                remedy="Write tag, sign and value.",
                expects="condition",
            )
        if token.low == "not":
            self.take()
            self.deeper(token.at)
            part = self._one()
            self.nested -= 1
            return Not(part=part)
        if token.text == "(" and not token.is_quoted:
            self.deeper(token.at)
            self.take()
            inside = self._either()
            self._close()
            self.nested -= 1
            return inside
        if token.low in ("named", "called"):
            return self._named()
        if (found := alarmed(self)) is not None:
            return Not(part=found[0]) if found[1] else found[0]
        if (relation := self._relation()) is not None:
            return self._related(relation)
        return self._asks()

    def _asks(self) -> Node:
        has = self.low() in ("has", "have", "having")
        self.at += has
        self.skip(ARTICLES)
        begin = self.place
        phrase: list[str] = []
        over: SpanWords | None = None
        while (token := self.now) is not None and not token.is_quoted:
            if over is None and phrase and (over := self._span()) is not None:
                continue
            if self._sign() is not None or token.low in JOINS | {")", "(", "between"} | _IS:
                break
            if over is not None:
                raise self.unexpected("A comparison is missing behind the span")
            phrase.append(self.take().text)
        if not phrase and self.now is None:
            raise QueryFault("A tag is missing.", at=self.place, remedy="Write its name.", expects="tag")
        if not phrase:
            raise self.unexpected("A tag is named here")
        if has:
            return asked_of(self.vocabulary, phrase, begin, "has", ())
        asks, values, unit, unit_at = self._compared_with()
        over = over or self._span()
        figure = FIGURES.get(phrase[0].lower()) if len(phrase) > 1 else None
        named = phrase if figure is None else phrase[2:] if phrase[1].lower() == "of" else phrase[1:]
        if over is None:
            if figure is not None and named and not len(self.vocabulary.tags(phrase)):
                raise QueryFault(
                    f"The {phrase[0]} needs a span.", at=begin, remedy="Write behind it: over the last hour"
                )
            return asked_of(self.vocabulary, phrase, begin, asks, values, unit, unit_at)
        now = asked_of(self.vocabulary, named, begin, asks, values, unit, unit_at)
        how = figure or ("held" if over.all_through else "once")
        return over_span(now, how, over.span_ns, over.says, begin)

    def _span(self) -> SpanWords | None:
        """Read a span of the past; None, and nothing is read, where there is none."""
        found = span(self)
        self.at += found.words if found is not None else 0
        return found

    def _compared_with(self) -> tuple[str, tuple[float | str, ...], str, int]:
        """Read with what a tag is compared: what is asked, values, their unit and its place."""
        if self.low() == "between":
            self.take()
            low, _, unit_at = self._value()
            if self.low() != "and":
                raise QueryFault("`and` is missing after between.", at=self.place, remedy="between 1 and 2")
            self.take()
            high, unit, unit_at = self._value()
            return "between", (low, high), unit, unit_at
        sign = self._sign()
        if sign is not None:
            self.at += sign[1]
            value, unit, unit_at = self._value()
            return sign[0], (value,), unit, unit_at
        if self.low() in _IS:
            self.take()
            is_not = self.low() == "not"
            self.at += is_not
            self.skip(ARTICLES)
            value, unit, unit_at = self._value()
            return "is not" if is_not else "is", (value,), unit, unit_at
        return "holds", (), "", 0

    def _sign(self) -> tuple[str, int] | None:
        """Return the sign that comes next and of how many words it is."""
        two = (self.low(), self.low(1))
        if two in SIGN_PHRASES:
            return SIGN_PHRASES[two], 2
        three = self.low() in BE and (self.low(1), self.low(2)) in SIGN_PHRASES
        if three:
            return SIGN_PHRASES[self.low(1), self.low(2)], 3
        return (SIGNS[self.low()], 1) if self.low() in SIGNS else None

    def _value(self) -> tuple[float | str, str, int]:
        """Read a number with its unit, or a word or text; return the place of the unit as well."""
        token = self.now
        if token is None or (token.text in ("(", ")") and not token.is_quoted):
            raise QueryFault(
                "A value is missing.",
                at=self.place,
                remedy="Write a number, or the name of a state.",
                expects="value",
            )
        self.take()
        number = None if token.is_quoted else _NUMBER.match(token.text)
        if number is None:
            return token.text, "", token.at
        unit, at = token.text[number.end() :], token.at + number.end()
        following = self.now
        if not unit and following is not None and not following.is_quoted:
            is_word = following.low not in JOINS | WITH | LED | {"(", ")"} and following.low not in SIGNS
            if is_word and self._relation(peek=True) is None and span(self) is None:
                unit, at = following.text, following.at
                self.take()
        return float(number.group().replace("−", "-")), unit, at


def _are(fits: B1, says: str) -> Are:
    verdict: U1 = np.where(fits, YES, 0).astype(np.uint8)
    return Are(verdict=verdict, says=says)
