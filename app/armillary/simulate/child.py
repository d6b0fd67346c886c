"""Child entry: runs one model, an FMU by fmpy or a plugin's simulator, and answers on one local socket.

An FMU is native code of a stranger. This process may crash, hang or be killed at any moment; the host
(`simulate.host`) sees that and says so. It has no network, and of the files only its own folder, the system's
libraries and ours.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import logging
import os
import platform
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from armillary.api.ports import Forkable, Simulator, SimulatorContext
from armillary.model import message
from armillary.model.clock import NS, WallClock
from armillary.model.fault import Fault, WorldFault
from armillary.model.simulation import (
    ModelInfo,
    ModelState,
    OpenModel,
    SaveModel,
    SimStart,
    SimStep,
    SimStepped,
    Values,
)
from armillary.simulate import states
from armillary.simulate.fmu import FMI2, Fmu
from armillary.simulate.fmu_info import Description, described, fault
from armillary.simulate.fmu_unzip import unzip
from armillary.wire import isolation
from armillary.wire.bus import Hub

log = logging.getLogger(__name__)

GROUP = "armillary.simulators"
POLL_S = 0.5
SLICE_STEPS = 64
MAX_FILE_BYTES = 512 * 1024 * 1024  # of any file that a model writes, its printed words included
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/lib32", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat"),
    *("/sys/devices/system/cpu", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/dev/random"),
)
_DEVICES = ("/dev/null", "/dev/zero")


class FmpyLibrary:
    """An FMU's library, loaded by fmpy."""

    def __init__(self, file: Path, folder: Path, about: Description) -> None:
        from fmpy.fmi1 import FMICallException
        from fmpy.fmi2 import FMU2Slave
        from fmpy.fmi3 import FMU3Slave

        self._about, self._file = about, file
        self._keep: list[object] = []  # callbacks that C holds
        self.error: type[Exception] = FMICallException
        kind = FMU2Slave if about.major == FMI2 else FMU3Slave
        try:
            self.slave: Any = kind(  # Any: fmpy ships no types
                guid=about.token,
                modelIdentifier=about.identifier,
                unzipDirectory=str(folder),
                instanceName="armillary",
            )
        except Exception as error:
            raise fault(file, f"Its library cannot be loaded: {error}", "Export it again.") from error

    def make(self, heard: Callable[[int, str], None]) -> None:
        """Make an instance."""
        from fmpy import calloc, fmi2, free
        from fmpy.logging import addLoggerProxy

        def said(_env: object, status: int, _category: bytes, text: bytes) -> None:
            words = (text or b"").decode("utf-8", "replace")[:500]
            log.info("%s says: %s", self._file.name, words)
            heard(int(status), words)

        if self._about.major != FMI2:
            self.slave.instantiate(logMessage=said)
            return
        calls = fmi2.fmi2CallbackFunctions()
        calls.logger = fmi2.fmi2CallbackLoggerTYPE(lambda env, _name, *rest: said(env, *rest))
        calls.allocateMemory = fmi2.fmi2CallbackAllocateMemoryTYPE(calloc)
        calls.freeMemory = fmi2.fmi2CallbackFreeMemoryTYPE(free)
        addLoggerProxy(ctypes.byref(calls))
        self._keep.append(calls)
        self.slave.instantiate(callbacks=calls)

    def free(self) -> None:
        """Give the instance up; the library stays loaded."""
        is_2 = self._about.major == FMI2
        give_up = self.slave.fmi2FreeInstance if is_2 else self.slave.fmi3FreeInstance
        give_up(self.slave.component)


def open_fmu(file: Path, folder: Path, context: SimulatorContext) -> tuple[Fmu, Mapping[str, str | int]]:
    """Return an FMU ready to start, and what its saved states belong to. Confines this process for good."""
    fmpy = _fmpy(file)  # before files are out of reach
    unzip(file, folder)
    ours = Path(__file__).resolve().parents[2]
    read = [*map(Path, (*_SYSTEM, *_DEVICES, *filter(None, sys.path))), Path(sys.prefix), ours]
    is_confined = isolation.confine(read, [folder.parent, *map(Path, _DEVICES)])
    os.chdir(folder)
    about = _about(fmpy, file, folder, context.step_s)
    needs = list(about.info.needs)
    if not is_confined:
        needs.append("This system cannot keep it from the user's files.")
    if isolation.current() != "namespace":
        needs.append("Weak isolation: its native code could reach the network.")
    about = replace(about, info=replace(about.info, needs=tuple(needs)))
    model = Fmu(file, about, FmpyLibrary(file, folder, about), context.call_timeout_s)
    return model, {"token": about.token, "platform": platform.machine()}


def _fmpy(file: Path) -> Any:  # Any: fmpy ships no types
    try:
        import fmpy
    except ImportError as error:
        raise fault(file, "fmpy is not installed.", "Install it: pip install 'armillary[fmi]'.") from error
    return fmpy


def _about(fmpy: Any, file: Path, folder: Path, step_s: float) -> Description:  # Any: as above
    try:
        try:
            md = fmpy.read_model_description(str(folder))
        except fmpy.model_description.ValidationError as error:
            log.info("%s does not keep to the standard: %s", file.name, error)
            md = fmpy.read_model_description(str(folder), validate=False)
    except Exception as error:
        raise fault(
            file, f"Its description cannot be read: {str(error)[:300]}.", "Export it again."
        ) from error
    library = str(fmpy.platform if str(md.fmiVersion).startswith("2") else fmpy.platform_tuple)
    return described(md, folder, file, library, step_s)


def open_plugin(kind: str, context: SimulatorContext) -> tuple[Simulator, Mapping[str, str | int]]:
    """Return a plugin's simulator, and what its saved states belong to."""
    # not by extend.discover, which is a higher floor: a child may know only this one group
    found = {e.name: e for e in importlib.metadata.entry_points(group=GROUP)}
    if kind not in found:
        raise WorldFault(
            f"There is no simulator '{kind}'.",
            where=context.file or "simulator",
            remedy=f"Use fmu, or one of: {', '.join(sorted(found)) or 'none is installed'}.",
        )
    made = found[kind].load()(context)
    if not isinstance(made, Simulator):
        raise WorldFault(
            f"The plugin '{kind}' makes no simulator.", where=found[kind].value, remedy="Ask its author."
        )
    return made, {"version": made.describe().version}


class Server:
    """Answers the host. One model for the life of the process."""

    def __init__(self, folder: Path, project: Path) -> None:
        self._folder, self._project = folder, project
        self._model: Simulator | None = None
        self._head: dict[str, str | int] = {}
        self._timeout_s = 0.0
        self._t_ns = 0
        self._step_ns, self._in_one = NS, False

    def answer(self, asked: object) -> object:
        """Return the answer to a request. Raises a Fault."""
        if isinstance(asked, OpenModel):
            return self._open(asked)
        model = self._model
        if model is None:
            raise WorldFault("No model is open.", where="simulate.child", remedy="Open one first.")
        self._limit_cpu()
        match asked:
            case SimStart():
                self._t_ns = asked.t_ns
                return model.start(asked)
            case SimStep():
                stepped = (
                    model.step(asked.inputs, asked.to_ns) if self._in_one else self._slices(model, asked)
                )
                self._t_ns = stepped.t_ns
                return stepped
            case SaveModel():
                return self._save(model)
            case ModelState():
                head, data = states.unpacked(asked.data)
                states.fits(head, self._head)
                loaded = self._forkable(model).load(data)
                self._t_ns = loaded.t_ns
                return loaded
        raise WorldFault(
            f"A simulator does not answer {type(asked).__name__}.",
            where="simulate.child",
            remedy="Ask another.",
        )

    def _open(self, asked: OpenModel) -> ModelInfo:
        if self._model is not None:
            raise WorldFault("A model is open already.", where=asked.file, remedy="Start another process.")
        context = SimulatorContext(
            project=self._project, file=asked.file, step_s=asked.step_s, call_timeout_s=asked.call_timeout_s
        )
        self._timeout_s = asked.call_timeout_s
        if asked.kind == "fmu":
            folder = self._folder / "model"
            folder.mkdir()
            self._model, belongs = open_fmu(Path(asked.file), folder, context)
        else:
            self._model, belongs = open_plugin(asked.kind, context)
        self._in_one = asked.kind == "fmu"  # which looks at the time itself
        info = self._model.describe()
        self._step_ns = max(1, round((asked.step_s or info.step_s) * NS))
        self._head = {"how": "state", "kind": asked.kind, "model": info.name, **belongs}
        return info

    def _slices(self, model: Simulator, asked: SimStep) -> SimStepped:
        """Step a plugin's model some steps at a time, and answer in between when it takes long.

        Whole steps of the model, counted from where it stands, so that the run is the same as in one call.
        """
        clock, inputs, events = WallClock(), asked.inputs, list[str]()
        end = clock.now_mono_ns() + int(self._timeout_s * NS / 4)
        t_ns = self._t_ns
        while True:
            t_ns = min(asked.to_ns, t_ns + SLICE_STEPS * self._step_ns)
            stepped = model.step(inputs, t_ns)
            inputs = Values()
            events += stepped.events
            if t_ns >= asked.to_ns or clock.now_mono_ns() > end:
                return replace(stepped, events=tuple(events))

    def _save(self, model: Simulator) -> ModelState:
        data = self._forkable(model).save()
        head = {**self._head, "t_ns": self._t_ns}
        return ModelState(data=states.packed(head, data), t_ns=self._t_ns)

    def _forkable(self, model: Simulator) -> Forkable:
        if not isinstance(model, Forkable):
            raise WorldFault(
                "This model cannot save its state.", where=self._folder.name, remedy="Step it again instead."
            )
        return model

    def _limit_cpu(self) -> None:
        """Let the kernel end a call that spins even when the host is gone."""
        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        soft = int(used + (self._timeout_s + 2) * (os.cpu_count() or 1)) + 1
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))


# Any: the arguments are what JSON holds
def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Serve one model at `args["address"]` until Stop; `folder` is ours, `memory_bytes` what we may take."""
    folder = Path(str(args["folder"]))
    server = Server(folder, Path(str(args.get("project", "")) or folder))
    hub = Hub(str(args["address"]))
    try:
        _limit(int(args.get("memory_bytes", 0)))
        say({"address": hub.address})
        os.dup2(2, 1)  # what a model prints goes to the log; the host has had its one line
        while True:
            for peer, number, asked in hub.poll(POLL_S):
                if isinstance(asked, message.Stop):
                    hub.send(peer, message.Done(), answers=number)
                    return
                hub.send(peer, _answer(server, asked), answers=number)
    finally:
        hub.close()


def _answer(server: Server, asked: object) -> object:
    try:
        return server.answer(asked)
    except Fault as told:
        return told
    except Exception as error:  # a border: a plugin's defect is told, and it may be asked again
        log.exception("a model failed")
        return WorldFault(
            f"The model failed: {type(error).__name__}: {str(error)[:300]}.",
            where="simulate.child",
            remedy="See its log file.",
        )


def _limit(memory_bytes: int) -> None:
    """Limit what the model may take on top of what this process has now."""
    if memory_bytes:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        most = pages * resource.getpagesize() + memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
