"""What was heard while browsing → items of a topic tree."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from armillary.api import BrowseItem, WireBatch

SAMPLE_CHARACTERS = 200
_DEPTH = 8


def items(batches: Sequence[WireBatch], under: str) -> list[BrowseItem]:
    """Return one item per topic, by name; for the topic `under` itself the fields of its document."""
    newest: dict[str, bytes] = {}
    for batch in batches:
        for row, channel in enumerate(batch.channel.tolist()):
            newest[batch.channels[channel]] = batch.payload[batch.start[row] : batch.start[row + 1]]
    out: list[BrowseItem] = []
    for topic in sorted(newest):
        document = _document(newest[topic])
        if topic == under and isinstance(document, dict):
            out.extend(_fields(topic, "", document, 0))
            continue
        out.append(
            BrowseItem(
                address=topic,
                name=topic,
                has_children=isinstance(document, dict),
                kind="topic",
                data_type=_type_name(document),
                value=newest[topic][: 4 * SAMPLE_CHARACTERS].decode(errors="replace")[:SAMPLE_CHARACTERS],
            )
        )
    return out


def _fields(topic: str, prefix: str, document: dict[str, object], depth: int) -> Iterator[BrowseItem]:
    for key, value in document.items():
        name = key if _is_plain(key) else f"`{key}`"
        path = f"{prefix}.{name}" if prefix else name
        if isinstance(value, dict) and depth < _DEPTH:
            yield from _fields(topic, path, value, depth + 1)
        else:
            yield BrowseItem(
                address=f"{topic}#{path}",
                name=path,
                has_children=False,
                kind="field",
                data_type=_type_name(value),
                value=json.dumps(value, ensure_ascii=False)[:SAMPLE_CHARACTERS],
            )


def _is_plain(key: str) -> bool:
    return key.isidentifier()


def _document(payload: bytes) -> object:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return payload


def _type_name(value: object) -> str:
    names: Iterable[tuple[type | tuple[type, ...], str]] = (
        (bool, "bool"),
        ((int, float), "number"),
        (dict, "object"),
        (list, "array"),
        (str, "text"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "text")
