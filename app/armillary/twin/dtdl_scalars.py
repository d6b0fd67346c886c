"""Properties of one value: read as a literal, and held against their pattern, length and range."""

from __future__ import annotations

import re
from functools import cache

from armillary.twin import dtdl_ids as ids
from armillary.twin import dtdl_literals as literals
from armillary.twin.dtdl_cotypes import Extra
from armillary.twin.dtdl_elements import At, Element, Reading
from armillary.twin.dtdl_tables import VERSIONS, Prop

_LITERALS = {"decimal": "numeric", "member": "string"}  # what the value of an extra is read as


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


def read(reading: Reading, element: Element, prop: Prop, value: object, at: At) -> None:
    """Read a property of the element's class into its values."""

    def report(rule: str, **words: object) -> None:
        reading.report(rule, at, element.id, prop.name, **words)

    strict = element.version != VERSIONS[0]
    limit: int | None = getattr(element.context.limits, prop.limit) if prop.limit else None
    if prop.kind == "lang":
        element.values[prop.name] = literals.texts(value, limit, strict, report)
        return
    if prop.kind == "identifier":
        found = _identifier(element, value, report)
    else:
        found = literals.scalar(value, prop.kind, prop.fewest, strict, report)
    if found is literals.MISSING:
        return
    element.values[prop.name] = found
    if isinstance(found, str):
        _text(found, limit, prop.pattern, report)
    elif type(found) is int and prop.kind == "integer":
        _range(found, prop.low, prop.high, report)


def read_extra(reading: Reading, element: Element, wanted: Extra, value: object, at: At) -> None:
    """Read a property that a co-type brings into the element's extras."""

    def report(rule: str, **words: object) -> None:
        reading.report(rule, at, element.id, wanted.name, **words)

    kind = _LITERALS.get(wanted.kind, wanted.kind)
    found = literals.scalar(value, kind, int(wanted.required), element.version != VERSIONS[0], report)
    if found is literals.MISSING:
        return
    element.extras = {**element.extras, wanted.id: found}
    if isinstance(found, str):
        _text(found, wanted.limit, wanted.pattern, report)
        if wanted.kind == "duration" and not literals.DURATION.fullmatch(found):
            report("durationInvalid", value=found)
    elif type(found) is int:
        _range(found, wanted.low, None, report)


def _text(found: str, limit: int | None, pattern: str, report: literals.Report) -> None:
    if limit is not None and len(found) > limit:
        report("stringTooLong", value=found[:40], count=len(found), limit=limit)
    elif pattern and not _pattern(pattern).fullmatch(found):
        report("stringInvalid", value=found)


def _range(found: int, low: int | None, high: int | None, report: literals.Report) -> None:
    if low is None:
        return
    if low == high:
        if found != low:
            report("valueNotExact", value=found, limit=low)
    elif found < low:
        report("valueBelowMin" if high is None else "valueBelowRange", value=found, limit=low)
    elif high is not None and found > high:
        report("valueAboveRange", value=found, limit=high)


def _identifier(element: Element, value: object, report: literals.Report) -> object:
    if isinstance(value, list):
        if len(value) > 1:
            report("identifierMultipleValues")
            return literals.MISSING
        if not value:
            return literals.MISSING
        value = value[0]
    limit = element.context.limits.id
    sense = element.context.sense(value) if isinstance(value, str) else None
    if sense is not None:
        return sense.id  # a term stands for an id here too
    if value is None:
        report("propertyValueNull")
    elif not isinstance(value, str):
        report("identifierNotString")
    elif not ids.is_id(value, element.version):
        report("identifierNotDtmi", value=value)
    elif len(value) > limit:
        report("identifierTooLong", value=value[:40], count=len(value), limit=limit)
    else:
        return value
    return literals.MISSING
