"""Replays, what-ifs and exercises cannot reach a plant: shown by clicking on everything while it listens.

Ten recorded minutes, with orders and alarms in them, are played; a what-if runs; an exercise runs. No LIVE
world is there any more, and the addresses of the project's broker and server are held by listeners that note
who comes. Besides that nobody came, each process is looked at: its sockets, its network, its modules. And the
means are tried out themselves: a visitor is seen, and a planted bug fails to get out.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import recorded
import telling
from listeners import Capture, Listeners, has_own_network, internet_sockets, sockets_to
from stations import CLOCK, family, until

from armillary.model import message as msg
from armillary.model import places
from armillary.model.alarm import AlarmAct
from armillary.model.clock import NS
from armillary.model.control import Approve, AskExercise, AskRuns, Exercise, ExerciseView, Kill, Runs
from armillary.model.fault import Fault
from armillary.model.frame import WorldKind
from armillary.model.order import Arm, Armed, Order, OrderState, Receipt
from armillary.wire import child, runs
from armillary.wire.bus import Line

pytestmark = pytest.mark.system

PLAYED = 60.0  # × real time: ten minutes in ten seconds
CLICKS_S = 3.0  # of free clicking in each world, before what chance left out
_LONG_S = 90.0  # no step takes as long, whatever else the machine does
CLICKER = Path(__file__).parents[1] / "ui" / "clicker.py"
FORBIDDEN = (
    "armillary.world.gate",
    "armillary.world.live",
    "armillary.telemetry.links",
    "armillary.world.notifying",
    "armillary.extend.notifiers",
    "armillary_plugins.notifiers",
    "armillary_plugins.mqtt",
    "armillary_plugins.opcua",
    "asyncua",
    "aiomqtt",
    "paho",
)
ISOLATED = ("world.replay", "world.whatif", "world.training", "simulate.child", "simulate.worker")


@dataclass
class Seen:
    """One process of the run: what it is, and how it was found."""

    pid: int
    entry: str
    modules: frozenset[str]
    has_own_network: bool
    sockets: list[str]
    internet: int


@dataclass
class Evidence:
    """All that the one run showed; the tests below read it."""

    seed: int
    ports: dict[str, int]
    desk: dict[str, dict[str, Any]] = field(default_factory=dict)  # by kind of world
    wire: dict[str, dict[str, object]] = field(default_factory=dict)  # kind → request → answer
    processes: list[Seen] = field(default_factory=list)
    planted: dict[str, list[str]] = field(default_factory=dict)  # entry → what came of it
    visitors: list[object] = field(default_factory=list)
    took: list[str] = field(default_factory=list)  # by each step of the run
    packets: list[str] = field(default_factory=list)
    capture: str = ""
    failures: list[str] = field(default_factory=list)
    simulated_s: float = 0.0  # of the exercise, before anybody clicked on it
    runs: dict[str, int] = field(default_factory=dict)  # of what-ifs → ns that were computed


class Desk:
    """The clicking desk as a process."""

    def __init__(self, project: Path, seed: int, log: Path) -> None:
        self.log = log
        self._errors = log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, str(CLICKER), str(project), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._buffer = b""

    def send(self, **order: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self, limit_s: float) -> dict[str, Any]:
        out = self.process.stdout
        assert out is not None
        end = CLOCK.now_mono_ns() + int(limit_s * NS)
        while b"\n" not in self._buffer:
            left = (end - CLOCK.now_mono_ns()) / NS
            assert left > 0, f"the desk said nothing for {limit_s} s: {self.log.read_text('utf-8')[-2000:]}"
            if select.select([out], [], [], min(left, 1.0))[0]:
                chunk = os.read(out.fileno(), 65536)
                assert chunk, f"the desk ended: {self.log.read_text('utf-8')[-3000:]}"
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        return told

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        for stream in (self.process.stdin, self.process.stdout, self._errors):
            if stream is not None:
                stream.close()


# ---------------------------------------------------------------- the run


@dataclass
class Run:
    """The run as it stands; the fixtures below take it further, one step each."""

    found: Evidence
    desk: Desk
    told: Path  # the folder that processes write into
    listeners: Listeners
    capture: Capture
    training: Line
    training_id: str
    roots: list[int]
    start_ns: int  # of the record

    def click(self, phase: str, **order: object) -> None:
        """Let the desk click on a world and take in what it tells."""
        begun = CLOCK.now_mono_ns()
        self.desk.send(**order)
        told = self.found.desk[phase] = self.desk.hear(_LONG_S)
        self.found.failures = [*told["failures"], *told["warnings"]]
        clicks = f"{sum(told['ran'].values())} commands, {sum(told['clicked'].values())} clicks on buttons"
        self.found.took.append(f"{phase} {(CLOCK.now_mono_ns() - begun) / NS:.1f} s ({clicks})")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Begin: a desk on a LIVE world, which then ends; listeners in the plant's place; an exercise."""
    seed = int(os.environ.get("ARMILLARY_SEED") or random.SystemRandom().randrange(10**6))
    folder = tmp_path_factory.mktemp("construction")
    broker, opcua = child.find_ports(2)
    found = Evidence(seed, {"broker": broker, "opcua": opcua})
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        for variable in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
            (folder / variable[4:8].lower()).mkdir(mode=0o700)
            patch.setenv(variable, str(folder / variable[4:8].lower()))
        (folder / "told").mkdir()
        patch.setenv("ARMILLARY_TELLING", str(folder / "told"))
        patch.setenv("ARMILLARY_PLANTED_PORTS", f"{broker},{opcua}")
        patch.setenv("QT_QPA_PLATFORM", "offscreen")
        patch.setattr(child, "_program", telling.program)
        yield _begin(found, folder, stack)


def _begin(found: Evidence, folder: Path, stack: ExitStack) -> Run:
    project = recorded.project_at(folder / "station", found.ports)
    start_ns = CLOCK.now_ns() - (recorded.SECONDS + 30) * NS
    recorded.record(project, start_ns)

    recorder = child.start("recorder.service", {"project": str(project)}, places.logs() / "recorder.log")
    stack.callback(recorder.stop)
    live = child.start("world.live", {"project": str(project)}, places.logs() / "live.log")
    stack.callback(live.stop)
    recorder.ready(30)
    live.ready(30)
    desk = Desk(project, found.seed, folder / "desk.log")
    stack.callback(desk.close)
    desk.hear(_LONG_S)
    live.stop(10)
    assert not live.alive

    listeners = Listeners(found.ports.values())
    stack.callback(listeners.close)
    capture = Capture(frozenset(found.ports.values()))
    capture.start()
    stack.callback(capture.close)

    args = {"project": str(project), "scenario": "pump-trip-with-drift"}
    training = child.start("world.training", args, places.logs() / "training.log")
    stack.callback(training.stop)
    address, training_id = (str(training.ready(30)[k]) for k in ("address", "id"))
    # the exercise goes on meanwhile, twenty times as fast as real time
    line = Line(address)
    stack.callback(line.close)
    line.ask(msg.Hello(actor=f"local:{os.getuid()}", desk="desk"), 10)
    line.ask(Exercise(action="run", value=20.0), 10)
    _ask_all(found, runs.find(address=address))  # now: a click may end the exercise
    roots = [training.pid, recorder.pid, desk.process.pid]
    return Run(found, desk, folder / "told", listeners, capture, line, training_id, roots, start_ns)


@pytest.fixture(scope="module")
def played(begun: Run) -> Run:
    """Play the ten minutes; everything is clicked on but the clock."""
    begun.click("played", kind="REPLAY", t_ns=begun.start_ns + NS, seconds=40, play=PLAYED)
    return begun


@pytest.fixture(scope="module")
def replayed(played: Run) -> Run:
    """Click on the clock of the REPLAY world as well."""
    played.click("REPLAY", kind="REPLAY", t_ns=played.start_ns + NS, seconds=CLICKS_S, sweep=True)
    return played


@pytest.fixture(scope="module")
def forked(replayed: Run) -> Run:
    """Click on a what-if with its variants, forked from a moment of the record."""
    t_ns = replayed.start_ns + 200 * NS
    replayed.click(
        "WHAT-IF", kind="WHAT-IF", t_ns=t_ns, scenario="demand-rises", seconds=CLICKS_S, sweep=True
    )
    return replayed


@pytest.fixture(scope="module")
def trained(forked: Run) -> Run:
    """Click on the exercise."""
    view = forked.training.ask(AskExercise(), 60)  # the what-ifs that were clicked on still compute
    assert isinstance(view, ExerciseView)
    forked.found.simulated_s = view.t_s
    forked.click("TRAINING", kind="TRAINING", world=forked.training_id, t_ns=0, seconds=CLICKS_S, sweep=True)
    return forked


@pytest.fixture(scope="module")
def evidence(trained: Run, tell_at_end: Callable[[str], None]) -> Evidence:
    """Look at the processes, end the desk, and close the listeners: all that the run showed."""
    found, desk = trained.found, trained.desk
    for run in runs.all_runs():
        if run.kind not in found.wire:
            _ask_all(found, run)
    _look(found, trained.roots, trained.told)
    _plant(found, trained.roots, trained.told)
    desk.send(end=True)
    found.desk["end"] = desk.hear(_LONG_S)
    desk.process.wait(10)
    if not trained.capture.why_not:  # it works until the end: a packet to nobody is seen
        before = trained.capture.seen
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.sendto(b"x", ("127.0.0.1", child.find_ports(1)[0]))
        until(lambda: trained.capture.seen > before, 10, "the capture sees a packet")
    trained.listeners.close()
    trained.capture.close()
    found.visitors = list(trained.listeners.visitors)
    found.packets, found.capture = trained.capture.packets, trained.capture.why_not
    tell_at_end(f"clicker: ARMILLARY_SEED={found.seed}; {'; '.join(found.took)}")
    seen = f"run: {trained.capture.seen} packets of the loopback seen, {len(found.packets)} of the plant's"
    tell_at_end(f"packet capture: {f'NOT RUN, {found.capture}' if found.capture else seen}")
    return found


# ---------------------------------------------------------------- over the wire


def _ask_all(found: Evidence, run: runs.Run) -> None:
    """Send a world every request that could mean a plant, as no desk of ours would."""
    line = Line(run.address)
    try:
        line.ask(msg.Hello(actor=f"local:{os.getuid()}", desk="desk"), 10)
        answers = found.wire[run.kind] = {name: _answer(line, what) for name, what in _requests().items()}
        if isinstance(armed := answers["arm"], Armed):
            answers["execute"] = _answer(line, _order(armed.token))
        if run.kind == WorldKind.WHATIF:
            done = line.ask(AskRuns(), 10)
            assert isinstance(done, Runs)
            found.runs |= {card.id: card.to_ns - card.from_ns for card in done.cards if card.to_ns}
    finally:
        line.close()


def _requests() -> dict[str, object]:
    return {
        "arm": Arm(tag="P-101B.run", value=1.0, unit="", actor="anna", seen_seq=1),
        "order": _order("stolen"),
        "alarm": AlarmAct(action="ack", occurrences=("o-1",)),
        "approve": Approve(id="any"),
        "kill": Kill(stop=True, reason="test"),
        "release": Kill(stop=False, reason="test"),
        "retry": msg.Retry(link="ctl-ua"),
        "browse": msg.Browse(link="ctl-ua", under=""),
    }


def _order(token: str) -> Order:
    return Order(
        id=f"order-{token}",
        world="w",
        tag="P-101B.run",
        value=1.0,
        unit="",
        actor="anna",
        token=token,
        not_after_ns=CLOCK.now_ns() + 5 * NS,
        expect_seq=1,
    )


def _answer(line: Line, request: object) -> object:
    try:
        return line.ask(request, 10)
    except Fault as fault:
        return fault


# ---------------------------------------------------------------- the processes


def _told(
    roots: list[int], folder: Path, number: int, kind: str, only: tuple[str, ...] = ()
) -> dict[int, list[str]]:
    """Ask processes by a signal and return their lines; those of entries in `only`, () = all."""
    asked = []
    for process in (each for root in roots for each in family(root)):
        try:
            line = process.cmdline()
        except psutil.NoSuchProcess:  # one that has ended meanwhile, or waits to be reaped
            continue
        ours = any(name in part for part in line for name in ("telling.py", "clicker.py"))
        assert ours, f"started around the test: {line}"
        if not only or any(entry in line for entry in only):
            process.send_signal(number)
            asked.append(process.pid)
    files = {pid: folder / f"{pid}.{kind}" for pid in asked}
    until(
        lambda: all(path.is_file() or not _is_alive(pid) for pid, path in files.items()),
        30,
        f"an answer to signal {number}",
    )
    return {pid: path.read_text("utf-8").splitlines() for pid, path in files.items() if path.is_file()}


def _is_alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _look(found: Evidence, roots: list[int], folder: Path) -> None:
    ports = found.ports.values()
    for pid, (entry, *modules) in _told(roots, folder, signal.SIGUSR1, "modules").items():
        own = has_own_network(pid)
        found.processes.append(
            Seen(
                pid=pid,
                entry=entry or "desk",
                modules=frozenset(modules),
                has_own_network=own,
                sockets=sockets_to(pid, ports),
                internet=internet_sockets(pid) if own else -1,
            )
        )


def _plant(found: Evidence, roots: list[int], folder: Path) -> None:
    """Let code inside each isolated process try to reach the plant."""
    for entry, *lines in _told(roots, folder, signal.SIGUSR2, "tried", ISOLATED).values():
        found.planted[entry] = lines


# ---------------------------------------------------------------- what it shows


def test_the_ten_minutes_were_played(played: Run) -> None:
    told = played.found.desk["played"]
    assert told["ended"]
    assert told["speed"] >= 60
    assert (told["to_ns"] - told["from_ns"]) / NS >= recorded.SECONDS - 2
    _all_run(told, "REPLAY", played.found.seed)


def test_all_of_the_replay_was_clicked_on(replayed: Run) -> None:
    _all_clicked(replayed, "REPLAY")


def test_all_of_the_what_if_was_clicked_on(forked: Run) -> None:
    _all_clicked(forked, "WHAT-IF")


def test_all_of_the_exercise_was_clicked_on(trained: Run) -> None:
    _all_clicked(trained, "TRAINING")


def _all_run(told: dict[str, Any], kind: str, seed: int) -> None:
    assert told["kind"] == kind, f"seed {seed}: {told['events']}"
    assert told["left"] == [], f"seed {seed}: enabled in {kind} and never run"
    assert len(told["ran"]) >= 20, f"seed {seed}: {told['ran']}"


def _all_clicked(run: Run, phase: str) -> None:
    told, seed = run.found.desk[phase], run.found.seed
    _all_run(told, phase, seed)
    assert told["unclicked"] == [], f"seed {seed}: enabled in {phase} and never clicked"
    assert len(told["clicked"]) >= 10, f"seed {seed}: {told['clicked']}"


def test_nobody_came_to_the_plants_addresses(evidence: Evidence) -> None:
    assert evidence.visitors == [], f"seed {evidence.seed}"


def test_no_packet_went_there(
    evidence: Evidence, record_testsuite_property: Callable[[str, object], None]
) -> None:
    record_testsuite_property("packet_capture", evidence.capture or "run")
    if evidence.capture:
        pytest.skip(f"packet capture: NOT RUN, {evidence.capture}")
    assert evidence.packets == [], f"seed {evidence.seed}"


def test_a_what_if_and_an_exercise_were_computed(evidence: Evidence) -> None:
    assert max(evidence.runs.values()) > 600 * NS, evidence.runs
    assert evidence.simulated_s > 120


def test_no_click_failed(evidence: Evidence) -> None:
    assert evidence.failures == [], f"seed {evidence.seed}"


@pytest.mark.parametrize("kind", ["REPLAY", "WHAT-IF"])
def test_an_order_that_reaches_a_world_without_a_plant_is_refused(evidence: Evidence, kind: str) -> None:
    answers = evidence.wire[kind]
    order = answers.pop("order")
    assert isinstance(order, Receipt)
    assert order.state is OrderState.REFUSED
    for name, answer in answers.items():
        assert isinstance(answer, Fault), f"{name}: {answer}"


def test_in_training_an_order_moves_the_simulator_and_nothing_else_is_carried_out(evidence: Evidence) -> None:
    answers = evidence.wire["TRAINING"]
    armed, executed, stolen = (answers[name] for name in ("arm", "execute", "order"))
    assert isinstance(armed, Armed)
    assert "simulated" in armed.title
    assert isinstance(executed, Receipt)
    assert executed.state is OrderState.SENT
    assert isinstance(stolen, Receipt)
    assert stolen.state is OrderState.REFUSED
    for name in ("approve", "kill", "release", "retry", "browse"):
        assert isinstance(answers[name], Fault), f"{name}: {answers[name]}"


def test_no_process_has_a_socket_to_the_plant(evidence: Evidence) -> None:
    assert {s.entry: s.sockets for s in evidence.processes if s.sockets} == {}


def test_no_offline_process_has_a_network(evidence: Evidence) -> None:
    entries = {seen.entry for seen in evidence.processes}
    assert set(ISOLATED) <= entries, entries
    for seen in evidence.processes:
        if seen.entry in ISOLATED:
            if not seen.has_own_network:
                pytest.skip("no network namespaces here: weak isolation, see docs/architecture/isolation.md")
            assert seen.internet == 0, seen.entry


def test_no_link_gate_source_or_sink_is_loaded_anywhere(evidence: Evidence) -> None:
    for seen in evidence.processes:
        assert [m for m in seen.modules if m.startswith(FORBIDDEN)] == [], seen.entry
        assert "armillary" in seen.modules


def test_a_planted_bug_fails_to_get_out(evidence: Evidence) -> None:
    assert set(evidence.planted) == set(ISOLATED)
    for entry, lines in evidence.planted.items():
        assert len(lines) == len(telling.WAYS) * len(evidence.ports)
        for line in lines:
            assert " failed: " in line, f"{entry}: {line}"


# ---------------------------------------------------------------- the means themselves


def test_the_means_see_a_visitor() -> None:
    """Without this, an empty list of visitors would say nothing."""
    ports = child.find_ports(2)
    listeners, capture = Listeners(ports), Capture(frozenset(ports))
    capture.start()
    try:
        with socket.create_connection(("127.0.0.1", ports[0]), 2) as visitor:
            until(lambda: len(listeners.visitors) == 1, 20, "the visitor is seen")
            assert sockets_to(os.getpid(), [ports[0]])
            assert not has_own_network(os.getpid())
            del visitor
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
            datagram.sendto(b"x", ("127.0.0.1", ports[1]))
            until(lambda: len(listeners.visitors) == 2, 20, "the datagram is seen")
        if not capture.why_not:
            until(lambda: len(capture.packets) >= 4, 20, "the packets are seen")
    finally:
        listeners.close()
        capture.close()
    assert [v.port for v in listeners.visitors] == ports
    assert listeners.visitors[0].pid == os.getpid()


def test_the_planted_bug_would_get_out_of_a_process_with_a_network(
    own_places: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = child.find_ports(1)
    monkeypatch.setenv("ARMILLARY_TELLING", str(tmp_path))
    monkeypatch.setenv("ARMILLARY_PLANTED_PORTS", str(port))
    listeners = Listeners([port])
    try:
        lines = telling.tried()
    finally:
        listeners.close()
    assert [line.split()[-1] for line in lines] == ["reached"] * len(telling.WAYS)
    assert len(listeners.visitors) == len(telling.WAYS)
