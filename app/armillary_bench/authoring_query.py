"""Queries over twins: 20,000 pumps with 100,000 tags, without a model; words, compiling and answers.

The peer is a plain loop over the same twins and values, which must find the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from armillary.model.quality import GOOD
from armillary.model.tags import TagSpec, TagTable
from armillary.model.twin import Relationship, TwinInstance
from armillary.session.twin_graph import vocabulary_of
from armillary.twin.query_now import Now
from armillary.twin.query_parse import parsed
from armillary_bench.figure import figure, plain

TWINS, TAGS, CHAIN = 20_000, 5, 10
BEST_OF = 3
TEXT = "pumps feeding (pumps with t3 > 9.9 bar) with t1 > 0.2 bar"


def benches() -> list[dict[str, object]]:
    """Return the figures; about ten seconds."""
    twins = [TwinInstance(id=f"P-{i}", prim=f"/S/A{i // 100}/P{i}", title=f"Pump {i}") for i in range(TWINS)]
    specs = [
        TagSpec(slot=i * TAGS + k, name=f"P-{i}.t{k}", unit="bar", twin=f"P-{i}")
        for i in range(TWINS)
        for k in range(TAGS)
    ]
    edges = [
        Relationship(source=f"P-{i}", name="feeds", target=f"P-{i + 1}")
        for i in range(TWINS - 1)
        if (i + 1) % CHAIN
    ]
    table = TagTable(len(specs))
    table.quality[:] = GOOD
    table.value[:] = np.random.default_rng(7).uniform(0, 10, len(specs))
    words_s = _best(lambda: vocabulary_of(twins, specs, edges))
    words = vocabulary_of(twins, specs, edges)
    parsed(TEXT, words)
    compile_s = _best(lambda: parsed(TEXT, words))
    query = parsed(TEXT, words)
    run_s = _best(lambda: query.run(Now(table=table)))
    found = query.run(Now(table=table)).rows.tolist()
    loop_s = _best(lambda: _loop(table))
    if found != _loop(table):
        raise AssertionError("the query and the plain loop find different twins")
    work = (
        f"{TWINS} twins, {len(specs)} tags, {len(edges)} relations; {len(found)} found, those of a plain loop"
    )
    return [
        plain("query_words_20k", words_s, "s", f"{work}; types guessed from the shape of tags, once a plant"),
        plain("query_compile_20k", compile_s * 1e3, "ms", f"{TEXT}; {work}"),
        figure(
            "query_run_20k",
            run_s * 1e3,
            "ms",
            against="peer: a plain loop over the twins",
            against_value=loop_s * 1e3,
            bar=None,
            work=work,
        ),
    ]


def _loop(table: TagTable) -> list[int]:
    """Return the same answer by a loop: from each pump down its chain."""
    value, quality = table.value, table.quality
    hot = [value[i * TAGS + 3] > 9.9 and quality[i * TAGS + 3] == GOOD for i in range(TWINS)]
    out = []
    for i in range(TWINS):
        if not (value[i * TAGS + 1] > 0.2 and quality[i * TAGS + 1] == GOOD):
            continue
        end = (i // CHAIN + 1) * CHAIN
        if any(hot[j] for j in range(i + 1, min(end, TWINS))):
            out.append(i)
    return out


def _best(work: Callable[[], object]) -> float:
    """Return the seconds of the quickest of a few."""
    spent = []
    for _ in range(BEST_OF):
        begin = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begin)
    return min(spent)
