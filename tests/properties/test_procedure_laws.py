"""Laws of a run: no step ends by its condition but after its whole time of GOOD and true data."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.account import LoggedIn
from armillary.model.clock import NS
from armillary.model.procedure import Procedure, ProcedureStep, StartProcedure
from armillary.model.quality import BAD, GOOD, NEVER, STALE, SUBSTITUTED, UNCERTAIN
from armillary.model.tags import TagSpec, TagTable
from armillary.world.instructing import Instructing

ANNA = LoggedIn(user="anna", name="Anna", role="operator")
QUALITIES = (GOOD, SUBSTITUTED, UNCERTAIN, STALE, BAD, NEVER)
TICKS = st.lists(
    st.tuples(
        st.sampled_from((0.0, 1.0)), st.sampled_from((GOOD, GOOD, GOOD, *QUALITIES)), st.integers(1, 9)
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(ticks=TICKS, held=st.integers(0, 20), confirm=st.booleans())
def test_a_step_ends_by_its_condition_only_after_its_time_of_good_data(
    ticks: list[tuple[float, int, int]], held: int, confirm: bool
) -> None:
    step = ProcedureStep(id="s", text="t", until="x > 0", held_s=held / 10, confirm=confirm)
    last = ProcedureStep(id="e", text="t")
    at = Instructing(
        (TagSpec(slot=0, name="x"),), lambda _id: Procedure(id="p", title="p", steps=(step, last))
    )
    table, now = TagTable(1), 1_000 * NS
    run = at.start(StartProcedure(id="p"), ANNA, now)
    since = None  # monotonic: since when it was GOOD and true at every tick
    for value, quality, tenths in ticks:
        now += tenths * NS // 10
        table.value[0], table.quality[0], table.alive_mono_ns[0] = value, quality, now
        at.tick(table, now, now)
        holds = quality == GOOD and value > 0
        since = (now if since is None else since) if holds else None
        is_due = since is not None and now - since >= round(step.held_s * NS)
        run = at.runs[run.id]
        assert run.index == int(is_due and not confirm)
        expected = "confirm" if is_due else "holding" if holds else "waiting"
        if run.index:
            return
        assert run.step_phase == (expected if quality == GOOD else "no_data")
