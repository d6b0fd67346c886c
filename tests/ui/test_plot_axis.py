"""The time axis of a trend: round local times from years to microseconds, also where clocks are set back."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from PySide6.QtWidgets import QApplication

from armillary.model.clock import NS
from armillary.ui.plot_axis import TimeAxis, step_s, tick_text, ticks_ns


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * NS  # type: ignore[arg-type, misc]


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("span_s", [20 * 366 * 86_400.0, 400 * 86_400.0, 86_400.0, 600.0, 1.0, 1e-3, 2e-5])
def test_ticks_are_few_inside_and_told_apart_at_every_span(berlin: None, span_s: float) -> None:
    start = at(2026, 3, 12, 14, 3, 11) + 123_456_789
    step = step_s(span_s, 900)
    ticks = ticks_ns(start, start + int(span_s * NS), step)
    texts = [tick_text(t, step) for t in ticks]
    assert 2 <= len(ticks) <= 12
    assert len(set(texts)) == len(texts)
    assert start <= ticks[0]
    assert ticks[-1] <= start + int(span_s * NS)


def test_the_hour_that_is_there_twice_has_its_offset(berlin: None, qapp: QApplication) -> None:
    start, end = at(2026, 10, 24, 23), at(2026, 10, 25, 3)
    axis = TimeAxis()
    axis.origin_ns = start
    ((step, ticks),) = axis.tickValues(0, (end - start) / NS, 900)
    texts = axis.tickStrings(ticks, 1, step)
    assert {"02:30+02:00", "02:30+01:00"} <= set(texts)


def test_round_hours_stay_round_when_clocks_are_set_on(berlin: None) -> None:
    texts = [tick_text(t, 21_600.0) for t in ticks_ns(at(2026, 3, 27, 12), at(2026, 3, 31), 21_600.0)]
    assert set(texts) <= {"06:00", "12:00", "18:00", "28 Mar", "29 Mar", "30 Mar", "31 Mar"}
    assert {"29 Mar", "30 Mar"} <= set(texts)


def test_years_and_months_begin_on_their_first_day(berlin: None) -> None:
    step = step_s(3 * 366 * 86_400.0, 900)
    texts = [tick_text(t, step) for t in ticks_ns(at(2024, 2, 10), at(2026, 12, 1), step)]
    assert texts[0].startswith(("Apr", "Jul"))
    assert "Jan 2025" in texts
