"""Authoring: proposals, checks and saves of whole plants. Each part is a module of its own."""

from __future__ import annotations

from armillary_bench import authoring_dtdl, authoring_match, authoring_query

PARTS = (authoring_dtdl, authoring_match, authoring_query)


def benches() -> list[dict[str, object]]:
    """Return the figures of all parts; about a minute."""
    return [figure for part in PARTS for figure in part.benches()]
