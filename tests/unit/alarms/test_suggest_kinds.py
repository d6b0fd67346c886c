"""Suggestions for alarms of every kind, each proved on the record: what mattered is still told."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.alarms.suggest import told
from armillary.alarms.suggest_kinds import suggest
from armillary.alarms.trial import raised
from armillary.alarms.trial_kinds import Record, as_level, inputs, signal
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS
from armillary.model.tags import TagSpec

N = 7_200
TAGS = {
    tag.name: tag
    for tag in (
        TagSpec(slot=0, name="a", unit="m"),
        TagSpec(slot=1, name="b", unit="m"),
        TagSpec(slot=2, name="s", expected_ms=1_000),
    )
}


def record(value: np.ndarray) -> Record:  # type: ignore[type-arg]
    t_ns = np.arange(len(value), dtype=np.int64) * NS
    return Record(t_ns, value.astype(np.float64), np.zeros(len(value), np.uint16))


def flicker(seconds: int = 3, every: int = 120, stands: slice = slice(5_000, 5_400)) -> np.ndarray:  # type: ignore[type-arg]
    """Return 1 for some seconds again and again, and once for as long as it matters."""
    out = np.zeros(N)
    for begin in range(100, 4_800, every):
        out[begin : begin + seconds] = 1.0
    out[stands] = 1.0
    return out


def noisy(size: float, stands: float = 5.0) -> np.ndarray:  # type: ignore[type-arg]
    out = size * np.random.default_rng(3).standard_normal(N)
    out[5_000:5_400] += stands
    return out


CASES = {
    "deviation": (
        AlarmSpec(id="A", slot=0, tag="a", kind="deviation", limit=2.0, reference="b", reference_slot=1),
        {"a": record(noisy(0.7)), "b": record(np.zeros(N))},
    ),
    "state": (
        AlarmSpec(id="A", slot=2, tag="s", kind="state", values=(1.0,)),
        {"s": record(flicker())},
    ),
    "expression": (
        AlarmSpec(id="A", slot=0, tag="a", kind="expression", expression="s > 0.5 and a < 9"),
        {"s": record(flicker()), "a": record(np.zeros(N))},
    ),
    "discrepancy": (
        AlarmSpec(
            id="A", slot=0, tag="a", kind="discrepancy", limit=0.5,
            reference="b", reference_slot=1, on_delay_s=4.0,
        ),
        {"a": record(np.zeros(N)), "b": record(flicker(6))},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_what_flickers_is_quietened_and_what_mattered_is_still_raised(kind: str) -> None:
    spec, records = CASES[kind]
    assert set(inputs(spec, TAGS)) == set(records)
    seen = signal(spec, records, TAGS)
    before = raised(as_level(spec), seen)
    assert len(before) > 20
    found = suggest(spec, records, TAGS, 0.0)
    assert found.suggestions, found.why_not
    best = found.suggestions[0]
    assert best.after <= 0.7 * best.before
    assert best.kept >= 1
    assert best.longest_s >= 390
    assert f"{best.after} time" in told(best, 1.0, "m")


def test_a_rate_is_quietened_by_a_longer_window() -> None:
    value = np.cumsum(np.random.default_rng(5).standard_normal(N) * 0.3)
    value[5_000:5_400] += np.arange(400) * 1.0
    value[5_400:] += 400.0
    spec = AlarmSpec(id="A", slot=0, tag="a", kind="rate", limit=0.3, window_s=6.0)
    found = suggest(spec, {"a": record(value)}, TAGS, 0.0)
    assert found.suggestions, found.why_not
    assert any(dict(each.changes).get("window_s") for each in found.suggestions)


def test_staleness_between_two_samples_is_seen_by_the_gap() -> None:
    t_ns = np.cumsum(np.where(np.arange(400) % 20 == 0, 6, 1)).astype(np.int64) * NS
    stale = Record(t_ns, np.ones(400), np.zeros(400, np.uint16))
    spec = AlarmSpec(id="A", slot=2, tag="s", kind="quality", on_delay_s=1.0)
    assert len(raised(as_level(spec), signal(spec, {"s": stale}, TAGS))) == 19
    found = suggest(spec, {"s": stale}, TAGS, 0.0)
    assert dict(found.suggestions[0].changes)


def test_what_was_never_recorded_says_so() -> None:
    spec, _ = CASES["deviation"]
    assert suggest(spec, {}, TAGS, 0.0).why_not == "raised 0 times only"
