"""The context of a DTDL element: its language version, its extensions, and what its words mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from armillary.twin import dtdl_ids as ids
from armillary.twin.dtdl_extensions import EXTENSIONS, IMPLIED, LIMIT_CONTEXTS
from armillary.twin.dtdl_tables import LENIENT, LIMITS, VERSIONS, Limits
from armillary.twin.dtdl_terms import Sense, core, extension

_DTDL = "dtmi:dtdl:context"
_LANGUAGE = re.compile(r"dtmi:dtdl:context;([1-9][0-9]*)(?:\.[0-9]+)?")
Report = Callable[[str, str], None]
"""Takes the id of a rule and the value it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How documents are judged.

    `undefined` says whether extensions that nobody knows are taken; None leaves it to the language version.
    """

    undefined: bool | None = None
    newest: int = VERSIONS[-1]
    limits: tuple[str, ...] = ()  # the limit contexts that are accepted, with or without a version

    def allows_undefined(self, version: int) -> bool:
        """Return whether an extension that nobody knows is taken as it is."""
        return version in LENIENT if self.undefined is None else self.undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What holds for an element. `is_open` when an extension is named that nobody knows."""

    version: int
    extensions: tuple[str, ...] = ()
    is_open: bool = False
    limit_set: str = ""
    terms: Mapping[str, Sense] = field(repr=False, compare=False)
    ids: Mapping[str, Sense] = field(repr=False, compare=False)
    limits: Limits = field(repr=False, compare=False)  # what this language and its limit extension allow
    kinds: dict[object, object] = field(repr=False, compare=False)  # what was made of @type, by its words

    def sense(self, word: str) -> Sense | None:
        """Return what a term, or an id of the language or an extension, stands for."""
        found = self.terms.get(word)
        return self.ids.get(word) if found is None else found


_MOST = 256
_known: dict[tuple[int, tuple[str, ...], bool, str], Context] = {}


def made(version: int, extensions: tuple[str, ...], is_open: bool, limit_set: str) -> Context:
    """Return the context of these, made once."""
    key = (version, extensions, is_open, limit_set)
    found = _known.get(key)
    if found is None:
        if len(_known) >= _MOST:
            _known.clear()  # a document may name extensions in any order: they are made again when asked for
        terms, by_id = (dict(part) for part in core(version))
        for name in extensions:
            more = extension(name)
            if more is not None:
                terms.update(more[0])
                by_id.update(more[1])
        found = _known[key] = Context(
            version=version,
            extensions=extensions,
            is_open=is_open,
            limit_set=limit_set,
            terms=terms,
            ids=by_id,
            limits=LIMITS[version, limit_set],
            kinds={},
        )
    return found


def _bases() -> frozenset[str]:
    return frozenset(ids.versionless(c) for c in (*EXTENSIONS, *LIMIT_CONTEXTS))


_BASES = _bases()


class _Block:
    """One @context on its way to a Context."""

    def __init__(self, above: Context | None, options: Options, report: Report) -> None:
        self.options, self._report = options, report
        self.version = above.version if above else 0
        self.extensions = list(above.extensions) if above else []
        self.is_open = above.is_open if above else False
        self.limit_set = above.limit_set if above else ""
        self.is_top = above is None
        self.named: int = 0  # the language version that this block itself names
        self.affiliates = False  # an extension was named that does not imply a language
        self.limitless = ""  # the specifier that a limit context must follow
        self.failed = False

    def fail(self, rule: str, value: str = "") -> None:
        self.failed = True
        self._report(rule, value)

    def take(self, text: str) -> None:
        if not text.startswith(ids.SCHEME):
            self.fail("nonDtmiContextSpecifier", text)
            return
        base, mark, fragment = text.partition("#")
        wanted, self.limitless = self.limitless, ""
        if base in LIMIT_CONTEXTS or ids.versionless(base) == "dtmi:dtdl:limits:onvif":
            self._limit(text, base, mark, wanted)
        elif ids.versionless(base) == _DTDL:
            self._language(text, base, fragment if mark else None, wanted)
        elif wanted:
            self.fail("missingLimitContext", wanted)
        elif mark:
            self.fail("invalidContextSpecifier", text)
        else:
            self._affiliate(text)

    def _limit(self, text: str, base: str, mark: str, wanted: str) -> None:
        if mark:
            self.fail("invalidContextSpecifier", text)
        elif not wanted:
            rule = "missingDtdlContext" if self.is_top and not self.named else "misplacedLimitContext"
            self.fail(rule, text)
        elif not {base, ids.versionless(base)} & set(self.options.limits):
            self.fail("disallowedLimitContext", text)
        elif base not in LIMIT_CONTEXTS:
            self.fail("unresolvableContextVersion", text)
        else:
            self.limit_set = LIMIT_CONTEXTS[base]

    def _language(self, text: str, base: str, fragment: str | None, wanted: str) -> None:
        found = _LANGUAGE.fullmatch(base)
        version = int(found[1]) if found and len(found[1]) < len("1000") else 0
        if found is None:
            bare = "missingContextVersion"
            if self.version == VERSIONS[0]:
                bare = "invalidContextSpecifierForVersion"
            self.fail(bare if base == _DTDL else "invalidContextSpecifier", text)
        elif version not in VERSIONS:
            self.fail("unrecognizedContextVersion", text)
        elif version > self.options.newest:
            self.fail("disallowedContextVersion", text)
        elif fragment is not None and version < VERSIONS[2]:
            self.fail("disallowedContextFragment", text)
        elif fragment not in {None, "limits", "limitless"}:
            self.fail("invalidContextFragment", text)
        elif fragment == "limits":
            if not wanted:
                self.fail("misplacedLimitContext", text)
            self.limit_set = ""
        elif wanted and fragment is not None:
            self.fail("missingLimitContext", wanted)
        elif self.affiliates or (self.extensions and self.named and self._added):
            self.fail("dtdlContextFollowsAffiliate", text)
        else:
            self.version = self.named = version
            self._own_extensions = 0
            self.limit_set = "" if self.is_top or fragment else self.limit_set
            self.limitless = text if fragment == "limitless" else ""

    @property
    def lacks_language(self) -> bool:
        """True until a language is named, in the context of a document."""
        return self.is_top and not self.version

    @property
    def _added(self) -> bool:
        return self._own_extensions > 0

    _own_extensions = 0

    def _affiliate(self, text: str) -> None:
        implied = IMPLIED.get(text)
        if implied is not None and not self.version:
            self.version = implied
        if not self.version:
            self.fail("missingDtdlContext", text)
            return
        if not ids.is_dtmi(text):
            self.fail("invalidContextSpecifier", text)
            return
        if not ids.is_id(text, self.version):
            self.fail("invalidContextSpecifierForVersion", text)
            return
        if ";" not in text:
            self.fail("missingContextVersion", text)
            return
        self._own_extensions += 1
        self.affiliates |= implied is None
        if extension(text) is not None:
            if text in self.extensions:
                self.extensions.remove(text)
            self.extensions.append(text)
        elif self.options.allows_undefined(self.version):
            self.is_open = True
        else:
            known = ids.versionless(text) in _BASES
            self.fail("unresolvableContextVersion" if known else "unresolvableContextSpecifier", text)


def _brings_language(item: str) -> bool:
    """Return whether a first entry names the language, or an extension that implies it."""
    return item in IMPLIED or ids.versionless(item.partition("#")[0]) == _DTDL


def _local(terms: Mapping[str, object], lacks_language: bool, is_last: bool) -> str:
    """Return the rule that terms of a document's own break: none may be defined, however well."""
    for meaning in terms.values():
        if isinstance(meaning, dict):
            if "@id" not in meaning:
                return "termDefinitionMissingIdProperty"
            if not isinstance(meaning["@id"], str):
                return "termDefinitionIdPropertyNotString"
        elif not isinstance(meaning, str):
            return "termDefinitionNotStringOrObject"
    if lacks_language:
        return "missingDtdlContext"
    return "disallowedLocalContext" if is_last else "localContextNotLast"


def read(value: object, above: Context | None, options: Options, report: Report) -> Context | None:
    """Return the context that `value` makes inside `above`; None after reporting what is wrong with it."""
    items: list[object] = value if isinstance(value, list) else [value]
    if not items and above is None:
        report("emptyContext", "")
        return None
    block = _Block(above, options, report)
    for index, item in enumerate(items):
        if isinstance(item, dict):
            block.fail(_local(item, block.lacks_language, index == len(items) - 1))
        elif not isinstance(item, str):
            block.fail("invalidContext")
        elif block.lacks_language and not _brings_language(item):
            block.fail("missingDtdlContext")
        else:
            block.take(item)
        if block.failed:
            return None
    if block.limitless:
        report("missingLimitContext", block.limitless)
        return None
    if above is None and not block.named:
        report("missingDtdlContext", "")
        return None
    return made(block.version, tuple(block.extensions), block.is_open, block.limit_set)
