"""All runs of a fork: what was asked for, their figures and ranks, their courses as series."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from armillary.model.control import AskRunSeries, RunCard, RunRequest, Runs, RunSeries, RunSeriesOf
from armillary.model.fault import Fault, FaultRecord, ProjectFault, record
from armillary.model.scenario import ScenarioEvent, Variant
from armillary.model.simulation import Trajectory
from armillary.project import scenarios
from armillary.simulate import measures
from armillary.simulate.ensemble import FINAL, Ensemble, Entry, cards_of
from armillary.world.forked import BASELINE, Forked
from armillary.world.forks import NAME

MOST_RUNS = 500
MOST_WIDTH = 4_000


class Runbook:
    """The runs of one fork. Owned by the world's loop."""

    def __init__(
        self,
        fork: Forked,
        ensemble: Ensemble,
        world: str,
        tell: Callable[[FaultRecord, str], None],
        say: Callable[[str, str], None],
    ) -> None:
        """tell: a fault and its level; say: a level and words, of a run that got on."""
        self._fork, self._ensemble, self._world = fork, ensemble, world
        self._tell, self._say = tell, say
        self._states: dict[str, str] = {}

    # ---------------------------------------------------------------- asked for

    def start(self, requests: Sequence[RunRequest]) -> None:
        """Queue runs. Raises a Fault before any is queued."""
        fork = self._fork
        known = {card.id for card in self._ensemble.cards}
        for request in requests:
            if not NAME.fullmatch(request.id) or request.id in known:
                what = f"There is a run '{request.id}' already, or it is no name for one."
                raise ProjectFault(what, where=self._world, remedy="Results never change: give a new id.")
            if not (math.isfinite(request.horizon_s) and request.horizon_s > 0 and request.members > 0):
                raise ProjectFault(
                    "A run needs a horizon and at least one member.", where=request.id, remedy="Give both."
                )
        if len(known) + len(requests) > MOST_RUNS:
            raise ProjectFault(
                f"A fork keeps at most {MOST_RUNS} runs.", where=self._world, remedy="Fork anew."
            )
        jobs = [fork.job(request, str(self._ensemble.out(request.id))) for request in requests]
        for request, job in zip(requests, jobs, strict=True):
            card = RunCard(
                id=request.id,
                title=request.title,
                state="queued",
                members=request.members,
                from_ns=fork.t_ns,
                to_ns=fork.t_ns,
                note="" if request.members > 1 else "single run, no uncertainty",
                request=request,
            )
            self._ensemble.add(card, job)

    def reopen(self, folder: Path) -> None:
        """Take the cards from disk; what was not finished is computed again."""
        cards, broken = cards_of(folder)
        for name in broken:
            fault = ProjectFault("A run's card cannot be read.", where=name, remedy="Compute it again.")
            self._tell(record(fault), "warning")
        for card in cards:
            if card.state in FINAL or card.request is None:
                job = self._fork.job(card.request, str(self._ensemble.out(card.id))) if card.request else None
                self._ensemble.keep(card, job)
            else:
                self.start((card.request,))

    # ---------------------------------------------------------------- what there is

    def entry(self, name: str) -> Entry | None:
        """Return a run, None for none such."""
        return self._ensemble.entries.get(name)

    def result(self, name: str) -> Trajectory | None:
        """Return the result of a run so far. Raises ProjectFault for a run that is not there."""
        if name not in self._ensemble.entries:
            known = ", ".join(self._ensemble.entries) or "none"
            raise ProjectFault(f"There is no run '{name}'.", where=self._world, remedy=f"There are: {known}.")
        return self._ensemble.result(name)

    def sound(self, name: str) -> Trajectory | None:
        """Return the result of a run so far; one that cannot be read is told, and its run has failed."""
        entry = self._ensemble.entries.get(name)
        if entry is None:
            return None
        try:
            return self._ensemble.result(name)
        except Fault as fault:
            self._tell(record(fault), "error")
            entry.card = replace(entry.card, digest="", state="failed", detail=fault.what)
            return None

    def final_state(self, name: str) -> bytes:
        """Return the simulator's state at the end of a run, empty where it is not known."""
        return self._ensemble.final_state(name)

    def runs(self, shown: str) -> Runs:
        """Return all cards, and what is known of the fork."""
        fork, first = self._fork, self._ensemble.entries.get(BASELINE)
        return Runs(
            cards=self._ensemble.cards,
            shown=shown,
            forked_from=fork.state.world,
            forked_ns=fork.t_ns,
            not_good=fork.not_good,
            residual=dict(first.residual) if first else {},
            unmapped=first.unmapped if first else (),
            is_estimated=bool(first and first.is_estimated) or not fork.state.tags,
            scenario=fork.scenario.origin,
        )

    def words(self, name: str) -> str:
        """Return what is shown, in words."""
        entry = self._ensemble.entries.get(name)
        if entry is None:
            return ""
        card = entry.card
        return f"run '{card.title}'" if card.state == "done" else f"run '{card.title}' · {card.state}"

    def series(self, ask: AskRunSeries) -> RunSeries:
        """Return a tag along some runs, with the band of its members. Raises ProjectFault."""
        out: list[RunSeriesOf] = []
        for name in ask.ids:
            run = self.result(name)
            if run is None or not len(run.t_ns):
                continue
            signals = self._fork.signals(run)
            if ask.tag not in signals.known:
                continue
            n = len(run.t_ns)
            rows = np.unique(np.linspace(0, n - 1, min(n, max(2, min(ask.width, MOST_WIDTH)))).astype(int))
            x = signals.of(ask.tag)[:, rows]
            x = x[np.isfinite(x).all(axis=1)] if len(x) > 1 and np.isfinite(x).all(axis=1).any() else x
            low, mid, high = np.percentile(x, (measures.LOW, 50.0, measures.HIGH), axis=0)
            out.append(RunSeriesOf(id=name, t_ns=run.t_ns[rows], low=low, mid=mid, high=high))
        return RunSeries(tag=ask.tag, series=tuple(out))

    def save(self, path: str, title: str, project: Path) -> None:
        """Write the runs as a scenario that asks for them again. Raises ProjectFault."""
        fork = self._fork
        where = Path(path) if Path(path).is_absolute() else project / path
        if not where.resolve().is_relative_to(project.resolve() / scenarios.FOLDER):
            raise ProjectFault(
                "A scenario is saved in the project's folder scenarios/.", where=path, remedy="Choose it."
            )
        if where.exists():  # somebody may have written it by hand
            raise ProjectFault(
                f"There is a scenario '{where.stem}' already.", where=path, remedy="Give another title."
            )
        common = {(e.at_s, n, v) for e in fork.scenario.events for n, v in e.set.items()}
        variants = tuple(
            Variant(
                id=card.id,
                title=card.title,
                events=tuple(
                    ScenarioEvent(at_s=at, set={n: v})
                    for at, n, v in card.request.events
                    if (at, n, v) not in common
                ),
                parameters=dict(card.request.parameters),
            )
            for card in self._ensemble.cards
            if card.request is not None and card.id != BASELINE
        )
        base = self._ensemble.entries.get(BASELINE)
        request = base.card.request if base else None
        kept = replace(
            fork.scenario,
            id=where.stem,
            title=title,
            variants=variants,
            horizon_s=request.horizon_s if request else fork.scenario.horizon_s,
        )
        scenarios.write(kept, where, project)

    # ---------------------------------------------------------------- figures

    def changed(self, name: str) -> None:
        """Note that a run got on: its figures are made once it is over."""
        card = self._ensemble.entries[name].card
        if self._states.get(name) == card.state:
            return
        self._states[name] = card.state
        if card.state in FINAL:
            self._figures(name)
        level = "info" if card.state in ("queued", "running", "done", "stopped") else "warning"
        self._say(level, f"{card.title}: {card.state}. {card.detail}".strip())

    def _figures(self, name: str) -> None:
        fork, entry = self._fork, self._ensemble.entries[name]
        run, scenario = entry.run, fork.scenario
        if run is None or not len(run.t_ns):
            return
        try:
            signals = fork.signals(run)
            values = measures.figures(scenario.measures, signals, scenario.origin)
            broken = measures.violated(scenario.score, signals, values, scenario.origin)
            cost = measures.cost(scenario.score, signals, values, scenario.origin)
        except Fault as fault:
            self._tell(record(fault), "error")
            return
        several = entry.card.members > 1
        card = replace(
            entry.card,
            measures=measures.measured(scenario.measures, values),
            score=float(np.nanmean(cost)) if np.isfinite(cost).any() else math.nan,
            violations=tuple(
                f"{text} ({share:.0%} of members)" if several else text for text, share in broken.items()
            ),
        )
        self._ensemble.put([card])
        self._ensemble.put(measures.ranked(self._ensemble.cards, scenario.measures))
