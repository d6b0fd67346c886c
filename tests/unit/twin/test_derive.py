from __future__ import annotations

import numpy as np
import pytest

from armillary.model.clock import NS
from armillary.model.fault import ProjectFault
from armillary.model.quality import BAD, DERIVED, GOOD, NEVER, RANGE, STALE, SUBSTITUTED, UNCERTAIN
from armillary.model.tags import TagSpec, TagTable
from armillary.session.rows import tag_row
from armillary.twin.derive import Derived

NOW, MONO = 1_750_000_000 * NS, 1_000 * NS


def _specs(**expressions: str) -> list[TagSpec]:
    return [
        TagSpec(slot=i, name=name.replace("_", "."), link="" if text else "site", expression=text, origin="t")
        for i, (name, text) in enumerate(expressions.items())
    ]


def _set(table: TagTable, slot: int, value: float, quality: int = GOOD, source_ns: int = NOW) -> None:
    table.value[slot], table.quality[slot], table.source_ns[slot] = value, quality, source_ns
    table.arrival_ns[slot], table.arrival_mono_ns[slot] = source_ns + 1, MONO
    table.alive_mono_ns[slot] = MONO
    table.dirty[slot] = True


def _run(derived: Derived, table: TagTable, mono_ns: int = MONO) -> list[int]:
    return derived.evaluate(table, table.dirty, NOW, mono_ns).tolist()


def test_derived_tags_follow_each_other_whatever_the_order_of_the_file() -> None:
    specs = _specs(c="b + 1", b="a * 2", a="")
    table, derived = TagTable(3), Derived(specs)
    _set(table, 2, 5.0)
    assert _run(derived, table) == [0, 1]
    assert table.value.tolist() == [11.0, 10.0, 5.0]
    assert table.dirty.all()


def test_only_what_reads_a_changed_tag_is_evaluated() -> None:
    specs = _specs(a="", b="", from_a="a + 1", from_b="b + 1")
    table, derived = TagTable(4), Derived(specs)
    _set(table, 0, 1.0)
    _set(table, 1, 1.0)
    _run(derived, table)
    table.take_dirty()
    _set(table, 1, 7.0, source_ns=NOW + 1)
    assert _run(derived, table) == [3]
    table.take_dirty()
    assert _run(derived, table) == []
    assert table.value.tolist() == [1.0, 7.0, 2.0, 8.0]


def test_tags_of_one_shape_are_evaluated_together_and_stay_apart() -> None:
    specs = _specs(a="", b="", x="a / 2", y="b / 2")
    table, derived = TagTable(4), Derived(specs)
    assert len(derived._groups) == 1
    _set(table, 0, 2.0)
    _set(table, 1, 8.0, BAD)
    _run(derived, table)
    assert table.value[2:].tolist() == [1.0, 4.0]
    assert table.quality[2:].tolist() == [GOOD, BAD]


def test_a_derived_value_has_the_oldest_source_time_and_the_worst_quality() -> None:
    table, derived = TagTable(3), Derived(_specs(a="", b="", c="a + b"))
    _set(table, 0, 1.0, GOOD, NOW - 5 * NS)
    _set(table, 1, 2.0, STALE, NOW)
    table.alive_mono_ns[0] = MONO - 9 * NS
    _run(derived, table)
    assert (table.value[2], table.quality[2]) == (3.0, STALE)
    assert table.source_ns[2] == NOW - 5 * NS
    assert table.arrival_ns[2] == NOW - 5 * NS + 1  # its age is that of what it was made from
    assert table.alive_mono_ns[2] == MONO - 9 * NS


def test_a_change_of_quality_alone_is_passed_on() -> None:
    table, derived = TagTable(2), Derived(_specs(a="", b="a"))
    _set(table, 0, 1.0)
    _run(derived, table)
    table.take_dirty()
    table.quality[0], table.dirty[0] = STALE, True
    assert _run(derived, table) == [1]
    assert table.quality[1] == STALE


def test_a_fallback_stands_for_a_tag_that_never_came() -> None:
    table, derived = TagTable(3), Derived(_specs(a="", b="", c="where(good(a), a, b)"))
    _set(table, 1, 4.0)
    _run(derived, table)
    assert (table.value[2], table.quality[2], table.source_ns[2]) == (4.0, GOOD, NOW)


def test_without_inputs_a_derived_tag_is_never_and_has_no_time() -> None:
    table, derived = TagTable(2), Derived(_specs(a="", b="a + 1"))
    assert _run(derived, table) == []
    assert table.quality[1] == NEVER
    assert table.source_ns[1] == 0


def test_a_division_by_zero_is_bad_and_says_derived() -> None:
    table, derived = TagTable(2), Derived(_specs(a="", b="1 / a"))
    _set(table, 0, 0.0)
    _run(derived, table)
    assert np.isnan(table.value[1])
    assert table.quality[1] == BAD | DERIVED


def test_an_expression_that_reads_an_age_is_evaluated_every_time() -> None:
    table, derived = TagTable(2), Derived(_specs(a="", late="age(a) > 5"))
    _set(table, 0, 1.0)
    _run(derived, table)
    assert table.value[1] == 0.0
    table.take_dirty()
    assert _run(derived, table, MONO + 4 * NS) == []
    assert _run(derived, table, MONO + 6 * NS) == [1]
    assert table.value[1] == 1.0


def test_a_constant_is_evaluated_once() -> None:
    table, derived = TagTable(1), Derived(_specs(a="2 * 3"))
    assert _run(derived, table) == [0]
    assert (table.value[0], table.source_ns[0]) == (6.0, NOW)
    table.take_dirty()
    assert _run(derived, table) == []


def test_the_unit_and_the_range_of_a_derived_tag_hold() -> None:
    specs = _specs(a="", b="a")
    specs[1] = TagSpec(slot=1, name="b", expression="a", factor=100.0, offset=1.0, low=0.0, high=150.0)
    table, derived = TagTable(2), Derived(specs)
    _set(table, 0, 1.0)
    _run(derived, table)
    assert (table.value[1], table.quality[1]) == (101.0, GOOD)
    _set(table, 0, 2.0)
    _run(derived, table)
    assert (table.value[1], table.quality[1]) == (201.0, UNCERTAIN | RANGE)


def test_a_circle_is_refused_and_named() -> None:
    with pytest.raises(ProjectFault, match="b → c") as caught:
        Derived(_specs(a="", b="c + 1", c="d + a", d="b"))
    assert caught.value.what.count("→") == 3


def test_a_tag_that_reads_itself_is_refused() -> None:
    with pytest.raises(ProjectFault, match="circle"):
        Derived(_specs(a="a + 1"))


def test_an_unknown_tag_is_refused_with_the_place() -> None:
    with pytest.raises(ProjectFault, match="'nope' is not known") as caught:
        Derived(_specs(a="nope + 1"))
    assert caught.value.where == "t"


def test_an_unchanged_derived_tag_is_shown_alive_as_long_as_its_inputs_are() -> None:
    specs = (TagSpec(slot=0, name="a"), TagSpec(slot=1, name="b", expression="a * 2"))
    table = TagTable(2)
    derived = Derived(specs)
    for second in (1, 3):
        table.value[0], table.quality[0], table.source_ns[0] = 2.0, 0, NS
        table.alive_mono_ns[0] = second * NS
        changed = derived.evaluate(table, np.array([0], np.uint32), NS, second * NS)
        assert table.alive_mono_ns[1] == second * NS
        assert 1 in table.take_dirty().tolist()
    assert changed.tolist() == []


def test_an_input_that_was_not_read_counts_neither_for_quality_nor_for_age() -> None:
    specs = _specs(a="", b="", out="first_good(a, b, 21.0)")
    table, derived = TagTable(3), Derived(specs)
    _set(table, 0, 5.0, STALE, NOW - 3_600 * NS)
    _set(table, 1, 6.0, GOOD, NOW - NS)
    _run(derived, table)
    assert (table.value[2], table.quality[2], table.source_ns[2]) == (6.0, GOOD, NOW - NS)
    table.dirty[:] = False
    _set(table, 1, 6.0, BAD, NOW - NS)
    _run(derived, table)
    assert (table.value[2], table.quality[2]) == (21.0, SUBSTITUTED | DERIVED)
    assert (table.source_ns[2], table.alive_mono_ns[2]) == (
        NOW,
        MONO,
    )  # a constant is as old as its evaluation


def test_a_flow_of_zero_is_bad_with_division_by_zero_as_its_reason_and_not_infinite() -> None:
    table = TagTable(3)
    derived = Derived(_specs(power="", flow="", specific="power / flow"))
    _set(table, 0, 7.5)
    _set(table, 1, 0.0)
    _run(derived, table)
    assert np.isnan(table.value[2])
    assert int(table.quality[2]) == BAD | DERIVED
    assert table.why == {2: "division by zero"}
    shown = tag_row(
        TagSpec(slot=2, name="specific", unit="kWh/m³"), np.nan, BAD | DERIVED, 0.0, said=table.why[2]
    )
    assert shown.note == "bad: division by zero"
    _set(table, 1, 2.5, source_ns=NOW + 1)
    _run(derived, table)
    assert (table.value[2], table.why) == (3.0, {}), "the reason goes when a number comes of it again"


def test_an_input_that_is_bad_or_stale_gives_its_quality_and_no_division_is_blamed() -> None:
    table = TagTable(3)
    derived = Derived(_specs(power="", flow="", specific="power / flow"))
    _set(table, 0, 7.5, STALE)
    _set(table, 1, np.nan, BAD)
    _run(derived, table)
    assert int(table.quality[2]) & 0xFF == BAD
    assert table.why == {}
    _set(table, 1, 2.5, UNCERTAIN, source_ns=NOW + 1)
    _run(derived, table)
    assert int(table.quality[2]) & 0xFF == STALE, "the worst of what it reads"


@pytest.mark.parametrize(
    ("text", "words"),
    [("sqrt(a)", "a root"), ("log(a) / a", "division by zero, or a root"), ("a * 1e308 * 10", "too large")],
)
def test_other_ways_to_no_number_are_told_too(text: str, words: str) -> None:
    table = TagTable(2)
    derived = Derived(_specs(a="", b=text))
    _set(table, 0, -5.0)
    _run(derived, table)
    assert table.why[1].startswith(words) or words in table.why[1]
