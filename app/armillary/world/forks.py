"""Where a fork begins, and how that is kept on disk so that the same fork can be opened again."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from armillary.model.clock import NS, iso, parse_iso
from armillary.model.control import AskState, StateAnswer
from armillary.model.fault import ProjectFault, WorldFault
from armillary.model.scenario import Fork, Scenario
from armillary.model.simulation import Trajectory
from armillary.project import scenarios
from armillary.project.record import Project
from armillary.simulate import measures, results
from armillary.simulate.ensemble import FORK_FILE
from armillary.wire import runs
from armillary.wire.bus import AsyncLine
from armillary.world import snapshot
from armillary.world.forked import Forked, empty_state, requests_of

SCHEMA = 1
ASK_S = 10.0
PLAIN_S = 3_600.0  # of the baseline of a fork without a scenario
STEADY = "2026-01-01T00:00:00Z"  # when a fork of nothing begins, so that it is always the same
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


async def state_for(project: Project, wish: Fork) -> StateAnswer:
    """Return the state that is wished for: a snapshot's, a world's now or then, or none. Raises a Fault."""
    if wish.snapshot:
        return snapshot.read_for(Path(wish.snapshot), project)
    address, t_ns = wish.source, wish.t_ns
    scenario = scenario_for(project.folder, wish) if wish.scenario else None
    if scenario is not None and not address:
        if scenario.start == "snapshot":
            return snapshot.read_for(Path(scenario.snapshot), project)
        if scenario.start == "time":
            t_ns = t_ns or parse_iso(scenario.time)
    if not address:
        mine = [r for r in runs.all_runs() if r.project == str(project.folder) and r.kind == "LIVE"]
        if not mine:
            return empty_state(project.hash, parse_iso(STEADY))
        address = mine[0].address
    line = AsyncLine(address)
    try:
        state = await line.ask(AskState(t_ns=t_ns, past=True), ASK_S)
    finally:
        line.close()
    if not isinstance(state, StateAnswer):
        raise WorldFault("The world answered something else.", where=address, remedy="Start it anew.")
    if t_ns and abs(state.t_ns - t_ns) > NS:
        raise WorldFault(
            f"That world stands at {iso(state.t_ns)} and does not go back to {iso(t_ns)}.",
            where=address,
            remedy="Fork from a REPLAY world at that time.",
        )
    return state


def scenario_for(folder: Path, wish: Fork, kept: str = "") -> Scenario:
    """Return the scenario of a fork: the one kept with it, the one wished for, or the simulator alone.

    Raises ProjectFault for one that cannot be read, and where none names a simulator.
    """
    if kept:
        return scenarios.read(Path(kept), folder)
    if wish.scenario:
        return scenarios.read(scenarios.find(folder, wish.scenario), folder)
    found = scenarios.scenarios(folder)
    if not found:
        raise ProjectFault(
            "The project has no what-if scenario, so it is not known which simulator to take.",
            where=str(folder / scenarios.FOLDER),
            remedy="Map one to your tags in the What-if dock (Simulator…), or write one with a [simulator].",
        )
    first = scenarios.read(found[0], folder)
    horizon_s = min(first.horizon_s, PLAIN_S)  # what is asked later may last longer
    return replace(first, title="What if", horizon_s=horizon_s, events=(), variants=(), members=1, spread={})


def check(fork: Forked) -> None:
    """Compile what will be asked of every run, before anything is computed. Raises ProjectFault."""
    scenario = fork.scenario
    measures.check(scenario.measures, scenario.score, tried(fork), scenario.origin)


def tried(fork: Forked) -> measures.Signals:
    """Return what names would mean in the results of a fork. Raises ProjectFault for what cannot be asked."""
    scenario = fork.scenario
    jobs = [fork.job(request, "") for request in requests_of(scenario)]
    names = tuple(dict.fromkeys((*fork.info.outputs, *(n for job in jobs for n in job.recorded))))
    run = Trajectory(
        names=names, t_ns=fork.t_ns + np.array([0, NS], np.int64), values=np.ones((1, 2, len(names)))
    )
    return fork.signals(run)


def keep(folder: Path, wish: Fork, fork: Forked, scenario: Scenario, now_ns: int) -> None:
    """Keep what was forked, so that the world can be opened again. Raises ProjectFault."""
    info = snapshot.write(fork.state, folder, now_ns, "fork")
    document = {
        "schema": SCHEMA,
        "snapshot": Path(info.path).name,
        "scenario": "scenario.toml",
        "has_scenario": bool(wish.scenario),
        "title": wish.title,
        "model": {"name": fork.info.name, "version": fork.info.version},
        "project_hash": fork.state.project_hash,
    }
    scenarios.write(scenario, folder / "scenario.toml", Path(fork.project))
    results.replace(folder / FORK_FILE, json.dumps(document, indent=1).encode())


def kept(folder: Path, wish: Fork) -> tuple[Fork, StateAnswer, str]:
    """Return a fork that was kept: the wish, the state, and the path of its scenario. Raises ProjectFault."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        document = json.loads((folder / FORK_FILE).read_text("utf-8"))
        if int(document["schema"]) > SCHEMA:
            raise ProjectFault(
                "The fork was written by a newer Armillary.", where=str(folder), remedy="Update Armillary."
            )
        state = snapshot.read(folder / str(document["snapshot"]))[1]
        has = str(document["scenario"]) if document["has_scenario"] else ""
        again = replace(wish, title=wish.title or str(document["title"]), scenario=has)
        return again, state, str(folder / str(document["scenario"]))
    raise ProjectFault("The fork cannot be read.", where=str(folder), remedy="Fork anew.")
