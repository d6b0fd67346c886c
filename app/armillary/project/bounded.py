"""Of very many findings of one kind in one file, some are told one by one; of the others, how many."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from armillary.model.scene import SceneProblem

MOST = 100  # of one code in one file


def file_of(where: str) -> str:
    """Return the file of a place such as `twins.json:12`, `twins.json:tank1` or `bindings.usda:/A#heat`."""
    return where.partition(":")[0]


def more(count: int, last: SceneProblem) -> SceneProblem:
    """Return what is told of `count` findings that are not told one by one; `last` is the last of them."""
    return replace(
        last, where=file_of(last.where), what=f"and {count:,} more of this kind, the last: {last.what}"
    )


def bounded(problems: Iterable[SceneProblem], most: int = MOST) -> list[SceneProblem]:
    """Return at most `most` findings of each code in each file, in their order, and how many more there are.

    A file's severities are counted apart: an error is not lost among warnings. One more is told like the
    others: it may be what was said of many where they were found.
    """
    kinds: dict[tuple[str, str, str], int] = {}
    rest: dict[tuple[str, str, str], SceneProblem] = {}
    out: list[SceneProblem] = []
    for item in problems:
        kind = item.code, item.severity, file_of(item.where)
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] <= most:
            out.append(item)
        else:
            rest[kind] = item
    left = ((kinds[kind] - most, last) for kind, last in rest.items())
    return [*out, *(last if n == 1 else more(n, last) for n, last in left)]
