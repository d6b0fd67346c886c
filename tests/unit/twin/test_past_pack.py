from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from armillary.model.arrays import F8
from armillary.model.clock import NS
from armillary.model.expression_past import FUNCTIONS
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import past_pack, state
from armillary.twin.derive import Derived
from armillary.twin.past import Pasts

T0 = 1_790_000_000 * NS
ARGUMENTS = {  # of each function, as a tag would be written
    **{name: f"{name}(x, 20)" for name, each in FUNCTIONS.items() if each.seconds},
    **{name: f"{name}(x > 50)" for name, each in FUNCTIONS.items() if not each.seconds},
    "percentile": "percentile(x, 20, 75)",
    "count": "count(x > 50, 20)",
    "held": "held(x > 50, 3)",
    "time_since_change": "time_since_change(x)",
    "integral": "integral(x)",
    "integral_today": "integral_today(x)",
    "metered": "metered(x)",
    "metered_today": "metered_today(x, 100)",
    "latch": "latch(x > 80, x < 20)",
    "hold": "hold(x, x > 50)",
    "sequence": "sequence(x > 70, x < 30, 5)",
    "missing": "missing(x > 80, x < 20, 3)",
    "absent": "absent(x > 80, 3)",
    "beyond": "beyond(x, 60, 3)",
    "below": "below(x, 40, 3)",
}
KINDS = tuple(ARGUMENTS.values())


class Twin:
    """A tag x, and one that looks back at it for each expression."""

    def __init__(self, *expressions: str) -> None:
        specs = [TagSpec(slot=0, name="x", link="site")]
        specs += [
            TagSpec(slot=i + 1, name=f"d{i}", expression=text, origin="t")
            for i, text in enumerate(expressions)
        ]
        self.table, self.derived = TagTable(len(specs)), Derived(specs)

    @property
    def past(self) -> Pasts:
        assert self.derived.past is not None
        return self.derived.past

    def run(self, t: F8, x: F8, from_s: float, to_s: float) -> Iterator[list[float]]:
        """Tick once a second; yield what all answer, and how good."""
        for tick in range(round(from_s), round(to_s)):
            now = T0 + (tick + 1) * NS
            rows = (t >= tick) & (t < tick + 1)
            ns = T0 + (t[rows] * NS).astype(np.int64)
            samples = batch_of(np.zeros(len(ns), np.uint32), x[rows], ns, now, now)
            state.apply(self.table, samples)
            self.derived.evaluate(self.table, self.table.dirty, now, now, samples)
            self.table.take_dirty()
            yield [*self.table.value[1:].tolist(), *self.table.quality[1:].tolist()]


def wave(seconds: float) -> tuple[F8, F8]:
    rng = np.random.default_rng(7)
    t = np.sort(rng.uniform(0, seconds, int(seconds * 12)))
    return t, 50 + 40 * np.sin(t / 3) + rng.normal(0, 5, len(t))


def test_who_goes_on_from_a_state_answers_bit_for_bit_as_who_never_stopped() -> None:
    t, x = wave(36.0)
    whole, after = Twin(*KINDS), Twin(*KINDS)
    list(whole.run(t, x, 0.0, 13.0))
    at_ns = T0 + 13 * NS
    after.past.restore(past_pack.known(past_pack.packed(whole.past.saved(), at_ns)), at_ns)
    for column in ("value", "quality", "source_ns", "arrival_ns", "arrival_mono_ns", "alive_mono_ns"):
        getattr(after.table, column)[:] = getattr(whole.table, column)
    assert repr(list(after.run(t, x, 13.0, 36.0))) == repr(list(whole.run(t, x, 13.0, 36.0)))


def test_a_state_that_is_too_long_keeps_the_counters_and_leaves_windows_out() -> None:
    twin = Twin("hours_run(x > 50)", "percentile(x, 20, 75)", "percentile(x, 30, 75)", "mean(x, 60)")
    t, x = wave(5.0)
    list(twin.run(t, x, 0.0, 5.0))
    saved = twin.past.saved()
    whole = sum(array.nbytes for each in saved for array in each.columns.values())
    for most, kept in ((whole // 100, {"hours_run"}), (whole // 2, {"hours_run", "mean"})):
        data = past_pack.packed(saved, T0, most)
        held = [key for each in past_pack.known(data) for key in each.keys]
        assert {key.partition("(")[0] for key in held} >= kept
        assert len(held) < 4
        assert len(data) < most + 20_000  # names of columns
    assert past_pack.packed(saved, T0, 1) == b""


def test_states_of_areas_become_one_and_who_has_come_farther_counts() -> None:
    t, x = wave(9.0)
    one, other, both = (
        Twin("integral(x)"),
        Twin("integral(x)", "mean(x, 5)"),
        Twin("integral(x)", "mean(x, 5)"),
    )
    list(one.run(t, x, 0.0, 9.0))
    list(other.run(t, x, 0.0, 4.0))
    parts = [past_pack.packed(twin.past.saved(), T0 + n * NS) for n, twin in enumerate((one, other))]
    for order in (parts, parts[::-1]):
        data = past_pack.joined([*order, b""])
        both.past.restore(past_pack.known(data))
        assert both.past.all[0].value[0] == one.past.all[0].value[0]
        assert both.past.all[1].value[0] == other.past.all[1].value[0]
    assert past_pack.joined([b"", b""]) == b""


def test_what_watches_a_masked_tag_is_left_out() -> None:
    specs = [TagSpec(slot=i, name=name, link="site") for i, name in enumerate(("x", "x2"))]
    specs += [
        TagSpec(slot=2, name="a", expression="mean(x, 10)", origin="t"),
        TagSpec(slot=3, name="b", expression="mean(x2, 10)", origin="t"),
    ]
    past = Derived(specs).past
    assert past is not None
    data = past_pack.without(past_pack.packed(past.saved(), T0), {"x"})
    assert [key for each in past_pack.known(data) for key in each.keys] == ["mean(`x2`, 10, 0)"]
    assert past_pack.without(data, ()) == data


@pytest.mark.parametrize("data", [b"", b"nothing of ours", b"PK\x03\x04"])
def test_bytes_of_others_are_no_state_and_all_begins_anew(data: bytes) -> None:
    assert past_pack.known(data) == []
