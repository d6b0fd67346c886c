"""What the names of relationships mean, as models of many kinds write them."""

from __future__ import annotations

from functools import cache

# names as DTDL models, Brick, RealEstateCore and OPC UA write them, without case, dashes and underscores
_IN = ("part of", "component of", "located in", "contained in")
PART_OF = frozenset(
    ["memberof", "childof", "belongsto"]
    + [f"{be}{name}".replace(" ", "") for name in _IN for be in ("", "is")]
)
HOLDS = frozenset(
    ["haspart", "hasparts", "hascomponent", "hasmember", "haschild", "haschildren", "contains", "consistsof"]
)
PART = "part"
"""Key of every relation that makes one twin a part of another, from the part to the whole."""
FLOWS = ("feed", "flow", "suppl", "suppli", "serv", "deliver", "transport")
"""Beginnings of the keys of relations along which something flows, from its source to who gets it."""

HAVE = frozenset(("has", "have", "having"))
_IRREGULAR = {
    "fed": "feed", "held": "hold", "has": "have", "having": "have", "had": "have", "driven": "drive",
    "drove": "drive", "made": "make", "sent": "send", "led": "lead", "given": "give", "taken": "take",
    "kept": "keep", "built": "build", "fitted": "fit", "lit": "light", "shut": "shut", "ran": "run",
}  # fmt: skip
_LEAST = 3  # letters that remain of a word when an ending is taken off


@cache
def stem(word: str) -> str:
    """Return what the forms of an English verb have in common: feeds, feeding, fed → feed."""
    word = word.lower()
    word = _IRREGULAR.get(word, word)
    for ending in ("ing", "ed", "es", "s"):
        rest = word[: -len(ending)]
        if not word.endswith(ending) or len(rest) < _LEAST or not set(rest) & set("aeiouy"):
            continue
        if (ending == "ed" and rest.endswith("e")) or (ending in ("s", "es") and word.endswith("ss")):
            continue
        if ending == "es" and not rest.endswith(("s", "x", "z", "sh", "ch")):
            continue
        word = rest
        break
    word = word.removesuffix("e") if len(word) > _LEAST else word
    if word.endswith("y"):
        word = word[:-1] + "i"
    return word[:-1] if len(word) > _LEAST and word[-1] == word[-2] else word


@cache
def noun(word: str) -> str:
    """Return the singular of an English noun in small letters: pumps → pump, batteries → battery."""
    word = word.lower()
    if len(word) > _LEAST and word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "zes", "ches", "shes")):
        return word[:-2]
    if len(word) > 1 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def words(name: str) -> tuple[str, ...]:
    """Return the words of a name: `isFedBy` → is, Fed, By; `P-101A` → P, 101, A."""
    out: list[str] = []
    word = ""
    for i, letter in enumerate(name):
        if not letter.isalnum():
            out, word = ([*out, word] if word else out), ""
            continue
        before = word[-1] if word else ""
        small_next = i + 1 < len(name) and name[i + 1].islower()
        turns = (
            (before.islower() and letter.isupper())
            or (before.isupper() and letter.isupper() and small_next)
            or (bool(before) and before.isdigit() != letter.isdigit())
        )
        if turns:
            out, word = [*out, word], ""
        word += letter
    return tuple([*out, word] if word else out)


@cache
def key(name: str) -> tuple[str, bool]:
    """Return the key of a relationship's name and whether it is written backwards: `isFedBy` → (feed, True).

    Whatever says that one is part of another has the key `PART`, from the part to the whole.
    """
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    if plain in PART_OF:
        return PART, False
    if plain in HOLDS:
        return PART, True
    if plain.removeprefix("is") in ("upstreamof", "downstreamof"):
        return "feed", "down" in plain
    parts = [word.lower() for word in words(name)]
    while len(parts) > 1 and parts[0] in ("is", "are", "be", "being", "been", "was"):
        parts = parts[1:]
    if len(parts) > 1 and parts[0] in HAVE:  # `hasPoint` is `isPointOf`, the other way
        return " ".join([*(stem(word) for word in parts[1:]), "of"]), True
    is_back = len(parts) > 1 and parts[-1] == "by"
    return " ".join(stem(word) for word in (parts[:-1] if is_back else parts)), is_back


def is_flow(relation: str) -> bool:
    """Return whether something flows along the relation of this key."""
    return relation.startswith(FLOWS)
