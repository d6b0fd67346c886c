"""The invented past of a demonstration: when its full hours are, what alarms follow, what people did."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from armillary.model.alarm import AlarmEvent, AlarmState, ProcessState
from armillary.model.clock import NS
from armillary.project import folder as projects
from armillary.wire import marks
from armillary.world.prelude_alarms import Watch, mattering
from armillary.world.prelude_hours import full_hours

PROJECT = projects.read(Path("scenes/packaging-line"))
T0 = 1_795_000_000 // 60 * 60 * NS
MINUTE = 60 * NS


def slot(name: str) -> int:
    return next(spec.slot for spec in PROJECT.specs if spec.name == name)


def watched(tmp_path: Path, name: str, value: np.ndarray, seed: int = 1) -> Watch:
    """Show one tag a minute."""
    watch = Watch(PROJECT, tmp_path / "journal", T0, 60, 3_600, seed)
    t_ns = T0 + np.arange(len(value), dtype=np.int64) * MINUTE
    watch.look(t_ns, np.array([slot(name)], np.uint32), value[None, :])
    watch.end(int(t_ns[-1]) + 3_600 * NS)
    return watch


def events(watch: Watch) -> list[AlarmEvent]:
    return [
        marks.record_of(text, AlarmEvent) for name, _, text, _ in watch.rows if name == marks.ALARM_EVENTS
    ]


def test_an_alarm_of_the_past_is_raised_acknowledged_and_reset_as_rules_and_people_do(tmp_path: Path) -> None:
    value = np.full(120, 71.0)
    value[40:52] = 86.0
    watch = watched(tmp_path, "TT-212.value", value)
    told = [(e.event, e.actor) for e in events(watch) if e.id == "O210-Z2-HTT"]
    assert [word for word, _ in told] == ["RAISE", "ACK", "CLEAR", "RESET"]
    raised = next(e for e in events(watch) if e.id == "O210-Z2-HTT")
    assert raised.t_ns == T0 + 44 * MINUTE, "by the fifth reading"
    assert {who for _, who in told} <= {"", "anna", "bo"}
    assert watch.raised.tolist() == [0, 1, 0, 0, 1], "the warning below it too"
    assert all(state.process is ProcessState.NORM for state in watch.alarming.evaluator.states())
    last = {name: text for name, _, text, _ in watch.rows if name.startswith(marks.ALARM)}
    stands = marks.record_of(last[f"{marks.ALARM}O210-Z2-HTT"], AlarmState)
    assert stands.process is ProcessState.NORM


def test_no_two_marks_have_the_same_time_and_the_journal_is_sealed(tmp_path: Path) -> None:
    value = np.full(400, 14.0)
    value[::7] = 7.0
    watch = watched(tmp_path, "FT-231.flow", value)
    times = [at for *_, at in watch.rows]
    assert len(set(times)) == len(times)
    assert times == sorted(times)
    [journal] = (tmp_path / "journal").glob("live-*.jsonl")
    assert journal.stat().st_size > 10_000


def test_a_calm_day_has_no_alarm(tmp_path: Path) -> None:
    assert not watched(tmp_path, "TT-212.value", np.full(1_440, 71.0)).raised.any()


def test_what_matters_is_what_is_beyond_a_limit_and_a_little_around() -> None:
    value = np.full((1, 100), 71.0)
    value[0, 50] = 86.0
    seen = np.flatnonzero(mattering(PROJECT.alarms, np.array([slot("TT-212.value")], np.uint32), value))
    assert seen.tolist() == list(range(48, 59))


def test_a_start_says_how_far_apart_the_samples_after_it_are() -> None:
    assert marks.pace_of(marks.paced(60)) == 60
    assert [marks.pace_of(text) for text in ("", "nonsense", '{"x": 1}', "[1]")] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("now", "twelfth"),
    [
        ("2026-11-22T11:00", "2026-11-12T14:00"),
        ("2026-11-12T14:30", "2026-10-12T14:00"),  # it is not over yet
        ("2026-11-12T15:00", "2026-11-12T14:00"),
        ("2026-01-03T08:00", "2025-12-12T14:00"),
    ],
)
def test_one_hour_in_full_is_on_the_last_twelfth_at_two(now: str, twelfth: str) -> None:

    zone = ZoneInfo("Europe/Oslo")
    to_ns = int(datetime.fromisoformat(now).replace(tzinfo=zone).timestamp()) * NS
    hours = full_hours(to_ns, "Europe/Oslo")
    assert len(hours) == 3
    assert all(b - a >= 3_600 * NS for a, b in itertools.pairwise(sorted(hours)))
    found = [datetime.fromtimestamp(h / NS, UTC).astimezone(zone).strftime("%Y-%m-%dT%H:%M") for h in hours]
    assert found[0] == twelfth
    assert max(hours) + 3_600 * NS <= to_ns
