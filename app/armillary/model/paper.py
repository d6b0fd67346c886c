"""A report as data: headings, sentences, tables, bars. Made once, then written as HTML or as PDF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["heading", "text", "table", "bars", "keys"]
Tone = Literal["", "good", "doubt", "bad", "faint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One part. Which fields count is said by its kind."""

    kind: BlockKind
    text: str = ""  # heading, text; of bars: the sentence below
    tone: Tone = ""  # of text
    head: tuple[str, ...] = ()  # table: c columns
    rows: tuple[tuple[str, ...], ...] = ()  # table: c cells each; keys: (what, value, note)
    right: tuple[int, ...] = ()  # columns of numbers, aligned right
    wide: tuple[int, ...] = ()  # columns that take the room that is left; () = the last
    tones: tuple[tuple[int, int, Tone], ...] = ()  # (row, column, tone) of single cells
    values: tuple[float, ...] = ()  # bars
    limit: float = 0.0  # bars: a dashed line; those above it are marked. 0 = none
    spans: tuple[tuple[float, float], ...] = ()  # bars: shaded, as shares 0…1 of the width
    marks: tuple[tuple[float, str], ...] = ()  # bars: labels below, each at a share 0…1 of the width


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A whole report."""

    title: str
    subtitle: str
    blocks: tuple[Block, ...]
    footer: str = ""


def heading(text: str) -> Block:
    """Return a heading."""
    return Block(kind="heading", text=text)


def text(words: str, tone: Tone = "") -> Block:
    """Return a paragraph."""
    return Block(kind="text", text=words, tone=tone)
