"""Which tags are told to be silent by a record."""

from __future__ import annotations

from armillary.cli.check_fix import quiet
from armillary.model.clock import NS
from armillary.model.tags import TagSpec
from armillary.session.silent import is_recorded, words

T0 = 1_767_225_600 * NS  # 2026-01-01T00:00:00Z
DAY = 86_400 * NS


def tag(name: str, **more: object) -> TagSpec:
    return TagSpec(slot=0, name=name, link="m", address="x", **more)  # type: ignore[arg-type]


def test_a_tag_that_stopped_is_told_with_its_last_time() -> None:
    specs = [tag("stopped"), tag("fresh"), tag("never")]
    came = {"stopped": T0 + 3 * DAY, "fresh": T0 + 19 * DAY}
    assert words(specs, came, T0, T0 + 20 * DAY, 7.0) == {
        "stopped": "for 17 days of what is recorded, last at 2026-01-04T00:00:00.000Z",
        "never": "in all that is recorded, since 2026-01-01T00:00:00.000Z",
    }


def test_what_tells_of_changes_only_may_be_still() -> None:
    specs = [tag("setpoint", liveness="link"), tag("lost", liveness="link")]
    assert set(words(specs, {"setpoint": T0}, T0, T0 + 20 * DAY, 7.0)) == {"lost"}


def test_a_record_shorter_than_the_days_says_nothing() -> None:
    assert words([tag("never")], {}, T0, T0 + 6 * DAY, 7.0) == {}
    assert words([tag("never")], {}, 0, 0, 7.0) == {}


def test_derived_tags_and_those_without_history_are_not_asked_for() -> None:
    assert is_recorded(tag("t"))
    assert not is_recorded(tag("t", history=False))
    assert not is_recorded(TagSpec(slot=0, name="d", link="", address="", expression="1 + 1"))


def test_a_running_world_tells_of_tags_that_never_came_or_not_for_a_day() -> None:
    now = T0 + 30 * DAY
    specs = [
        TagSpec(slot=0, name="never", link="m", address="x"),
        TagSpec(slot=1, name="fresh", link="m", address="x"),
        TagSpec(slot=2, name="old", link="m", address="x"),
        TagSpec(slot=3, name="derived", link="", address="", expression="1 + 1"),
    ]
    assert quiet(specs, [0, now - DAY // 2, now - 3 * DAY, 0], now) == {
        "never": "since the world started",
        "old": "for 3 days",
    }
