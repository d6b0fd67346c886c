"""Whatever a person and the template change: the person's fields stay, all others follow the template."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.binding import Binding
from armillary.project.binding_facts import facts, with_facts
from armillary.project.template_plan import plan
from armillary.project.templates import Instance, Line, Template, Templates

FACTS = st.fixed_dictionaries(
    {},
    optional={
        "colormap": st.sampled_from(["heat", "level", "grey"]),
        "axis": st.sampled_from(["x", "y", "z"]),
        "scale": st.sampled_from([0.5, 2.0, 3.0]),
        "range": st.sampled_from([[0.0, 5.0], [0.0, 9.0]]),
        "onStale": st.sampled_from(["skip", "holdLast"]),
    },
)


def known(said: dict[str, object]) -> Templates:
    line = Line(name="b", tag="t", said=said)
    return Templates(
        templates=(Template(id="x", lines=(line,)),), instances=(Instance(template="x", prim="/A", twin="T"),)
    )


@given(first=FACTS, second=FACTS, mine=FACTS)
@settings(max_examples=80, deadline=None)
def test_fields_of_a_person_stay_and_the_others_follow(
    first: dict[str, object], second: dict[str, object], mine: dict[str, object]
) -> None:
    there = {"prims": ("/A",), "ranges": {"T.t": (0.0, 1.0)}}
    made = plan(known(first), {}, (), **there)  # type: ignore[arg-type]
    [was] = made.new
    edited = with_facts(was, {**facts(was), **mine})  # type: ignore[arg-type]
    again = plan(known(second), made.made, (edited,), **there)  # type: ignore[arg-type]
    now = facts(again.new[0] if again.new else edited)
    base, ours, theirs = facts(was), facts(edited), facts(plan(known(second), {}, (), **there).new[0])  # type: ignore[arg-type]
    for name in {*base, *ours, *theirs}:
        wanted = theirs if ours.get(name) == base.get(name) else ours
        assert now.get(name) == wanted.get(name), name
    third = plan(
        known(second), again.made, (Binding(**_plain(again.new[0] if again.new else edited)),), **there
    )  # type: ignore[arg-type]
    assert third.new == ()


def _plain(binding: Binding) -> dict[str, object]:
    return {name: getattr(binding, name) for name in Binding.__slots__}
