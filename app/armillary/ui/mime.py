"""What is dragged inside the desk: tags by slot, parts by prim index, nodes of links by number."""

from __future__ import annotations

from PySide6.QtCore import QMimeData

TAG_MIME = "application/x-armillary-tags"
PRIM_MIME = "application/x-armillary-prims"
NODE_MIME = "application/x-armillary-nodes"  # of the link browser, by number


def can_be_bound(data: QMimeData) -> bool:
    """Return whether a drag carries what can be bound to a part."""
    return bool(numbers(data, NODE_MIME) or numbers(data, TAG_MIME))


def numbers(data: QMimeData, kind: str) -> tuple[int, ...]:
    """Return the slots or prims of a drag of ours; () when it carries none of that kind."""
    if not data.hasFormat(kind):
        return ()
    text = bytes(data.data(kind).data()).decode("ascii", "replace")
    return tuple(int(part) for part in text.split(",") if part.isdigit())
