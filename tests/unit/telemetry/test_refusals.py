"""Refused channels, at their tags."""

from __future__ import annotations

from armillary.model.link import LinkSpec, Route, SubscriptionPlan
from armillary.model.quality import BAD, CONFIG, GOOD, NEVER, STALE
from armillary.model.tags import TagTable
from armillary.telemetry.refusals import Refusals

LINK = LinkSpec(name="m", kind="mqtt", url="")
ROUTES = tuple(Route(slot=i, tag=f"t{i}", channel=c) for i, c in enumerate(("a", "a", "b", "c")))
WHY = "the broker refuses this topic (not authorised, code 0x87)"


def made() -> tuple[Refusals, TagTable]:
    return Refusals([SubscriptionPlan(link=LINK, routes=ROUTES)]), TagTable(4)


def test_every_tag_of_a_refused_channel_says_why_and_stays_without_a_value() -> None:
    refusals, table = made()
    refusals.look(table, {"m": {"a": WHY}})
    assert table.why == {0: WHY, 1: WHY}
    assert table.quality.tolist() == [NEVER] * 4
    assert table.take_dirty().tolist() == [0, 1]


def test_a_tag_that_had_a_value_is_bad_until_a_new_one_comes() -> None:
    refusals, table = made()
    table.quality[:] = [GOOD, STALE, GOOD, GOOD]
    refusals.look(table, {"m": {"a": WHY}})
    assert table.quality.tolist() == [BAD | CONFIG, BAD | CONFIG, GOOD, GOOD]
    refusals.look(table, {"m": {}})
    assert table.why == {0: WHY, 1: WHY}  # they are still bad: the words go with the next value


def test_a_channel_that_is_refused_no_more_takes_its_words_back() -> None:
    refusals, table = made()
    refusals.look(table, {"m": {"a": WHY, "b": WHY}})
    table.take_dirty()
    refusals.look(table, {"m": {"b": WHY}})
    assert table.why == {2: WHY}
    assert table.take_dirty().tolist() == [0, 1, 2]
    refusals.look(table, {})
    assert not table.why


def test_the_same_answer_is_looked_at_once() -> None:
    refusals, table = made()
    refused = {"m": {"a": WHY, "nobody": WHY}}
    refusals.look(table, refused)
    table.take_dirty()
    table.why.clear()
    refusals.look(table, refused)
    assert not table.why
    assert not len(table.take_dirty())
