"""The packaging line's own physics: product, heat, packing, faults; equal for equal seeds."""

from __future__ import annotations

import json

import numpy as np
import pytest

from armillary_plugins.demo_plant.line import layout as at
from armillary_plugins.demo_plant.line.line import FAULTS, STEP_S
from armillary_plugins.demo_plant.line.packing import joints
from armillary_plugins.demo_plant.line.running import RunningLine
from armillary_plugins.demo_plant.line.signals import LINE, PACKING, SIGNALS
from armillary_plugins.demo_plant.line.telling import told


@pytest.fixture
def line() -> RunningLine:
    return RunningLine(1)


def run(line: RunningLine, seconds: float) -> None:
    step_s = STEP_S if seconds < 10.0 else 0.5
    for _ in range(round(seconds / step_s)):
        line.step(step_s)


def test_it_makes_product_and_raises_no_alarm_by_itself(line: RunningLine) -> None:
    made, cartons = line.good, line.cartons
    hottest = 0.0
    for _ in range(12):
        run(line, 10.0)
        hottest = max(hottest, *line.zones)
    assert line.good - made == pytest.approx(120.0 * 0.2 / at.PITCH_M, abs=2)
    assert line.cartons >= cartons + 5
    assert 65.0 < min(line.zones) < hottest < 80.0
    assert line.scorched == 0


def test_equal_seeds_are_equal_lines_and_others_are_not() -> None:
    one, same, other = RunningLine(3), RunningLine(3), RunningLine(4)
    for each in (one, same, other):
        run(each, 5.0)
    assert told(one) == told(same)
    assert one.zones != other.zones


def test_no_unit_is_lost_made_twice_or_within_another(line: RunningLine) -> None:
    for _ in range(150):
        run(line, 0.3)
        there = np.sort(line.belt.position[line.belt.position >= 0.0])
        assert np.diff(there).min() > at.UNIT_SIZE[0]
        serials = line.belt.serial[line.belt.position >= 0.0]
        assert len(set(serials.tolist())) == len(serials)
    on_belt = int((line.belt.position >= 0.0).sum())
    assert line.belt._next - 1 == line.belt.made + on_belt


def test_a_unit_is_cold_before_the_oven_and_warm_after_it(line: RunningLine) -> None:
    place, warm = line.belt.position, line.belt.warmth
    assert warm[(place >= 0.0) & (place < 0.9)].max() < 30.0
    behind = (place > at.OVEN_END_M) & (place < at.OVEN_END_M + 2.0)
    assert warm[behind].min() > 55.0


@pytest.mark.parametrize("place", [(13.0, 0.0, 1.17), (14.3, 1.3, 1.17), (14.6, 1.6, 1.62)])
def test_the_robots_joints_put_its_grip_where_it_should_be(place: tuple[float, float, float]) -> None:
    """The same chain of turns as the scene has it, forwards."""
    turn, shoulder, elbow, roll, wrist, last = np.radians(joints(*place))

    def about(axis: str, angle: float) -> np.ndarray:
        c, s = np.cos(angle), np.sin(angle)
        return np.array(
            [[c, -s, 0], [s, c, 0], [0, 0, 1]] if axis == "z" else [[c, 0, s], [0, 1, 0], [-s, 0, c]]
        )

    up = np.array([0.0, 0.0, 1.0])
    m = about("z", turn) @ about("y", shoulder)
    tip = np.array([*at.ROBOT, at.ROBOT_Z]) + m @ up * at.UPPER_M
    m = m @ about("y", elbow) @ about("z", roll)
    tip = tip + m @ up * at.LOWER_M
    m = m @ about("y", wrist) @ about("z", last)
    tip = tip + m @ up * at.WRIST_M
    assert tip == pytest.approx(place, abs=1e-6)
    assert m @ up == pytest.approx([0.0, 0.0, -1.0], abs=1e-9), "it points down"


def test_a_halt_runs_the_belt_down_within_four_seconds_and_a_start_up_again(line: RunningLine) -> None:
    line.set("C-201.Run", 0.0)
    run(line, 4.0)
    assert line.values()["C-201.Speed"] == 0.0
    assert not line.oven.fires
    made = line.belt.travel
    run(line, 3.0)
    assert line.belt.travel == made
    line.set("C-201.Run", 1.0)
    run(line, 5.0)
    assert line.values()["C-201.Speed"] == pytest.approx(0.2)


def test_a_stuck_burner_runs_zone_2_past_its_limits_and_an_open_damper_helps(line: RunningLine) -> None:
    line.fail("BV-212.stuck", 1.0)
    run(line, 60.0)
    hot = line.zones
    assert hot[1] > 85.0
    assert max(hot[0], hot[2], hot[3]) < 80.0
    line.set("D-210.sp", 100.0)
    run(line, 60.0)
    with_damper = line.zones[1]
    line.set("D-210.sp", 30.0)
    run(line, 90.0)
    assert with_damper < line.zones[1] - 10.0


def test_a_forced_transmitter_tells_exactly_that(line: RunningLine) -> None:
    line.fail("TT-212.forced", 85.4)
    run(line, 3.0)
    assert line.zones[1] == 85.4
    line.fail("TT-212.forced", 0.0)
    assert line.zones[1] < 80.0


def test_a_jam_trips_the_motor_and_a_start_takes_it_back(line: RunningLine) -> None:
    line.fail("C-201.jam", 1.0)
    run(line, 12.0)
    assert line.values()["C-201.State"] == 2.0
    assert line.values()["C-201.Speed"] == 0.0
    line.fail("C-201.jam", 0.0)
    line.set("C-201.Run", 0.0)
    line.set("C-201.Run", 1.0)
    run(line, 6.0)
    assert line.values()["C-201.State"] == 1.0


def test_an_open_guard_stops_the_belt_at_once_and_nobody_starts_it(line: RunningLine) -> None:
    line.fail("C-201.guard", 1.0)
    run(line, STEP_S)
    assert line.values()["C-201.Speed"] == 0.0
    assert line.set("C-201.Run", 1.0) == 0.0
    line.fail("C-201.guard", 0.0)
    assert line.set("C-201.Run", 1.0) == 1.0


def test_a_chattering_flow_crosses_its_limit_again_and_again(line: RunningLine) -> None:
    line.fail("FT-231.chatter", 1.0)
    seen = []
    for _ in range(300):
        run(line, 0.2)
        seen.append(line.values()["FT-231.Flow"] < 9.0)
    assert np.count_nonzero(np.diff(np.array(seen, int)) > 0) >= 4


def test_every_fault_of_the_list_can_be_made_and_mended(line: RunningLine) -> None:
    for name in FAULTS:
        line.fail(name, 1.0)
        run(line, STEP_S)
        line.fail(name, 0.0)
    with pytest.raises(KeyError):
        line.fail("TT-999.hot", 1.0)


def test_every_tag_of_both_brokers_is_said_within_a_second(line: RunningLine) -> None:
    said: dict[tuple[str, str], object] = {}
    for _ in range(10):
        line.step()
        said.update({(broker, topic): json.loads(text) for broker, topic, text in line.due(7)})
    for broker, tags in (("broker", LINE), ("packing-broker", PACKING)):
        for one in tags:
            value = said[broker, one.topic]
            for name in one.path.split("."):
                value = value[name]  # type: ignore[index]
            assert isinstance(value, {"text": str, "bool": bool}.get(one.kind, int | float)), one.tag
    assert {signal.name for signal in SIGNALS} == set(line.values())


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("line2/damper/set", b'{"sp": 60}', {"D-210.sp": 60.0}),
        ("line2/oven/zone3/set", b'{"sp": 70.5, "t": 1}', {"O-210.zone3.sp": 70.5}),
    ],
)
def test_setpoints_by_mqtt(line: RunningLine, topic: str, payload: bytes, expected: dict[str, float]) -> None:
    assert line.heard(topic, payload) == expected
    for name, value in expected.items():
        assert line.set(name, value) == value


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"7", b'{"sp": "x"}', b'{"sp": NaN}', b'{"other": 1}'])
def test_what_is_no_setpoint_is_refused_in_words(line: RunningLine, payload: bytes) -> None:
    with pytest.raises(ValueError, match="line2/damper/set"):
        line.heard("line2/damper/set", payload)
    with pytest.raises(ValueError, match="cannot be"):
        line.set("D-210.sp", float("nan"))
