"""`armillary bench`: figures with floor and peer from the same run, as ratios."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence

import click

from armillary.cli.answer import emit_json, table
from armillary.extend.discover import discover


@click.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def bench(names: Sequence[str], as_json: bool) -> int:
    """Measure, on a quiet machine. Without a NAME: everything. Exit 1 when a bar is not held."""
    registry = discover(["benches"])
    known = registry.of("benches")
    unknown = [n for n in names if n not in known]
    if unknown:
        raise click.ClickException(
            f"there is no bench {unknown[0]!r}; there are: {', '.join(sorted(known))}."
        )
    for problem in registry.problems:
        click.echo(problem.what, err=True)
    figures: list[Mapping[str, object]] = []
    for name in names or sorted(known):
        click.echo(f"measuring {name} …", err=True)
        make: Callable[[], Sequence[Mapping[str, object]]] = known[name]
        figures += make()
    if as_json:
        machine = {
            "system": platform.platform(),
            "cores": os.cpu_count(),
            "processor": _processor(),
            "python": platform.python_version(),
        }
        emit_json({"machine": machine, "figures": figures})
    else:
        rows = [
            (
                str(f["name"]),
                f"{f['value']:.4g} {f['unit']}",
                f"{f['ratio']:.3g}" if f["ratio"] is not None else "–",
                f"{f['bar']:g}" if f["bar"] is not None else "–",
                "holds" if f["holds"] else "MISSED",
                str(f["against"]),
            )
            for f in figures
        ]
        table(rows, ("FIGURE", "VALUE", "RATIO", "BAR", "", "AGAINST"))
    return int(not all(f["holds"] for f in figures))


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        return platform.processor()
