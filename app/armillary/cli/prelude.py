"""What a demonstration is given at its start, beside its desk: a past, and one alarm that is shelved."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from armillary.model import places
from armillary.model.account import Login
from armillary.model.alarm import AlarmAct, AlarmActed
from armillary.model.clock import NS, Clock
from armillary.model.fault import Fault, WorldFault
from armillary.model.frame import WorldKind
from armillary.model.message import Hello, Welcome
from armillary.wire import child, runs
from armillary.wire.bus import Line

WORLD_S, LOOK_S, ANSWER_S = 60.0, 0.2, 30.0
_log = logging.getLogger(__name__)
SETS_UP = "ravi"  # the engineer who handed the plant over
SHELF_S = 8 * 3_600.0
# the alarm that is shelved when a demonstration starts, and why
SHELVED = {
    "packaging-line": ("LB-301-LABELS", "known fault WO-1182: the roll's sensor reads low"),
    "pumping-station": ("DS-201-DRUM", "known fault WO-1182: the drum's sensor reads low"),
}


def shelve(
    project: Path, plant: str, password: str, clock: Clock, ending: threading.Event | None = None
) -> bool:
    """Shelve the demonstration's known fault as a person would; return whether it was done.

    Waits for the project's world. Raises Fault when it does not come, or refuses.
    """
    if plant not in SHELVED:
        return False
    alarm, why = SHELVED[plant]
    line = Line(_world(project, clock, ending or threading.Event()))
    try:
        welcome = line.ask(Hello(actor="local:setup", desk="setup"), ANSWER_S)
        if not isinstance(welcome, Welcome):
            raise WorldFault("The world answered something else.", where=line.address, remedy="")
        line.ask(Login(user=SETS_UP, password=password), ANSWER_S)  # raises where it is refused
        act = AlarmAct(action="shelve", occurrences=(alarm,), comment=why, duration_s=SHELF_S)
        done = line.ask(act, ANSWER_S)
        if not isinstance(done, AlarmActed) or any(done.results):
            raise WorldFault(f"{alarm} could not be shelved: {done}", where=line.address, remedy="")
        return True
    finally:
        line.close()


def _world(project: Path, clock: Clock, ending: threading.Event) -> str:
    end = clock.now_mono_ns() + int(WORLD_S * NS)
    while clock.now_mono_ns() < end and not ending.is_set():
        for run in runs.all_runs():
            if Path(run.project) == project and run.kind == WorldKind.LIVE:
                return run.address
        ending.wait(LOOK_S)
    raise WorldFault("The demonstration's world does not run.", where=str(project), remedy="")


class Prelude:
    """Gives a demonstration its shelf and its past beside the desk; what goes wrong is said, and no more."""

    def __init__(
        self,
        project: Path,
        plant: str,
        password: str,
        clock: Clock,
        tell: Callable[[str], None],
        *,
        seed: int,
        before_ns: int,
        history: bool,
    ) -> None:
        """Begin. history: with the past of thirty days, up to `before_ns`, when no world ran yet."""
        self._project, self._plant, self._clock, self._tell = project, plant, clock, tell
        self._seed, self._history, self._before_ns = seed, history, before_ns
        self._ending = threading.Event()
        self._process: child.Child | None = None
        self._thread = threading.Thread(target=self._run, args=(password,), name="prelude", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End what is not done, at once: what it left half goes with the folder of the demonstration."""
        self._ending.set()
        self._thread.join(LOOK_S * 4)
        if self._process is not None:
            self._process.kill()

    def _run(self, password: str) -> None:
        try:
            if shelve(self._project, self._plant, password, self._clock, self._ending):
                _log.info("the known fault of %s is shelved", self._plant)
            if self._history and not self._ending.is_set():
                self._past()
        except Fault as fault:
            if not self._ending.is_set():
                _log.info("the demonstration's prelude: %s", fault)

    def _past(self) -> None:
        args = {
            "project": str(self._project),
            "plant": self._plant,
            "seed": self._seed,
            "before_ns": self._before_ns,
        }
        self._process = process = child.start("world.prelude", args, places.logs() / "prelude.log")
        while not self._ending.is_set():
            told = process.poll_ready(LOOK_S)
            if told is not None:
                self._tell(
                    f"30 days of history before this start: {told['samples']:,} samples, "
                    f"{told['alarms']} alarms, made up in {told['seconds']} s"
                )
                return
