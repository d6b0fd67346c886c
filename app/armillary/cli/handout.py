"""Child entry: hands a procedure out for a desk, which goes on drawing meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from armillary.cli.handing_out import hand_out
from armillary.project import folder as projects
from armillary.project import procedures


def run(args: Mapping[str, Any], say: Callable[[Mapping[str, object]], None]) -> None:  # Any: JSON
    """Write the files of `procedure` of `project` into `folder`, and say what came of it. Raises Fault."""
    opened = projects.read(Path(args["project"]))
    path = procedures.find(opened.folder, str(args["procedure"]))
    found = procedures.read(path, {spec.name: spec for spec in opened.specs})
    told = hand_out(opened, found, Path(args["folder"]), context="parts", force=bool(args["force"]))
    say({"page": str(Path(args["folder"]) / f"{found.id}.html"), "notes": told["notes"]})
