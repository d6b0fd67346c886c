"""Queries in arrays answer as a plain loop over twins does."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.clock import NS
from armillary.model.quality import GOOD, STALE
from armillary.model.tags import TagSpec, TagTable
from armillary.model.twin import Relationship, TwinInstance
from armillary.twin.graph import Graph, build
from armillary.twin.query_complete import candidates
from armillary.twin.query_now import Now, Span
from armillary.twin.query_parse import parsed
from armillary.twin.query_text import QueryFault
from armillary.twin.vocabulary import Vocabulary

N = 7
KINDS = ("Pump", "Tank")
VERBS = ("feeding", "fed by", "controlling", "directly feeding")
Tri = int  # 0 no, 1 unknown, 2 yes

edges = st.lists(
    st.tuples(st.integers(0, N - 1), st.sampled_from(("feeds", "controls")), st.integers(0, N - 1)),
    max_size=14,
)
kinds = st.lists(st.sampled_from(KINDS), min_size=N, max_size=N)
values = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=N, max_size=N)
conditions = st.recursive(
    st.tuples(st.just("level"), st.sampled_from((">", "<", "=", "!=", ">=", "<=")), st.integers(0, 4)),
    lambda inner: st.one_of(
        st.tuples(st.just("not"), inner),
        st.tuples(st.sampled_from(("and", "or")), inner, inner),
        st.tuples(st.just("rel"), st.sampled_from(VERBS), st.integers(0, N - 1)),
    ),
    max_leaves=6,
)


def text_of(one: tuple[object, ...]) -> str:
    match one:
        case ("level", sign, than):
            return f"level {sign} {than}"
        case ("not", inner):
            return f"not ({text_of(inner)})"  # type: ignore[arg-type]
        case ("rel", verb, to):
            return f"{verb} n{to}"
    return f"({text_of(one[1])}) {one[0]} ({text_of(one[2])})"  # type: ignore[arg-type]


def plain(
    one: tuple[object, ...], row: int, links: list[tuple[int, str, int]], held: Mapping[int, tuple[int, bool]]
) -> Tri:
    """Return the answer of one twin, the slow way."""
    match one:
        case ("level", sign, than):
            value, good = held[row]
            if not good:
                return 1
            signs = {
                ">": value > than,
                "<": value < than,
                "=": value == than,
                "!=": value != than,  # type: ignore[operator]
                ">=": value >= than,
                "<=": value <= than,
            }  # type: ignore[operator]
            return 2 if signs[str(sign)] else 0
        case ("not", inner):
            return 2 - plain(inner, row, links, held)  # type: ignore[arg-type]
        case ("and", a, b):
            return min(plain(a, row, links, held), plain(b, row, links, held))  # type: ignore[arg-type]
        case ("or", a, b):
            return max(plain(a, row, links, held), plain(b, row, links, held))  # type: ignore[arg-type]
    verb, to = str(one[1]), int(str(one[2]))
    name = "feeds" if "fe" in verb else "controls"
    pairs = {(s, t) for s, n, t in links if n == name}
    if "by" in verb:
        pairs = {(t, s) for s, t in pairs}
    met, todo = set[int](), {row}
    while todo:
        step = {t for s, t in pairs if s in todo} - met
        met |= step
        todo = set() if "directly" in verb else step
    return 2 if to in met else 0


def plant(links: list[tuple[int, str, int]], types: list[str]) -> tuple[Graph, tuple[TagSpec, ...]]:
    twins = [TwinInstance(id=f"n{i}", model=kind) for i, kind in enumerate(types)]
    lines = [Relationship(source=f"n{s}", name=n, target=f"n{t}") for s, n, t in links]
    # both relations exist, so that both can be asked
    lines += [Relationship(source="other", name=n, target="other") for n in ("feeds", "controls")]
    graph = build([*twins, TwinInstance(id="other", model="Other")], lines)
    return graph, tuple(TagSpec(slot=i, name=f"n{i}.level", twin=f"n{i}") for i in range(N))


@settings(deadline=None, max_examples=150)
@given(edges, kinds, values, conditions, st.sampled_from(KINDS))
def test_an_answer_is_that_of_a_plain_loop(
    links: list[tuple[int, str, int]],
    types: list[str],
    held: list[tuple[int, bool]],
    asked: tuple[object, ...],
    kind: str,
) -> None:
    graph, specs = plant(links, types)
    table = TagTable(N)
    table.value[:] = [value for value, _ in held]
    table.quality[:] = [GOOD if good else STALE for _, good in held]
    found = parsed(f"{kind}s with {text_of(asked)}", Vocabulary(graph, specs)) if kind in types else None
    if found is None:
        return
    answer = found.run(Now(table=table))
    expected = {i: plain(asked, i, links, dict(enumerate(held))) for i in range(N) if types[i] == kind}
    assert np.array_equal(answer.rows, [i for i, tri in expected.items() if tri == 2])
    assert np.array_equal(answer.unknown, [i for i, tri in expected.items() if tri == 1])


_WORDS = st.sampled_from(
    [
        "pumps",
        "tank",
        "n1",
        "with",
        "level",
        ">",
        "4",
        "%",
        "and",
        "or",
        "not",
        "(",
        ")",
        "feeding",
        "fed",
        "by",
        "that",
        "directly",
        "in",
        "between",
        "is",
        "has",
        "named",
        "'x'",
        "stale",
        "where",
        ",",
        "°",
        "-1e9",
        '"',
        "n1.level",
    ]
)


@settings(deadline=None, max_examples=100)
@given(st.one_of(st.lists(_WORDS, max_size=12).map(" ".join), st.text(max_size=40)))
def test_any_text_is_a_query_or_a_fault_with_its_place(text: str) -> None:
    graph, specs = plant([(0, "feeds", 1)], ["Pump", "Tank"] * 3 + ["Pump"])
    words = Vocabulary(graph, specs)
    wrong: QueryFault | None = None
    try:
        parsed(text, words).run(Now(table=TagTable(N)))
    except QueryFault as fault:
        wrong = fault
    assert wrong is None or (0 <= wrong.at <= len(text) and wrong.remedy)
    candidates(text, words)


SPAN_NS = 600 * NS
_ASKED = st.tuples(
    st.sampled_from((">", "<", ">=", "<=", "=", "!=", "between")), st.integers(0, 4), st.integers(0, 4)
)
_RECORD = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=5), min_size=N, max_size=N)


def _is_so(value: int, sign: str, than: int, most: int) -> bool:
    if sign == "between":
        return than <= value <= most
    return bool(
        {
            ">": value > than, "<": value < than, ">=": value >= than, "<=": value <= than,
            "=": value == than, "!=": value != than,
        }[sign]
    )  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(_RECORD, _ASKED, st.booleans(), st.lists(st.booleans(), min_size=N, max_size=N))
def test_what_is_said_of_the_past_is_so_in_every_record_that_has_these_extremes(
    record: list[list[int]], one: tuple[str, int, int], all_through: bool, whole: list[bool]
) -> None:
    sign, than, most = one
    graph, specs = plant([], ["Pump"] * N)
    span = Span(
        low=np.array([min(values) for values in record], float),
        high=np.array([max(values) for values in record], float),
        mean=np.array([np.mean(values) for values in record]),
        share=np.where(whole, 1.0, 0.6),
    )
    what = f"between {than} and {most}" if sign == "between" else f"{sign} {than}"
    text = f"pumps with level {what} {'for 10 min' if all_through else 'in the last 10 min'}"
    found = parsed(text, Vocabulary(graph, specs)).run(Now(table=TagTable(N), past={SPAN_NS: span}))
    for row in range(N):
        so = [_is_so(value, sign, than, most) for value in record[row]]
        truth = all(so) if all_through else any(so)
        is_yes, is_open = row in found.rows, row in found.unknown
        if whole[row]:
            assert is_open or is_yes == truth
            assert not (is_open and sign in ("<", ">", "<=", ">="))  # of one side the extremes decide it
        else:  # what was missed may have been anything
            assert not is_yes or (truth and not all_through)
            assert is_yes or is_open or (all_through and not truth)
