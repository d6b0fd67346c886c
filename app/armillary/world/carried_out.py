"""Runs of procedures as lines of the logbook, so that a world that starts again goes on from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from armillary.model.procedure import Procedure, ProcedureRun

RUN = "run"
Line = Mapping[str, Any]  # Any: parsed JSON


def line_of(run: ProcedureRun) -> Mapping[str, object]:
    """Return a run as plain values; what it was begun with is told by its first line only."""
    held: dict[str, Any] = msgspec.to_builtins(run)
    if run.done:
        held["procedure"] = {"id": run.procedure.id, "title": "", "steps": ()}
    return held


def runs_of(lines: Iterable[Line]) -> tuple[ProcedureRun, ...]:
    """Return the runs that were under way at the end of a logbook, oldest first."""
    held: dict[str, ProcedureRun] = {}
    text: dict[str, Procedure] = {}
    for line in lines:
        if not isinstance(line.get(RUN), dict):
            continue
        try:
            run = msgspec.convert(line[RUN], ProcedureRun)
        except msgspec.ValidationError:  # of a newer version: it is not gone on with
            continue
        if run.procedure.steps:
            text[run.id] = run.procedure
        if run.id in text:
            held[run.id] = replace(run, procedure=text[run.id])
    return tuple(run for run in held.values() if run.step is not None)
