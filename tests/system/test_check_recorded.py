"""`armillary check --recorded`: bound tags of which nothing is recorded for days, with a real recorder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from armillary.cli import run
from armillary.project import folder as projects

pytestmark = pytest.mark.system
SCENE = '#usda 1.0\n(\n    metersPerUnit = 1\n    upAxis = "Z"\n)\ndef Xform "P"\n{\n'
OVER = (
    '    over "{0}" (\n        prepend apiSchemas = ["TwinBindingAPI:heat"]\n    )\n    {{\n'
    '        uniform int twin:heat:schemaVersion = 1\n        uniform string twin:heat:signal = "P-1.{0}"\n'
    "    }}\n"
)
TAGS = ("fresh", "stopped", "never")


def plant(folder: Path) -> Path:
    made = projects.new(folder, "plant").folder
    cubes = "".join(f'    def Cube "{name}"\n    {{\n    }}\n' for name in TAGS)
    (made / "scene.usda").write_text(f"{SCENE}{cubes}}}\n")
    overs = "".join(OVER.format(name) for name in TAGS)
    (made / "bindings.usda").write_text(f'#usda 1.0\n\nover "P"\n{{\n{overs}}}\n')
    tags = {name: {"address": f"m!p/{name}#$"} for name in TAGS}
    (made / "twins.json").write_text(json.dumps({"schema": 1, "twins": [{"id": "P-1", "tags": tags}]}))
    (made / "project.toml").write_text(
        '[project]\nschema = 1\nid = "plant"\nname = "Plant"\n\n[scene]\nentry = "scene.usda"\n\n'
        '[[source]]\nname = "m"\nkind = "mqtt"\nurl = "mqtt://127.0.0.1:1883"\n'
    )
    return made


def rows(name: str, days: int) -> str:
    times = "".join(f"2026-01-{day + 1:02d}T00:00:00Z,{day}\n" for day in range(days))
    return f"time,P-1.{name}\n{times}"


def test_bound_tags_that_stopped_or_never_came_are_told(
    own_places: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = plant(tmp_path / "plant")
    files = [tmp_path / "fresh.csv", tmp_path / "stopped.csv"]
    files[0].write_text(rows("fresh", 21))
    files[1].write_text(rows("stopped", 4))
    assert run(["history", "import", str(made), *map(str, files)]) == 0
    capsys.readouterr()
    assert run(["check", str(made), "--recorded", "--json"]) == 1
    told = [p for p in json.loads(capsys.readouterr().out)["problems"] if p["code"] == "B31"]
    assert [(p["where"].rpartition("/")[2], p["what"].partition("' ")[2]) for p in told] == [
        ("never#heat", "has not come in all that is recorded, since 2026-01-01T00:00:00.000Z."),
        ("stopped#heat", "has not come for 17 days of what is recorded, last at 2026-01-04T00:00:00.000Z."),
    ]
