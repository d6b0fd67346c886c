"""The text of a query as words with their places, and what is wrong with one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from armillary.model.fault import ProjectFault

_PARTS = re.compile(
    r"""\s*(?:
        (?P<text>"[^"]*"|'[^']*')
      | (?P<sign><=|>=|==|!=|<>|[<>=≤≥≠(),])
      | (?P<word>[^\s()<>=!,"'≤≥≠]+(?:\([^\s()]*\)[^\s()<>=!,"'≤≥≠]*)*)
    )""",
    re.VERBOSE,
)
MOST = 2_000  # letters of a query


class QueryFault(ProjectFault):
    """A query that cannot be understood; `at` is where in its text, from 0.

    `expects` says what is missing at its end, for who completes it: twins, condition, tag, sign, value.
    """

    def __init__(self, what: str, *, at: int, remedy: str, expects: str = "") -> None:
        super().__init__(what, where=f"query, letter {at + 1}", remedy=remedy)
        self.at, self.expects = at, expects


@dataclass(frozen=True, slots=True)
class Token:
    """One word, sign or quoted text of a query."""

    text: str
    at: int
    is_quoted: bool = False

    @property
    def low(self) -> str:
        """The word in small letters; what is quoted is no word of the language."""
        return "" if self.is_quoted else self.text.lower()


def tokens(text: str) -> tuple[Token, ...]:
    """Return the words of a query. Raises QueryFault for one that is too long or has an open quote."""
    if len(text) > MOST:
        raise QueryFault(f"The query has {len(text)} letters.", at=MOST, remedy=f"At most {MOST} are read.")
    out: list[Token] = []
    at = 0
    while at < len(text.rstrip()):
        found = _PARTS.match(text, at)
        if found is None or found.lastgroup is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise QueryFault(
                f"'{text[at]}' cannot be read here.", at=at, remedy="Put names with such signs in quotes."
            )
        word, is_quoted = found.group(found.lastgroup), found.lastgroup == "text"
        start = found.start(found.lastgroup)
        out.append(Token(word[1:-1] if is_quoted else word, start, is_quoted))
        at = found.end()
    return tuple(out)
