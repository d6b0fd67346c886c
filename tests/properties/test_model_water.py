"""Water in the demo plant's model: in = out + stored + spilled, for all members, whatever is set."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.api import SimStart, values_of
from armillary_plugins.demo_plant.model import Model

S = 1_000_000_000
INFO = Model().describe()
INPUTS = {v.name: v for v in INFO.variables if v.causality == "input"}
SHARES = st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5)
ACTIONS = st.tuples(st.sampled_from(sorted(INPUTS)), SHARES, st.integers(1, 40))


def water(model: Model, values: np.ndarray) -> np.ndarray:
    """Stored and gone, less what came, (m,) m³."""

    def of(name: str) -> np.ndarray:
        return values[:, INFO.outputs.index(name)]

    gone = sum(of(f"water.{name}") for name in ("delivered", "spilled", "drained", "leaked"))
    return of("T-101.volume") + of("T-102.volume") + gone - of("water.supplied")


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.lists(ACTIONS, max_size=8), st.sampled_from([0.1, 0.5, 1.0]))
def test_no_member_makes_or_loses_water_whatever_is_set(
    seed: int, actions: list[tuple[str, list[float], int]], step_s: float
) -> None:
    model = Model(step_s)
    begun = water(model, model.start(SimStart(t_ns=0, members=5, seed=seed)).values)
    t_ns = 0
    for name, shares, seconds in actions:
        v, t_ns = INPUTS[name], t_ns + seconds * S
        stepped = model.step(values_of({name: v.low + np.array(shares) * (v.high - v.low)}), t_ns)
        assert np.isfinite(stepped.values).all()
        np.testing.assert_allclose(water(model, stepped.values), begun, atol=1e-9, rtol=0.0)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.lists(ACTIONS, max_size=5), st.integers(0, 130))
def test_a_run_saved_at_any_time_goes_on_bit_for_bit(
    seed: int, actions: list[tuple[str, list[float], int]], at: int
) -> None:
    model, other = Model(), Model()
    model.start(SimStart(t_ns=0, members=5, seed=seed))
    t_ns = at * S // 2
    model.step(values_of({}), t_ns)
    other.load(model.save())
    for name, shares, seconds in actions:
        v, t_ns = INPUTS[name], t_ns + seconds * S
        inputs = values_of({name: v.low + np.array(shares) * (v.high - v.low)})
        assert np.array_equal(model.step(inputs, t_ns).values, other.step(inputs, t_ns).values)
    assert model.save() == other.save()
