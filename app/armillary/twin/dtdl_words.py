"""What a finding on a DTDL document says: one sentence and one hint for each rule."""

from __future__ import annotations

from collections.abc import Mapping

# rule -> (what is wrong, what to do). Words in braces come from the place: {member} the property, {value}
# what stands there, {kind} and {cls} the types in question, {wanted} what is asked for, {limit} and {count}.
RULES: Mapping[str, tuple[str, str]] = {
    # the document
    "unreadable": ("The file cannot be read: {value}.", "Check the path and its rights."),
    "tooLarge": ("The file has {count} bytes; {limit} are taken.", "Split it, one interface a file."),
    "notUtf8": ("The file is not UTF-8 text: {value}.", "Save it as UTF-8."),
    "empty": ("The document is empty.", "Write an interface, or remove the file."),
    "notJson": ("The text is not JSON: {value}.", "Mend the JSON where it says."),
    "nestedTooDeep": ("The document is nested too deep to be read.", "Nest less; give inner parts an id."),
    "noDocuments": ("The folder holds no *.json.", "Give the folder that holds the model."),
    "unresolved": ("{value} is found nowhere.", "Add its document, or name its folder with --resolve."),
    "notJsonObject": ("The top is neither an object nor a list of objects.", "Write an interface there."),
    "partitionTooLarge": ("The interface has {count} bytes; {limit} are allowed.", "Split the interface."),
    "duplicatePropertyName": ("'{member}' is there twice.", "Keep one of them."),
    # context
    "missingContext": ("There is no @context.", 'Add "@context": "dtmi:dtdl:context;3".'),
    "emptyContext": ("@context is empty.", 'Write "dtmi:dtdl:context;3".'),
    "invalidContext": ("@context holds something that is no text.", "Write context ids as strings."),
    "localContextNotLast": ("An object stands before the end of @context.", "Remove it from @context."),
    "disallowedLocalContext": ("@context defines terms of its own.", "Remove the object from @context."),
    "missingDtdlContext": (
        "@context does not begin with a DTDL context.",
        'Put "dtmi:dtdl:context;3" before the extensions.',
    ),
    "nonDtmiContextSpecifier": ("@context '{value}' is no DTMI.", "Write a context id, dtmi:…;1."),
    "invalidContextSpecifier": ("@context '{value}' is not a valid DTMI.", "Correct the id."),
    "invalidContextSpecifierForVersion": (
        "@context '{value}' is not a valid id in this language version.",
        "Give it a whole version, as in ;1.",
    ),
    "missingContextVersion": ("@context '{value}' has no version.", "Add one, as in ;1."),
    "unrecognizedContextVersion": ("No DTDL version is known as '{value}'.", "Use version 2, 3 or 4."),
    "disallowedContextVersion": (
        "'{value}' is newer than the newest version that is taken.",
        "Raise --max-version, or write an older version.",
    ),
    "dtdlContextFollowsAffiliate": ("'{value}' stands after an extension.", "Put the DTDL context first."),
    "unresolvableContextSpecifier": (
        "The extension '{value}' is not known.",
        "Remove it, or allow undefined extensions.",
    ),
    "unresolvableContextVersion": (
        "This version of the extension '{value}' is not known.",
        "Use a known version, or allow undefined extensions.",
    ),
    "disallowedContextFragment": (
        "'{value}': this language version takes no fragment.",
        "Remove what follows #.",
    ),
    "invalidContextFragment": (
        "'{value}' has a fragment that means nothing.",
        "Write #limits or #limitless.",
    ),
    "missingLimitContext": ("No limit context follows '{value}'.", "Put one right behind it."),
    "misplacedLimitContext": ("'{value}' does not follow a #limitless context.", "Put it right behind one."),
    "disallowedLimitContext": ("The limits '{value}' are not accepted here.", "Accept them with --limits."),
    # JSON-LD keywords
    "topLevelGraphDisallowed": ("@graph is not allowed.", "Write the interfaces in a list."),
    "graphDisallowed": ("@graph is not allowed.", "Remove it."),
    "topLevelKeywordDisallowed": ("The keyword '{value}' is not allowed.", "Remove it."),
    "keywordDisallowed": ("The keyword '{value}' is not allowed.", "Remove it."),
    # ids
    "missingTopLevelId": ("The interface has no @id.", 'Add "@id": "dtmi:…;1".'),
    "missingRequiredId": ("What stands in '{member}' has no @id.", "Give it one."),
    "idNotString": ("@id is not a text.", "Write a DTMI."),
    "invalidId": ("'{value}' is not a valid id.", "Write dtmi:a:b;1: letters, digits, _ and a version."),
    "idTooLong": ("The id has {count} characters; {limit} are allowed.", "Shorten it."),
    "idTooLongForType": ("The id has {count} characters; an interface's may have {limit}.", "Shorten it."),
    "reservedId": ("'{value}' begins as only the language's own ids may.", "Use a prefix of your own."),
    "undefinedReservedId": (
        "'{member}' names '{value}', a reserved id that is not defined.",
        "Correct the id.",
    ),
    "duplicateDefinition": ("'{primary}' is defined twice.", "Rename one, or refer to the other by its id."),
    "idReference": ("'{member}' refers to '{value}' by an object.", "Write the id itself, as a text."),
    "missingDtmiSegPropertyValue": ("What stands in '{member}' has neither id nor name.", "Give it a name."),
    "dtmiSegPropertyNotStringOrNumber": (
        "The name of what stands in '{member}' is no text.",
        "Write a name.",
    ),
    # types
    "typeNotRootable": ("Only an Interface may stand at the top.", 'Write "@type": "Interface".'),
    "badType": ("'{member}' does not take {kind}; it takes {wanted}.", "Use a type that fits."),
    "multipleMaterialTypes": ("@type names more than one kind of element: {kinds}.", "Keep one of them."),
    "typeUndefinedTerm": ("@type '{value}' is not defined.", "Correct it, or add its extension to @context."),
    "typeInvalidDtmi": ("@type '{value}' is not a valid DTMI.", "Correct the id."),
    "typeNotDtmiNorTerm": ("@type '{value}' is neither a DTMI nor a term.", "Remove it."),
    "typeIrrelevantDtmiOrTerm": ("@type '{value}' is no type.", "Remove it."),
    "invalidCotype": ("{kind} may not stand on {cls}.", "Remove it."),
    "invalidCotypeVersion": ("{kind} may not stand on an element of version {version}.", "Use its version."),
    "abstractSupplementalType": ("{kind} is only a family of types.", "Name one of its types."),
    "missingCocotype": ("{kind} needs {other} beside it.", "Add {other} to @type."),
    "disallowedCocotype": ("{kind} may not stand beside {other}.", "Remove one of them."),
    "conflictingSupplementalTypes": (
        "Two co-types mean different things by '{member}'.",
        "Keep one of them.",
    ),
    # properties
    "propertyUndefinedTerm": (
        "{cls} has no property '{member}'.",
        "Correct the name, or add the extension that brings it.",
    ),
    "propertyInvalidDtmi": ("Property '{member}' is not a valid DTMI.", "Correct the id."),
    "propertyNotDtmiNorTerm": ("Property '{member}' is neither a DTMI nor a term.", "Remove it."),
    "propertyIrrelevantDtmiOrTerm": ("'{member}' is no property of this {cls}.", "Remove it."),
    "noTypeThatAllows": ("{cls} has no property '{member}', and no co-type adds it.", "Remove it."),
    "inferredTypeDoesNotAllow": ("{cls} has no property '{member}'.", "Remove it, or add a @type."),
    "propertyValueNull": ("'{member}' is null.", "Write a value, or remove it."),
    "missingLiteralProperty": ("{cls} needs '{member}'.", "Add it."),
    "missingObjectProperty": ("{cls} needs '{member}'.", "Add it."),
    "missingSupplementalLiteralProperty": ("{kind} needs '{member}'.", "Add it."),
    "missingSupplementalObjectProperty": ("{kind} needs '{member}'.", "Add it."),
    # literals
    "stringTooLong": ("'{member}' has {count} characters; {limit} are allowed.", "Shorten it."),
    "stringInvalid": ("'{value}' cannot be '{member}'.", "Use letters, digits and _, a letter first."),
    "durationInvalid": ("'{value}' is not a duration.", "Write one as in PT15S."),
    "identifierNotString": ("'{member}' is not an id.", "Write a DTMI as a text."),
    "identifierNotDtmi": ("'{member}' has '{value}', which is not a valid DTMI.", "Correct the id."),
    "identifierTooLong": ("The id in '{member}' has {count} characters; {limit} are allowed.", "Shorten it."),
    "valueNotExact": ("'{member}' is {value}; only {limit} is allowed.", "Write {limit}, or remove it."),
    "valueBelowRange": ("'{member}' is {value}, less than {limit}.", "Write {limit} or more."),
    "valueAboveRange": ("'{member}' is {value}, more than {limit}.", "Write {limit} or less."),
    "valueBelowMin": ("'{member}' is {value}, less than {limit}.", "Write {limit} or more."),
    "literalNotValid": ("'{member}' has a value that it does not take.", "Write a text or a whole number."),
    "literalTypeNotSingular": ("The value of '{member}' has more than one @type.", "Keep one."),
    "langStringValueTooLong": (
        "'{member}' has {count} characters in {code}; {limit} are allowed.",
        "Shorten it.",
    ),
    "langStringInvalidCode": ("'{value}' is not a language tag.", "Write one as in en or nb-NO."),
    "langStringElementInvalidCode": ("'{value}' is not a language tag.", "Write one as in en or nb-NO."),
    "langStringElementCodeNotUnique": ("'{member}' has two texts in {value}.", "Keep one."),
    "langMapObjKeyword": ("'{value}' is no language tag.", "Remove it."),
    "langTagValueInLangMap": (
        "'{member}' is one text with its language.",
        'Write {{"en": "…"}}, or put the object into a list.',
    ),
    # what stands inside
    "refNotStringOrObject": ("'{member}' holds neither an id nor an element.", "Write one of them."),
    "refObjectNotAllowed": ("'{member}' holds an element of its own.", "Name one by its term."),
    "badDtmiOrTerm": ("'{member}' has '{value}', which is neither a term nor an id.", "Correct it."),
    "incorrectPropertyValue": ("'{member}' cannot be {value}.", "Use {wanted}."),
    "objectMultipleValues": ("'{member}' holds more than one.", "Keep one."),
    "objectCountBelowMin": ("'{member}' holds {count}; at least {limit} is needed.", "Add what is missing."),
    "objectCountAboveMax": ("'{member}' holds {count}; {limit} are allowed.", "Split it."),
    "nonUniquePropertyValue": ("Two of '{member}' have the same {inner}, {value}.", "Change one of them."),
    "nonUniqueImportedPropertyValue": (
        "'{value}' is inherited from {other} and is there already.",
        "Rename one of them.",
    ),
    "disallowedVersionDefinition": (
        "'{member}' holds an element of language version {value}.",
        "Write it in the version around it.",
    ),
    "disallowedVersionReference": (
        "'{member}' leads to {value}, of language version {version}.",
        "Lead to the same version, or to an older one where that is allowed.",
    ),
    "crossPartitionReference": (
        "'{member}' leads to {value}, which is part of {other}.",
        "Define it in this interface.",
    ),
    # rules of a whole model
    "recursiveStructureNarrow": ("The interface inherits from itself.", "Break the loop."),
    "recursiveStructureWide": ("The schema is met inside itself.", "Break the loop."),
    "excessiveDepthNarrow": ("Inheritance is {count} deep; {limit} is allowed.", "Inherit from less."),
    "excessiveDepthWide": ("Schemas are nested {count} deep; {limit} is allowed.", "Nest less."),
    "excessiveCount": ("There are {count} by '{member}'; {limit} are allowed.", "Split the interface."),
    "excludedType": ("'{member}' leads to {kind}, which may not stand there.", "Use something else."),
    "nonConformantDatatype": ("The value {value} is not of the schema {wanted}.", "Change one of them."),
    "nonConformantPropertyValue": (
        "'{member}' is {value}, which {wanted} cannot hold.",
        "Change one of them.",
    ),
    "notRequiredType": ("'{member}' does not fit {kind}; it asks for {wanted}.", "Use one that fits."),
    "notRequiredValue": ("'{member}' does not fit {kind}; it asks for {wanted}.", "Use one that fits."),
    "wrongParent": ("'{value}' is no {wanted}.", "Use a unit of {wanted}."),
    "parentMissingCotype": ("{kind} may only stand inside {other}.", "Add {other} to what is around it."),
    "siblingDuplicatesCotype": ("More than one beside each other is {kind}.", "Keep one."),
    "siblingMissingCotype": ("{kind} needs a {other} beside it.", "Add one."),
    "notSiblingRequiredType": ("'{value}' is a {kind} and cannot be annotated.", "Annotate a {wanted}."),
    "disallowedType": ("'{value}' is an annotation itself.", "Annotate what it annotates."),
    "noMatchingSupplementalProperty": ("'{value}' has no '{inner}' to override.", "Correct the name."),
    "matchingPropertyNotSupplemental": ("'{inner}' of '{value}' cannot be overridden.", "Override another."),
    "siblingPropertyMismatch": ("The schema is not that of the unit of '{other}'.", "Use its unit's schema."),
    "multipleReference": ("Two override '{inner}' of '{value}'.", "Keep one of them."),
}
_KINDS = {
    "boolean": "true or false",
    "integer": "a whole number of 32 bits",
    "numeric": "a number",
    "string": "a text",
    "duration": "a duration",
    "literal": "a value",
    "identifier": "an id",
}
_TAILS: Mapping[str, tuple[str, str]] = {
    "MultipleValues": ("'{member}' holds more than one value.", "Keep one."),
    "CountBelowMin": ("'{member}' holds no value.", "Add one."),
    "ObjectNoValue": ("'{member}' is an object without @value.", "Write the value itself."),
}


class _Blank(dict[str, object]):
    """Words that are not there read as nothing, so that no finding fails to be told."""

    def __missing__(self, key: str) -> str:
        return ""


def _general(rule: str) -> tuple[str, str]:
    """Return the words for the rules that come in families: integerNotInteger, stringTypeNotString, …."""
    for kind, text in _KINDS.items():
        if not rule.startswith(kind):
            continue
        for tail, words in _TAILS.items():
            if rule == f"{kind}{tail}":
                return words
        if "Not" in rule:
            return f"'{{member}}' is not {text}.", f"Write {text}."
    if rule.startswith("repeated"):
        return "'{member}' is there twice.", "Keep one of them."
    if rule.startswith("termDefinition"):
        return "@context defines a term of its own, and not well.", "Remove the object from @context."
    if rule.startswith("valueObject"):
        return "The object in '{member}' holds more than @value and @type.", "Write the value itself."
    if rule.startswith("langString"):
        return "'{member}' holds a text that is not written as one.", 'Write "…" or {{"en": "…"}}.'
    return "This breaks the rule {rule}.", "See the DTDL specification."


def told(rule: str, words: Mapping[str, object]) -> tuple[str, str]:
    """Return the sentence and the hint of a rule, with its words filled in."""
    message, hint = RULES.get(rule) or _general(rule)
    short = {k: _short(v) for k, v in words.items()}
    filled = _Blank(short | {"rule": rule})
    return message.format_map(filled), hint.format_map(filled)


def printable(text: str) -> str:
    """Return a text that can be written as UTF-8: JSON can hold halves of characters, and file names too."""
    return text.encode("utf-8", "replace").decode()


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"  # noqa: PLR2004 - a line of a terminal
