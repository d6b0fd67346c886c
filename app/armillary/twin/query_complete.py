"""What can come next in a query that is being written."""

from __future__ import annotations

from dataclasses import dataclass

from armillary.twin.query_alarms import STANDS
from armillary.twin.query_parse import parsed
from armillary.twin.query_text import QueryFault, tokens
from armillary.twin.vocabulary import Vocabulary

MOST = 60
_SIGNS = (">", "<", ">=", "<=", "=", "between", "is")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One word that can stand in the place of the last one, and what it is."""

    text: str
    kind: str  # type, twin, title, relation, word, tag, sign, state, unit


def candidates(text: str, vocabulary: Vocabulary) -> tuple[Candidate, ...]:
    """Return what the last, perhaps unfinished word of a query can become, the likeliest first."""
    begin = len(text) - len(text.split(" ")[-1])
    before, word = text[:begin], text[begin:].lstrip("(").lower()
    found = _next(before + "(" * text[begin:].count("("), vocabulary)
    starts = [one for one in found if one.text.lower().startswith(word)]
    inside = [one for one in found if word in one.text.lower() and one not in starts] if word else []
    return tuple((starts + inside)[:MOST])


def _next(before: str, vocabulary: Vocabulary) -> list[Candidate]:
    expects = "more"
    try:
        parsed(before, vocabulary)
    except QueryFault as fault:
        expects = fault.expects or ("more" if fault.at >= len(before.rstrip()) else "")
    match expects:
        case "twins":
            return [*_of("type", vocabulary.type_words), *_twins(vocabulary)]
        case "condition":
            words = _of("word", ("has", "not", "named", "alarm", *STANDS, "mean", "highest", "lowest"))
            return [*_tags(vocabulary), *words, *_of("relation", vocabulary.relation_words)]
        case "tag":
            return _tags(vocabulary)
        case "sign":
            return _of("sign", _SIGNS)
        case "value":
            return _values(before, vocabulary)
        case "more":
            words = _of("word", ("with", "and", "or", "named", "in the last 24 h", "for 10 min"))
            return [*_units(before, vocabulary), *_of("relation", vocabulary.relation_words), *words]
    return []


def _of(kind: str, texts: tuple[str, ...]) -> list[Candidate]:
    return [Candidate(text=text, kind=kind) for text in texts]


def _twins(vocabulary: Vocabulary) -> list[Candidate]:
    types = set(vocabulary.type_words)
    known = set(vocabulary.graph.row_of)
    return [
        Candidate(text=word, kind="twin" if word in known else "title")
        for word in vocabulary.twin_words
        if word not in types
    ]


def _tags(vocabulary: Vocabulary) -> list[Candidate]:
    return [*_of("tag", vocabulary.tag_names), *_of("tag", vocabulary.property_names)]


def _asked(before: str, vocabulary: Vocabulary) -> list[int]:
    """Return the slots of the tag that the last condition is about."""
    low = [token.text for token in tokens(before)]
    names = {name.lower() for name in vocabulary.tag_names}
    tag = next((word for word in reversed(low) if word.lower() in names), "")
    if not tag:
        tag = next((word for word in reversed(low) if len(vocabulary.tags([word]))), "")
    return vocabulary.tags([tag]).tolist() if tag else []


def _values(before: str, vocabulary: Vocabulary) -> list[Candidate]:
    specs = [vocabulary.specs[slot] for slot in _asked(before, vocabulary)]
    states = list(dict.fromkeys(name for spec in specs for _, name in spec.states))
    truth = ["true", "false"] if any(spec.kind == "bool" for spec in specs) else []
    return _of("state", (*states, *truth, "good", "uncertain", "stale", "bad", "lost"))


def _units(before: str, vocabulary: Vocabulary) -> list[Candidate]:
    said = tokens(before)
    if not said or not said[-1].text.lstrip("+-").replace(".", "", 1).isdigit():
        return []
    units = dict.fromkeys(vocabulary.specs[slot].unit for slot in _asked(before, vocabulary))
    return _of("unit", tuple(unit for unit in units if unit))
