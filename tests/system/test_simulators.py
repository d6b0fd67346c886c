"""FMUs in their own process: right figures, exact forks, every misbehaviour told, bounded, cleaned up."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import numpy as np
import psutil
import pytest
from stations import until

from armillary.model.clock import NS
from armillary.model.fault import Fault
from armillary.model.simulation import OpenModel, SimStart, Values, values_of
from armillary.simulate.host import PREFIX, SimulatorHost, steps_of, sweep
from armillary.simulate.states import packed, unpacked

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc"),
    pytest.mark.skipif(importlib.util.find_spec("fmpy") is None, reason="needs fmpy"),
]


def _fmus() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fmus", Path(__file__).parents[1] / "fmu" / "fmus.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fmus"] = module
    spec.loader.exec_module(module)
    return module


fmus = _fmus()
MODES = {name: float(at) for at, name in enumerate(fmus.MODES)}


def _folders(owner: int) -> list[Path]:
    return [*Path(tempfile.gettempdir()).glob(f"{PREFIX}{owner}-*")]


def lag(t: float, u: float = 3.0, x0: float = 1.0, tau: float = 2.0) -> float:
    return u + (x0 - u) * math.exp(-t / tau)


class Bench:
    """Makes hosts and closes them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.hosts = folder, list[SimulatorHost]()

    def host(self, timeout_s: float = 5.0, **wish: object) -> SimulatorHost:
        file = fmus.fmu(self.folder / f"lag{len(self.hosts)}.fmu", fmus.Wish(**wish))
        return self.of(file, timeout_s)

    def of(self, file: Path, timeout_s: float = 5.0, memory_bytes: int = 1 << 30) -> SimulatorHost:
        model = OpenModel(kind="fmu", file=str(file), call_timeout_s=timeout_s)
        self.hosts.append(SimulatorHost(model, self.folder / "sim.log", memory_bytes=memory_bytes))
        return self.hosts[-1]

    async def begun(
        self, timeout_s: float = 5.0, mode: str = "sane", when: float = 0.0, **wish: object
    ) -> SimulatorHost:
        host = self.host(timeout_s, **wish)
        await host.open()
        parameters = values_of({"mode": MODES[mode], "when": when})
        await host.start(SimStart(t_ns=0, inputs=values_of({"u": 3.0}), parameters=parameters))
        return host


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    for host in made.hosts:
        await host.close()
    assert not _folders(os.getpid()), "temp folders are removed"


@pytest.mark.parametrize("major", [2, 3])
async def test_a_run_agrees_with_the_closed_form(bench: Bench, major: int) -> None:
    host = await bench.begun(major=major)
    assert host.info.outputs == ("x", "y", "count", "result")
    assert host.info.named("x") is not None
    assert host.info.variables[0].unit == "K"
    for t in (1, 2, 5):
        at = await host.step(Values(), t * NS)
        assert at.t_ns == t * NS
        assert at.values[0, 0] == pytest.approx(lag(t), rel=1e-12)
    assert at.values[0, 2] == 50  # ten steps a second
    await host.step(values_of({"u": 0.0, "on": 1.0}), 6 * NS)
    off = await host.step(values_of({"u": 9.0, "on": 0.0}), 6 * NS + NS // 20)  # a step may be cut
    assert off.values[0, 0] == pytest.approx(lag(1.05, u=0.0, x0=lag(5)), rel=1e-12)


@pytest.mark.parametrize("major", [2, 3])
async def test_a_fork_equals_its_parent_bit_for_bit(bench: Bench, major: int) -> None:
    parent = await bench.begun(major=major)
    replayed = await bench.begun(major=major, saves=False)
    rng = np.random.default_rng(1)
    for k in range(1, 21):
        u = values_of({"u": float(rng.normal()), "on": float(k % 3 > 0)})
        a = await parent.step(u, k * 130_000_000)
        b = await replayed.step(u, k * 130_000_000)
    assert a.values.tobytes() == b.values.tobytes()
    by_state, by_replay = await parent.save(), await replayed.save()
    assert steps_of(by_state) == 0
    assert steps_of(by_replay) == 20
    forks = [bench.host(major=major), bench.host(major=major, saves=False)]
    for fork, state in zip(forks, (by_state, by_replay), strict=True):
        await fork.open()
        back = await fork.load(state)
        assert back.values.tobytes() == a.values.tobytes()
        assert fork.t_ns == parent.t_ns
    for k in range(21, 31):
        u = values_of({"u": float(rng.normal())})
        runs = [await h.step(u, k * 130_000_000) for h in (parent, replayed, *forks)]
        assert len({r.values.tobytes() for r in runs}) == 1
    await parent.load(by_state)  # back in the same process
    assert (await parent.step(Values(), 21 * 130_000_000)).t_ns == 21 * 130_000_000


@pytest.mark.parametrize("saves", [True, False])
async def test_a_killed_run_is_stepped_again_to_where_it_stood(bench: Bench, saves: bool) -> None:
    host = await bench.begun(saves=saves)
    other = await bench.begun(saves=saves)
    for k in range(1, 11):
        u = values_of({"u": float(k)})
        before = await host.step(u, k * NS)
        await other.step(u, k * NS)
    os.kill(host.pid, signal.SIGKILL)
    with pytest.raises(Fault, match="SIGKILL after 10 s of simulated time"):
        await host.step(Values(), 11 * NS)
    assert host.standing == "crashed"
    back = await host.again()
    assert back.values.tobytes() == before.values.tobytes()
    on = await host.step(Values(), 11 * NS)
    assert on.values.tobytes() == (await other.step(Values(), 11 * NS)).values.tobytes()


async def test_the_start_takes_what_it_can_and_says_the_rest(bench: Bench) -> None:
    host = bench.host()
    await host.open()
    began = await host.start(SimStart(t_ns=7, initial=values_of({"x": 4.0, "y": 5.0})))
    assert began.values[0, :2].tolist() == [4.0, 8.0]
    assert began.unmapped == ("y",)
    assert began.residual == {"x": 0.0, "y": 3.0}
    assert began.is_estimated
    exact = await host.start(SimStart(t_ns=7, initial=values_of({"x": 4.0, "y": 8.0})))
    assert exact.residual["y"] == 0.0


@pytest.mark.parametrize("major", [2, 3])
async def test_a_crash_names_the_signal_and_the_time(bench: Bench, major: int) -> None:
    host = await bench.begun(mode="crash", when=0.5, major=major)
    await host.step(Values(), NS // 2)
    with pytest.raises(Fault, match=r"lag0\.fmu.*SIGSEGV after 0\.5 s"):
        await host.step(Values(), NS)
    assert host.standing == "crashed"
    assert host.pid == 0


async def test_a_hang_is_killed_and_names_the_fmu_and_the_time(bench: Bench) -> None:
    host = await bench.begun(timeout_s=1.0, mode="hang", when=0.5)
    await host.step(Values(), NS // 2)
    pid = host.pid
    with pytest.raises(Fault, match=r"lag0\.fmu.*hung after 0\.5 s.*within 1 s"):
        await host.step(Values(), NS)
    assert host.standing == "hung"
    assert not psutil.pid_exists(pid)


async def test_a_long_step_is_no_hang(bench: Bench) -> None:
    host = await bench.begun(timeout_s=0.5)
    at = await host.step(Values(), 2_000 * NS)  # 20,000 steps: longer than one call may take
    assert at.values[0, 2] == 20_000


async def test_nan_ends_the_run_as_diverged(bench: Bench) -> None:
    host = await bench.begun(mode="nan", when=0.5)
    with pytest.raises(Fault, match=r"lag0\.fmu' diverged: 'x' is nan at 0\.6 s"):
        await host.step(Values(), NS)
    assert host.standing == "diverged"


@pytest.mark.parametrize("mode", ["read", "write"])
async def test_files_outside_its_folder_are_refused_or_it_is_said(bench: Bench, mode: str) -> None:
    host = await bench.begun(mode=mode)
    result = (await host.step(Values(), NS)).values[0, 3]
    told = any("cannot keep it from the user's files" in n for n in host.info.needs)
    assert told or result == -13  # EACCES


async def test_native_code_reaches_no_network_or_it_is_said(bench: Bench) -> None:
    host = await bench.begun(mode="connect")
    result = (await host.step(Values(), NS)).values[0, 3]
    told = any("Weak isolation" in n for n in host.info.needs)
    assert result in (-101, -13) or told  # ENETUNREACH, or EACCES by Landlock; never ECONNREFUSED


async def test_memory_has_a_limit(bench: Bench) -> None:
    host = await bench.begun(mode="memory")
    with pytest.raises(Fault, match="no memory"):
        await host.step(Values(), NS)
    assert host.standing == "failed"


@pytest.mark.parametrize("major", [2, 3])
async def test_a_discarded_step_is_halved_where_that_is_allowed(bench: Bench, major: int) -> None:
    host = await bench.begun(mode="discard", major=major)
    at = await host.step(Values(), NS)
    assert at.values[0, 0] == pytest.approx(lag(1.0), rel=1e-9)
    assert at.values[0, 2] > 10
    fixed = await bench.begun(mode="discard", major=major, varies=False)
    with pytest.raises(Fault, match="discards the step at 0 s"):
        await fixed.step(Values(), NS)


async def test_a_model_of_fixed_steps_stands_before_the_time(bench: Bench) -> None:
    host = await bench.begun(varies=False)
    assert (await host.step(Values(), 250_000_000)).t_ns == 200_000_000
    assert (await host.step(Values(), 300_000_000)).t_ns == 300_000_000


@pytest.mark.parametrize("major", [2, 3])
async def test_what_the_model_says_is_told(bench: Bench, major: int) -> None:
    host = await bench.begun(mode="error", major=major)
    with pytest.raises(Fault, match=r"DoStep failed with status 3 \(error\).*the pump is not primed"):
        await host.step(Values(), NS)
    warned = await bench.begun(mode="warning", major=major)
    assert any("close to dry" in e for e in (await warned.step(Values(), NS // 10)).events)
    chatty = await bench.begun(mode="chatter", major=major)
    assert (await chatty.step(Values(), NS)).t_ns == NS
    ended = await bench.begun(mode="end", major=major)
    with pytest.raises(Fault, match="ended its run at 0 s"):
        await ended.step(Values(), NS)


async def test_a_model_made_only_once_can_begin_again(bench: Bench) -> None:
    host = await bench.begun(once=True)
    await host.step(Values(), NS)
    began = await host.start(SimStart(t_ns=0, inputs=values_of({"u": 3.0})))
    assert began.values[0, 0] == 1.0
    assert (await host.step(Values(), NS)).values[0, 0] == pytest.approx(lag(1.0))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (SimStart(t_ns=0, inputs=values_of({"ux": 1.0})), "no input 'ux'.*Did you mean 'u'"),
        (SimStart(t_ns=0, parameters=values_of({"taw": 1.0})), "no parameter 'taw'.*Did you mean 'tau'"),
        (SimStart(t_ns=0, initial=values_of({"z": 1.0})), "no variable 'z'"),
        (SimStart(t_ns=0, inputs=values_of({"u": math.nan})), "'u' was given the value nan"),
        (SimStart(t_ns=0, members=2), "several members"),
    ],
)
async def test_a_wrong_start_is_told(bench: Bench, start: SimStart, words: str) -> None:
    host = bench.host()
    await host.open()
    with pytest.raises(Fault, match=words):
        await host.start(start)
    await host.start(SimStart(t_ns=0))  # and it can be put right


async def test_a_fixed_parameter_is_not_set_in_between(bench: Bench) -> None:
    host = await bench.begun()
    await host.step(values_of({"k": 2.0}), NS)  # a tunable one is
    with pytest.raises(Fault, match="'tau' can be set at the start only"):
        await host.step(values_of({"tau": 2.0}), 2 * NS)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"platform": "win64"}, r"no binary for this machine \(linux64\); it has win64"),
        ({"needs_tool": True, "tool": "Dymola"}, "needs Dymola to run"),
        ({"kind": "ModelExchange"}, "offers Model Exchange only"),
        ({"token": "{other}"}, "cannot be made.*another guid"),
    ],
)
async def test_an_fmu_that_cannot_run_here_says_why(
    bench: Bench, wish: dict[str, object], words: str
) -> None:
    with pytest.raises(Fault, match=words):
        await bench.begun(**wish)


async def test_a_bad_archive_says_why(bench: Bench, tmp_path: Path) -> None:
    for name, words in (("../evil", "leads out of it"), ("modelDescription.xml", "cannot be read")):
        file = tmp_path / "bad.fmu"
        with zipfile.ZipFile(file, "w") as out:
            out.writestr(name, "<no")
        with pytest.raises(Fault, match=words):
            await bench.of(file).open()
    with pytest.raises(Fault, match="no such file"):
        await bench.of(tmp_path / "none.fmu").open()


async def test_a_state_of_another_model_is_refused(bench: Bench) -> None:
    host = await bench.begun()
    state = await host.save()
    head, data = unpacked(state.data)
    for key, value in (("token", "{other}"), ("platform", "pdp11"), ("kind", "python")):
        wrong = packed({**head, key: value}, data)
        with pytest.raises(Fault, match=f"of another {key}"):
            await host.load(type(state)(data=wrong, t_ns=0))
    for broken in (state.data[:40], b"", state.data[:-8]):
        with pytest.raises(Fault):
            await host.load(type(state)(data=broken, t_ns=0))
    await host.load(state)


async def test_a_plugins_model_runs_forks_and_is_brought_back(tmp_path: Path) -> None:
    """In the same process as FMUs, with members as arrays; a long step answers in between."""
    model = OpenModel(kind="pumping-station", call_timeout_s=1.0)
    hosts = [SimulatorHost(model, tmp_path / "log") for _ in range(2)]
    try:
        for host in hosts:
            await host.open()
            await host.start(SimStart(t_ns=5 * NS, members=3, seed=2))
        parent, fork = hosts
        far = await parent.step(Values(), 3_605 * NS)
        assert far.t_ns == 3_605 * NS
        assert far.values.shape == (3, len(parent.info.outputs))
        for t in (905, 3_605):  # in two calls, at whole steps: the same run
            back = await fork.step(Values(), t * NS)
        assert back.values.tobytes() == far.values.tobytes()
        await fork.load(await parent.save())
        os.kill(parent.pid, signal.SIGKILL)
        with pytest.raises(Fault, match="'pumping-station': Its process was ended by SIGKILL"):
            await parent.step(Values(), 3_700 * NS)
        await parent.again()
        ends = [(await host.step(Values(), 3_700 * NS)).values.tobytes() for host in hosts]
        assert ends[0] == ends[1]
    finally:
        for host in hosts:
            await host.close()


async def test_an_unknown_kind_lists_those_there_are(tmp_path: Path) -> None:
    host = SimulatorHost(OpenModel(kind="no-such"), tmp_path / "log")
    with pytest.raises(Fault, match=r"no simulator 'no-such'.*Use fmu"):
        await host.open()


async def test_folders_of_a_killed_host_are_swept(bench: Bench) -> None:
    gone = 4_194_305  # above the highest process id of Linux
    assert Path(tempfile.mkdtemp(prefix=f"{PREFIX}{gone}-"))
    await bench.host().open()
    assert not _folders(gone)


HOST = """
import asyncio, sys
from pathlib import Path
from armillary.model.simulation import OpenModel, SimStart, Values, values_of
from armillary.simulate.host import SimulatorHost
async def main():
    model = OpenModel(kind="fmu", file=sys.argv[1], call_timeout_s=60)
    host = SimulatorHost(model, Path(sys.argv[2]))
    await host.open()
    await host.start(SimStart(t_ns=0, parameters=values_of({"mode": 2.0})))
    print(host.pid, flush=True)
    await host.step(Values(), 10**9)
asyncio.run(main())
"""


def test_a_hanging_fmu_ends_when_its_host_is_killed(tmp_path: Path) -> None:
    file = fmus.fmu(tmp_path / "lag.fmu")
    command = [sys.executable, "-c", HOST, str(file), str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        pid = int(host.stdout.readline())
        assert _folders(host.pid)
        os.kill(host.pid, signal.SIGKILL)
        host.wait(5)
    until(lambda: not psutil.pid_exists(pid), 20, "the simulator of a killed host ends")
    sweep()
    assert not _folders(host.pid)


def armillary(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "armillary", "simulate", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("major", [2, 3])
def test_simulate_writes_a_table_that_agrees_with_the_closed_form(tmp_path: Path, major: int) -> None:
    file = fmus.fmu(tmp_path / "lag.fmu", fmus.Wish(major=major))
    out = tmp_path / "out.csv"
    done = armillary(
        str(file), "--stop", "2", "--step", "0.1", "--set", "u=3", "--set", "x=0.5", "-o", str(out)
    )
    assert done.returncode == 0, done.stderr
    lines = out.read_text().splitlines()
    assert lines[0] == "time,x,y,count,result"
    rows = np.array([[float(cell) for cell in line.split(",")] for line in lines[1:]])
    assert rows[:, 0] == pytest.approx(np.arange(21) * 0.1)
    assert rows[:, 1] == pytest.approx([lag(t, x0=0.5) for t in rows[:, 0]], rel=1e-12)
    told = json.loads(armillary(str(file), "--stop", "2", "--set", "u=3", "--json").stdout)
    assert told["model"] == "Lag"
    assert told["last"]["x"] == pytest.approx(lag(2))


def test_simulate_tells_a_hang_and_a_wrong_name(tmp_path: Path) -> None:
    file = fmus.fmu(tmp_path / "lag.fmu")
    hung = armillary(str(file), "--set", "mode=2", "--timeout", "1")
    assert hung.returncode == 2
    assert "hung" in hung.stderr
    assert "Traceback" not in hung.stderr
    wrong = armillary(str(file), "--set", "taw=2")
    assert wrong.returncode == 2
    assert "Did you mean 'tau'" in wrong.stderr


@pytest.mark.parametrize("wish", [{"major": 2}, {"major": 2, "varies": False}])
def test_simulate_goes_to_the_stop_and_keeps_its_rows(tmp_path: Path, wish: dict[str, object]) -> None:
    file = fmus.fmu(tmp_path / "lag.fmu", fmus.Wish(**wish))
    out = tmp_path / "out.csv"
    bad = armillary(str(file), "--set", "mode=3", "--set", "when=0.5", "-o", str(out))
    assert bad.returncode == 2
    assert "diverged: 'x' is nan at 0.6 s" in bad.stderr
    assert out.read_text().splitlines()[-1].startswith("0.5,")  # the last good step
    told = json.loads(armillary(str(file), "--stop", "0.95", "--json").stdout)
    assert told["stop_s"] == (0.95 if wish.get("varies", True) else 0.9)
    assert len(set(told["time"])) == len(told["time"])
