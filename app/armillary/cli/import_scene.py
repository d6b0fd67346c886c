"""`armillary import`: a foreign file into a USD layer, by an importer plugin in an expendable process."""

from __future__ import annotations

from pathlib import Path

import click

from armillary.cli.answer import emit_json, tell
from armillary.session import importing
from armillary.session.importing import LIMIT_S, MEMORY_BYTES, UNITS, Wish

__all__ = ["LIMIT_S", "MEMORY_BYTES", "UNITS", "import_"]


@click.command("import")
@click.argument("file")
@click.option("-o", "--output", default="", metavar="OUT", help="A .usda or .usdc; else FILE.usdc.")
@click.option("--up", "up_axis", default="", type=click.Choice(["", "Y", "Z"]), help="The file's up axis.")
@click.option("--units", default="", type=click.Choice(["", *UNITS]), help="The unit of the file's numbers.")
@click.option("--tolerance", default=0.0, metavar="M", help="Metres that facets may be off a curved surface.")
@click.option("--timeout", default=LIMIT_S, metavar="S", show_default=True, help="Seconds to read the file.")
@click.option("--force", is_flag=True, help="Replace OUT where it is there already.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def import_(
    file: str,
    output: str,
    up_axis: str,
    units: str,
    tolerance: float,
    timeout: float,
    force: bool,
    as_json: bool,
) -> int:
    """Turn glTF, OBJ, STL, PLY, IFC or STEP into a USD layer, and say what did not come over."""
    source = Path(file).expanduser().resolve()
    out = Path(output).expanduser().resolve() if output else source.with_suffix(".usdc")
    report = importing.run(
        Wish(
            source=source,
            output=out,
            up_axis=up_axis,
            units=units,
            tolerance=tolerance,
            force=force,
            limit_s=timeout,
        )
    )
    if as_json:
        emit_json(dict(report))
        return 0
    tell(f"{report['output']}")
    for line in importing.lines(report):
        tell(f"  {line}")
    return 0
