"""Which passwords are refused: too short, or what a guesser tries first. No rules of composition."""

from __future__ import annotations

import re
from functools import cache

from armillary.model import places
from armillary.model.fault import ProjectFault

SHORTEST, LONGEST = 12, 1_024  # characters
COMMON_FILE = "assets/security/common-passwords.txt"
_LEET = str.maketrans("013457$@!", "oieastsai")
_TRAILING = re.compile(r"[\d\W_]+$")
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "01234567890",
)
_RUN = 4  # keys in sequence that count as one


def check_password(password: str, user: str, project: str = "") -> None:
    """Raise ProjectFault for a password that would be guessed; the text never holds the password."""
    if len(password) < SHORTEST:
        raise _refused(f"The password has {len(password)} characters, fewer than {SHORTEST}.")
    if len(password) > LONGEST:
        raise _refused(f"The password has more than {LONGEST} characters.")
    if is_common(password, user, project):
        raise _refused("The password is one of those that are guessed first.")


def is_common(password: str, *names: str) -> bool:
    """Return whether a password is made of common words, keys in sequence, repetition or these names."""
    plain = password.casefold()
    words = _words() | {_bare(name.casefold()) for name in names if len(name) >= _RUN} | {"armillary"}
    spellings = {
        plain,
        plain.translate(_LEET),
        _TRAILING.sub("", plain),
        _TRAILING.sub("", plain).translate(_LEET),
    }
    return any(_is_made_of(_bare(spelling), words) for spelling in spellings)


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", text)


def _is_made_of(text: str, words: frozenset[str] | set[str]) -> bool:
    """Return whether a text is nothing but words, years, runs of keys and repeated characters."""
    at = {0}
    for i in range(len(text)):
        if i in at:
            at.update(i + n for n in _pieces(text, i, words))
    return len(text) in at


def _pieces(text: str, i: int, words: frozenset[str] | set[str]) -> set[int]:
    found = {len(word) for word in words if text.startswith(word, i)}
    digits = len(text[i:]) - len(text[i:].lstrip("0123456789"))
    found.update(range(1, min(digits, _RUN) + 1))  # a year, a day: four digits add little
    same = len(text[i:]) - len(text[i:].lstrip(text[i]))
    found.update(range(1, same + 1) if same > 2 else ())  # noqa: PLR2004  aaa, not a double letter
    for run in _RUNS:
        for order in (run, run[::-1]):
            start = order.find(text[i])
            n = 0
            while 0 <= start + n < len(order) and i + n < len(text) and order[start + n] == text[i + n]:
                n += 1
            found.update(range(_RUN, n + 1))
    return found


@cache
def _words() -> frozenset[str]:
    lines = places.data(COMMON_FILE).read_text("utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _refused(what: str) -> ProjectFault:
    return ProjectFault(
        what, where="password", remedy=f"Take {SHORTEST} characters or more, such as four unrelated words."
    )
