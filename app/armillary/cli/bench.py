"""`armillary bench`: figures with floor and peer from the same run, as ratios."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence

import click

from armillary.cli.answer import emit_json, table
from armillary.extend.discover import discover
from armillary.model.fault import Fault

THOUSAND = 1_000


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
    missed = False
    for name in names or sorted(known):
        click.echo(f"measuring {name} …", err=True)
        make: Callable[[], Sequence[Mapping[str, object]]] = known[name]
        try:
            figures += make()
        except (AssertionError, Fault) as error:  # its work was not done: no figure, and bad news
            missed = True
            click.echo(f"bench {name} measured nothing: {error}", err=True)
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
                f"{_shown(f['value'])} {f['unit']}",
                f"{f['ratio']:.3g}" if f["ratio"] is not None else "–",
                f"{f['bar']:g}" if f["bar"] is not None else "–",
                "holds" if f["holds"] else "MISSED",
                str(f["against"]),
            )
            for f in figures
        ]
        table(rows, ("FIGURE", "VALUE", "RATIO", "BAR", "", "AGAINST"))
    return int(missed or not all(f["holds"] for f in figures))


def _shown(value: object) -> str:
    """Return a number with four digits, without an exponent."""
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= THOUSAND else f"{value:.4g}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        return platform.processor()
