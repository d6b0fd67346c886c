"""The columns of a list of tags: those of ours, and which of another tool's stand for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rapidfuzz import fuzz, process

from armillary.model.fault import ProjectFault
from armillary.project.table import nearest

COLUMNS = (
    "tag",
    "address",
    "unit",
    "expected_interval_s",
    "deadband",
    "liveness",
    "model",
    "title",
    "kind",
    "low",
    "high",
)
_SYNONYMS = {
    "tag": "tag name tagname name signal point variable symbol item id tag-no tag_number kks",
    "address": "address adresse nodeid node_id node topic source path register opc mqtt_topic item_path",
    "unit": "unit units eu uom engineering_unit engineering_units einheit",
    "expected_interval_s": "interval scan_rate scan_class update_rate period cycle sample_interval_s rate_s",
    "deadband": "deadband dead_band hysteresis",
    "liveness": "liveness",
    "model": "model type_model asset_type dtmi template class",
    "title": "title description desc comment text beschreibung bezeichnung long_name",
    "kind": "kind data_type datatype type format",
    "low": "low min minimum range_low eu_low lo_range lrv span_low zero low_limit_range",
    "high": "high max maximum range_high eu_high hi_range urv span_high",
}
_LIKE = 88  # of 100


def guessed(head: Sequence[str]) -> dict[str, str]:
    """Return which column (of `head`) each of COLUMNS is in, as far as names tell."""
    out: dict[str, str] = {}
    by_word = {plain(column): column for column in reversed(head) if column}
    words = {field: [plain(w) for w in text.split()] for field, text in _SYNONYMS.items()}
    for field_, known in words.items():  # first by the very word, then by likeness
        hit = next((by_word[word] for word in (plain(field_), *known) if word in by_word), "")
        if hit and hit not in out.values():
            out[field_] = hit
    for field_, known in words.items():
        left = [p for p, column in by_word.items() if column not in out.values()]
        if field_ in out or not left:
            continue
        near = [
            (found[1], found[0])
            for word in known
            if (found := process.extractOne(word, left, scorer=fuzz.ratio, score_cutoff=_LIKE)) is not None
        ]
        if near:
            out[field_] = by_word[max(near)[1]]
    return out


def mapped(head: Sequence[str], wished: Mapping[str, str], name: str) -> dict[str, str]:
    """Return the guess with what a person wished; "" takes a column out. Raises ProjectFault."""
    for field_, column in wished.items():
        if field_ not in COLUMNS:
            raise ProjectFault(
                f"A tag has no '{field_}'.{nearest(field_, COLUMNS)}",
                where=name,
                remedy=f"Map {', '.join(COLUMNS)}.",
            )
        if column and column not in head:
            raise ProjectFault(
                f"The list has no column '{column}'.{nearest(column, [h for h in head if h])}",
                where=name,
                remedy=f"Its columns are {', '.join(h for h in head if h)}.",
            )
    out = {f: c for f, c in guessed(head).items() if f not in wished and c not in wished.values()}
    out |= {f: c for f, c in wished.items() if c}
    if "tag" not in out:
        raise ProjectFault(
            "No column holds the names of the tags.",
            where=name,
            remedy="Say which: tag = its heading.",
        )
    return out


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
