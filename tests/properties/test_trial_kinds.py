"""An alarm tried on a record is raised when the world's evaluator raises it over the same readings."""

from __future__ import annotations

import numpy as np
import pytest

from armillary.alarms.evaluate import Evaluator
from armillary.alarms.trial import raised
from armillary.alarms.trial_kinds import Record, as_level, inputs, signal, slopes
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS
from armillary.model.quality import GOOD, STALE
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state as applying

TAGS = (TagSpec(slot=0, name="a"), TagSpec(slot=1, name="b", states=((0.0, "off"), (1.0, "on"))))
BY_NAME = {tag.name: tag for tag in TAGS}
T0, HALF = 1_750_000_000 * NS, NS // 2  # two tags never speak at once: which was first would count
SPECS = {  # limits of rates that no slope of whole numbers is exactly
    "rate": AlarmSpec(id="A", slot=0, tag="a", kind="rate", limit=0.4137, window_s=6.0, deadband=0.1),
    "both": AlarmSpec(id="A", slot=0, tag="a", kind="rate", limit=0.4713, window_s=5.0, two_sided=True),
    "falls": AlarmSpec(id="A", slot=0, tag="a", kind="rate", limit=-0.4137, window_s=6.0, direction="below"),
    "deviation": AlarmSpec(
        id="A", slot=0, tag="a", kind="deviation", limit=2.0, deadband=0.5, reference="b", reference_slot=1
    ),
    "setpoint": AlarmSpec(id="A", slot=0, tag="a", kind="deviation", limit=2.0, setpoint=3.0, on_delay_s=2.0),
    "discrepancy": AlarmSpec(
        id="A",
        slot=0,
        tag="a",
        kind="discrepancy",
        limit=0.5,
        reference="b",
        reference_slot=1,
        on_delay_s=3.0,
    ),
    "state": AlarmSpec(id="A", slot=1, tag="b", kind="state", values=(1.0,), off_delay_s=2.0),
    "expression": AlarmSpec(id="A", slot=0, tag="a", kind="expression", expression="a > 3 and b < 2"),
}


def engine(spec: AlarmSpec, rows: list[tuple[int, int, float]]) -> list[int]:
    """Return the half seconds at which the world raises an alarm; a tick each."""
    table, alarms = TagTable(2), Evaluator((spec,), TAGS)
    table.quality[:] = STALE
    out: list[int] = []
    by_time = {t: [row for row in rows if row[0] == t] for t, _, _ in rows}
    last = max(by_time)
    for half in range(last + 1):
        now, here = T0 + half * HALF, by_time.get(half, [])
        batch = batch_of(
            np.array([slot for _, slot, _ in here], np.uint32),
            np.array([value for _, _, value in here]),
            np.full(len(here), now, np.int64), now, now,
            quality=np.full(len(here), GOOD, np.uint16),
        )  # fmt: skip
        applying.apply(table, batch)
        alarms.look(table, batch, now, now)
        out += [(e.t_ns - T0) // HALF for e in alarms.take()[1] if e.event == "RAISE"]
    return out


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("seed", range(8))
def test_a_trial_raises_when_the_world_does(name: str, seed: int) -> None:
    spec, rng = SPECS[name], np.random.default_rng(seed)
    values = 3 if name in ("state", "expression") else 7  # of the second tag
    rows = [
        (2 * t + 1 - slot, slot, float(rng.integers(values if slot else 7)))
        for t in range(int(rng.integers(8, 25)))
        for slot in (1, 0)
        if t == 0 or rng.random() < 0.6
    ]
    records = {
        tag.name: Record(
            np.array([T0 + t * HALF for t, slot, _ in rows if slot == tag.slot], np.int64),
            np.array([value for _, slot, value in rows if slot == tag.slot]),
            np.zeros(sum(slot == tag.slot for _, slot, _ in rows), np.uint16),
        )
        for tag in TAGS
    }
    assert set(inputs(spec, BY_NAME)) <= set(records)
    seen = signal(spec, records, BY_NAME)
    found = ((raised(as_level(spec), seen).begin_ns - T0) // HALF).tolist()
    last = int(seen.t_ns[-1] - T0) // HALF if len(seen) else 0
    world = [t for t in engine(spec, rows) if t <= last]  # a trial ends with the last thing that is known
    assert found == world


def test_slopes_over_a_long_record_are_those_of_each_window() -> None:
    rng = np.random.default_rng(2)
    t_ns = T0 + np.cumsum(rng.integers(NS // 2, 3 * NS, 9_000)).astype(np.int64)
    value = 1e6 + np.cumsum(rng.standard_normal(9_000))
    found = slopes(t_ns, value, 30.0)
    for i in rng.integers(10, 9_000, 60).tolist():
        inside = (t_ns <= t_ns[i]) & (t_ns >= t_ns[i] - 30 * NS)
        t = (t_ns[inside] - t_ns[i]) / NS
        v = value[inside]
        plain = ((t - t.mean()) * (v - v.mean())).sum() / ((t - t.mean()) ** 2).sum()
        assert found[i] == pytest.approx(plain, rel=1e-6, abs=1e-9)
