"""Runs in real worker processes: same request same result, cancel, a killed worker, models that go wrong."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import tanks

from armillary.model.clock import NS, WallClock
from armillary.model.control import RunCard
from armillary.model.scenario import Job
from armillary.model.simulation import OpenModel, values_of
from armillary.simulate import results
from armillary.simulate.ensemble import FINAL, Ensemble, cards_of

MODEL = OpenModel(kind="tanks")
T = 1_750_000_000 * NS


@pytest.fixture(autouse=True)
def installed(own_places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test's simulator, installed beside the product as a package of a stranger would be."""
    install(tmp_path / "site", monkeypatch)


def install(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = site / "tanks-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tanks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[armillary.simulators]\ntanks = tanks:make\n")
    path = [str(site), str(Path(tanks.__file__).parent), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in path if p))


def job(folder: Path, name: str, **more: object) -> Job:
    fields: dict[str, object] = {
        "id": name,
        "project": str(folder),
        "model": MODEL,
        "out": str(folder / "runs" / f"{name}.npz"),
        "t_ns": T,
        "sample_ns": results.sample_times(T, 600.0, 1.0, 10),
        "initial": values_of({"h": 2.0}),
        "inputs": values_of({"q": 0.3, "valve": 0.1}),
        "recorded": ("q", "valve"),
    } | more
    return Job(**fields)  # type: ignore[arg-type]  # a test's own table of fields


def card(name: str) -> RunCard:
    return RunCard(id=name, title=name, state="queued", from_ns=T)


def drive(folder: Path, work: Callable[[Ensemble], Awaitable[None]], workers: int = 1) -> Ensemble:
    """Run an ensemble with real workers around some steps of a test."""

    async def main() -> Ensemble:
        made = Ensemble(folder / "runs", folder, folder, WallClock(), lambda _name: None, workers)
        running = asyncio.create_task(made.run())
        try:
            async with asyncio.timeout(40):
                await work(made)
        finally:
            running.cancel()
            await made.close()
        return made

    return asyncio.run(main())


async def over(made: Ensemble, *names: str) -> None:
    while not all(made.entries[n].card.state in FINAL for n in names):  # noqa: ASYNC110  looked at as from outside
        await asyncio.sleep(0.02)


async def begun(made: Ensemble, name: str) -> None:
    while made.entries[name].card.progress <= 0:  # noqa: ASYNC110  looked at as from outside
        await asyncio.sleep(0.02)


def test_run_follows_the_exact_solution_and_is_kept_on_disk(tmp_path: Path) -> None:
    async def work(made: Ensemble) -> None:
        made.add(card("a"), job(tmp_path, "a", events=((T + 100 * NS, "q", 0.0),)))
        await over(made, "a")

    made = drive(tmp_path, work)
    done = made.entries["a"].card
    assert (done.state, done.progress) == ("done", 1.0)
    run = results.read(tmp_path / "runs" / "a.npz", done.digest)
    assert run.names == ("h", "power", "q", "valve")
    t = np.minimum(np.arange(601.0), 100)
    h = 3 + (2 - 3) * np.exp(-0.1 * t / 2)
    h *= np.exp(-0.1 * np.maximum(np.arange(601.0) - 100, 0) / 2)
    assert np.allclose(run.values[0, :, 0], h, rtol=1e-9)
    assert np.array_equal(run.values[0, [100, 101], 2], [0.3, 0.0])
    assert cards_of(tmp_path / "runs")[0][0].digest == done.digest


def test_same_request_gives_the_same_digest_and_another_seed_another(tmp_path: Path) -> None:
    more = {"members": 50, "spread": {"valve": 0.2, "h": 0.05}}

    async def work(made: Ensemble) -> None:
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            made.add(card(name), job(tmp_path, name, seed=seed, **more))
        await over(made, "a", "b", "c")

    made = drive(tmp_path, work, workers=2)
    digests = [made.entries[n].card.digest for n in "abc"]
    assert digests[0] == digests[1] != digests[2]
    run = made.result("a")
    assert run is not None
    assert run.values.shape == (50, 601, 4)
    assert run.values[0, 0, 0] == 2.0  # the first member is the nominal one
    assert len(np.unique(run.values[:, -1, 0])) == 50


def test_cancel_stops_within_a_second_and_keeps_what_there_is(tmp_path: Path) -> None:
    clock, took = WallClock(), [0.0]

    async def work(made: Ensemble) -> None:
        made.add(card("slow"), job(tmp_path, "slow", inputs=values_of({"trap": 5.0})))
        made.add(card("next"), job(tmp_path, "next"))
        await begun(made, "slow")
        start = clock.now_mono_ns()
        made.cancel(["slow"])
        await over(made, "slow")
        took[0] = (clock.now_mono_ns() - start) / NS
        await over(made, "next")

    made = drive(tmp_path, work)
    stopped = made.entries["slow"].card
    assert stopped.state == "stopped"
    assert took[0] < 1.5
    run = results.read(made.out("slow"), stopped.digest)
    assert 0 < len(run.t_ns) < 601
    assert made.entries["next"].card.state == "done"


def test_killed_worker_fails_its_run_only(tmp_path: Path) -> None:
    async def work(made: Ensemble) -> None:
        made.add(card("victim"), job(tmp_path, "victim", inputs=values_of({"trap": 5.0})))
        made.add(card("other"), job(tmp_path, "other"))
        await begun(made, "victim")
        os.kill(made._all[0].child.pid, signal.SIGKILL)
        await over(made, "victim", "other")

    made = drive(tmp_path, work)
    victim = made.entries["victim"].card
    assert victim.state == "failed"
    assert "SIGKILL" in victim.detail
    assert made.result("victim") is not None  # what it had told is kept
    assert made.entries["other"].card.state == "done"


@pytest.mark.parametrize(
    ("trap", "state", "words"),
    [(1.0, "diverged", "no finite number"), (2.0, "failed", "status 9"), (4.0, "failed", "no water")],
)
def test_model_that_goes_wrong_says_so_and_the_next_run_is_fine(
    tmp_path: Path, trap: float, state: str, words: str
) -> None:
    async def work(made: Ensemble) -> None:
        made.add(card("bad"), job(tmp_path, "bad", events=((T + 50 * NS, "trap", trap),)))
        made.add(card("good"), job(tmp_path, "good"))
        await over(made, "bad", "good")

    made = drive(tmp_path, work)
    bad = made.entries["bad"].card
    assert bad.state == state
    assert words in bad.detail
    assert made.entries["good"].card.state == "done"


def test_model_that_hangs_is_given_up_when_cancelled(tmp_path: Path) -> None:
    async def work(made: Ensemble) -> None:
        made.add(card("stuck"), job(tmp_path, "stuck", events=((T + 50 * NS, "trap", 3.0),)))
        await begun(made, "stuck")
        made.cancel(["stuck"])
        await over(made, "stuck")

    stuck = drive(tmp_path, work).entries["stuck"].card
    assert stuck.state == "stopped"
    assert stuck.digest


def test_simulator_that_is_not_installed_is_named(tmp_path: Path) -> None:
    async def work(made: Ensemble) -> None:
        made.add(card("a"), job(tmp_path, "a", model=OpenModel(kind="tnaks")))
        await over(made, "a")

    failed = drive(tmp_path, work).entries["a"].card
    assert failed.state == "failed"
    assert "tnaks" in failed.detail
    assert "tanks" in failed.detail
