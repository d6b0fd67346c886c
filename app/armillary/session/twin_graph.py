"""The graph of a project or of a running world: its twins, their types, relations, and words for queries."""

from __future__ import annotations

from collections.abc import Sequence

from armillary.model.dtdl import Model
from armillary.model.tags import TagSpec
from armillary.model.twin import Relationship, TwinInstance
from armillary.twin.graph import Graph, build
from armillary.twin.infer import inferred
from armillary.twin.vocabulary import Vocabulary


def graph_of(
    twins: Sequence[TwinInstance],
    specs: Sequence[TagSpec],
    relationships: Sequence[Relationship],
    model: Model | None = None,
) -> Graph:
    """Return the graph; twins without a type are of a guessed one, by the shape of their tags."""
    guessed = {} if not _lacking(twins) else dict(inferred(twins, specs, relationships, "guessed").of)
    return build(twins, relationships, model, guessed)


def vocabulary_of(
    twins: Sequence[TwinInstance],
    specs: Sequence[TagSpec],
    relationships: Sequence[Relationship],
    model: Model | None = None,
) -> Vocabulary:
    """Return the words that queries of a plant may use."""
    return Vocabulary(graph_of(twins, specs, relationships, model), specs)


def _lacking(twins: Sequence[TwinInstance]) -> bool:
    return any(not twin.model or any(not part.model for part in twin.components) for twin in twins)
