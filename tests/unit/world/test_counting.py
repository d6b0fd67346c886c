"""What alarms are counting over a kill: delays, counts, chatter and floods go on where they are known."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from armillary.model.alarm import AlarmLevel, AlarmSpec, AlarmState, Flood, Marks, ProcessState
from armillary.model.clock import NS, ManualClock
from armillary.model.quality import BAD, GOOD
from armillary.model.sample import batch_of
from armillary.model.tags import TagSpec, TagTable
from armillary.twin import state as applying
from armillary.world.alarming import Alarming
from armillary.world.counting import FILE, WINDOWS, Counting

NORM, UNACK, RTNUN = ProcessState.NORM, ProcessState.UNACK, ProcessState.RTNUN
TAGS = (
    TagSpec(slot=0, name="T-0.value", link="plc", expected_ms=1_000),  # stale after 3 s
    TagSpec(slot=1, name="T-1.value", link="plc", expected_ms=2_000),  # a gap is more than 10 s
    TagSpec(slot=2, name="T-2.value", link="plc"),
    *(TagSpec(slot=i, name=f"T-{i}.value", link="plc") for i in range(3, 20)),
)
LATER = AlarmSpec(
    id="LATER", slot=0, tag="T-0.value", limit=80.0, deadband=5.0, on_delay_s=30.0, off_delay_s=20.0
)
FIVE = AlarmSpec(id="FIVE", slot=1, tag="T-1.value", kind="count", limit=80.0, count=5, priority=1)
UNPACED = AlarmSpec(id="UNPACED", slot=2, tag="T-2.value", kind="count", limit=80.0, count=3)
CHATTERS = AlarmSpec(id="CHATTERS", slot=2, tag="T-2.value", limit=80.0)
MANY = tuple(AlarmSpec(id=f"M{i}", slot=i, tag=f"T-{i}.value", limit=80.0) for i in range(3, 20))
Row = tuple[int, float] | tuple[int, float, int]


class Run:
    """One run of a world's alarms; ended by nobody, like a killed process."""

    def __init__(self, folder: Path, clock: ManualClock, *specs: AlarmSpec) -> None:
        self.clock, self.folder, self.table = clock, folder, TagTable(len(TAGS))
        self.alarms = Alarming(specs, TAGS, (), folder=folder, kind="live", now_ns=clock.now_ns())
        self.counting = Counting(self.alarms.evaluator, folder / "home", clock)
        self.counting.restore()

    def tick(self, *rows: Row, after_s: float = 1.0) -> Run:
        self.clock.advance(after_s)
        now, mono = self.clock.now_ns(), self.clock.now_mono_ns()
        batch = batch_of(
            np.array([row[0] for row in rows], np.uint32), np.array([row[1] for row in rows], np.float64),
            now + np.arange(len(rows), dtype=np.int64) * 1_000, now, mono,
            quality=np.array([row[2] if len(row) > 2 else GOOD for row in rows], np.uint16),
        )  # fmt: skip
        applying.apply(self.table, batch)
        self.alarms.evaluator.look(self.table, batch, now, mono)
        self.alarms.note(*self.alarms.evaluator.take(), now)
        return self

    def killed(self, *specs: AlarmSpec, gap_s: float) -> Run:
        """Kill it just after its file was written, and start another later, with empty links."""
        self.counting.keep()
        self.clock.advance(gap_s)
        return Run(self.folder, self.clock, *(specs or self.alarms.specs)).tick(after_s=0.0)

    def state(self, id_: str) -> AlarmState:
        return next(state for state in self.alarms.evaluator.states() if state.id == id_)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_an_on_delay_goes_on_when_the_first_reading_comes_before_its_tag_would_be_stale(
    tmp_path: Path, clock: ManualClock
) -> None:
    run = Run(tmp_path, clock, LATER)
    for _ in range(21):  # it has held for 20 s
        run.tick((0, 90.0))
    run = run.killed(gap_s=2.0)
    run.tick((0, 90.0), after_s=0.5)
    for _ in range(7):
        assert run.tick((0, 90.0)).state("LATER").process is NORM
    assert run.tick((0, 90.0)).state("LATER").process is UNACK  # 30 s since it began, the gap counted


def test_it_begins_anew_when_the_gap_is_longer_than_its_tag_takes_to_be_stale(
    tmp_path: Path, clock: ManualClock
) -> None:
    run = Run(tmp_path, clock, LATER)
    for _ in range(29):
        run.tick((0, 90.0))
    run = run.killed(gap_s=4.0)
    for _ in range(30):
        assert run.tick((0, 90.0)).state("LATER").process is NORM
    assert run.tick((0, 90.0)).state("LATER").process is UNACK


@pytest.mark.parametrize("row", [(0, 70.0), (0, 79.0), (0, 90.0, BAD)])
def test_it_is_over_when_the_first_reading_says_so(tmp_path: Path, clock: ManualClock, row: Row) -> None:
    run = Run(tmp_path, clock, LATER)
    for _ in range(29):
        run.tick((0, 90.0))
    run = run.killed(gap_s=1.0).tick(row)
    for _ in range(29):
        assert run.tick((0, 90.0)).state("LATER").process is NORM


def test_no_delay_runs_out_before_anything_was_heard(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock, LATER)
    for _ in range(29):
        run.tick((0, 90.0))
    run = run.killed(gap_s=1.0)
    for _ in range(60):
        assert run.tick().state("LATER").process is NORM


def test_an_off_delay_goes_on_too_and_is_over_when_the_cause_is_back(
    tmp_path: Path, clock: ManualClock
) -> None:
    run = Run(tmp_path, clock, replace(LATER, on_delay_s=0.0)).tick((0, 90.0))
    for _ in range(16):
        run.tick((0, 70.0))
    run = run.killed(gap_s=2.0).tick((0, 70.0))
    assert run.state("LATER").process is UNACK
    assert run.tick((0, 70.0)).tick((0, 70.0)).state("LATER").process is RTNUN
    run.tick((0, 90.0))
    for _ in range(16):
        run.tick((0, 70.0))
    run = run.killed(gap_s=2.0).tick((0, 78.0)).tick((0, 90.0))  # within the deadband, then back
    for _ in range(20):
        assert run.tick((0, 70.0)).state("LATER").process is UNACK
    assert run.tick((0, 70.0)).state("LATER").process is RTNUN


def test_a_count_goes_on_unless_readings_are_missing(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock, FIVE)
    for _ in range(3):
        run.tick((1, 90.0), after_s=2.0)
    run = run.killed(gap_s=7.0).tick((1, 90.0))  # 8 s after the last one: within five intervals
    assert run.state("FIVE").process is NORM
    assert run.tick((1, 90.0), after_s=2.0).state("FIVE").process is UNACK
    gone = Run(tmp_path / "other", clock, FIVE)
    for _ in range(4):
        gone.tick((1, 90.0), after_s=2.0)
    gone = gone.killed(gap_s=10.0).tick((1, 90.0))
    for _ in range(3):
        assert gone.tick((1, 90.0), after_s=2.0).state("FIVE").process is NORM
    assert gone.tick((1, 90.0), after_s=2.0).state("FIVE").process is UNACK


def test_a_count_of_a_tag_without_an_interval_begins_anew(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock, UNPACED).tick((2, 90.0)).tick((2, 90.0))
    run = run.killed(gap_s=1.0).tick((2, 90.0)).tick((2, 90.0))
    assert run.state("UNPACED").process is NORM
    assert run.tick((2, 90.0)).state("UNPACED").process is UNACK


def test_each_limit_of_an_alarm_has_its_own_delay_over_a_kill(tmp_path: Path, clock: ManualClock) -> None:
    levels = (
        AlarmLevel(name="H", limit=80.0, priority=3, on_delay_s=10.0),
        AlarmLevel(name="HH", limit=90.0, priority=1, on_delay_s=20.0),
    )
    run = Run(tmp_path, clock, replace(LATER, levels=levels))
    for _ in range(9):
        run.tick((0, 95.0))
    run = run.killed(gap_s=1.0).tick((0, 95.0)).tick((0, 95.0))
    assert (run.state("LATER").process, run.state("LATER").level) == (UNACK, "H")
    for _ in range(9):
        run.tick((0, 95.0))
    assert run.state("LATER").level == "HH"


def test_raises_before_a_kill_count_towards_chatter(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock, CHATTERS)
    for _ in range(2):
        run.tick((2, 90.0)).tick((2, 10.0))
    run = run.killed(gap_s=5.0).tick((2, 90.0))
    assert run.state("CHATTERS").marks == Marks(chatter=3)
    late = run.killed(gap_s=590.0)  # it calms down ten minutes after its last raise
    assert late.state("CHATTERS").marks == Marks(chatter=3)
    assert late.tick(after_s=11.0).state("CHATTERS").marks is None


def test_a_flood_goes_on_and_ends_once(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock, *MANY).tick(*((i, 90.0) for i in range(3, 20)))
    begun = clock.now_ns()
    run = run.killed(gap_s=60.0)
    assert run.alarms.evaluator.flood == Flood(since_ns=begun, count=17)
    run.tick(after_s=541.0)
    assert run.alarms.evaluator.flood is None
    words = [
        orjson.loads(line)["event"]
        for path in sorted(tmp_path.glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    assert (words.count("FLOOD-BEGIN"), words.count("FLOOD-END")) == (1, 1)


def test_an_alarm_that_was_changed_meanwhile_begins_anew(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock, LATER)
    for _ in range(29):
        run.tick((0, 90.0))
    run = run.killed(replace(LATER, limit=85.0), gap_s=1.0)
    for _ in range(30):
        assert run.tick((0, 90.0)).state("LATER").process is NORM
    told_only = Run(tmp_path / "b", clock, LATER)
    for _ in range(29):
        told_only.tick((0, 90.0))
    told_only = told_only.killed(replace(LATER, title="other words"), gap_s=1.0).tick((0, 90.0))
    assert told_only.tick((0, 90.0)).state("LATER").process is UNACK


@pytest.mark.parametrize("jump_s", [-60.0, 7_200.0])
def test_after_a_jump_of_the_clock_all_begins_anew(tmp_path: Path, clock: ManualClock, jump_s: float) -> None:
    run = Run(tmp_path, clock, LATER)
    for _ in range(29):
        run.tick((0, 90.0))
    run.counting.keep()
    clock.jump(jump_s)
    again = Run(tmp_path, clock, LATER)
    for _ in range(30):
        assert again.tick((0, 90.0)).state("LATER").process is NORM


def test_killed_twice_before_anything_was_heard_it_goes_on_all_the_same(
    tmp_path: Path, clock: ManualClock
) -> None:
    run = Run(tmp_path, clock, LATER)
    for _ in range(29):
        run.tick((0, 90.0))
    run = run.killed(gap_s=0.5).killed(gap_s=0.5).tick((0, 90.0), after_s=0.5)
    assert run.state("LATER").process is NORM
    assert run.tick((0, 90.0)).state("LATER").process is UNACK


@pytest.mark.parametrize(
    "text", [b"{", b'{"schema": 9}', b'{"schema": 1, "t_ns": 5, "counting": [{"x": 1}]}']
)
def test_a_file_that_cannot_be_read_is_told_and_all_begins_anew(
    tmp_path: Path, clock: ManualClock, text: bytes
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / FILE).write_bytes(text)
    run = Run(tmp_path, clock, LATER).tick((0, 90.0))
    assert run.counting.trouble is not None
    assert "cannot be read" in run.counting.trouble.what
    run.counting.keep()
    assert Run(tmp_path, clock, LATER).counting.trouble is None


def test_values_of_persons_are_not_written(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock, LATER).tick((0, 91.25))
    Counting(run.alarms.evaluator, tmp_path / "home", clock, ("LATER",)).keep()
    text = (tmp_path / "home" / FILE).read_text("utf-8")
    assert "LATER" in text
    assert "91.25" not in text


def test_it_is_written_again_and_again_while_something_is_counted(tmp_path: Path, clock: ManualClock) -> None:
    run = Run(tmp_path, clock, LATER).tick((0, 90.0))

    async def once() -> None:
        task = asyncio.create_task(run.counting.run())
        async with asyncio.timeout(20.0):
            while not (tmp_path / "home" / FILE).exists():  # noqa: ASYNC110  nobody tells when it is there
                await asyncio.sleep(0.005)
        task.cancel()

    asyncio.run(once())
    held = orjson.loads((tmp_path / "home" / FILE).read_bytes())
    assert [row["id"] for row in held["counting"]] == ["LATER"]
    assert held["t_ns"] == clock.now_ns()
    assert held["t_ns"] > NS


# ---------------------------------------------------------------- what predictions are made from

SOON = AlarmSpec(
    id="SOON", slot=0, tag="T-0.value", kind="predicted", limit=80.0, window_s=60.0, horizon_s=60.0
)


def rising(folder: Path, clock: ManualClock, *specs: AlarmSpec) -> Run:
    run = Run(folder, clock, *(specs or (SOON,)))
    for i in range(28):  # half of its window is 30 s
        run.tick((0, 10.0 + 0.9 * i))
    return run


def test_a_prediction_goes_on_with_what_it_was_made_from(tmp_path: Path, clock: ManualClock) -> None:
    run = rising(tmp_path, clock)
    run.counting.keep_windows()
    run = run.killed(gap_s=5.0)
    assert run.tick((0, 10.0 + 0.9 * 33)).state("SOON").process is UNACK  # what was before counts
    blind = rising(tmp_path / "b", clock).killed(gap_s=5.0)
    for i in range(20):
        assert blind.tick((0, 10.0 + 0.9 * (33 + i))).state("SOON").process is NORM


def test_what_was_changed_or_tells_of_a_person_is_not_gone_on_with(
    tmp_path: Path, clock: ManualClock
) -> None:
    run = rising(tmp_path, clock)
    run.counting.keep_windows()
    other = run.killed(replace(SOON, window_s=90.0, horizon_s=61.0), gap_s=5.0)
    assert not (other.alarms.evaluator.windows()[1]["_count"] > 0).any()
    own = Counting(run.alarms.evaluator, tmp_path / "c", clock, ("SOON",))
    own.keep_windows()
    assert not (tmp_path / "c" / WINDOWS).exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no", b"{}"])
def test_windows_that_cannot_be_read_begin_anew(tmp_path: Path, clock: ManualClock, data: bytes) -> None:
    run = rising(tmp_path, clock)
    run.counting.keep_windows()
    path = tmp_path / "home" / WINDOWS
    assert path.stat().st_size > 1_000
    path.write_bytes(data)
    again = run.killed(gap_s=1.0)
    assert not (again.alarms.evaluator.windows()[1]["_count"] > 0).any()
    again.tick((0, 20.0))
    again.counting.keep_windows()
    assert path.stat().st_size > 1_000


def test_windows_of_another_shape_are_refused(tmp_path: Path, clock: ManualClock) -> None:
    run = rising(tmp_path, clock)
    ids, columns = run.alarms.evaluator.windows()
    with pytest.raises(ValueError, match="another shape"):
        run.alarms.evaluator.give_windows(ids, {**columns, "_mean": columns["_mean"][:, :5]})
