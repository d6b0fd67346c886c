"""Literal values of DTDL properties: strings, numbers, booleans, texts in languages; plain or as objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_LANGUAGE = re.compile(r"[a-z]{2,4}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")
DURATION = re.compile(
    r"P(?!$)(?:(?:(?:(?:\d+Y)|(?:\d+\.\d+Y$))?(?:(?:\d+M)|(?:\d+\.\d+M$))?)|(?:(?:(?:\d+W)|(?:\d+\.\d+W$))?))"
    r"(?:(?:\d+D)|(?:\d+\.\d+D$))?(?:T(?!$)(?:(?:\d+H)|(?:\d+\.\d+H$))?(?:(?:\d+M)|(?:\d+\.\d+M$))?"
    r"(?:\d+(?:\.\d+)?S)?)?",
    re.ASCII,
)
_XSD = "http://www.w3.org/2001/XMLSchema#"
_INT32 = (-(2**31), 2**31 - 1)
_TYPES = {
    "string": "string",
    "integer": "integer",
    "boolean": "boolean",
    "numeric": "decimal",
    "duration": "duration",
}
Report = Callable[..., None]
"""Takes the id of a rule and words about it."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Stands for a value that is wrong, or that there is none."""


MISSING = Missing()


def _fits(value: object, kind: str) -> bool:
    if kind in {"string", "duration"}:
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return type(value) is int and _INT32[0] <= value <= _INT32[1]
    if kind == "numeric":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str | bool | int | float)


def _label(kind: str) -> str:
    return kind[0].upper() + kind[1:]


def _check_keys(value: dict[str, object], strict: bool, report: Report) -> bool:
    """Report the keys that a value object may not have; language 2 lets unknown keywords pass."""
    before = True
    for key in value:
        if key in {"@value", "@type"}:
            continue
        if key in {"@id", "@context", "@graph"}:
            report(f"valueObject{key[1:].capitalize()}")
        elif key.startswith("@") and not strict:
            continue
        elif key == "@language":
            report("valueObjectLanguage")
        elif key.startswith("@"):
            report("valueObjectKeyword", value=key)
        else:
            report("valueObjectInvalidProp", value=key)
        before = False
    return before


def scalar(value: object, kind: str, fewest: int, strict: bool, report: Report) -> object:
    """Return the value of a property of one value, MISSING after reporting what is wrong with it.

    `kind` is string, integer, boolean, numeric or literal (any of them). `strict` forbids JSON-LD keywords.
    """
    if isinstance(value, list):
        if len(value) > 1:
            report(f"{kind}MultipleValues")
            return MISSING
        if not value:
            if fewest:
                report(f"{kind}CountBelowMin", count=fewest)
            return MISSING
        value = value[0]
    if isinstance(value, dict):
        return _object(value, kind, strict, report)
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        value = int(value)  # 1.0 and 1e2 are whole numbers in JSON
    if not _fits(value, kind):
        report("literalNotValid" if kind == "literal" else f"{kind}Not{_label(kind)}", value=value)
        return MISSING
    return value


def _object(value: dict[str, object], kind: str, strict: bool, report: Report) -> object:
    fine = _check_keys(value, strict, report)
    if "@value" not in value:
        report(f"{kind}ObjectNoValue")
        if kind == "literal":
            report("literalNotValid")
        return MISSING
    if not fine:
        return MISSING
    wanted = kind
    if "@type" in value:
        named = value["@type"]
        if isinstance(named, list):
            if len(named) != 1:
                report("literalTypeNotSingular")
                return MISSING
            named = named[0]
        if kind == "literal":
            found = [k for k, xsd in _TYPES.items() if named in (f"xsd:{xsd}", f"{_XSD}{xsd}")]
            if not found:
                report("literalNotValid", value=named)
                return MISSING
            wanted = found[0]
        elif named not in (f"xsd:{_TYPES[kind]}", f"{_XSD}{_TYPES[kind]}"):
            report(f"{kind}TypeNot{_label(kind)}", value=named)
            return MISSING
    inner = value["@value"]
    if not _fits(inner, wanted):
        if wanted != "literal":
            report(f"{wanted}ValueNot{_label(wanted)}", value=inner)
        if kind == "literal":
            report("literalNotValid", value=inner)
        return MISSING
    return inner


def texts(value: object, limit: int | None, strict: bool, report: Report) -> dict[str, str]:
    """Return a text by language tag: from a string, a map of languages, or a list of either's parts."""
    if value is None:
        report("propertyValueNull")
        return {}
    if isinstance(value, dict):
        found = _language_map(value, report)
    elif isinstance(value, str):
        found = {"en": value}
    elif isinstance(value, list):
        found = {}
        for item in value:
            code, text = _part(item, strict, report)
            if code in found:
                report("langStringElementCodeNotUnique", value=code)
            elif code:
                found[code] = text
    else:
        report("langStringElementNotStringOrObject", value=value)
        return {}
    for code, text in found.items():
        if limit is not None and len(text) > limit:
            report("langStringValueTooLong", value=text[:40], code=code, count=len(text), limit=limit)
    return found


def _language_map(value: dict[str, object], report: Report) -> dict[str, str]:
    found = {}
    if set(value) == {"@value", "@language"}:
        report("langTagValueInLangMap")
        return {}
    for code, text in value.items():
        if code.startswith("@"):
            report("langMapObjKeyword", value=code)
            continue
        if not _LANGUAGE.fullmatch(code):
            report("langStringInvalidCode", value=code)
        if not isinstance(text, str):
            report("langStringValueNotString", value=code)
        else:
            found[code] = text
    return found


_PART_RULES = {
    "@context": "langStringElementContext",
    "@graph": "langStringElementGraph",
    "@id": "langStringElementId",
}


def _part(item: object, strict: bool, report: Report) -> tuple[str, str]:
    """Return tag and text of one element of a list of texts; ("", "") after a report."""
    if isinstance(item, str):
        return "en", item
    if not isinstance(item, dict):
        report("langStringElementNotStringOrObject", value=item)
        return "", ""
    before = True
    for key in item:
        if key in {"@value", "@language"}:
            continue
        if key in _PART_RULES:
            report(_PART_RULES[key])
        elif key.startswith("@") and not strict:
            continue
        elif key == "@type":
            report("langStringElementType")
        elif key.startswith("@"):
            report("langStringElementKeyword", value=key)
        else:
            report("langStringElementInvalidProp", value=key)
        before = False
    if "@value" not in item:
        report("langStringElementNoValue")
        return "", ""
    if not before:
        return "", ""
    code = item.get("@language", "en")
    if not isinstance(code, str):
        report("langStringElementCodeNotString", value=code)
        return "", ""
    if not _LANGUAGE.fullmatch(code):
        report("langStringElementInvalidCode", value=code)
        return "", ""
    text = item["@value"]
    if not isinstance(text, str):
        report("langStringElementValueNotString", value=text)
        return "", ""
    return code, text
