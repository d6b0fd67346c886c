"""`armillary simulate`: an FMU run on its own, in its own process, as a table."""

from __future__ import annotations

import asyncio
import csv
import math
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TextIO

import click
import numpy as np

from armillary.cli.answer import emit_json, tell
from armillary.model import places
from armillary.model.clock import NS
from armillary.model.simulation import ModelInfo, OpenModel, SimStart, Values, values_of
from armillary.simulate.fmu_info import known
from armillary.simulate.host import SimulatorHost

MAX_ROWS = 10_000_000
_FORMULA = ("=", "+", "-", "@")  # a spreadsheet would run a name that begins so
_WORDS = {"true": 1.0, "false": 0.0}
Row = Callable[[float, Sequence[float]], None]


class Setting(click.ParamType[tuple[str, float]]):
    """NAME=VALUE; true and false are 1 and 0."""

    name = "NAME=VALUE"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        name, found, text = str(value).partition("=")
        number = _WORDS.get(text.strip().lower())
        if number is None:
            with suppress(ValueError):
                number = float(text)
        if not found or not name.strip() or number is None:
            self.fail(f"'{value}' is not NAME=VALUE with a number, as in tau=2.5.", param, ctx)
        return name.strip(), number


@click.command()
@click.argument("fmu", type=click.Path(path_type=Path))
@click.option("--stop", type=float, default=1.0, show_default=True, help="Simulated seconds.")
@click.option("--step", type=float, default=0.0, help="Seconds between rows; the model's own when not given.")
@click.option("--set", "settings", type=Setting(), multiple=True, help="A parameter, input or start value.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=None, help="Write a CSV file.")
@click.option("--timeout", type=float, default=5.0, show_default=True, help="Seconds that one call may take.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def simulate(
    fmu: Path,
    stop: float,
    step: float,
    settings: Sequence[tuple[str, float]],
    output: Path | None,
    timeout: float,
    as_json: bool,
) -> int:
    """Run an FMU, 2.0 or 3.0 for Co-Simulation, in a process of its own; CSV with the column `time` first."""
    if not (stop > 0 and math.isfinite(stop)) or not 0 <= step < math.inf or not 0 < timeout < math.inf:
        raise click.UsageError("--stop and --timeout must be above 0, --step not below.")
    host = SimulatorHost(
        OpenModel(kind="fmu", file=str(fmu.resolve()), step_s=step, call_timeout_s=timeout),
        places.logs() / "simulate.log",
    )
    times: list[float] = []
    rows: list[list[float]] = []

    def keep(t: float, values: Sequence[float]) -> None:
        times.append(t)
        rows.append(list(values))

    if as_json and output is None:
        info = asyncio.run(_run(host, stop, dict(settings), lambda _info: keep))
    else:
        with nullcontext(sys.stdout) if output is None else output.open("w", newline="") as out:
            # a run that fails keeps its rows: what is flushed on the way out is good up to there
            info = asyncio.run(_run(host, stop, dict(settings), lambda i: _table(out, i, keep)))
    if as_json:
        table = np.array(rows, np.float64).reshape(len(rows), len(info.outputs))
        emit_json(
            {
                "model": info.name,
                "kind": info.kind,
                "version": info.version,
                "stop_s": times[-1],
                "step_s": info.step_s,
                "needs": list(info.needs),
                "units": {v.name: v.unit for v in info.variables if v.causality == "output"},
                "last": dict(zip(info.outputs, rows[-1], strict=True)),
                **({"output": str(output)} if output else {"time": times}),
                **({} if output else {"series": dict(zip(info.outputs, table.T.tolist(), strict=True))}),
            }
        )
    elif output is not None:
        tell(f"{len(rows)} rows of {len(info.outputs)} variables: {output}", err=True)
        for need in info.needs:
            tell(need, err=True)
    return 0


def _table(out: TextIO, info: ModelInfo, keep: Row) -> Row:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time", *(f"'{n}" if n.startswith(_FORMULA) else n for n in info.outputs)])

    def row(t: float, values: Sequence[float]) -> None:
        keep(t, values)
        writer.writerow([f"{t:.12g}", *(repr(v) if v % 1 else f"{v:.0f}" for v in values)])

    return row


async def _run(
    host: SimulatorHost, stop_s: float, given: dict[str, float], table: Callable[[ModelInfo], Row]
) -> ModelInfo:
    try:
        info = await host.open()
        if stop_s / info.step_s > MAX_ROWS:
            raise click.UsageError(f"That is more than {MAX_ROWS} rows; give a longer --step.")
        began = await host.start(_start(info, given, host.model.file))
        row = table(info)
        row(0.0, began.values[0].tolist())
        stop_ns, step_ns = round(stop_s * NS), max(1, round(info.step_s * NS))
        for to_ns in [*range(step_ns, stop_ns, step_ns), stop_ns]:
            before_ns = host.t_ns
            stepped = await host.step(Values(), to_ns)
            if stepped.t_ns > before_ns:  # a model of fixed steps may not reach the stop
                row(stepped.t_ns / NS, stepped.values[0].tolist())
            for event in stepped.events:
                tell(event, err=True)
        return info
    finally:
        await host.close()


def _start(info: ModelInfo, given: dict[str, float], file: str) -> SimStart:
    known(given, [v.name for v in info.variables], info.name, file, "variable")
    by = {v.name: v.causality for v in info.variables}

    def of(*kinds: str) -> Values:
        return values_of({n: v for n, v in given.items() if by[n] in kinds})

    return SimStart(t_ns=0, initial=of("output", "local"), parameters=of("parameter"), inputs=of("input"))
