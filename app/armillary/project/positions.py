"""Reading of `[[position]]` of project.toml.

[[position]]
name = "north"
title = "North desk"
areas = ["north"]
assets = ["LINE-2"]       # twins, with all that is part of them
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from armillary.model.position import PositionSpec
from armillary.project.table import Table, nearest

_NAME = re.compile(r"[^\W\d][\w-]{0,31}")


def given(root: Table) -> tuple[tuple[Table, PositionSpec], ...]:
    """Return the positions with their tables; what they name is judged by `positions`."""
    out: list[tuple[Table, PositionSpec]] = []
    for table in root.tables("position"):
        spec = PositionSpec(
            name=table.text("name", required=True),
            title=table.text("title"),
            areas=table.texts("areas"),
            assets=table.texts("assets"),
        )
        table.done()
        if spec.name and not _NAME.fullmatch(spec.name):
            table.wrong(
                "name", f"'{spec.name}' cannot be a position's name.", "Use letters, digits, _ and -."
            )
        if spec.name in {other.name for _, other in out}:
            table.wrong("name", f"There are two positions '{spec.name}'.", "Rename one of them.", "P08")
        if not spec.areas and not spec.assets:
            what = f"The position '{spec.name}' answers for nothing."
            table.document.wrong(table.path, what, "Give 'areas' or 'assets'.", "P03")
        out.append((table, spec))
    return tuple(out)


def positions(
    held: Sequence[tuple[Table, PositionSpec]], areas: Sequence[str], twins: Sequence[str]
) -> tuple[PositionSpec, ...]:
    """Return the positions; areas and twins that are not there are noted."""
    known = {"areas": frozenset(areas), "assets": frozenset(twins)}
    for table, spec in held:
        for key, names in (("areas", spec.areas), ("assets", spec.assets)):
            for name in names:
                if name not in known[key]:
                    kind = "area" if key == "areas" else "twin"
                    what = f"The position '{spec.name}' names no {kind} '{name}'."
                    remedy = nearest(name, sorted(known[key])).strip() or "Name one of the project's."
                    table.wrong(key, what, remedy, "P10")
    return tuple(spec for _, spec in held)
