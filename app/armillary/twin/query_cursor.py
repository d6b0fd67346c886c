"""The words of a query as they are read, and the words that the language itself has."""

from __future__ import annotations

from armillary.twin.query_text import QueryFault, Token, tokens
from armillary.twin.vocabulary import Vocabulary

WITH = frozenset(["with", "where", "whose", "having"])
LED = frozenset(["that", "which", "who"])
BE = frozenset(["is", "are", "be", "being"])
ARTICLES = frozenset(["the", "a", "an", "all", "every", "any", "each", "some"])
SIGNS = {
    ">": ">", "<": "<", ">=": ">=", "<=": "<=", "≥": ">=", "≤": "<=", "=": "=", "==": "=", "!=": "!=",
    "≠": "!=", "<>": "!=", "above": ">", "over": ">", "below": "<", "under": "<", "equals": "=",
    "exceeds": ">", "exceeding": ">",
}  # fmt: skip
SIGN_PHRASES = {
    ("at", "least"): ">=", ("at", "most"): "<=", ("greater", "than"): ">", ("more", "than"): ">",
    ("less", "than"): "<", ("lower", "than"): "<", ("higher", "than"): ">", ("is", "above"): ">",
    ("is", "over"): ">", ("is", "below"): "<", ("is", "under"): "<", ("not", "equal"): "!=",
}  # fmt: skip
JOINS = frozenset(["and", "or", ","])
MOST_NESTED = 40


class Cursor:
    """The words of a query, one after the other; who goes too deep, or meets what is unexpected, says so."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text, self.vocabulary = text, vocabulary
        self.tokens, self.at, self.nested = tokens(text), 0, 0
        self.graph = vocabulary.graph

    # ------------------------------------------------------------ tokens

    @property
    def now(self) -> Token | None:
        """The present word."""
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def low(self, ahead: int = 0) -> str:
        """Return a word to come in small letters, "" behind the end."""
        at = self.at + ahead
        return self.tokens[at].low if at < len(self.tokens) else ""

    def take(self) -> Token:
        """Return the present word and go on."""
        token = self.tokens[self.at]
        self.at += 1
        return token

    def skip(self, wanted: frozenset[str]) -> bool:
        """Go past these words; return whether there were any."""
        before = self.at
        while self.low() in wanted and self.now is not None:
            self.at += 1
        return self.at > before

    @property
    def place(self) -> int:
        """Where the present word begins in the text; its end, when all is read."""
        return self.now.at if self.now is not None else len(self.text)

    def deeper(self, at: int) -> None:
        """Note that a part begins inside another; whoever reads it takes one off `nested` at its end."""
        self.nested += 1
        if self.nested > MOST_NESTED:
            raise QueryFault("The query is nested too deeply.", at=at, remedy="Make it simpler.")

    def unexpected(self, what: str) -> QueryFault:
        """Return what to say of the present word."""
        token = self.now
        if token is None:
            return QueryFault(f"{what}: something is missing.", at=len(self.text), remedy="Go on writing.")
        among = (
            *self.vocabulary.relation_words,
            "with",
            "where",
            "and",
            "or",
            "named",
            *self.vocabulary.type_words,
        )
        near = self.vocabulary.near(token.text, among)
        remedy = near or "Go on with a relation (feeding), `with` and a condition, or `and`."
        return QueryFault(f"{what}, at '{token.text}'.", at=token.at, remedy=remedy)
