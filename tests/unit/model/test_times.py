import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.model.times import parse_time

NOW = int(datetime(2026, 3, 12, 14, 3, 11, tzinfo=UTC).timestamp()) * NS


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * NS  # type: ignore[misc,arg-type]  year to second


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(os.environ, "TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("now", NOW),
        ("-2h", NOW - 7200 * NS),
        ("-1h 30min", NOW - 5400 * NS),
        ("- 1.5 h", NOW - 5400 * NS),
        ("-90s", NOW - 90 * NS),
        ("14:03", at(2026, 3, 12, 14, 3)),
        ("14:03:11", NOW),
        ("23:50", at(2026, 3, 11, 23, 50)),
        ("today 06:00", at(2026, 3, 12, 6)),
        ("Yesterday  06:00", at(2026, 3, 11, 6)),
        ("yesterday", at(2026, 3, 11)),
        ("2026-03-01", at(2026, 3, 1)),
        ("2026-03-01T10:00:05.5", at(2026, 3, 1, 10, 0, 5) + NS // 2),
        ("2026-03-01T10:00+02:00", at(2026, 3, 1, 8)),
    ],
)
def test_what_a_person_types_is_that_time(text: str, wanted: int) -> None:
    assert parse_time(text, NOW) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "-2",
        "-2 hours ago",
        "25:00",
        "14:75",
        "tomorrow 6",
        "yesterday noon",
        "x",
        "-" + "9" * 400 + "d",
    ],
)
def test_what_is_no_time_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(Fault, match="is no time") as caught:
        parse_time(text, NOW)
    assert "yesterday 06:00" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("13:03 UTC", at(2026, 3, 12, 13, 3)),
        ("13:03z", at(2026, 3, 12, 13, 3)),
        ("14:03+02:00", at(2026, 3, 12, 12, 3)),
        ("14:03 utc-3", at(2026, 3, 11, 17, 3)),
        ("14:03 Europe/Berlin", at(2026, 3, 12, 13, 3)),
        ("yesterday 23:30 asia/tokyo", at(2026, 3, 11, 14, 30)),
        ("2026-03-10 06:00 America/New_York", at(2026, 3, 10, 10)),
        ("2026-03-10T06:00:00+01:00", at(2026, 3, 10, 5)),
        ("2026-03-10T06:00:00.5Z", at(2026, 3, 10, 6) + NS // 2),
    ],
)
def test_a_zone_may_follow_a_time(text: str, wanted: int) -> None:
    assert parse_time(text, NOW) == wanted


@pytest.mark.parametrize("text", ["14:03 Nowhere", "14:03 +99:00", "14:03 ../etc"])
def test_a_zone_that_is_none_is_told(text: str) -> None:
    with pytest.raises(Fault, match="is no time"):
        parse_time(text, NOW)
