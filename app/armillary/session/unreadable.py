"""Texts of payloads that could not be read: a line of the list, the preview, and what is copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from armillary.encoding import texts
from armillary.model.link import Quarantined
from armillary.session.rows import clock_text

SHOWN = 256  # bytes of a payload in the preview
EMPTY = "nothing: the payload is empty"


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """One line of the list."""

    item: Quarantined
    cells: tuple[str, str, str, str]  # time, topic, why, bytes
    preview: str  # the first bytes: as text where they are one, else in hexadecimal
    whole: str  # all that is kept, with what is known of it, for the clipboard


def unreadable_rows(items: Sequence[Quarantined]) -> tuple[UnreadableRow, ...]:
    """Return the rows, newest first, of payloads in order of arrival."""
    return tuple(_row(item) for item in reversed(items))


def _row(item: Quarantined) -> UnreadableRow:
    text = texts.decoded(item.head)
    time = clock_text(item.arrival_ns)
    preview = texts.dump(item.head, SHOWN) if text is None else text[:SHOWN]
    body = texts.dump(item.head, len(item.head)) if text is None else text
    head = f"{item.link} · {item.channel} · {time} · {item.reason} · {item.size} bytes"
    return UnreadableRow(
        item=item,
        cells=(time, item.channel, item.reason, texts.number(item.size)),
        preview=(preview + ("…" if item.size > SHOWN else "")) or EMPTY,
        whole=f"{head}\n{body}",
    )
