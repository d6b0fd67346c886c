"""An alarm tried on the past against one written out reading by reading; blocks of them change nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.alarms.trial import Past, raised, stories
from armillary.model.alarm import AlarmSpec
from armillary.model.clock import NS

SPEC = AlarmSpec(id="a", slot=0, tag="t", limit=10.0)
Run = tuple[int, list[float]]  # beyond 1, inside -1, between 0; times of its readings


def runs(spec: AlarmSpec, t: list[float], v: list[float]) -> list[Run]:
    out: list[Run] = []
    for at, value in zip(t, v, strict=True):
        off = value - spec.limit if spec.direction == "above" else spec.limit - value
        code = 1 if off > 0 else -1 if off <= -spec.deadband else 0
        if not out or out[-1][0] != code:
            out.append((code, []))
        out[-1][1].append(at)
    return out


def slow(spec: AlarmSpec, t: list[float], v: list[float]) -> list[tuple[float, float]]:
    """(begin, end) of each occurrence; an end of -1: it stands at the last reading."""
    found: list[tuple[float, float]] = []
    every = runs(spec, t, v)
    for i, (code, times) in enumerate(every):
        end = every[i + 1][1][0] if i + 1 < len(every) else t[-1]
        if spec.kind == "count":
            need = spec.count if code == 1 else spec.count_clear or spec.count
            when = times[need - 1] if len(times) >= need else None
        else:
            delay = spec.on_delay_s if code == 1 else spec.off_delay_s
            when = times[0] + delay if end - times[0] >= delay else None
        stands = bool(found) and found[-1][1] < 0
        if when is not None and code == 1 and not stands:
            found.append((when, -1.0))
        elif when is not None and code == -1 and stands:
            found[-1] = (found[-1][0], when)
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 100_000),
    st.integers(1, 400),
    st.sampled_from([0.0, 0.5, 3.0]),
    st.sampled_from([(0.0, 0.0), (3.0, 0.0), (0.0, 20.0), (5.0, 7.0)]),
    st.sampled_from(["level", "count"]),
    st.booleans(),
)
def test_every_reading_counts(
    seed: int, n: int, deadband: float, delays: tuple[float, float], kind: str, is_low: bool
) -> None:
    rng = np.random.default_rng(seed)
    # long stretches on one side, where whole blocks are passed over, and some to and fro about the limit
    level = np.repeat(rng.choice([2.0, 9.5, 10.0, 10.5, 30.0], n // 40 + 1), 40)[:n]
    value = np.round(level + rng.normal(0, rng.choice([0.0, 0.3, 3.0]), n), 1)
    t = np.cumsum(rng.integers(1, 4, n)).astype(np.int64)
    spec = replace(
        SPEC, kind=kind, deadband=deadband, on_delay_s=delays[0], off_delay_s=delays[1], count=3,
        count_clear=2, direction="below" if is_low else "above",
    )  # fmt: skip
    seen = Past(t * NS, value)
    for _ in range(2):  # what is kept of the first time is as good
        found = raised(spec, seen)
        told = list(zip((found.begin_ns / NS).tolist(), found.end_ns.tolist(), strict=True))
        expected = slow(spec, t.tolist(), value.tolist())
        assert told == [(begin, end * NS if end >= 0 else -1) for begin, end in expected]
    bare = replace(spec, deadband=0.0)
    far = (value - 10.0) * (-1 if is_low else 1)
    out = stories(bare, seen, 0.0)
    beyond = [times for code, times in runs(bare, t.tolist(), value.tolist()) if code == 1]
    assert (out.begin_ns / NS).tolist() == [times[0] for times in beyond]
    assert out.peak.tolist() == [max(far[np.isin(t, times)]) for times in beyond]
    lasts = dict(zip(t.tolist(), [*np.diff(t).tolist(), 0], strict=True))
    assert out.beyond_s.tolist() == [sum(lasts[at] for at in times) for times in beyond]
