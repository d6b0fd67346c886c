"""What a query asks of values: which tags of the twins, compared with what, in which unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from armillary.model.arrays import F8, I8
from armillary.model.fault import ProjectFault
from armillary.model.quality import BAD, NEVER, STALE, WORDS
from armillary.model.units import conversion
from armillary.twin.query import Are, Node, Not
from armillary.twin.query_asks import Compared, Rated, Tags, Worded
from armillary.twin.query_now import YES
from armillary.twin.query_past import How, looked
from armillary.twin.query_text import QueryFault
from armillary.twin.vocabulary import Vocabulary

Value = float | str
_TRUTH = {"true": 1.0, "on": 1.0, "yes": 1.0, "false": 0.0, "off": 0.0, "no": 0.0}
_QUALITIES = {
    **{word.lower(): (rank, rank) for rank, word in enumerate(WORDS)},
    "lost": (STALE, NEVER),
    "unknown": (BAD, NEVER),
}
_FIGURE_WORDS = {"low": "lowest", "high": "highest"}
_LISTED = 4  # names that are told


def asked_of(
    vocabulary: Vocabulary,
    phrase: Sequence[str],
    at: int,
    asks: str,
    values: Sequence[Value],
    unit: str = "",
    unit_at: int = 0,
) -> Node:
    """Return what is asked of the tags, else of the properties, that some words name.

    asks: `has`, `holds` (a bool is true), `is`, `is not`, `between` or a sign. Raises QueryFault for words
    that name nothing, a unit that does not fit and a state that no tag has.
    """
    slots = vocabulary.tags(phrase)
    name = " ".join(phrase)
    if not len(slots):
        return _of_properties(vocabulary, name, at, asks, values, (unit, unit_at))
    tags = Tags(n=len(vocabulary.graph), slots=slots, rows=vocabulary.tag_row[slots])
    told = _told(vocabulary, slots)
    if asks == "has":
        return Are(verdict=tags.gathered(np.full(len(slots), YES, np.uint8)), says=f"with a tag {told}")
    if asks == "holds":
        return _holds(vocabulary, tags, name, at, told)
    if asks == "between":
        low, high = values
        if isinstance(low, str) or isinstance(high, str):
            raise QueryFault("`between` takes two numbers.", at=unit_at, remedy="between 1 and 2")
        least = _compared(vocabulary, tags, ">=", low, unit, unit_at, told)
        most = _compared(vocabulary, tags, "<=", high, unit, unit_at, told)
        says = f"{told} between {low:g} and {high:g} {unit}".strip()
        return replace(least, most=most.than, says=says)
    value = values[0]
    sign = {"is": "=", "is not": "!="}.get(asks, asks)
    if isinstance(value, float):
        return _compared(vocabulary, tags, sign, value, unit, unit_at, told)
    return _in_words(vocabulary, tags, sign, value, unit_at, told)


def over_span(now: Node, how: How, span_ns: int, told: str, at: int) -> Node:
    """Return what is asked of values now as what is asked of a span of their past.

    Raises QueryFault where only what numbers and states are now can be asked.
    """
    if not isinstance(now, Compared):
        raise QueryFault(
            f"The past of this cannot be asked: {now.says}.",
            at=at,
            remedy="Ask numbers and states: level > 80 % in the last 24 h",
        )
    says = {
        "held": f"{now.says} all through the last {told}",
        "once": f"{now.says} at some time in the last {told}",
    }.get(how, f"{_FIGURE_WORDS.get(how, how)} of {now.says} over the last {told}")
    return looked(now, how, span_ns, says)


def _told(vocabulary: Vocabulary, slots: I8) -> str:
    names = dict.fromkeys(
        vocabulary.specs[slot].name[len(vocabulary.graph.ids[vocabulary.tag_row[slot]]) + 1 :]
        for slot in slots.tolist()
    )
    few = list(names)[:_LISTED]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return " or ".join(few) + more


def _holds(vocabulary: Vocabulary, tags: Tags, name: str, at: int, told: str) -> Node:
    """Return where tags that are true or false are true."""
    is_bool = np.array([vocabulary.specs[slot].kind == "bool" for slot in tags.slots.tolist()])
    if not is_bool.any():
        raise QueryFault(
            f"'{name}' is compared with nothing.",
            at=at,
            remedy=f"Write: {name} > 1, or: has {name}",
            expects="sign",
        )
    kept = Tags(n=tags.n, slots=tags.slots[is_bool], rows=tags.rows[is_bool])
    return Compared(tags=kept, sign="=", than=np.ones(len(kept.slots)), says=f"{told} is true")


def _compared(
    vocabulary: Vocabulary, tags: Tags, sign: str, value: float, unit: str, unit_at: int, told: str
) -> Compared:
    than: F8 = np.full(len(tags.slots), value)
    why: ProjectFault | None = None
    if unit:
        units = [vocabulary.specs[slot].unit for slot in tags.slots.tolist()]
        for own in dict.fromkeys(units):
            rows = np.array([each == own for each in units])
            try:
                factor, offset = conversion(unit, own, "query") if own else (np.nan, 0.0)
            except ProjectFault as fault:
                why, (factor, offset) = fault, (np.nan, 0.0)
            than[rows] = value * factor + offset
        if np.isnan(than).all():
            has = ", ".join(sorted({own or "no unit" for own in units})[:_LISTED])
            what = why.what if why is not None else f"{told} has no unit."
            raise QueryFault(what, at=unit_at, remedy=f"{told} has: {has}.")
    says = f"{told} {sign} {value:g}{' ' * bool(unit)}{unit}"
    fits = ~np.isnan(than)
    kept = tags if fits.all() else Tags(n=tags.n, slots=tags.slots[fits], rows=tags.rows[fits])
    return Compared(tags=kept, sign=sign, than=than[fits], says=says)


def _in_words(vocabulary: Vocabulary, tags: Tags, sign: str, word: str, at: int, told: str) -> Node:
    """Return where a state, a quality, true or false, or a text is the one that is named."""
    if sign not in ("=", "!="):
        raise QueryFault(f"'{word}' is no number.", at=at, remedy="Write a number, or `is` before a state.")
    low = word.casefold()
    specs = [vocabulary.specs[slot] for slot in tags.slots.tolist()]
    than = np.array(
        [next((value for value, name in spec.states if name.casefold() == low), np.nan) for spec in specs]
    )
    if low in _TRUTH:
        is_bool = np.array([spec.kind == "bool" for spec in specs])
        than = np.where(np.isnan(than) & is_bool, _TRUTH[low], than)
    is_text = np.array([spec.kind == "text" for spec in specs])
    if not np.isnan(than).all():
        return Compared(tags=tags, sign=sign, than=than, says=f"{told} {sign} {word}")
    if low in _QUALITIES:
        rated = Rated(
            tags=tags, low=_QUALITIES[low][0], high=_QUALITIES[low][1], says=f"{told} is {low} (its quality)"
        )
        return rated if sign == "=" else Not(part=rated)
    if is_text.any():
        kept = Tags(n=tags.n, slots=tags.slots[is_text], rows=tags.rows[is_text])
        return Worded(tags=kept, sign=sign, text=low, says=f"{told} {sign} '{word}'")
    states = sorted({name for spec in specs for _, name in spec.states})
    if any(spec.kind == "bool" for spec in specs):
        states += ["true", "false"]
    known = [*states, *_QUALITIES]
    remedy = vocabulary.near(word, known) or f"Known: {', '.join(known)}."
    raise QueryFault(f"'{word}' is no state of {told}.", at=at, remedy=remedy)


def _of_properties(
    vocabulary: Vocabulary, name: str, at: int, asks: str, values: Sequence[Value], unit: tuple[str, int]
) -> Node:
    """Return what is asked of a property; its values are known always."""
    wanted = name.replace(" ", "_").casefold()
    known = {own.casefold(): own for own in vocabulary.property_names}
    own = known.get(wanted) or known.get(wanted.replace("_", ""))
    if own is None:
        among = (*vocabulary.tag_names, *vocabulary.property_names)
        remedy = vocabulary.near(name, among) or "Write the name of a tag inside its twin, or a property."
        raise QueryFault(f"No twin has a tag or property '{name}'.", at=at, remedy=remedy)
    if unit[0]:
        raise QueryFault(f"The property '{own}' has no unit.", at=unit[1], remedy="Leave the unit out.")
    verdict = np.zeros(len(vocabulary.graph), np.uint8)
    for row, given in enumerate(vocabulary.graph.properties):
        if own in given and _is(given[own], asks, values):
            verdict[row] = YES
    says = f"{own} {asks} {' and '.join(f'{value}' for value in values)}".strip()
    return Are(verdict=verdict, says=says)


def _is(own: float | str | bool, asks: str, values: Sequence[Value]) -> bool:
    if asks == "has":
        return True
    if asks == "holds":
        return own is True
    wanted = values[0]
    if isinstance(own, bool) and isinstance(wanted, str):
        own, wanted = float(own), _TRUTH.get(wanted.casefold(), np.nan)
    if isinstance(own, str) and isinstance(wanted, float):
        wanted = f"{wanted:g}"  # a year that is written as a text
    if isinstance(own, str) or isinstance(wanted, str):
        same = str(own).casefold() == str(wanted).casefold()
        return same if asks in ("is", "=") else not same if asks in ("is not", "!=") else False
    if asks == "between":
        return float(wanted) <= own <= float(values[1])
    near = bool(np.isclose(own, wanted))
    return {
        ">": own > wanted, "<": own < wanted, ">=": own > wanted or near, "<=": own < wanted or near,
        "=": near, "is": near, "!=": not near, "is not": not near,
    }[asks]  # fmt: skip
