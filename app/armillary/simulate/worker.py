"""Child entry: computes the runs of what-ifs, one after the other, in an expendable process.

One thread computes, this one talks: so a model that hangs in a step can still be told of and given up.
A plugin's simulator is loaded here; an FMU has one more process of its own (`simulate.child`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np

from armillary.api.ports import Simulator, SimulatorContext
from armillary.model import places
from armillary.model.clock import MS_NS, NS, WallClock
from armillary.model.fault import Fault, ProjectFault
from armillary.model.message import Done, Stop
from armillary.model.scenario import Job, JobNews, StopJob
from armillary.model.simulation import ModelInfo, OpenModel
from armillary.simulate import results
from armillary.simulate.compute import Work, compute
from armillary.simulate.remote import RemoteModel
from armillary.wire.bus import Hub, local_address

GROUP = "armillary.simulators"
NEWS_NS = 150 * MS_NS  # at least four a second
STOP_NS = 700 * MS_NS  # a model that has not come back by then is left where it is
POLL_S = 0.05


def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:
    """Serve one world until asked to stop. args: id (of this worker), project."""
    hub = Hub(local_address(places.runtime(), f"worker-{os.getpid()}"))
    worker = Worker(hub, Path(str(args["project"])))
    try:
        say({"address": hub.address, "pid": os.getpid()})
        worker.serve()
    finally:
        worker.close()
        hub.close()


@dataclass(slots=True)
class _Running:
    peer: bytes
    work: Work
    thread: threading.Thread
    begun_ns: int
    told_ns: int = 0
    sent: int = 0  # rows
    stop_ns: int = 0


class Worker:
    """Answers OpenModel, Job and StopJob; tells JobNews."""

    def __init__(self, hub: Hub, project: Path) -> None:
        self._hub, self._project, self._clock = hub, project, WallClock()
        self._models: dict[OpenModel, Simulator] = {}
        self._running: _Running | None = None

    def serve(self) -> None:
        """Serve until a Stop."""
        while True:
            for peer, number, message in self._hub.poll(POLL_S):
                if isinstance(message, Stop):
                    self._hub.send(peer, Done(), number)
                    return
                try:
                    answer = self._answer(peer, message)
                except Fault as fault:
                    self._hub.send(peer, fault, number)
                else:
                    self._hub.send(peer, answer, number)
            self._tell()

    def close(self) -> None:
        """End what was started."""
        for model in self._models.values():
            if isinstance(model, RemoteModel):
                model.close()

    def _answer(self, peer: bytes, message: object) -> object:
        match message:
            case OpenModel():
                return self._info(message)
            case Job():
                if self._running is not None:
                    raise ProjectFault("The worker is busy.", where=message.id, remedy="Ask another.")
                work = Work(message)
                thread = threading.Thread(target=self._compute, args=(work,), name="compute", daemon=True)
                self._running = _Running(peer, work, thread, self._clock.now_mono_ns())
                thread.start()
            case StopJob():
                if self._running is not None and self._running.work.job.id == message.id:
                    self._running.work.stop.set()
                    self._running.stop_ns = self._clock.now_mono_ns()
            case _:
                raise ProjectFault(
                    f"A worker does not answer {type(message).__name__}.", where="worker", remedy=""
                )
        return Done()

    def _info(self, model: OpenModel) -> ModelInfo:
        return self._model(model).describe()

    def _model(self, model: OpenModel) -> Simulator:
        if model not in self._models:
            self._models[model] = opened(model, self._project)
        return self._models[model]

    def _compute(self, work: Work) -> None:
        try:
            model = self._model(work.job.model)
        except Fault as fault:
            work.phase, work.detail = "failed", f"{fault.what} {fault.remedy}"
            return
        compute(work, model)

    # ---------------------------------------------------------------- news

    def _tell(self) -> None:
        """Send what is new of the run under way; write and close it when it is over."""
        running, now = self._running, self._clock.now_mono_ns()
        if running is None:
            return
        work = running.work
        over = not running.thread.is_alive()
        given_up = running.stop_ns and now - running.stop_ns > STOP_NS
        if not over and not given_up:
            if now - running.told_ns >= NEWS_NS:
                running.told_ns = now
                self._send(running, self._news(running))
            return
        if not over:
            work.phase, work.detail = "stopped", "The model did not answer any more."
        digest = ""
        if work.names and work.rows and work.phase != "failed":
            try:
                digest = results.write(Path(work.job.out), work.trajectory)
                if work.state:
                    results.write_state(Path(work.job.out), work.state, digest)
            except Fault as fault:
                work.phase, work.detail = "failed", f"{fault.what} {fault.remedy}"
        news = self._news(running)
        if news.phase == "running":
            news = replace(news, phase="failed", detail="The computation ended by itself.")
        self._send(running, replace(news, digest=digest))
        self._running = None
        if not over:  # its thread still holds the model
            self._models.pop(work.job.model, None)

    def _send(self, running: _Running, news: JobNews) -> None:
        running.sent = news.first + news.values.shape[1]
        self._hub.send(running.peer, news)

    def _news(self, running: _Running) -> JobNews:
        work = running.work
        rows = work.rows
        names = work.names if rows else ()
        first = min(running.sent, rows)
        values = work.values[:, first:rows].copy() if names else np.zeros((0, 0, 0))
        job = work.job
        n = len(job.sample_ns)
        if rows:
            simulated = float(job.sample_ns[rows - 1] - job.t_ns) / NS
        else:  # members one after the other
            share = (work.member + work.steps / n) / max(job.members, 1)
            simulated = share * float(job.sample_ns[-1] - job.t_ns) / NS
        return JobNews(
            id=job.id,
            phase=work.phase if not running.thread.is_alive() or running.stop_ns else "running",
            first=first,
            names=names,
            values=values,
            simulated_s=simulated,
            wall_s=(self._clock.now_mono_ns() - running.begun_ns) / NS,
            detail=work.detail,
            warnings=tuple(work.warnings),
            residual=dict(work.residual),
            unmapped=work.unmapped,
            is_estimated=work.is_estimated,
        )


def opened(model: OpenModel, project: Path) -> Simulator:
    """Return a simulator: a plugin's by its entry point, an FMU in a process of its own. Raises a Fault."""
    if model.kind == "fmu":
        return RemoteModel(model, places.log_file().with_name("simulate-child.log"), project)
    points = {point.name: point for point in entry_points(group=GROUP)}
    if model.kind not in points:
        raise ProjectFault(
            f"There is no simulator named '{model.kind}'.",
            where=GROUP,
            remedy=f"There are: {', '.join(sorted(('fmu', *points)))}; others come as packages.",
        )
    context = SimulatorContext(
        project=project, file=model.file, step_s=model.step_s, call_timeout_s=model.call_timeout_s
    )
    try:
        made = points[model.kind].load()(context)
    except Fault:
        raise
    except Exception as error:  # a stranger's code may raise anything
        raise ProjectFault(
            f"The simulator '{model.kind}' cannot be made ({type(error).__name__}: {error}).",
            where=str(points[model.kind].dist or model.kind),
            remedy="Correct or remove the package that brings it.",
        ) from error
    if not isinstance(made, Simulator):
        raise ProjectFault(
            f"The simulator '{model.kind}' has not the methods of a simulator.",
            where=model.kind,
            remedy="See armillary.api.Simulator.",
        )
    return made
