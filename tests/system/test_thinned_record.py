"""A record that is thinned out, sent to a real recorder: what is read back is within its bound."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from stations import until

from armillary.cli import run
from armillary.model.clock import NS, ManualClock
from armillary.model.message import AskBetween, Enroll, Enrolled, Samples
from armillary.model.sample import SampleBatch, batch_of, joined
from armillary.project import folder as projects
from armillary.project.record import Project
from armillary.wire import child
from armillary.wire.bus import Line, served
from armillary.wire.runs import recorder_address
from armillary.world.feed import RecorderFeed

pytestmark = pytest.mark.system
T0 = 1_790_000_000 * NS
HZ, SECONDS = 10, 300
BOUNDS = {"tank.level": 0.05, "tank.flow": 0.4, "tank.count": 0.0}  # the last has none: it is recorded whole


@pytest.fixture(params=["line", "deadband"])
def project(request: pytest.FixtureRequest, own_places: Path, tmp_path: Path) -> Project:
    made = projects.new(tmp_path / "plant", "plant")
    toml = made.folder / "project.toml"
    historian = f'\n[historian]\ncompression = "{request.param}"\nmax_interval_s = 60.0\n'
    toml.write_text(toml.read_text("utf-8") + historian, "utf-8")
    tags = {
        tag.partition(".")[2]: {"imported": tag, "stale_after_s": 30} | ({"deadband": b} if b else {})
        for tag, b in BOUNDS.items()
    }
    (made.folder / "twins.json").write_text(
        json.dumps({"schema": 1, "twins": [{"id": "tank", "tags": tags}]})
    )
    return projects.read(made.folder)


@pytest.fixture
def line(project: Project, tmp_path: Path) -> Iterator[Line]:
    process = child.start("recorder.service", {"project": str(project.folder)}, tmp_path / "recorder.log")
    try:
        process.ready(60)
        made = Line(recorder_address(project.folder))
        yield made
        made.close()
    finally:
        process.stop(3.0)


def measured(project: Project) -> SampleBatch:
    """Five minutes of three tags, ten times a second: a wave with noise, steps, and a counter."""
    rng = np.random.default_rng(5)
    n = HZ * SECONDS
    t = T0 + np.arange(n, dtype=np.int64) * (NS // HZ)
    i = np.arange(n)
    values = {
        "tank.level": 3 + np.sin(i / 200) + rng.normal(0, 0.01, n),
        "tank.flow": np.where(i % 700 < 350, 12.0, 30.0) + rng.normal(0, 0.1, n),
        "tank.count": i.astype(float),
    }
    slots = {spec.name: spec.slot for spec in project.specs}
    parts = [batch_of(np.full(n, slots[tag], np.uint32), v, t, t, t - T0) for tag, v in values.items()]
    return joined(parts)


async def recorded(project: Project, whole: SampleBatch) -> None:
    """Send it as a LIVE world does, in ticks; wait until it is on disk."""
    clock = ManualClock(T0)
    address = recorder_address(project.folder)
    feed = RecorderFeed(address, project.specs, project.recorded, "w", clock=clock, thinned=project.recorded)
    running = asyncio.create_task(feed.run())
    order = np.argsort(whole.source_ns, kind="stable")
    for rows in np.array_split(order, SECONDS):
        clock.advance(1.0)
        feed.offer(
            batch_of(whole.slot[rows], whole.value[rows], whole.source_ns[rows], whole.source_ns[rows], 0)
        )
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        while feed.trouble:  # noqa: ASYNC110  nobody tells when it is there
            await asyncio.sleep(0.05)
    await feed.flush(60.0)
    kept = feed.kept()
    running.cancel()
    assert kept.balanced
    assert kept.offered == kept.stored + kept.compressed
    assert kept.compressed > len(whole) / 3


def test_what_is_read_back_is_within_the_bound_that_is_stated(
    project: Project, line: Line, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = measured(project)
    until(lambda: served(recorder_address(project.folder)), 30, "the recorder is there")
    asyncio.run(recorded(project, whole))
    assert run(["history", "info", str(project.folder), "--json"]) == 0
    stated = json.loads(capsys.readouterr().out)["thinned"]
    assert {tag: one["bound"] for tag, one in stated.items()} == {t: b for t, b in BOUNDS.items() if b}
    ids = line.ask(Enroll(tags=tuple(BOUNDS), create=False), 20.0)
    assert isinstance(ids, Enrolled)
    for tag, id_ in zip(BOUNDS, ids.ids, strict=True):
        got = line.ask(AskBetween(ids=np.array([id_]), from_ns=T0, to_ns=T0 + 10**15), 20.0)
        assert isinstance(got, Samples)
        slot = next(spec.slot for spec in project.specs if spec.name == tag)
        rows = whole.slot == slot
        t, value = whole.source_ns[rows], whole.value[rows]
        told = np.interp((t - T0) / NS, (got.batch.source_ns - T0) / NS, got.batch.value)
        bound = stated[tag]["bound"] if tag in stated else 0.0
        assert np.abs(told - value).max() <= bound + 1e-9, tag
        assert (got.batch.value.min(), got.batch.value.max()) == (value.min(), value.max())
        assert len(got.batch) < len(t) / 2 if bound else len(got.batch) == len(t)
